"""The teeth that a photo shows: where they are, and how the modelled ones must stand and look to go on where they end."""
from __future__ import annotations

from dataclasses import replace

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
_NECK = 0.0045  # metres above what is seen of them up to which teeth have no gums
_GUMS = 0.0015  # metres of gum that a photo shows above the teeth at least
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
    upper, lower = _split(teeth, metre)
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 1.0)
    free = _free(upper, crop @ _LUMA, inside, metre)
    low, high, goes_on = _rows(upper, free, metre)
    every = np.arange(_SIZE, dtype=np.float32)[:, None]
    inset = np.maximum(0.15 * (high - low), 1.5)
    fit = upper * smoothstep((every - low) / inset) * np.maximum(smoothstep((high - every) / inset), free)
    gummy = _smooth_row(inside.any(0) & (low - inside.argmax(0) > _GUMS * metre), 0.002 * metre)
    crowns = goes_on.any() * (1 - gummy) * smoothstep((every - low) / (0.002 * metre) + _NECK / 0.002)
    ends = smoothstep((every - high) / 2 + 0.25) * free * (goes_on > 0.3)
    planes = [a.astype(np.float32) for a in (fit, lower, soft, np.repeat(goes_on[None], _SIZE, 0), crowns, ends)]
    own = OwnMouth(mouth.box, np.stack(planes), _strip(crop, fit))
    shift = _edge_shift(upper, free, mouth, metre)
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
    between = max(round(0.0016 * metre), 1)  # the lines between teeth belong to them
    whole = cv2.morphologyEx(whiter * lit * grown, cv2.MORPH_CLOSE, np.ones((1, 2 * between + 1), np.uint8))
    whole = cv2.morphologyEx(whole, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    return cv2.GaussianBlur(whole, (0, 0), 0.8)


def _split(teeth: np.ndarray, metre: float) -> tuple[np.ndarray, np.ndarray]:
    """(upper, lower): in each column, teeth below a dark gap that lies under other teeth are lower ones."""
    found = teeth > 0.5
    begun = np.maximum.accumulate(found, 0)
    tall = np.ones((max(round(_GAP * metre), 2), 3), np.uint8)
    gap = cv2.morphologyEx((begun & (teeth < 0.3)).astype(np.uint8), cv2.MORPH_OPEN, tall) > 0
    below = cv2.GaussianBlur(np.maximum.accumulate(gap, 0).astype(np.float32), (0, 0), 1.0)
    return teeth * (1 - below), teeth * below


def _free(upper: np.ndarray, luma: np.ndarray, inside: np.ndarray, metre: float) -> np.ndarray:
    """For each column (S,) how surely the upper teeth's edge is seen in it: it is dark below, and no lip."""
    height = max(round(_GAP * metre), 2)
    dark, known = np.zeros(_SIZE, np.float32), np.zeros(_SIZE, np.float32)
    for column in np.flatnonzero((upper > 0.5).any(0)):
        rows = np.flatnonzero(upper[:, column] > 0.5)
        below = slice(rows[-1] + 2, rows[-1] + 2 + height)
        known[column] = 1
        dark[column] = inside[below, column].all() and luma[below, column].mean() < 0.6 * luma[rows, column].mean()
    width = max(0.003 * metre, 1)
    spread = [_smooth_row(a, width) for a in (dark, known)]
    return np.asarray(smoothstep((spread[0] / np.maximum(spread[1], 1e-3) - 0.35) / 0.3) * (spread[1] > 0.02))


def _rows(upper: np.ndarray, free: np.ndarray, metre: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each column (S,) the first and the last row in which upper teeth (S, S) are seen, and whether they are."""
    seen, every = upper > 0.5, np.arange(_SIZE)
    columns = np.flatnonzero(seen.sum(0) >= max(round(0.0012 * metre), 3))
    there = np.zeros(_SIZE, np.float32)
    if not len(columns):
        return there, there, there
    there[columns[0]:columns[-1] + 1] = 1
    edges = seen[:, columns].argmax(0), _SIZE - 1 - seen[::-1, columns].argmax(0)
    blur = max(0.0008 * metre, 0.5)
    low, high = (_smooth_row(np.interp(every, columns, edge), blur) for edge in edges)
    return low, high, _smooth_row(there, blur)


def _strip(crop: np.ndarray, teeth: np.ndarray) -> np.ndarray:
    """The teeth's mean colour (S, 3) in each column; where there are none, that of those nearby."""
    sums = np.concatenate([(crop * teeth[..., None]).sum(0), teeth.sum(0)[:, None]], 1)
    out: np.ndarray = np.zeros((_SIZE, 3), np.float32)
    known: np.ndarray = np.zeros((_SIZE, 1), np.float32)
    for sigma in (1.0, 4.0, 16.0, 64.0):
        wide = np.stack([_smooth_row(column, sigma) for column in sums.T], 1)
        share = np.clip(wide[:, 3:] * sigma, 0, 1) * (1 - known)
        out, known = out + share * wide[:, :3] / np.maximum(wide[:, 3:], 1e-4), known + share
    return (out / np.maximum(known, 1e-4)).astype(np.float32)


def _smooth_row(values: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(values[None].astype(np.float32), (0, 0), max(sigma, 0.3), sigmaY=1e-3)[0])


def _edge_shift(upper: np.ndarray, free: np.ndarray, mouth: Mouth, metre: float) -> float:
    """Metres by which the upper teeth stand higher than the head's: their edge is seen, or reaches at least so far down."""
    vertices = np.unique(mouth.faces[(mouth.material == TOOTH) & mouth.upper])
    place = mouth.ndc[vertices]
    place = place[place[:, 2] < place[:, 2].min() + 0.008 * mouth.scale]
    x, y = ((place[:, i] - mouth.box[i]) / mouth.box[2] * _SIZE for i in (0, 1))
    middle, differences, seen = float(x.mean()), [], []
    for column in range(max(int(middle - _MIDDLE * metre), 0), min(int(middle + _MIDDLE * metre) + 1, _SIZE)):
        rows, near = np.flatnonzero(upper[:, column] > 0.5), np.abs(x - column) < 0.0015 * metre
        if len(rows) >= 0.0015 * metre and near.any():
            differences.append(y[near].max() - rows[-1])
            seen.append(free[column])
    if len(differences) < 5:
        return 0.0
    shift = float(np.median(differences)) / metre
    return float(np.clip(shift if np.mean(seen) > 0.5 else min(shift, 0.0), -_MOST, _MOST))
