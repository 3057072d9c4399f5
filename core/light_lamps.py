"""Lamps: light that second-order spherical harmonics can't hold, because its edge is hard or it throws a shadow.

A lamp stands far away and is a disc: every surface point sees the same bundle of directions. What it gives a surface with the
normal N is the mean over the disc of max(0, N.d), times what of the disc the point sees (`core.shadows`); a surface that faces
the lamp freely gets `light`. The paper calls this "hard directional light with cast shadow" (DiffusionRig, supplement).
"""
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from core.light import lamp_lobe

WIDEST = 40.0  # half angle of the softest lamp's disc, degrees: about where its bands beyond the second order are gone
MAX_LAMPS = 16  # of one face code: the rig makes four at most, twice as many while one light becomes another
_MOST = 1e3
_SAMPLES = 32


@dataclass(frozen=True)
class Lamp:
    """One lamp. direction: unit vector (x to the picture's right, y up, z to the viewer) from the head to the lamp. light: RGB
    shading of a surface that faces it. softness (0..1): its size, from a point to a disc of `WIDEST` degrees half angle.
    shadow (0..1): how much of its light is kept from where the head shades itself; 0 throws no shadow.

    Raises ValueError for numbers beyond a thousand, softness or shadow out of range, and a direction without length.
    """

    direction: tuple[float, float, float]
    light: tuple[float, float, float]
    softness: float = 0.0
    shadow: float = 1.0

    def __post_init__(self) -> None:
        direction, light = (tuple(float(v) for v in values) for values in (self.direction, self.light))
        length = math.sqrt(sum(v * v for v in direction))
        numbers = (*direction, *light, float(self.softness), float(self.shadow))
        if len(direction) != 3 or len(light) != 3 or not all(abs(v) <= _MOST for v in numbers) or length < 1e-6:
            raise ValueError("a lamp needs a direction and a light of three numbers each")
        if not (0 <= self.softness <= 1 and 0 <= self.shadow <= 1):
            raise ValueError("a lamp's softness and shadow go from 0 to 1")
        if abs(length - 1) > 1e-6:
            direction = tuple(v / length for v in direction)
        object.__setattr__(self, "direction", direction)
        object.__setattr__(self, "light", light)
        object.__setattr__(self, "softness", float(self.softness))
        object.__setattr__(self, "shadow", float(self.shadow))

    @property
    def half_angle(self) -> float:
        """Of the disc, radians."""
        return math.radians(WIDEST * self.softness)

    def numbers(self) -> np.ndarray:
        """(8,) float64: everything that makes it."""
        return np.array([*self.direction, *self.light, self.softness, self.shadow])

    def to_json(self) -> list[Any]:
        """Plain values; `from_json` gives an equal lamp back."""
        return [list(v) if isinstance(v, tuple) else v for v in astuple(self)]

    @classmethod
    def from_json(cls, plain: Any) -> Lamp:
        """The lamp written by `to_json`. Raises ValueError for anything else."""
        try:
            direction, light, softness, shadow = plain
            return cls(tuple(direction), tuple(light), softness, shadow)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"not a lamp: {error}") from error


def scaled(lamps: Iterable[Lamp], share: float) -> tuple[Lamp, ...]:
    """The lamps with `share` of their light; none at 0."""
    if share == 0:
        return ()
    return tuple(replace(lamp, light=tuple(share * v for v in lamp.light)) for lamp in lamps)  # type: ignore[arg-type]


def between(before: tuple[Lamp, ...], after: tuple[Lamp, ...], share: float) -> tuple[Lamp, ...]:
    """The lamps whose light is that of `before` (share 0), of `after` (1), or mixed in a straight line."""
    return before if before == after else scaled(before, 1 - share) + scaled(after, share)


def whole_light(light: np.ndarray, lamps: Sequence[Lamp]) -> np.ndarray:
    """Coefficients (9, 3) float32 of a light and its lamps, as nearly as second-order harmonics can say it; no shadows."""
    if not lamps:
        return light
    total = np.array(light, np.float64)
    for lamp in lamps:
        total += np.outer(lamp_lobe(np.array(lamp.direction)), lamp.light)
    return total.astype(np.float32)


@lru_cache(maxsize=64)
def disc(lamp: Lamp, samples: int = _SAMPLES) -> np.ndarray:
    """Unit vectors (n, 3) float32, evenly over the lamp's disc from its middle outward; one for a point. Not to be written to.

    Their order is a sunflower's, so that the first few of them cover the disc as well.
    """
    middle = np.array(lamp.direction)
    if lamp.softness == 0:
        return _still(middle[None])
    side = np.cross(middle, (0.0, 1.0, 0.0) if abs(middle[1]) < 0.9 else (1.0, 0.0, 0.0))
    side /= np.linalg.norm(side)
    up = np.cross(side, middle)
    count = np.arange(samples)
    share, turn = (count + 0.5) / samples, count * math.pi * (3 - math.sqrt(5))
    cosine = 1 - share * (1 - math.cos(lamp.half_angle))
    sine = np.sqrt(np.maximum(1 - cosine * cosine, 0))
    return _still(cosine[:, None] * middle + sine[:, None] * (np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * up))


def _still(vectors: np.ndarray) -> np.ndarray:
    out = np.ascontiguousarray(vectors, np.float32)
    out.setflags(write=False)
    return out


def facing(lamp: Lamp, normals: np.ndarray) -> np.ndarray:
    """What a lamp gives normals (..., 3) that see all of it, 0 to 1 (...,) float32: mean of max(0, N.d) over the disc, 1 at its
    middle. As the whole light of harmonics, in proportion to the normals' length."""
    normals = np.asarray(normals, np.float32)
    cosine = normals @ np.array(lamp.direction, np.float32)
    if lamp.softness == 0:
        return np.maximum(cosine, 0)
    length = np.sqrt((normals * normals).sum(-1))
    table = falloff(lamp.softness)
    place = (cosine / np.maximum(length, 1e-6) + 1) * np.float32((len(table) - 1) / 2)
    below = np.clip(place.astype(np.int32), 0, len(table) - 2)
    low = table[below]
    return length * (low + (table[below + 1] - low) * (place - below))


@lru_cache(maxsize=64)
def falloff(softness: float) -> np.ndarray:
    """(513,) float32: what a disc gives a surface, by the cosine, -1 to 1, between its normal and the disc's middle."""
    cosine = np.linspace(-1, 1, 513)
    sine = np.sqrt(1 - cosine * cosine)
    away = np.arccos(1 - (np.arange(48) + 0.5) / 48 * (1 - math.cos(math.radians(WIDEST * softness))))  # even over the area
    around = (np.arange(48) + 0.5) / 48 * math.pi
    rays = cosine[:, None, None] * np.cos(away)[:, None] + sine[:, None, None] * np.sin(away)[:, None] * np.cos(around)
    given = np.maximum(rays, 0).mean((1, 2))
    return (given / given[-1]).astype(np.float32)


def shade_sphere(normals: np.ndarray, basis: np.ndarray, light: np.ndarray, lamps: Sequence[Lamp]) -> np.ndarray:
    """RGB shading (..., 3) float32 of a sphere under a light and its lamps.

    normals (..., 3); basis (..., 9): `core.light.sh_basis` of them, which a caller keeps. A sphere shades only its own far side.
    """
    out = np.asarray(basis, np.float32) @ np.asarray(light, np.float32)
    for lamp in lamps:
        out += facing(lamp, normals)[..., None] * np.array(lamp.light, np.float32)
    return out
