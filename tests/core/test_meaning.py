"""Each control does what its name says, and only that: measured on the vertices that are rendered."""
from __future__ import annotations

import numpy as np
import pytest

from core.codes import FaceCode
from core.head import load_head
from core.head.open_head import OpenHead
from core.head.units import STOPS, measured_ranges, unit_top
from core.render.buffers import posed_vertices
from core.rig import Copy, Rig, apply, parameters, photo_ranges, pose_vector

LIDS = [pair for group, _ in STOPS[:2] for pair in group]
LIPS = STOPS[2][0]


@pytest.fixture(scope="module")
def head() -> OpenHead:
    model = load_head("open")
    assert isinstance(model, OpenHead)
    return model


@pytest.fixture(scope="module", params=[0, 1, 2])
def code(head: OpenHead, request: pytest.FixtureRequest) -> FaceCode:
    """The mean head, and two people with an expression, turned."""
    if request.param == 0:
        return head.zero_code()
    rng = np.random.default_rng(request.param)
    units = rng.uniform(0, 0.25, head.expression_size) * ~np.array([n.startswith("eyeLook") for n in head.expression_names])
    return head.zero_code().replace(identity=rng.normal(size=head.identity_size), expression=units, pose=pose_vector(8, -4, 3))


def moved(head: OpenHead, code: FaceCode, **values: float) -> np.ndarray:
    """How far every vertex goes (V, 3), as it is rendered: re-centred. expression_smile stands for expression.smile."""
    rig = Rig().update({name.replace("_", ".", 1): value for name, value in values.items()})
    return posed_vertices(head, apply(rig, head, code), code) - posed_vertices(head, code, code)


def rotation_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) that takes vertices a nearest to b (Kabsch 1976)."""
    u, _, vt = np.linalg.svd((b - b.mean(0)).T.astype(float) @ (a - a.mean(0)))
    return u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt


@pytest.mark.parametrize(("name", "sense"), [("pose.yaw", (0, 1, 0)), ("pose.pitch", (-1, 0, 0)), ("pose.roll", (0, 0, -1))])
def test_pose_turns_the_head_by_its_degrees(head: OpenHead, name: str, sense: tuple[int, int, int]) -> None:
    code = head.zero_code()
    before, after = posed_vertices(head, code, code), posed_vertices(head, apply(Rig().set(name, 20), head, code), code)
    turn = rotation_between(before, after)
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2
    np.testing.assert_allclose(axis, np.sin(np.deg2rad(20)) * np.array(sense), atol=1e-4)
    rest = (after - after.mean(0)) - (before - before.mean(0)) @ turn.T
    assert np.abs(rest).max() < 1e-5  # and by nothing else


def test_pose_is_added_to_the_fitted_one(head: OpenHead, code: FaceCode) -> None:
    edited = apply(Rig().set("pose.yaw", 20), head, code)
    turn = rotation_between(head.vertices_of(code), head.vertices_of(edited))
    assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize("name", ["smile", "frown", "surprise", "anger", "disgust", "pucker", "puff", "blink", "squint"])
def test_no_expression_moves_the_head(head: OpenHead, code: FaceCode, name: str) -> None:
    change = moved(head, code, **{f"expression_{name}": parameters(head)[f"expression.{name}"].high})
    skull = (head.regions["scalp"] > 0.9) & (head.mean[:, 2] < 0.05)
    assert np.abs(change[skull]).max() < 3e-4
    balls = slice(*head.eye_start[::2])
    assert np.abs(change[balls]).max() < 1e-6  # the eyes stay where they are


def test_a_smile_is_at_the_mouth(head: OpenHead, code: FaceCode) -> None:
    change = head.landmarks(moved(head, code, expression_smile=0.8))
    length = np.linalg.norm(change, axis=1)
    assert length[[61, 291]].min() > 0.003
    assert length[[105, 334, 9, 10, 168]].max() < 0.0008 and length[[159, 386]].max() < 0.0015


def test_jaw_open_leaves_the_upper_face(head: OpenHead, code: FaceCode) -> None:
    change = moved(head, code, jaw_open=0.6)
    assert np.linalg.norm(head.landmarks(change)[152]) > 0.006
    upper = head.mean[:, 1] > head.landmarks(head.mean)[145, 1] - 0.005  # from the lower lids on; cheeks are drawn down
    assert np.linalg.norm(change[upper], axis=1).max() < 0.0012
    assert np.linalg.norm(head.landmarks(change)[[1, 4, 6, 168]], axis=1).max() < 0.0012


def test_blink_shuts_the_lids_and_does_nothing_else(head: OpenHead, code: FaceCode) -> None:
    edited = apply(Rig().set("expression.blink", 1.0), head, code)
    upright = head.landmarks(head.vertices_of(edited.replace(pose=np.zeros(3))))
    gaps = np.array([upright[a, 1] - upright[b, 1] for a, b in LIDS])
    assert np.abs(gaps).max() < 0.0016 and abs(gaps.mean()) < 0.0008
    eyes = np.stack([head.mean[head.eye_start[i]:head.eye_start[i + 1]].mean(0) for i in (0, 1)])
    far = np.linalg.norm(head.mean[:, None] - eyes, axis=2).min(1) > 0.045
    far &= head.regions["mouth"] < 0.5  # the palate, which is out of sight
    assert np.linalg.norm(moved(head, code, expression_blink=1.0)[far], axis=1).max() < 5e-4


def test_light_leaves_shape_and_skin(head: OpenHead, code: FaceCode) -> None:
    lit = apply(Rig().update({"light.azimuth": 70, "light.intensity": 1.2, "sh.5.r": 0.3}), head, code)
    assert not np.array_equal(lit.light, code.light)
    assert lit.replace(light=code.light) == code
    assert not moved(head, code, light_azimuth=70).any()


def test_a_copied_block_changes_only_itself(head: OpenHead, code: FaceCode) -> None:
    rng = np.random.default_rng(5)
    other = FaceCode("open", *(rng.uniform(0.1, 0.4, np.shape(getattr(code, name))) for name in (
        "identity", "expression", "pose", "neck", "jaw", "eyes", "albedo", "camera", "box", "light")))
    for block, fields in (("light", {"light"}), ("pose", {"pose"}), ("expression", {"expression", "jaw"}), ("appearance", set())):
        edited = apply(Rig().copy(Copy(block, other, "p")), head, code)
        assert edited.replace(**{name: getattr(code, name) for name in fields}) == code
        assert all(np.array_equal(getattr(edited, name), getattr(other, name)) for name in fields)


def test_left_and_right_are_mirror_images(head: OpenHead) -> None:
    code, flip = head.zero_code(), np.array([-1, 1, 1], np.float32)
    for name in [n for n in head.expression_names if n.endswith("Left")]:
        left = head.vertices_of(apply(Rig().set(f"expression.{name}", 0.7), head, code))
        right = head.vertices_of(apply(Rig().set(f"expression.{name[:-4]}Right", 0.7), head, code))
        np.testing.assert_allclose(left[head.mirror] * flip, right, atol=3e-6, err_msg=name)


# -- ranges --------------------------------------------------------------------------------------------------------------


def test_ends_come_from_photos(head: OpenHead) -> None:
    table, seen = parameters(head), measured_ranges()
    for name in head.expression_names:
        top = table[f"expression.{name}"].high
        assert top == unit_top(name) <= 1.0
        if not name.startswith("eyeBlink"):
            assert top <= max(seen[f"expression.{name}"][1] + 0.05, 0.7) + 1e-9
    for name in ("eyes.yaw", "eyes.pitch", "pose.yaw", "pose.pitch"):
        low, high = seen[name]
        assert low - 10 < table[name].low < 0 < table[name].high < high + 10


def test_every_step_of_a_slider_shows(head: OpenHead, code: FaceCode) -> None:
    row = head.expression_names.index("mouthSmileLeft")
    values = [apply(Rig().set("expression.mouthSmileLeft", v), head, code).expression[row] for v in np.linspace(0, 0.9, 7)]
    assert np.diff(values).min() > 0.02 and values[-1] <= unit_top("mouthSmileLeft") + 1e-6
    none = apply(Rig().set("expression.mouthSmileLeft", -1), head, code).expression
    assert none[row] == 0 and np.array_equal(np.delete(none, row), np.delete(code.expression, row))


def test_sums_stay_in_the_range(head: OpenHead, code: FaceCode) -> None:
    rng = np.random.default_rng(3)
    rows = [p for p in parameters(head).values() if p.name.startswith(("expression.", "jaw."))]
    for _ in range(10):
        chosen = rng.choice(len(rows), 8, replace=False)
        rig = Rig().update({rows[i].name: rng.uniform(rows[i].low, rows[i].high) for i in chosen})
        edited = apply(rig, head, code)
        tops = np.maximum([unit_top(name) for name in head.expression_names], code.expression)
        assert edited.expression.min() >= -1e-6 and (edited.expression <= tops + 1e-6).all()


@pytest.mark.parametrize("values", [
    {"expression.blink": 1, "expression.squint": 0.7}, {"expression.blink": 1, "eyes.pitch": -15}, {"expression.mouthClose": 0.7},
    {"expression.mouthRollLower": 0.7, "expression.mouthRollUpper": 0.7, "expression.mouthShrugLower": 0.7}])
def test_lids_and_lips_stop_where_they_meet(head: OpenHead, code: FaceCode, values: dict[str, float]) -> None:
    edited = apply(Rig().update(values), head, code)  # type: ignore[arg-type]
    points = head.landmarks(head.vertices_of(edited.replace(pose=np.zeros(3))))
    assert min(points[a, 1] - points[b, 1] for a, b in LIDS) > -0.003
    assert min(points[a, 1] - points[b, 1] for a, b in LIPS) > -0.007


def test_a_smile_taken_away_is_no_frown(head: OpenHead) -> None:
    code = head.zero_code()
    frown = head.expression_names.index("mouthFrownLeft")
    assert apply(Rig().set("expression.smile", -1), head, code).expression[frown] == 0
    sad = code.replace(expression=np.eye(head.expression_size)[frown] * 0.5)
    assert apply(Rig().set("expression.smile", 0.9), head, sad).expression[frown] < 0.1


def test_photo_ranges_say_what_a_photo_has_room_for(head: OpenHead) -> None:
    code = head.zero_code().replace(pose=pose_vector(35, 0, 0))
    ranges = photo_ranges(head, code)
    assert ranges["pose.yaw"] == pytest.approx((-45, 25)) and ranges["pose.pitch"] == (-20, 25)
    assert ranges["expression.smile"] == (0, parameters(head)["expression.smile"].high)
    smiling = code.replace(expression=np.where(np.char.startswith(head.expression_names, "mouthSmile"), 1.0, 0.0))
    ranges = photo_ranges(head, smiling)
    assert ranges["expression.mouthSmileLeft"] == (-1, 0) and ranges["expression.smile"][0] == -1
