#!/usr/bin/env python3
"""DiffusionRig Studio. Without a command this opens the window; `python main.py --help` lists the commands."""
from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.cli import Opening


def _use_own_environment() -> None:
    """Go on in .venv when the packages are only there, so that a plain `python main.py` works after `make setup`."""
    from importlib.util import find_spec

    folder = Path(__file__).resolve().parent / ".venv"
    own = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if find_spec("torch") is None and own.exists() and Path(sys.prefix).resolve() != folder:
        sys.stdout.flush()
        os.execv(own, [str(own), str(Path(__file__).resolve()), *sys.argv[1:]])


def display_problem() -> str | None:
    """Why no window can open here, as one line that says what to do; None when one can."""
    from app.run import display_problem as no_display
    from core.display import connection_problem
    return no_display() or connection_problem()


def open_window(opening: Opening) -> int:
    """Open the window, with a photo in it. Returns its exit status when it is closed."""
    from app.run import open_window as show
    return show(opening)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status: 0 done, 2 wrong use or unusable input, 3 no display, 1 a defect."""
    from core.cli import run
    return run(sys.argv[1:] if arguments is None else arguments, open_window, display_problem)


if __name__ == "__main__":
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        sys.exit("error: DiffusionRig Studio needs Python 3.11 or 3.12; 'make setup' finds one and makes .venv with it")
    _use_own_environment()
    sys.exit(main())
