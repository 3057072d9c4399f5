from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.codes import FaceCode
from core.cv import cv2
from core.errors import AssetError
from core.estimate import FitResult, fit, fit_album, fit_photo, fit_shape, fit_shapes
from core.head import HeadModel, load_head
from core.landmarks import IBUG68, FaceFinder
from core.neutral_scores import NEUTRAL_SCORES
from core.photo import Photo
from core.render.buffers import render_buffers
from core.render.camera import metres_to_pixels, project

SIZE = 256


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def photo(sample_photo: Path) -> Iterator[Photo]:
    with FaceFinder() as finder:
        yield Photo.open(sample_photo, finder=finder)


@pytest.fixture(scope="module")
def fitted(head: HeadModel, photo: Photo) -> FitResult:
    return fit_photo(head, photo)


def seen(head: HeadModel, code: FaceCode) -> tuple[np.ndarray, np.ndarray]:
    """What a perfect landmarker would see of a code: points (478, 2) and depth (478,), with the usual depth bias."""
    places = project(head.landmarks(head.vertices_of(code)), code.camera, code.box, SIZE)
    unit = metres_to_pixels(code.camera, code.box, SIZE)
    depth = (places[:, 2] - 10) / code.camera[0] * unit - unit * head.landmark_depth_bias  # type: ignore[attr-defined]
    return places[:, :2], depth


def known(head: HeadModel, **units: float) -> FaceCode:
    """A code with a shape, a turn and some expression units."""
    rng = np.random.default_rng(3)
    expression = np.zeros(head.expression_size)
    for name, value in units.items():
        expression[head.expression_names.index(name)] = value
    return head.zero_code().replace(identity=rng.normal(0, 0.7, head.identity_size), expression=expression,
                                    pose=np.array([0.1, 0.25, -0.05]), camera=np.array([8.0, 0.004, -0.01]))


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    turn = cv2.Rodrigues(a.astype(float))[0] @ cv2.Rodrigues(b.astype(float))[0].T
    return float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))


@pytest.mark.parametrize("units", [{}, {"jawOpen": 0.5}, {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}, {"eyeBlinkLeft": 0.9}])
def test_known_code_is_found_again(head: HeadModel, units: dict[str, float]) -> None:
    code = known(head, **units)
    points, depth = seen(head, code)
    scores = {name: value + NEUTRAL_SCORES.get(name, 0) for name, value in units.items()}
    got, error = fit_shape(head, points, depth, scores, SIZE)
    assert error < 0.006
    assert degrees_between(got.pose, code.pose) < 3
    assert abs(got.camera[0] / code.camera[0] - 1) < 0.03
    for name, value in units.items():
        assert abs(got.expression[head.expression_names.index(name)] - value) < 0.2
    quiet = [i for i, n in enumerate(head.expression_names) if n not in units]
    assert np.abs(got.expression[quiet]).max() < 0.25


@pytest.mark.parametrize("look", [(0.2, 0.0), (-0.2, 0.1)])
def test_eyes_look_where_the_irises_are(head: HeadModel, look: tuple[float, float]) -> None:
    code = known(head).replace(eyes=np.array(look))
    points, depth = seen(head, code)
    got, _ = fit_shape(head, points, depth, {}, SIZE)
    assert np.abs(got.eyes - look).max() < 0.06


def test_units_stay_in_their_range(head: HeadModel) -> None:
    points, depth = seen(head, known(head, jawOpen=1.1))
    got, _ = fit_shape(head, points, depth, dict.fromkeys(head.expression_names, 1.0), SIZE)
    assert got.expression.min() >= 0 and got.expression.max() <= 1.1
    assert not got.expression[[i for i, n in enumerate(head.expression_names) if n.startswith("eyeLook")]].any()


def test_sample_photo(fitted: FitResult, head: HeadModel) -> None:
    code = fitted.code
    assert fitted.landmark_error < 0.012
    assert fitted.light_residual < 0.1
    assert fitted.confidence > 0.9 and set(fitted.spread) == {"identity", "expression", "eyes"}
    assert 0 < fitted.spread["identity"].min() and fitted.spread["identity"].max() < 1.01
    assert np.linalg.norm(code.identity) < 6
    smile = [code.expression[head.expression_names.index(f"mouthSmile{side}")] for side in ("Left", "Right")]
    assert min(smile) > 0.3
    assert abs(float(np.degrees(code.pose[1]))) < 10
    assert np.array_equal(code.box, np.array([1, 0.5, 0.5], np.float32)) and not code.neck.any() and not code.jaw.any()


def test_fit_is_deterministic(head: HeadModel, photo: Photo, fitted: FitResult) -> None:
    assert fit_photo(head, photo).code == fitted.code


def test_rendered_resembles_the_skin(head: HeadModel, photo: Photo, fitted: FitResult) -> None:
    buffers = render_buffers(head, fitted.code, SIZE)
    cheeks = np.zeros((SIZE, SIZE), bool)
    for index in (205, 425, 50, 280):
        x, y = photo.points(SIZE)[index].astype(int)
        cheeks[y - 4:y + 4, x - 4:x + 4] = True
    wanted, got = photo.crop(SIZE)[cheeks].mean(0) / 255, buffers.rendered[cheeks].mean(0)
    assert np.abs(wanted - got).max() < 0.08


def test_several_photos_share_one_identity(head: HeadModel) -> None:
    rng = np.random.default_rng(4)
    truth = known(head)
    codes = [truth.replace(pose=np.array(pose)) for pose in ((0, 0, 0), (0.1, 0.45, 0), (-0.1, -0.45, 0.05))]
    faces: list[tuple[np.ndarray, np.ndarray, dict[str, float]]] = []
    for code in codes:
        points, depth = seen(head, code)
        faces.append((points + rng.normal(0, 0.5, points.shape), depth, {}))
    together = fit_shapes(head, faces, SIZE)
    alone = fit_shapes(head, faces[:1], SIZE)[0]

    face = (head.regions["skin"] > 0.9) & (head.vertices_of(head.zero_code())[:, 2] > 0.06)

    def away(code: FaceCode) -> float:
        shapes = [head.vertices_of(head.zero_code().replace(identity=c.identity))[face] for c in (code, truth)]
        return float(np.linalg.norm(shapes[0] - shapes[1], axis=1).mean())

    assert all(np.array_equal(shape.code.identity, together[0].code.identity) for shape in together)
    assert away(together[0].code) < 0.9 * away(alone.code)
    assert together[0].spread["identity"].mean() < alone.spread["identity"].mean()
    for shape, code in zip(together, codes, strict=True):
        assert degrees_between(shape.code.pose, code.pose) < 2


def test_album_of_one_is_the_photo(head: HeadModel, photo: Photo, fitted: FitResult) -> None:
    (only,) = fit_album(head, [photo])
    assert only.code == fitted.code and only.landmark_error == fitted.landmark_error


def test_heads_with_a_part_of_the_landmarks_fit() -> None:
    head = load_head("open")
    rows = IBUG68[17:]
    code = known(head, jawOpen=0.4)
    points, depth = seen(head, code)
    head.landmark_ids, head.landmark_weight = rows, np.ones(len(rows))
    head.landmark_faces, head.landmark_bary = head.landmark_faces[rows], head.landmark_bary[rows]
    head.landmark_depth_bias = head.landmark_depth_bias[rows]  # type: ignore[attr-defined]
    got, error = fit_shape(head, points, depth, {"jawOpen": 0.4}, SIZE)
    assert error < 0.006 and degrees_between(got.pose, code.pose) < 4


def test_a_face_that_does_not_fit_is_no_confident_one(head: HeadModel) -> None:
    points, depth = seen(head, known(head))
    good, small = (fit_shapes(head, [(points, depth, {})], SIZE, [width])[0].confidence for width in (100.0, 8.0))
    wild = points + np.random.default_rng(2).normal(0, 6, points.shape)
    assert good > 0.9 and small < good
    assert fit_shapes(head, [(wild, depth, {})], SIZE)[0].confidence < 0.5


def test_a_few_wild_landmarks_do_not_pull_the_head(head: HeadModel) -> None:
    code = known(head)
    points, depth = seen(head, code)
    rng = np.random.default_rng(8)
    covered = points.copy()
    covered[rng.random(478) < 0.15] += rng.normal(0, 25, 2)
    got, _ = fit_shape(head, covered, depth, {}, SIZE)
    assert degrees_between(got.pose, code.pose) < 4
    assert abs(got.camera[0] / code.camera[0] - 1) < 0.05


def test_head_without_landmarks_is_refused(head: HeadModel, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = load_head("open")
    bare.landmark_ids = np.zeros(0, np.int32)
    with pytest.raises(AssetError, match="no places for the landmarks"):
        fit(bare, np.zeros((478, 2)), np.zeros(478), {}, np.zeros((SIZE, SIZE, 3), np.uint8))
