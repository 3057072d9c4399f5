"""Where an eye is in a picture: its lids' edges, the fold above and the brow, as curves over a patch of pixels."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.compose import smoothstep
from core.cv import cv2

# Of the landmark model's 478 points, by the person's side: from the eye's outer corner to its inner one.
UPPER = {"Right": (33, 246, 161, 160, 159, 158, 157, 173, 133), "Left": (263, 466, 388, 387, 386, 385, 384, 398, 362)}
LOWER = {"Right": (33, 7, 163, 144, 145, 153, 154, 155, 133), "Left": (263, 249, 390, 373, 374, 380, 381, 382, 362)}
FOLD = {"Right": (247, 30, 29, 27, 28, 56, 190), "Left": (467, 260, 259, 257, 258, 286, 414)}
BROW = {"Right": (113, 225, 224, 223, 222, 221, 189), "Left": (342, 445, 444, 443, 442, 441, 413)}
IRIS = {"Right": (468, 469, 470, 471, 472), "Left": (473, 474, 475, 476, 477)}
# How far the patch goes beyond the corners, the brow's line and the lower lid, in widths of the eye.
_BESIDE, _ABOVE, _BELOW = 0.45, 0.12, 0.8
_LEAST_WIDTH = 7.0  # pixels between the corners: under it there is no lid to be seen
_LEAST_OPENING = 0.07  # of the width: an eye less open is shut
_FARTHEST = 0.7  # width of an eye by the other's: on the far side of a turned head the nose stands before it
_STEEPEST = 0.7  # slope of the line through the corners, beyond which columns say nothing of the lids


@dataclass(frozen=True, eq=False)
class Eye:
    """One eye in a patch of a picture, in pixels of it; whole numbers are pixel centres.

    box: the patch in the picture (left, top, right, bottom). width: between the corners; corners: their columns in the patch;
    outward: 1 where the outer one is on the right, else -1.
    upper, lower, fold, brow (W,): rows of the lids' edges, of the fold above the upper lid and of the line under the brow, for
    each column; beyond the corners the edges are one line. iris: x, y and radius.
    """

    side: str
    box: tuple[int, int, int, int]
    width: float
    corners: tuple[float, float]
    outward: int
    upper: np.ndarray
    lower: np.ndarray
    fold: np.ndarray
    brow: np.ndarray
    iris: tuple[float, float, float]

    def beyond(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far columns x lie beyond the outer and the inner corner, in widths of the eye; negative on the eye."""
        right, left = (x - self.corners[1]) / self.width, (self.corners[0] - x) / self.width
        return (right, left) if self.outward > 0 else (left, right)

    @property
    def reach(self) -> np.ndarray:
        """How far each column (W,) takes part in what the lids do: 1 on the eye, 0 away from it. Lashes stand out beyond the
        outer corner, and go with their lid."""
        outer, inner = self.beyond(np.arange(len(self.upper), dtype=np.float32))
        return (1 - smoothstep((outer - 0.16) / 0.2)) * (1 - smoothstep((inner + 0.1) / 0.14))

    @property
    def patch(self) -> tuple[slice, slice]:
        """Its rows and columns in the picture."""
        left, top, right, bottom = self.box
        return slice(top, bottom), slice(left, right)


def find_eye(points: np.ndarray, side: str, size: int) -> Eye | None:
    """The eye of one side ('Left', 'Right': the person's) by the landmarks (478, 2), pixels of a square picture of that size.

    None where its lids can't be told: too small, shut, seen from the side, or not wholly in the picture.
    """
    at = np.asarray(points, np.float64) - 0.5
    upper, lower = at[list(UPPER[side])], at[list(LOWER[side])]
    across = upper[-1] - upper[0]
    width = float(np.hypot(*across))
    other = at[list(UPPER["Left" if side == "Right" else "Right"])]
    if width < _FARTHEST * np.hypot(*(other[-1] - other[0])):
        return None
    if width < _LEAST_WIDTH or abs(across[1]) > _STEEPEST * abs(across[0]):
        return None
    fold, brow, iris = at[list(FOLD[side])], at[list(BROW[side])], at[list(IRIS[side])]
    opening = float(np.mean(lower[3:6, 1] - upper[3:6, 1]))
    turned = any((np.diff(line[:, 0]) * np.sign(across[0]) <= 0).any() for line in (upper[1:-1], lower[1:-1]))
    if turned or opening < _LEAST_OPENING * width:
        return None
    inner = sorted((upper[0, 0], upper[-1, 0]))
    low = np.array([inner[0] - _BESIDE * width, brow[:, 1].min() - _ABOVE * width])
    high = np.array([inner[1] + _BESIDE * width, lower[:, 1].max() + _BELOW * width])
    left, top = (max(int(np.floor(v)), 0) for v in low)
    right, bottom = (min(int(np.ceil(v)) + 1, size) for v in high)
    if inner[0] < left + 2 or inner[1] > right - 3 or bottom - top < 8:
        return None
    shift = np.array([left, top])
    x = np.arange(right - left, dtype=np.float64)
    curves = [_curve(line - shift, x, 0.03 * width) for line in (upper, lower)]
    ends = tuple(v - left for v in inner)
    beside = (x < ends[0]) | (x > ends[1])
    middle = np.where(beside, (curves[0] + curves[1]) / 2, 0)
    rims = [np.where(beside, middle, curve) for curve in curves]
    rims[1] = np.maximum(rims[1], rims[0])
    lines = [_curve(line - shift, x, 0.05 * width) for line in (fold, brow)]
    fold_row = np.minimum(lines[0], rims[0] - 0.05 * width)
    brow_row = np.minimum(lines[1], fold_row - 0.04 * width)
    centre = iris[0] - shift
    radius = float(np.hypot(*(iris[1:] - iris[0]).T).mean())
    return Eye(side, (left, top, right, bottom), width, (float(ends[0]), float(ends[1])), -int(np.sign(across[0])),
               rims[0].astype(np.float32), rims[1].astype(np.float32), fold_row.astype(np.float32), brow_row.astype(np.float32),
               (float(centre[0]), float(centre[1]), radius))


def _curve(line: np.ndarray, x: np.ndarray, sigma: float) -> np.ndarray:
    """Rows of a line of points (N, 2) at columns x, smooth; beyond its ends it goes on level."""
    line = line[np.argsort(line[:, 0])]
    rows = np.interp(x, line[:, 0], line[:, 1])[None]
    return cv2.GaussianBlur(rows, (0, 0), max(sigma, 0.3), sigmaY=1e-3, borderType=cv2.BORDER_REPLICATE)[0]
