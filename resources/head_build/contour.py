"""Where the face's outline may lie: for each landmark of the oval a path of places around the head at its height.

Seen from the side, the far half of the oval is out of sight, and the landmarker puts its points on the outline that it sees
instead. A path leads from a landmark's usual place toward the middle of the face, so that a fit can take the place that forms the
outline in its view.
"""
from __future__ import annotations

import numpy as np

from core.head.open_head import OpenHead
from resources.head_build.landmarks import OVAL

STEPS = 9
REACH = 0.8  # of the angle between a landmark's place and the middle of the face
MIDLINE = 0.008  # metres: landmarks nearer to the middle stay


def contour_paths(head: OpenHead) -> dict[str, np.ndarray]:
    """Arrays contour_ids (S,), contour_faces and contour_bary (S, STEPS, 3) of the head file; a path's first place is the
    landmark's own."""
    own = head.landmarks(head.mean)
    ids = np.array([i for i in OVAL if abs(own[i, 0]) > MIDLINE])
    inside = np.sum([head.masks[name] for name in ("eyes", "teeth", "tongue", "mouth")], 0)
    skin = head.faces[inside[head.faces].max(1) < 0.5]
    shares = np.linspace(0, REACH, STEPS)[1:]
    faces = np.repeat(head.landmark_faces[ids][:, None], STEPS, 1)
    bary = np.repeat(head.landmark_bary[ids][:, None], STEPS, 1)
    for row, point in enumerate(own[ids]):
        angles = np.arctan2(point[0], point[2]) * (1 - shares)
        for step, angle in enumerate(angles, 1):
            triangle, place = _outermost(head.mean[skin].astype(float), point[1], np.array([np.sin(angle), 0, np.cos(angle)]))
            faces[row, step], bary[row, step] = skin[triangle], place
    return {"contour_ids": ids.astype(np.int32), "contour_faces": faces.astype(np.int32), "contour_bary": bary.astype(np.float32)}


def no_contour() -> dict[str, np.ndarray]:
    """The arrays of a head that has no paths yet."""
    return {"contour_ids": np.zeros(0, np.int32), "contour_faces": np.zeros((0, STEPS, 3), np.int32),
            "contour_bary": np.zeros((0, STEPS, 3), np.float32)}


def _outermost(corners: np.ndarray, height: float, direction: np.ndarray) -> tuple[int, np.ndarray]:
    """The last of the triangles (T, 3, 3) that a level ray from the head's upright axis meets, and where (3,) barycentric
    (Moeller and Trumbore 1997)."""
    edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(direction, edge2)
    determinant = (edge1 * across).sum(1)
    determinant = np.where(np.abs(determinant) < 1e-12, np.inf, determinant)
    arm = np.array([0, height, 0]) - corners[:, 0]
    u = (arm * across).sum(1) / determinant
    side = np.cross(arm, edge1)
    v = side @ direction / determinant
    distance = (side * edge2).sum(1) / determinant
    met = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (distance > 0)
    last = int(np.where(met, distance, -1).argmax())
    if not met[last]:
        raise RuntimeError(f"no skin at height {height:.3f} m in direction {direction}")
    return last, np.array([1 - u[last] - v[last], u[last], v[last]])
