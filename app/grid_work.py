"""Pictures of a grid, made one by one in the engine's thread when it has nothing else to do, with progress and a way to stop."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.jobs import EngineJob
from app.live import Pace
from app.worker import WorkerThread


class Place(Protocol):
    """One place of a grid: 'photo', 'buffers' and 'cell' are pictures, 'words' are words, '' stays empty."""

    @property
    def kind(self) -> str:
        """Which of those."""
    @property
    def name(self) -> str:
        """What it shows, in words."""


class Shown(Protocol):
    """A grid as it is drawn. columns: names over them. captions: what stands under the first place of each row, or under each."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names over the columns."""
    @property
    def captions(self) -> tuple[str | tuple[str, ...], ...]:
        """Words under the pictures, by rows."""
    @property
    def rows(self) -> Sequence[Sequence[Any]]:
        """The places."""
    @property
    def cells(self) -> Sequence[Any]:
        """The places whose pictures are made, in that order."""


@dataclass(eq=False)
class Running:
    """What the engine's thread is asked for. place: a cell; photo: one to be opened."""

    job: EngineJob
    place: Any = None
    photo: Any = None


class GridWork(QObject):
    """Knows what a grid shows and has it made. What is to be made next, and what becomes of it, is for who derives from it.

    changed: the grid has other places. place_changed(place): one shows something else. progressed: how far it is.
    failed(text): what to tell the user. saved(Path): a file is written.
    """

    changed = Signal()
    place_changed = Signal(object)
    progressed = Signal()
    failed = Signal(str)
    saved = Signal(object)

    grid: Shown

    def __init__(self, worker: WorkerThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self.stopped = False
        self._running: Running | None = None
        self._others: dict[EngineJob, Callable[[Any], None]] = {}  # lists and files, which nothing waits for
        self._pace = Pace()
        self._run = object()
        worker.worker.made.connect(self._job_made)
        worker.worker.failed.connect(self._job_failed)
        worker.worker.stopped.connect(self._job_stopped)

    # -- for who derives from it

    def picture(self, place: Any) -> np.ndarray | None:
        """The picture of a place (N, N, 3) uint8; None where there is none (yet)."""
        raise NotImplementedError

    def problem(self, place: Any) -> str:
        """Why a place stays empty; '' where nothing speaks against it."""
        raise NotImplementedError

    def is_chosen(self, place: Any) -> bool:
        """Whether a place is marked as the one in use."""
        return False

    def _wanted(self) -> Running | None:
        """What is to be made next; None when nothing is missing."""
        raise NotImplementedError

    def _took(self, running: Running, result: Any) -> None:
        """Something was made."""
        raise NotImplementedError

    def _missed(self, running: Running, message: str) -> None:
        """Something could not be made."""
        raise NotImplementedError

    def _tell(self, running: Running) -> None:
        """That something began or ended, to who shows it."""
        if running.place is not None:
            self.place_changed.emit(running.place)

    # -- what there is

    def is_running(self, place: Any) -> bool:
        """Whether it is being made now."""
        return self._running is not None and self._running.place == place

    @property
    def counts(self) -> tuple[int, int]:
        """How many cells are there or can't be had, and how many there are to be."""
        cells = self.grid.cells
        return sum(self.picture(place) is not None or bool(self.problem(place)) for place in cells), len(cells)

    @property
    def busy(self) -> bool:
        """Whether something is being made."""
        return self._running is not None

    def seconds_left(self) -> float | None:
        """Until the grid is full; None where that isn't known yet."""
        done, total = self.counts
        return self._pace.left(self._run, done, total) if done < total else None

    # -- making it

    def stop(self) -> None:
        """Make nothing more; what is there stays."""
        self.stopped = True
        self._cancel()
        self.progressed.emit()

    def close(self) -> None:
        """The grid is no longer looked at. Files that are asked for are still written."""
        self.stopped = True
        self._cancel()

    def _cancel(self) -> None:
        if self._running is not None:
            self._worker.inbox.cancel_work(self._running.job)

    def _next(self) -> None:
        """Ask for the next thing that is missing; one at a time, so that the window's own pictures come in between."""
        if self._running is None and not self.stopped:
            self._running = self._wanted()
            if self._running is not None:
                self._worker.put(self._running.job)
                self._tell(self._running)
        self.progressed.emit()

    def _put(self, job: EngineJob, then: Callable[[Any], None]) -> None:
        self._others[job] = then
        self._worker.put(job)

    # -- what came of it

    def _job_made(self, job: EngineJob, result: Any) -> None:
        if job in self._others:
            self._others.pop(job)(result)
            return
        running = self._ended(job)
        if running is not None:
            self._took(running, result)
            self._tell(running)
            self._next()

    def _job_failed(self, job: Any, message: str) -> None:
        if self._others.pop(job, None) is not None:
            self.failed.emit(message)
            return
        running = self._ended(job)
        if running is not None:
            self._missed(running, message)
            self.failed.emit(message)
            self._tell(running)
            self._next()

    def _job_stopped(self, job: Any) -> None:
        running = self._ended(job)
        if running is not None:
            self._tell(running)
            self._next()

    def _ended(self, job: Any) -> Running | None:
        running = self._running
        if running is None or running.job is not job:
            return None
        self._running = None
        return running
