"""Dragging a slider in the real window with the real engine: how soon buffers, preview and settled picture follow.

    python benchmarks/drag.py [--photo FILE] [--parameter light.azimuth] [--seconds 4] [--repeats 3]

The mouse moves 60 times a second along the slider. A move's latency runs from the moment it was due (so a late event loop
counts) to the end of the canvas's paint that shows it. The drag is done twice: with nothing else running, and while the
worker denoises. Other programs on the machine count in. What is the window's own part of that: its thread's CPU time a move, and
on Linux the latency less the time in which that thread could have run but had no processor.
Without a display it starts itself under Xvfb.
"""
from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent

sys.path.insert(0, str(REPOSITORY))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

RATE = 60.0
# ms; pictures: a share of the 67 s that the published arithmetic takes for an edit of 20 steps on two cores, 1/150 and 1/30
TARGETS = {"buffers p95": 16.0, "preview": 450.0, "settled": 2200.0}


class Drag:
    """Drives one window through its drags, one after the other, from timers of its own event loop."""

    def __init__(self, window: Any, options: argparse.Namespace) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.window, self.options = window, options
        self.waiting: list[tuple[float, float]] = []  # of moves that aren't painted yet: when due, and `starved` before
        self.painted: dict[str, list[float]] = {"idle": [], "denoising": []}
        self.own: dict[str, list[float]] = {"idle": [], "denoising": []}  # less the time without a processor
        self.starved = 0.0
        self.work: dict[str, float] = {}  # CPU seconds of the window's thread
        self.previews: list[float] = []
        self.settled: list[float] = []
        self.during = 0
        self.phase = "open"
        self.let_go = 0.0
        self.ask = window.live.ask
        self.timer = QTimer(window)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.setInterval(round(1000 / RATE / 4))
        self.timer.timeout.connect(self.move)
        window.live.state_changed.connect(self.state_changed)
        window.live.shown.connect(self.shown)

    # -- what happens

    def state_changed(self) -> None:
        """The photo is there: drag; the dragged picture has settled: drag again, or stop."""
        from PySide6.QtCore import QTimer

        from app.live import State

        if self.window.live.state is State.FAILED:
            print("the engine failed:", self.window.banner.text)
            self.window.close()
        if self.phase == "open" and self.window.live.state in (State.PREVIEW, State.SETTLED):
            self.phase = "pause"
            self.window.live.cancel()
            self.window.live.ask = lambda request, **_: None  # nothing is asked of the worker in the first drag
            QTimer.singleShot(1500, self.window, lambda: self.start("idle"))
        if self.window.live.state is not State.SETTLED:
            return
        if self.phase == "after":
            self.settled.append(1e3 * (time.perf_counter() - self.let_go))
            if len(self.settled) < self.options.repeats:
                self.start("denoising")
            else:
                self.window.document.mark_saved(self.window.document.edit)  # nobody is there to answer whether to save it
                self.window.close()

    def start(self, phase: str) -> None:
        """Press on the slider and move it."""
        from PySide6.QtCore import QEvent

        self.phase = phase
        panel = next(p for p in self.window.side.panels if self.options.parameter in getattr(p, "sliders", {}))
        self.slider = panel.sliders[self.options.parameter].slider
        self.window.side.ensureWidgetVisible(self.slider)
        self.begun, self.count = time.perf_counter(), 0
        self.work[phase] = self.work.get(phase, 0.0) - time.thread_time()
        self.send(QEvent.Type.MouseButtonPress, 0.5)
        self.timer.start()

    def move(self) -> None:
        """Send the move that is due."""
        from PySide6.QtCore import QEvent

        passed, before = time.perf_counter() - self.begun, self.starved
        self.starved = starved()
        if passed > self.options.seconds:
            self.stop()
            return
        due = int(passed * RATE)
        if due == self.count:
            return
        self.count = due
        self.waiting.append((self.begun + due / RATE, before))
        share = 0.5 + 0.45 * np.sin(2 * np.pi * passed / 2.3 + 0.4 * len(self.settled))
        self.send(QEvent.Type.MouseMove, float(share))

    def stop(self) -> None:
        """Let go; after the idle drag, drag with the worker at work."""
        from PySide6.QtCore import QEvent, QTimer

        self.timer.stop()
        self.work[self.phase] += time.thread_time()
        self.let_go = time.perf_counter()
        self.send(QEvent.Type.MouseButtonRelease, None)
        if self.phase == "idle":
            self.window.live.ask = self.ask
            QTimer.singleShot(100, self.window, lambda: self.start("denoising"))
        else:
            self.phase = "after"

    def send(self, kind: Any, share: float | None) -> None:
        """A mouse event at a share of the slider's length."""
        from PySide6.QtCore import QPointF, Qt
        from PySide6.QtGui import QMouseEvent
        from PySide6.QtWidgets import QApplication

        if share is not None:
            self.at = QPointF(8 + share * (self.slider.width() - 16), self.slider.height() / 2)
        left = Qt.MouseButton.LeftButton
        QApplication.sendEvent(self.slider, QMouseEvent(kind, self.at, self.slider.mapToGlobal(self.at), left, left,
                                                        Qt.KeyboardModifier.NoModifier))

    def shown(self, result: Any) -> None:
        """A picture is on screen."""
        if self.phase == "denoising":
            self.during += 1
        elif self.phase == "after" and result.request.quality == "preview" and result.request.rig == self.window.document.rig:
            self.previews.append(1e3 * (time.perf_counter() - self.let_go))

    def canvas_painted(self) -> None:
        """The canvas has been painted with the buffers of all moves so far."""
        now = time.perf_counter()
        if self.phase in self.painted and not self.window._buffers_due.isActive():
            without = starved()
            self.painted[self.phase] += [1e3 * (now - due) for due, _ in self.waiting]
            self.own[self.phase] += [1e3 * max(now - due - (without - before), 0.0) for due, before in self.waiting]
            self.waiting.clear()

    # -- what came out

    def report(self) -> None:
        """The table."""
        rows: list[tuple[str, float, float | None]] = []
        for phase, values in self.painted.items():
            for name, share in (("p50", 50), ("p95", 95), ("p99", 99)):
                target = TARGETS["buffers p95"] if name == "p95" else None
                if values:
                    rows.append((f"buffers {name}, {phase} ({len(values)} moves)", float(np.percentile(values, share)), target))
            if any(value != own for value, own in zip(values, self.own[phase], strict=True)):
                rows.append((f"buffers p95, {phase}, on a free processor", float(np.percentile(self.own[phase], 95)),
                             TARGETS["buffers p95"]))
            if values:  # what a move costs the window's own thread, however busy the machine is
                rows.append((f"CPU time a move, {phase}", 1e3 * self.work[phase] / len(values), TARGETS["buffers p95"]))
        for name, values in (("preview", self.previews), ("settled", self.settled)):
            if values:
                rows.append((f"{name} after letting go, median of {len(values)}", float(np.median(values)), TARGETS[name]))
        print(f"{'what':<48}{'ms':>10}{'target':>10}{'ratio':>8}")
        for what, value, target in rows:
            print(f"{what:<48}{value:>10.1f}" + (f"{target:>10.0f}{value / target:>8.2f}" if target else ""))
        print(f"{self.during} pictures came during the drags; engine: {self.window.status.prior.text()}, "
              f"{self.window.status.device.text()}")


def starved() -> float:
    """Seconds in which this thread could have run and had no processor; 0 where the system doesn't tell."""
    try:
        return int(Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def main() -> int:
    """Run the drags and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--prior")
    parser.add_argument("--parameter", default="light.azimuth")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    from app import run
    from core.cli import Opening

    if run.display_problem() and shutil.which("xvfb-run"):
        os.execvp("xvfb-run", ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24", sys.executable, *sys.argv])
    drags: list[Drag] = []

    def started(window: Any) -> None:
        drags.append(Drag(window, options))

    _time_paint(lambda: drags[0].canvas_painted() if drags else None)
    status = run.open_window(Opening(options.photo, prior=options.prior), on_start=started)
    drags[0].report()
    return status


def _time_paint(done: Any) -> None:
    from app.canvas.stage import Stage

    paint = Stage.paintEvent

    def timed(self: Any, event: Any) -> None:
        paint(self, event)
        done()

    setattr(Stage, "paintEvent", timed)  # noqa: B010


if __name__ == "__main__":
    sys.exit(main())
