"""Copy and paste of rigs: parts, other windows, a chat in between, hostile text."""
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from core.environment import Environment
from core.errors import ParameterError
from core.project.rig_text import PARTS, RigText, from_text, part_of, to_text
from core.rig import COPY_BLOCKS, Copy, Rig
from tests.app.fakes import FakeEngine, code_of
from tests.app.studio import Studio, flush, until

WHOLE = (Rig().update({"light.azimuth": -40.0, "light.color": (1.0, 0.5, 0.25), "lamp.2.intensity": 0.5, "environment.turn": 30.0,
                       "expression.smile": 0.3, "jaw.open": 0.2, "eyes.yaw": 5.0, "pose.yaw": 10.0})
         .copy(Copy("appearance", code_of(3), "c" * 64, "c.jpg", 0.5)).copy(Copy("mouth", code_of(4), "d" * 64, "d.jpg"))
         .copy(Copy("pose", code_of(5), "e" * 64, "e.jpg")).copy(Copy("light", code_of(6), "f" * 64, "f.jpg"))
         .under(Environment(((0.5, 0.25, 1.0),) * 9, "sky", "a" * 64)))


@pytest.fixture
def pair() -> Iterator[tuple[Studio, Studio]]:
    made = []
    for name in ("one.png", "two.png"):
        studio = Studio(FakeEngine(gated=False))
        made.append(studio)
        studio.open(name)
        studio.settle()
    yield made[0], made[1]
    for studio in made:
        studio.close()


def clip(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


# -- the text


def test_every_bit_comes_back() -> None:
    text = to_text(RigText(WHOLE, {"seed": 4}, "me.jpg"))
    assert from_text(text) == RigText(WHOLE, {"seed": 4}, "me.jpg") and "\n" not in text
    assert from_text(text).rig.copied("mouth").code.digest == code_of(4).digest  # type: ignore[union-attr]


@pytest.mark.parametrize("around", ["{}", "Look at this:\n```json\n{}\n```\nisn't it nice", "> {}", "\ufeff{}\u200b"])
def test_a_chat_in_between_does_no_harm(around: str) -> None:
    text = to_text(RigText(WHOLE, {"seed": 4}, "me.jpg"))
    assert from_text(around.replace("{}", text)).rig == WHOLE
    curled = text.replace('"', "\u201d").replace(": ", ":\u00a0")
    assert from_text(around.replace("{}", curled)).rig == WHOLE


@pytest.mark.parametrize("part", PARTS)
def test_a_part_takes_the_place_of_that_part_only(part: str) -> None:
    mine = Rig().update({"light.ambient": 0.5, "expression.blink": 0.5, "pose.pitch": 5.0}).copy(Copy("eyes", code_of(1), "x"))
    made = RigText(WHOLE).onto(mine, (part,))
    for name, value in made.values:
        assert (WHOLE if part_of(name) == part else mine).get(name) == value
    assert made.environment == (WHOLE.environment if part == "light" else None)
    blocks = {"light": {"light", "eyes"}, "expression": {"mouth"}, "pose": {"pose", "eyes"}, "appearance": {"appearance", "eyes"}}
    assert {copy.block for copy in made.copies} == blocks[part]
    assert RigText(WHOLE).onto(mine, PARTS) == WHOLE and RigText(Rig()).onto(mine, PARTS) == Rig()
    assert RigText(WHOLE).onto(mine, ()) == mine


def test_every_block_has_a_part() -> None:
    rigs = [RigText(Rig().copy(Copy(block, code_of(1), "x"))) for block in COPY_BLOCKS]
    assert all(len(one.parts()) == 1 for one in rigs) and RigText(WHOLE, {"seed": 1}).parts() == PARTS


@pytest.mark.parametrize("text", [
    "", "hello", "{", "}{", "{}", "[1]", '{"diffusionrig": 1}', '{"diffusionrig": "rig"}', '{"diffusionrig": "rig", "format": 1}',
    '{"diffusionrig": "rig", "format": 2, "rig": {"values": {}}}', '{"diffusionrig": "rig", "format": "1", "rig": {}}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {"pose.yaw": NaN}}}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {"pose.yaw": 1e999}}}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {"pose.yaw": "x"}}}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {"light.color": [1, 2]}}}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {"pose.yaw": [[1]]}}}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {}, "copies": [{}]}}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {}, "copies": 3}}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {}, "environment": {"coefficients": [1]}}}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {}}, "look": [1]}',
    '{"diffusionrig": "rig", "format": 1, "rig": {"values": {}}, "from": {"a": 1}}',
    '{"diffusionrig": ' + "[" * 200_000 + "]" * 200_000 + "}", '{"diffusionrig": "' + "x" * (5 << 20) + '"}'])
def test_hostile_text_is_one_clear_message(text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        from_text(text)
    assert "clipboard" in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400


# -- the window


def test_copied_in_one_window_pasted_in_another(pair: tuple[Studio, Studio]) -> None:
    one, two = pair
    one.document.update({"expression.smile": 0.4, "light.azimuth": -20, "pose.yaw": 5}, "Edit")
    one.document.set_appearance(seed=8, strength=0.5)
    two.document.set("expression.blink", 0.5)
    count = two.document.undo_stack.count()
    one.window.actions_by_name["copy-rig"].trigger()
    two.window.actions_by_name["paste-rig"].trigger()
    assert two.document.edit.rig == one.document.edit.rig and two.document.appearance == one.document.appearance
    assert two.document.undo_stack.count() == count + 1 and two.document.undo_stack.undoText() == "Paste rig"
    two.window.undo()
    assert two.document.edit.rig == Rig().set("expression.blink", 0.5) and two.document.appearance.seed == 0


def test_parts_are_chosen_and_remembered(pair: tuple[Studio, Studio]) -> None:
    one, two = pair
    one.document.update({"expression.smile": 0.4, "light.azimuth": -20, "pose.yaw": 5}, "Edit")
    one.window.actions_by_name["copy-rig"].trigger()
    two.document.set("pose.yaw", 12)
    two.window.actions_by_name["paste-parts"].trigger()
    dialog = two.window.projects.rigs.dialog
    assert dialog is not None
    for part in ("pose", "appearance", "expression"):
        dialog.boxes[part].setChecked(False)
    dialog.ok.click()
    flush()
    assert dict(two.document.edit.rig.values) == {"pose.yaw": 12, "light.azimuth": -20}
    assert two.window.projects.rigs.dialog is None
    two.window.actions_by_name["paste-parts"].trigger()
    again = two.window.projects.rigs.dialog
    assert again is not None and again.parts == ("light",)
    again.boxes["light"].setChecked(False)
    assert not again.ok.isEnabled()
    again.reject()


def test_values_out_of_range_are_cut_and_unknown_ones_set_aside(pair: tuple[Studio, Studio]) -> None:
    two = pair[1]
    rig = Rig().update({"pose.yaw": 1e6, "expression.tailWag": 1.0})
    clip(to_text(RigText(rig, {"seed": 3, "strength": "much", "steps": 8, "unknown": 1})))
    two.window.actions_by_name["paste-rig"].trigger()
    assert two.document.edit.rig.get("pose.yaw") == two.document.parameters()["pose.yaw"].high
    assert two.document.set_aside and two.document.edit.rig.get("expression.tailWag") == 1.0
    assert two.document.appearance == replace(two.document.appearance, seed=3, strength=1.0)
    two.settle()


@pytest.mark.parametrize("look", [{"seed": -1}, {"strength": 7.0}, {"steps": 10**7}, {"method": "magic"}])
def test_an_impossible_look_is_told(pair: tuple[Studio, Studio], look: dict[str, object]) -> None:
    two = pair[1]
    before = two.document.edit
    clip(json.dumps({"diffusionrig": "rig", "format": 1, "rig": {"values": {"pose.yaw": 3}}, "look": look}))
    two.window.actions_by_name["paste-rig"].trigger()
    assert two.document.edit == before and two.window.banner.text


def test_nothing_to_paste_is_told(pair: tuple[Studio, Studio]) -> None:
    clip("just words")
    pair[0].window.actions_by_name["paste-rig"].trigger()
    assert "no rig on the clipboard" in pair[0].window.banner.text


def test_text_fields_keep_their_own_copy_and_paste(pair: tuple[Studio, Studio]) -> None:
    window = pair[1].window
    window.activateWindow()
    fields = [f for f in window.findChildren(QLineEdit) if f.isEnabled() and f.objectName() != "qt_spinbox_lineedit"]
    field = fields[0]
    field.setFocus()
    field.setText("12")
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("12")
    field.clear()
    QTest.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert field.text().startswith("12") and not window.banner.text


def test_a_pasted_appearance_whose_photo_is_unknown_is_a_slot(pair: tuple[Studio, Studio]) -> None:
    two = pair[1]
    clip(to_text(RigText(Rig().copy(Copy("appearance", code_of(3), "c" * 64, "c.jpg")))))
    two.window.actions_by_name["paste-rig"].trigger()
    bar = two.window.projects.slots.bar
    until(lambda: bar.isVisible())
    assert "c.jpg" in bar.slots[0].title and two.document.rig.copied("appearance") is None
    two.settle()
