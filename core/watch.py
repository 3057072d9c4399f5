"""What a long computation tells while it runs: its steps, its times, and whether anybody still wants it."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from core.errors import Cancelled

OnStep = Callable[[int, int, Any], None]


class Watch:
    """What the caller of a render wants to see, and whether it still wants it."""

    def __init__(self, on_step: OnStep | None, cancelled: Callable[[], bool] | None) -> None:
        self._on_step, self._cancelled = on_step, cancelled

    def step(self, picture: Callable[[Any], Any]) -> OnStep:
        """A sampler's callback: raises Cancelled when asked to, else shows `picture(estimate)`."""
        def watched(index: int, total: int, estimate: Any) -> None:
            if self._cancelled is not None and self._cancelled():
                raise Cancelled
            if self._on_step is not None:
                self._on_step(index, total, picture(estimate))
        return watched


class Clock:
    """Seconds since the last lap, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now

