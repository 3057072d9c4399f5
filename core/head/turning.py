"""Turning parts of a mesh in place: compiled, one thread, no memory of their own."""
from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def turn_part(vertices, change, pivot, weight):
    """vertices (V, 3) += weight (V,) * change @ (vertices - pivot), change (3, 3) being a rotation less the identity."""
    for i in range(vertices.shape[0]):
        w = weight[i]
        if w == 0:
            continue
        x, y, z = vertices[i, 0] - pivot[0], vertices[i, 1] - pivot[1], vertices[i, 2] - pivot[2]
        for k in range(3):
            vertices[i, k] += w * (change[k, 0] * x + change[k, 1] * y + change[k, 2] * z)


@njit(cache=True, nogil=True)
def turn_all(vertices, turn):
    """vertices (V, 3) turned about the origin by a rotation (3, 3)."""
    for i in range(vertices.shape[0]):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        for k in range(3):
            vertices[i, k] = turn[k, 0] * x + turn[k, 1] * y + turn[k, 2] * z
