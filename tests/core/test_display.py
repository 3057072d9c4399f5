"""Whether a window could open, asked without Qt."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core import display, doctor

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(doctor, "is_there", lambda probe: True)


def test_a_dead_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    problem = display.connection_problem()
    assert problem is not None and "':4711'" in problem and "main.py edit" in problem and "\n" not in problem


def test_qt_without_a_display_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert display.connection_problem() is None


def test_wayland_is_trusted_only_when_it_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert display.connection_problem() is not None
    (tmp_path / "wayland-0").touch()
    assert display.connection_problem() is None


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(doctor, "is_there", lambda probe: "cursor" not in probe)
    problem = display.connection_problem()
    assert problem is not None and "sudo apt-get install libxcb-cursor0'" in problem
