"""How an album covers poses, expressions and light, and which photos would help most."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.album.facts import AlbumPhoto

BINS: dict[str, tuple[float, ...]] = {
    "yaw": (-60, -35, -20, -8, 8, 20, 35, 60), "pitch": (-45, -20, -8, 8, 20, 45), "smile": (0, 0.2, 0.5, 0.8, 1),
    "jaw": (0, 0.1, 0.3, 0.6, 1), "azimuth": (-180, -60, -20, 20, 60, 180), "elevation": (-90, -15, 15, 45, 90)}
ENOUGH = 20  # photos: what the paper takes; more help little
FEW = 8


@dataclass(frozen=True)
class Row:
    """One photo's place: yaw, pitch, azimuth and elevation in degrees, smile and jaw from 0 to 1."""

    name: str
    used: bool
    yaw: float
    pitch: float
    smile: float
    jaw: float
    azimuth: float
    elevation: float


@dataclass(frozen=True)
class Coverage:
    """rows: one a photo that shows the person. histograms: count of used photos in each of `BINS`, by name; what lies beyond the
    ends counts in the outermost."""

    rows: tuple[Row, ...]
    histograms: dict[str, tuple[int, ...]]


def coverage(photos: Sequence[AlbumPhoto]) -> Coverage:
    """Of the photos that show the person, whether used or not."""
    own = [p for p in photos if p.facts and (p.used or not any(r.code == "other-person" for r in p.reasons))]
    rows = tuple(Row(p.name, p.used, *(float(p.facts[key]) for key in BINS)) for p in own)
    counts = {}
    for key, edges in BINS.items():
        values = np.clip([getattr(row, key) for row in rows if row.used], edges[0], edges[-1])
        counts[key] = tuple(int(n) for n in np.histogram(values, edges)[0])
    return Coverage(rows, counts)


def advice(photos: Sequence[AlbumPhoto], size: int) -> tuple[str, ...]:
    """Sentences on what would help most, the most useful first. size: side of the network's pictures."""
    used = [p for p in photos if p.used]
    if not used:
        return ("No photo can be used yet. Add photos that show one person's face, upright, sharp and well lit.",)
    said = []
    if len(used) < FEW:
        said.append(f"Add photos: {len(used)} {'is' if len(used) == 1 else 'are'} used, about {ENOUGH} are best.")
    f = {key: np.array([p.facts[key] for p in used]) for key in (*BINS, "side", "lamp", "sides", "blink_left")}
    if np.mean(f["side"] < 0.8 * size) > 0.5:
        said.append(f"Add close-ups: in most photos the face has fewer pixels than the model's pictures ({size}).")
    gaps = [
        (float(np.mean(f["yaw"] > 12)), "Add a photo with the head turned toward the picture's right."),
        (float(np.mean(f["yaw"] < -12)), "Add a photo with the head turned toward the picture's left."),
        (float(np.mean(f["smile"] > 0.4)), "Add a photo with a smile."),
        (float(np.mean(f["smile"] < 0.25)), "Add a photo with a calm face, mouth closed."),
        (float(np.mean(f["jaw"] > 0.15)), "Add a photo with the mouth open, as when talking or laughing."),
        (float(np.mean(np.abs(f["azimuth"]) > 30)), "Add a photo with light from the side, as beside a window."),
        (float(np.mean((np.abs(f["azimuth"]) < 25) & (f["sides"] < 1.3))), "Add a photo in even light from the front."),
        (float(np.mean(np.abs(f["pitch"]) > 10)), "Add a photo that looks slightly up or down."),
        (float(np.mean(np.abs(f["yaw"]) < 12)), "Add a photo that faces the camera."),
    ]
    said += [text for share, text in sorted(gaps, key=lambda gap: gap[0]) if share < 0.08][:3]
    if len(used) < ENOUGH and len(said) == 0:
        said.append(f"The album covers what matters. More photos, up to about {ENOUGH}, in other places and light still help.")
    return tuple(said)
