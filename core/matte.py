"""Foreground matte of a portrait crop: the person (head, hair, shoulders) against the background.

The mesh knows where the head is, but not the hair. GrabCut (Rother et al. 2004), started from the mesh's coverage, finds what
goes with it by colour, and a guided filter (He et al. 2013) gives it the picture's own edges.
"""
from __future__ import annotations

import numpy as np

from core.cv import cv2

_SIZE = 160
_ROUNDS = 3


def person_matte(crop: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """(S, S) float32 in [0, 1] for a crop (S, S, 3) uint8 and the fitted head's coverage (S, S). Deterministic."""
    side = crop.shape[0]
    small = cv2.resize(crop, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    head = cv2.resize(coverage.astype(np.float32), (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    mask = _seeds(head)
    if (mask == cv2.GC_BGD).sum() < 50 or (mask == cv2.GC_FGD).sum() < 50:
        found = head
    else:
        cv2.setRNGSeed(0)  # GrabCut's clustering draws from OpenCV's own generator
        back, front = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), mask, (0, 0, 0, 0), back, front, _ROUNDS, cv2.GC_INIT_WITH_MASK)
        found = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.float32)
        found = _connected(found, head)
    large = cv2.resize(found, (side, side), interpolation=cv2.INTER_LINEAR)
    guide = crop.astype(np.float32) / 255
    soft = cv2.ximgproc.guidedFilter(guide, large, max(side // 40, 2), 1e-3)
    return np.clip(np.maximum(soft, coverage * _inside(coverage)), 0, 1).astype(np.float32)


def _seeds(head: np.ndarray) -> np.ndarray:
    """GrabCut's start: the mesh is the person, hair is likely close around it, shoulders below; the rest is likely background."""
    covered = (head > 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(1 - covered, cv2.DIST_L2, 5) / _SIZE
    rows = np.arange(_SIZE)[:, None] / _SIZE
    mask = np.full(head.shape, cv2.GC_PR_BGD, np.uint8)
    mask[distance < 0.07] = cv2.GC_PR_FGD
    chin = np.nonzero(covered.any(1))[0].max(initial=0) / _SIZE
    mask[(rows > min(chin + 0.02, 0.93)) & (distance < 0.35)] = cv2.GC_PR_FGD
    mask[cv2.erode(covered, np.ones((5, 5))) > 0] = cv2.GC_FGD
    edge = 3
    upper = rows < 0.45
    for border in (np.s_[:edge, :], np.s_[:, :edge], np.s_[:, -edge:]):
        area = np.zeros(head.shape, bool)
        area[border] = True
        mask[area & upper & (distance > 0.08)] = cv2.GC_BGD
    return mask


def _connected(found: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Only what hangs together with the head."""
    count, labels = cv2.connectedComponents(found.astype(np.uint8))
    touching = np.unique(labels[head > 0.5])
    return np.isin(labels, touching[touching > 0]).astype(np.float32) if count > 1 else found


def _inside(coverage: np.ndarray) -> np.ndarray:
    """1 well inside the mesh, falling to 0 at its silhouette, where the fit may be off by a little."""
    distance = cv2.distanceTransform((coverage > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / coverage.shape[0]
    return np.clip(distance / 0.02, 0, 1)
