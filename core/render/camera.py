"""The one orthographic camera of the project (spec section 3; DECA, Feng et al. 2021).

A camera ``(s, tx, ty)`` maps head space (metres, +x picture's right, +y up, +z to the viewer) to a 224-pixel face crop, and
the box ``(size, cx, cy)``, in fractions of the picture's side, says where that crop lies in the picture. Both stay the source
photo's through every edit.
"""
from __future__ import annotations

import numpy as np

DEPTH_OFFSET = 10.0
CROP = 224.0


def pixel_centres(size: int) -> np.ndarray:
    """(size,) float32 NDC of the pixels' centres, (2i + 1) / size - 1, rounded as pytorch3d does, which counts from the right."""
    back = 2 * np.arange(size - 1, -1, -1) + 1
    return np.float32(1) - back.astype(np.float32) / np.float32(size)


def ndc_affine(box: np.ndarray) -> tuple[float, float, float]:
    """(gain, x offset, y offset) with ``ndc = q * gain + offset`` for the crop coordinates ``q`` in about [-1, 1].

    The crop has 224 pixels but its transform scales by 223, as in the reference: the two numbers are not the same.
    """
    size, cx, cy = (float(v) for v in box)
    gain = size * CROP / (CROP - 1.0)
    return gain, gain + 2.0 * cx - size - 1.0, gain + 2.0 * cy - size - 1.0


def project_ndc(vertices: np.ndarray, camera: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Head-space vertices (V, 3) -> (V, 3) float32: x right and y down in [-1, 1] over the picture, depth (smaller is nearer)."""
    s, tx, ty = (np.float32(v) for v in camera)
    gain, ox, oy = (np.float32(v) for v in ndc_affine(box))
    vertices = np.asarray(vertices, np.float32)
    out = np.empty_like(vertices)
    out[:, 0] = (s * (vertices[:, 0] + tx)) * gain + ox
    out[:, 1] = -(s * (vertices[:, 1] + ty)) * gain + oy
    out[:, 2] = np.float32(DEPTH_OFFSET) - s * vertices[:, 2]
    return out


def project(vertices: np.ndarray, camera: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Head-space vertices (V, 3) -> (V, 3) float32: x, y in pixels of a size x size picture, and depth.

    Pixel i covers [i, i + 1], so ``ndc = 2 x / size - 1``; y runs down; a smaller depth is nearer to the viewer.
    """
    out = project_ndc(vertices, camera, box)
    out[:, :2] = (out[:, :2] + np.float32(1)) * np.float32(size / 2)
    return out


def metres_to_pixels(camera: np.ndarray, box: np.ndarray, size: int) -> float:
    """How many pixels of a size x size picture one metre in head space covers."""
    return float(camera[0]) * ndc_affine(box)[0] * size / 2
