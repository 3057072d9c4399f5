"""Undo, sliders, the light ball, the split line, views."""
from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest

from app.canvas.stage import Mode
from app.commands import Difference
from app.edit import Edit
from core.request import DEFAULT_STEPS
from tests.app.studio import Studio, drag, flush


def slider_point(row: object, share: float) -> QPoint:
    slider = row.slider  # type: ignore[attr-defined]
    return QPoint(round(7.5 + share * (slider.width() - 15)), slider.height() // 2)


def test_one_drag_is_one_step_and_stores_the_difference(studio: Studio) -> None:
    document, row = studio.document, studio.slider("pose.yaw")
    document.set("jaw.open", 0.5)
    drag(row.slider, slider_point(row, 0.5), *[slider_point(row, s) for s in (0.6, 0.7, 0.8, 0.9)])
    yaw = document.rig.get("pose.yaw")
    assert yaw > 30 and document.undo_stack.count() == 2
    command = document.undo_stack.command(1)
    assert command._difference == Difference({"pose.yaw": (None, yaw)}, {}, {})
    studio.window.undo()
    assert document.rig.get("pose.yaw") is None and document.rig.get("jaw.open") == 0.5
    assert row.number.value() == 0
    studio.window.redo()
    assert document.rig.get("pose.yaw") == yaw and row.number.value() == pytest.approx(yaw, abs=0.06)


def test_undo_in_the_middle_of_a_drag_takes_the_drag_back(studio: Studio) -> None:
    row = studio.slider("pose.yaw")
    drag(row.slider, slider_point(row, 0.5), slider_point(row, 0.8), release=False)
    studio.window.undo()
    assert studio.document.rig.get("pose.yaw") is None and not studio.document.in_gesture
    QTest.mouseRelease(row.slider, Qt.MouseButton.LeftButton)


def test_everything_undone_is_the_first_edit(studio: Studio) -> None:
    document = studio.document
    start = Edit(document.rig, document.appearance)
    document.set("pose.yaw", 10.0)
    document.update({"light.azimuth": 30.0, "light.color": (1.0, 0.5, 0.25)})
    document.set_appearance(noise="seeded", seed=7)
    document.set("pose.yaw", None)
    document.reset_all()
    end = Edit(document.rig, document.appearance)
    while document.undo_stack.canUndo():
        studio.window.undo()
    assert Edit(document.rig, document.appearance) == start
    while document.undo_stack.canRedo():
        studio.window.redo()
    assert Edit(document.rig, document.appearance) == end


def test_double_click_and_buttons_reset(studio: Studio) -> None:
    document, row = studio.document, studio.slider("pose.yaw")
    document.set("pose.yaw", 20.0)
    assert row.reset.isVisible()
    QTest.mouseDClick(row.slider, Qt.MouseButton.LeftButton, pos=slider_point(row, 0.5))
    assert document.rig.get("pose.yaw") is None and not row.reset.isVisible()
    document.set("pose.yaw", 20.0)
    row.reset.click()
    assert document.rig.get("pose.yaw") is None
    document.update({"pose.yaw": 5.0, "pose.roll": 5.0, "jaw.open": 0.1})
    studio.window.side.pose.reset.click()
    assert [name for name, _ in document.rig.values] == ["jaw.open"]
    studio.window.actions_by_name["reset"].trigger()
    assert not document.rig.values


def test_keys_step_and_make_one_undo_step(studio: Studio) -> None:
    document, row = studio.document, studio.slider("pose.yaw")
    count = document.undo_stack.count()
    row.slider.setFocus()
    for _ in range(4):
        QTest.keyClick(row.slider, Qt.Key.Key_Right)
    row._pause.timeout.emit()
    assert document.rig.get("pose.yaw") == pytest.approx(4 * row.parameter.step, abs=0.02)
    assert document.undo_stack.count() == count + 1
    QTest.keyClick(row.slider, Qt.Key.Key_Delete)
    assert document.rig.get("pose.yaw") is None


def test_typed_numbers_are_taken_and_limited(studio: Studio) -> None:
    row = studio.slider("pose.yaw")
    row.number.setFocus()
    row.number.selectAll()
    QTest.keyClicks(row.number, "12.5")
    QTest.keyClick(row.number, Qt.Key.Key_Return)
    assert studio.document.rig.get("pose.yaw") == 12.5
    studio.document.set("pose.yaw", 1e9)
    assert studio.document.rig.get("pose.yaw") == row.parameter.high


def test_wheel_scrolls_the_panel_unless_the_slider_has_focus(studio: Studio) -> None:
    row = studio.slider("pose.yaw")
    row.slider.clearFocus()
    event = wheel(QPointF(row.slider.rect().center()), 120)
    row.slider.wheelEvent(event)
    assert not event.isAccepted() and studio.document.rig.get("pose.yaw") is None


def wheel(at: QPointF, delta: int) -> QWheelEvent:
    return QWheelEvent(at, at, QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
                       Qt.ScrollPhase.NoScrollPhase, False)


def test_split_line_is_dragged(studio: Studio) -> None:
    canvas = studio.canvas
    studio.document.set("jaw.open", 0.5)
    studio.settle()
    rect = canvas.view.rect
    start = QPoint(round(canvas.split_x()), round(rect.center().y()))
    target = QPoint(round(rect.left() + 0.25 * rect.width()), start.y())
    drag(canvas, start, QPoint(start.x() - 20, start.y()), target)
    assert canvas.split == pytest.approx(0.25, abs=0.01)
    image = canvas.grab().toImage()
    ratio = image.devicePixelRatio()
    y = round((rect.center().y() - 40) * ratio)
    before, after = (image.pixelColor(round((rect.left() + s * rect.width()) * ratio), y).red() for s in (0.2, 0.3))
    assert before == 110 and after > 115
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=target)
    assert canvas.split == 0.5


def test_views_ask_for_their_buffer(studio: Studio) -> None:
    canvas, a = studio.canvas, studio.window.actions_by_name
    for i, mode in enumerate(Mode):
        QTest.keyClick(studio.window, Qt.Key(Qt.Key.Key_1 + i))
        flush()
        assert canvas.mode is mode and a[f"view-{i}"].isChecked()
    assert studio.engine.buffer_calls[-1][1] == 512
    a["view-1"].trigger()
    image = canvas.grab().toImage()
    at = canvas.view.rect.center() + QPointF(60, 0)
    colour = image.pixelColor((at * image.devicePixelRatio()).toPoint())
    assert colour.blue() > 200 and colour.red() > 128  # a normal toward the viewer and a little to the right


def test_space_shows_the_original(studio: Studio) -> None:
    studio.document.set("jaw.open", 0.5)
    studio.settle()
    canvas = studio.canvas
    spot = (canvas.view.rect.center() + QPointF(60, -60)).toPoint()
    edited = canvas.grab().toImage().pixelColor(spot).red()
    QTest.keyPress(studio.window, Qt.Key.Key_Space)
    assert canvas.show_original and canvas.grab().toImage().pixelColor(spot).red() == 110 != edited
    QTest.keyRelease(studio.window, Qt.Key.Key_Space)
    assert not canvas.show_original


def test_zoom_keeps_the_point_and_fit_comes_back(studio: Studio) -> None:
    canvas = studio.canvas
    at = QPointF(300, 300)
    point = canvas.view.to_world(at)
    fitted = canvas.view.zoom
    canvas.wheelEvent(wheel(at, 240))
    assert canvas.view.zoom > fitted
    assert (canvas.view.to_world(at) - point).manhattanLength() < 1e-6
    QTest.mousePress(canvas, Qt.MouseButton.MiddleButton, pos=QPoint(300, 300))
    QTest.mouseMove(canvas, QPoint(330, 310))
    QTest.mouseRelease(canvas, Qt.MouseButton.MiddleButton, pos=QPoint(330, 310))
    assert (canvas.view.to_world(at + QPointF(30, 10)) - point).manhattanLength() < 1e-6
    studio.window.actions_by_name["fit"].trigger()
    assert canvas.view.zoom == pytest.approx(fitted)


def test_whole_photo_and_overlay_paint(studio: Studio) -> None:
    a = studio.window.actions_by_name
    studio.document.set("light.azimuth", 70.0)
    studio.settle()
    for name in ("whole", "overlay", "inset", "ball", "split"):
        a[name].trigger()
        studio.canvas.grab()
    assert studio.canvas.view.world.width() == 400


def test_filter_finds_units(studio: Studio) -> None:
    panel = studio.window.side.expression
    assert panel.units is not None
    panel.units.set_open(True)
    panel.filter.setText("smile left")
    rows = [name for name, row in panel.sliders.items() if row.isVisible() and name in ("expression.mouthSmileLeft",
            "expression.mouthSmileRight", "expression.cheekPuff")]
    assert rows == ["expression.mouthSmileLeft"]
    panel.filter.setText("zzz")
    assert panel._nothing.isVisible()


def test_raw_coefficients_show_and_set(studio: Studio) -> None:
    panel = studio.window.side.light
    assert panel.raw is not None
    panel.raw.set_open(True)
    studio.document.set("light.azimuth", 60.0)
    shown = {name: number.value() for name, number in panel.coefficients.items()}
    light = studio.document.code().light
    assert shown["sh.1.r"] == pytest.approx(float(light[1, 0]), abs=1e-3)
    panel.coefficients["sh.4.g"].setValue(0.5)
    assert studio.document.code().light[4, 1] == 0.5 and studio.document.undo_stack.undoText() == "Coefficient sh.4.g"


def test_appearance_changes_the_request(studio: Studio) -> None:
    panel = studio.window.side.appearance
    panel.noise["seeded"].click()
    panel.dice.click()
    panel.background.setChecked(False)
    request = studio.document.request("settled", "full")
    assert request.noise == "seeded" and request.seed == panel.seed.value() > 0 and not request.hold_background
    panel.guidance.moved.emit("appearance.guidance", 1.5)
    assert studio.document.request().guidance == 1.5 and studio.document.undo_stack.undoText() == "Guidance"
    panel.reset.click()
    assert studio.document.request().noise == "inverted" and studio.document.request().guidance == 1.0


def test_the_papers_method_takes_its_own_steps_and_leaves_out_what_it_does_not_use(studio: Studio) -> None:
    panel, document = studio.window.side.appearance, studio.document
    panel.method["paper"].click()
    request = document.request("settled")
    assert request.method == "paper" and request.steps == 20 and document.undo_stack.undoText() == "Method"
    assert panel.seed.isEnabled() and panel.steps.isEnabled()
    assert not any(widget.isEnabled() for widget in (panel.noise["inverted"], panel.strength, panel.guidance, panel.background))
    assert "drawn noise" in panel.method["paper"].toolTip()
    studio.settle()
    assert studio.engine.finished[-1].method == "paper" and studio.canvas._plain, "shown without the photo's detail"
    panel.method["studio"].click()
    assert document.appearance.steps == DEFAULT_STEPS and panel.noise["inverted"].isEnabled() and panel.strength.isEnabled()
    document.set_appearance(steps=30)
    panel.method["paper"].click()
    assert document.appearance.steps == 30, "chosen steps stay"
    panel.steps.reset_asked.emit("appearance.steps")
    assert document.appearance.steps == 20
    studio.settle()


def test_a_small_window_cuts_nothing(studio: Studio) -> None:
    window = studio.window
    window.resize(1024, 640)
    window.status.set_exports("Exporting a-rather-long-name-of-a-file.png and 2 more 30 %")
    flush()
    assert (window.width(), window.height()) == (1024, 640)
    body: Any = window.side.widget()
    assert body.minimumSizeHint().width() <= window.side.viewport().width(), "a row of the panels is cut"
    assert window.actions_by_name["split"].toolTip(), "folded buttons still say what they do"


def test_quick_light_and_both_themes_paint(studio: Studio) -> None:
    from PySide6.QtWidgets import QToolButton

    left = next(b for b in studio.window.side.light.findChildren(QToolButton, "quick") if b.text() == "Left")
    left.click()
    assert studio.document.rig.get("light.azimuth") == -60.0
    for choice in ("light", "dark"):
        studio.window.theme.set(choice)
        assert not studio.window.grab().isNull()


def test_controls_have_names_for_screen_readers(studio: Studio) -> None:
    from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox

    nameless = [w for kind in (QAbstractButton, QAbstractSlider, QAbstractSpinBox) for w in studio.window.findChildren(kind)
                if w.isVisible() and not (w.accessibleName() or getattr(w, "text", str)())
                and w.metaObject().className() not in ("QScrollBar",)]
    assert not nameless, [(w.metaObject().className(), w.objectName()) for w in nameless]
