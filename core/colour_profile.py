"""Colour spaces of photos: RGB profiles of three primaries and three curves (ICC.1:2022, clauses 9.2 and 10.6 and 10.18), as
Display P3, Adobe RGB and ProPhoto RGB are, and pictures carried over into one without rounding.

The engine works in sRGB. A photo of a wider space keeps its own numbers beside (`core.photo.LoadedImage.own`), and what an edit
changed is laid over them in their own space, so that colours outside sRGB and smooth 16-bit gradients stay.
"""
from __future__ import annotations

import functools
import io
import struct
from dataclasses import dataclass

import numpy as np
from PIL import ImageCms

_STEPS = 65_536  # of a curve's table: one for each 16-bit value
_OUTSIDE = -0.02  # a primary with a part below this in linear sRGB lies outside it
_TINY_CURVE = 1e-9

# sRGB's primaries in linear XYZ, adapted to D50 (Bradford), and its curve: IEC 61966-2-1 as ICC profiles hold them.
_SRGB_TO_XYZ = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


@dataclass(frozen=True, eq=False)
class ColourSpace:
    """name: what the profile calls itself. to_xyz (3, 3): linear RGB to XYZ under D50. curves: for each channel the linear value
    of _STEPS evenly spaced values from 0 to 1, rising."""

    name: str
    to_xyz: np.ndarray
    curves: tuple[np.ndarray, np.ndarray, np.ndarray]

    @property
    def wider(self) -> bool:
        """Whether it holds colours that sRGB doesn't."""
        return bool((np.linalg.solve(_SRGB_TO_XYZ, self.to_xyz) < _OUTSIDE).any())

    def from_srgb(self, picture: np.ndarray) -> np.ndarray:
        """An sRGB picture (..., 3), float on the scale 0..255, in this space, float32 on the same scale."""
        values = np.clip(np.asarray(picture, np.float64) / 255, 0, 1)
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        linear = np.clip(linear @ np.linalg.solve(self.to_xyz, _SRGB_TO_XYZ).T, 0, 1)
        even = np.linspace(0, 1, _STEPS)
        made = [np.interp(linear[..., i], self.curves[i], even) for i in range(3)]
        return (np.stack(made, -1) * 255).astype(np.float32)


@functools.lru_cache(maxsize=4)
def wide_space(icc: bytes | None) -> ColourSpace | None:
    """The space of an ICC profile where it is wider than sRGB and made of primaries and curves; None for any other, and for a
    profile that is damaged."""
    if not icc:
        return None
    try:
        space = _read(icc)
    except (ValueError, struct.error, IndexError, ImageCms.PyCMSError, OSError, np.linalg.LinAlgError):
        return None
    return space if space is not None and space.wider else None


def _read(icc: bytes) -> ColourSpace | None:
    if icc[16:20] != b"RGB " or icc[20:24] != b"XYZ ":
        return None
    count, = struct.unpack_from(">I", icc, 128)
    tags = {}
    for i in range(min(count, 100)):
        name, start, length = struct.unpack_from(">4sII", icc, 132 + 12 * i)
        tags[name] = icc[start:start + length]
    if not all(tag in tags for tag in (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")):
        return None  # a table of colours: rare in photos, and not the kind one lays a change over
    columns = [np.array(struct.unpack_from(">3i", tags[tag], 8)) / 65_536 for tag in (b"rXYZ", b"gXYZ", b"bXYZ")]
    to_xyz = np.stack(columns, 1)
    if abs(np.linalg.det(to_xyz)) < _TINY_CURVE:
        raise ValueError("its primaries lie on one line")
    description = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.profile_description or "RGB"
    return ColourSpace(description, to_xyz, (_curve(tags[b"rTRC"]), _curve(tags[b"gTRC"]), _curve(tags[b"bTRC"])))


def _curve(tag: bytes) -> np.ndarray:
    """The linear values of _STEPS even ones. Raises ValueError for a curve that doesn't rise from 0 to 1."""
    even = np.linspace(0, 1, _STEPS)
    if tag[:4] == b"curv":
        count, = struct.unpack_from(">I", tag, 8)
        if count == 0:
            made = even
        elif count == 1:
            made = even ** (struct.unpack_from(">H", tag, 12)[0] / 256)
        else:
            table = np.frombuffer(tag, ">u2", count, 12) / 65_535
            made = np.interp(even, np.linspace(0, 1, count), table)
    elif tag[:4] == b"para":
        made = _parametric(tag, even)
    else:
        raise ValueError("it has a curve of an unknown kind")
    if not np.isfinite(made).all() or (np.diff(made) < -_TINY_CURVE).any() or made[-1] < 0.5:
        raise ValueError("its curve does not rise")
    return np.maximum.accumulate(np.clip(made, 0, 1))


def _parametric(tag: bytes, x: np.ndarray) -> np.ndarray:
    """ICC.1 table 68: functions 0 to 4 of the parameters g a b c d e f."""
    kind, = struct.unpack_from(">H", tag, 8)
    if kind > 4:
        raise ValueError("it has a curve of an unknown kind")
    count = (1, 3, 4, 5, 7)[kind]
    given = [value / 65_536 for value in struct.unpack_from(f">{count}i", tag, 12)]
    g, a, b, c, d, e, f = given + [0.0] * (7 - count)
    if kind == 0:
        return np.asarray(x ** g)
    power = np.clip(a * x + b, 0, None) ** g
    if kind == 1:
        return np.where(a * x + b >= 0, power, 0)
    if kind == 2:
        return np.where(a * x + b >= 0, power + c, c)
    return np.where(x >= d, power + (e if kind == 4 else 0), c * x + (f if kind == 4 else 0))
