"""What a person's file says of how it was made."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.personalize.events import plain
from core.personalize.measure import Quality
from core.personalize.presets import Preset
from core.personalize.runs import Run, now

if TYPE_CHECKING:
    from core.album import Album


def card_of(run: Run, album: Album, preset: Preset, curve: Sequence[dict[str, Any]], before: Quality, after: Quality | None,
            held_out: bool, seconds: float) -> dict[str, Any]:
    """The card of a person or a draft (see `core.people.person`). held_out: whether `before` and `after` are of photos that were
    not trained on; else only the colour drift is said, which was measured on photos that were."""
    measured = {"before": before.to_json(), "after": after.to_json() if after is not None else {}}
    if not held_out:
        measured = {name: {"drift": values.get("drift")} for name, values in measured.items()}
    counts = album.counts
    return plain({
        "preset": preset.name,
        "settings": {**preset.to_json(), "steps": run.facts.get("step", 0), "seconds": round(seconds, 1)},
        "photos": {**counts, "held_out": list(run.facts["held_out"]), "names": [photo.name for photo in album.used]},
        "curve": list(curve),
        "measured": measured,
        "consent": run.facts["consent"],
        "created": now(),
    })
