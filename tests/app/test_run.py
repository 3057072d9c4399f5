"""The program as it is started: display check, and the real start under Xvfb."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.run import display_problem, sample_photo

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
sys.path[:0] = [{repository!r}]
from pathlib import Path
from PySide6.QtCore import QTimer, qInstallMessageHandler
from tests.app.fakes import FakeEngine, save
from app.live import State
from app.run import open_window
from core.cli import Opening

messages = []
qInstallMessageHandler(lambda kind, context, text: messages.append(text))

def started(window):
    def settled():
        if window.live.state is State.SETTLED:
            window.grab().save({picture!r})
            window.close()
    window.live.state_changed.connect(lambda: QTimer.singleShot(0, settled))

engine = FakeEngine(gated=False)
status = open_window(Opening(Path("portrait.png")), make_engine=lambda setup: engine, save=save, on_start=started)
assert not messages, messages
sys.exit(status)
"""


def test_display_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    problem = display_problem()
    assert problem is not None and "main.py edit" in problem and "\n" not in problem
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert display_problem() is None
    monkeypatch.delenv("QT_QPA_PLATFORM")
    monkeypatch.setenv("DISPLAY", ":1")
    assert display_problem() is None


def test_first_start_has_a_sample() -> None:
    assert sample_photo() is not None


def test_real_start_on_a_virtual_display(tmp_path: Path) -> None:
    if not (shutil.which("Xvfb") and shutil.which("xvfb-run") and sys.platform == "linux"):
        pytest.skip("Xvfb is not installed")
    picture = tmp_path / "window.png"
    script = SCRIPT.format(repository=str(REPOSITORY), picture=str(picture))
    env = {**os.environ, "QT_QPA_PLATFORM": "xcb", "DIFFUSIONRIG_HOME": str(tmp_path / "home")}
    done = subprocess.run(["xvfb-run", "-a", "-s", "-screen 0 1280x800x24", sys.executable, "-c", script],
                          env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert picture.stat().st_size > 10_000
    assert (tmp_path / "home" / "config" / "settings.json").exists()
