"""Where times stand on the screen: zoom, scroll, the ruler's marks."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LEAST, MOST = 6.0, 3000.0  # pixels a second
_STEPS = (0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300)
_APART = 64  # pixels between numbers


@dataclass(frozen=True)
class Scale:
    """left: where second `start` stands, pixels; zoom: pixels a second."""

    left: float
    zoom: float
    start: float = 0.0

    def x(self, time: float) -> float:
        """Where a time stands."""
        return self.left + (time - self.start) * self.zoom

    def time(self, x: float) -> float:
        """The time at a place."""
        return self.start + (x - self.left) / self.zoom

    def marks(self, until: float) -> Iterator[tuple[float, str]]:
        """Times that get a number, and the number, up to a place in pixels."""
        step = next((s for s in _STEPS if s * self.zoom >= _APART), _STEPS[-1])
        number = max(0, int(self.start / step))
        while self.x(number * step) <= until:
            yield number * step, clock(number * step, step < 1)
            number += 1


def clock(seconds: float, parts: bool = True) -> str:
    """'1:05', with parts '1:05.25'; below a minute '5 s' and '5.25 s'."""
    if seconds >= 60:
        minutes, rest = divmod(seconds, 60)
        return f"{int(minutes)}:{rest:05.2f}" if parts else f"{int(minutes)}:{rest:02.0f}"
    return f"{seconds:.2f} s" if parts else f"{seconds:.0f} s"
