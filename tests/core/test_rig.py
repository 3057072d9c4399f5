"""Rig: names, ranges, and what an edit does to a code."""
from __future__ import annotations

import numpy as np
import pytest

from core.errors import ParameterError
from core.head import load_head
from core.request import RenderRequest
from core.rig import Copy, Rig, apply, check, parameters, photo_values, pose_degrees, pose_vector


@pytest.fixture(scope="module")
def head():
    return load_head("open")


@pytest.fixture(scope="module")
def code(head):
    light = np.zeros((9, 3), np.float32)
    light[0], light[1], light[3] = 2.0, -0.3, 0.4
    return head.zero_code().replace(light=light, pose=pose_vector(5, -3, 2))


def test_an_empty_rig_changes_nothing(head, code):
    assert apply(Rig(), head, code) is code


def test_setting_the_photos_own_values_changes_nothing(head, code):
    rig = Rig().update({k: v for k, v in photo_values(head, code).items() if not k.startswith("sh.")})
    edited = apply(rig, head, code)
    assert edited == code


@pytest.mark.parametrize("axis,angles", [("yaw", (25, -3, 2)), ("pitch", (5, 17, 2)), ("roll", (5, -3, 22))])
def test_pose_angles_are_added_to_the_fitted_ones(head, code, axis, angles):
    edited = apply(Rig().set(f"pose.{axis}", 20), head, code)
    assert pose_degrees(edited.pose) == pytest.approx(angles, abs=1e-3)


@pytest.mark.parametrize("axis,sense", [("yaw", (1, 0)), ("pitch", (0, 1))])
def test_pose_signs_are_the_pictures(head, axis, sense):
    """Positive yaw takes the nose to the picture's right, positive pitch takes it up."""
    from scipy.spatial.transform import Rotation
    edited = apply(Rig().set(f"pose.{axis}", 20), head, head.zero_code())
    nose = Rotation.from_rotvec(edited.pose).apply([0, 0, 1])
    assert nose[:2] == pytest.approx(np.array(sense) * np.sin(np.radians(20)), abs=1e-4)


def test_roll_is_clockwise(head):
    from scipy.spatial.transform import Rotation
    edited = apply(Rig().set("pose.roll", 20), head, head.zero_code())
    assert Rotation.from_rotvec(edited.pose).apply([0, 1, 0])[0] > 0.3


def test_raw_coefficients_replace_the_lights_own(head, code):
    edited = apply(Rig().update({"sh.3.g": 1.25}), head, code)
    expected = np.array(code.light)
    expected[3, 1] = 1.25
    assert np.array_equal(edited.light, expected)


def test_controls_add_to_the_fitted_expression(head, code):
    edited = apply(Rig().set("jaw.open", 0.5), head, code)
    index = head.expression_names.index("jawOpen")
    assert edited.expression[index] == pytest.approx(code.expression[index] + 0.5)


def test_copies_take_their_block_only(head, code):
    other = head.zero_code().replace(light=np.full((9, 3), 0.1), expression=np.full(len(code.expression), 0.25))
    lit = apply(Rig().copy(Copy("light", other, "p")), head, code)
    assert np.array_equal(lit.light, other.light) and np.array_equal(lit.pose, code.pose)
    assert np.array_equal(apply(Rig().copy(Copy("expression", other, "p")), head, code).expression, other.expression)
    assert np.array_equal(apply(Rig().copy(Copy("pose", other, "p")), head, code).pose, other.pose)
    assert apply(Rig().copy(Copy("appearance", other, "p")), head, code) is code


def test_a_later_copy_of_a_block_replaces_the_earlier(code):
    rig = Rig().copy(Copy("light", code, "a")).copy(Copy("light", code, "b")).copy(Copy("pose", code, "a"))
    assert [(c.block, c.photo) for c in rig.copies] == [("light", "b"), ("pose", "a")]
    assert rig.drop_copy("light").copied("light") is None


@pytest.mark.parametrize("name,near", [("pose.yow", "pose.yaw"), ("expression.smil", "expression.smile"), ("sh.9.r", "sh.")])
def test_unknown_names_mention_the_nearest(head, name, near):
    with pytest.raises(ParameterError, match=near.replace(".", r"\.")):
        check(head, name, 0.0)


@pytest.mark.parametrize("value", [90.5, -1000, float("nan"), float("inf")])
def test_values_out_of_range_are_refused(head, value):
    with pytest.raises(ParameterError):
        check(head, "light.elevation", value)


def test_the_nearest_valid_value_is_named(head):
    with pytest.raises(ParameterError, match="nearest valid value is 45"):
        check(head, "pose.yaw", 60)


def test_colour_takes_three_numbers(head):
    assert check(head, "light.color", (1, 0.5, 0)) == (1, 0.5, 0)
    with pytest.raises(ParameterError):
        check(head, "light.color", 1.0)
    with pytest.raises(ParameterError):
        check(head, "pose.yaw", (1, 2, 3))


def test_every_name_of_the_issue_exists(head):
    names = set(parameters(head))
    wanted = {f"light.{n}" for n in ("azimuth", "elevation", "intensity", "ambient", "color")}
    wanted |= {f"sh.{k}.{c}" for k in range(9) for c in "rgb"} | {"jaw.open", "jaw.side", "jaw.forward"}
    wanted |= {"pose.yaw", "pose.pitch", "pose.roll", "eyes.yaw", "eyes.pitch"}
    wanted |= {f"expression.{n}" for n in ("smile", "frown", "surprise", *head.expression_names)}
    assert len(head.expression_names) == 52 and wanted <= names


def test_rigs_and_requests_survive_json(head, code):
    rig = Rig().update({"pose.yaw": 5, "light.color": (1, 0.5, 0.25)}).copy(Copy("light", code, "p", "other.jpg"))
    request = RenderRequest("abc", rig, "seeded", 3, 8, 0.5)
    again = RenderRequest.from_json(request.to_json())
    assert again == request and hash(again) == hash(request)


def test_requests_from_before_guidance_still_load():
    plain = RenderRequest("abc", Rig().set("pose.yaw", 5)).to_json()
    del plain["guidance"], plain["identity"]
    assert RenderRequest.from_json(plain) == RenderRequest("abc", Rig().set("pose.yaw", 5))


def test_rig_values_are_ordered_and_can_be_taken_back():
    assert Rig().set("b", 1).set("a", 2) == Rig().set("a", 2).set("b", 1)
    assert Rig().set("a", 2).reset("a") == Rig()


@pytest.mark.parametrize("wrong", [{"noise": "pink"}, {"strength": 1.5}, {"guidance": 3.5}, {"steps": 0}, {"seed": -1},
                                   {"size": "huge"}])
def test_impossible_requests_are_refused(wrong):
    with pytest.raises(ParameterError):
        RenderRequest("abc", **wrong)
