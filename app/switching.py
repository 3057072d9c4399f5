"""Changing model, head or estimator while a photo is open: asking the worker for it, and what came of it."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.jobs import CopyJob, OpenJob, Switched, SwitchJob
from app.setup import Setup
from app.worker import WorkerThread


class Switching(QObject):
    """Knows the setup in use and the one that is being loaded.

    changed: `setup` or `loading` is another. done(Switched): another engine is there. failed(message): the one before stays.
    """

    changed = Signal()
    done = Signal(object)
    failed = Signal(str)

    def __init__(self, worker: WorkerThread, setup: Setup, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self.setup = setup
        self.loading: Setup | None = None
        self.message = ""  # why the last one failed
        self.running = False
        self._copied: dict[str, Path] = {}
        worker.worker.ready.connect(self._ready)
        worker.worker.fell_back.connect(self._fell_back)
        worker.worker.switched.connect(self._switched)
        worker.worker.failed.connect(self._failed)
        worker.worker.opened.connect(self._opened)
        worker.worker.copied.connect(self._note_copy)

    def ask(self, setup: Setup, anew: bool = False) -> bool:
        """Load another engine; False when one is being loaded, or it is the one in use (unless that one is to be built anew)."""
        if self.loading is not None or self.running and setup == self.setup and not anew:
            return False
        self.loading, self.message = setup, ""
        self._worker.put(SwitchJob(setup, tuple(self._copied.items())))
        self.changed.emit()
        return True

    def _ready(self, _engine: Any) -> None:
        self.running = True

    def _fell_back(self, message: str) -> None:
        self.setup, self.message = Setup(), message
        self.changed.emit()

    def _switched(self, job: SwitchJob, result: Switched) -> None:
        self.setup, self.loading, self.running = job.setup, None, True
        self.done.emit(result)
        self.changed.emit()

    def _failed(self, job: Any, message: str) -> None:
        if isinstance(job, SwitchJob):
            self.loading, self.message = None, message
            self.failed.emit(message)
            self.changed.emit()

    def _opened(self, _job: OpenJob, _session: Any) -> None:
        self._copied.clear()

    def _note_copy(self, job: CopyJob, session: Any) -> None:
        self._copied[session.digest] = job.path
