"""Photos that show the same moment: equal pictures, and pictures of which one was made from the other or shot right after it."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Copies (encoded at quality 20, halved, cut, mirrored, turned, grey, brighter, other colours, gamma 0.6) of five photos are at
# least .989 alike; different photos of one man at most .71, a woman's neutral and smiling portraits from one sitting at most .95.
SAME_MOMENT = 0.97


def likeness(looks: Sequence[np.ndarray]) -> np.ndarray:
    """(N, N) correlations, -1 to 1, of looks (32, 32) uint8, mirrored where that is more alike; 0 for one without contrast."""
    plain, mirrored = (np.stack([_plain(one[:, ::step]) for one in looks]) for step in (1, -1))
    return np.maximum(plain @ plain.T, plain @ mirrored.T)


def groups(looks: Sequence[np.ndarray], least: float = SAME_MOMENT) -> list[list[int]]:
    """Indices of looks that belong together, groups of two and more; a member is like the first of its group, so that a series
    does not chain through a slow change. The order of `looks` is the order of preference."""
    if not looks:
        return []
    alike = likeness(looks) >= least
    found: list[list[int]] = []
    for index in range(len(looks)):
        home = next((group for group in found if alike[group[0], index]), None)
        if home is None:
            found.append([index])
        else:
            home.append(index)
    return [group for group in found if len(group) > 1]


def _plain(values: np.ndarray) -> np.ndarray:
    """(1024,) of mean 0 and length 1; zeros for a flat picture."""
    floats = values.astype(np.float32).ravel() - values.mean()
    return np.asarray(floats / max(float(np.linalg.norm(floats)), 1.0), np.float32)
