"""The export queue as the window sees it: what waits, what runs, what went wrong."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.jobs import ExportJob
from app.language import tr
from app.worker import WorkerThread
from core.request import RenderRequest


class Exports(QObject):
    """Counts and names the exports under way.

    engine: what exports are made with; each keeps the one it was asked for with.
    changed: `text` is another. written(path): a file is there; note: what the user should know of it, '' if nothing. emptied:
    nothing is left to write.
    """

    changed = Signal()
    written = Signal(object)
    emptied = Signal()

    def __init__(self, worker: WorkerThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._jobs: dict[int, ExportJob] = {}
        self._number = 0
        self.engine: Any = None
        self.note = ""
        self._done: tuple[int, int] | None = None
        worker.worker.noted.connect(self._noted)
        worker.worker.exported.connect(self._exported)
        worker.worker.stopped.connect(self._ended)
        worker.worker.failed.connect(self._failed)
        worker.worker.stepped.connect(self._stepped)

    def add(self, request: RenderRequest, path: Path, options: dict[str, Any], photos: tuple[Any, ...] = ()) -> ExportJob:
        """Queue an export. photos: see `ExportJob`."""
        self._number += 1
        job = ExportJob(request, path, options, self._number, self.engine, photos)
        self._jobs[job.number] = job
        self._worker.put(job)
        self.changed.emit()
        return job

    def cancel_all(self) -> None:
        """Give up all exports, the running one at its next step."""
        for number in self._jobs:
            self._worker.inbox.cancel_export(number)

    def forget(self) -> None:
        """Give up all exports and wait for none."""
        self.cancel_all()
        self._jobs.clear()

    @property
    def count(self) -> int:
        """How many are not written yet."""
        return len(self._jobs)

    @property
    def text(self) -> str:
        """A line about the queue; '' when it is empty."""
        if not self._jobs:
            return ""
        first = next(iter(self._jobs.values())).path.name
        count = len(self._jobs) - 1
        text = tr("Exporting {name} and {count} more", name=first, count=count) if count else tr("Exporting {name}", name=first)
        return f"{text} {round(100 * self._done[0] / self._done[1])} %" if self._done else text

    def _stepped(self, job: Any, step: int, steps: int, _estimate: Any) -> None:
        if isinstance(job, ExportJob):
            self._done = (step, max(1, steps))
            self.changed.emit()

    def _failed(self, job: Any, _message: str) -> None:
        self._ended(job)

    def _noted(self, _job: ExportJob, note: str) -> None:
        self.note = note

    def _exported(self, job: ExportJob) -> None:
        self._ended(job)
        self.written.emit(job.path)

    def _ended(self, job: Any) -> None:
        if isinstance(job, ExportJob) and self._jobs.pop(job.number, None) is not None:
            self._done = None
            self.changed.emit()
            if not self._jobs:
                self.emptied.emit()
