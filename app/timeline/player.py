"""Playing: the playhead goes in real time, the live head follows it, and pictures show as soon as they are made.

While it plays, quick pictures of the frames are made in the background, one after the other from the playhead on; those that are
there show as the film goes by. They are kept in memory only and by request, so that a change makes anew only what it changes.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

from app.jobs import EngineJob
from app.language import tr
from app.timeline.desk import Desk
from app.worker import WorkerThread
from core.cv import cv2
from core.film.timeline import Timeline
from core.request import RenderRequest

SIDE = 384  # of a picture that is kept: 430 KiB
KEPT = 480


class Player(QObject):
    """Plays a desk's timeline.

    changed: it plays or stopped. prepared: another frame's picture is there. shown(picture): a frame's picture, (N, N, 3) uint8.
    passed(Rig): the edit at the moment that goes by.
    """

    changed = Signal()
    prepared = Signal()
    shown = Signal(object)
    passed = Signal(object)

    def __init__(self, desk: Desk, worker: WorkerThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk, self._worker = desk, worker
        self.playing = False
        self.loop = True
        self._clock = QElapsedTimer()
        self._began = 0.0
        self._tick = QTimer(self)
        self._tick.setTimerType(Qt.TimerType.PreciseTimer)
        self._tick.timeout.connect(self._advance)
        self._made: OrderedDict[RenderRequest, np.ndarray] = OrderedDict()
        self._job: EngineJob | None = None
        self._asked: RenderRequest | None = None
        self._failed: set[RenderRequest] = set()
        self._requests: tuple[tuple[Any, ...], list[RenderRequest]] | None = None
        worker.worker.made.connect(self._job_made)
        worker.worker.failed.connect(self._job_failed)
        worker.worker.stopped.connect(self._job_stopped)

    # -- playing

    def toggle(self) -> None:
        """Play, or stop."""
        if self.playing:
            self.stop()
        else:
            self.play()

    def play(self) -> None:
        """From the playhead on; from the beginning where it stands at the end."""
        desk = self._desk
        if self.playing or desk.document.session is None or not desk.timeline.tracks:
            return
        if desk.frame >= desk.timeline.frames - 1:
            desk.go(0.0)
        self.playing = True
        self._began = desk.time
        self._clock.start()
        self._tick.start(max(8, round(1000 / desk.timeline.fps)))
        self.changed.emit()
        self._prepare()

    def stop(self) -> None:
        """The playhead rests."""
        if self.playing:
            self.playing = False
            self._tick.stop()
            self._desk.go(self._desk.time)
            self.changed.emit()

    def _advance(self) -> None:
        timeline = self._desk.timeline
        time = self._began + self._clock.elapsed() / 1000
        if time >= timeline.duration:
            if not self.loop:
                self._desk.time = timeline.time_of(timeline.frames - 1)
                self.stop()
                return
            self._began, time = 0.0, time % timeline.duration
            self._clock.start()
            self._began = time
        before = self._desk.frame
        self._desk.go(time, passing=True)
        if self._desk.frame != before:
            self._show_frame()

    def _show_frame(self) -> None:
        """The picture of the frame under the playhead, if there is one, and the head."""
        requests = self.requests()
        frame = self._desk.frame
        if frame < len(requests):
            picture = self._made.get(requests[frame])
            if picture is not None:
                self.shown.emit(picture)
            self.passed.emit(requests[frame].rig)

    # -- pictures

    def requests(self) -> list[RenderRequest]:
        """The quick picture of every frame, in order; none without a photo."""
        document = self._desk.document
        timeline = document.timeline
        if document.session is None or timeline is None:
            return []
        edit = document.edit
        key = (edit.rig, edit.appearance, edit.person, timeline, document.session, document.prior_digest)
        if self._requests is None or any(a is not b and a != b for a, b in zip(self._requests[0], key, strict=True)):
            self._requests = (key, self._worked_out(timeline.fitting(document.parameters())))
        return self._requests[1]

    def _worked_out(self, timeline: Timeline) -> list[RenderRequest]:
        base = replace(self._desk.document.request("preview"), rig=self._desk.document.still_rig)
        return [replace(base, rig=timeline.rig_at(base.rig, timeline.time_of(frame))) for frame in range(timeline.frames)]

    def ready(self) -> list[bool]:
        """Which frames' pictures are there."""
        return [request in self._made for request in self.requests()] if self._made else []

    def clear(self) -> None:
        """Another photo or engine: nothing can be used again."""
        self.stop()
        self._made.clear()
        self._failed.clear()
        self._requests = None
        self.cancel()

    def cancel(self) -> None:
        """Give up what is being made."""
        if self._job is not None:
            self._worker.inbox.cancel_work(self._job)

    def _prepare(self) -> None:
        """Ask for the next frame that is missing, from the playhead on."""
        if self._job is not None or not self.playing:
            return
        requests = self.requests()
        start = min(self._desk.frame, len(requests))
        missing = next((r for r in requests[start:] + requests[:start] if r not in self._made and r not in self._failed), None)
        if missing is None or len(set(requests)) > KEPT and len(self._made) >= KEPT:
            return
        self._asked = missing
        self._job = EngineJob(_preview_of(missing), tr("preparing the film"))
        self._worker.put(self._job)

    def _job_made(self, job: Any, result: Any) -> None:
        if job is not self._job or self._asked is None:
            return
        self._made[self._asked] = result
        while len(self._made) > KEPT:
            self._made.popitem(last=False)
        self._job = self._asked = None
        self.prepared.emit()
        self._prepare()

    def _job_failed(self, job: Any, _message: str) -> None:
        if job is not None and job is self._job:
            if self._asked is not None:
                self._failed.add(self._asked)
            self._job = self._asked = None
            self._prepare()

    def _job_stopped(self, job: Any) -> None:
        if job is self._job:
            self._job = self._asked = None
            self._prepare()


def _preview_of(request: RenderRequest) -> Callable[[Any, Callable[[Any], None]], np.ndarray]:
    def make(engine: Any, report: Callable[[Any], None]) -> np.ndarray:
        crop = engine.render(request, on_step=lambda *_: report(None), measure=False).crop
        return crop if crop.shape[0] <= SIDE else np.asarray(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    return make
