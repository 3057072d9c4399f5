"""Several lamps, their size and how much shadow they throw: what names do, and that nothing jumps."""
from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from core.codes import FaceCode
from core.edit_arguments import parse_value
from core.errors import ParameterError
from core.head import load_head
from core.light import LightParams, compose, edit, mean_shading, sh_basis, shade
from core.light_lamps import Lamp, between, disc, facing, shade_sphere, whole_light
from core.light_rig import LAMPS, LIGHT_PREFIXES, apply_light, lamps_of, light_values
from core.rig import Copy, Rig, apply, check, parameters, photo_values

HEAD = load_head("open")


def photo() -> FaceCode:
    light = compose(LightParams(-25, 20, 0.7, 0.6, (1.0, 0.9, 0.8))).astype(np.float64)
    light += np.random.default_rng(4).normal(0, 0.03, light.shape)
    return HEAD.zero_code().replace(light=light)


def lit(**values: Any) -> FaceCode:
    return apply(Rig().update({name.replace("__", "."): value for name, value in values.items()}), HEAD, photo())


def normals(count: int = 400) -> np.ndarray:
    vectors = np.random.default_rng(1).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def total(code: FaceCode) -> np.ndarray:
    """Shading of a sphere's normals, without shadows thrown."""
    n = normals()
    return shade_sphere(n, sh_basis(n.astype(np.float32)), code.light, code.lamps)


# -- what is as it was ------------------------------------------------------------------------------------------------------


def test_without_softness_and_shadow_the_light_is_the_old_one_bit_for_bit() -> None:
    changes: dict[str, Any] = {"azimuth": 60.0, "elevation": 25.0, "color": (1.0, 0.5, 0.2)}
    code = apply(Rig().update({f"light.{k}": v for k, v in changes.items()}), HEAD, photo())
    assert code.lamps == () and np.array_equal(code.light, edit(photo().light, changes))
    same = apply(Rig().update({"light.softness": 1.0, "light.shadow": 0.0}), HEAD, photo())
    assert same == photo()


@pytest.mark.parametrize("number", LAMPS)
def test_a_lamp_that_is_off_changes_nothing(number: int) -> None:
    values: dict[str, Any] = {"azimuth": 80.0, "elevation": -10.0, "color": (1.0, 0.0, 0.0), "softness": 0.1, "shadow": 1.0}
    rig = Rig().update({f"lamp.{number}.{k}": v for k, v in values.items()})
    assert apply(rig, HEAD, photo()) == photo()
    assert apply(rig.set(f"lamp.{number}.intensity", 0.0), HEAD, photo()) == photo()


def test_a_code_without_lamps_is_stored_as_before() -> None:
    plain = photo().to_json()
    assert "lamps" not in plain
    assert FaceCode.from_json(json.loads(json.dumps(plain))) == photo()
    assert np.array_equal(photo().whole_light, photo().light)


# -- what lamps give --------------------------------------------------------------------------------------------------------


def test_a_second_lamp_adds_its_light_on_its_side() -> None:
    n, before = normals(), total(photo())
    after = total(lit(lamp__2__azimuth=80.0, lamp__2__elevation=0.0, lamp__2__intensity=1.0))
    assert (after - before)[n[:, 0] > 0.7].mean() > 0.3
    assert abs((after - before)[n[:, 0] < -0.7].mean()) < 0.05


def test_the_unit_of_all_lamps_is_the_key_lamps() -> None:
    dark = HEAD.zero_code().replace(light=compose(LightParams(0, 0, 0.0, 1.0, level=(0.4, 0.4, 0.4))))
    where = {"azimuth": 30.0, "elevation": 10.0}
    out = Rig().update({"light.ambient": 0.0, "light.intensity": 0.0})
    none = apply(out, HEAD, dark)
    key = apply(out.update({"light.intensity": 0.5, **{f"light.{k}": v for k, v in where.items()}}), HEAD, dark)
    other = apply(out.update({"lamp.3.intensity": 0.5, **{f"lamp.3.{k}": v for k, v in where.items()}}), HEAD, dark)
    assert mean_shading(none.light) == pytest.approx(0, abs=1e-6)
    assert np.allclose(key.light, other.light, atol=1e-6)


def test_the_order_of_setting_is_none() -> None:
    values: dict[str, Any] = {"lamp.3.intensity": 0.7, "light.azimuth": 50.0, "lamp.2.intensity": 0.4, "light.shadow": 0.6,
                              "lamp.2.shadow": 1.0, "sh.4.g": 0.3, "lamp.3.color": (0.2, 0.4, 1.0)}
    forward, backward = Rig(), Rig()
    for name, value in values.items():
        forward = forward.set(name, value)
    for name, value in reversed(values.items()):
        backward = backward.set(name, value)
    assert forward == backward and apply(forward, HEAD, photo()) == apply(backward, HEAD, photo())


@pytest.mark.parametrize("name", ["light", "lamp.2"])
@pytest.mark.parametrize("what", ["shadow", "softness", "intensity"])
def test_nothing_jumps_as_a_slider_moves(name: str, what: str) -> None:
    base: dict[str, Any] = {"light.azimuth": 40.0, "lamp.2.intensity": 0.8, f"{name}.softness": 0.4, f"{name}.shadow": 0.5}
    low, high = (0.0, 1.0)
    steps = [*np.linspace(low, high, 101), 0.0001, 0.9999]
    shown = [total(apply(Rig().update({**base, f"{name}.{what}": float(v)}), HEAD, photo())) for v in steps]
    biggest = max(float(np.abs(a - b).max()) for a, b in zip(shown[:-3], shown[1:-2], strict=True))
    assert biggest < 0.03
    assert np.abs(shown[0] - shown[-2]).max() < 1e-3 and np.abs(shown[100] - shown[-1]).max() < 1e-3


def test_hardness_moves_light_out_of_the_harmonics_and_keeps_its_sum() -> None:
    soft, hard = lit(light__azimuth=50.0), lit(light__azimuth=50.0, light__softness=0.2, light__shadow=0.4)
    assert soft.lamps == () and len(hard.lamps) == 1
    lamp = hard.lamps[0]
    assert lamp.softness == 0.2 and lamp.shadow == pytest.approx(0.5)  # of the 0.8 that are hard, half throws a shadow
    assert np.allclose(hard.whole_light, soft.light, atol=1e-5)
    assert np.allclose(hard.vector(("light",)), soft.light.ravel(), atol=1e-5)  # what a network reads of it


def test_a_hard_lamp_has_an_edge_that_harmonics_have_not() -> None:
    direction = np.array([1.0, 0, 0])
    angle = np.deg2rad(np.arange(95, 180))
    turned_away = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1).astype(np.float32)
    bulb, box = (Lamp((1.0, 0.0, 0.0), (1.0, 1.0, 1.0), softness) for softness in (0.0, 1.0))
    assert np.array_equal(facing(bulb, turned_away), np.zeros(len(turned_away)))
    assert facing(box, turned_away)[0] > 0.05  # the disc still looks around the edge
    assert np.abs(shade(turned_away, whole_light(np.zeros((9, 3)), (bulb,)))).max() > 0.03
    toward = (np.array([[1.0, 0, 0], [0.5, 0, 0]]) * direction).astype(np.float32)
    assert facing(bulb, toward) == pytest.approx([1, 0.5]) and facing(box, toward) == pytest.approx([1, 0.5])


def test_the_disc_is_round_and_as_wide_as_it_says() -> None:
    for softness in (0.1, 0.5, 1.0):
        lamp = Lamp((0.3, 0.5, 0.8), (1.0, 1.0, 1.0), softness)
        vectors = disc(lamp, 256)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        apart = np.arccos(np.clip(vectors @ np.array(lamp.direction), -1, 1))
        assert apart.max() == pytest.approx(lamp.half_angle, rel=0.02)
        middle = vectors.mean(0) / np.linalg.norm(vectors.mean(0))
        assert np.allclose(middle, lamp.direction, atol=0.02)


# -- names and values -------------------------------------------------------------------------------------------------------


def test_every_lamp_has_the_same_names_and_explains_itself() -> None:
    table = parameters(HEAD)
    for number in LAMPS:
        rows = [table[f"lamp.{number}.{what}"] for what in ("azimuth", "elevation", "intensity", "color", "softness", "shadow")]
        assert {row.group for row in rows} == {"Lamps"} and all(len(row.help) > 20 for row in rows)
        key = [table[f"light.{row.name.rsplit('.', 1)[1]}"] for row in rows]
        assert [(row.low, row.high, row.unit) for row in rows] == [(row.low, row.high, row.unit) for row in key]
    assert table["light.softness"].default == 1 and table["light.shadow"].default == 0


def test_values_are_checked_and_read_from_text() -> None:
    assert check(HEAD, "lamp.3.color", parse_value("lamp.3.color", "#ff8000")) == (1.0, 128 / 255, 0.0)
    with pytest.raises(ParameterError, match="lamp.3.color takes three numbers"):
        check(HEAD, "lamp.3.color", 0.5)
    with pytest.raises(ParameterError, match="nearest valid value is 1"):
        check(HEAD, "lamp.2.shadow", 1.5)
    with pytest.raises(ParameterError, match="nearest is 'lamp.4"):
        check(HEAD, "lamp.5.intensity", 1)
    with pytest.raises(ParameterError, match="#rrggbb"):
        parse_value("lamp.2.color", "blue")


def test_shown_values_stand_where_they_were_set_and_the_key_lamp_does_not_move() -> None:
    before = photo_values(HEAD, photo())
    assert set(before) == set(parameters(HEAD)) and before["light.shadow"] == 0 and before["lamp.2.intensity"] == 0
    values = {"lamp.2.azimuth": 90.0, "lamp.2.intensity": 1.5}
    after = light_values(photo(), values)
    assert all(name.startswith(LIGHT_PREFIXES) for name in after)
    assert [after[f"light.{k}"] for k in ("azimuth", "elevation", "intensity")] == [
        before[f"light.{k}"] for k in ("azimuth", "elevation", "intensity")]
    lamps = lamps_of(after)
    assert [lamp.number for lamp in lamps] == [1, 2, 3, 4] and [lamp.on for lamp in lamps] == [True, True, False, False]
    assert (lamps[1].name, lamps[1].azimuth, lamps[1].intensity) == ("lamp.2", 90.0, 1.5)


def test_what_is_shown_for_coefficients_changes_nothing_when_it_is_set() -> None:
    values = {"light.azimuth": 30.0, "light.shadow": 0.7, "lamp.2.intensity": 0.6}
    shown = light_values(photo(), values)
    again = {**values, "sh.3.g": shown["sh.3.g"], "sh.0.r": shown["sh.0.r"]}
    assert np.allclose(apply_light(photo(), again).light, apply_light(photo(), values).light, atol=1e-6)


# -- codes ------------------------------------------------------------------------------------------------------------------


def test_a_code_with_lamps_is_written_read_and_told_apart() -> None:
    lamp = Lamp((0.0, 0.6, 0.8), (0.5, 0.4, 0.3), 0.25, 0.75)
    code = photo().replace(lamps=(lamp,))
    again = FaceCode.from_json(json.loads(json.dumps(code.to_json())))
    assert again == code and again.lamps == (lamp,) and hash(again) == hash(code)
    assert code != photo() and code != code.replace(lamps=(lamp, lamp))
    rig = Rig().copy(Copy("light", code, "p"))
    assert apply(rig, HEAD, photo()).lamps == (lamp,)


@pytest.mark.parametrize("lamps", [3, "x", [[1, 2]], [[[0, 0, 0], [1, 1, 1], 0, 0]], [[[0, 0, 1], [1, 1, 1], 2, 0]],
                                   [[[0, 0, 1], [1e30, 1, 1], 0, 0]], [[[0, 0, float("nan")], [1, 1, 1], 0, 0]],
                                   [[[0, 0, 1], [1, 1, 1], 0, 0]] * 100, {"a": 1}, [None]])
def test_odd_lamps_of_a_file_are_refused(lamps: Any) -> None:
    with pytest.raises(ValueError):
        FaceCode.from_json({**photo().to_json(), "lamps": lamps})


def test_lamps_mix_in_a_straight_line() -> None:
    one, other = (Lamp(d, (1.0, 1.0, 1.0), 0.2, 1.0) for d in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    assert between((one,), (one,), 0.3) == (one,) and between((), (one,), 1.0) == (one,) and between((one,), (), 1.0) == ()
    mixed = between((one,), (other,), 0.25)
    assert [lamp.light[0] for lamp in mixed] == [0.75, 0.25]


def test_the_photos_own_light_stays_unless_it_is_turned_down() -> None:
    code = photo()
    light = np.array(code.light)
    light[6] += 0.4  # nothing that a lamp and ambient light explain
    code = code.replace(light=light)
    moved = {"light.azimuth": 70.0, "light.elevation": 10.0, "light.intensity": 1.2, "light.ambient": 0.3}
    wanted: tuple[dict[str, float], ...] = ({}, {"light.rest": 1.0}, {"light.rest": 0.0})
    kept, asked, none = (apply(Rig().update({**moved, **more}), HEAD, code) for more in wanted)
    assert kept == asked, "1 is as it was"
    assert abs(float(none.light[6].mean())) < abs(float(kept.light[6].mean()))
    assert apply(Rig().update({"light.rest": 1.0}), HEAD, code).light.tobytes() == code.light.tobytes()
