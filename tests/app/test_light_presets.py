"""Set-ups: those that ship, the user's own, their pictures."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox

from app.light_pictures import studio_code
from core import presets
from core.head import load_head
from core.light_rig import PARAMETERS, lamps_of
from core.presets import Preset
from core.render.buffers import render_buffers
from core.rig import Rig, apply
from tests.app.studio import Studio, flush, until

KEY = {f"light.{field}" for field in ("azimuth", "elevation", "intensity", "ambient", "color", "softness", "shadow")}
NAMES = {"Rembrandt", "Loop", "Butterfly", "Clamshell", "Split", "Rim", "Window", "Overcast", "Golden hour", "Neon", "From below"}


@pytest.fixture
def grid(studio: Studio) -> Any:
    return studio.window.side.light.presets


def preset(grid: Any, name: str) -> Preset:
    return next(p for p in grid.presets if p.name == name)


def answer(grid: Any, text: str) -> None:
    box = next(b for b in grid.findChildren(QInputDialog) if b.isVisible())
    box.setTextValue(text)
    box.accept()
    flush()


def press(grid: Any, text: str) -> None:
    box = next(b for b in grid.findChildren(QMessageBox) if b.isVisible())
    next(b for b in box.buttons() if b.text() == text).click()
    flush()


# -- what ships


def test_what_ships_says_all_of_the_key_light_and_is_in_range() -> None:
    shipped = presets.builtin("light")
    assert {p.name for p in shipped} >= NAMES
    rows = {row.name: row for row in PARAMETERS}
    for one in shipped:
        assert set(one.values) >= KEY, f"{one.name} would look another way on another photo"
        assert not one.problem(load_head("open"))
        for name, value in one.values.items():
            row = rows[name]
            for v in value if isinstance(value, tuple) else (value,):
                assert row.low <= v <= row.high, (one.name, name)


def test_each_name_means_what_photographers_mean() -> None:
    shipped = {p.name: lamps_of({**{r.name: r.default if r.default is not None else 0.0 for r in PARAMETERS}, **p.values})
               for p in presets.builtin("light")}
    key = {name: lamps[0] for name, lamps in shipped.items()}
    assert 35 <= abs(key["Rembrandt"].azimuth) <= 60 and 30 <= key["Rembrandt"].elevation <= 55 and key["Rembrandt"].shadow > 0.6
    assert 20 <= abs(key["Loop"].azimuth) <= 45 and key["Loop"].shadow > 0.4
    assert abs(key["Butterfly"].azimuth) < 5 and key["Butterfly"].elevation > 40 and key["Butterfly"].shadow > 0.5
    assert abs(key["Split"].azimuth) >= 65 and key["Split"].shadow > 0.7
    assert all(abs(lamp.azimuth) > 110 for lamp in shipped["Rim"] if lamp.on)
    assert key["Overcast"].softness > 0.8
    red, green, blue = key["Golden hour"].color
    assert red > green > blue and key["Golden hour"].elevation < 25
    assert key["From below"].elevation < -40 and shipped["Clamshell"][1].elevation < -20
    neon = [lamp.color for lamp in shipped["Neon"] if lamp.on]
    assert neon[0][0] > neon[0][1] and neon[1][2] > neon[1][0]


def test_what_they_do_to_a_head() -> None:
    head = load_head("open")
    code = head.zero_code().replace(light=studio_code().light)

    def lit(name: str) -> tuple[float, float, float]:
        """Mean brightness of the face's left, right and middle third."""
        values = next(p for p in presets.builtin("light") if p.name == name).values
        buffers = render_buffers(head, apply(Rig().update(dict(values)), head, code), 96)
        shading = (buffers.rendered.mean(2) / np.maximum(buffers.albedo.mean(2), 0.05))[30:70]
        columns = np.flatnonzero(buffers.coverage[50] > 0.5)
        thirds = [np.median(shading[:, part][shading[:, part] != 0]) for part in np.array_split(columns, 3)]
        return thirds[0], thirds[2], thirds[1]

    left, right, _ = lit("Split")
    assert left < 0.25 * right, "half the face is dark"
    left, right, middle = lit("Butterfly")
    assert left == pytest.approx(right, rel=0.1) and middle > left, "from the front, the cheeks' sides fall off"
    left, right, middle = lit("Rim")
    assert middle < 0.5 * left and middle < 0.5 * right, "bright edges around a dark face"
    left, right, _ = lit("Rembrandt")
    assert 0.1 * right < left < 0.6 * right
    left, right, middle = lit("Overcast")
    assert max(left, right, middle) < 1.25 * min(left, right, middle), "even"


# -- using them


def test_a_tile_lights_the_face_as_one_step_and_is_marked(studio: Studio, grid: Any) -> None:
    document = studio.document
    document.update({"lamp.4.intensity": 1.0, "pose.yaw": 5.0, "sh.0.r": 1.0})
    before = document.rig
    grid.tiles["Rembrandt"].click()
    assert document.rig.values == tuple(sorted({"pose.yaw": 5.0, **preset(grid, "Rembrandt").values}.items()))
    assert grid.current == "Rembrandt" and document.undo_stack.undoText() == "Rembrandt"
    grid.tiles["Rembrandt"].click()
    assert grid.current == "Rembrandt", "pressed again it stays"
    document.set("light.azimuth", 10.0)
    assert grid.current == "", "the light is another now"
    studio.window.undo()
    assert grid.current == "Rembrandt"
    studio.window.undo()
    assert document.rig == before and grid.current == ""


def test_a_set_up_puts_an_environment_away(studio: Studio, grid: Any) -> None:
    from tests.app.test_light_panel import environment

    studio.window.lighting.use_environment(environment())
    grid.tiles["Split"].click()
    assert studio.document.rig.environment is None
    studio.window.undo()
    assert studio.document.rig.environment is not None


def test_the_menu_has_them_too(studio: Studio, grid: Any) -> None:
    menu = studio.window.lighting.setups
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts[0] == "Rembrandt" and texts[-1] == "Save this light …"
    menu.actions()[texts.index("Butterfly")].trigger()
    assert grid.current == "Butterfly"


def test_arrows_go_from_tile_to_tile_and_tab_passes_by(studio: Studio, grid: Any) -> None:
    studio.window.activateWindow()
    first, below = grid.tiles["Rembrandt"], list(grid.tiles.values())[grid._columns]
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Right)
    assert grid.tiles["Loop"].focusPolicy() == Qt.FocusPolicy.StrongFocus
    QTest.keyClick(grid.tiles["Loop"], Qt.Key.Key_Left)
    QTest.keyClick(first, Qt.Key.Key_Down)
    assert [t.text() for t in grid._all if t.focusPolicy() == Qt.FocusPolicy.StrongFocus] == [below.text()]
    QTest.keyClick(below, Qt.Key.Key_Return)
    assert grid.current == below.text()


# -- the user's own


def test_save_rename_delete(studio: Studio, grid: Any) -> None:
    document = studio.document
    document.update({"light.azimuth": -33.0, "lamp.3.azimuth": 120.0, "lamp.3.intensity": 0.9})
    studio.window.lighting.save()
    answer(grid, "My loft")
    kept = preset(grid, "My loft")
    assert set(kept.values) >= KEY | {"lamp.3.azimuth", "lamp.3.color"} and "lamp.2.azimuth" not in kept.values
    assert kept.values["light.intensity"] == document.values()["light.intensity"], "what the photo brought, too"
    document.reset_all()
    grid.tiles["My loft"].click()
    assert document.rig.get("lamp.3.intensity") == 0.9
    grid.ask_rename(kept)
    answer(grid, "My attic")
    assert "My attic" in grid.tiles and "My loft" not in grid.tiles
    grid.ask_delete(preset(grid, "My attic"))
    press(grid, "Cancel")
    assert "My attic" in grid.tiles
    grid.ask_delete(preset(grid, "My attic"))
    press(grid, "Delete")
    assert "My attic" not in grid.tiles and not [p for p in presets.presets("light") if not p.builtin]


def test_a_name_that_is_taken_is_replaced_only_if_one_says_so(studio: Studio, grid: Any) -> None:
    for azimuth, press_this, want in ((10.0, "", 10.0), (20.0, "Cancel", 10.0), (30.0, "Replace", 30.0)):
        studio.document.set("light.azimuth", azimuth)
        studio.window.lighting.save()
        answer(grid, "Mine")
        if press_this:
            press(grid, press_this)
        assert preset(grid, "Mine").values["light.azimuth"] == want
    studio.window.lighting.save()
    answer(grid, "rembrandt")
    assert "comes with the program" in studio.window.banner.text


def test_export_and_import(studio: Studio, grid: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "split.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    grid.ask_export(preset(grid, "Split"))
    plain = json.loads(file.read_text())
    plain["name"] = "Split, softer"
    plain["values"]["light.softness"] = 0.9
    file.write_text(json.dumps(plain))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    grid.ask_import()
    assert preset(grid, "Split, softer").values["light.softness"] == 0.9
    file.write_text("{")
    grid.ask_import()
    assert "is no preset" in studio.window.banner.text


def test_menus_of_what_ships_and_of_ones_own(studio: Studio, grid: Any) -> None:
    def enabled(name: str) -> dict[str, bool]:
        return {a.text(): a.isEnabled() for a in grid.menu_of(preset(grid, name)).actions() if a.text()}

    presets.save("light", "Mine", {"light.azimuth": 3.0})
    grid.show_presets()
    assert not enabled("Split")["Rename …"] and enabled("Mine")["Rename …"] and enabled("Mine")["Delete …"]
    assert {a.text() for a in grid.menu_of(None).actions()} == {"Save this light …", "Import from a file …"}


# -- pictures


def test_pictures_are_drawn_when_idle_and_never_in_a_drag(studio: Studio, grid: Any) -> None:
    thumbs, document = studio.window.lighting.thumbs, studio.document
    until(lambda: all(tile.has_picture for tile in grid.tiles.values()), "all are drawn")
    assert len(studio.engine.thumb_calls) > len(NAMES), "one each, and the photo's own"
    made = len(thumbs._made)
    studio.engine.thumb_calls.clear()
    document.set("pose.yaw", 9.0)
    thumbs.timer.stop()
    thumbs._next()
    assert not studio.engine.thumb_calls and len(thumbs._made) == made, "of the photo as it is"
    presets.save("light", "Mine", {"light.azimuth": 3.0})
    document.begin("drag")
    grid.show_presets()
    thumbs._next()
    assert not grid.tiles["Mine"].has_picture and thumbs.timer.isActive(), "a drag is under way"
    document.end()
    thumbs._next()
    assert grid.tiles["Mine"].has_picture


def test_another_photo_gets_its_own_pictures(studio: Studio, grid: Any) -> None:
    until(lambda: all(tile.has_picture for tile in grid.tiles.values()), "all are drawn")
    thumbs: Any = studio.window.lighting.thumbs
    studio.open("another.png")
    until(lambda: all(state[1] and state[1][0] == "another.png#0" for state in thumbs._shown.values()), "drawn anew")


def test_without_a_photo_they_are_balls(app: Any) -> None:
    from tests.app.fakes import FakeEngine

    studio = Studio(FakeEngine(gated=False))
    grid = studio.window.side.light.presets
    until(lambda: all(tile.has_picture for tile in grid.tiles.values()), "all are drawn")
    assert not grid.isEnabled() and not studio.engine.thumb_calls
    studio.window.lighting.use(grid.presets[0])
    assert studio.document.rig == Rig()
    studio.close()
