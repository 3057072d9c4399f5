"""OpenHead: symmetric, within bounds, and each control does what its name says, as an independent landmarker sees it."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.codes import FaceCode
from core.errors import AssetError
from core.head import load_head
from core.head.open_head import DEFAULT_FILE, OpenHead
from core.landmarks import IBUG68

PIXELS = 512
SCALE = PIXELS / 0.30


@pytest.fixture(scope="module")
def head() -> OpenHead:
    model = load_head("open")
    assert isinstance(model, OpenHead)
    return model


def edited(head: OpenHead, **values: float) -> FaceCode:
    """The neutral code with controls applied (expression.smile is given as expression_smile)."""
    code = head.zero_code()
    for name, value in values.items():
        control = head.controls()[name.replace("_", ".", 1)]
        block = np.array(getattr(code, control.block))
        for index, gain in control.weights:
            block[index] += gain * value
        code = code.replace(**{control.block: block})
    return code.replace(expression=head.clamp_expression(code.expression))


def landmarks(head: OpenHead, code: FaceCode) -> np.ndarray:
    return head.landmarks(head.vertices_of(code))


def gap(points: np.ndarray, upper: int, lower: int) -> float:
    return float(points[upper, 1] - points[lower, 1])


def random_identities(head: OpenHead, count: int, spread: float = 1.0) -> np.ndarray:
    return spread * np.random.default_rng(1).normal(size=(count, head.identity_size)).astype(np.float32)


def test_file_is_small_and_complete(head: OpenHead) -> None:
    assert DEFAULT_FILE.stat().st_size <= 6e6
    assert head.faces.max() < len(head.mean) and head.faces.min() >= 0
    assert head.uv is not None
    assert 30 <= head.identity_size <= 60 and len(head.expression_names) == 52
    for name in ("skin", "lips", "eyes", "teeth", "mouth", "neck", "ears", "scalp", "brows"):
        assert head.regions[name].shape == (len(head.mean),) and head.regions[name].max() > 0.5, name
    assert np.isfinite(head.uv).all() and head.uv.min() >= 0 and head.uv.max() <= 1
    np.testing.assert_array_equal(head.landmark_ids, np.arange(478))
    np.testing.assert_allclose(head.landmark_bary.sum(1), 1, atol=1e-5)
    assert head.landmark_bary.min() >= 0


def test_mean_modes_and_units_are_mirror_images(head: OpenHead) -> None:
    flip = np.array([-1, 1, 1], np.float32)
    np.testing.assert_array_equal(head.mirror[head.mirror], np.arange(len(head.mean)))
    np.testing.assert_array_equal(head.mean[head.mirror] * flip, head.mean)
    even = head.identity_size - head.lopsided
    assert 40 <= even <= 60 and 5 <= head.lopsided <= 15
    for modes, sign in ((head.identity_basis[:even], 1), (head.identity_basis[even:], -1)):
        np.testing.assert_allclose(sign * modes[:, head.mirror] * flip, modes, atol=1e-6)
    # a face is far more symmetric than it is its own
    assert np.square(head.identity_basis[even:]).sum() < 0.25 * np.square(head.identity_basis[:even]).sum()
    for name, unit in zip(head.expression_names, head.expression_basis, strict=True):
        swap = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
        other = head.expression_basis[head.expression_names.index(swap)]
        np.testing.assert_allclose(unit[head.mirror] * flip, other, atol=2e-6, err_msg=name)


def test_landmarks_are_mirror_images(head: OpenHead) -> None:
    points = head.landmarks(head.mean)
    for left, right in ((33, 263), (133, 362), (61, 291), (105, 334), (468, 473), (234, 454), (78, 308)):
        np.testing.assert_allclose(points[left] * [-1, 1, 1], points[right], atol=5e-4)


def test_proportions_are_a_persons(head: OpenHead) -> None:
    points = head.landmarks(head.mean)
    assert 0.054 < np.linalg.norm(points[468] - points[473]) < 0.070
    nose = points[1, 2] - points[[33, 133, 263, 362], 2].mean()
    assert 0.026 < nose < 0.036
    assert points[10, 1] > points[105, 1] > points[159, 1] > points[1, 1] > points[0, 1] > points[17, 1] > points[152, 1]


def test_triangles_face_outward(head: OpenHead) -> None:
    corner = head.mean[head.faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    folded = (head.regions["lips"] + head.masks["lids"])[head.faces].max(1) > 0.05
    skin = (head.regions["skin"][head.faces].min(1) > 0.9) & (corner[:, :, 2].min(1) > 0.08) & ~folded
    away = np.minimum(normal[skin, 2], 0).sum() / np.maximum(normal[skin, 2], 0).sum()
    assert away > -0.05  # nostrils and the inside of the lids


def test_pose_is_a_rotation_about_the_origin(head: OpenHead) -> None:
    code = head.zero_code()
    yaw = np.deg2rad(20)
    turned = head.vertices_of(code.replace(pose=[0, yaw, 0]))
    rotation = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    np.testing.assert_allclose(turned, head.vertices_of(code) @ rotation.T, atol=1e-6)
    assert turned[head.landmark_faces[1, 0], 0] > 0.02  # positive yaw: the nose goes to the picture's right


def test_neck_keeps_its_foot(head: OpenHead) -> None:
    code = head.zero_code()
    moved = np.linalg.norm(head.vertices_of(code.replace(neck=[0, 0.4, 0])) - head.vertices_of(code), axis=1)
    foot = head.mean[:, 1] < head.mean[:, 1].min() + 0.004
    assert moved[foot].max() < 0.012 < moved[head.landmark_faces[1]].max()


def test_jaw_joint_moves_the_chin_and_not_the_nose(head: OpenHead) -> None:
    code = head.zero_code()
    opened = landmarks(head, code.replace(jaw=[0.3, 0, 0])) - landmarks(head, code)
    assert opened[152, 1] < -0.01 and np.abs(opened[[1, 33, 263]]).max() < 1e-4


def test_mouth_is_shut_at_rest_and_opens(head: OpenHead) -> None:
    shut, opened = landmarks(head, head.zero_code()), landmarks(head, edited(head, jaw_open=0.6))
    assert abs(gap(shut, 13, 14)) < 0.003
    assert gap(opened, 13, 14) > 0.012


def test_lower_teeth_move_with_the_jaw(head: OpenHead) -> None:
    change = head.vertices_of(edited(head, jaw_open=1.0)) - head.mean
    lower = head.masks["lower_teeth"] > 0.5
    upper = (head.regions["teeth"] > 0.5) & ~lower
    assert change[lower, 1].max() < -0.005 and np.abs(change[upper]).max() < 5e-4


def test_smile_lifts_the_mouth_corners_and_frown_lowers_them(head: OpenHead) -> None:
    rest = landmarks(head, head.zero_code())
    smile = landmarks(head, edited(head, expression_smile=0.8)) - rest
    frown = landmarks(head, edited(head, expression_frown=0.8)) - rest
    assert smile[[61, 291], 1].min() > 0.003 and smile[291, 0] - smile[61, 0] > 0.006
    assert frown[[61, 291], 1].max() < -0.002
    assert np.abs(smile[[468, 473]]).max() < 1e-6


def test_left_is_the_persons_left(head: OpenHead) -> None:
    change = landmarks(head, edited(head, expression_mouthSmileLeft=1.0)) - landmarks(head, head.zero_code())
    assert np.linalg.norm(change[291]) > 5 * np.linalg.norm(change[61])  # 291 is in the picture's right half
    assert head.mean[head.eye_start[0]:head.eye_start[1], 0].mean() > 0


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_eyes_close(head: OpenHead, spread: float) -> None:
    for identity in random_identities(head, 4, spread):
        points = landmarks(head, edited(head, expression_blink=1.0).replace(identity=identity))
        wide = landmarks(head, head.zero_code().replace(identity=identity))
        for upper, lower in ((159, 145), (386, 374)):
            assert gap(points, upper, lower) < 0.25 * gap(wide, upper, lower)


def test_eyes_turn_and_lids_follow(head: OpenHead) -> None:
    rest = head.zero_code()
    right = landmarks(head, edited(head, eyes_yaw=20)) - landmarks(head, rest)
    assert right[[468, 473], 0].min() > 0.002
    down = landmarks(head, edited(head, eyes_pitch=-15)) - landmarks(head, rest)
    assert down[[468, 473], 1].max() < -0.002 and down[[159, 386], 1].max() < -0.0005
    by_unit = edited(head, expression_eyeLookOutLeft=1.0, expression_eyeLookInRight=1.0)
    by_eyes = rest.replace(eyes=[np.deg2rad(30), 0])
    np.testing.assert_allclose(head.vertices_of(by_unit), head.vertices_of(by_eyes), atol=1e-6)


def test_eyeballs_keep_their_shape_when_they_turn(head: OpenHead) -> None:
    code = head.zero_code().replace(identity=random_identities(head, 1)[0])
    start, end = head.eye_start[:2]
    before, after = head.vertices_of(code)[start:end], head.vertices_of(code.replace(eyes=[0.4, -0.2]))[start:end]
    radius = np.linalg.norm(before - head._eye_centre(before), axis=1)
    assert np.ptp(radius) < 2e-4 and 0.009 < radius[0] < 0.017
    np.testing.assert_allclose(np.linalg.norm(after[:1] - after, axis=1), np.linalg.norm(before[:1] - before, axis=1), atol=1e-6)


def test_random_faces_stay_faces(head: OpenHead) -> None:
    for identity in random_identities(head, 20, 1.5):
        points = landmarks(head, head.zero_code().replace(identity=identity))
        assert 0.6 < np.linalg.norm(points[10] - points[152]) / np.linalg.norm(head.landmarks(head.mean)[10]
                                                                                - head.landmarks(head.mean)[152]) < 1.5
        assert points[1, 2] - points[[33, 263], 2].mean() > 0.015
        assert points[159, 1] > points[145, 1] and points[0, 1] > points[17, 1]


def test_identity_keeps_scale_to_the_camera(head: OpenHead) -> None:
    # A size coefficient would fight the camera's scale in every fit: no mode may mostly grow the face.
    face = (head.regions["skin"] > 0.9) & (head.mean[:, 2] > 0.085)
    arm = head.mean[face] - head.mean[face].mean(0)
    for mode in head.identity_basis:
        moved = mode[face] - mode[face].mean(0)
        assert abs((moved * arm).sum()) < 0.4 * np.linalg.norm(moved) * np.linalg.norm(arm)


def test_albedo_takes_its_coefficients(head: OpenHead) -> None:
    usual = head.zero_code().albedo
    assert len(usual) == head.albedo_size == len(head.skin.modes) + 3
    plain = np.asarray(head.albedo(usual).vertex)
    assert plain.shape == head.mean.shape and plain.min() >= 0 and plain.max() <= 1
    outside = (head.regions["ears"] + head.regions["lids"] + head.regions["lips"]) < 0.01  # whose masks are not quite mirrored
    assert np.allclose(plain[outside], plain[head.mirror][outside], atol=0.02)
    forehead, crown = head.landmark_faces[9, 0], int(np.argmax(head.mean[:, 1]))
    tones = [np.asarray(head.albedo(usual + np.eye(len(usual))[0] * tone).vertex) for tone in (-3, 3)]
    assert tones[0][forehead].max() < 0.5 * plain[forehead].max() < plain[forehead].max() < tones[1][forehead].min() + 0.3
    assert tones[0].min() > 0 and tones[1].max() < 1  # no coefficients give an impossible skin
    eyes = head.regions["eyes"] > 0.99
    assert np.allclose(tones[0][eyes], tones[1][eyes], atol=1e-6)
    grey = np.asarray(head.albedo(np.concatenate([usual[:-3], [0.6, 0.6, 0.6]])).vertex)
    assert np.allclose(grey[crown], 0.6, atol=0.05) and np.allclose(grey[forehead], plain[forehead], atol=1e-6)


def test_skin_has_no_shadows_in_it(head: OpenHead) -> None:
    # Light is divided out of what was learned: away from brows and lashes, the mean face's bare skin has nearly one colour.
    bare = head.regions["skin"] * (1 - head.regions["scalp"]) * (np.abs(head.mean[:, 1] - 0.037) > 0.018)
    for name in ("brows", "lips", "lids", "mouth", "eyes"):
        bare = bare * (1 - np.minimum(2 * head.regions[name], 1))
    colours = np.log2(np.asarray(head.albedo(head.zero_code().albedo).vertex)[bare > 0.9])
    spread = np.abs(colours - np.median(colours, axis=0)).mean(1)
    assert np.percentile(spread, 95) < 0.25 and spread.max() < 0.7


def test_controls_name_real_coefficients(head: OpenHead) -> None:
    code = head.zero_code()
    controls = head.controls()
    for name, control in controls.items():
        assert control.name == name and control.low < control.high and control.label
        block = getattr(code, control.block)
        assert all(0 <= index < len(block) for index, _ in control.weights), name
    wanted = {f"expression.{unit}" for unit in head.expression_names} | {
        "expression.smile", "expression.frown", "expression.surprise", "expression.blink", "jaw.open", "jaw.side", "jaw.forward",
        "eyes.yaw", "eyes.pitch"}
    assert wanted <= set(controls)


def test_jaw_side_goes_both_ways(head: OpenHead) -> None:
    rest = landmarks(head, head.zero_code())
    assert landmarks(head, edited(head, jaw_side=0.7))[152, 0] - rest[152, 0] > 0.003
    assert landmarks(head, edited(head, jaw_side=-0.7))[152, 0] - rest[152, 0] < -0.003


def test_same_code_same_vertices_after_others(head: OpenHead) -> None:
    first = head.zero_code().replace(identity=random_identities(head, 1)[0])
    before = head.vertices_of(first)
    head.vertices_of(head.zero_code())
    np.testing.assert_array_equal(head.vertices_of(first), before)


def test_points68_follow_the_mapping(head: OpenHead) -> None:
    vertices = head.vertices_of(head.zero_code())
    found, mapped = head.landmarks68(vertices, np.zeros(3)), head.landmarks(vertices)[IBUG68]
    np.testing.assert_array_equal(found[17:], mapped[17:])
    assert np.linalg.norm(found - mapped, axis=1)[2:15].max() < 0.012  # from the front the contour stays about its places


def test_hidden_contour_slides_to_the_outline(head: OpenHead) -> None:
    code = head.zero_code().replace(pose=np.array([0, np.deg2rad(35), 0]))
    vertices = head.vertices_of(code)
    found, mapped = head.landmarks68(vertices, code.pose)[:17], head.landmarks(vertices)[IBUG68[:17]]
    far = np.arange(11, 15)  # the picture's right half turns away
    assert (found[far, 0] > mapped[far, 0]).all() and (found[far, 2] > mapped[far, 2]).all()
    np.testing.assert_array_equal(found[3:6], mapped[3:6])


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "head.npz"
    with pytest.raises(AssetError):
        OpenHead.load(path)
    path.write_bytes(b"PK not really")
    with pytest.raises(AssetError):
        OpenHead.load(path)
    np.savez(path, version=np.array(1), mean=np.zeros((3, 3)))
    with pytest.raises(AssetError, match="lacks"):
        OpenHead.load(path)
    with pytest.raises(AssetError, match="nosuch"):
        load_head("nosuch")


def test_landmarker_sees_the_expressions(head: OpenHead) -> None:
    from core.landmarks import FaceFinder
    from core.render.buffers import render_buffers

    def scores(**values: float) -> dict[str, float]:
        buffers = render_buffers(head, edited(head, **values), PIXELS)
        shown = np.where(buffers.coverage[..., None] > 0, buffers.rendered, 0.3)
        picture = (np.clip(shown, 0, 1) * 255).astype(np.uint8)
        return finder.detect(picture)[0].blendshapes

    with FaceFinder() as finder:
        rest, smile, frown = scores(), scores(expression_smile=0.8), scores(expression_frown=0.9)
        opened, blink = scores(jaw_open=0.6), scores(expression_blink=1.0)
    assert smile["mouthSmileLeft"] > rest["mouthSmileLeft"] + 0.3
    assert frown["mouthFrownLeft"] > rest["mouthFrownLeft"] + 0.2
    assert opened["jawOpen"] > rest["jawOpen"] + 0.2
    assert blink["eyeBlinkLeft"] > rest["eyeBlinkLeft"] + 0.3
