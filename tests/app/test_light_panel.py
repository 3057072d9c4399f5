"""The Light panel: lamps as a list, their rows and colours, quick directions, the environment, drops."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QColorDialog, QFileDialog, QToolButton

from app import lighting
from app.light_pictures import map_picture
from app.panels.light_color import NEUTRAL, SOURCES, color_kelvin, from_color, kelvin_color
from core.environment import Environment
from core.errors import UserError
from core.light import LightParams, compose
from tests.app.studio import Studio, drag, flush, until


def environment(label: str = "Beach", azimuth: float = 90.0) -> Environment:
    light = compose(LightParams(azimuth=azimuth, elevation=20, intensity=1, ambient=0.4)).tolist()
    return Environment(tuple(tuple(row) for row in light), label, f"digest of {label}")


@pytest.fixture
def panel(studio: Studio) -> Any:
    return studio.window.side.light


def shown_rows(panel: Any) -> set[str]:
    return {name for name, row in panel.sliders.items() if row.isVisibleTo(panel)}


# -- lamps


def test_lamps_are_added_chosen_and_taken_down(studio: Studio, panel: Any) -> None:
    lines, document = panel.list.lines, studio.document
    assert [n for n, line in lines.items() if line.isVisible()] == [1] and "light.azimuth" in shown_rows(panel)
    panel.list.add.click()
    assert [n for n, line in lines.items() if line.isVisible()] == [1, 2] and lines[2].isChecked()
    assert "lamp.2.azimuth" in shown_rows(panel) and "light.azimuth" not in shown_rows(panel)
    assert "light.ambient" in shown_rows(panel), "the light from everywhere is no lamp's"
    key, lamp = (panel.lamps.get(n).azimuth for n in (1, 2))
    assert key * lamp < 0, "the second fills the other side"
    assert lines[2].accessibleName().startswith("Lamp 2: azimuth")
    lines[1].click()
    assert lines[1].isChecked() and "light.azimuth" in shown_rows(panel)
    for _ in range(2):
        panel.list.add.click()
    assert not panel.list.add.isEnabled() and panel.lamps.selected == 4
    panel.list.removes[4].click()
    assert panel.lamps.selected == 1 and panel.list.add.isEnabled() and not lines[4].isVisible()
    count = document.undo_stack.count()
    QTest.keyClick(lines[3], Qt.Key.Key_Delete)
    assert not panel.lamps.is_up(3) and document.undo_stack.count() == count + 1
    studio.window.undo()
    assert panel.lamps.is_up(3) and document.rig.get("lamp.3.intensity") == 0.6
    assert "Remove lamp 3" in document.undo_stack.redoText()


def test_arrows_go_through_the_list(studio: Studio, panel: Any) -> None:
    panel.list.add.click()
    QTest.keyClick(panel.list.lines[2], Qt.Key.Key_Up)
    assert panel.lamps.selected == 1
    QTest.keyClick(panel.list.lines[1], Qt.Key.Key_Down)
    assert panel.lamps.selected == 2


def test_a_row_of_a_lamp_is_one_undo_step_with_its_name(studio: Studio, panel: Any) -> None:
    panel.list.add.click()
    row, document = studio.slider("lamp.2.softness"), studio.document
    slider = row.slider
    y = slider.height() // 2
    drag(slider, QPoint(slider.width() - 8, y), QPoint(60, y), QPoint(40, y))
    assert 0 < document.rig.get("lamp.2.softness") < 0.5 and document.undo_stack.undoText() == "Lamp 2 softness"
    assert row.reset.isVisible()
    row.reset.click()
    assert document.rig.get("lamp.2.softness") is None and panel.lamps.is_up(2)


def test_quick_directions_move_the_lamp_in_hand(studio: Studio, panel: Any) -> None:
    left = next(b for b in panel.findChildren(QToolButton, "quick") if b.text() == "Left")
    left.click()
    panel.list.add.click()
    left.click()
    assert studio.document.rig.get("light.azimuth") == studio.document.rig.get("lamp.2.azimuth") == -60.0


def test_the_key_light_stays_where_it_is_when_lamps_come_in(studio: Studio, panel: Any) -> None:
    before = {name: value for name, value in studio.document.values().items() if name.startswith("light.")}
    panel.list.add.click()
    after = studio.document.values()
    assert {name: after[name] for name in before} == before


def test_cast_shadow_comes_back_as_strong_as_it_was(studio: Studio, panel: Any) -> None:
    action, document = studio.window.actions_by_name["cast-shadow"], studio.document
    assert not action.isChecked()
    action.trigger()
    assert document.rig.get("light.shadow") == 0.8 and document.undo_stack.undoText() == "Cast shadow"
    document.set("light.shadow", 0.5)
    action.trigger()
    assert document.rig.get("light.shadow") == 0.0
    action.trigger()
    assert document.rig.get("light.shadow") == 0.5
    studio.window.undo()
    assert not action.isChecked(), "it follows the edit"


def test_reset_takes_back_all_of_the_light(studio: Studio, panel: Any) -> None:
    window, document = studio.window, studio.document
    window.lighting.use_environment(environment())
    panel.list.add.click()
    document.update({"light.shadow": 0.5, "pose.yaw": 5.0})
    assert panel.reset.isVisible()
    panel.reset.click()
    assert dict(document.rig.values) == {"pose.yaw": 5.0} and document.rig.environment is None
    assert not panel.reset.isVisible() and document.undo_stack.undoText() == "Reset light"
    window.undo()
    assert document.rig.environment is not None and panel.lamps.is_up(2)


# -- colour


def test_temperatures_are_warm_below_daylight_and_cool_above() -> None:
    assert kelvin_color(NEUTRAL) == (1.0, 1.0, 1.0)
    blues = [kelvin_color(kelvin)[2] / kelvin_color(kelvin)[0] for _, kelvin in SOURCES]
    assert blues == sorted(blues) and blues[0] < 0.1 and blues[-1] > 1.3
    for _, kelvin in SOURCES:
        assert color_kelvin(kelvin_color(kelvin)) == pytest.approx(kelvin, rel=0.02)
    assert color_kelvin((1.0, 0.1, 0.9)) is None, "no glowing body is pink"
    assert from_color(QColor("#804020")) == pytest.approx((1.0, 0.5, 0.25), abs=1e-3)


def test_temperature_by_slider_number_and_source(studio: Studio, panel: Any) -> None:
    row, document = panel.colors[1], studio.document
    row.number.setValue(3210)
    assert document.rig.get("light.color") == kelvin_color(3210) and row.number.value() == 3210, "as it was typed"
    assert -1e6 / row.slider.real == pytest.approx(3210, rel=0.02)
    candle = next(action for action in row.menu.actions() if action.text().startswith("Candle"))
    candle.trigger()
    assert document.rig.get("light.color") == kelvin_color(1900) and row.number.value() == 1900
    count, y = document.undo_stack.count(), row.slider.height() // 2
    drag(row.slider, QPoint(10, y), QPoint(60, y), QPoint(80, y))
    assert document.undo_stack.count() == count + 1 and 2000 < row.number.value() < 6000
    document.set("light.color", (1.0, 0.1, 0.9))
    assert row.number.text() == "—", "a colour without a temperature"
    assert "#FF1AE6" in row.swatch.toolTip() and "#FF1AE6" in row.swatch.accessibleName()
    row.reset.click()
    assert document.rig.get("light.color") is None


def test_the_colour_dialog_is_one_step_and_cancel_takes_it_back(studio: Studio, panel: Any) -> None:
    document = studio.document
    panel.list.add.click()
    count = document.undo_stack.count()
    panel.colors[2].any.trigger()
    dialog = panel.findChild(QColorDialog)
    dialog.setCurrentColor(QColor("#ff0000"))
    assert document.rig.get("lamp.2.color") == (1.0, 0.0, 0.0), "shown while it is chosen"
    dialog.reject()
    assert document.rig.get("lamp.2.color") is None and document.undo_stack.count() == count
    panel.pick_color(2)
    dialog = [d for d in panel.findChildren(QColorDialog) if d.isVisible()][-1]
    dialog.setCurrentColor(QColor("#00ff00"))
    dialog.accept()
    assert document.rig.get("lamp.2.color") == (0.0, 1.0, 0.0) and document.undo_stack.count() == count + 1
    flush()


# -- environments


@pytest.fixture
def maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read without being there: by their name."""
    def read(path: Path) -> tuple[Environment, np.ndarray]:
        if path.stem == "broken":
            raise UserError("broken.hdr can't be read: it ends too early. Save it again.")
        panorama = np.full((32, 64, 3), 0.05, np.float32)
        panorama[:, 48:] = (4.0, 2.0, 1.0)  # to the right of one who stands in it: the picture's left
        return environment(path.stem), panorama

    monkeypatch.setattr(lighting, "_read", read)


def test_an_environment_is_taken_in_turned_and_removed(studio: Studio, panel: Any, maps: None) -> None:
    window, document, box = studio.window, studio.document, panel.environment
    document.update({"light.azimuth": -70.0, "light.shadow": 0.5})
    panel.list.add.click()
    own = document.rig
    assert not box.strip.isVisibleTo(panel) and not shown_rows(panel) & {"environment.turn"}
    window.lighting.import_environment(Path("beach.hdr"))
    until(lambda: document.rig.environment is not None, "it is read")
    assert document.rig.environment.label == "beach" and not document.rig.values, "the map alone lights the face"
    assert box.strip.isVisibleTo(panel) and box.name.text() == "beach" and "environment.turn" in shown_rows(panel)
    azimuth = document.values()["light.azimuth"]
    assert azimuth == pytest.approx(90, abs=3), "its brightest side is the key light"
    count, y = document.undo_stack.count(), box.strip.height() // 2
    start = QPoint(40, y)
    drag(box.strip, start, start + QPoint(box.strip.width() // 8, 0), start + QPoint(box.strip.width() // 4, 0))
    assert document.rig.get("environment.turn") == pytest.approx(90, abs=2) and document.undo_stack.count() == count + 1
    QTest.keyClick(box.strip, Qt.Key.Key_Left)
    assert document.rig.get("environment.turn") == pytest.approx(85, abs=2)
    QTest.mouseDClick(box.strip, Qt.MouseButton.LeftButton, pos=start)
    assert document.rig.get("environment.turn") is None
    document.set("environment.intensity", 0.5)
    panel.list.add.click()
    box.remove.click()
    assert document.rig.environment is None and document.rig.get("environment.intensity") is None
    assert panel.lamps.is_up(2) and not box.strip.isVisibleTo(panel), "lamps stay"
    while document.undo_stack.index() > 2:
        window.undo()
    assert document.rig == own, "all of it is undone"


def test_the_strip_shows_the_pictures_left_on_the_left() -> None:
    panorama = np.full((8, 16, 3), 0.02, np.float32)
    panorama[:, 12:] = 5.0
    image = map_picture(panorama)
    assert image.pixelColor(1, 4).lightness() > 200 > 120 > image.pixelColor(14, 4).lightness()


def test_a_map_whose_file_is_elsewhere_is_drawn_from_what_is_known(studio: Studio, panel: Any) -> None:
    studio.document.set_environment(environment("old"), {}, "Open")
    assert panel.environment.strip._image is not None and panel.environment.strip._image.width() > 32
    assert not panel.grab().isNull()


def test_a_map_that_cannot_be_read_is_told(studio: Studio, panel: Any, maps: None) -> None:
    studio.window.lighting.import_environment(Path("broken.hdr"))
    until(lambda: studio.window.banner.isVisible(), "it is told")
    assert "ends too early" in studio.window.banner.text and studio.document.rig.environment is None
    assert studio.canvas.busy_text == ""


def test_a_light_copied_from_a_photo_and_an_environment_take_each_others_place(studio: Studio, panel: Any) -> None:
    document = studio.document
    studio.window.copy_from(Path("other.png"), "light")
    until(lambda: document.rig.copied("light") is not None, "it is copied")
    studio.window.lighting.use_environment(environment())
    assert document.rig.copied("light") is None
    studio.window.copy_from(Path("other.png"), "light")
    until(lambda: document.rig.copied("light") is not None, "it is copied again")
    assert document.rig.environment is None


def test_buttons_ask_for_files(studio: Studio, panel: Any, maps: None, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["/photos/dunes.exr", "/photos/other.png", ""])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (next(answers), ""))
    panel.environment.load.click()
    until(lambda: studio.document.rig.environment is not None, "it is read")
    panel.environment.photo.click()
    until(lambda: studio.document.rig.copied("light") is not None, "it is copied")
    rig = studio.document.rig
    studio.window.actions_by_name["environment"].trigger()
    assert studio.document.rig == rig, "none was chosen"


def test_maps_and_set_ups_are_dropped_on_the_panel(studio: Studio, panel: Any, maps: None, tmp_path: Path) -> None:
    def drop(name: str) -> bool:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(name)])
        event = QDropEvent(QPointF(20, 20), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                           Qt.KeyboardModifier.NoModifier)
        panel.dropEvent(event)
        return event.isAccepted()

    assert drop("/maps/forest.jpg"), "on the panel a picture is a panorama"
    until(lambda: studio.document.rig.environment is not None, "it is read")
    file = tmp_path / "mine.json"
    file.write_text('{"kind": "light", "name": "Mine", "values": {"light.azimuth": 12}}')
    assert drop(str(file))
    assert "Mine" in panel.presets.tiles


# -- the panel itself


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_the_narrowest_side_in_both_schemes(studio: Studio, panel: Any, scheme: str) -> None:
    window = studio.window
    window.theme.set(scheme)
    window.side.setFixedWidth(358)
    studio.window.lighting.use_environment(environment())
    for _ in range(3):
        panel.list.add.click()
    flush()
    assert panel.minimumSizeHint().width() <= window.side.viewport().width(), "a row is cut"
    assert not window.side.grab().isNull()


def test_controls_have_names_and_tips(studio: Studio, panel: Any) -> None:
    from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox

    studio.window.lighting.use_environment(environment())
    panel.list.add.click()
    found = [w for kind in (QAbstractButton, QAbstractSlider, QAbstractSpinBox) for w in panel.findChildren(kind)
             if w.isVisibleTo(panel) and not w.objectName().startswith("qt_")]
    assert not [w for w in found if not (w.accessibleName() or getattr(w, "text", str)())]
    assert not [w for w in found if not w.toolTip() and w.objectName() not in ("minorHead", "sectionHead")]
