"""Films in the making: frame by frame in the engine's thread while editing goes on, and what was made is found again."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QElapsedTimer, QObject, Signal

from app.jobs import EngineJob
from app.language import tr
from app.worker import WorkerThread
from core.film.encode import write_film
from core.film.film import Film, Frames, cache_folder, make_frame, tidy


class Stage(Enum):
    """How far a film is."""

    WAITING = "waiting"
    FRAMES = "frames"
    WRITING = "writing"
    PAUSED = "paused"
    FAILED = "failed"
    DONE = "done"


@dataclass(eq=False)
class Shooting:
    """A film that is asked for. problem: why it stands still, or what is to be known of its file, in words. made: frames that
    were made in this session, in `seconds`. source: the photo's `LoadedImage`, for Content Credentials. photos: see `ExportJob`.
    """

    film: Film
    path: Path
    quality: str = "good"
    loop: bool = True
    credentials: bool = True
    source: Any = field(default=None, repr=False)
    photos: tuple[Any, ...] = field(default=(), repr=False)
    stage: Stage = Stage.WAITING
    problem: str = ""
    done: int = 0
    made: int = 0
    seconds: float = 0.0

    @property
    def kept(self) -> Frames:
        """Where its frames lie."""
        return Frames(cache_folder(self.film))

    @property
    def left(self) -> float | None:
        """Seconds until its frames are there; None while nobody knows."""
        if self.stage is not Stage.FRAMES or not self.made:
            return None
        return (self.film.frames - self.done) * self.seconds / self.made


class Filming(QObject):
    """Makes films one after the other. changed: something of them is another. written(Shooting): a film's file is there."""

    changed = Signal()
    written = Signal(object)

    def __init__(self, worker: WorkerThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self.films: list[Shooting] = []
        self._job: EngineJob | None = None
        self._missing: list[int] = []
        self._clock = QElapsedTimer()
        self.pace: float | None = None  # seconds a frame, as measured last
        worker.worker.made.connect(self._job_made)
        worker.worker.failed.connect(self._job_failed)
        worker.worker.stopped.connect(self._job_stopped)
        worker.worker.reported.connect(self._job_reported)

    @property
    def current(self) -> Shooting | None:
        """The film that is being made, or stands still; None where there is none."""
        return self.films[0] if self.films else None

    @property
    def busy(self) -> bool:
        """Whether something is being made."""
        return self._job is not None

    def add(self, shooting: Shooting) -> None:
        """Make another film, after those that wait."""
        self.films.append(shooting)
        self._next()

    def pause(self) -> None:
        """Stop after the present step; what was made is kept."""
        if self.current is not None and self.current.stage in (Stage.FRAMES, Stage.WRITING):
            self.current.stage = Stage.PAUSED
            self._cancel()
            self.changed.emit()

    def resume(self) -> None:
        """Go on."""
        if self.current is not None and self.current.stage in (Stage.PAUSED, Stage.FAILED):
            self.current.stage, self.current.problem = Stage.WAITING, ""
            self._next()

    def give_up(self) -> None:
        """Forget the present film. Its frames stay for a while: the same film goes on from there."""
        if self.films:
            self.films.pop(0)
            self._cancel()
            self._next()

    def stop(self) -> None:
        """The window closes."""
        self.films.clear()
        self._cancel()

    def _cancel(self) -> None:
        if self._job is not None:
            self._worker.inbox.cancel_work(self._job)

    def _next(self) -> None:
        film = self.current
        if self._job is None and film is not None:
            if film.stage is Stage.WAITING:
                self._missing = film.kept.missing(film.film)
                film.stage = Stage.FRAMES
            if film.stage is Stage.FRAMES:
                film.done = film.film.frames - len(self._missing)
                self._ask(film)
        self.changed.emit()

    def _ask(self, film: Shooting) -> None:
        if self._missing:
            frame = self._missing[0]

            def make(engine: Any, report: Callable[[Any], None]) -> None:
                make_frame(engine, film.film, frame, film.kept, on_step=lambda *_: report(None))
            self._clock.start()
            self._job = EngineJob(make, tr("making frame {frame} of the film", frame=frame + 1))
        else:
            film.stage, film.done = Stage.WRITING, 0
            self._job = EngineJob(_writing(film), tr("writing {name}", name=film.path.name))
        self._worker.put(self._job)

    # -- what came of it

    def _job_made(self, job: Any, result: Any) -> None:
        film = self.current
        if job is not self._job:
            return
        self._job = None
        if film is None:
            return
        if film.stage is Stage.WRITING:
            film.stage, film.problem = Stage.DONE, result
            self.films.pop(0)
            self.written.emit(film)
        elif self._missing and film.stage is not Stage.WAITING:
            self._missing.pop(0)
            film.made += 1
            film.seconds += self._clock.elapsed() / 1000
            self.pace = film.seconds / film.made
        self._next()

    def _job_reported(self, job: Any, value: Any) -> None:
        if job is self._job and self.current is not None and isinstance(value, tuple):
            self.current.done = value[0]
            self.changed.emit()

    def _job_failed(self, job: Any, message: str) -> None:
        if job is None or job is not self._job:
            return
        self._job = None
        if self.current is not None:
            self.current.stage, self.current.problem = Stage.FAILED, message
        self._next()

    def _job_stopped(self, job: Any) -> None:
        if job is self._job:
            self._job = None
            self._next()


def _writing(film: Shooting) -> Callable[[Any, Callable[[Any], None]], str]:
    """Writes the film; what the user should know of it, '' if nothing."""
    def write(_engine: Any, report: Callable[[Any], None]) -> str:
        said = write_film(film.path, film.film, film.kept, film.quality, film.loop,
                          report=lambda done, frames: report((done, frames)), check=lambda: report(None),
                          signed=film.credentials, source=film.source)
        tidy()
        return said
    return write
