"""Masks and small image tools of the motion field: what kind of surface a pixel shows, lids that close, light in the mouth."""
from __future__ import annotations

import numpy as np

from core.compose import smoothstep
from core.cv import cv2

# Classes of surface: motion never leaks from one into another. SCALP is what hair may hide: the skull; EAR likewise.
SKIN, EAR, SCALP, EYE, LIPS, INTERIOR, NECK = range(7)
OFF_HEAD = 255
# Metres behind the lips where the mouth's light begins to fall, and within which it then falls to 1/e.
_LIP_DEPTH, _MOUTH_DEPTH = 0.012, 0.06


def kinds(ids: np.ndarray, faces: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Class (H, W) uint8 of what each pixel sees, 255 off the head."""
    return np.where(ids >= 0, classes[faces].max(1)[np.maximum(ids, 0)], np.uint8(OFF_HEAD))


def closing_lids(shift: np.ndarray, kind: np.ndarray, was: np.ndarray, unit: float) -> np.ndarray:
    """Lid skin (H, W) bool, away from what is left of the eye, that would be fetched from the open eye's rim.

    That rim is lashes, liner and shadow: stretched over a closed eye they are blots. unit: side of the face crop, pixels.
    """
    size = kind.shape[0]
    if not (was == EYE).any():
        return np.zeros(kind.shape, np.bool_)
    reach = max(round(0.018 * unit), 1)
    rim = cv2.dilate((was == EYE).astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1)))
    left = cv2.dilate((kind == EYE).astype(np.uint8), np.ones((2 * reach + 3, 2 * reach + 3)))
    x, y = (np.ascontiguousarray(a) for a in np.moveaxis(grid(size) + shift, -1, 0))
    bare = (kind == SKIN) & (left == 0)
    found = ((cv2.remap(rim, x, y, cv2.INTER_NEAREST) > 0) & bare).astype(np.uint8)
    if found.sum() < 2 * reach * reach:
        return np.zeros(kind.shape, np.bool_)
    return (cv2.dilate(found, np.ones((2 * reach + 1, 2 * reach + 1))) > 0) & bare


def mouth_hole(kind: np.ndarray) -> np.ndarray:
    """Pixels (H, W) bool between open lips that show no mesh: heads without a mouth cavity, such as FLAME's."""
    hole = np.zeros(kind.shape, np.bool_)
    rows, columns = np.nonzero(kind == LIPS)
    if len(rows):
        part = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
        count, labels = cv2.connectedComponents((kind[part] == OFF_HEAD).astype(np.uint8), connectivity=4)
        beside = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))  # not shut in by the lips
        hole[part] = ~np.isin(labels, np.append(beside, 0))
    return hole


def occlusion(depth: np.ndarray, kind: np.ndarray, scale: float, unit: float) -> np.ndarray:
    """Share of light that reaches a point inside the mouth (H, W): less the deeper it lies behind the face; 1 elsewhere."""
    inside = kind == INTERIOR
    light = np.ones(depth.shape, np.float32)
    if not inside.any():
        return light
    reach = max(int(0.06 * unit), 1) * 2 + 1
    front = cv2.erode(np.where(inside | ~np.isfinite(depth), np.float32(1e6), depth), np.ones((reach, reach)))
    behind = np.maximum((depth - front)[inside] / scale - _LIP_DEPTH, 0)
    light[inside] = np.exp(-behind / _MOUTH_DEPTH)
    return light


def clean(mask: np.ndarray) -> np.ndarray:
    """A mask without single pixels, which are cracks between faces."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0


def soften(mask: np.ndarray, unit: float, sigma: float = 0.7) -> np.ndarray:
    """The mask as float32 with soft edges; sigma in pixels of a face crop of 256, unit: its side here."""
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma * unit / 256)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, sigma in pixels."""
    return cv2.GaussianBlur(image, (0, 0), sigma)


def ramp(t: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1; less steep than smoothstep, so that what it stretches is stretched less."""
    t = np.clip(t, 0, 1).astype(np.float32)
    return (t + smoothstep(t)) / 2


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """A square image at another size, linearly."""
    if image.shape[0] == size:
        return image
    return cv2.resize(np.ascontiguousarray(image, np.float32), (size, size), interpolation=cv2.INTER_LINEAR)


def grid(size: int) -> np.ndarray:
    """Each pixel's own place (size, size, 2): x, y."""
    place = np.arange(size, dtype=np.float32)
    return np.stack(np.meshgrid(place, place), -1)
