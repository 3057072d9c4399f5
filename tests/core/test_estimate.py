from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.codes import FaceCode
from core.cv import cv2
from core.errors import AssetError
from core.estimate import FitResult, fit, fit_photo, fit_shape
from core.estimate_light import estimate_light
from core.head import HeadModel, load_head
from core.landmarks import FaceFinder
from core.light import mean_shading
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
    assert fitted.light_residual < 0.06
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


def lit(head: HeadModel, light: np.ndarray, skin: tuple[float, float, float]) -> tuple[FaceCode, np.ndarray]:
    """A code under a light, and the picture of it (SIZE, SIZE, 3) uint8."""
    code = head.zero_code()
    albedo = np.array(code.albedo)
    albedo[:3] = skin
    code = code.replace(light=light, albedo=albedo)
    return code, np.clip(255 * render_buffers(head, code, SIZE).rendered, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_known_light_is_found_again(head: HeadModel, side: float) -> None:
    light = np.zeros((9, 3))
    light[0], light[1], light[2], light[3] = 2.0, 0.35 * side, 0.1, 0.3
    code, picture = lit(head, light, (0.68, 0.52, 0.45))
    got, residual = estimate_light(head, code, picture)
    assert residual < 0.01
    shade = got.light / mean_shading(got.light)
    assert np.abs(shade[1:4] - (light / mean_shading(light))[1:4]).max() < 0.06
    assert np.abs(got.albedo[:3] * mean_shading(got.light) - np.array([0.68, 0.52, 0.45]) * mean_shading(light)).max() < 0.01


def test_patches_that_are_not_skin_do_not_turn_the_light(head: HeadModel) -> None:
    light = np.zeros((9, 3))
    light[0], light[3] = 2.2, 0.3
    code, picture = lit(head, light, (0.68, 0.52, 0.45))
    before, _ = estimate_light(head, code, picture)
    picture[40:105, 128:200] = (25, 18, 15)  # a fringe over one side of the forehead
    after, _ = estimate_light(head, code, picture)
    assert np.abs(after.light - before.light)[1].max() < 0.12


def test_dark_skin_is_mostly_skin_not_dim_light(head: HeadModel) -> None:
    light = np.zeros((9, 3))
    light[0], light[3] = 2.2, 0.3
    codes = [estimate_light(head, *lit(head, light, skin))[0] for skin in ((0.35, 0.24, 0.19), (0.75, 0.6, 0.53))]
    dark, fair = (code.albedo[1] for code in codes)
    dim, bright = (mean_shading(code.light)[1] for code in codes)
    assert np.log(fair / dark) > 1.5 * np.log(bright / dim)


def test_no_skin_leaves_the_code(head: HeadModel) -> None:
    far = head.zero_code().replace(camera=np.array([0.3, 0, 0]))
    code, residual = estimate_light(head, far, np.zeros((SIZE, SIZE, 3), np.uint8))
    assert code == far and np.isnan(residual)


def test_head_without_landmarks_is_refused(head: HeadModel, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = load_head("open")
    bare.landmark_ids = np.zeros(0, np.int32)
    with pytest.raises(AssetError, match="no places for the landmarks"):
        fit(bare, np.zeros((478, 2)), np.zeros(478), {}, np.zeros((SIZE, SIZE, 3), np.uint8))
