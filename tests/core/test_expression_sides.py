"""Sides, parts, neutral and gaze: each does what its name says, and none of them moves the head."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.codes import FaceCode
from core.errors import ParameterError
from core.head import load_head
from core.head.base import HeadModel
from core.head.flame import FlameHead
from core.head.open_controls import EVERYDAY, SIDED, side_units
from core.head.open_head import OpenHead
from core.head.parts import PARTS, belongs, part_of, parts_of
from core.landing import MOST_UNIT, Landing, usual
from core.render.buffers import posed_vertices
from core.rig import Copy, Rig, apply, parameters, pose_degrees, pose_vector
from tests.flame import arrays, synthetic_flame


@pytest.fixture(scope="module")
def head() -> OpenHead:
    model = load_head("open")
    assert isinstance(model, OpenHead)
    return model


@pytest.fixture(scope="module")
def person(head: OpenHead) -> FaceCode:
    """Somebody with an expression of the whole face, turned, looking aside."""
    rng = np.random.default_rng(4)
    looks = np.char.startswith(head.expression_names, "eyeLook")
    return head.zero_code().replace(identity=rng.normal(size=head.identity_size), pose=pose_vector(9, -5, 3),
                                    expression=rng.uniform(0.05, 0.25, head.expression_size) * ~looks, eyes=np.radians([6, -3]))


def units(head: HeadModel, code: FaceCode) -> dict[str, float]:
    return dict(zip(head.expression_names, code.expression.tolist(), strict=True))


def smiles(head: HeadModel, code: FaceCode) -> tuple[float, float]:
    return units(head, code)["mouthSmileLeft"], units(head, code)["mouthSmileRight"]


# -- left and right


def test_both_sides_are_the_whole(head: OpenHead, person: FaceCode) -> None:
    for name in SIDED:
        left, right = side_units(name, "left"), side_units(name, "right")
        assert {unit: left.get(unit, 0) + right.get(unit, 0) for unit in EVERYDAY[name]} == pytest.approx(EVERYDAY[name])
        whole = apply(Rig().set(f"expression.{name}", 0.5), head, person, Landing(usual()))
        sides = Rig().update({f"expression.{name}_left": 0.5, f"expression.{name}_right": 0.5})
        assert apply(sides, head, person, Landing(usual())) == whole  # to the last bit: linking and unlinking shows nothing


@pytest.mark.parametrize("name", SIDED)
def test_a_side_is_the_persons_own(head: OpenHead, name: str) -> None:
    """The person's left is the picture's right."""
    code = head.zero_code()
    change = head.vertices_of(apply(Rig().set(f"expression.{name}_left", 0.7), head, code)) - head.vertices_of(code)
    length = np.linalg.norm(change, axis=1)
    left, right = length[head.mean[:, 0] > 0.02], length[head.mean[:, 0] < -0.02]
    assert left.max() > 0.001 and right.max() < 0.5 * left.max()
    mirrored = head.vertices_of(apply(Rig().set(f"expression.{name}_right", 0.7), head, code)) - head.vertices_of(code)
    np.testing.assert_allclose(change[head.mirror] * [-1, 1, 1], mirrored, atol=3e-6)


def test_sides_add_to_the_whole_and_stop_at_its_end(head: OpenHead) -> None:
    code = head.zero_code()
    mixed = apply(Rig().update({"expression.smile": 0.3, "expression.smile_left": 0.4}), head, code)
    assert smiles(head, mixed) == pytest.approx((0.7, 0.3))
    most = apply(Rig().update({"expression.smile": 0.9, "expression.smile_left": 0.9}), head, code)
    top = parameters(head)["expression.smile"].high
    assert smiles(head, most) == pytest.approx((top, 0.9))
    off = apply(Rig().update({"expression.smile": 0.6, "expression.smile_right": -0.6}), head, code)
    assert off == apply(Rig().set("expression.smile_left", 0.6), head, code)


def test_half_a_smile_reads_as_asked(head: OpenHead) -> None:
    landing, row = Landing(usual()), head.expression_names.index("mouthSmileLeft")
    curve = usual().curves["expression.smile_left+"]
    seen = [apply(Rig().set("expression.smile_left", float(v)), head, head.zero_code(), landing).expression[row]
            for v in np.linspace(0, 0.95, 20)]
    assert (np.diff(seen) > -1e-6).all() and np.diff(seen).max() < 0.15 and max(seen) <= MOST_UNIT + 1e-6
    for value in (0.5, 0.7):
        code = apply(Rig().set("expression.smile_left", value), head, head.zero_code(), landing)
        assert curve.reads(code.expression[row]) == pytest.approx(value, abs=0.02)
        assert code.expression[head.expression_names.index("mouthSmileRight")] == 0


def test_photos_are_not_looked_at_for_half_a_smile(head: OpenHead) -> None:
    looked: list[str] = []
    landing = Landing(usual(), lambda key: looked.append(key) or pytest.fail(key))  # type: ignore[func-returns-value]
    apply(Rig().set("expression.smile_right", 0.5), head, head.zero_code(), landing)
    assert looked == []


# -- the head stays


def turn_between(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees of the rotation that takes points a nearest to b."""
    turn, _ = Rotation.align_vectors(b - b.mean(0), a - a.mean(0))
    return float(np.degrees(turn.magnitude()))


def test_no_control_turns_the_head(head: OpenHead, person: FaceCode) -> None:
    """Every control at both ends, and every part taken away: skull and head pose stay, for a mean head and for a person."""
    skull = (head.regions["scalp"] > 0.9) & (head.mean[:, 2] < 0.05)
    rows = [p for p in parameters(head).values() if p.name.startswith(("expression.", "jaw.", "eyes.", "neutral."))]
    for code in (head.zero_code(), person):
        before = posed_vertices(head, code, code)
        for row in rows:
            for value in (row.low, row.high):
                edited = apply(Rig().set(row.name, value), head, code, Landing(usual()))
                after = posed_vertices(head, edited, code)
                assert np.array_equal(edited.pose, code.pose), row.name
                assert turn_between(before[skull], after[skull]) < 0.1, (row.name, value)
                assert np.linalg.norm(after[skull] - before[skull], axis=1).max() < 5e-4, (row.name, value)


def test_no_control_turns_a_flame_head(shared: Path) -> None:
    """Every vertex of the synthetic head hangs on all joints; here the back half hangs on the neck alone, as a skull does."""
    parts = dict(arrays(shared))
    back = parts["v_template"][:, 2] < np.median(parts["v_template"][:, 2])
    parts["weights"] = np.where(back[:, None], np.eye(5)[1], parts["weights"])
    parts["posedirs"] = np.zeros_like(parts["posedirs"])
    flame = FlameHead.from_arrays(parts)
    code = flame.zero_code().replace(pose=pose_vector(8, -4, 2), jaw=np.array([0.1, 0, 0]))
    before = posed_vertices(flame, code, code)
    for row in parameters(flame).values():
        if row.name.startswith(("expression.", "jaw.", "eyes.", "neutral.")):
            edited = apply(Rig().set(row.name, row.high), flame, code)
            assert np.array_equal(edited.pose, code.pose) and np.array_equal(edited.neck, code.neck)
            if row.group != "Expression":  # the synthetic modes are waves over the whole head
                assert turn_between(before[back], posed_vertices(flame, edited, code)[back]) < 0.1, row.name


# -- neutral


def test_neutral_takes_every_unit_away(head: OpenHead, person: FaceCode) -> None:
    neutral = apply(Rig().update({f"neutral.{part}": 1.0 for part in PARTS}), head, person)
    assert not neutral.expression.any() and not neutral.jaw.any()
    assert neutral.replace(expression=person.expression) == person  # where the eyes look, pose and light stay


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_neutral_alone(head: OpenHead, person: FaceCode, part: str) -> None:
    before, after = units(head, person), units(head, apply(Rig().set(f"neutral.{part}", 1.0), head, person))
    for name in head.expression_names:
        mine = part_of(name) == part and not name.startswith("eyeLook")
        assert after[name] == (0 if mine else before[name]), name
    half = units(head, apply(Rig().set(f"neutral.{part}", 0.5), head, person))
    assert half[next(n for n in head.expression_names if part_of(n) == part)] > 0


def test_an_expression_is_put_onto_the_neutral_face(head: OpenHead, person: FaceCode) -> None:
    rig = Rig().update({**{f"neutral.{part}": 1.0 for part in PARTS}, "expression.smile": 0.5})
    assert apply(rig, head, person).expression.tolist() == apply(
        Rig().set("expression.smile", 0.5), head, person.replace(expression=np.zeros(head.expression_size))).expression.tolist()


def test_the_photos_own_curve_says_nothing_of_a_neutral_face(head: OpenHead, person: FaceCode) -> None:
    rig = Rig().update({"neutral.mouth": 1.0, "expression.smile": 0.5})
    edited = apply(rig, head, person, Landing(usual(), lambda key: pytest.fail(key)))
    assert edited.expression[head.expression_names.index("mouthSmileLeft")] > 0.5


def test_flame_is_neutral_as_a_whole(shared: Path) -> None:
    flame = synthetic_flame(shared)
    rng = np.random.default_rng(1)
    code = flame.zero_code().replace(expression=rng.normal(size=50), jaw=np.array([0.2, 0.01, 0]))
    assert [name for name in parameters(flame) if name.startswith("neutral.")] == ["neutral.face", "neutral.jaw"]
    face = apply(Rig().set("neutral.face", 1.0), flame, code)
    assert not face.expression.any() and np.array_equal(face.jaw, code.jaw)
    assert not apply(Rig().set("neutral.jaw", 1.0), flame, code).jaw.any()


# -- parts of other photos


def test_every_unit_belongs_to_one_part(head: OpenHead) -> None:
    assert parts_of(head) == PARTS and all(part_of(name) in PARTS for name in head.expression_names)
    assert belongs("expression.smile_left", "mouth") and belongs("eyes.yaw", "eyes") and belongs("neutral.jaw", "jaw")
    assert not belongs("expression.smile", "eyes") and not belongs("pose.yaw", "expression")


@pytest.mark.parametrize("part", PARTS)
def test_a_copied_part_changes_only_itself(head: OpenHead, person: FaceCode, part: str) -> None:
    other = head.zero_code().replace(expression=np.full(head.expression_size, 0.12), eyes=np.radians([-8, 2]))
    edited = apply(Rig().copy(Copy(part, other, "p")), head, person)
    before, after = units(head, person), units(head, edited)
    for name in head.expression_names:
        if part_of(name) != part:
            assert after[name] == before[name], name
    moved = [after[n] for n in head.expression_names if part_of(n) == part]
    assert max(abs(v - 0.12) for v in moved) < 0.13 and np.mean(np.isclose(moved, 0.12)) > 0.4  # but where lids or lips meet
    assert np.array_equal(edited.eyes, other.eyes if part == "eyes" else person.eyes)
    assert edited.replace(expression=person.expression, eyes=person.eyes) == person


def test_a_part_goes_over_the_whole(head: OpenHead, person: FaceCode) -> None:
    one = head.zero_code().replace(expression=np.full(head.expression_size, 0.05))
    other = head.zero_code().replace(expression=np.full(head.expression_size, 0.1))
    rig = Rig().copy(Copy("expression", one, "a")).copy(Copy("brows", other, "b"))
    edited = units(head, apply(rig, head, person))
    assert edited["browInnerUp"] == pytest.approx(0.1) and edited["mouthSmileLeft"] == pytest.approx(0.05)


def test_flame_copies_its_jaw_and_says_what_it_cannot(shared: Path) -> None:
    flame = synthetic_flame(shared)
    other = flame.zero_code().replace(jaw=np.array([0.3, 0, 0]), expression=np.ones(50))
    edited = apply(Rig().copy(Copy("jaw", other, "p")), flame, flame.zero_code())
    assert np.array_equal(edited.jaw, other.jaw) and not edited.expression.any()
    with pytest.raises(ParameterError, match="can't be split"):
        apply(Rig().copy(Copy("mouth", other, "p")), flame, flame.zero_code())


# -- gaze


def gaze(code: FaceCode) -> np.ndarray:
    """Where the eyes look in the picture (3,)."""
    yaw, pitch = code.eyes
    look = [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)]
    return np.asarray(Rotation.from_rotvec(code.pose).apply(look))


@pytest.mark.parametrize("turn", [{"pose.yaw": 15.0}, {"pose.pitch": 10.0},
                                  {"pose.yaw": -12.0, "pose.pitch": -6.0, "pose.roll": 8.0}])
def test_eyes_go_on_looking_where_they_looked(head: OpenHead, person: FaceCode, turn: dict[str, float]) -> None:
    held = apply(Rig().update({**turn, "eyes.hold": 1.0}), head, person)
    assert gaze(held) == pytest.approx(gaze(person), abs=2e-3)
    free = apply(Rig().update(turn), head, person)
    assert np.array_equal(free.eyes, person.eyes) and np.array_equal(free.pose, held.pose)


def test_eyes_turn_only_as_far_as_eyes_can(head: OpenHead) -> None:
    held = apply(Rig().update({"pose.yaw": 45.0, "eyes.hold": 1.0}), head, head.zero_code())
    assert np.degrees(held.eyes[0]) == pytest.approx(parameters(head)["eyes.yaw"].low, abs=0.01)
    assert pose_degrees(held.pose)[0] == pytest.approx(45, abs=0.1)
