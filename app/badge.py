"""What the badge over the picture says, and in which colour. It is dark in both schemes."""
from __future__ import annotations

from app.live import State
from app.setup import Setup
from app.theme import DARK

_SHOWN = {State.STALE: ("Updating", DARK.warn), State.PREVIEW: ("Preview", DARK.warn), State.REFINING: ("Refining", DARK.accent),
          State.SETTLED: ("Settled", DARK.good), State.FAILED: ("Not updated", DARK.bad), State.EMPTY: ("", ""),
          State.IMPOSSIBLE: ("No picture", DARK.warn)}


def badge(state: State, loading: Setup | None = None) -> tuple[str, str]:
    """Text and colour: how the picture stands to the edit, or what is being loaded."""
    return _SHOWN[state] if loading is None else (f"Loading {loading.words} …", DARK.accent)


def progress(step: int, steps: int, left: float | None) -> tuple[str, str, float]:
    """Text, colour and share done of a settle pass; left: seconds, where that is known."""
    text = f"Refining {step} of {steps}"
    if left is not None and step < steps:
        text += f", {left:.0f} s left" if left >= 1 else ", almost done"
    return text, DARK.accent, step / max(1, steps)
