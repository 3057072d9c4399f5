"""Work beside the window and beside the engine: one function in a thread of its own."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal
from shiboken6 import isValid

from app.worker import explain
from core.errors import Cancelled

Work = Callable[[Callable[[str], None], Callable[[], bool]], Any]


class Task(QThread):
    """Runs `work(say, cancelled)` once. Connect the signals to methods of QObjects, so that they arrive in the window's thread.

    said: a line about what it does. done: what `work` returned. failed: what to tell the user. stopped: it was cancelled.
    """

    said = Signal(str)
    done = Signal(object)
    failed = Signal(str)
    stopped = Signal()

    def __init__(self, work: Work, doing: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._doing = doing
        self._cancelled = False

    def cancel(self) -> None:
        """Ask it to end at its next step."""
        self._cancelled = True

    def run(self) -> None:
        """In the thread."""
        try:
            result = self._work(self.said.emit, lambda: self._cancelled)
        except Cancelled:
            self.stopped.emit()
        except Exception as error:
            self.failed.emit(explain(error, self._doing))
        else:
            self.done.emit(result)


class Chores(QObject):
    """One task at a time. What comes of it is told to the functions given with it, in the window's thread, when the next may
    start.

    said(line): what the task does.
    """

    said = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._task: Task | None = None
        self._ending: list[Task] = []
        self._on_done: Callable[[Any], None] = _nothing
        self._on_failed: Callable[[str], None] = _nothing
        self._on_stopped: Callable[[], None] = _nothing

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._task is not None

    @property
    def running(self) -> bool:
        """Whether a thread of it lives."""
        return any(isValid(task) and task.isRunning() for task in self._all)  # its thread is over when a window takes it along

    @property
    def _all(self) -> list[Task]:
        return [*self._ending, *([self._task] if self._task else [])]

    def start(self, work: Work, doing: str, done: Callable[[Any], None], failed: Callable[[str], None],
              stopped: Callable[[], None] | None = None) -> bool:
        """Run `work`; False while something else is under way."""
        if self._task is not None:
            return False
        self._on_done, self._on_failed, self._on_stopped = done, failed, stopped or _nothing
        task = self._task = Task(work, doing, self)
        task.said.connect(self.said)
        task.done.connect(self._done)
        task.stopped.connect(self._stopped)
        task.failed.connect(self._failed)
        task.finished.connect(self._ended)
        task.start()
        return True

    def cancel(self) -> None:
        """End what is under way at its next step."""
        if self._task is not None:
            self._task.cancel()

    def stop(self, timeout_ms: int = 8000) -> bool:
        """End everything and wait; False when it didn't stop in time."""
        for task in self._all:
            task.cancel()
        waited = [task.wait(timeout_ms) for task in self._all]
        return all(waited)

    def _done(self, result: Any) -> None:
        self._free()
        self._on_done(result)

    def _failed(self, message: str) -> None:
        self._free()
        self._on_failed(message)

    def _stopped(self) -> None:
        self._free()
        self._on_stopped()

    def _free(self) -> None:
        if self._task is not None:
            self._ending.append(self._task)
            self._task = None

    def _ended(self) -> None:
        for task in [task for task in self._ending if task.isFinished()]:
            self._ending.remove(task)
            task.deleteLater()


def _nothing(*_: Any) -> None:
    """For those who don't want to hear."""
