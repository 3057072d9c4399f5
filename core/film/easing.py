"""How a value goes from one key to the next: easings, a monotone cubic, and colours as light."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

EASINGS = ("linear", "in", "out", "smooth", "flow", "hold")
_CURVES: dict[str, Callable[[float], float]] = {
    "linear": lambda s: s, "in": lambda s: s * s, "out": lambda s: s * (2 - s), "smooth": lambda s: s * s * (3 - 2 * s),
    "hold": lambda s: 0.0,
}


def eased(easing: str, a: np.ndarray, b: np.ndarray, share: float, slopes: np.ndarray | None = None) -> np.ndarray:
    """The point (C,) at a share (0..1) of the way from a to b, never outside their range. easing: one of EASINGS; 'flow' takes
    the slopes (2, C) at both ends, per whole way."""
    point = _hermite(a, b, slopes[0], slopes[1], share) if slopes is not None else a + _CURVES[easing](share) * (b - a)
    return np.clip(point, np.minimum(a, b), np.maximum(a, b))


def monotone_slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Slopes (N, C) at points x (N,) rising, y (N, C), with which cubic pieces never leave the range of their two ends (Fritsch &
    Carlson 1980, with the harmonic mean of Fritsch & Butland 1984). Flat at both ends and at every turning point."""
    slopes = np.zeros_like(y)
    if len(x) < 3:
        return slopes
    width = np.diff(x)[:, None]
    rise = np.diff(y, axis=0) / width
    before, after, left, right = rise[:-1], rise[1:], width[:-1], width[1:]
    same = before * after > 0
    weight = 3 * (left + right)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = weight / ((2 * right + left) / before + (right + 2 * left) / after)
    slopes[1:-1] = np.where(same, mean, 0.0)
    return slopes


def _hermite(a: np.ndarray, b: np.ndarray, rise_a: np.ndarray, rise_b: np.ndarray, s: float) -> np.ndarray:
    turned = 1 - s
    return np.asarray((1 + 2 * s) * turned * turned * a + s * turned * turned * rise_a + s * s * (3 - 2 * s) * b
                      - s * s * turned * rise_b)


def to_linear(colour: np.ndarray) -> np.ndarray:
    """sRGB values as light (IEC 61966-2-1)."""
    return np.where(colour <= 0.04045, colour / 12.92, ((np.maximum(colour, 0) + 0.055) / 1.055) ** 2.4)


def from_linear(light: np.ndarray) -> np.ndarray:
    """Light as sRGB values."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)
