"""Second-order spherical-harmonics light (Ramamoorthi & Hanrahan 2001) with the reference's constants (spec section 3).

``shade(N) = sum_k c_k B_k(N) L_k`` with B = 1, x, y, z, xy, xz, yz, x^2 - y^2, 3 z^2 - 1: the clamped-cosine kernel is already in
the constants, so L is the light itself and the shading of a normal is one dot product.
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

_PI = math.pi
SH_CONSTANTS = np.array([
    1 / math.sqrt(4 * _PI),
    *[(2 * _PI / 3) * math.sqrt(3 / (4 * _PI))] * 3,
    *[(_PI / 4) * 3 * math.sqrt(5 / (12 * _PI))] * 3,
    (_PI / 4) * (3 / 2) * math.sqrt(5 / (12 * _PI)),
    (_PI / 4) * (1 / 2) * math.sqrt(5 / (4 * _PI)),
], dtype=np.float64)


def sh_basis(normals: np.ndarray) -> np.ndarray:
    """c_k B_k(N) (..., 9) of normals (..., 3), in the normals' float type."""
    n = np.asarray(normals)
    x, y, z = n[..., 0], n[..., 1], n[..., 2]
    basis = np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * (z * z) - 1], -1)
    return basis * SH_CONSTANTS.astype(basis.dtype)


def shade(normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """RGB shading (..., 3) of normals (..., 3) under light (9, 3). Not clamped: light from behind can come out negative."""
    return sh_basis(normals) @ np.asarray(light, sh_basis(normals).dtype)


# Mean of each basis function over the hemisphere a frontal face shows, weighted by projected area.
_FRONTAL_MEAN = np.array([1, 0, 0, 2 / 3, 0, 0, 0, 0, 1 / 2]) * SH_CONSTANTS
_LEAST_INTENSITY = 1.2  # a lamp that was moved by hand should be seen, even in a photo taken under a flat sky
_LEAST_AMBIENT = 0.15
_LEAST_RESIDUAL = 0.35
_BEHIND = math.cos(math.radians(110))  # of a lamp whose place needs more than the linear part's word
_SURELY = 0.25  # part of the unexplained shading that a lamp behind must leave of what one in front leaves


@dataclass(frozen=True)
class LightParams:
    """A light in words: one lamp far away, and light from everywhere.

    azimuth, elevation: where the lamp stands, degrees; (0, 0) is at the camera, positive azimuth toward the picture's right,
    positive elevation above. intensity: what the lamp gives a surface that faces it, in units of `level`, 0 to 2. ambient: the
    same for the light from everywhere. color (3,): what the lamp's light is filtered by, RGB in [0, 1], largest 1.
    level (3,): mean RGB shading of a frontal face under the light this came from; it is the unit, and the ambient light's colour.
    """

    azimuth: float = 0.0
    elevation: float = 0.0
    intensity: float = 0.0
    ambient: float = 1.0
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    level: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def direction(self) -> np.ndarray:
        """Unit vector (3,) from the head to the lamp."""
        azimuth, elevation = math.radians(self.azimuth), math.radians(self.elevation)
        flat = math.cos(elevation)
        return np.array([flat * math.sin(azimuth), math.sin(elevation), flat * math.cos(azimuth)])


def mean_shading(light: np.ndarray) -> np.ndarray:
    """Mean RGB shading (3,) of a face that looks at the camera: of a sphere's visible half, as it is seen."""
    return _FRONTAL_MEAN @ np.asarray(light, np.float64)


def lamp_lobe(direction: np.ndarray) -> np.ndarray:
    """Coefficients (9,) whose shading is the order-2 part of max(0, N.d): 1/4 + cos/2 + 5/32 (3 cos^2 - 1)."""
    x, y, z = (float(v) for v in direction)
    quadratic = np.array([6 * x * y, 6 * x * z, 6 * y * z, 1.5 * (x * x - y * y), 0.5 * (3 * z * z - 1)])
    return np.concatenate([[1 / 4], np.array([x, y, z]) / 2, 5 / 32 * quadratic]) / SH_CONSTANTS


def decompose(light: np.ndarray) -> LightParams:
    """The lamp and the ambient light that come nearest to coefficients (9, 3).

    The lamp stands where the linear part points, and then carries all of it. A face shows only what faces the camera, which
    hardly tells a lamp behind it from an edge that is a little brighter: a linear part that points behind the face counts only
    if the quadratic part agrees; otherwise the lamp stands where one in front explains the shading of a visible face best.
    """
    return _decompose(np.ascontiguousarray(light, np.float64).tobytes())


@lru_cache(maxsize=16)
def _decompose(numbers: bytes) -> LightParams:
    light = np.frombuffer(numbers).reshape(9, 3)
    level = np.maximum(mean_shading(light), 1e-3)
    unit = float(level.mean())
    direction, lamp = _lamp(light)
    strongest = float(lamp.max())
    if strongest < 1e-4 * unit:
        return LightParams(ambient=float(np.clip(SH_CONSTANTS[0] * light[0].mean() / unit, 0, 2)), level=_triple(level))
    color = lamp / strongest
    ambient = float(SH_CONSTANTS[0] * light[0].mean() / unit - lamp.mean() / unit / 4)
    return LightParams(
        azimuth=math.degrees(math.atan2(direction[0], direction[2])),
        elevation=math.degrees(math.asin(float(np.clip(direction[1], -1, 1)))),
        intensity=float(np.clip(strongest / unit, 0, 2)), ambient=float(np.clip(ambient, 0, 2)),
        color=_triple(color), level=_triple(level))


def _lamp(light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vector (3,) to the lamp of coefficients (9, 3), and what it gives a surface that faces it, RGB (3,)."""
    linear = light[1:4] * SH_CONSTANTS[1]
    direction = linear.mean(1) / max(float(np.linalg.norm(linear.mean(1))), 1e-9)
    if direction[2] < _BEHIND * float(np.hypot(direction[0], direction[2])):
        lobes, directions = _lobes()
        candidates = np.concatenate([lobes, (_visible() @ lamp_lobe(direction))[None]])
        candidates -= candidates.mean(1, keepdims=True)
        seen = _visible() @ light
        power = (candidates**2).sum(1)
        match = np.maximum(candidates @ seen.mean(1), 0) ** 2 / power
        best = int(np.argmax(match[:-1]))
        whole = float(((seen.mean(1) - seen.mean()) ** 2).sum())
        if whole - match[-1] > _SURELY * (whole - match[best]):
            return directions[best], np.maximum(candidates[best] @ seen / power[best], 0)
    return direction, np.maximum(2 * direction @ linear, 0)


@lru_cache(maxsize=1)
def _visible() -> np.ndarray:
    """c_k B_k (n, 9) at normals of a sphere's visible half, evenly spread over the picture."""
    grid = np.linspace(-0.95, 0.95, 13)
    x, y = (a.ravel() for a in np.meshgrid(grid, grid))
    inside = x * x + y * y < 0.95
    x, y = x[inside], y[inside]
    return sh_basis(np.stack([x, y, np.sqrt(1 - x * x - y * y)], 1))


@lru_cache(maxsize=1)
def _lobes() -> tuple[np.ndarray, np.ndarray]:
    """Shading (d, n) of the visible normals by lamps in front, at azimuths up to 110 degrees, and their directions (d, 3)."""
    azimuth, elevation = np.deg2rad(np.meshgrid(np.arange(-110, 111, 5), np.arange(-60, 81, 5)))
    flat = np.cos(elevation)
    directions = np.stack([flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)], -1).reshape(-1, 3)
    return np.stack([_visible() @ lamp_lobe(d) for d in directions]), directions


def compose(params: LightParams) -> np.ndarray:
    """Coefficients (9, 3) float32 of a light described by parameters."""
    return _compose(params).astype(np.float32)


def _compose(params: LightParams) -> np.ndarray:
    level = np.asarray(params.level, np.float64)
    light = np.outer(lamp_lobe(params.direction), params.intensity * level.mean() * np.asarray(params.color, np.float64))
    light[0] += params.ambient * level / SH_CONSTANTS[0]
    return light


EDITS = ("azimuth", "elevation", "intensity", "ambient", "color")  # what `edit` can set


def edit(light: np.ndarray, changes: Mapping[str, Any]) -> np.ndarray:
    """Coefficients (9, 3) float32 after setting any of `EDITS`.

    What lamp and ambient don't explain of the fitted light stays, so that setting the fitted values gives the fitted light
    exactly. A lamp that is moved takes the rest along only partly, because much of it belonged to where the lamp was. If the
    lamp is moved, an intensity that was not set is at least 1.2, and an ambient that was not set follows so that the face
    stays as bright as it was (but not below 0.15). Raises KeyError for an unknown name.
    """
    return edited(light, changes)[0]


def edited(light: np.ndarray, changes: Mapping[str, Any], strength: float = 1.0,
           rest: float = 1.0) -> tuple[np.ndarray, LightParams]:
    """As `edit`, and the lamp and the ambient light in words.

    strength: the light is taken that many times, in units of what it is without. rest (0..1): how much is kept of what stays of
    the light beside lamp and ambient. The coefficients can't be written to.
    """
    unknown = set(changes) - set(EDITS)
    if unknown:
        raise KeyError(f"no light parameter called {sorted(unknown)[0]!r}")
    numbers = np.ascontiguousarray(light, np.float64).tobytes()
    return _edited(numbers, tuple((k, _triple(v) if k == "color" else float(v)) for k, v in changes.items()), strength, rest)


@lru_cache(maxsize=8)  # of each move of a drag the buffers ask, and what shows the values
def _edited(numbers: bytes, asked: tuple[tuple[str, Any], ...], strength: float, rest: float) -> tuple[np.ndarray, LightParams]:
    fitted, before, changes = _decompose(numbers), np.frombuffer(numbers).reshape(9, 3), dict(asked)
    if strength != 1.0:
        fitted = replace(fitted, intensity=strength * fitted.intensity, ambient=strength * fitted.ambient)
        before = strength * before
    wanted = {k: v for k, v in changes.items() if v != getattr(fitted, k)}
    if not wanted and rest == 1.0:
        return _fixed(before.astype(np.float32)), fitted
    moved = "azimuth" in wanted or "elevation" in wanted
    if moved and "intensity" not in changes:
        wanted["intensity"] = max(fitted.intensity, _LEAST_INTENSITY)
    new = replace(fitted, **wanted)  # type: ignore[arg-type]
    kept = 1.0
    if moved:
        kept = max(_LEAST_RESIDUAL, (1 + float(new.direction @ fitted.direction)) / 2)
    left = (before - _compose(fitted)) * (kept * rest)
    if moved and "ambient" not in changes:
        missing = (mean_shading(before) - mean_shading(left + _compose(new))).mean() / np.mean(fitted.level)
        new = replace(new, ambient=float(np.clip(new.ambient + missing, _LEAST_AMBIENT, 2)))
    return _fixed((left + _compose(new)).astype(np.float32)), new


def _fixed(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in values)
    return red, green, blue
