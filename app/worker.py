"""The worker: one thread that owns the Engine, and the box in which the window leaves work for it.

Live edits go through a mailbox of size one, where the newest request replaces the one that waits. Opening photos and
exports queue and are never dropped. A settle pass is given up between two steps when a newer edit arrives; a preview
always finishes.
"""
from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from core.errors import Cancelled, UserError
from core.request import RenderRequest

log = logging.getLogger(__name__)

WORKER_NICENESS = 12  # a slider's frame comes first; sleeping OpenMP threads (core/__init__.py) bear it
UNEXPECTED = "Something went wrong while {what}. The window goes on; details are in the log file."


@dataclass(frozen=True)
class OpenJob:
    """Open a photo; `face` None takes the largest face."""

    path: Path
    face: int | None = None


@dataclass(frozen=True)
class CopyJob:
    """Open another photo to copy `block` of its fitted code."""

    path: Path
    block: str


@dataclass(frozen=True)
class ExportJob:
    """Render at settled quality and write `path`; `options` are passed to the writer as keywords."""

    request: RenderRequest
    path: Path
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    number: int = 0


@dataclass(frozen=True)
class LiveJob:
    """Render the picture on screen."""

    request: RenderRequest


Job = OpenJob | CopyJob | ExportJob | LiveJob


class Inbox:
    """What waits for the worker. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._photos: deque[OpenJob | CopyJob] = deque()
        self._exports: deque[ExportJob] = deque()
        self._preview: RenderRequest | None = None
        self._settle: RenderRequest | None = None
        self._interrupted = False
        self._cancelled: set[int] = set()
        self.closing = False

    def put_preview(self, request: RenderRequest) -> None:
        """The newest edit: replaces the waiting one and ends a settle pass that runs."""
        with self._lock:
            self._preview, self._settle, self._interrupted = request, None, True

    def put_settle(self, request: RenderRequest) -> None:
        """The picture to settle when nothing newer waits."""
        with self._lock:
            self._settle = request

    def put_photo(self, job: OpenJob | CopyJob) -> None:
        """A photo to open. It also ends a settle pass: that picture is about to go."""
        with self._lock:
            self._photos.append(job)
            if isinstance(job, OpenJob):
                self._preview = self._settle = None
                self._interrupted = True

    def put_export(self, job: ExportJob) -> None:
        """A picture to write. Exports run in order and only `cancel_export` or closing ends one."""
        with self._lock:
            self._exports.append(job)

    def stop_settling(self) -> None:
        """End the settle pass, and take the waiting one out."""
        with self._lock:
            self._settle, self._interrupted = None, True

    def drop_live(self) -> None:
        """Nothing of the picture on screen is to be made."""
        with self._lock:
            self._preview, self._settle, self._interrupted = None, None, True

    def cancel_export(self, number: int) -> None:
        """End the export of that number, waiting or running."""
        with self._lock:
            self._cancelled.add(number)

    def take(self) -> Job | None:
        """The next job: photos, then the newest edit, then exports, then settling."""
        with self._lock:
            if self.closing:
                return None
            if self._photos:
                return self._photos.popleft()
            if self._preview is not None:
                request, self._preview = self._preview, None
                return LiveJob(request)
            if self._exports:
                return self._exports.popleft()
            if self._settle is not None:
                request, self._settle = self._settle, None
                self._interrupted = False
                return LiveJob(request)
            return None

    def close(self) -> None:
        """Take nothing more, and end what runs at its next step."""
        self.closing = True

    def is_cancelled(self, job: Job) -> bool:
        """Whether the running job must stop at its next step."""
        if self.closing:
            return True
        if isinstance(job, ExportJob):
            return job.number in self._cancelled
        return isinstance(job, LiveJob) and job.request.quality == "settled" and self._interrupted


class Worker(QObject):
    """Runs jobs in its own thread. `wake` may be emitted from anywhere; results come back as queued signals.

    Connect them to methods of QObjects only: a plain function or lambda would run in the worker's thread.
    """

    wake = Signal()
    ready = Signal(object)  # the engine
    opened = Signal(object, object)  # OpenJob, Session
    copied = Signal(object, object)  # CopyJob, Session
    rendered = Signal(object)  # Result
    stepped = Signal(object, int, int, object)  # job, step, steps, estimate or None
    exported = Signal(object)  # ExportJob
    stopped = Signal(object)  # a job that was cancelled
    failed = Signal(object, str)  # the job (None: the engine itself), what to tell the user

    def __init__(self, inbox: Inbox, make_engine: Callable[[], Any], save: Callable[..., Any]) -> None:
        super().__init__()
        self._inbox = inbox
        self._make_engine = make_engine
        self._save = save
        self._engine: Any = None
        # queued even within the thread: its event loop must get its turn between two jobs, to hear that it should end
        self.wake.connect(self.work, Qt.ConnectionType.QueuedConnection)

    @Slot()
    def start(self) -> None:
        """Build the engine; called once, in the worker's thread."""
        _lower_priority()
        try:
            self._engine = self._make_engine()
        except Exception as error:
            self.failed.emit(None, explain(error, "starting the engine"))
            return
        self.ready.emit(self._engine)
        self.work()

    @Slot()
    def work(self) -> None:
        """Do the next job, and come back for more after the thread's event loop has had its turn."""
        if self._engine is None:
            return
        job = self._inbox.take()
        if job is None:
            return
        try:
            self._run(job)
        except Cancelled:
            self.stopped.emit(job)
        except Exception as error:
            self.failed.emit(job, explain(error, _doing(job)))
        self.wake.emit()

    def _run(self, job: Job) -> None:
        if isinstance(job, OpenJob):
            self.opened.emit(job, self._engine.open(job.path, job.face))
        elif isinstance(job, CopyJob):
            self.copied.emit(job, self._engine.open(job.path, None))
        elif isinstance(job, ExportJob):
            result = self._render(job)
            if self._inbox.is_cancelled(job):
                raise Cancelled
            self._save(self._engine, result, job.path, **job.options)
            self.exported.emit(job)
        else:
            self.rendered.emit(self._render(job))

    def _render(self, job: LiveJob | ExportJob) -> Any:
        def on_step(step: int, steps: int, estimate: Any = None) -> None:
            self.stepped.emit(job, step, steps, estimate)

        return self._engine.render(job.request, on_step=on_step, cancelled=lambda: self._inbox.is_cancelled(job))

    @Slot()
    def finish(self) -> None:
        """Let go of the engine in the thread that built it."""
        close = getattr(self._engine, "close", None)
        if close is not None:
            close()
        self._engine = None


class _PythonThread(QThread):
    """A thread whose event loop runs inside a Python function.

    Without one, Python makes a new thread state for every slot that runs, and extension modules that keep the first (pybind11's,
    dlib among them) crash at the second.
    """

    def run(self) -> None:
        self.exec()


class WorkerThread(QObject):
    """The thread and its worker as the window sees them: start, wake, stop."""

    def __init__(self, make_engine: Callable[[], Any], save: Callable[..., Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.inbox = Inbox()
        self.worker = Worker(self.inbox, make_engine, save)
        self._thread = _PythonThread()
        self._thread.setObjectName("engine")
        self._thread.setStackSize(16 << 20)  # what the main thread has; some platforms give others 512 KiB
        self.worker.moveToThread(self._thread)
        self._thread.started.connect(self.worker.start)
        self._thread.finished.connect(self.worker.finish, Qt.ConnectionType.DirectConnection)

    def start(self) -> None:
        """Start the thread; the engine is built in it."""
        if sys.platform == "linux":
            self._thread.start()
        else:
            self._thread.start(QThread.Priority.LowPriority)

    def put(self, job: OpenJob | CopyJob | ExportJob) -> None:
        """Queue a job that is never dropped."""
        if isinstance(job, ExportJob):
            self.inbox.put_export(job)
        else:
            self.inbox.put_photo(job)
        self.worker.wake.emit()

    def preview(self, request: RenderRequest) -> None:
        """Ask for a preview in place of the waiting one."""
        self.inbox.put_preview(request)
        self.worker.wake.emit()

    def settle(self, request: RenderRequest) -> None:
        """Ask for the settled picture."""
        self.inbox.put_settle(request)
        self.worker.wake.emit()

    def stop(self, timeout_ms: int = 8000) -> bool:
        """Cancel what runs and join the thread. False when it is still busy after `timeout_ms`."""
        self.inbox.close()
        self._thread.quit()
        return self._thread.wait(timeout_ms)

    @property
    def running(self) -> bool:
        """Whether the thread lives."""
        return self._thread.isRunning()


def explain(error: BaseException, what: str) -> str:
    """What the user reads about a failure; anything unexpected goes to the log with its traceback."""
    if isinstance(error, UserError):
        return str(error)
    log.error("while %s", what, exc_info=error)
    if isinstance(error, MemoryError):
        return "There is not enough free memory for this. Close other programs, or export the crop only."
    return UNEXPECTED.format(what=what)


def _doing(job: Job) -> str:
    if isinstance(job, OpenJob):
        return f"opening {job.path.name}"
    if isinstance(job, CopyJob):
        return f"copying from {job.path.name}"
    if isinstance(job, ExportJob):
        return f"exporting {job.path.name}"
    return "making the picture"


def _lower_priority() -> None:
    """The window's thread must come first, and threads that this one starts inherit its priority on Linux."""
    if sys.platform != "linux":
        return
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WORKER_NICENESS)
    except OSError as error:
        log.warning("can't lower the worker's priority: %s", error)
