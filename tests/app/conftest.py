"""Window tests run real widgets offscreen. A Qt warning, an error in a slot or a thread left behind fails the test."""
from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QDeadlineTimer, QThread, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from app.run import make_application
from tests.app.fakes import FakeEngine
from tests.app.studio import WINDOWS, Studio, flush

# offscreen says so of every window
_HARMLESS = ("This plugin does not support propagateSizeHints()", "This plugin does not support raise()",
             "This plugin does not support grabbing the keyboard", "This plugin does not support grabbing the mouse")


@pytest.fixture(scope="session")
def app() -> Any:
    return make_application()


@pytest.fixture(autouse=True)
def clean(app: QApplication, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
          tmp_path: Path) -> Iterator[None]:
    """No Qt message, no error in a slot or an override, no thread and no window left behind."""
    monkeypatch.setenv("DIFFUSIONRIG_HOME", str(tmp_path / "home"))
    problems: list[str] = []
    before = set(threading.enumerate())

    def note(kind: Any, _context: Any, text: str) -> None:
        if text not in _HARMLESS:
            problems.append(f"{kind.name}: {text}")

    old_handler = qInstallMessageHandler(note)
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, _trace: problems.append(f"{kind.__name__}: {error}"))
    yield
    for widget in app.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    flush()
    qInstallMessageHandler(old_handler)
    printed = capfd.readouterr().err
    # a QThread is no threading.Thread, but Python code that runs in one shows up as a dummy thread
    # and Qt says that one is over a moment before the system does
    deadline = QDeadlineTimer(2000)
    while (left := _left(before)) and not deadline.hasExpired():
        QThread.msleep(5)
    assert not problems, problems
    assert "Traceback" not in printed, printed
    assert not left, f"threads left behind: {left}"
    windows = tuple(WINDOWS)
    WINDOWS.clear()  # what one test leaves is no fault of the next
    assert not [w for w in windows if w.thread_of_engine.running or w.people.shelf.running], "a thread of a window still runs"
    assert not [w for w in windows if w.people.training.active], "a training still runs"


def _left(before: set[threading.Thread]) -> list[str]:
    return [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive() and not _is_over(thread)]


def _is_over(thread: threading.Thread) -> bool:
    """Dummy threads stay listed after their QThread has ended: ask the system."""
    native = thread.native_id
    return isinstance(thread, threading._DummyThread) and not Path(f"/proc/self/task/{native}").exists()  # type: ignore[attr-defined]


@pytest.fixture
def studio() -> Iterator[Studio]:
    """A window whose engine waits for nobody, with a photo open and settled."""
    made = Studio(FakeEngine(gated=False))
    made.open()
    made.settle()
    yield made
    made.close()


@pytest.fixture
def gated() -> Iterator[Studio]:
    """A window with a photo open and settled, whose engine from then on waits for the test at each step."""
    engine = FakeEngine(gated=False)
    made = Studio(engine)
    made.open()
    made.settle()
    engine.gated = True
    engine.started.clear()
    engine.finished.clear()
    engine.buffer_calls.clear()
    yield made
    made.close()
