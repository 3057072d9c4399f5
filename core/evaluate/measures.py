"""What one fit is worth: numbers that compare a fitted head with its photo. Lengths are shares of the outer eye distance."""
from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from core.codes import FaceCode
from core.cv import cv2
from core.head.base import HeadModel
from core.landmarks import EYE_CORNERS, IBUG68
from core.render.buffers import Buffers
from core.render.camera import project

INNER = IBUG68[17:]  # 51: brows, nose, eyes, lips
LIP_GAPS = ((82, 87), (13, 14), (312, 317))
LID_GAPS = (((160, 144), (159, 145), (158, 153)), ((387, 373), (386, 374), (385, 380)))
NOSE_TIP, ALL_EYE_CORNERS = 1, (33, 133, 362, 263)
CLOSED = 0.006  # a mouth whose lips are seen this near is shut


@dataclass(frozen=True)
class Measures:
    """One fitted photo. inner, inner_3d: mean error of the 51 inner points, against the eye distance as seen and as it is in
    space; lip_gap, lid_gap: errors of the mouth's and the eyes' opening; seen_lips, fitted_lips: the mouth's opening;
    asymmetry, nose_depth: mm on the fitted identity; residual: mean colour error over the face, 0 to 255; light: the fit's own
    measure, 0 to 255; confidence: 0 to 1; size: length of the identity in standard deviations; yaw: degrees, fitted."""

    inner: float
    inner_3d: float
    lip_gap: float
    lid_gap: float
    seen_lips: float
    fitted_lips: float
    asymmetry: float
    nose_depth: float
    residual: float
    light: float
    confidence: float
    size: float
    yaw: float

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The measures' names in order."""
        return tuple(field.name for field in fields(cls))


def landmark_measures(seen: np.ndarray, fitted: np.ndarray, span: float) -> dict[str, float]:
    """inner, inner_3d, lip_gap, lid_gap, seen_lips, fitted_lips of landmarks (478, 2) in pixels.

    span: the outer eye distance in space, in the same pixels; in the picture it is shorter on a turned head.
    """
    flat = float(np.linalg.norm(seen[EYE_CORNERS[1]] - seen[EYE_CORNERS[0]]))
    error = float(np.linalg.norm(fitted - seen, axis=1)[INNER].mean())
    lips = [opening(points, LIP_GAPS) / flat for points in (seen, fitted)]
    lids = [abs(opening(fitted, eye) - opening(seen, eye)) / flat for eye in LID_GAPS]
    return {"inner": error / flat, "inner_3d": error / span, "lip_gap": abs(lips[1] - lips[0]), "lid_gap": float(np.mean(lids)),
            "seen_lips": lips[0], "fitted_lips": lips[1]}


def opening(points: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> float:
    """Mean distance between the points of each pair."""
    upper, lower = np.array(pairs).T
    return float(np.linalg.norm(points[upper] - points[lower], axis=1).mean())


def asymmetry(head: HeadModel, code: FaceCode) -> float:
    """How far the fitted identity is from its mirror image: mean over the landmarks, mm."""
    points = still_landmarks(head, code)
    twins = _twins(head)
    mirrored = points[twins] * np.array([-1, 1, 1])
    mirrored[:, 0] += (points - mirrored)[:, 0].mean()
    return float(1e3 * np.linalg.norm(points - mirrored, axis=1).mean())


def nose_depth(head: HeadModel, code: FaceCode) -> float:
    """How far the tip of the nose stands in front of the four eye corners, mm; a person's is 28 to 33 on average."""
    points = still_landmarks(head, code)
    place = {int(number): i for i, number in enumerate(head.landmark_ids)}
    corners = np.mean([points[place[i], 2] for i in ALL_EYE_CORNERS])
    return float(1e3 * (points[place[NOSE_TIP], 2] - corners))


def still_landmarks(head: HeadModel, code: FaceCode) -> np.ndarray:
    """(L, 3) float64 landmarks in metres of the identity alone: no expression, no turn."""
    still = head.zero_code().replace(identity=code.identity)
    return np.asarray(head.landmarks(head.vertices_of(still)), np.float64)


def residual(buffers: Buffers, crop: np.ndarray, points: np.ndarray) -> float:
    """Mean absolute difference of rendered and photo over the face, 0 to 255; NaN when the head does not cover any of it."""
    face = face_mask(points, len(crop)) & (buffers.coverage > 0)
    if not face.any():
        return float("nan")
    return float(np.abs(np.clip(buffers.rendered[face], 0, 1) * 255 - crop[face]).mean())


def face_mask(points: np.ndarray, size: int) -> np.ndarray:
    """(size, size) bool: inside the outline of the landmarks (478, 2)."""
    hull = cv2.convexHull(np.ascontiguousarray(points[:468], np.float32))
    mask = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull).astype(np.int32), 1)
    return mask > 0


def fitted_points(head: HeadModel, code: FaceCode, size: int, seen: np.ndarray) -> np.ndarray:
    """(478, 2) the head's landmarks in pixels of the crop; where the head has no place for a landmark, the seen one."""
    out = np.array(seen, np.float32)
    out[head.landmark_ids] = project(head.landmarks(head.vertices_of(code)), code.camera, code.box, size)[:, :2]
    return out


@lru_cache(maxsize=4)
def _twins(head: HeadModel) -> np.ndarray:
    """(L,) for each landmark the one that is nearest to its mirror image on the mean head."""
    points = still_landmarks(head, head.zero_code())
    return np.array([np.linalg.norm(points - point * np.array([-1, 1, 1]), axis=1).argmin() for point in points])
