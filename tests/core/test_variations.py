"""Axes, plans and the command `variations`."""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import cli
from core.errors import ParameterError
from core.parameter import RGB, Parameter
from core.request import RenderRequest
from core.variations import (
    Axis,
    axis_in,
    check_axis,
    in_rows,
    plan,
    problem,
    said_of,
    sheet_of,
    spread,
    value_words,
    vary,
)

TABLE = {row.name: row for row in (
    Parameter("light.azimuth", "Azimuth", "Light", -180, 180, None, "°"),
    Parameter("expression.smile", "Smile", "Expression", -1, 1, 0.0),
    Parameter("light.color", "Colour", "Light", 0, 1, None, RGB))}


def test_spread_is_even_and_whole_numbers_are_said_once() -> None:
    assert spread("light.azimuth", -60, 60, 5).values == (-60, -30, 0, 30, 60)
    assert spread("seed", 0, 2, 5).values == (0, 1, 2)
    warm = spread("light.color", (1, 0.8, 0.6), (0, 0.4, 1.0), 3).values
    assert np.allclose(warm[1], (0.5, 0.6, 0.8))
    for count in (1, 26):
        with pytest.raises(ParameterError, match="2 to 25"):
            spread("light.azimuth", 0, 1, count)
    with pytest.raises(ParameterError, match="two colours"):
        spread("light.color", (1, 1, 1), 0.5, 3)


def test_a_plan_goes_across_and_down() -> None:
    base = RenderRequest("p", noise="seeded")
    rows = plan(base, Axis("seed", (1.0, 2.0)), Axis("expression.smile", (0.0, 0.5, 1.0)))
    assert [[(one.seed, one.rig.get("expression.smile")) for one in row] for row in rows] == \
        [[(1, 0.0), (2, 0.0)], [(1, 0.5), (2, 0.5)], [(1, 1.0), (2, 1.0)]]
    assert all(type(one.seed) is int for row in rows for one in row), "or equal requests would not be equal"
    assert vary(base, "strength", 0.5).strength == 0.5
    assert plan(base, Axis("seed", (1.0, 2.0)))[0][1] == vary(base, "seed", 2)


@pytest.mark.parametrize(("count", "wide"), [(2, 2), (5, 5), (6, 3), (7, 4), (8, 4), (9, 5), (25, 5)])
def test_rows_are_about_as_long_as_each_other(count: int, wide: int) -> None:
    assert in_rows(count) == wide


def test_what_changes_nothing_is_said() -> None:
    assert "seed changes nothing" in problem(RenderRequest("p"), "seed")
    assert not problem(RenderRequest("p", noise="seeded"), "seed") and not problem(RenderRequest("p", method="paper"), "seed")
    assert "no part" in problem(RenderRequest("p", method="paper"), "strength")
    assert "no part" in problem(RenderRequest("p", hold_background=False), "reach")
    assert not problem(RenderRequest("p"), "light.azimuth")


def test_names_and_values_are_checked() -> None:
    assert check_axis(Axis("seed", (0.0, 1.0)), TABLE).name == "seed"
    with pytest.raises(ParameterError, match="nearest is 'expression.smile'"):
        check_axis(Axis("expression.smil", (0.0, 1.0)), TABLE)
    with pytest.raises(ParameterError, match="from -1 to 1"):
        check_axis(Axis("expression.smile", (0.0, 1.5)), TABLE)
    with pytest.raises(ParameterError, match="takes colours"):
        check_axis(Axis("light.color", (0.0, 1.0)), TABLE)
    with pytest.raises(ParameterError, match="takes numbers"):
        check_axis(Axis("expression.smile", ((0, 0, 0), (1, 1, 1))), TABLE)


def test_values_in_words() -> None:
    values = ((-0.001, ""), (0.5, ""), (40.0, "°"), (-12.25, "°"), (100.0, ""), ((1.0, 0.5, 0.0), RGB))
    assert [value_words(value, unit) for value, unit in values] == ["0", "0.5", "40°", "-12.2°", "100", "#ff8000"]


@pytest.mark.parametrize(("text", "values"), [
    ("light.azimuth=-60:60:3", (-60, 0, 60)), ("seed=1,2,7", (1, 2, 7)), ("expression.smile=0, 0.5", (0, 0.5))])
def test_axes_are_read(text: str, values: tuple[float, ...]) -> None:
    assert axis_in(text) == Axis(text.split("=")[0], values)


def test_colours_are_read() -> None:
    assert axis_in("light.color=#ff0000:#0000ff:3").values[1] == (0.5, 0, 0.5)


@pytest.mark.parametrize("text", ["light.azimuth", "=1:2:3", "seed=", "seed=1:2", "seed=a:b:c", "seed=1:2:3:4", "seed=5",
                                  "seed=0:9:99", "seed=0:9:2.5", "light.color=#ff0000:1:3", "seed=1e999:0:x"])
def test_odd_axes_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write NAME=FROM:TO:COUNT"):
        axis_in(text)


def test_the_sheet_names_every_picture() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    columns, captions, cells = sheet_of([Axis("seed", tuple(range(7)))], [[picture] * 7], TABLE)
    assert columns == [""] * 4 and captions == [["Seed 0", "Seed 1", "Seed 2", "Seed 3"], ["Seed 4", "Seed 5", "Seed 6"]]
    assert [len(row) for row in cells] == [4, 4] and cells[1][3] is None
    axes = [Axis("light.azimuth", (-60.0, 60.0)), Axis("expression.smile", (0.0, 1.0))]
    columns, captions, cells = sheet_of(axes, [[picture] * 2] * 2, TABLE)
    assert columns == ["Azimuth -60°", "Azimuth 60°"] and captions == [["Smile 0"], ["Smile 1"]]
    said = said_of(RenderRequest("p"), axes)
    assert said["axes"][0] == {"name": "light.azimuth", "values": [-60.0, 60.0]}


def refuse(*_: object) -> int:
    raise AssertionError("no window")


def run(*words: str) -> int:
    return cli.run(["variations", *words], refuse, lambda: None)


def test_the_command_refuses_before_it_works(capsys: pytest.CaptureFixture[str], tmp_path: Path, sample_photo: Path) -> None:
    out = str(tmp_path / "grid.png")
    for words, said in (([str(sample_photo), "--over", "seed=0:5:6", "--out", out], "Add --noise seeded"),
                        ([str(sample_photo), "--over", "seed=1", "--out", out], "is no axis"),
                        ([str(sample_photo), "--over", "jaw.open=0:1:3", "--and", "jaw.open=0,1", "--out", out], "varied twice"),
                        ([str(sample_photo), "--over", "jaw.open=0:1:3", "--out", out, "--side", "5"], "--side goes"),
                        ([str(tmp_path / "none.jpg"), "--over", "jaw.open=0:1:3", "--out", out], "none.jpg")):
        assert run(*words) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "grid.png").exists()


def test_the_command_makes_what_edit_makes(tmp_path: Path, sample_photo: Path, own_home: Path) -> None:
    """A cell at the photo's own size is the picture that `edit` writes for the same request."""
    assert run(str(sample_photo), "--over", "light.azimuth=-50,50", "--set", "expression.smile=0.5", "--steps", "2",
               "--out", str(tmp_path / "grid.png"), "--cells", str(tmp_path / "cells"), "--side", "64") == 0
    cells = sorted((tmp_path / "cells").iterdir())
    assert [cell.name for cell in cells] == ["astronaut__light.azimuth=-50.png", "astronaut__light.azimuth=50.png"]
    assert cli.run(["edit", str(sample_photo), "--set", "light.azimuth=50", "expression.smile=0.5", "--steps", "2",
                    "--size", "crop", "--out", str(tmp_path / "edit.png")], refuse, lambda: None) == 0
    with Image.open(cells[1]) as cell, Image.open(tmp_path / "edit.png") as edit:
        assert np.array_equal(np.asarray(cell), np.asarray(edit))
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.width == 2 * 20 + 2 * 64 + 8
