"""Fitting a head to a face: landmarks and expression scores -> FaceCode, by a damped Gauss-Newton solve.

Unknowns: identity (standard deviations, unit Gaussian prior), expression units (prior around the landmarker's scores), the
turn of the head, a scaled orthographic camera, and where the eyes look. Rows: the 478 landmarks in 2D, their depth with little
weight (it is biased, see `landmark_depth_bias`), and the gaps between lips and between lids, which a viewer sees before anything
else. Light and skin colour follow in `core.estimate_light`.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.codes import FaceCode
from core.errors import AssetError
from core.head.rotation import rotation_matrix
from core.landmarks import EYE_CORNERS, POINTS
from core.neutral_scores import NEUTRAL_SCORES
from core.render.camera import CROP, project

if TYPE_CHECKING:
    from core.head.base import HeadModel
    from core.photo import Photo

FIT_SIZE = 256
_SIGMA = 0.015  # landmark noise, share of the outer eye distance
_DEPTH_SHARE = 0.02  # of a landmark's weight that its depth gets
_FLOOR = 0.05  # weight left to a landmark on the far side, where the landmarker guesses
_GAP_WEIGHT = 10.0
_EXPRESSION_SD, _PAIR_SD = 0.10, 0.10
_LARGEST_UNIT, _LARGEST_LOOK = 1.1, 0.6
_EYES_SD = 0.35
_STEPS = 5
# Upper and lower: inner lips, then lids of both eyes.
_GAPS = np.array([(191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402), (310, 318), (415, 324),
                  (160, 144), (159, 145), (158, 153), (387, 373), (386, 374), (385, 380)])
_INNER = np.array(sorted({
    33, 133, 159, 145, 158, 153, 160, 144, 362, 263, 386, 374, 385, 380, 387, 373, 61, 291, 0, 17, 13, 14, 37, 267, 40, 270,
    84, 314, 91, 321, 78, 308, 81, 311, 178, 402, 1, 2, 4, 5, 98, 327, 168, 6, 197, 195, 105, 334, 66, 296, 63, 293}))


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit found. code: the parameters. landmark_error: mean distance of the inner landmarks, as a share of the outer eye
    distance. light_residual: mean absolute colour error over skin pixels, on the scale 0..1 (NaN when there were too few)."""

    code: FaceCode
    landmark_error: float
    light_residual: float


@dataclass(frozen=True, eq=False)
class _Model:
    """A head at its landmarks: linear bases (n, L, 3) and what weighs the rows."""

    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    looks: np.ndarray  # (2 axes, 2 signs, L, 3) per radian
    normals: np.ndarray
    weight: np.ndarray
    depth_bias: np.ndarray
    free: np.ndarray  # expression units that are fitted: not the eyeLook ones, `eyes` holds those
    pairs: np.ndarray  # rows (left, right) into the fitted units


def fit_photo(head: HeadModel, photo: Photo) -> FitResult:
    """Fit a head to a photo's chosen face, from the landmarks that the photo holds."""
    depth = photo.face.depth * (FIT_SIZE / photo.alignment.side)
    return fit(head, photo.points(FIT_SIZE), depth, photo.face.blendshapes, photo.crop(FIT_SIZE))


def fit(head: HeadModel, points: np.ndarray, depth: np.ndarray, blendshapes: dict[str, float], crop: np.ndarray) -> FitResult:
    """Fit a head to one aligned crop.

    points (478, 2): landmarks in pixels of the crop; depth (478,): in the same unit, smaller is nearer; blendshapes: scores by
    ARKit name; crop (S, S, 3) uint8. Deterministic, about 30 ms. Raises AssetError for a head without landmarks.
    """
    from core.estimate_light import estimate_light

    code, error = fit_shape(head, points, depth, blendshapes, crop.shape[0])
    code, residual = estimate_light(head, code, crop)
    return FitResult(code, error, residual)


def fit_shape(head: HeadModel, points: np.ndarray, depth: np.ndarray, blendshapes: dict[str, float],
              size: int) -> tuple[FaceCode, float]:
    """The geometry of a face: a code with the head's average albedo and plain light, and the inner landmark error."""
    model = _model(head)
    target = np.column_stack([points[:, 0], -points[:, 1], -depth]).astype(np.float64)
    state = _State.start(model, target, _expected(head, model, blendshapes))
    span = float(np.linalg.norm(target[EYE_CORNERS[1]] - target[EYE_CORNERS[0]]))
    for _ in range(_STEPS):
        state = _step(model, state, target, _SIGMA * span)
    code = _code(head, model, state, size)
    seen = project(head.landmarks(head.vertices_of(code)), code.camera, code.box, size)[:, :2]
    flat = np.linalg.norm(points[EYE_CORNERS[1]] - points[EYE_CORNERS[0]])
    return code, float(np.linalg.norm(seen - points, axis=1)[_INNER].mean() / max(flat, 0.5 * span))


@dataclass(frozen=True, eq=False)
class _State:
    turn: np.ndarray  # (3, 3)
    scale: float  # px a metre
    shift: np.ndarray  # (2,) px, y up
    identity: np.ndarray
    expression: np.ndarray  # of the free units
    expected: np.ndarray  # their prior mean
    eyes: np.ndarray

    @classmethod
    def start(cls, model: _Model, target: np.ndarray, expected: np.ndarray) -> _State:
        """Procrustes (Kabsch 1976) of the expected shape on the landmarks, depth calibrated."""
        shape = model.mean + np.tensordot(expected, model.expression, 1)
        weight = (model.weight * (model.weight > 0.2))[:, None]
        a = shape - (weight * shape).sum(0) / weight.sum()
        b = target - (weight * target).sum(0) / weight.sum()
        scale = np.sqrt((weight * b * b).sum() / (weight * a * a).sum())
        b[:, 2] -= scale * (model.depth_bias - model.depth_bias.mean())
        u, _, vt = np.linalg.svd((weight * b).T @ a)
        turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
        shift = (weight * (target - scale * shape @ turn.T)).sum(0) / weight.sum()
        return cls(turn, float(scale), shift[:2], np.zeros(len(model.identity)), expected.copy(), expected, np.zeros(2))


def _step(model: _Model, state: _State, target: np.ndarray, sigma: float) -> _State:
    """One damped Gauss-Newton step with the expression units kept in their box."""
    k, e = len(model.identity), len(model.expression)
    looks = np.stack([model.looks[i, int(state.eyes[i] < 0)] for i in range(2)])
    shape = (model.mean + np.tensordot(state.identity, model.identity, 1)
             + np.tensordot(state.expression, model.expression, 1) + np.tensordot(state.eyes, looks, 1))
    turned = shape @ state.turn.T
    gap = np.empty_like(turned)
    gap[:, :2] = target[:, :2] - state.scale * turned[:, :2] - state.shift
    ahead = state.scale * (turned[:, 2] + model.depth_bias)
    gap[:, 2] = (target[:, 2] - target[:, 2].mean()) - (ahead - ahead.mean())
    basis = state.scale * np.einsum("nlc,dc->ldn", np.concatenate([model.identity, model.expression, looks]), state.turn)
    rows = np.zeros((len(target), 3, 6 + basis.shape[2]))
    rows[:, :, 0], rows[:, :, 1], rows[:, :, 2] = (state.scale * np.cross(axis, turned) for axis in np.eye(3))
    rows[:, :2, 3] = turned[:, :2] * state.scale  # logarithm of the scale
    rows[:, 0, 4] = rows[:, 1, 5] = sigma
    rows[:, :, 6:] = basis
    rows[:, 2] -= rows[:, 2].mean(0)
    facing = np.clip((model.normals @ state.turn[2] + 0.15) / 0.4, _FLOOR, 1)
    robust = 1 / (1 + (np.linalg.norm(gap[:, :2], axis=1) / (3 * sigma)) ** 2)
    weight = np.sqrt(model.weight * facing * robust) / sigma
    pair = np.sqrt(_GAP_WEIGHT * np.minimum(facing[_GAPS[:, 0]], facing[_GAPS[:, 1]]) / 2) / sigma
    axes = np.array([1, 1, np.sqrt(_DEPTH_SHARE)])
    matrix = np.concatenate([
        (rows * (weight[:, None] * axes)[..., None]).reshape(-1, rows.shape[2]),
        ((rows[_GAPS[:, 0], :2] - rows[_GAPS[:, 1], :2]) * pair[:, None, None]).reshape(-1, rows.shape[2])])
    right = np.concatenate([(gap * weight[:, None] * axes).ravel(),
                            ((gap[_GAPS[:, 0], :2] - gap[_GAPS[:, 1], :2]) * pair[:, None]).ravel()])
    normal, gradient = matrix.T @ matrix, matrix.T @ right
    _add_priors(normal, gradient, model, state)
    normal[np.diag_indices_from(normal)] += 1e-3
    now = state.expression
    step = _boxed(normal, gradient, 6 + k, np.concatenate([-now, -_LARGEST_LOOK - state.eyes]),
                  np.concatenate([_LARGEST_UNIT - now, _LARGEST_LOOK - state.eyes]))
    return _State(
        rotation_matrix(step[:3]).astype(np.float64) @ state.turn, state.scale * float(np.exp(np.clip(step[3], -0.3, 0.3))),
        state.shift + sigma * step[4:6], state.identity + step[6:6 + k], now + step[6 + k:6 + k + e], state.expected,
        state.eyes + step[6 + k + e:])


def _add_priors(normal: np.ndarray, gradient: np.ndarray, model: _Model, state: _State) -> None:
    k, e = len(model.identity), len(model.expression)
    ids, units, eyes = slice(6, 6 + k), slice(6 + k, 6 + k + e), slice(6 + k + e, None)
    diagonal = np.zeros(len(normal))
    diagonal[ids], diagonal[units], diagonal[eyes] = 1.0, _EXPRESSION_SD**-2, _EYES_SD**-2
    away = np.zeros(len(normal))
    away[ids], away[units], away[eyes] = state.identity, state.expression - state.expected, state.eyes
    normal[np.diag_indices_from(normal)] += diagonal
    gradient -= diagonal * away
    for left, right in model.pairs:
        i, j = 6 + k + left, 6 + k + right
        difference = away[i] - away[j]
        weight = _PAIR_SD**-2
        normal[i, i] += weight
        normal[j, j] += weight
        normal[i, j] -= weight
        normal[j, i] -= weight
        gradient[i] -= weight * difference
        gradient[j] += weight * difference


def _boxed(normal: np.ndarray, gradient: np.ndarray, first: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Solve normal x = gradient with x[first:] between low and high: what leaves the box is fixed at its wall, a few times."""
    fixed = np.full(len(gradient), np.nan)
    step = np.zeros(len(gradient))
    for _ in range(4):
        free = np.isnan(fixed)
        known = np.where(free, 0, fixed)
        step = known.copy()
        step[free] = np.linalg.solve(normal[np.ix_(free, free)], (gradient - normal @ known)[free])
        tail = step[first:]
        out = (tail < low - 1e-9) | (tail > high + 1e-9)
        if not out.any():
            break
        fixed[first:][out] = np.clip(tail, low, high)[out]
    step[first:] = np.clip(step[first:], low, high)
    return step


def _code(head: HeadModel, model: _Model, state: _State, size: int) -> FaceCode:
    from core.cv import cv2

    expression = np.zeros(head.expression_size, np.float32)
    expression[model.free] = state.expression
    gain = CROP / (CROP - 1)  # of the default box (core.render.camera.ndc_affine)
    scale = 2 * state.scale / (gain * size)
    tx = (2 * state.shift[0] / (gain * size) - 1) / scale
    ty = (2 * state.shift[1] / (gain * size) + 1) / scale
    pose, _ = cv2.Rodrigues(state.turn)
    return head.zero_code().replace(identity=state.identity, expression=expression, pose=pose.ravel(), eyes=state.eyes,
                                    camera=np.array([scale, tx, ty]))


def _expected(head: HeadModel, model: _Model, blendshapes: dict[str, float]) -> np.ndarray:
    """Prior mean of the fitted units: what the scores say beyond what they say of a neutral face."""
    names = [head.expression_names[i] for i in model.free]
    return np.array([max(0.0, blendshapes.get(n, 0.0) - NEUTRAL_SCORES.get(n, 0.0)) for n in names])


@lru_cache(maxsize=2)
def _model(head: HeadModel) -> _Model:
    """Bases at the landmarks, probed through the head's own interface, so that any linear head fits."""
    if len(head.landmark_ids) != POINTS:
        raise AssetError(f"The {head.name} head has no places for the landmarks of a photo, so it can't be fitted to one.")
    zero = head.zero_code()
    mean = head.vertices_of(zero)

    def at(vertices: np.ndarray) -> np.ndarray:
        return head.landmarks(vertices).astype(np.float64)

    def probe(block: str, index: int, value: float) -> np.ndarray:
        array = np.array(getattr(zero, block))
        array[index] = value
        return (at(head.vertices_of(zero.replace(**{block: array}))) - at(mean)) / value

    free = np.array([i for i, n in enumerate(head.expression_names) if not n.startswith("eyeLook") and n != "tongueOut"])
    names = [head.expression_names[i] for i in free]
    pairs = [(i, names.index(n.removesuffix("Left") + "Right")) for i, n in enumerate(names)
             if n.endswith("Left") and n.removesuffix("Left") + "Right" in names and n != "mouthLeft" and n != "jawLeft"]
    return _Model(
        mean=at(mean), identity=np.stack([probe("identity", i, 1.0) for i in range(head.identity_size)]),
        expression=np.stack([probe("expression", i, 1.0) for i in free]),
        looks=np.stack([[probe("eyes", i, 0.2), probe("eyes", i, -0.2)] for i in range(2)]),
        normals=_landmark_normals(head, mean), weight=head.landmark_weight.astype(np.float64),
        depth_bias=np.asarray(getattr(head, "landmark_depth_bias", np.zeros(POINTS)), np.float64), free=free,
        pairs=np.array(pairs, int).reshape(-1, 2))


def _landmark_normals(head: HeadModel, vertices: np.ndarray) -> np.ndarray:
    corners = vertices[head.faces].astype(np.float64)
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((len(vertices), 3))
    for i in range(3):
        np.add.at(normals, head.faces[:, i], face)
    at = np.einsum("lkc,lk->lc", normals[head.landmark_faces], head.landmark_bary)
    at /= np.maximum(np.linalg.norm(at, axis=1, keepdims=True), 1e-12)
    return at if at[1, 2] > 0 else -at  # the tip of the nose faces the viewer, whichever way the triangles wind
