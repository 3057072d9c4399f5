"""What the badge over the picture says, and in which colour. It is dark in both schemes."""
from __future__ import annotations

from app.language import tr
from app.live import State
from app.setup import Setup
from app.theme import DARK

_SHOWN = {State.STALE: ("Updating", DARK.warn), State.PREVIEW: ("Preview", DARK.warn), State.REFINING: ("Refining", DARK.accent),
          State.SETTLED: ("Settled", DARK.good), State.FAILED: ("Not updated", DARK.bad), State.EMPTY: ("", ""),
          State.IMPOSSIBLE: ("No picture", DARK.warn)}


def badge(state: State, loading: Setup | None = None, waits: str = "") -> tuple[str, str]:
    """Text and colour: how the picture stands to the edit, what is being loaded, or what a preview `waits` for."""
    if loading is not None:
        return tr("Loading {what} …", what=loading.words), DARK.accent
    if waits and state is State.PREVIEW:
        return tr("Preview; next after {what}", what=waits), DARK.warn
    text, color = _SHOWN[state]
    return tr(text) if text else "", color


def progress(step: int, steps: int, left: float | None) -> tuple[str, str, float]:
    """Text, colour and share done of a settle pass; left: seconds, where that is known."""
    if left is None or step >= steps:
        text = tr("Refining {step} of {steps}", step=step, steps=steps)
    elif left < 1:
        text = tr("Refining {step} of {steps}, almost done", step=step, steps=steps)
    else:
        text = tr("Refining {step} of {steps}, {seconds} s left", step=step, steps=steps, seconds=f"{left:.0f}")
    return text, DARK.accent, step / max(1, steps)
