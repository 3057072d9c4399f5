"""Foreground matte of a portrait: the person (head, hair, hat, shoulders) against the background.

A small network tells person from background (`core.segment`), the fitted mesh adds the head it is sure of, and a guided filter
(He et al. 2013) gives the matte the edges of the picture at its own size: strands of hair are thinner than the network's pixels.
"""
from __future__ import annotations

import numpy as np

from core.cv import cv2
from core.matte_edge import told_apart
from core.segment import person_share

_TOLD = 480  # longest side at which the edge is told by its colours
_FILTER = 1 / 250  # radius of the filter as a share of the face crop's side
_SMOOTHNESS = 2e-4


def person_matte(picture: np.ndarray, coverage: np.ndarray, unit: float = 1.0) -> np.ndarray:
    """(H, W) float32 in [0, 1] for a picture (H, W, 3) uint8 and the fitted head's coverage (H, W) in it. Deterministic.

    unit: side of the face crop as a share of the picture's longer side. Raises AssetError when the network's file is missing.
    """
    shape, side = picture.shape[1::-1], max(picture.shape[:2]) * unit
    share = person_share(picture)
    head = cv2.resize(coverage.astype(np.float32), share.shape, interpolation=cv2.INTER_AREA)
    share = _whole(np.maximum(_connected(share, head), head * _inside(head, unit)))
    width, height = (max(round(n * min(_TOLD / max(shape), 1)), 8) for n in shape)
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    rough = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)
    edge = told_apart(small, rough, max(width, height) * unit)
    large = cv2.resize(edge, shape, interpolation=cv2.INTER_LINEAR)
    radius = max(round(_FILTER * side), 2)
    soft = cv2.ximgproc.guidedFilter(picture.astype(np.float32) / 255, large, radius, _SMOOTHNESS)
    # the filter leaves haze far from the edge
    reached = cv2.blur(cv2.dilate(large, np.ones((radius, radius))), (radius, radius))
    return np.asarray(np.clip(1.1 * soft - 0.05, 0, 1) * np.clip(2 * reached - 0.1, 0, 1), np.float32)


def _connected(share: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Only what hangs together with the head; half-sure parts count for less."""
    found = share > 0.5
    count, labels = cv2.connectedComponents((found | (head > 0.5)).astype(np.uint8))
    touching = np.unique(labels[head > 0.5])
    own = np.isin(labels, touching[touching > 0]) if count > 1 else found
    near = cv2.GaussianBlur(cv2.dilate(own.astype(np.float32), np.ones((7, 7))), (0, 0), 2.0)
    return np.clip(1.6 * share - 0.3, 0, 1) * near


def _whole(share: np.ndarray) -> np.ndarray:
    """Without small holes: a glint in the hair is no window."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((share < 0.5).astype(np.uint8))
    small = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] < 0.002 * share.size]
    return np.where(np.isin(labels, small), np.float32(1), share).astype(np.float32)


def _inside(head: np.ndarray, unit: float) -> np.ndarray:
    """1 well inside the mesh, falling to 0 at its silhouette, where the fit may be off by a little."""
    distance = cv2.distanceTransform((head > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / (head.shape[0] * unit)
    return np.clip(distance / 0.02 - 0.5, 0, 1).astype(np.float32)
