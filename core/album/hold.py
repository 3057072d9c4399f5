"""Which photos of an album are kept out of the training, to measure with."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.album.facts import ACCEPTED, AlbumPhoto

# What a difference of 1 is, in each fact: what sets photos apart for someone who looks at them.
_UNITS = {"yaw": 20.0, "pitch": 15.0, "smile": 0.5, "jaw": 0.4, "azimuth": 50.0, "elevation": 35.0, "brightness": 50.0}
_FINE = 256.0  # side of the aligned square, in pixels of the photo, from which there is detail to measure


def count_for(used: int) -> int:
    """How many photos of `used` to hold out: 1 below 8 photos, 4 from 16 on, and none of a single one."""
    return 0 if used < 2 else 1 if used < 8 else min(used // 4, 4)


def held_out(photos: Sequence[AlbumPhoto], count: int | None = None) -> tuple[str, ...]:
    """Names of the photos to hold out, a fixed choice: good ones, apart from each other, each of whose kind others remain.

    photos: those used. count: None for `count_for`; never so many that fewer than half remain.
    """
    wanted = min(count_for(len(photos)) if count is None else max(count, 0), len(photos) // 2)
    order = sorted(photos, key=lambda p: p.name)
    if not wanted:
        return ()
    places = np.array([[p.facts[key] / unit for key, unit in _UNITS.items()] for p in order])
    away = np.linalg.norm(places[:, None] - places, axis=2)
    unit = max(float(np.median(away)), 1e-6)
    # a weak or coarse photo measures badly; the only profile or the only night shot is worth more in the training
    cost = np.median(away, 1) / unit + np.array([(p.verdict != ACCEPTED) * 1.5 + max(0.0, 1 - p.facts["side"] / _FINE)
                                                 for p in order])
    np.fill_diagonal(away, np.inf)
    chosen: list[int] = []
    while len(chosen) < wanted:
        rest = np.setdiff1d(np.arange(len(order)), chosen)
        alone = away[rest][:, rest].min(1)  # at least half remain, so of two and more photos one does
        apart = away[rest][:, chosen].min(1) if chosen else 0.0
        chosen.append(int(rest[np.argmax((apart - alone) / unit - cost[rest])]))
    return tuple(order[i].name for i in sorted(chosen))
