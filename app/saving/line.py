"""Work with files beside the window, one after another in the order it was asked for."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject

from app.tasks import Chores


class Line(QObject):
    """A queue in front of `Chores`: nothing is refused, nothing overtakes."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._chores = Chores(self)
        self._waiting: deque[tuple[Callable[[], Any], str, Callable[[Any], None], Callable[[str], None]]] = deque()

    @property
    def busy(self) -> bool:
        """Whether something is under way or waits."""
        return self._chores.busy or bool(self._waiting)

    @property
    def running(self) -> bool:
        """Whether a thread of it lives."""
        return self._chores.running

    def put(self, work: Callable[[], Any], doing: str, done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Run `work` in a thread when its turn comes; what comes of it is told in the window's thread."""
        self._waiting.append((work, doing, done, failed))
        self._next()

    def stop(self, timeout_ms: int = 8000) -> bool:
        """Wait for what is under way, and drop the rest; False when it didn't end in time."""
        self._waiting.clear()
        return self._chores.stop(timeout_ms)

    def _next(self) -> None:
        if self._chores.busy or not self._waiting:
            return
        work, doing, done, failed = self._waiting.popleft()

        def ended(result: Any) -> None:
            done(result)
            self._next()

        def broke(message: str) -> None:
            failed(message)
            self._next()

        self._chores.start(lambda _say, _cancelled: work(), doing, ended, broke)
