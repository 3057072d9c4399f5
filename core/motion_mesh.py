"""The mesh's own motion: where in the source picture each visible point of the edited mesh was, and whether it was seen there."""
from __future__ import annotations

import math

import numpy as np
from numba import njit

from core.cv import cv2
from core.motion_masks import INTERIOR, OFF_HEAD
from core.render.numba_raster import Surface

_TOLERANCE = 0.004  # metres a point may lie behind the source's front surface and still count as seen
_INTERIOR_TOLERANCE = 0.0015  # lips and teeth are close together
_GRAZING = 0.35  # a surface seen at a flatter angle than this (cosine) has too few pixels to be spread out


def surface_motion(before: np.ndarray, after: np.ndarray, facing: tuple[np.ndarray, np.ndarray], faces: np.ndarray,
                   classes: np.ndarray, seen_before: Surface, seen_after: Surface, scale: float) -> tuple[np.ndarray, ...]:
    """What the edited mesh shows at each pixel: (shift, known, seen, class).

    before, after (V, 3): source and edited vertices in NDC; facing: z of their normals (V,) each; classes (V,); scale: NDC depth
    per metre. shift (H, W, 2): pixels to the same point in the source. known (H, W) bool: the source's pixels there are fit to be
    used; seen (H, W) bool: it shows the point at all. class (H, W) uint8, OFF_HEAD where there is no mesh.
    """
    size = seen_after.face_ids.shape[0]
    depth = seen_before.depth
    far = cv2.dilate(np.where(np.isfinite(depth), depth, np.float32(1e6)), np.ones((3, 3)))
    shift = np.zeros((size, size, 2), np.float32)
    known, seen = np.zeros((size, size), np.bool_), np.zeros((size, size), np.bool_)
    kind = np.full((size, size), OFF_HEAD, np.uint8)
    _trace(seen_after.face_ids, seen_after.bary, np.ascontiguousarray(faces, np.int32), before,
           np.ascontiguousarray((before - after)[:, :2] * np.float32(size / 2)), *facing, classes, far, depth,
           np.float32(_TOLERANCE * scale), np.float32(_INTERIOR_TOLERANCE * scale), np.float32(_GRAZING), shift, known,
           seen, kind)
    return shift, known, seen, kind


@njit(cache=True, nogil=True)
def _trace(ids, bary, faces, before, delta, normal_z, normal_after, classes, far, front, tolerance, strict, grazing, shift, known,
           seen, kind):
    size = ids.shape[0]
    for y in range(size):
        for x in range(size):
            f = ids[y, x]
            if f < 0:
                continue
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            w0, w1, w2 = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            dx = w0 * delta[i, 0] + w1 * delta[j, 0] + w2 * delta[k, 0]
            dy = w0 * delta[i, 1] + w1 * delta[j, 1] + w2 * delta[k, 1]
            shift[y, x, 0], shift[y, x, 1] = dx, dy
            kind[y, x] = max(classes[i], classes[j], classes[k])
            sx, sy = int(math.floor(x + dx + 0.5)), int(math.floor(y + dy + 0.5))
            if sx < 0 or sy < 0 or sx >= size or sy >= size:
                continue
            z = w0 * before[i, 2] + w1 * before[j, 2] + w2 * before[k, 2]
            facing = w0 * normal_z[i] + w1 * normal_z[j] + w2 * normal_z[k]
            facing_after = w0 * normal_after[i] + w1 * normal_after[j] + w2 * normal_after[k]
            if kind[y, x] == INTERIOR:
                seen[y, x] = z <= front[sy, sx] + strict
                known[y, x] = seen[y, x]
            else:
                # A flat angle only harms where the surface now faces the viewer more and would be stretched.
                front_most = z <= far[sy, sx] + tolerance
                seen[y, x] = front_most and facing > min(np.float32(0.1), np.float32(0.5) * facing_after)
                known[y, x] = front_most and facing > min(grazing, np.float32(0.7) * facing_after)
