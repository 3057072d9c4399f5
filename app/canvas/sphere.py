"""The light ball's geometry: where on the picture of a sphere a lamp stands, and what the sphere looks like under a light."""
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PySide6.QtGui import QImage

from app.picture import to_bytes, to_image, with_alpha
from core.light import sh_basis
from core.light_lamps import Lamp, shade_sphere

GREY = 0.72  # reflectance of the sphere
RIM = 1.34  # lamps behind the sphere are drawn between its edge and this many radii
MOST_SIDE = 112  # pixels; shading is smooth, so a larger ball is drawn from a picture of this side


def place(azimuth: float, elevation: float) -> tuple[float, float]:
    """Where the handle of a lamp stands, in radii from the centre, x to the right and y down.

    In front of the face the lamp is seen straight on; behind it, it goes out from the edge to `RIM`.
    """
    a, e = math.radians(azimuth), math.radians(elevation)
    x, y, z = math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)
    length = math.hypot(x, y)
    if z >= 0:
        return x, -y
    if length < 1e-9:  # right behind: any direction would do
        return RIM, 0.0
    radius = 1 + (RIM - 1) * math.acos(min(1.0, length)) / (math.pi / 2)
    return x / length * radius, -y / length * radius


def aim(x: float, y: float) -> tuple[float, float]:
    """The lamp (azimuth, elevation in degrees) whose handle is nearest to a point in radii; undoes `place`."""
    x, y = x, -y
    radius = math.hypot(x, y)
    if radius <= 1:
        direction = (x, y, math.sqrt(max(0.0, 1 - radius * radius)))
    else:
        behind = (min(radius, RIM) - 1) / (RIM - 1) * math.pi / 2
        flat = math.cos(behind)
        direction = (x / radius * flat, y / radius * flat, -math.sin(behind))
    return (math.degrees(math.atan2(direction[0], direction[2])),
            math.degrees(math.asin(min(1.0, max(-1.0, direction[1])))))


def sphere(light: np.ndarray, side: int, lamps: Sequence[Lamp] = ()) -> QImage:
    """A grey sphere (side, side) under coefficients (9, 3) and hard lamps, transparent around it."""
    normals, basis, alpha = _sphere(side)
    return to_image(with_alpha(to_bytes(shade_sphere(normals, basis, light, lamps) * GREY), alpha))


@lru_cache(maxsize=4)
def _sphere(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At each pixel the unit normal (side, side, 3) float32, the light's basis (side, side, 9) and the sphere's soft outline
    (side, side); the same for every light.

    Pixels outside carry the edge's normals: a picture that is enlarged has no dark fringe.
    """
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    square = x * x + y * y
    length = np.sqrt(np.maximum(square, 1.0))
    normals = np.dstack([x / length, y / length, np.sqrt(np.clip(1 - square, 0, None))])
    return normals, sh_basis(normals), np.clip((1 - np.sqrt(square)) * side / 2 + 0.5, 0, 1)
