"""The exact edge of a person in a photo, and how much of each pixel's light is theirs.

A segmentation network finds a person to a few pixels of its own, each a hundredth of a face wide; light that is laid on up to
there falls on the wall beside a cheek, or leaves a rim of the old light on it. Here every pixel near that edge is compared with
the person's colours a little farther in and the background's a little farther out: along Fisher's discriminant of the two (1936),
where they differ, its place between them is how much of it is the person's. Where they don't, the matte is taken as it is.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.cv import cv2

_SIDE = 448  # of the picture's longer side at which colours are compared
_INWARD, _OUTWARD = 0.035, 0.006  # how far the true edge may lie inside and outside the matte's, as shares of the crop's side
_NEAR = ((0.02, 1), (0.06, 4), (0.2, 8))  # surroundings whose colours count, the next where the last hold none; how much coarser
_NOISE = np.float32(0.02)
_APART = (2.0, 8.0)  # squared distance of the colours, in their spread, from which and from where on they decide
_LEVELS = (0.12, 0.82)  # place between the colours that counts as all background, and as all person
_HAZE = 0.005  # radius in which the edge follows the picture's own at full size, as a share of the crop's side
_SMOOTHNESS = 1e-4
_COARSER = 3  # how much coarser than a large picture the filter's coefficients are worked out
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class Edge:
    """matte (H, W): how much of each pixel the person covers; share (H, W): how much of the pixel's light comes from the person,
    less than the matte for dark hair before a bright wall; both float32 in [0, 1]."""

    matte: np.ndarray
    share: np.ndarray


def exact_edge(picture: np.ndarray, matte: np.ndarray, unit: float = 1.0) -> Edge:
    """A matte (H, W) of a picture (H, W, 3) uint8 with its edge found anew. Deterministic.

    unit: side of the face crop as a share of the picture's longer side.
    """
    shape, ratio = picture.shape[1::-1], min(_SIDE / max(picture.shape[:2]), 1.0)
    small = max(round(shape[0] * ratio), 8), max(round(shape[1] * ratio), 8)
    image, coarse = (cv2.resize(a, small, interpolation=cv2.INTER_AREA).astype(np.float32) for a in (picture, matte))
    image /= 255
    side = max(small) * unit
    found, behind = _found(image, coarse, side)
    guide = picture.astype(np.float32) / 255
    large = max(shape) * unit
    radius = max(round(_HAZE * large), 2)
    alpha = cv2.ximgproc.guidedFilter(guide, cv2.resize(found, shape, interpolation=cv2.INTER_LINEAR), radius, _SMOOTHNESS,
                                      scale=1 / _COARSER if radius > 3 * _COARSER else 1)
    alpha = np.clip(1.2 * alpha - 0.1, 0, 1)
    dark = cv2.resize(behind @ _LUMA, shape, interpolation=cv2.INTER_LINEAR)
    share = 1 - (1 - alpha) * dark / np.maximum(guide @ _LUMA, 0.02)
    return Edge(alpha, np.clip(share, 0, np.minimum(4 * alpha, 1)).astype(np.float32))


def _found(image: np.ndarray, matte: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
    """The matte (h, w) with its edge found anew, and the background's colours (h, w, 3) near it."""
    inside = cv2.distanceTransform((matte > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / side
    outside = cv2.distanceTransform((matte <= 0.5).astype(np.uint8), cv2.DIST_L2, 5) / side
    person, ground = (inside > _INWARD) & _from_sides(matte.shape, _INWARD * side), (matte < 0.02) & (outside > _OUTWARD)
    usual = np.clip(0.2 + (inside - outside) / 0.02, 0, 1).astype(np.float32)
    out, behind = matte, image
    for last in (False, True):
        place, apart, behind = _between(image, person, ground, side)
        sure = np.clip((apart - _APART[0]) / (_APART[1] - _APART[0]), 0, 1)
        held = np.clip((place - _LEVELS[0]) / (_LEVELS[1] - _LEVELS[0]), 0, 1)
        out = np.where(person, np.float32(1), np.where(ground, np.float32(0), sure * held + (1 - sure) * usual))
        if not last:  # the colours nearer to the edge that is found so far
            smooth = cv2.GaussianBlur(out, (0, 0), 0.004 * side)
            person = person | (smooth > 0.9) & (sure > 0.5) & (inside > 0.005)
            ground = ground | (smooth < 0.1) & (sure > 0.5) & (inside < 0.03)
    return out.astype(np.float32), behind


def _from_sides(shape: tuple[int, ...], by: float) -> np.ndarray:
    """What is at least so many pixels from the picture's top and sides (h, w) bool: a network takes what is left of the sky above
    a head for hair."""
    out, edge = np.zeros(shape, np.bool_), round(by)
    out[edge:, edge:shape[1] - edge] = True
    return out


def _between(image: np.ndarray, person: np.ndarray, ground: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each pixel's place between the background's colour (0) and the person's (1) near it, how far apart those are, squared, in
    units of their spread (h, w), and the background's colour (h, w, 3)."""
    near, near_spread = _colours(image, person, side)
    far, far_spread = _colours(image, ground, side)
    way = near - far
    spread = near_spread + far_spread
    spread[..., range(3), range(3)] += _NOISE * _NOISE
    axis = np.einsum("...ij,...j->...i", _inverse(spread), way)
    apart = (axis * way).sum(-1)
    return ((image - far) * axis).sum(-1) / np.maximum(apart, 1e-3), apart, far


def _inverse(m: np.ndarray) -> np.ndarray:
    """Inverses of symmetric matrices (..., 3, 3)."""
    a, b, c, d, e, f = m[..., 0, 0], m[..., 0, 1], m[..., 0, 2], m[..., 1, 1], m[..., 1, 2], m[..., 2, 2]
    A, B, C, D, E, F = d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b
    det = np.maximum(a * A + b * B + c * C, 1e-15)
    return (np.stack([A, B, C, B, D, E, C, E, F], -1) / det[..., None]).reshape(m.shape)


def _colours(image: np.ndarray, mask: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean (h, w, 3) and covariance (h, w, 3, 3) of a picture's colours in a mask (h, w) bool, near each pixel."""
    upper = np.triu_indices(3)
    moments = np.concatenate([image, image[..., upper[0]] * image[..., upper[1]], np.ones_like(image[..., :1])], -1)
    moments *= mask[..., None]
    total, known = np.zeros((*mask.shape, 9), np.float32), np.zeros(mask.shape, np.float32)
    for share, coarser in _NEAR:
        blurred = _smoothed(moments, share * side, coarser)
        mass = np.maximum(blurred[..., 9], 1e-7)
        fresh = np.clip(10 * mass, 0, 1) * (1 - known) if share < _NEAR[-1][0] else 1 - known
        total += blurred[..., :9] / mass[..., None] * fresh[..., None]
        known += fresh
    mean = total[..., :3]
    spread = np.empty((*mask.shape, 3, 3), np.float32)
    for k, (i, j) in enumerate(zip(*upper, strict=True)):
        spread[..., i, j] = spread[..., j, i] = total[..., 3 + k] - mean[..., i] * mean[..., j]
    return mean, spread


def _smoothed(values: np.ndarray, sigma: float, coarser: int) -> np.ndarray:
    """Values (h, w, C) float32 blurred by so many pixels, worked out that much coarser."""
    shape = values.shape[1::-1]
    small = max(shape[0] // coarser, 4), max(shape[1] // coarser, 4)
    out = np.empty_like(values)
    for c in range(0, values.shape[2], 4):  # OpenCV resizes four channels at most
        part = cv2.resize(np.ascontiguousarray(values[..., c:c + 4]), small, interpolation=cv2.INTER_AREA)
        part = cv2.GaussianBlur(part, (0, 0), sigma / coarser)
        out[..., c:c + 4] = cv2.resize(part, shape, interpolation=cv2.INTER_LINEAR).reshape(*out.shape[:2], -1)
    return out
