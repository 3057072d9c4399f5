"""Work beside the window and beside the engine: one function in a thread of its own."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

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
