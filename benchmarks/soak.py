"""Hours of use in the real window with the real engine, pressed together: does memory stay where it is?

    python benchmarks/soak.py [--hours 4] [--pace 15] [--prior FILE] [--photos DIR]

Somebody does something every `--pace` seconds: drags a slider, turns the head, lights the face, undoes, opens another photo,
exports, makes a person's expression their own, looks at a buffer. Here they do not think in between: an action follows when the
settled picture of the one before is there, so that four hours at a pace of 15 s are 960 actions. Resident memory is noted after
each; growth is the slope over the second half, in MiB an hour of such use. Without a display it starts itself under Xvfb.
"""
from __future__ import annotations

import argparse
import gc
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent

sys.path.insert(0, str(REPOSITORY))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

from benchmarks._photos import default_photos  # noqa: E402
from core.memory import resident  # noqa: E402

ALLOWED = 24.0  # MiB an hour
PATIENCE_S = 60.0  # for one picture


class Soak:
    """Drives one window, an action after the other, from a timer of its own event loop."""

    def __init__(self, window: Any, options: argparse.Namespace, photos: list[Path], out: Path) -> None:
        from PySide6.QtCore import QTimer

        self.window, self.options, self.photos, self.out = window, options, photos, out
        self.rng = random.Random(0)
        self.count = round(options.hours * 3600 / options.pace)
        self.memory: list[float] = []
        self.widgets: list[int] = []
        self.failures: list[str] = []
        self.begun = time.monotonic()
        self.asked = time.monotonic()
        self.timer = QTimer(window)
        self.timer.setInterval(20)
        self.timer.timeout.connect(self.look)
        self.timer.start()

    def look(self) -> None:
        """The next action, once the picture of the last one is there."""
        from app.live import State

        window = self.window
        ready = window.engine is not None and window.document.session is not None and window._opening is None
        done = window.live.state in (State.SETTLED, State.FAILED) and not window.exports.count
        if not (ready and done) and time.monotonic() - self.asked < PATIENCE_S:
            return
        if not done:
            self.failures.append(f"action {len(self.memory)}: no picture after {PATIENCE_S:.0f} s")
        if window.live.state is State.FAILED:
            self.failures.append(f"action {len(self.memory)}: {window.banner.text}")
        self.note()
        if len(self.memory) >= self.count:
            self.end()
            return
        self.asked = time.monotonic()
        self.act()

    def note(self) -> None:
        """Memory and widgets now."""
        from PySide6.QtWidgets import QApplication

        if len(self.memory) % 50 == 0:
            gc.collect()
        self.memory.append(resident() / 2**20)
        self.widgets.append(len(QApplication.allWidgets()))
        if len(self.memory) % 50 == 0:
            print(f"{len(self.memory):5} of {self.count} actions, {self.memory[-1]:.0f} MiB, {self.widgets[-1]} widgets, "
                  f"{time.monotonic() - self.begun:.0f} s", flush=True)

    def act(self) -> None:
        """Something that people do."""
        actions: list[tuple[Callable[[], Any], int]] = [(self.drag, 60), (self.undo, 10), (self.open, 6), (self.export, 3),
                                                        (self.view, 6), (self.reset, 3), (self.seed, 6), (self.several, 6)]
        self.rng.choices([a for a, _ in actions], [w for _, w in actions])[0]()

    def drag(self) -> None:
        """A slider, in twelve moves."""
        document = self.window.document
        rows = [row for row in document.parameters().values() if row.unit != "rgb" and not row.name.startswith("sh.")]
        row = self.rng.choice(rows)
        start, end = (self.rng.uniform(row.low, row.high) * 0.6 for _ in range(2))
        document.begin(row.label)
        for value in np.linspace(start, end, 12):
            document.set(row.name, float(value))
            self.window._show_buffers()
        document.end()

    def several(self) -> None:
        """A set of values at once, as a preset is."""
        document = self.window.document
        names = self.rng.sample([n for n in document.parameters() if n.startswith("expression.")], 3)
        document.update(dict.fromkeys(names, 0.3), "Preset")

    def undo(self) -> None:
        """A few steps back, and one forth."""
        for _ in range(self.rng.randint(1, 4)):
            self.window.undo()
        self.window.redo()

    def open(self) -> None:
        """Another photo."""
        self.window.open_photo(self.rng.choice(self.photos))

    def export(self) -> None:
        """The whole photo."""
        self.window.export(self.out / f"{self.rng.randrange(4)}.jpg")

    def view(self) -> None:
        """Look at a buffer and back."""
        names = self.window.actions_by_name
        names[f"view-{self.rng.randint(1, 3)}"].trigger()
        names["view-0"].trigger()

    def reset(self) -> None:
        """Back to the photo."""
        self.window.reset_all()

    def seed(self) -> None:
        """Another seed, or other noise."""
        if self.rng.random() < 0.5:
            self.window.document.set_appearance(seed=self.rng.randrange(1000))
        else:
            self.window.document.set_appearance(noise=self.rng.choice(["inverted", "seeded"]))

    def end(self) -> None:
        """Close without questions."""
        from PySide6.QtWidgets import QApplication

        self.timer.stop()
        self.window.shut_down()
        QApplication.exit(0)

    def report(self) -> int:
        """Print what was found; 1 when memory grows or a picture failed."""
        half = np.array(self.memory[len(self.memory) // 2:])
        hours = np.arange(len(half)) * self.options.pace / 3600
        slope = float(np.polyfit(hours, half, 1)[0])
        after_photos = self.memory[min(len(self.memory) - 1, len(self.memory) // 8)]
        print(f"\n{len(self.memory)} actions = {self.options.hours:g} h at one every {self.options.pace:g} s, done in "
              f"{(time.monotonic() - self.begun) / 60:.0f} min, {len(self.photos)} photos")
        print(f"memory {self.memory[0]:.0f} MiB at first, {after_photos:.0f} after an eighth, {half[0]:.0f} at half, "
              f"{half[-1]:.0f} at the end, {max(self.memory):.0f} at most")
        print(f"second half {slope:+.1f} MiB an hour (asked {ALLOWED:g}); widgets {self.widgets[len(self.widgets) // 2]} at "
              f"half, {self.widgets[-1]} at the end; {len(self.failures)} failures")
        for said in self.failures[:10]:
            print(f"  {said}")
        return int(slope > ALLOWED or bool(self.failures))


def main() -> int:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=4.0, help="of simulated use")
    parser.add_argument("--pace", type=float, default=15.0, help="simulated seconds an action")
    parser.add_argument("--prior", help="the model (default: the one that ships)")
    parser.add_argument("--photos", type=Path, default=default_photos(), help="folder of photos to open in turn")
    parser.add_argument("--most-photos", type=int, default=12)
    options = parser.parse_args()
    from app import run
    from core.cli import Opening
    from core.photo import SUFFIXES

    if run.display_problem() and shutil.which("xvfb-run"):
        os.execvp("xvfb-run", ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24", sys.executable, *sys.argv])
    photos = sorted(path for path in options.photos.iterdir() if path.suffix.lower() in SUFFIXES)[:options.most_photos]
    if not photos:
        print(f"There are no photos in {options.photos}.", file=sys.stderr)
        return 1
    runs: list[Soak] = []
    with tempfile.TemporaryDirectory() as place:
        os.environ["DIFFUSIONRIG_HOME"] = place  # the user's own settings, history and recovery stay out of it
        status = run.open_window(Opening(photos[0], prior=options.prior),
                                 on_start=lambda window: runs.append(Soak(window, options, photos, Path(place))))
    return runs[0].report() or status


if __name__ == "__main__":
    sys.exit(main())
