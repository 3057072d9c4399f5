"""Values known in places, carried smoothly to everywhere: a pyramid of weighted means."""
from __future__ import annotations

import numpy as np

from core.cv import cv2


def pull_push(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Values (H, W, C) where weight is 1, smoothly continued to everywhere else (a pyramid of weighted means)."""
    levels = [(values * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 2:
        height, width = ((n + 1) // 2 for n in levels[-1][1].shape)
        value, share = (cv2.resize(a, (width, height), interpolation=cv2.INTER_AREA) for a in levels[-1])
        levels.append((value, share))
    top_values, top_weight = levels[-1]
    result = np.broadcast_to(top_values.sum((0, 1)) / max(float(top_weight.sum()), 1e-6), top_values.shape)
    for value, share in reversed(levels):
        coarse = cv2.resize(np.ascontiguousarray(result, np.float32), share.shape[::-1], interpolation=cv2.INTER_LINEAR)
        sure = np.minimum(share * 4, 1)[..., None]
        mean = value / np.maximum(share, 1e-6)[..., None]
        result = coarse + (mean - coarse) * sure
    unknown = (weight < 0.5)[..., None]
    for radius in (max(values.shape[0] // 32, 1) * 2 + 1, 5):
        result = np.where(unknown, cv2.GaussianBlur(result, (0, 0), radius / 3), values)
    return result.astype(np.float32)
