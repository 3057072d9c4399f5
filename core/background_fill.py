"""Filling what stands before a background: colours flow in from around it, and texture goes on where copies of it agree.

Most backgrounds of portraits are out of focus, and a smooth continuation (`core.background_lines`) is what they look like. Where
they are sharp, finer detail is brought from places that look alike (`core.background_patches`): each pixel's is the mean of what
the places around it say. Leaves and sand agree well enough to keep their grain; where a cupboard or a window would have to be
invented they differ, and blur out. So nothing is ever sharp and wrong.
"""
from __future__ import annotations

import numpy as np
from numba import njit

from core.background_lines import flow_into
from core.background_patches import BAND, find_places
from core.compose import smoothstep
from core.cv import cv2

_DETAIL = 0.02  # what is finer than this share of the picture's side is detail
_REACH = 2  # pixels of the search over which places agree or not


def fill(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The picture (S, S, 3) float32 with what is in the hole (S, S) bool replaced; elsewhere exactly as it is.

    Deterministic. Where nothing is left to go on from, the picture comes back as it is.
    """
    if not hole.any() or hole.mean() > 0.98:
        return picture.copy()
    smooth = flow_into(picture, hole)
    places, wanted = find_places(picture, smooth, hole)
    if places is None:
        return smooth
    size = picture.shape[0]
    known = (~hole).astype(np.float32)
    mass = np.maximum(cv2.GaussianBlur(known, (0, 0), _DETAIL * size), 1e-3)[..., None]
    low = cv2.GaussianBlur(picture * known[..., None], (0, 0), _DETAIL * size) / mass
    detail = np.ascontiguousarray((picture - low) * known[..., None], np.float32)
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    _bring(detail, places, wanted, hole * smoothstep(1 - depth / (BAND * size)), smooth)
    return smooth


@njit(cache=True, nogil=True)
def _bring(detail, places, wanted, share, out):
    """Add to out (S, S, 3) the detail that places (L, L, 2) bring, as far as share (S, S) says."""
    size = len(detail)
    scale = np.float32(size) / np.float32(len(places))
    brought = np.empty(3, np.float32)
    for y in range(size):
        for x in range(size):
            if share[y, x] > 0 and _mean(detail, places, wanted, x, y, scale, brought):
                for c in range(3):
                    out[y, x, c] += share[y, x] * brought[c]


@njit(cache=True, nogil=True)
def _mean(detail, places, wanted, x, y, scale, brought):
    """The mean detail (3,) that the places around a pixel bring it; whether there are any."""
    size, side = len(detail), len(places)
    u, v = (x + np.float32(0.5)) / scale - np.float32(0.5), (y + np.float32(0.5)) / scale - np.float32(0.5)
    total = np.float32(0)
    brought[:] = 0
    for qy in range(max(int(v + 0.5) - _REACH, 0), min(int(v + 0.5) + _REACH + 1, side)):
        for qx in range(max(int(u + 0.5) - _REACH, 0), min(int(u + 0.5) + _REACH + 1, side)):
            sx, sy = int(x + (places[qy, qx, 0] - qx) * scale), int(y + (places[qy, qx, 1] - qy) * scale)
            if wanted[qy, qx] and 0 <= sx < size and 0 <= sy < size:
                w = np.exp(np.float32(-0.3) * ((qx - u) * (qx - u) + (qy - v) * (qy - v)))
                total += w
                for c in range(3):
                    brought[c] += w * detail[sy, sx, c]
    for c in range(3):
        brought[c] /= max(total, np.float32(1e-6))
    return total > 0
