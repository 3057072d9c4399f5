"""Work for the tests of core.cluster: by name, because workers import it."""
from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import UserError


def doubling(folder: str) -> Callable[[Any], Any]:
    """Doubles numbers, says in which process, and leaves a trace in `folder`.

    'die once' kills its worker the first time, 'die' each time, 'raise' raises UserError, 'slow ...' takes a while,
    'meet ...' waits for the other one.
    """
    traces = Path(folder)

    def do(item: Any) -> Any:
        (traces / f"{item}-{os.getpid()}-{time.monotonic_ns()}").touch()
        if item == "die" or item == "die once" and len(list(traces.glob("die once-*"))) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "raise":
            raise UserError("as asked")
        if str(item).startswith("slow"):
            time.sleep(0.4)
        end = time.monotonic() + 30
        while str(item).startswith("meet") and len(list(traces.glob("meet*"))) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        return item * 2, os.getpid()
    return do


def unable() -> Callable[[Any], Any]:
    """A worker that can't be made."""
    raise UserError("the head is missing")


def dead_at_once() -> Callable[[Any], Any]:
    """A worker that dies while it is made."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
