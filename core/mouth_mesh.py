"""Teeth, gums and tongue as small parametric surfaces: what an opening mouth shows, which no photo of closed lips tells.

Sizes are usual ones of adults (crowns: Nelson, Wheeler's Dental Anatomy; arches as half ellipses). The places are those of
OpenHead's mean face, in millimetres of head space; `core.mouth` carries them to a photo's head: the upper teeth are fixed in the
skull, the lower ones and the tongue go with the jaw.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

TOOTH, GUM, TONGUE = range(3)  # materials
_ACROSS, _DOWN, _BACK = 11, 10, 6  # vertices of a crown: along the arch, from neck to edge, and from there down its back
_TONGUE_ROWS = 24
_UP_GUM = 9.0  # mm of gum over the necks


@dataclass(frozen=True)
class Arch:
    """Half an ellipse in which teeth stand: half width and depth, z of its front, y of the front teeth's edges, all mm.

    crowns: (width along the arch, height, rise of the edge against the front teeth's), from the middle outward. way: +1 for gums
    above the teeth, -1 for gums below.
    """

    width: float
    depth: float
    front: float
    edge: float
    way: int
    crowns: tuple[tuple[float, float, float], ...]

    def at(self, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (..., 2) and outward unit normals (..., 2) in (x, z) at signed lengths along the arch, 0 in the middle."""
        angle = np.linspace(0, np.pi / 2, 400)
        x, z = self.width * np.sin(angle), self.depth * np.cos(angle)
        run = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
        t = np.interp(np.abs(length), run, angle)
        side = np.where(length < 0, -1.0, 1.0)
        place = np.stack([side * self.width * np.sin(t), self.front - self.depth + self.depth * np.cos(t)], -1)
        normal = np.stack([side * self.depth * np.sin(t), self.width * np.cos(t)], -1)
        return place, normal / np.linalg.norm(normal, axis=-1, keepdims=True)


UPPER = Arch(30.0, 44.0, 92.0, -29.6, 1, ((8.5, 10.4, 0.0), (6.6, 9.0, 0.7), (7.5, 10.0, 0.1), (7.0, 8.6, 0.7), (6.8, 8.0, 1.0),
                                          (10.2, 7.4, 1.4), (9.4, 7.0, 2.0)))
LOWER = Arch(27.5, 42.0, 89.6, -27.4, -1, ((5.3, 8.8, 0.0), (5.8, 9.0, 0.0), (6.8, 9.8, 0.3), (7.0, 8.6, -0.4), (7.1, 8.0, -0.6),
                                           (11.0, 7.4, -0.8), (10.4, 7.0, -1.0)))


@dataclass(frozen=True, eq=False)
class Part:
    """A surface on the mean face: vertices (V, 3) float32 in metres, faces (F, 3) int32, seen from outside counterclockwise.

    material: TOOTH, GUM or TONGUE. tint (V, 3) float32: factors on the material's colour.
    """

    vertices: np.ndarray
    faces: np.ndarray
    material: int
    tint: np.ndarray


@lru_cache(maxsize=2)
def teeth(arch: Arch) -> Part:
    """The crowns of an arch."""
    vertices, faces, tints, count = [], [], [], 0
    for side in (-1, 1):
        start = 0.0
        for index, (width, height, rise) in enumerate(arch.crowns):
            middle, start = side * (start + width / 2), start + width
            crown, tint = _crown(arch, index, middle, width, height, rise, side)
            vertices.append(crown)
            tints.append(tint)
            faces.append(_grid_faces(_DOWN + _BACK, _ACROSS, flip=arch.way < 0) + count)
            count += len(crown)
    return Part(np.concatenate(vertices).astype(np.float32) / 1000, np.concatenate(faces).astype(np.int32), TOOTH,
                np.concatenate(tints).astype(np.float32))


def _crown(arch: Arch, index: int, middle: float, width: float, height: float, rise: float,
           side: int) -> tuple[np.ndarray, np.ndarray]:
    """A crown's front, round to its sides, its edge or chewing surface, and its back: vertices (N, 3) mm and tints (N, 3)."""
    u, v = np.meshgrid(np.linspace(-1, 1, _ACROSS), np.concatenate([np.linspace(0, 1, _DOWN), np.ones(_BACK)]))
    behind = np.concatenate([np.zeros(_DOWN), np.arange(1, _BACK + 1)])[:, None] / _BACK  # across: u; neck to edge: v; then back
    cutting, pointed = index < 2, index == 2
    neck = 0.80 if cutting else 0.86
    half = width / 2 * (neck + (1 - neck) * np.sin(np.minimum(v / 0.75, 1) * np.pi / 2))
    corner = (0.7 if index == 0 else 1.0 if cutting or pointed else 0.35) * (1 + 0.5 * np.maximum(u * side, 0)) * (1 - behind)
    edge = height - np.abs(u) ** (3.6 if cutting else 2.6) * corner - np.abs(u) * (1.5 if pointed else 0)
    down = np.maximum(v * edge, 0.9 * u * u * (1 - v) ** 2)  # mm from the neck, whose line is an arch
    thick, falls = (5.5, 0.9 * height * behind ** 1.4) if cutting or pointed else (8.0, height * np.where(
        behind < 0.5, 1.1 * behind * (0.5 - behind), np.maximum(behind - 0.7, 0) * 2.6))
    bulge = (0.9 if cutting else 1.6) * np.sin(np.clip(v * 0.9 + 0.12, 0, 1) * np.pi) ** 0.8
    back = (1.3 if cutting else 2.4) * np.abs(u) ** 4 * (1 - behind) + 0.8 * np.clip((v - 0.86) / 0.14, 0, 1) ** 2
    place, normal = arch.at(middle + u * half)
    xz = place + normal * (bulge - back - thick * np.minimum(1.35 * behind, 1) ** 0.8)[..., None]
    y = arch.edge + arch.way * (rise + height - down + falls)
    thin = np.clip((v - 0.72) / 0.28, 0, 1)[..., None]  # a front tooth's edge lets light through
    yellow = np.clip(1 - v / 0.35, 0, 1)[..., None] * [0.03, 0.08, 0.16]
    tint = (1 - yellow - thin * ([0.07, 0.045, 0.02] if cutting else [0.02, 0.02, 0.02])) * (1 - 0.5 * behind[..., None] ** 0.7)
    tint = tint * ([1, 1, 1] if cutting else [0.96, 0.96, 0.93])
    return np.stack([xz[..., 0], y, xz[..., 1]], -1).reshape(-1, 3), tint.reshape(-1, 3)


@lru_cache(maxsize=2)
def gums(arch: Arch) -> Part:
    """The gum over an arch's necks, with its scallops between the teeth."""
    reach = sum(width for width, _, _ in arch.crowns)
    length = np.linspace(-reach, reach, 225)
    margin = np.interp(np.abs(length), *_gum_line(arch))
    place, normal = arch.at(length)
    rows = []
    for step, out in ((0.0, 0.15), (0.35, 0.75), (1.4, 1.15), (4.0, 1.5), (_UP_GUM, 1.2)):
        xz = place + normal * out
        rows.append(np.stack([xz[:, 0], margin + arch.way * step, xz[:, 1]], -1))
    vertices = np.stack(rows)[::-1]  # top row first, as in crowns
    rim = np.ones(vertices.shape, np.float32)
    rim[-2:] = [1.06, 1.02, 1.02]
    faces = _grid_faces(5, len(length), flip=arch.way < 0).astype(np.int32)
    return Part(vertices.reshape(-1, 3).astype(np.float32) / 1000, faces, GUM, rim.reshape(-1, 3))


def _gum_line(arch: Arch) -> tuple[np.ndarray, np.ndarray]:
    """Lengths along half an arch and the height y (mm) of the gum's margin there: high over a tooth, low between two."""
    lengths, heights, start = [], [], 0.0
    for width, height, rise in arch.crowns:
        neck = arch.edge + arch.way * (rise + height - 0.5)
        t = np.linspace(-1, 1, 9)
        lengths.append(start + width / 2 * (1 + t * 0.999))
        heights.append(neck - arch.way * 2.6 * np.abs(t) ** 2.2)
        start += width
    return np.concatenate(lengths), np.concatenate(heights)


@lru_cache(maxsize=1)
def tongue() -> Part:
    """A tongue at rest on the mouth's floor, its tip behind the lower teeth, hollow along its middle."""
    u, v = np.meshgrid(np.linspace(-1, 1, 25), np.linspace(0, 1, _TONGUE_ROWS))  # across; from the root to the tip
    half = 21.0 * np.sqrt(np.clip(1 - np.clip((v - 0.3) / 0.72, 0, 1) ** 2.4, 0, 1)) + 0.3
    angle = u * 0.62 * np.pi
    z = 20 + 64.5 * v
    spine = -24.0 - 7.5 * v ** 2.5 + 1.5 * np.sin(v * np.pi)
    thick = 9.0 * (1 - 0.5 * v ** 3)
    y = spine + thick * (np.cos(angle) - 1) - 1.8 * np.exp(-(u / 0.17) ** 2) * np.clip(1.15 - v, 0, 1)
    fur = np.clip(1.1 - v, 0, 1)[..., None] * np.array([0.04, 0.16, 0.16])  # paler toward its back
    fine = np.random.default_rng(3).standard_normal(u.shape)[..., None] * 0.025
    tint = 1 + fur + fine - np.exp(-(u / 0.1) ** 2)[..., None] * 0.10
    vertices = np.stack([half * np.sin(angle), y, z], -1).reshape(-1, 3)
    return Part(vertices.astype(np.float32) / 1000, _grid_faces(_TONGUE_ROWS, 25, flip=False).astype(np.int32), TONGUE,
                tint.reshape(-1, 3).astype(np.float32))


def put_out(vertices: np.ndarray, amount: float) -> np.ndarray:
    """A tongue's vertices (V, 3), put out over the lower teeth by an amount of 0 to 1."""
    if amount <= 0:
        return vertices
    out = vertices.reshape(_TONGUE_ROWS, -1, 3).copy()
    v = np.linspace(0, 1, _TONGUE_ROWS)[:, None]
    over, tip = (np.clip((v - start) / (end - start), 0, 1) for start, end in ((0.0, 0.6), (0.78, 1.0)))
    spine = out[:, out.shape[1] // 2, 1][:, None]
    out[..., 0] *= 1 - 0.35 * amount * over
    out[..., 1] = spine + (out[..., 1] - spine) * (1 - 0.75 * amount * over)
    out[..., 1] += amount * (0.013 * over * over * (3 - 2 * over) - 0.009 * tip * tip)
    out[..., 2] += amount * (0.036 * v ** 1.5 - 0.002 * tip)
    return out.reshape(vertices.shape)


def _grid_faces(rows: int, columns: int, flip: bool) -> np.ndarray:
    """Triangles of a grid of vertices; rows from the top down and columns to the right face the viewer unless flipped."""
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    a, b, c, d = first, first + 1, first + columns, first + columns + 1
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    return faces[:, ::-1].copy() if flip else faces
