"""Rotations from axis-angle vectors."""
from __future__ import annotations

import numpy as np


def rotation_matrices(vectors: np.ndarray) -> np.ndarray:
    """Rodrigues' formula as spec section 2 has it: axis-angle (n, 3) in radians -> (n, 3, 3), in the vectors' own precision.

    theta = |r + 1e-8|, k = r / theta, R = I + sin(theta) K + (1 - cos(theta)) K^2.
    """
    vectors = np.asarray(vectors)
    angle = np.linalg.norm(vectors + vectors.dtype.type(1e-8), axis=1)[:, None]
    x, y, z = (vectors / angle).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)
    sine, cosine = np.sin(angle)[..., None], np.cos(angle)[..., None]
    return np.eye(3, dtype=vectors.dtype) + sine * cross + (1 - cosine) * (cross @ cross)


def rotation_matrix(vector: np.ndarray) -> np.ndarray:
    """One rotation (3, 3) float32 from an axis-angle vector (3,) in radians."""
    return rotation_matrices(np.asarray(vector, np.float64)[None])[0].astype(np.float32)
