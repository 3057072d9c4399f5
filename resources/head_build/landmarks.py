"""Where MediaPipe's 478 landmarks lie on the head: found by running the landmarker on renders of the head itself.

Each render's landmarks are traced to the surface points they fall on; the robust mean over views, expressions, shapes and mirror
images, moved to the nearest surface point, is the embedding. Lips' inner edge comes from open mouths only, the irises are
known from the eyeballs.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mediapipe as mp
import numpy as np
import trimesh
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from core.head.open_head import OpenHead
from resources.head_build.render import View, draw

INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
UPPER_RIM, LOWER_RIM = (191, 80, 81, 82, 13, 312, 311, 310, 415), (95, 88, 178, 87, 14, 317, 402, 318, 324)  # without corners
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
EYE_EDGES = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246,
             263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
BROWS = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
NOSE = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 97, 326, 327, 48, 278, 64, 294, 115, 344, 220, 440, 75, 305, 60, 290, 129, 358,
        49, 279, 102, 331)
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136,
        172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
IRISES = ((468, 1), (473, 0))  # centre's index, which eyeball (0: the picture's right); the next four are its edge
WEIGHTS = ((OVAL, 0.15), (BROWS, 0.7), (NOSE, 1.0), (EYE_EDGES, 1.0), (INNER_LIPS, 1.0), (OUTER_LIPS, 1.0),
           (range(468, 478), 0.6))
OTHER_WEIGHT = 0.35
COUNT = 478

YAWS, PITCHES = (-30.0, -15.0, 0.0, 15.0, 30.0), (-12.0, 0.0, 12.0)
EXPRESSIONS: tuple[dict[str, float], ...] = (
    {}, {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7}, {"jawOpen": 0.4}, {"jawOpen": 0.7},
    {"jawOpen": 0.25, "mouthSmileLeft": 0.6, "mouthSmileRight": 0.6})
SHAPES, SHAPE_SPREAD = 6, 0.8
LEAST_FACING = 0.3  # cosine between surface and view below which a trace is too uncertain
SNAP_PIXELS = 9.0


@dataclass
class Trace:
    """What one render says: surface points (478, 3) on the mean head (NaN where unknown), depth error (478,) in m."""

    points: np.ndarray
    depth: np.ndarray


def embed(head: OpenHead, task: Path) -> dict[str, np.ndarray]:
    """Arrays landmark_ids, _faces, _bary, _weight and _depth_bias of the head file."""
    rng = np.random.default_rng(5)
    shapes = [np.zeros(head.identity_size)] + [SHAPE_SPREAD * rng.normal(size=head.identity_size) for _ in range(SHAPES)]
    traces, frontal, mouths_open = [], [], []
    with landmarker(task) as finder:
        for number, shape in enumerate(shapes):
            for units in EXPRESSIONS if number == 0 else EXPRESSIONS[:1] + EXPRESSIONS[3:4]:
                for yaw in YAWS:
                    for pitch in PITCHES if number == 0 else (0.0,):
                        seen = _trace(head, finder, shape, units, yaw, pitch)
                        if seen is None:
                            continue
                        traces.append(seen[0])
                        mouths_open.append(units.get("jawOpen", 0) >= 0.25)
                        if yaw == pitch == 0 and number == 0:
                            frontal.append(seen[1])
    pairs = mirror_pairs(np.mean(frontal, 0))
    points = _mean_points(np.stack([t.points for t in traces]), np.array(mouths_open), pairs)
    bias = np.nanmedian(np.stack([t.depth for t in traces]), 0)
    bias = np.nan_to_num((bias + bias[pairs]) / 2)
    faces, bary = _onto_surface(head, points, frontal[0])
    print(f"landmarks traced in {len(traces)} renders: {int(np.isfinite(points[:468, 0]).sum())} of 468 found")
    return landmark_arrays(pairs) | {"landmark_faces": faces.astype(np.int32), "landmark_bary": bary.astype(np.float32),
                                     "landmark_depth_bias": bias.astype(np.float32)}


def landmark_arrays(pairs: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of the head file that say what the landmarks are, whatever their places."""
    weight = np.full(COUNT, OTHER_WEIGHT, np.float32)
    for ids, value in WEIGHTS:
        weight[list(ids)] = value
    return {"landmark_ids": np.arange(COUNT, dtype=np.int32), "landmark_weight": weight, "landmark_pairs": pairs.astype(np.int32)}


def no_landmarks() -> dict[str, np.ndarray]:
    """The landmark arrays of a head that has none yet."""
    return {"lopsided": np.array(0, np.int32), "landmark_ids": np.zeros(0, np.int32),
            "landmark_faces": np.zeros((0, 3), np.int32),
            "landmark_bary": np.zeros((0, 3), np.float32), "landmark_weight": np.zeros(0, np.float32),
            "landmark_depth_bias": np.zeros(0, np.float32)}


def moved_landmarks(head: OpenHead, shift: np.ndarray) -> dict[str, np.ndarray]:
    """Faces and weights after the first 468 landmarks moved by `shift` (468, 3) metres along the surface; irises stay."""
    points = head.landmarks(head.mean)
    points[:468] += shift
    faces, bary = _onto_surface(head, points, None)
    faces[468:], bary[468:] = head.landmark_faces[468:], head.landmark_bary[468:]
    return {"landmark_faces": faces.astype(np.int32), "landmark_bary": bary.astype(np.float32)}


def landmarker(task: Path) -> mp.tasks.vision.FaceLandmarker:
    """MediaPipe's landmarker over single pictures."""
    vision = mp.tasks.vision
    return vision.FaceLandmarker.create_from_options(vision.FaceLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(model_asset_path=str(task)), output_face_blendshapes=True,
        output_facial_transformation_matrixes=True))


def detect(finder: mp.tasks.vision.FaceLandmarker, picture: np.ndarray) -> np.ndarray | None:
    """Landmarks (478, 3) in pixels (z in the same unit, smaller nearer), or None."""
    found = finder.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture)))
    if not found.face_landmarks:
        return None
    height, width = picture.shape[:2]
    return np.array([[p.x * width, p.y * height, p.z * width] for p in found.face_landmarks[0]])


def _trace(head: OpenHead, finder: mp.tasks.vision.FaceLandmarker, shape: np.ndarray, units: dict[str, float], yaw: float,
           pitch: float) -> tuple[Trace, np.ndarray] | None:
    code = head.zero_code()
    expression = np.array([units.get(name, 0.0) for name in head.expression_names], np.float32)
    still = np.zeros(3)
    vertices = head.vertices(shape, expression, still, still, still, np.zeros(2))
    view = draw(vertices, head.faces, np.asarray(head.albedo(code.albedo).vertex), yaw, pitch)
    found = detect(finder, view.picture)
    if found is None:
        return None
    return Trace(_surface_points(head, view, found), _depth_error(view, found)), found


def _surface_points(head: OpenHead, view: View, found: np.ndarray) -> np.ndarray:
    """Where the landmarks lie on the mean head, by the triangle seen nearest to each."""
    inside = np.sum([head.masks[name] for name in ("eyes", "teeth", "tongue", "mouth")], 0)
    good = (view.face_ids >= 0) & (view.facing > LEAST_FACING)
    skin = good & (inside[head.faces].max(1)[view.face_ids] < 0.5)
    lips = good & (head.masks["lips"][head.faces].mean(1)[view.face_ids] > 0.3)
    points = np.full((COUNT, 3), np.nan)
    for mask, ids in ((skin, [i for i in range(468) if i not in INNER_LIPS]), (lips, list(INNER_LIPS))):
        rows, columns = np.nonzero(mask)
        away, nearest = cKDTree(np.stack([columns + 0.5, rows + 0.5], 1)).query(found[ids, :2])
        row, column = rows[nearest], columns[nearest]
        corner = head.mean[head.faces[view.face_ids[row, column]]]
        where = np.einsum("lkc,lk->lc", corner, view.bary[row, column])
        where[away > SNAP_PIXELS] = np.nan
        points[ids] = where
    return points


def _depth_error(view: View, found: np.ndarray) -> np.ndarray:
    """Landmarks' depth (toward the viewer, less its mean) minus the surface's below them, in metres of the head."""
    column, row = np.clip(found[:, 0].astype(int), 0, view.size - 1), np.clip(found[:, 1].astype(int), 0, view.size - 1)
    seen = (view.face_ids[row, column] >= 0) & (view.facing[row, column] > LEAST_FACING)
    error = np.where(seen, -found[:, 2] / view.scale - view.depth[row, column], np.nan)
    inner = [i for i in range(COUNT) if i not in OVAL]
    return error - np.nanmedian(error[inner])


def mirror_pairs(found: np.ndarray) -> np.ndarray:
    """Partner (478,) of each landmark under left-right mirroring, from a frontal symmetric face."""
    centre = found[list(NOSE[:8]), 0].mean()
    points = found - [centre, 0, 0]
    cost = np.linalg.norm(points[:, None] - points[None] * [-1, 1, 1], axis=2)
    partner = linear_sum_assignment(cost + cost.T)[1]
    if not (partner[partner] == np.arange(COUNT)).all():
        raise RuntimeError("the landmarks' mirror map is not its own inverse")
    return partner


def _mean_points(points: np.ndarray, mouths_open: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    both = np.concatenate([points, points[:, pairs] * [-1, 1, 1]])
    both[np.concatenate([~mouths_open, ~mouths_open])[:, None] & np.isin(np.arange(COUNT), INNER_LIPS)] = np.nan
    middle = np.nanmedian(both, 0)
    far = np.linalg.norm(both - middle, axis=2)
    limit = 2.5 * np.nanmedian(far, 0) + 1e-4
    both[~(far <= limit)] = np.nan
    mean = np.nanmean(both, 0)
    return (mean + mean[pairs] * [-1, 1, 1]) / 2


def _onto_surface(head: OpenHead, points: np.ndarray, frontal: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Nearest place on the outer skin for each point; irises from the eyeballs."""
    inside = np.sum([head.masks[name] for name in ("eyes", "teeth", "tongue", "mouth")], 0)
    skin = np.flatnonzero(inside[head.faces].max(1) < 0.6)
    normals = trimesh.Trimesh(head.mean, head.faces, process=False).face_normals
    skin = skin[(normals[skin, 2] > -0.2) & (head.mean[head.faces[skin]][:, :, 2].mean(1) > 0.0)]
    surface = trimesh.Trimesh(head.mean, head.faces[skin], process=False)
    known = np.nan_to_num(points[:468])
    place, _, triangle = trimesh.proximity.closest_point_naive(surface, known)
    faces = np.zeros((COUNT, 3), int)
    bary = np.zeros((COUNT, 3))
    faces[:468] = surface.faces[triangle]
    bary[:468] = trimesh.triangles.points_to_barycentric(surface.triangles[triangle], place)
    _inner_lips(head, known, faces, bary)
    for centre, ball in IRISES:
        if frontal is None:
            break
        start = head.eye_start[ball]
        for step in range(5):
            faces[centre + step] = start + _iris_vertex(head, start, frontal[centre + step, :2] - frontal[centre, :2], step == 0)
            bary[centre + step] = (1, 0, 0)
    bary = np.clip(bary, 0, None)
    return faces, bary / np.maximum(bary.sum(1, keepdims=True), 1e-9)


def _inner_lips(head: OpenHead, known: np.ndarray, faces: np.ndarray, bary: np.ndarray) -> None:
    """Inner lip landmarks go on the lips' rims, which a viewer sees as the edges of the opening: the upper lip's lowest and the
    lower lip's highest place at their distance from the middle. At rest the rims touch, so a closed mouth is closed."""
    lips = head.faces[head.masks["lips"][head.faces].mean(1) > 0.3]
    follows = head.weight_jaw[:, 0][lips]
    for ids, chosen, sign in ((UPPER_RIM, follows.max(1) < 0.3, -1.0), (LOWER_RIM, follows.min(1) > 0.3, 1.0)):
        for i in ids:
            faces[i], bary[i] = _rim(head.mean.astype(float), lips[chosen], float(known[i, 0]), sign)


def _rim(points: np.ndarray, triangles: np.ndarray, x: float, sign: float) -> tuple[np.ndarray, np.ndarray]:
    """Triangle (3,) and weights (3,) of the place furthest up (sign 1) or down (-1) where triangles' edges meet the plane x."""
    best, place = -np.inf, (triangles[0], np.array([1.0, 0.0, 0.0]))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        start, end = points[triangles[:, a]], points[triangles[:, b]]
        share = (x - start[:, 0]) / np.where(start[:, 0] == end[:, 0], np.inf, end[:, 0] - start[:, 0])
        share = np.where(np.abs(start[:, 0] - x) < 1e-9, 0.0, share)
        height = sign * (start[:, 1] + share * (end[:, 1] - start[:, 1]))
        met = (share >= 0) & (share <= 1) & ((share > 0) | (np.abs(start[:, 0] - x) < 1e-6))
        row = int(np.where(met, height, -np.inf).argmax())
        if met[row] and height[row] > best:
            weights = np.zeros(3)
            weights[a], weights[b] = 1 - share[row], share[row]
            best, place = height[row], (triangles[row], weights)
    return place


def _iris_vertex(head: OpenHead, start: int, offset: np.ndarray, centre: bool) -> int:
    """Vertex within an eyeball: its pole, or the iris edge's in the direction `offset` (picture pixels)."""
    if centre:
        return 0
    ball = head.mean[start:head.eye_start[2] if start == head.eye_start[1] else head.eye_start[1]]
    direction = np.sign(np.where(np.abs(offset) == np.abs(offset).max(), offset, 0)) * [1, -1]
    iris = head.masks["iris"][start:start + len(ball)]
    arm = ball[:, :2] - ball[0, :2]
    reach = np.where(iris > 0.4, arm @ direction - 3 * np.abs(arm @ direction[::-1]), -1)
    return int(reach.argmax())
