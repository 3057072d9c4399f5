"""Picture arithmetic around the network: relighting, soft masks, one picture at several sizes."""
from __future__ import annotations

import numpy as np

from core.cv import cv2

_HUE = 0.85  # how far the brightest channel holds the others back near white


def smoothstep(t: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth between; float32."""
    t = np.clip(t, 0, 1).astype(np.float32)
    return t * t * (3 - 2 * t)


def to_model(picture: np.ndarray) -> np.ndarray:
    """(S, S, 3) on the scale 0..255 -> (3, S, S) float32 in [-1, 1]."""
    return np.ascontiguousarray(picture.astype(np.float32).transpose(2, 0, 1)) / 127.5 - 1.0


def from_model(picture: np.ndarray) -> np.ndarray:
    """(3, S, S) in about [-1, 1] -> (S, S, 3) float32 on the scale 0..255, not clipped."""
    return np.ascontiguousarray(picture.transpose(1, 2, 0), np.float32) * 127.5 + 127.5


def to_uint8(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) float on the scale 0..255 -> uint8, rounded half up as in spec section 7."""
    return np.floor(np.clip(picture + 0.5, 0, 255)).astype(np.uint8)


def to_uint16(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) float on the scale 0..255 -> uint16 0..65535, to the nearest."""
    return np.rint(np.clip(picture, 0, 255) * np.float32(257)).astype(np.uint16)


def resize(picture: np.ndarray, size: int) -> np.ndarray:
    """A square float picture at another side length: area average down, cubic up."""
    if picture.shape[0] == size:
        return picture
    method = cv2.INTER_AREA if size < picture.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(picture, (size, size), interpolation=method)


def relight(picture: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """A picture (S, S, 3) on the scale 0..255 times quotient factors, with a shoulder: brightened parts near white never clip."""
    value = np.clip(picture / np.float32(255), 0, 1)
    gain = np.maximum(factors - 1, 0)
    # skin that is brightened must not turn white; numpy's own maximum over an axis of three is slow
    full = np.maximum(value, _HUE * np.maximum(np.maximum(value[..., 0], value[..., 1]), value[..., 2])[..., None])
    return (255 * value * factors / (1 + gain * full * full)).astype(np.float32)


def soft_mask(coverage: np.ndarray, grow: float = 0.06) -> np.ndarray:
    """(S, S) in [0, 1]: 1 on the covered part and a margin of `grow` * S around it, falling off smoothly outside."""
    side = coverage.shape[0]
    distance = cv2.distanceTransform((coverage < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / side
    return smoothstep(1 - (distance - grow / 2) / grow)
