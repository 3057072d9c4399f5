"""Buffers as pictures for people: viewable images, and the fitted head laid over the photo."""
from __future__ import annotations

import numpy as np

from core.render.buffers import Buffers

VIEWS = ("rendered", "normal", "albedo", "coverage")


def _bytes(image: np.ndarray) -> np.ndarray:
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def view(buffers: Buffers, name: str) -> np.ndarray:
    """One buffer as (H, W, 3) uint8 RGB: 'rendered' and 'albedo' clipped to [0, 1], 'normal' as (n + 1) / 2, 'coverage'.

    Raises ValueError for another name.
    """
    if name not in VIEWS:
        raise ValueError(f"no buffer called {name!r}; there are {', '.join(VIEWS)}")
    if name == "coverage":
        return np.repeat(_bytes(buffers.coverage)[..., None], 3, 2)
    if name == "normal":
        return _bytes((buffers.normal + 1) / 2 * buffers.coverage[..., None])
    return _bytes(getattr(buffers, name))


def overlay(picture: np.ndarray, buffers: Buffers, alpha: float = 0.6, name: str = "rendered") -> np.ndarray:
    """The head laid over a picture (H, W, 3) uint8 RGB of the buffers' size, as uint8. alpha: 0 the picture, 1 the head."""
    if picture.shape[:2] != buffers.coverage.shape:
        raise ValueError(f"the picture is {picture.shape[1]} x {picture.shape[0]}, the buffers {buffers.size} x {buffers.size}")
    weight = np.clip(alpha, 0, 1) * buffers.coverage[..., None]
    mixed = picture * (1 - weight) + view(buffers, name) * weight
    return (mixed + 0.5).astype(np.uint8)
