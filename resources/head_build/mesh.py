"""The cropped head mesh: which vertices stay, the cut at the neck, eyes as spheres, joints and skinning weights."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from scipy.sparse import csgraph

from resources.head_build.source import Source

KEPT = ("skin", "upper_teeth", "lower_teeth", "tongue")
CUT_HEIGHT, CUT_SLOPE, CUT_WIDTH = 6.0, -0.25, 1.0  # decimetres on the base mesh: y = height + slope z
# Polar angles of an eye's rings in degrees: close together at the edges of pupil and iris, so that these stay sharp.
EYE_RINGS = (3.5, 7.0, 8.6, 10.5, 15.0, 20.0, 23.6, 25.2, 27.5, 32.0, 38.0, 45.0, 53.0, 62.0, 74.0, 88.0, 105.0)
EYE_SEGMENTS = 28
PUPIL_DEGREES, IRIS_DEGREES = 8.0, 24.5
EYE_RADIUS = 0.139


@dataclass
class Crop:
    """kept: ids of the kept source vertices; faces (F, 3) into kept; lift (n, m): weights from source to kept positions."""

    kept: np.ndarray
    faces: np.ndarray
    lift: sparse.csr_matrix


def crop(source: Source) -> Crop:
    """Keep what is above the neck's plane; the corners below it move along their edges onto it, so that the cut is straight."""
    vertices = source.vertices
    height = vertices[:, 1] - (CUT_HEIGHT + CUT_SLOPE * vertices[:, 2])
    above = (height > 0) & ((np.abs(vertices[:, 0]) < CUT_WIDTH) | (vertices[:, 1] > 6.3))
    quads = []
    for name in KEPT:
        part = source.quads[source.part == {"skin": "body"}.get(name, "helper-" + name.replace("_", "-"))]
        quads.append(part[above[part].any(1)] if name == "skin" else part)
    used = _largest_piece(quads[0], len(vertices))
    quads[0] = quads[0][used[quads[0]].all(1)]
    every = np.concatenate(quads)
    kept = np.unique(every)
    index = np.full(len(vertices), -1)
    index[kept] = np.arange(len(kept))
    return Crop(kept, triangulate(index[every], vertices[kept]), _onto_plane(quads[0], height, kept, index))


def _largest_piece(quads: np.ndarray, count: int) -> np.ndarray:
    edges = np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)])
    label = csgraph.connected_components(sparse.coo_matrix((np.ones(len(edges)), edges.T), (count, count)), False)[1]
    return label == np.bincount(label[quads.ravel()]).argmax()


def _onto_plane(quads: np.ndarray, height: np.ndarray, kept: np.ndarray, index: np.ndarray) -> sparse.csr_matrix:
    """Rows: kept vertices. A vertex below the plane becomes the mean of its edges' crossings with the plane."""
    edges = np.concatenate([np.concatenate([quads[:, [k, (k + 1) % 4]], quads[:, [(k + 1) % 4, k]]]) for k in range(4)])
    diagonals = np.concatenate([quads[:, [k, (k + 2) % 4]] for k in range(4)])
    edges, diagonals = np.unique(edges, axis=0), np.unique(diagonals, axis=0)

    def upward(pairs: np.ndarray, vertex: int) -> np.ndarray:
        ends = pairs[pairs[:, 0] == vertex, 1] if height[vertex] <= 0 else np.empty(0, int)
        return ends[height[ends] > 0]

    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for row, vertex in enumerate(kept):
        ups = upward(edges, vertex)
        if not len(ups):
            ups = upward(diagonals, vertex)
        if not len(ups):
            rows, columns, values = [*rows, row], [*columns, vertex], [*values, 1.0]
            continue
        for up in ups:
            share = height[up] / (height[up] - height[vertex])
            rows += [row, row]
            columns += [vertex, up]
            values += [share / len(ups), (1 - share) / len(ups)]
    return sparse.csr_matrix((values, (rows, columns)), (len(kept), len(height)))


def triangulate(quads: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Each quad cut along its shorter diagonal, which on a mirror-exact mesh gives a mirror-exact cut."""
    corner = vertices[quads]
    first = np.linalg.norm(corner[:, 0] - corner[:, 2], axis=1).round(6)
    second = np.linalg.norm(corner[:, 1] - corner[:, 3], axis=1).round(6)
    short = first <= second
    return np.concatenate([quads[short][:, [0, 1, 2]], quads[short][:, [0, 2, 3]],
                           quads[~short][:, [0, 1, 3]], quads[~short][:, [1, 2, 3]]])


def eye_sphere() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A unit sphere's front about +z: vertices (n, 3), faces (m, 3), polar angle (n,) in degrees."""
    angles = np.deg2rad(EYE_RINGS)
    around = np.arange(EYE_SEGMENTS) * 2 * np.pi / EYE_SEGMENTS
    ring = np.stack([np.outer(np.sin(angles), np.sin(around)), np.outer(np.sin(angles), np.cos(around)),
                     np.outer(np.cos(angles), np.ones_like(around))], 2)
    vertices = np.concatenate([[[0, 0, 1]], ring.reshape(-1, 3)])
    polar = np.concatenate([[0], np.repeat(EYE_RINGS, EYE_SEGMENTS)])
    k = np.arange(EYE_SEGMENTS)
    n = (k + 1) % EYE_SEGMENTS
    faces = [np.stack([0 * k, 1 + n, 1 + k], 1)]
    for r in range(len(EYE_RINGS) - 1):
        a, b = 1 + r * EYE_SEGMENTS, 1 + (r + 1) * EYE_SEGMENTS
        faces += [np.stack([a + k, a + n, b + k], 1), np.stack([a + n, b + n, b + k], 1)]
    return vertices, np.concatenate(faces), polar


def eye_motion(source: Source, side: str, delta: np.ndarray) -> tuple[np.ndarray, float]:
    """Shift (3,) and growth of an eye ball under a displacement of its helper vertices."""
    ids = source.part_vertices(f"{side}_eye")
    centre = source.joint(f"joint-{side[0]}-eye")
    arm = source.vertices[ids] - centre
    mean = arm.mean(0)
    growth = float(((arm - mean) * delta[ids]).sum() / ((arm - mean) ** 2).sum())
    return delta[ids].mean(0) - growth * mean, growth


def neighbours(faces: np.ndarray, count: int) -> sparse.csr_matrix:
    """Row-normalised adjacency (V, V) of a mesh."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    matrix = sparse.coo_matrix((np.ones(len(edges)), edges.T), (count, count)).tocsr()
    matrix.data[:] = 1
    return sparse.diags(1 / np.maximum(np.asarray(matrix.sum(1)).ravel(), 1)) @ matrix


def vertex_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """A third of the area of the triangles around each vertex."""
    corner = vertices[faces]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) / 6
    return np.bincount(faces.ravel(), np.repeat(area, 3), len(vertices))


def skinning(source: Source) -> dict[str, np.ndarray]:
    """Weights (N,) of the neck joint (all of the head) and, within it, of the jaw joint."""
    weights, parents = source.bone_weights(), source.bone_parents()

    def under(bone: str | None, top: str) -> bool:
        while bone and bone != top:
            bone = parents[bone]
        return bone == top

    total = np.maximum(np.sum(list(weights.values()), 0), 1e-9)
    head = np.sum([value for bone, value in weights.items() if under(bone, "head")], 0)
    partial = {"neck03": 0.7, "neck02": 0.4, "neck01": 0.12}
    head = head + np.sum([share * weights[bone] for bone, share in partial.items()], 0)
    jaw = np.sum([value for bone, value in weights.items() if under(bone, "jaw")], 0)
    return {"neck": head / total, "jaw": jaw / total}
