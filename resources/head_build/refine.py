"""The identity prior learned from photos: expectation maximisation over Gauss-Newton fits of their landmarks.

Starts from the sliders' prior in a generous basis. Each round fits every photo, then sets the mean to the mean of the posterior
means, and the covariance to their covariance plus the mean posterior covariance. Once, after the first round, the landmarks'
places on the mesh move by most of their mean residual. The result is small and goes into the repository, so that the head can be
built again without the photos.
"""
from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import mediapipe as mp
import numpy as np
from PIL import Image

from core.head.open_head import OpenHead
from core.head.rotation import rotation_matrix
from resources.head_build.landmarks import landmarker

SIGMA = 0.016  # landmark noise, share of the outer eye distance
DEPTH_WEIGHT = 0.06
EXPRESSION_SD = 0.12
ROUNDS, STEPS = 2, 6
POSTERIOR_SHARE = 0.2  # with all of it, directions that photos don't show keep too much variance: heads like cones
SHIFT_SHARE = 0.8
HELD_BACK = 5  # one photo in so many is kept for measuring
MESH_POINTS = 468
LEFT_OUT_SOURCES = ("suaresito", "composite", "art")


@dataclass
class Seen:
    """A photo's landmarks (468, 3) in px, y up, z toward the viewer; the 52 scores."""

    name: str
    points: np.ndarray
    scores: dict[str, float]


@dataclass
class Linear:
    """The head at its landmarks: mean (468, 3), identity (K, 468, 3), expression (52, 468, 3), weight, depth_bias (468,)."""

    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    weight: np.ndarray
    depth_bias: np.ndarray

    @classmethod
    def of(cls, head: OpenHead) -> Linear:
        """From a head with landmarks."""
        faces, bary = head.landmark_faces[:MESH_POINTS], head.landmark_bary[:MESH_POINTS].astype(float)

        def at(field: np.ndarray) -> np.ndarray:
            return np.einsum("...lkc,lk->...lc", field[..., faces, :], bary)

        weight, bias = (array[:MESH_POINTS].astype(float) for array in (head.landmark_weight, head.landmark_depth_bias))
        return cls(at(head.mean), at(head.identity_basis), at(head.expression_basis), weight, bias)


def read_photos(folder: Path, task: Path, count: int) -> list[Seen]:
    """Landmarks of up to `count` training photos from the tar of aligned photos, spread over the sources."""
    by_source: dict[str, list[str]] = {}
    seen = []
    with tarfile.open(folder / "photos-256.tar") as archive, landmarker(task) as finder:
        for member in archive.getmembers():
            name = Path(member.name).stem
            source = name.split("_")[0]
            if member.isfile() and source not in LEFT_OUT_SOURCES and zlib.crc32(name.encode()) % HELD_BACK:
                by_source.setdefault(source, []).append(member.name)
        for chosen in _spread(by_source, count):
            data = archive.extractfile(chosen)
            assert data is not None  # only plain files were chosen
            picture = np.asarray(Image.open(BytesIO(data.read())).convert("RGB").resize((512, 512), Image.Resampling.BICUBIC))
            found = finder.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture)))
            if found.face_landmarks:
                points = np.array([[p.x * 512, -p.y * 512, -p.z * 512] for p in found.face_landmarks[0]])[:MESH_POINTS]
                scores = {s.category_name: s.score for s in found.face_blendshapes[0]}
                seen.append(Seen(Path(chosen).stem, points, scores))
    return seen


def _spread(groups: dict[str, list[str]], count: int) -> list[str]:
    share = max(1, count // max(1, len(groups)))
    chosen = []
    for names in sorted(groups.values(), key=len):
        names = sorted(names, key=lambda name: zlib.crc32(name.encode()))
        chosen += names[:share]
    return chosen[:count]


@dataclass
class Fit:
    """identity mean (K,), covariance (K, K), residual (468, 2) in head frame metres, error: inner, share of the eye distance."""

    identity: np.ndarray
    covariance: np.ndarray
    residual: np.ndarray
    error: float
    yaw: float


def fit(model: Linear, photo: Seen, scores: np.ndarray, mean: np.ndarray, precision: np.ndarray) -> Fit:
    """MAP fit of one photo under the identity prior (mean, precision) and expression near the scores."""
    k, e = len(model.identity), len(model.expression)
    a, u = mean.copy(), np.clip(scores, 0, 1)
    span = np.linalg.norm(photo.points[33, :2] - photo.points[263, :2])
    turn, scale, shift = _start(model, photo)
    sigma = SIGMA * np.linalg.norm(photo.points[33] - photo.points[263])
    weight = np.sqrt(model.weight) / sigma
    expression_sd = np.full(e, EXPRESSION_SD)
    for _ in range(STEPS):
        shape = model.mean + np.tensordot(a, model.identity, 1) + np.tensordot(u, model.expression, 1)
        turned = shape @ turn.T
        facing = np.where(turned[:, 0] * turn[0, 2] > -0.02, 1.0, 0.3)  # the far side under yaw is a guess
        target = photo.points / 1.0
        predicted = scale * turned[:, :2] + shift
        depth_predicted = scale * (turned[:, 2] + model.depth_bias)
        depth_gap = (target[:, 2] - target[:, 2].mean()) - (depth_predicted - depth_predicted.mean())
        gap = np.concatenate([target[:, :2] - predicted, depth_gap[:, None]], 1)
        rows = np.zeros((MESH_POINTS, 3, 6 + k + e))
        rows[:, 0, :3] = scale * np.stack([np.zeros(MESH_POINTS), turned[:, 2], -turned[:, 1]], 1)
        rows[:, 1, :3] = scale * np.stack([-turned[:, 2], np.zeros(MESH_POINTS), turned[:, 0]], 1)
        rows[:, 2, :3] = scale * np.stack([turned[:, 1], -turned[:, 0], np.zeros(MESH_POINTS)], 1)
        rows[:, :2, 3] = scale * turned[:, :2]
        rows[:, 0, 4] = rows[:, 1, 5] = 1
        rows[:, :, 6:6 + k] = scale * np.einsum("klc,dc->ldk", model.identity, turn)
        rows[:, :, 6 + k:] = scale * np.einsum("klc,dc->ldk", model.expression, turn)
        rows[:, 2] -= rows[:, 2].mean(0)
        size = np.linalg.norm(gap[:, :2], axis=1) / sigma
        robust = 1 / np.sqrt(1 + (size / 3) ** 2)
        row_weight = (weight * facing * robust)[:, None] * [1, 1, np.sqrt(DEPTH_WEIGHT)]
        matrix = (rows * row_weight[..., None]).reshape(-1, 6 + k + e)
        normal = matrix.T @ matrix
        right = matrix.T @ (gap * row_weight).ravel()
        normal[6:6 + k, 6:6 + k] += precision
        right[6:6 + k] += precision @ (mean - a)
        normal[6 + k:, 6 + k:] += np.diag(1 / expression_sd ** 2)
        right[6 + k:] += (scores - u) / expression_sd ** 2
        normal[:6, :6] += 1e-9 * np.diag(np.diag(normal)[:6])
        step = np.linalg.solve(normal, right)
        turn = rotation_matrix(step[:3]).astype(float) @ turn
        scale *= np.exp(np.clip(step[3], -0.3, 0.3))
        shift = shift + step[4:6]
        a = a + step[6:6 + k]
        u = np.clip(u + step[6 + k:], 0, 1.1)
    covariance = np.linalg.inv(normal)[6:6 + k, 6:6 + k]
    left = np.concatenate([gap[:, :2], np.zeros((MESH_POINTS, 1))], 1) / scale
    inner = [i for i in range(MESH_POINTS) if model.weight[i] > 0.5]
    error = float(np.linalg.norm(gap[inner, :2], axis=1).mean() / span)
    return Fit(a, covariance, left @ turn, error, float(np.degrees(np.arctan2(turn[0, 2], turn[2, 2]))))


def _start(model: Linear, photo: Seen) -> tuple[np.ndarray, float, np.ndarray]:
    """Pose, scale and shift of the mean head from all three coordinates (Umeyama 1991), depth trusted."""
    source, target = model.mean - model.mean.mean(0), photo.points - photo.points.mean(0)
    u, s, vt = np.linalg.svd(target.T @ source)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    turn = u @ sign @ vt
    scale = float((s * np.diag(sign)).sum() / (source ** 2).sum())
    return turn, scale, photo.points.mean(0)[:2] - scale * (turn @ model.mean.mean(0))[:2]


def neutral_scores(photos: list[Seen], names: tuple[str, ...]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Scores over their usual value on neutral faces, by unit."""
    table = np.array([[photo.scores.get(name, 0.0) for name in names] for photo in photos])
    neutral = np.array([photo.name.startswith("londonneutral") for photo in photos])
    usual = np.median(table[neutral] if neutral.any() else table, 0)
    return usual, list(np.clip(table - usual, 0, 1))


def expectation_maximisation(model: Linear, photos: list[Seen], scores: list[np.ndarray],
                             rounds: int) -> tuple[np.ndarray, np.ndarray, list[Fit]]:
    """Mean (K,), covariance (K, K) of identity after some rounds, and the last fits."""
    k = len(model.identity)
    mean, covariance = np.zeros(k), np.eye(k)
    fits: list[Fit] = []
    for number in range(rounds):
        precision = np.linalg.inv(covariance)
        fits = [fit(model, photo, score, mean, precision) for photo, score in zip(photos, scores, strict=True)]
        good = np.array([f.error for f in fits]) < 0.05
        means = np.array([f.identity for f in fits])[good]
        posterior = np.mean([f.covariance for f in np.array(fits, object)[good]], 0)
        mean = means.mean(0)
        spread = np.cov(means.T)
        covariance = spread + posterior
        errors, size = [f.error for f in fits], np.linalg.norm(mean)
        print(f"round {number}: error {np.mean(errors):.4f}, 95 % {np.percentile(errors, 95):.4f}, |mean| {size:.2f}")
    return mean, spread + POSTERIOR_SHARE * posterior, fits


def mean_residual(fits: list[Fit], pairs: np.ndarray) -> np.ndarray:
    """Mirrored mean residual (468, 3) of near-frontal fits in the head's frame, metres."""
    frontal = np.array([f.residual for f in fits if abs(f.yaw) < 20 and f.error < 0.03])
    middle = np.median(frontal, 0)
    return (middle + middle[pairs[:MESH_POINTS]] * [-1, 1, 1]) / 2
