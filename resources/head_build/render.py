"""A plain orthographic picture of a coloured mesh with its triangle ids, for finding the landmarks at build time."""
from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

SIZE, SPAN = 512, 0.30  # pixels, metres across
BACKGROUND = 0.32


@dataclass
class View:
    """picture (S, S, 3) uint8; face_ids (S, S), -1 outside; bary (S, S, 3); facing (cosine to the viewer), depth (m) (S, S)."""

    picture: np.ndarray
    face_ids: np.ndarray
    bary: np.ndarray
    facing: np.ndarray
    depth: np.ndarray
    scale: float
    size: int


def rotation(yaw: float, pitch: float) -> np.ndarray:
    """Turn by yaw (positive to the picture's right) after pitch (positive up), degrees."""
    a, b = np.deg2rad(yaw), -np.deg2rad(pitch)
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return about_y @ about_x


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (V, 3)."""
    corner = vertices[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(total, faces[:, k], normal)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def draw(vertices: np.ndarray, faces: np.ndarray, colour: np.ndarray, yaw: float = 0, pitch: float = 0, size: int = SIZE) -> View:
    """The mesh seen from the front after a turn, under a soft light from above right."""
    turned = np.asarray(vertices, float) @ rotation(yaw, pitch).T
    normals = vertex_normals(turned, faces)
    scale = size / SPAN
    screen = np.stack([turned[:, 0] * scale + size / 2, size / 2 - (turned[:, 1] - 0.02) * scale, turned[:, 2]], 1)
    face_ids, bary = _raster(screen, faces.astype(np.int64), size)
    ids = faces[face_ids]
    seen = (face_ids >= 0)[..., None]
    normal = np.einsum("hwkc,hwk->hwc", normals[ids], bary)
    shade = 0.35 + 0.25 * np.clip(normal[..., 2], 0, 1) + 0.5 * np.clip(normal @ [0.4, 0.6, 0.69], 0, 1)
    shaded = np.einsum("hwkc,hwk->hwc", colour[ids], bary) * shade[..., None]
    picture = (np.clip(np.where(seen, shaded, BACKGROUND), 0, 1) * 255).astype(np.uint8)
    depth = np.einsum("hwk,hwk->hw", turned[:, 2][ids], bary)
    return View(picture, face_ids, bary, np.where(seen[..., 0], normal[..., 2], 0), depth, scale, size)


@numba.njit(cache=True)
def _raster(screen: np.ndarray, faces: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    nearest = np.full((size, size), -1e9)
    face_ids = np.full((size, size), -1, np.int64)
    bary = np.zeros((size, size, 3))
    for k in range(len(faces)):
        a, b, c = screen[faces[k, 0]], screen[faces[k, 1]], screen[faces[k, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-9:
            continue
        top, bottom = max(0, int(min(a[1], b[1], c[1]) - 0.5)), min(size - 1, int(max(a[1], b[1], c[1]) + 0.5))
        left, right = max(0, int(min(a[0], b[0], c[0]) - 0.5)), min(size - 1, int(max(a[0], b[0], c[0]) + 0.5))
        for i in range(top, bottom + 1):
            for j in range(left, right + 1):
                x, y = j + 0.5, i + 0.5
                u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
                v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
                w = 1 - u - v
                z = u * a[2] + v * b[2] + w * c[2]
                if u >= 0 and v >= 0 and w >= 0 and z > nearest[i, j]:
                    nearest[i, j] = z
                    face_ids[i, j] = k
                    bary[i, j] = (u, v, w)
    return face_ids, bary
