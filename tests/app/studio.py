"""A window on a fake engine, and hands to drive it."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QDeadlineTimer, QEvent, QEventLoop, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.settings import Settings
from app.setup import Setup
from app.theme import Theme
from app.window import Window
from tests.app.fakes import FakeEngine, FakeLibrary, FakePeople, FakeProcess, save

DEADLINE_MS = 60_000  # only for a test that is going to fail; a busy machine may take long
WINDOWS: list[Window] = []


def flush() -> None:
    """Deliver all events that are due, deletions too."""
    for _ in range(3):
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def until(condition: Callable[[], Any], what: str = "") -> None:
    """Let events run until the condition holds."""
    deadline = QDeadlineTimer(DEADLINE_MS)
    wake = QTimer()  # the loop sleeps until there is an event; this one makes it look at the condition again
    wake.start(5)
    while not condition():
        assert not deadline.hasExpired(), f"never happened: {what or condition}"
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


class Studio:
    """A window on a fake engine, and hands to drive it."""

    def __init__(self, engine: FakeEngine, quiet_ms: int = 0, make: Callable[[Setup], FakeEngine] | None = None,
                 settings: Settings | None = None, setup: Setup | None = None, people: FakePeople | None = None) -> None:
        self.engine = engine
        self.library = FakeLibrary()
        self.people = people or FakePeople()
        self.processes: list[FakeProcess] = []
        theme = Theme("dark")
        theme.apply()  # first, as the program does: a window that is there already would be styled twice
        self.window = Window(make or (lambda setup: engine), save, settings or Settings(), theme, quiet_ms, setup,
                             self.library, self.people, self._process)  # type: ignore[arg-type]
        WINDOWS.append(self.window)
        self.window.resize(1280, 800)
        self.window.show()
        self.window.start()
        until(lambda: self.window.engine is not None, "the engine starts")

    def _process(self) -> FakeProcess:
        self.processes.append(FakeProcess())
        return self.processes[-1]

    @property
    def canvas(self) -> Any:
        return self.window.canvas

    @property
    def document(self) -> Any:
        return self.window.document

    def open(self, name: str = "photo.png") -> None:
        """Open a photo; the pictures of its empty edit may still be on the way."""
        self.window.open_photo(Path(name))
        until(lambda: self.document.session is not None and self.document.session.photo.path.name == name, "it opens")

    def settle(self) -> None:
        """Wait for the settled picture of the present edit."""
        until(lambda: self.window.live.state.value == "settled", "the picture settles")

    def slider(self, name: str) -> Any:
        """The row of a parameter."""
        for panel in self.window.side.panels:
            rows = getattr(panel, "sliders", {})
            if name in rows:
                return rows[name]
        raise KeyError(name)

    def close(self) -> None:
        """Give everything up."""
        self.engine.allow_all()
        self.window.exports.forget()
        self.window.projects.close_anyway()


def drag(widget: QWidget, start: QPoint, *points: QPoint, release: bool = True) -> None:
    """Press at `start`, move through `points`, let go at the last."""
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    for point in points:
        QTest.mouseMove(widget, point)
        # QTest's move carries no button, which a real drag does: what the window sees is the same, as it tracks the mouse
        QCoreApplication.processEvents()
    if release:
        QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=points[-1] if points else start)
