"""Reading a video's face or a clip's voice in the engine's thread, and what it becomes on the opened photo."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.jobs import EngineJob
from app.language import tr
from app.worker import WorkerThread
from core.film import clip, drive, talk
from core.film.clip import Facts
from core.film.timeline import Timeline
from core.rig import parameters

MOST_FPS = 30.0
VIDEO, VOICE = "video", "voice"


@dataclass(frozen=True)
class Wish:
    """What to read. kind: VIDEO or VOICE. start, seconds: which part; neutral: when the driver's face is at rest, counted from
    there."""

    kind: str
    path: Path
    start: float = 0.0
    seconds: float = 60.0
    neutral: float = 0.0


@dataclass(frozen=True, eq=False)
class Found:
    """What was read. faces, performance: of a video; sound: of a voice."""

    wish: Wish
    facts: Facts
    faces: drive.Faces | None = None
    performance: drive.Performance | None = None
    sound: np.ndarray | None = field(default=None, repr=False)

    def timeline(self, session: Any, amounts: drive.Amounts, strength: float, fps: float) -> Timeline:
        """As keyframes for a photo."""
        if self.performance is not None:
            made = drive.retarget(self.performance, session, amounts, fps)
        else:
            assert self.sound is not None
            made = talk.talking(self.sound, parameters(session.head), fps, strength)
        return replace(made, sound=str(self.wish.path.absolute()), sound_start=self.wish.start) if self.facts.sound else made


class Reading(QObject):
    """Reads one clip at a time. progressed(done, all). read(Found). failed(text). stopped: it was given up."""

    progressed = Signal(int, int)
    read = Signal(object)
    failed = Signal(str)
    stopped = Signal()

    def __init__(self, worker: WorkerThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._job: EngineJob | None = None
        worker.worker.made.connect(self._made)
        worker.worker.failed.connect(self._failed)
        worker.worker.stopped.connect(self._stopped)
        worker.worker.reported.connect(self._reported)

    @property
    def busy(self) -> bool:
        """Whether a clip is being read."""
        return self._job is not None

    def start(self, wish: Wish, session: Any, known: Found | None = None) -> None:
        """Read a clip for a photo. known: what was read of it before; where only the neutral moment is another, its faces are
        taken again."""
        self.cancel()
        self._job = EngineJob(_work(wish, session, known), tr("reading {name}", name=wish.path.name))
        self._worker.put(self._job)

    def cancel(self) -> None:
        """Give it up."""
        if self._job is not None:
            self._worker.inbox.cancel_work(self._job)
            self._job = None

    def _made(self, job: Any, found: Any) -> None:
        if job is self._job:
            self._job = None
            self.read.emit(found)

    def _failed(self, job: Any, message: str) -> None:
        if job is not None and job is self._job:
            self._job = None
            self.failed.emit(message)

    def _stopped(self, job: Any) -> None:
        if job is self._job:
            self._job = None
            self.stopped.emit()

    def _reported(self, job: Any, value: Any) -> None:
        if job is self._job and isinstance(value, tuple):
            self.progressed.emit(*value)


def _work(wish: Wish, session: Any, known: Found | None) -> Callable[[Any, Callable[[Any], None]], Found]:
    def work(_engine: Any, report: Callable[[Any], None]) -> Found:
        facts = clip.look(wish.path)
        if wish.kind == VOICE:
            return Found(wish, facts, sound=clip.sound(wish.path, wish.start, wish.seconds))
        same = known is not None and replace(known.wish, neutral=wish.neutral) == wish
        faces = known.faces if known is not None and same else None
        if faces is None:
            pace = min(facts.fps or MOST_FPS, MOST_FPS)
            pictures = clip.pictures(wish.path, pace, wish.start, wish.seconds)
            total = max(1, round(min(max(facts.seconds - wish.start, 0), wish.seconds) * pace))
            faces = drive.read_faces(session.finder, pictures, pace, wish.path.name,
                                     lambda done, all_: report((done, 2 * max(all_, total))), total)
        count = len(faces.faces)
        neutral = max(faces.first, min(round(wish.neutral * faces.fps), count - 1))
        neutral = next((i for i in range(neutral, count) if faces.faces[i] is not None), faces.first)
        performance = drive.perform(session.head, faces, neutral, lambda done, all_: report((all_ + done, 2 * all_)))
        return Found(wish, facts, faces, performance)
    return work
