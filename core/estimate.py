"""Fitting a head to a face: landmarks and expression scores -> FaceCode, from one photo or from several of one person.

The shape is solved for in `core.fit_solve`: identity (standard deviations, unit Gaussian prior), expression units (prior around
the landmarker's scores), the turn of the head, a scaled orthographic camera, and where the eyes look. Light and skin follow in
`core.estimate_light`.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from core.codes import FaceCode
from core.fit_model import FitModel, fit_model
from core.fit_solve import Seen, Solution, solve
from core.landmarks import EYE_CORNERS, IBUG68
from core.render.camera import CROP

if TYPE_CHECKING:
    from core.estimate_light import LightFit
    from core.head.base import HeadModel
    from core.photo import Photo

FIT_SIZE = 256
_BENDS = 2  # times that a head which is not linear in its coefficients is made linear anew
INNER = IBUG68[17:]  # brows, nose, eyes and lips
# Confidence: the logistic of a start less what speaks against a fit. Error at which a fit becomes doubtful, and its steepness;
# weight of landmarks that are out of sight or far off; px between the eyes from which more detail tells nothing more.
_START, _DOUBTFUL, _STEEP = 3.0, 0.024, 0.005
_UNSEEN, _FULL_SIZE, _SMALL = 6.0, 60.0, 1.2


@dataclass(frozen=True, eq=False)
class ShapeFit:
    """The geometry of a face. code: with the head's average albedo and plain light. landmark_error: mean distance of the inner
    landmarks, as a share of the outer eye distance. confidence: 0..1, below 0.5 a person would call the fit wrong. spread:
    posterior deviations of the coefficients by block ('identity', 'expression', 'eyes' and for some heads 'jaw')."""

    code: FaceCode
    landmark_error: float
    confidence: float
    spread: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit found. code: the parameters. landmark_error: mean distance of the inner landmarks, as a share of the outer eye
    distance. light_residual: mean absolute colour error over skin pixels, on the scale 0..1 (NaN when there were too few).
    confidence, spread: see `ShapeFit`."""

    code: FaceCode
    landmark_error: float
    light_residual: float
    confidence: float = 1.0
    spread: dict[str, np.ndarray] = field(default_factory=dict)


def fit_photo(head: HeadModel, photo: Photo) -> FitResult:
    """Fit a head to a photo's chosen face, from the landmarks that the photo holds."""
    return fit_album(head, [photo])[0]


def fit_album(head: HeadModel, photos: Sequence[Photo]) -> list[FitResult]:
    """Fit a head to several photos of one person at once: all share one identity and one skin.

    A photo that shows little then profits from the others. Raises AssetError for a head without landmarks.
    """
    from core.estimate_light import estimate_light_album

    faces = [(photo.points(FIT_SIZE), photo.face.depth * (FIT_SIZE / photo.alignment.side), photo.face.blendshapes)
             for photo in photos]
    shapes = fit_shapes(head, faces, FIT_SIZE, [photo.face.scale for photo in photos])
    lights = estimate_light_album(head, [shape.code for shape in shapes], [photo.crop(FIT_SIZE) for photo in photos])
    return [_result(shape, light) for shape, light in zip(shapes, lights, strict=True)]


def fit(head: HeadModel, points: np.ndarray, depth: np.ndarray, blendshapes: dict[str, float], crop: np.ndarray) -> FitResult:
    """Fit a head to one aligned crop.

    points (478, 2): landmarks in pixels of the crop; depth (478,): in the same unit, smaller is nearer; blendshapes: scores by
    ARKit name; crop (S, S, 3) uint8. Deterministic. Raises AssetError for a head without landmarks.
    """
    from core.estimate_light import estimate_light

    shape = fit_shapes(head, [(points, depth, blendshapes)], crop.shape[0])[0]
    return _result(shape, estimate_light(head, shape.code, crop))


def fit_shape(head: HeadModel, points: np.ndarray, depth: np.ndarray, blendshapes: dict[str, float],
              size: int) -> tuple[FaceCode, float]:
    """The geometry of the face in a crop of side `size` and its landmark error; the rest as in `fit`."""
    shape = fit_shapes(head, [(points, depth, blendshapes)], size)[0]
    return shape.code, shape.landmark_error


def fit_shapes(head: HeadModel, faces: Sequence[tuple[np.ndarray, np.ndarray, dict[str, float]]], size: int,
               pixels: Sequence[float] | None = None) -> list[ShapeFit]:
    """The geometry of one person's face in several crops of side `size`.

    faces: (points, depth, blendshapes) of each, as in `fit`.
    pixels: the outer eye distance in each photo as taken; None: that of the crops.
    """
    model = fit_model(head)
    photos = [Seen.of(model, *face) for face in faces]
    pixels = [seen.span for seen in photos] if pixels is None else pixels
    solutions = solve(model, photos)
    for _ in range(_BENDS if model.curved else 0):
        bends = [model.bend(head, _code(head, model, s, size), s.state.turn, s.state.x) for s in solutions]
        photos = [replace(seen, bend=bend) for seen, bend in zip(photos, bends, strict=True)]
        solutions = solve(model, photos, states=[s.state for s in solutions])
    found = []
    for (points, _, _), seen, solution, width in zip(faces, photos, solutions, pixels, strict=True):
        error = landmark_error(model, solution, points, seen.span)
        spread = _spread(model, solution)
        found.append(ShapeFit(_code(head, model, solution, size), error, _confidence(model, solution, error, width), spread))
    return found


def landmark_error(model: FitModel, solution: Solution, points: np.ndarray, span: float) -> float:
    """Mean distance of the inner landmarks from the points (478, 2) seen, as a share of the outer eye distance; of a head seen
    from the side, of half that distance in space."""
    rows = np.flatnonzero(np.isin(model.ids, INNER))
    away = solution.places[:, rows] - points[model.ids[rows]].T * [[1], [-1]]
    flat = float(np.linalg.norm(points[EYE_CORNERS[1]] - points[EYE_CORNERS[0]]))
    return float(np.linalg.norm(away, axis=0).mean() / max(flat, 0.5 * span))


def _confidence(model: FitModel, solution: Solution, error: float, pixels: float) -> float:
    rows = np.isin(model.ids, INNER)
    unseen = 1 - float(solution.trust[rows].mean())
    small = max(0.0, float(np.log2(_FULL_SIZE / max(pixels, 1.0))))
    against = max(0.0, error - _DOUBTFUL + _START * _STEEP) / _STEEP + _UNSEEN * unseen + _SMALL * small
    return float(1 / (1 + np.exp(against - 2 * _START)))


def _spread(model: FitModel, solution: Solution) -> dict[str, np.ndarray]:
    deviation = np.sqrt(np.maximum(np.diag(solution.covariance), 0))
    blocks = {"identity": model.identity, "expression": model.units, "eyes": model.eyes, "jaw": model.jaw}
    return {name: deviation[rows] for name, rows in blocks.items() if rows.stop > rows.start}


def _result(shape: ShapeFit, light: LightFit) -> FitResult:
    return FitResult(light.code, shape.landmark_error, light.residual, shape.confidence, shape.spread)


def _code(head: HeadModel, model: FitModel, solution: Solution, size: int) -> FaceCode:
    from core.cv import cv2

    state = solution.state
    gain = CROP / (CROP - 1)  # of the default box (core.render.camera.ndc_affine)
    scale = 2 * state.scale / (gain * size)
    tx = (2 * state.shift[0] / (gain * size) - 1) / scale
    ty = (2 * state.shift[1] / (gain * size) + 1) / scale
    pose, _ = cv2.Rodrigues(state.turn)
    return model.into(head.zero_code(), state.x).replace(pose=pose.ravel(), camera=np.array([scale, tx, ty]))
