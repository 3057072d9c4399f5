"""The identity prior learned from photos: expectation maximisation over the program's own fits (core.fit_solve).

Starts from the sliders' prior in a generous basis, symmetric and lopsided directions apart. Each round fits every group of photos
of one person, then sets the mean to the mean of the posterior means, and the covariance to their covariance plus the mean
posterior covariance (Dempster, Laird and Rubin 1977). In the first rounds the landmarks' places on the mesh follow their
residuals: photos from several sides say where in space a landmark is. Lopsided directions have mean 0, and no correlation with
the symmetric ones: a photo's mirror image is as likely as the photo.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from core.fit_model import FitModel, fit_model
from core.fit_solve import Seen, Settings, Solution, solve
from core.head.open_head import OpenHead
from resources.head_build.landmarks import EYE_EDGES, INNER_LIPS, OUTER_LIPS, moved_landmarks
from resources.head_build.photos import Found

ROUNDS, MOVES = 5, 3  # of learning; of them, those that move landmarks
SETTINGS = Settings(sigma=0.014, steps=4)
POSTERIOR_SHARE = 0.2  # with all of it, directions that photos don't show keep too much variance: heads like cones
LOPSIDED_START = 0.5  # share of the lopsided sliders' variance to begin with
NOSE = 0.031  # metres from the outer eye corners forward to the tip of the nose, in the mean
TIP, CORNERS = 1, (33, 263)
FRONTAL, TURNED = 20.0, 45.0  # degrees: photos that count as frontal, and those turned too far to measure
NEAR = 0.004  # metres of residual at which a landmark counts half
RIDGE, MOVE_SHARE = 3.0, 0.8
EDGES = np.array(sorted({*INNER_LIPS, *OUTER_LIPS, *EYE_EDGES}))


@dataclass(frozen=True, eq=False)
class Prior:
    """mean (K,), covariance (K, K) of the rough modes; arrays: the landmarks' places on the mesh and their depth bias."""

    mean: np.ndarray
    covariance: np.ndarray
    arrays: dict[str, np.ndarray]


def learn(arrays: dict[str, np.ndarray], symmetric: int, groups: list[list[Found]]) -> Prior:
    """The prior of the rough modes in `arrays` (a head file's), of which the first `symmetric` are symmetric."""
    base = OpenHead(arrays)
    k, pairs = base.identity_size, arrays["landmark_pairs"]
    mean, covariance = np.zeros(k), np.eye(k)
    covariance[symmetric:] *= LOPSIDED_START
    places = {name: arrays[name] for name in ("landmark_faces", "landmark_bary", "landmark_depth_bias")}
    final = covariance
    for number in range(ROUNDS):
        head = OpenHead(arrays | places)
        rough = fit_model(head)
        model, root = whitened(rough, mean, covariance)
        fits = [solve(model, [Seen.of(model, f.points, f.depth, f.blendshapes) for f in group], SETTINGS) for group in groups]
        offset, spread, posterior = moments(fits, root, symmetric)
        mean, covariance, final = mean + offset, spread + posterior, spread + POSTERIOR_SHARE * posterior
        mean = with_nose(rough, mean, covariance)
        places["landmark_depth_bias"] = model.depth_bias + mirrored_median(_depth_residuals(model, groups, fits), pairs)
        print(f"round {number}: error {np.mean(errors(groups, fits)):.4f}, |mean| {np.linalg.norm(mean):.2f}, variance "
              f"{np.trace(covariance[:symmetric, :symmetric]):.1f} + {np.trace(covariance[symmetric:, symmetric:]):.1f}")
        if number < MOVES:
            shape = base.mean + np.tensordot(mean, base.identity_basis, 1)
            moved = OpenHead(arrays | places | {"mean": shape.astype(np.float32)})
            places |= moved_landmarks(moved, landmark_moves(model, groups, fits, pairs)[:468])
    return Prior(mean, final, places)


def whitened(model: FitModel, mean: np.ndarray, covariance: np.ndarray) -> tuple[FitModel, np.ndarray]:
    """The model with the prior as its mean and unit deviations, and the root (K, K): rough modes = mean + values @ root."""
    k = len(mean)
    root = np.linalg.cholesky(covariance + 1e-9 * np.eye(k)).T
    modes = model.basis[:, :k].astype(float)
    basis = np.concatenate([np.einsum("kn,cnl->ckl", root, modes), model.basis[:, k:]], 1)
    shifted = model.mean + np.einsum("n,cnl->cl", mean, modes)
    return replace(model, mean=shifted.astype(np.float32), basis=basis.astype(np.float32)), root


def moments(fits: list[list[Solution]], root: np.ndarray, symmetric: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (K,), covariance (K, K) of the posterior means of identity and the mean posterior covariance (K, K), rough modes."""
    k = len(root)
    means = np.array([group[0].state.x[:k] @ root for group in fits])
    posterior = np.mean([root.T @ group[0].covariance[:k, :k] @ root for group in fits], 0)
    mean, spread = means.mean(0), np.cov(means.T)
    mean[symmetric:] = 0
    for matrix in (spread, posterior):
        matrix[:symmetric, symmetric:] = 0
        matrix[symmetric:, :symmetric] = 0
    return mean, spread, posterior


def with_nose(model: FitModel, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The mean (K,) given that the nose stands out by `NOSE`. Photos are taken from near by, which an orthographic camera takes
    for longer noses."""
    k, corners = len(mean), list(CORNERS)
    depth = model.basis[2, :k].astype(float)
    forward = depth[:, TIP] - depth[:, corners].mean(1)
    now = model.mean[2, TIP] - model.mean[2, corners].mean() + forward @ mean
    return mean - covariance @ forward * (now - NOSE) / (forward @ covariance @ forward)


def landmark_moves(model: FitModel, groups: list[list[Found]], fits: list[list[Solution]], pairs: np.ndarray) -> np.ndarray:
    """Where the landmarks lie off their places (478, 3), metres: from all sides together, but lips and lids from the front."""
    matrix, right = np.tile(RIDGE * np.eye(3), (len(pairs), 1, 1)), np.zeros((len(pairs), 3))
    frontal = []
    for found, fit in each(groups, fits):
        residual = (found.points.T * [[1], [-1]] - fit.places) / fit.state.scale
        if abs(yaw(fit)) > TURNED:
            continue
        weight = np.clip((fit.state.turn[2] @ model.normals + 0.1) / 0.3, 0, 1)
        weight /= 1 + (np.linalg.norm(residual, axis=0) / NEAR) ** 2
        for sign, rows in ((1, np.arange(len(pairs))), (-1, pairs)):
            view = fit.state.turn[:2] * [sign, 1, 1]
            matrix[rows] += weight[:, None, None] * (view.T @ view)
            right[rows] += (weight * (view.T @ residual)).T
        if abs(yaw(fit)) < FRONTAL:
            frontal.append(residual.T @ fit.state.turn[:2])
    moves = np.linalg.solve(matrix, right[..., None])[..., 0]
    middle = np.median(frontal, 0)
    moves[EDGES] = MOVE_SHARE * ((middle + middle[pairs] * [-1, 1, 1]) / 2)[EDGES]
    return moves


def each(groups: list[list[Found]], fits: list[list[Solution]]) -> Iterator[tuple[Found, Solution]]:
    """Every photo with its fit."""
    for group, solutions in zip(groups, fits, strict=True):
        yield from zip(group, solutions, strict=True)


def yaw(fit: Solution) -> float:
    """Degrees the head is turned."""
    return float(np.degrees(np.arctan2(fit.state.turn[0, 2], fit.state.turn[2, 2])))


def errors(groups: list[list[Found]], fits: list[list[Solution]]) -> np.ndarray:
    """Mean distance of each photo's landmarks, share of its outer eye distance."""
    return np.array([np.linalg.norm(found.points - fit.places.T * [1, -1], axis=1).mean()
                     / np.linalg.norm(found.points[CORNERS[0]] - found.points[CORNERS[1]]) for found, fit in each(groups, fits)])


def _depth_residuals(model: FitModel, groups: list[list[Found]], fits: list[list[Solution]]) -> np.ndarray:
    residuals = []
    for found, fit in each(groups, fits):
        if abs(yaw(fit)) < FRONTAL:
            shape = model.mean + np.einsum("n,cnl->cl", fit.state.x.astype(np.float32), model.basis)
            depth = -found.depth / fit.state.scale - fit.state.turn[2] @ shape - model.depth_bias
            residuals.append(depth - depth.mean())
    return np.array(residuals)


def mirrored_median(values: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Median over photos (478,), the same for a landmark and its mirror image."""
    middle = np.median(values, 0)
    return np.asarray((middle + middle[pairs]) / 2, np.float32)
