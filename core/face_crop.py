"""What the face encoder sees: a square picture at the network's size, the box around 68 points, and its 224-pixel crop.

This follows the reference to the bit (spec section 1), because every later number depends on it. Coordinates here are pixel
indices, as the 68-point detectors give them: (0, 0) is the centre of the first pixel.
"""
from __future__ import annotations

import numpy as np
from scipy import ndimage

from core.errors import NoFaceError, PhotoError
from core.render.camera import CROP

CROP_SIDE = int(CROP)
_GROW, _FACE = 1.25, 1.1


def resized(picture: np.ndarray, size: int, squash: bool = False) -> np.ndarray:
    """A square picture (N, N, 3) uint8 at size x size, uint8: bilinear with mirrored borders, after a Gaussian where it shrinks.

    The values are cut down to whole numbers, not rounded, even where the size stays: so in the reference. Raises PhotoError for a
    picture that is not square, which the reference squashes in silence; squash: do as it does.
    """
    height, width = picture.shape[:2]
    if height != width and not squash:
        raise PhotoError(f"The picture has {width} x {height} pixels, but an aligned face is square. Align it, don't squash it.")
    values = picture * (1 / 255.0)
    factors = np.array([height / size, width / size, 1.0])
    if (factors > 1).any():
        values = ndimage.gaussian_filter(values, np.maximum(0, (factors - 1) / 2), mode="mirror")
    values = ndimage.zoom(values, 1 / factors, order=1, mode="mirror", grid_mode=True)
    low, high = picture.min() * (1 / 255.0), picture.max() * (1 / 255.0)
    return (np.clip(values, low, high) * 255.0).astype(np.uint8)


def face_box(points68: np.ndarray, side: int, whole_if_none: bool = False) -> np.ndarray:
    """The encoder's box around 68 points (68, 2): (size, cx, cy) float64 as fractions of the picture's side in pixels.

    Without points (0, 2) there is no face: NoFaceError. whole_if_none: take the whole picture, as the reference does in silence.
    """
    points = np.asarray(points68, np.float64).reshape(-1, 2)
    if len(points) == 0:
        if not whole_if_none:
            raise NoFaceError("There is no face to crop: no landmarks were found in the picture.")
        points = np.array([[0, 0], [side - 1, side - 1]], np.float64)
    low, high = points.min(0), points.max(0)
    size = int(_GROW * ((high - low).sum() / 2 * _FACE))
    if size < 2:
        raise NoFaceError("There is no face to crop: its landmarks lie on one spot.")
    return np.array([size, *((low + high) / 2)]) / side


def crop_transform(box: np.ndarray, side: int) -> np.ndarray:
    """(3, 3): pixel indices of a picture of that side -> those of the 224-pixel crop. The scale is 223 / size, not 224 / size."""
    size, *centre = np.asarray(box, np.float64) * side
    scale = (CROP_SIDE - 1) / size
    shift = (size / 2 - np.asarray(centre)) * scale
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]])


def face_crop(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The crop (224, 224, 3) float32 in [0, 1] of a picture (S, S, 3) uint8: bilinear, zero outside."""
    inverse = np.linalg.inv(crop_transform(box, picture.shape[0]))
    index = np.arange(CROP_SIDE)
    x, y = index * inverse[0, 0] + inverse[0, 2], index * inverse[1, 1] + inverse[1, 2]
    rows, columns = _taps(y, picture.shape[0]), _taps(x, picture.shape[1])
    return np.einsum("yi,ijc,xj->yxc", rows, picture / 255.0, columns, optimize=True).astype(np.float32)


def _taps(places: np.ndarray, length: int) -> np.ndarray:
    """Linear interpolation at the places (n,) as a matrix (n, length); what lies outside counts as zero."""
    return np.clip(1 - np.abs(places[:, None] - np.arange(length)), 0, 1)
