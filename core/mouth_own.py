"""The teeth that a photo shows: where they are, and how the modelled ones must stand and look to go on where they end."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.compose import smoothstep
from core.cv import cv2
from core.mouth import OUTSIDE, Mouth, surface_in
from core.mouth_look import MouthLook, OwnMouth
from core.mouth_mesh import TOOTH
from core.mouth_paint import shaded_at

_SIZE = 192  # side of the square in which a photo's own mouth is looked at
_WHITER = 0.10  # by how much less red than lips, as a logarithm of red over green, teeth are at least
_GAP = 0.0008  # metres of dark between upper and lower teeth
_MIDDLE = 0.010  # metres to each side of the middle in which edges are compared
_MOST = 0.005  # metres by which teeth stand elsewhere than the head's
_FEW = 60  # pixels of teeth that say nothing yet
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def with_own(look: MouthLook, photo: np.ndarray, mouth: Mouth | None) -> MouthLook:
    """A look that knows the photo's own open mouth. photo (F, F, 3): the frame; mouth: the source's own, None when it is shut."""
    if mouth is None:
        return look
    crop = _crop(photo, mouth.box)
    ids, depth, bary = surface_in(mouth, mouth.box, _SIZE)
    inside = (ids >= 0) & (mouth.material[np.maximum(ids, 0)] != OUTSIDE)
    metre = mouth.ndc_per_metre / mouth.box[2] * _SIZE
    teeth = _teeth(crop, inside, metre)
    upper, lower = _split(teeth, crop @ _LUMA, metre)
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 1.0)
    own = OwnMouth(mouth.box, np.stack([upper, lower, soft]))
    shift = _edge_shift(upper, crop @ _LUMA, inside, mouth, metre)
    seen = inside & (mouth.material[np.maximum(ids, 0)] == TOOTH) & (upper > 0.8)
    colour = np.ones(3, np.float32)
    if seen.sum() > _FEW:
        model = shaded_at(mouth, mouth.box, ids, depth, bary, seen)
        colour = np.clip(np.median(crop[seen], 0) / np.maximum(np.median(model, 0), 1), 0.35, 2.0).astype(np.float32)
    return replace(look, own=own, teeth=colour, shift=shift)


def _crop(photo: np.ndarray, box: tuple[float, float, float]) -> np.ndarray:
    frame = photo.shape[0]
    left, top, side = (box[0] + 1) * frame / 2, (box[1] + 1) * frame / 2, box[2] * frame / 2
    k = _SIZE / side
    way = np.array([[k, 0, (0.5 - left) * k - 0.5], [0, k, (0.5 - top) * k - 0.5]], np.float32)
    smooth = cv2.GaussianBlur(photo, (0, 0), 0.5 / k) if k < 0.8 else photo
    return cv2.warpAffine(smooth, way, (_SIZE, _SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)


def _teeth(crop: np.ndarray, inside: np.ndarray, metre: float) -> np.ndarray:
    """How surely each pixel (S, S) of a mouth shows teeth: bright, and whiter than the lips around."""
    luma, redness = crop @ _LUMA, np.log((crop[..., 0] + 4) / (crop[..., 1] + 4))
    reach = max(round(0.0045 * metre), 2)
    near = cv2.dilate(inside.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1))) > 0
    lips = near & ~inside
    bright = inside & (luma > 0.5 * np.percentile(luma[inside], 90))
    if bright.sum() < _FEW or not lips.any():
        return np.zeros_like(luma)
    red, white = float(np.median(redness[lips])), float(np.percentile(redness[bright], 25))
    if red - white < _WHITER:
        return np.zeros_like(luma)
    whiter = smoothstep((0.5 * (red + white) - redness) / (0.6 * (red - white)) + 0.5)
    lit = smoothstep((luma / np.percentile(luma[bright], 75) - 0.3) / 0.2)
    grown = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3))).astype(np.float32)
    return cv2.GaussianBlur(whiter * lit * grown, (0, 0), 0.8)


def _split(teeth: np.ndarray, luma: np.ndarray, metre: float) -> tuple[np.ndarray, np.ndarray]:
    """(upper, lower): in each column, teeth below a dark gap that lies under other teeth are lower ones."""
    found = teeth > 0.5
    begun = np.maximum.accumulate(found, 0)
    gap = (begun & (teeth < 0.3)).astype(np.uint8)
    gap = cv2.morphologyEx(gap, cv2.MORPH_OPEN, np.ones((max(round(_GAP * metre), 2), 3), np.uint8)) > 0
    below = cv2.GaussianBlur(np.maximum.accumulate(gap, 0).astype(np.float32), (0, 0), 1.0)
    return teeth * (1 - below), teeth * below


def _edge_shift(upper: np.ndarray, luma: np.ndarray, inside: np.ndarray, mouth: Mouth, metre: float) -> float:
    """Metres by which the upper teeth stand higher than the head's: their edge is seen, or reaches at least so far down."""
    vertices = np.unique(mouth.faces[(mouth.material == TOOTH) & mouth.upper])
    place = mouth.ndc[vertices]
    place = place[place[:, 2] < place[:, 2].min() + 0.008 * mouth.scale]
    x, y = ((place[:, i] - mouth.box[i]) / mouth.box[2] * _SIZE for i in (0, 1))
    middle, differences, free = float(x.mean()), [], []
    for column in range(max(int(middle - _MIDDLE * metre), 0), min(int(middle + _MIDDLE * metre) + 1, _SIZE)):
        rows, near = np.flatnonzero(upper[:, column] > 0.5), np.abs(x - column) < 0.0015 * metre
        if len(rows) < 0.0015 * metre or not near.any():
            continue
        below = luma[rows[-1] + 2:rows[-1] + 2 + max(int(_GAP * metre), 2), column]
        dark = len(below) and below.mean() < 0.6 * luma[rows, column].mean() and inside[rows[-1] + 2:, column].sum() > len(below)
        differences.append(y[near].max() - rows[-1])
        free.append(bool(dark))
    if len(differences) < 5:
        return 0.0
    shift = float(np.median(differences)) / metre
    return float(np.clip(shift if np.mean(free) > 0.5 else min(shift, 0.0), -_MOST, _MOST))
