"""The queue's pictures, made one after another in the engine's thread when nothing else waits there."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.jobs import EngineJob
from app.language import tr
from app.live import Pace
from app.worker import WorkerThread
from core.batch_make import Maker
from core.batch_queue import DONE, FAILED, SKIPPED, WAITING, WORKING, Entry, PictureQueue
from core.cv import cv2

THUMB = 96  # side of small pictures, pixels


class QueueRunner(QObject):
    """Has the pictures of a `PictureQueue` made.

    told(Entry or None): an entry is another, or the list. drawn(Entry, picture): a small picture of what was made. ended: the
    last one that waited is through.
    """

    told = Signal(object)
    drawn = Signal(object, object)
    ended = Signal()

    def __init__(self, worker: WorkerThread, file: Path | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.queue = PictureQueue(file, self.told.emit)
        self._worker = worker
        self._engine_there = False
        self._job: EngineJob | None = None
        self._entry: Entry | None = None
        self._pace = Pace()
        self._run = object()
        worker.worker.made.connect(self._made)
        worker.worker.reported.connect(self._reported)
        worker.worker.failed.connect(self._failed)
        worker.worker.stopped.connect(self._stopped)

    def engine_there(self) -> None:
        """There is an engine: what waits can be made."""
        self._engine_there = True
        self.go()

    def go(self) -> None:
        """Make the next one, unless one is being made, or the queue is paused."""
        if self._job is not None or not self._engine_there:
            return
        entry = self.queue.next()
        if entry is None:
            return
        if self.queue.count(DONE, FAILED, SKIPPED) == 0:
            self._run = object()
        self._entry = entry
        self._job = EngineJob(partial(make, entry), tr("making {name}", name=entry.task.out.name))
        self._worker.put(self._job)

    def pause(self, on: bool) -> None:
        """After the picture that is being made, begin no other; or go on."""
        self.queue.pause(on)
        self.go()

    def skip(self, entries: Iterable[Entry]) -> None:
        """Leave these out; one that is being made ends at its next step."""
        chosen = list(entries)
        if self._job is not None and self._entry in chosen:
            self._worker.inbox.cancel_work(self._job)
        self.queue.skip(chosen)

    def retry(self, entries: Iterable[Entry]) -> None:
        """Make these after all."""
        self.queue.retry(entries)
        self.go()

    @property
    def busy(self) -> bool:
        """Whether a picture is being made, or about to be."""
        return self._job is not None

    @property
    def seconds_left(self) -> float | None:
        """Until nothing waits, from the time the others took; None where that isn't known yet."""
        done, left = self.queue.count(DONE, FAILED, SKIPPED), self.queue.count(WAITING, WORKING)
        return self._pace.left(self._run, done, done + left) if left else None

    def stop(self) -> None:
        """The window closes: what is being made waits for the next time."""
        if self._job is not None and self._entry is not None:
            self._worker.inbox.cancel_work(self._job)
            self.queue.put_back(self._entry)

    # -- what came of it

    def _reported(self, job: Any, value: Any) -> None:
        if job is self._job and self._entry is not None and isinstance(value, tuple):
            self.queue.stepped(self._entry, *value)

    def _made(self, job: Any, result: Any) -> None:
        entry = self._over(job)
        if entry is not None:
            row, picture = result
            if picture is not None:
                self.drawn.emit(entry, picture)
            self.queue.finished(entry, row)
            self._next()

    def _failed(self, job: Any, message: str) -> None:
        entry = self._over(job)
        if entry is not None:
            self.queue.failed(entry, message)
            self._next()

    def _stopped(self, job: Any) -> None:
        entry = self._over(job)
        if entry is not None:
            self.queue.put_back(entry)  # unless it was skipped
            self._next()

    def _over(self, job: Any) -> Entry | None:
        if job is not self._job:
            return None
        entry, self._job, self._entry = self._entry, None, None
        return entry

    def _next(self) -> None:
        self.go()
        if self._job is None and not self.queue.count(WAITING):
            self.ended.emit()


def make(entry: Entry, engine: Any, report: Callable[[Any], None]) -> tuple[Any, np.ndarray | None]:
    """In the engine's thread: the row of one picture, and a small one of it. Raises Cancelled."""
    def on_step(step: int, steps: int, _estimate: Any = None) -> None:
        report((step, steps))

    report(None)
    maker = Maker(entry.lot.settings, engine, on_step=on_step)
    row = maker(entry.task_with(str(engine.prior.digest)))
    return row, small(maker.picture) if maker.picture is not None else None


def small(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8, its middle square brought down to THUMB."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 3, (width - side) // 2
    return cv2.resize(picture[top:top + side, left:left + side], (THUMB, THUMB), interpolation=cv2.INTER_AREA)
