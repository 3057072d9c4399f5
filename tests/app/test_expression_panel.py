"""The Expression and Eyes panels: sides that are chained, presets, neutral, copies, gaze, and what a photo has room for."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog

from app.panels.pairs import PairRow
from app.settings import Settings
from core import presets
from core.rig import Copy
from tests.app.fakes import UNITS, FakeEngine
from tests.app.studio import Studio, drag, flush, until


def pair_of(studio: Studio, name: str) -> PairRow:
    """The pair of rows of a left parameter."""
    panels = (studio.window.side.expression, studio.window.side.eyes)
    return next(pair for panel in panels for pair in panel.pairs if pair.names[0] == name)


def units(studio: Studio) -> dict[str, float]:
    return dict(zip(UNITS, studio.document.code().expression.tolist(), strict=True))


# -- left and right


def test_a_chained_row_moves_both_sides(studio: Studio) -> None:
    pair = pair_of(studio, "expression.smile_left")
    assert pair.both.isVisible() and not pair.left.isVisible() and not pair.right.isVisible()
    pair.both.moved.emit("expression.smile", 0.6)
    assert dict(studio.document.rig.values) == {"expression.smile": 0.6}
    assert units(studio)["mouthSmileLeft"] == units(studio)["mouthSmileRight"] == pytest.approx(0.6)


def test_unchained_rows_move_one_side_each(studio: Studio) -> None:
    document, pair = studio.document, pair_of(studio, "expression.smile_left")
    document.set("expression.smile", 0.6)
    code = document.code()
    QTest.mouseClick(pair.chain, Qt.MouseButton.LeftButton)
    assert not pair.both.isVisible() and pair.left.isVisible() and pair.right.isVisible()
    assert document.code() == code and document.undo_stack.count() == 1, "taking the chain off changes nothing"
    assert pair.left.number.value() == pair.right.number.value() == pytest.approx(0.6)
    pair.left.moved.emit("expression.smile_left", 0.2)
    assert units(studio)["mouthSmileLeft"] == pytest.approx(0.2) and units(studio)["mouthSmileRight"] == pytest.approx(0.6)
    pair.left.moved.emit("expression.smile_left", 0.6)
    assert dict(document.rig.values) == {"expression.smile": 0.6}, "sides that are alike are told as the whole"
    pair.right.reset_asked.emit("expression.smile_right")
    assert dict(document.rig.values) == {"expression.smile_left": 0.6}


def test_a_drag_of_one_side_is_one_step(studio: Studio) -> None:
    document, pair = studio.document, pair_of(studio, "expression.smile_left")
    pair.chain.click()
    slider = pair.left.slider
    at = QPoint(slider.width() // 2, slider.height() // 2)
    drag(slider, at, at + QPoint(10, 0), at + QPoint(25, 0))
    assert document.undo_stack.count() == 1 and document.undo_stack.undoText() == "Smile left"
    assert document.rig.get("expression.smile_left") > 0.1
    document.undo_stack.undo()
    assert not document.rig.values


def test_sides_that_differ_show_apart_until_they_are_chained(studio: Studio) -> None:
    document, pair = studio.document, pair_of(studio, "expression.smile_left")
    document.update({"expression.smile": 0.2, "expression.smile_right": 0.4}, "From elsewhere")
    assert pair.left.isVisible() and pair.left.number.value() == pytest.approx(0.2)
    assert pair.right.number.value() == pytest.approx(0.6)
    pair.chain.click()
    assert pair.both.isVisible() and dict(document.rig.values) == {"expression.smile": pytest.approx(0.4)}
    assert document.undo_stack.undoText() == "Link smile"
    document.undo_stack.undo()
    assert pair.left.isVisible() and dict(document.rig.values) == {"expression.smile": 0.2, "expression.smile_right": 0.4}


def test_units_of_both_sides_share_a_row(studio: Studio) -> None:
    panel = studio.window.side.expression
    panel.units.set_open(True)  # type: ignore[union-attr]
    pair = pair_of(studio, "expression.mouthSmileLeft")
    assert pair.both.isVisible() and pair.both.label.text() == "Smile"
    pair.both.moved.emit("", 0.5)
    assert dict(studio.document.rig.values) == {"expression.mouthSmileLeft": 0.5, "expression.mouthSmileRight": 0.5}
    panel.filter.setText("smile right")
    assert pair.right.isVisible() and not pair.both.isVisible() and not pair.chain.isVisible()
    panel.filter.setText("smile")
    assert pair.both.isVisible() and pair.chain.isVisible()
    names = {name for pair in panel.pairs for name in pair.names}
    assert "expression.jawLeft" not in names, "a jaw to the left and one to the right are not two sides"


def test_chains_are_remembered() -> None:
    settings = Settings()
    for expected in (True, False):
        studio = Studio(FakeEngine(gated=False), settings=settings)
        studio.open()
        pair = pair_of(studio, "expression.smile_left")
        assert pair.linked == expected
        if expected:
            pair.chain.click()
        studio.settle()
        studio.close()
    assert settings.unlinked == ("expression.smile_left",)
    assert Settings.from_json({"unlinked": [5]}).unlinked == ()


# -- neutral and copies


def test_neutral_is_one_step_for_all_of_it(studio: Studio) -> None:
    document = studio.document
    document.update({"expression.smile": 0.5, "jaw.open": 0.3, "eyes.yaw": 5.0, "pose.yaw": 8.0}, "Before")
    document.copy(Copy("mouth", studio.document.session.code, "p", "other.jpg"))
    steps = document.undo_stack.count()
    QTest.mouseClick(studio.window.side.expression.tools.neutral, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert dict(document.rig.values) == {"eyes.yaw": 5.0, "pose.yaw": 8.0, **{f"neutral.{p}": 1.0 for p in (
        "mouth", "eyes", "brows", "jaw")}}
    assert not document.rig.copies and document.undo_stack.count() == steps + 1
    assert document.undo_stack.undoText() == "Neutral expression"
    document.undo_stack.undo()
    assert document.rig.get("jaw.open") == 0.3 and document.rig.copied("mouth")


def test_one_part_is_neutral_alone(studio: Studio) -> None:
    document, menu = studio.document, studio.window.side.expression.tools.neutral.menu()
    document.update({"expression.mouthSmileLeft": 0.5, "expression.browInnerUp": 0.4, "eyes.yaw": 3.0}, "Before")
    assert [action.text() for action in menu.actions()] == ["Mouth", "Eyes", "Brows", "Jaw"]
    menu.actions()[2].trigger()
    assert dict(document.rig.values) == {"expression.mouthSmileLeft": 0.5, "eyes.yaw": 3.0, "neutral.brows": 1.0}
    menu.actions()[1].trigger()
    assert document.rig.get("eyes.yaw") == 3.0, "where the eyes look is no expression"
    row = studio.window.side.expression.taken["neutral.brows"]
    row.moved.emit("neutral.brows", 0.4)
    assert document.rig.get("neutral.brows") == 0.4 and row.number.value() == pytest.approx(0.4)


def test_the_action_does_it_too(studio: Studio) -> None:
    action = studio.window.actions_by_name["neutral"]
    assert action.isEnabled()
    action.trigger()
    assert studio.document.rig.get("neutral.jaw") == 1.0


def test_a_part_is_copied_from_a_photo(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    document, tools = studio.document, studio.window.side.expression.tools
    monkeypatch.setattr("app.window.QFileDialog.getOpenFileName", lambda *_: ("/photos/grin.png", ""))
    document.update({"expression.smile": 0.5, "expression.blink": 0.2}, "Before")
    [action for action in tools.copy.menu().actions() if action.text() == "Mouth …"][0].trigger()
    until(lambda: document.rig.copied("mouth"), "it is copied")
    assert dict(document.rig.values) == {"expression.blink": 0.2}, "what was set there gives way"
    line = tools._copies.itemAt(0).widget()  # type: ignore[union-attr]
    labels = line.findChildren(type(studio.window.status.state))  # type: ignore[union-attr]
    assert "Mouth from grin.png" in [label.text() for label in labels]
    studio.window.copy_from(Path("/photos/all.png"), "expression")
    until(lambda: document.rig.copied("expression"), "all of it")
    assert document.rig.copied("mouth") is None, "the whole takes the place of its parts"
    tools.drop_asked.emit("expression")
    assert not document.rig.copies and tools._copies.count() == 0


def test_a_photo_dropped_on_the_panel_is_copied_from(studio: Studio) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/photos/grin.png")])
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    studio.window.side.expression.dropEvent(event)
    until(lambda: studio.document.rig.copied("expression"), "it is copied")
    assert studio.document.session.photo.path.name == "photo.png"


# -- presets


@pytest.fixture
def mine(studio: Studio) -> Studio:
    """With a preset of the user's own."""
    presets.save("expression", "My grin", {"expression.smile_left": 0.7, "neutral.mouth": 1.0})
    studio.window.side.expression.presets.show_presets(studio.document.session.head)
    return studio


def test_a_preset_is_one_step_and_marked(mine: Studio) -> None:
    document, grid = mine.document, mine.window.side.expression.presets
    document.update({"jaw.open": 0.3, "pose.yaw": 5.0}, "Before")
    document.copy(Copy("eyes", document.session.code, "p", "other.jpg"))
    steps = document.undo_stack.count()
    grid.tiles["My grin"].click()
    assert dict(document.rig.values) == {"expression.smile_left": 0.7, "neutral.mouth": 1.0, "pose.yaw": 5.0}
    assert not document.rig.copies and document.undo_stack.count() == steps + 1
    assert document.undo_stack.undoText() == "My grin" and grid.current == "My grin"
    document.set("jaw.open", 0.1)
    assert grid.current == ""
    document.undo_stack.undo()
    assert grid.current == "My grin"


def test_thumbnails_are_the_photos_own_head(mine: Studio) -> None:
    grid, engine = mine.window.side.expression.presets, mine.engine
    engine.preset_calls.clear()
    mine.window.expressions.thumbs.stale()
    until(lambda: all(tile.has_picture for tile in grid.tiles.values()), "all are drawn")
    drawn = [dict(rig.values) for rig, _ in engine.preset_calls]
    assert {"expression.smile_left": 0.7, "neutral.mouth": 1.0} in drawn
    engine.preset_calls.clear()
    mine.document.set("pose.yaw", 5.0)
    mine.settle()
    QTest.qWait(0)
    assert not [rig for rig, _ in engine.preset_calls if rig.get("neutral.mouth")], "no edit makes them anew"


def test_only_presets_that_the_head_can_show(studio: Studio) -> None:
    names = [preset.name for preset in studio.window.side.expression.presets.presets]
    assert names == ["Neutral", "Eyes closed"]  # this test's head has few names


def test_an_expression_is_saved_under_a_name(studio: Studio) -> None:
    grid = studio.window.side.expression.presets
    grid.save_asked.emit()
    assert "Move some sliders first" in studio.window.banner.text
    studio.document.update({"expression.smile": 0.5, "jaw.open": 0.2, "pose.yaw": 9.0}, "Edit")
    grid.save_asked.emit()
    box = studio.window.findChild(QInputDialog) or grid.findChild(QInputDialog)
    box.setTextValue("Talking")  # type: ignore[union-attr]
    box.accept()  # type: ignore[union-attr]
    flush()
    kept = presets.find("expression", "Talking")
    assert dict(kept.values) == {"expression.smile": 0.5, "jaw.open": 0.2} and "Talking" in grid.tiles


def test_a_bad_file_is_said(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"kind": "expression", "name": "x", "values": {"expression.smile": 9}}))
    studio.window.side.expression.presets.import_file(tmp_path / "x.json")
    assert "expression.smile=9 is out of range" in studio.window.banner.text


def test_presets_by_keyboard(studio: Studio) -> None:
    studio.window.side.expression.set_open(False)
    studio.window.actions_by_name["face-presets"].trigger()
    tile = studio.window.side.expression.presets.tiles["Neutral"]
    assert tile.hasFocus()
    QTest.keyClick(tile, Qt.Key.Key_Return)
    assert studio.document.rig.get("neutral.eyes") == 1.0


# -- gaze and lids


def test_gaze_is_dragged_as_one_step(studio: Studio) -> None:
    document, pad = studio.document, studio.window.side.eyes.pad
    middle = pad.place(0, 0).toPoint()  # type: ignore[union-attr]
    drag(pad, middle, middle + QPoint(20, 5), middle + QPoint(40, 10))  # type: ignore[arg-type]
    assert document.rig.get("eyes.yaw") > 3 and document.rig.get("eyes.pitch") < -1
    assert document.undo_stack.count() == 1 and document.undo_stack.undoText() == "Gaze"
    assert studio.slider("eyes.yaw").number.value() == pytest.approx(document.rig.get("eyes.yaw"), abs=0.1)
    document.set("eyes.yaw", 30.0)
    assert pad._at[0] == 30.0, "it follows the numbers"  # type: ignore[union-attr]
    QTest.mouseDClick(pad, Qt.MouseButton.LeftButton, pos=middle)  # type: ignore[arg-type]
    assert not document.rig.values and document.undo_stack.undoText() == "Reset gaze"


def test_the_pad_says_where_the_eyes_look(studio: Studio) -> None:
    from app.panels.gaze_pad import GazePad

    pad, told = GazePad(studio.window.theme), []
    pad.set_ranges((-25, 25), (-20, 10))
    pad.resize(300, 92)
    for signal, name in ((pad.began, "began"), (pad.ended, "ended"), (pad.reset_asked, "reset")):
        signal.connect(lambda name=name: told.append(name))
    pad.moved.connect(lambda yaw, pitch: told.append((round(yaw), round(pitch))))
    pad.show()
    middle = pad.place(0, 0).toPoint()
    drag(pad, middle, QPoint(290, middle.y()), QPoint(middle.x(), 0))
    assert told == ["began", (0, 0), (25, 0), (0, 10), "ended"]
    told.clear()
    QTest.keyClick(pad, Qt.Key.Key_Left)
    QTest.keyClick(pad, Qt.Key.Key_Down)
    pad._end_steps()
    assert told == ["began", (-1, 10), (-1, 9), "ended"], "keys in quick succession are one step"
    told.clear()
    QTest.keyClick(pad, Qt.Key.Key_Home)
    QTest.mouseDClick(pad, Qt.MouseButton.LeftButton, pos=middle)
    assert told.count("reset") == 2
    assert pad.place(25, -20) == QPointF(pad.width() - 12, pad.height() - 12)
    pad.grab()


def test_eyes_hold_is_a_box(studio: Studio) -> None:
    box = studio.window.side.eyes.hold
    box.click()  # type: ignore[union-attr]
    assert studio.document.rig.get("eyes.hold") == 1.0
    studio.document.undo_stack.undo()
    assert not box.isChecked() and studio.document.rig.get("eyes.hold") is None  # type: ignore[union-attr]


# -- room


def test_sliders_say_what_shows_on_this_photo(studio: Studio) -> None:
    row = studio.slider("jaw.open")
    assert row.slider._room == (0.0, 1.0), "an open mouth can't be shut where it is shut"
    assert "On this photo it shows from 0 to 1" in row.slider.toolTip()
    code = studio.document.session.code
    studio.document.copy(Copy("jaw", code.replace(expression=np.ones(len(UNITS))), "p", "open.png"))
    assert row.slider._room == (-1.0, 0.0)
    row.slider.grab()
    studio.document.undo_stack.undo()
    assert row.slider._room == (0.0, 1.0)
    assert studio.slider("pose.yaw").slider._room is None
