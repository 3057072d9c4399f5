"""What a run tells and what it is told: events as lines of JSON or as text for people, commands as words on standard input."""
from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = ("pause", "resume", "stop", "finish", "cancel")
CLOSED = "stop"  # standard input closed: whoever started this has died


class Events:
    """Tells events: to standard output, and those of training to the run's events file.

    as_json: one JSON object a line, else `text(event)` where that is not None. The name is under 'event'.
    """

    def __init__(self, as_json: bool, text: Callable[[dict[str, Any]], str | None]) -> None:
        self.as_json, self.text = as_json, text
        self.file: Path | None = None

    def __call__(self, event: str, **values: Any) -> None:
        """Tell one. Numbers that are none become null."""
        said = plain({"event": event, **values})
        line = json.dumps(said) if self.as_json else self.text(said)
        if line is not None:
            with contextlib.suppress(OSError):  # nobody listens any more: standard input says so too
                print(line, flush=True)
        if self.file is not None and event not in ("reading", "opened"):
            with contextlib.suppress(OSError), self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(said) + "\n")


class Commands:
    """Words that come while a run works. listen: read standard input (else nothing ever comes)."""

    def __init__(self, listen: bool) -> None:
        self._words: queue.Queue[str] = queue.Queue()
        if listen:
            threading.Thread(target=self._read, name="commands", daemon=True).start()

    def put(self, word: str) -> None:
        """As if it had come."""
        self._words.put(word)

    def newest(self, wait: bool = False) -> str | None:
        """The next word, None where there is none. wait: until there is one."""
        try:
            return self._words.get(timeout=0.2) if wait else self._words.get_nowait()
        except queue.Empty:
            return None

    def _read(self) -> None:
        # by descriptor: a thread that waits inside sys.stdin would hold its lock when Python ends
        rest, handle = b"", sys.stdin.fileno()
        with contextlib.suppress(OSError):
            while more := os.read(handle, 4096):
                *lines, rest = (rest + more).split(b"\n")
                for line in lines:
                    if (word := line.decode("utf-8", "replace").strip()) in WORDS:
                        self._words.put(word)
        self._words.put(CLOSED)


def plain(value: Any) -> Any:
    """JSON values of a value: paths as text, tuples as lists, numbers that are none as None."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value
