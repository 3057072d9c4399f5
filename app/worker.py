"""The worker: one thread that owns the Engine and does the jobs in its inbox (`app.jobs`).

A settle pass is given up between two steps when a newer edit arrives; a preview always finishes. Photos and previews are let by
between two steps of an export.
"""
from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from app.jobs import CopyJob, EngineJob, ExportJob, Inbox, Job, LiveJob, OpenJob, PersonJob, QueuedJob, Switched, SwitchJob
from app.language import told, tr
from app.setup import Setup
from core.codes import FaceCode
from core.errors import NO_MEMORY, AssetError, Cancelled, UserError, ran_out
from core.request import RenderRequest

log = logging.getLogger(__name__)

JUDGE_MS = 700  # without a job, until the picture on screen is measured: dlib keeps the interpreter for 100 ms
WORKER_NICENESS = 12  # a slider's frame comes first; sleeping OpenMP threads (core/__init__.py) bear it
_LOST = ("CUDA error", "CUDNN_STATUS", "CUBLAS_STATUS", "hipError", "device-side assert")
UNEXPECTED = "Something went wrong while {what}. The window goes on; details are in the log file."


class Worker(QObject):
    """Runs jobs in its own thread. `wake` may be emitted from anywhere; results come back as queued signals.

    Connect them to methods of QObjects only: a plain function or lambda would run in the worker's thread.
    """

    wake = Signal()
    ready = Signal(object)  # the engine
    fell_back = Signal(str)  # why the setup asked for could not be had; comes before `ready` with the default one
    switched = Signal(object, object)  # SwitchJob, Switched
    opened = Signal(object, object)  # OpenJob, Session
    copied = Signal(object, object)  # CopyJob, Session
    person_taken = Signal(object, object)  # PersonJob, Person
    made = Signal(object, object)  # EngineJob, what its function returned
    reported = Signal(object, object)  # EngineJob, a value between its steps
    rendered = Signal(object)  # Result
    judged = Signal(object)  # the Result of a settled picture on screen, with what it shows of what was asked for
    stepped = Signal(object, int, int, object)  # job, step, steps, estimate or None
    noted = Signal(object, str)  # ExportJob, what the user should know of the file; before `exported`
    exported = Signal(object)  # ExportJob
    stopped = Signal(object)  # a job that was cancelled
    failed = Signal(object, str)  # the job (None: the engine itself), what to tell the user
    broke = Signal(bool)  # after a picture `failed`: it was a defect; whether it is the device that is gone

    def __init__(self, inbox: Inbox, make_engine: Callable[[Setup], Any], save: Callable[..., Any], setup: Setup) -> None:
        super().__init__()
        self._inbox = inbox
        self._make_engine = make_engine
        self._save = save
        self._setup = setup
        self._engine: Any = None
        self._retired: list[Any] = []  # engines that exports still need
        self._photo: OpenJob | None = None
        self._people: dict[str, Path] = {}  # files of the people taken, by digest
        self._unjudged: Any = None  # the settled result on screen
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.timeout.connect(self._judge)
        # queued even within the thread: its event loop must get its turn between two jobs, to hear that it should end
        self.wake.connect(self.work, Qt.ConnectionType.QueuedConnection)

    @Slot()
    def start(self) -> None:
        """Build the engine; called once, in the worker's thread."""
        _lower_priority()
        try:
            self._engine = self._first_engine()
        except Exception as error:
            self.failed.emit(None, explain(error, tr("starting the engine")))
            return
        self.ready.emit(self._engine)
        self.work()

    def _first_engine(self) -> Any:
        """The engine that was asked for, else the default one; the window must not stay empty because a file is gone."""
        try:
            return self._make_engine(self._setup)
        except Exception as error:
            if self._setup == Setup():
                raise
            engine = self._make_engine(Setup())
            self.fell_back.emit(explain(error, tr("loading {name}", name=self._setup.words)))
            return engine

    @Slot()
    def work(self) -> None:
        """Do the next job, and come back for more after the thread's event loop has had its turn."""
        job = self._inbox.take() if self._engine is not None else self._inbox.take_switch()
        self._resting.stop()
        if job is None:
            if self._unjudged is not None:
                self._resting.start(JUDGE_MS)
            return
        self._do(job)
        self._close_retired()
        self.wake.emit()

    def _do(self, job: Job) -> None:
        if isinstance(job, LiveJob | OpenJob | SwitchJob):
            self._unjudged = None
        try:
            self._run(job)
        except Cancelled:
            self.stopped.emit(job)
        except Exception as error:
            self.failed.emit(job, explain(error, _doing(job)))
            if isinstance(job, LiveJob | ExportJob) and not isinstance(error, UserError) and not ran_out(error):
                self.broke.emit(_lost_device(error))

    def _run(self, job: Job) -> None:
        if isinstance(job, OpenJob):
            session = self._engine.open(job.source(), job.face)
            self._photo = job
            self.opened.emit(job, session)
            self._engine.read_ahead(session)
            _set_aside()
        elif isinstance(job, CopyJob):
            self.copied.emit(job, self._engine.open(job.path, None))
        elif isinstance(job, SwitchJob):
            self._switch(job)
        elif isinstance(job, PersonJob):
            self._take_person(job)
        elif isinstance(job, EngineJob):
            self._make(job)
        elif isinstance(job, ExportJob):
            self._export(job)
        else:
            result = self._render(self._engine, job)
            self.rendered.emit(result)
            if job.request.quality == "settled" and not self._inbox.is_cancelled(job):
                self._unjudged = result

    def _judge(self) -> None:
        """The hand rests: measure what is on screen."""
        result, self._unjudged = self._unjudged, None
        try:
            self.judged.emit(self._engine.judged(result))
        except Exception as error:
            explain(error, tr("making the picture"))

    def _export(self, job: ExportJob) -> None:
        engine = job.engine or self._engine
        if self._inbox.is_cancelled(job):  # while it waited
            raise Cancelled
        result = self._render(engine, job)
        if self._inbox.is_cancelled(job):
            raise Cancelled
        self.noted.emit(job, self._save(engine, result, job.path, **job.options) or "")
        self.exported.emit(job)

    def _render(self, engine: Any, job: LiveJob | ExportJob) -> Any:
        def on_step(step: int, steps: int, estimate: Any = None) -> None:
            self.stepped.emit(job, step, steps, estimate)
            if isinstance(job, ExportJob):
                self._let_by()

        self._know_person(engine, job.request.person)
        return engine.render(job.request, on_step=on_step, cancelled=lambda: self._inbox.is_cancelled(job), measure=False)

    def _make(self, job: EngineJob) -> None:
        def report(value: Any = None) -> None:
            if self._inbox.is_cancelled(job):
                raise Cancelled
            if value is not None:
                self.reported.emit(job, value)
            self._let_by()

        report()
        self.made.emit(job, job.make(self._engine, report))

    # -- people

    def _take_person(self, job: PersonJob) -> None:
        person = self._engine.take_person(job.source)
        self._people[person.digest] = person.path
        self.person_taken.emit(job, person)

    def _know_person(self, engine: Any, digest: str | None) -> None:
        """Load the person of a request again where the engine is another one, or has let go of it for newer ones. Those on the
        user's shelf it finds itself; unfinished ones are in the folder of their training."""
        if digest is None or digest not in self._people:
            return
        try:
            engine.person(digest)
        except UserError:
            path = self._people[digest]
            if engine.take_person(path).digest != digest:
                raise AssetError(f"{path.name} has changed since this picture was asked for. Choose the person anew.") from None

    def _let_by(self) -> None:
        """Between two steps of an export or a grid: a photo to open, or the newest edit's preview. An engine may render within a
        step."""
        quick = self._inbox.take(quick=True)
        if quick is not None:
            self._do(quick)

    # -- another engine

    def _switch(self, job: SwitchJob) -> None:
        """All or nothing: the engine that is there stays until the new one has opened the photo."""
        engine = self._make_engine(job.setup)
        try:
            session = engine.open(self._photo.source(), self._photo.face) if self._photo else None
            codes = {digest: code for digest, path in job.copied if (code := self._code_of(engine, digest, path)) is not None}
        except BaseException:
            _close(engine)
            raise
        gc.unfreeze()  # the engine before must be able to go
        self._retired += [self._engine] if self._engine is not None else []
        self._engine = engine
        self._inbox.drop_live()  # asked of the engine before
        self.switched.emit(job, Switched(engine, session, codes))
        if session is not None:
            engine.read_ahead(session)

    def _code_of(self, engine: Any, digest: str, path: Path) -> FaceCode | None:
        try:
            session = engine.open(path, None)
        except UserError as error:
            log.warning("a copied photo could not be opened again: %s", error)
            return None
        return session.code if session.digest == digest else None

    def _close_retired(self) -> None:
        for engine in [e for e in self._retired if not self._inbox.needs(e)]:
            self._retired.remove(engine)
            _close(engine)

    @Slot()
    def finish(self) -> None:
        """Let go of the engines in the thread that built them."""
        self._resting.stop()
        for engine in (*self._retired, self._engine):
            _close(engine)
        self._retired.clear()
        self._engine = None


def _set_aside() -> None:
    """Spare the collector what was loaded for the first photo: to look through it keeps the interpreter, and so the window, for a
    quarter of a second each time."""
    if not gc.get_freeze_count():
        gc.freeze()


def _close(engine: Any) -> None:
    close = getattr(engine, "close", None)
    if close is not None:
        close()


class _PythonThread(QThread):
    """A thread whose event loop runs inside a Python function.

    Without one, Python makes a new thread state for every slot that runs, and extension modules that keep the first (pybind11's,
    dlib among them) crash at the second.
    """

    def run(self) -> None:
        self.exec()


class WorkerThread(QObject):
    """The thread and its worker as the window sees them: start, wake, stop."""

    def __init__(self, make_engine: Callable[[Setup], Any], save: Callable[..., Any], setup: Setup,
                 parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.inbox = Inbox()
        self.worker = Worker(self.inbox, make_engine, save, setup)
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

    def put(self, job: QueuedJob | ExportJob | EngineJob) -> None:
        """Queue a job that is never dropped."""
        if isinstance(job, ExportJob):
            self.inbox.put_export(job)
        elif isinstance(job, EngineJob):
            self.inbox.put_work(job)
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
        return told(error)
    log.error("while %s", what, exc_info=error)
    if ran_out(error):
        return told(NO_MEMORY)
    return tr(UNEXPECTED, what=what)


def _lost_device(error: BaseException) -> bool:
    """Whether an accelerator failed: nothing runs on it any more in this process."""
    return type(error).__name__ == "AcceleratorError" or any(words in str(error) for words in _LOST)


def _doing(job: Job) -> str:
    if isinstance(job, OpenJob):
        return tr("opening {name}", name=job.path.name)
    if isinstance(job, CopyJob):
        return tr("copying from {name}", name=job.path.name)
    if isinstance(job, ExportJob):
        return tr("exporting {name}", name=job.path.name)
    if isinstance(job, SwitchJob):
        return tr("loading {name}", name=job.setup.words)
    if isinstance(job, PersonJob):
        return tr("loading {name}", name=Path(job.source).name)
    if isinstance(job, EngineJob):
        return job.what
    return tr("making the picture")


def _lower_priority() -> None:
    """The window's thread must come first, and threads that this one starts inherit its priority on Linux."""
    if sys.platform != "linux":
        return
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WORKER_NICENESS)
    except OSError as error:
        log.warning("can't lower the worker's priority: %s", error)
