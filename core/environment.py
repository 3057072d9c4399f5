"""Environment: the light of a whole panorama, as spherical harmonics.

The head stands in the panorama and looks at its middle, where the camera is. So the middle column is azimuth 0 of `core.light`;
what is right of it in the panorama is to the head's right, the picture's left: azimuth falls along a row. Row 0 is above.
"""
from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core.cv import cv2
from core.files import read_file
from core.light import mean_shading, sh_basis
from core.panorama import MOST_BYTES, read_panorama
from core.people.names import visible

_DISPLAY = 1 / 2.2  # pictures, and so all shading here, hold display values; radiance is linear
_MOST = 1e6  # of a coefficient
_WIDTH = 128  # of the panorama that is summed up: a diffuse surface sees nothing finer
_ORDER = np.array([0, 1, 1, 1, 2, 2, 2, 2, 2])
_COSINE = np.array([1, 2 / 3, 1 / 4])  # what a diffuse surface keeps of each order (Ramamoorthi & Hanrahan 2001)
_FACING_AWAY = 0.4  # share of the brightest turn's light below which a turned environment leaves the face darker


@dataclass(frozen=True)
class Environment:
    """Light from everywhere, as an environment map gives it.

    coefficients: 9 rows of RGB in the convention of `core.light` (spec section 3), of any brightness. label: what the user calls
    it. digest: sha256 of the file it came from, as hex; '' where it came from none.

    Raises ValueError for another shape, and numbers beyond a million.
    """

    coefficients: tuple[tuple[float, float, float], ...]
    label: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        rows = tuple(tuple(float(v) for v in row) for row in self.coefficients)
        if len(rows) != 9 or any(len(row) != 3 for row in rows) or not all(abs(v) <= _MOST for row in rows for v in row):
            raise ValueError("an environment has 9 rows of 3 numbers")
        object.__setattr__(self, "coefficients", rows)

    @cached_property
    def light(self) -> np.ndarray:
        """The coefficients (9, 3) float64."""
        return np.array(self.coefficients)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives an equal environment back."""
        return {"label": self.label, "digest": self.digest, "coefficients": [list(row) for row in self.coefficients]}

    @classmethod
    def from_json(cls, plain: Any) -> Environment:
        """The environment written by `to_json`. Raises ValueError for anything else."""
        try:
            return cls(tuple(tuple(row) for row in plain["coefficients"]), visible(str(plain.get("label", "")))[:200],
                       str(plain.get("digest", ""))[:64])
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not an environment: {error}") from error


def read_environment(path: str | Path) -> Environment:
    """The environment of a panorama file; see `core.panorama.read_panorama` for what can be read, and what is raised."""
    path = Path(path)
    light = project(read_panorama(path, 4 * _WIDTH))
    return Environment(tuple(tuple(row) for row in light.tolist()), visible(path.stem)[:200],  # type: ignore[misc]
                       hashlib.sha256(read_file(path, MOST_BYTES)).hexdigest())


def directions(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (width / 2, width, 3) of a panorama's pixels, and their solid angles (width / 2, 1)."""
    height = width // 2
    azimuth = np.pi - (np.arange(width) + 0.5) / width * 2 * np.pi
    edges = np.pi / 2 - np.arange(height + 1) / height * np.pi
    elevation = (edges[:-1] + edges[1:])[:, None] / 2
    angles = (np.sin(edges[:-1]) - np.sin(edges[1:]))[:, None] * (2 * np.pi / width)
    flat = np.cos(elevation)
    vectors = np.stack([flat * np.sin(azimuth), np.broadcast_to(np.sin(elevation), (height, width)), flat * np.cos(azimuth)], -1)
    return vectors, angles


def project(panorama: np.ndarray) -> np.ndarray:
    """Coefficients (9, 3) float64 of a panorama (H, 2 H, 3) of linear radiance, so that a white one shades everything with 1.

    What falls on a diffuse surface is summed up for normals all around, turned into the values that a picture shows (its power
    1 / 2.2: the program's pictures, albedo and light are display values), and second-order harmonics are fitted to it.
    """
    height = min(_WIDTH // 2, panorama.shape[0])
    small = cv2.resize(panorama.astype(np.float32), (2 * height, height), interpolation=cv2.INTER_AREA)
    vectors, angles = directions(2 * height)
    given = (small * angles[..., None]).reshape(-1, 3)
    fallen = np.maximum(_AROUND @ vectors.reshape(-1, 3).T, 0) @ given / np.pi
    return _FIT @ fallen**_DISPLAY


def radiance(environment: Environment, turn: float = 0.0, width: int = 128) -> np.ndarray:
    """A panorama (width / 2, width, 3) float32 of display values that looks like an environment turned by degrees, for previews:
    what its harmonics tell of it, 1 at its mean."""
    vectors, angles = directions(width)
    light = turned(environment.light, turn) / _COSINE[_ORDER][:, None]
    seen = np.maximum(sh_basis(vectors) @ light, 0)
    return (seen / max(float((seen.mean(-1) * angles).sum() / (4 * np.pi)), 1e-9)).astype(np.float32)


def turned(light: np.ndarray, degrees: float) -> np.ndarray:
    """Coefficients (9, 3) float64 of a light turned about the vertical: what came from azimuth a comes from a + degrees."""
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    back = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])  # takes a direction to where it was before the turn
    return _FIT @ (sh_basis(_AROUND @ back.T) @ np.asarray(light, np.float64))


def coefficients_for(environment: Environment, level: tuple[float, float, float], turn: float = 0.0) -> np.ndarray:
    """Coefficients (9, 3) float32 of an environment turned by degrees, so bright that a frontal face is as bright as `level`.

    level (3,): RGB shading; only its brightness counts, the environment's colours stay. Where the face looks into the dark, it
    stays darker than `level`: nobody exposes for that alone.
    """
    light = turned(environment.light, turn)
    brightness = max(float(mean_shading(light).mean()), _FACING_AWAY * _brightest(environment))
    return (light * (float(np.mean(level)) / max(brightness, 1e-9))).astype(np.float32)


def _directions(count: int) -> np.ndarray:
    """Unit vectors (n, 3) evenly over the sphere."""
    height = 1 - (2 * np.arange(count) + 1) / count
    around = np.arange(count) * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - height * height)
    return np.stack([flat * np.cos(around), height, flat * np.sin(around)], 1)


@lru_cache(maxsize=8)
def _brightest(environment: Environment) -> float:
    """Mean shading of a frontal face in the brightest of an environment's turns."""
    return max(float(mean_shading(turned(environment.light, degrees)).mean()) for degrees in range(-180, 180, 15))


_AROUND = _directions(400)
_FIT = np.linalg.pinv(sh_basis(_AROUND))  # from values in those directions to coefficients
