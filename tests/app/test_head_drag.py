"""The head turned by the mouse: where it can be taken, how far it goes, and what has the mouse before it."""
from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest

from app.canvas.head import Grip, covers, outline
from app.canvas.stage import Mode
from tests.app.studio import Studio, drag, flush, until


def ready(studio: Studio) -> QPoint:
    """A point on the head, beside the split line."""
    until(lambda: studio.canvas._live is not None, "the head is drawn")
    box = studio.canvas.view.rect
    return QPoint(round(box.center().x() + 70), round(box.center().y()))


def held(studio: Studio, *points: QPoint, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
         button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    QTest.mousePress(studio.canvas, button, modifier, points[0])
    for point in points[1:]:
        QTest.mouseMove(studio.canvas, point)
        flush()


def test_a_drag_turns_the_head_as_one_step(studio: Studio) -> None:
    at, document = ready(studio), studio.document
    steps = document.undo_stack.count()
    drag(studio.canvas, at, at + QPoint(20, 0), at + QPoint(40, -20))
    yaw, pitch = document.rig.get("pose.yaw"), document.rig.get("pose.pitch")
    assert 5 < yaw < 40 and 2 < pitch < 25
    assert document.undo_stack.count() == steps + 1 and document.undo_stack.undoText() == "Turn head"
    drag(studio.canvas, at, at + QPoint(10, 0))
    assert document.rig.get("pose.yaw") > yaw and document.rig.get("pose.pitch") == pytest.approx(pitch, abs=0.5)
    document.undo_stack.undo()
    assert document.rig.get("pose.yaw") == yaw


def test_while_it_turns_the_head_is_shown_large(studio: Studio) -> None:
    at = ready(studio)
    held(studio, at, at + QPoint(25, 0))
    assert studio.canvas.turning and studio.document.in_gesture
    assert studio.canvas.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    until(lambda: studio.engine.buffer_calls[-1][1] == 512, "a large head")
    studio.canvas.grab()
    QTest.mouseRelease(studio.canvas, Qt.MouseButton.LeftButton, pos=at + QPoint(25, 0))
    assert not studio.canvas.turning and not studio.document.in_gesture


@pytest.mark.parametrize("by", ["shift", "right button"])
def test_it_tilts(studio: Studio, by: str) -> None:
    at = ready(studio) + QPoint(30, 0)  # to the right of the middle: going down is clockwise
    if by == "shift":
        held(studio, at, at + QPoint(0, 30), modifier=Qt.KeyboardModifier.ShiftModifier)
        QTest.mouseRelease(studio.canvas, Qt.MouseButton.LeftButton, pos=at)
    else:
        held(studio, at, at + QPoint(0, 30), button=Qt.MouseButton.RightButton)
        QTest.mouseRelease(studio.canvas, Qt.MouseButton.RightButton, pos=at)
    assert 5 < studio.document.rig.get("pose.roll") < 45 and studio.document.rig.get("pose.yaw") is None


def test_a_click_is_no_turn(studio: Studio) -> None:
    at = ready(studio)
    drag(studio.canvas, at, at + QPoint(2, 1))
    assert not studio.document.rig.values and studio.document.undo_stack.count() == 0


def test_the_cursor_says_where(studio: Studio) -> None:
    at, canvas = ready(studio), studio.canvas
    QTest.mouseMove(canvas, at)
    flush()
    assert canvas._hot == "head" and canvas.cursor().shape() == Qt.CursorShape.BitmapCursor
    corner = canvas.view.rect.topLeft().toPoint() + QPoint(60, 12)
    QTest.mouseMove(canvas, corner)
    flush()
    assert canvas._hot is None and canvas.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_the_split_line_comes_first(studio: Studio) -> None:
    studio.document.set("light.azimuth", 60.0)
    studio.settle()
    ready(studio)
    canvas = studio.canvas
    line = QPoint(round(canvas.split_x()), round(canvas.view.rect.center().y()))
    drag(canvas, line, line + QPoint(60, 0))
    assert canvas.split > 0.5 and studio.document.rig.get("pose.yaw") is None


def test_beside_the_head_a_zoomed_picture_pans(studio: Studio) -> None:
    ready(studio)
    canvas = studio.canvas
    canvas.zoom(1.5)
    flush()
    beside = next(QPoint(x, y) for y in range(60, canvas.height() - 60, 20) for x in range(20, canvas.width() - 260, 20)
                  if canvas._target(QPointF(x, y)) is None)
    offset = canvas.view.offset
    drag(canvas, beside, beside + QPoint(30, 10))
    assert canvas.view.offset - offset == QPointF(30, 10) and not studio.document.rig.values


def test_it_can_be_switched_off(studio: Studio) -> None:
    at, action = ready(studio), studio.window.actions_by_name["turn-head"]
    QTest.keyClick(studio.window, Qt.Key.Key_T)
    flush()
    assert not action.isChecked() and not studio.window.settings.turn_head
    drag(studio.canvas, at, at + QPoint(40, 0))
    assert not studio.document.rig.values
    action.trigger()
    drag(studio.canvas, at, at + QPoint(40, 0))
    assert studio.document.rig.get("pose.yaw") > 0


def test_it_turns_in_every_view_without_the_inset(studio: Studio) -> None:
    studio.window.actions_by_name["inset"].trigger()
    at = ready(studio)
    studio.window.set_mode(Mode.NORMALS)
    until(lambda: studio.canvas._live is not None)
    drag(studio.canvas, at, at + QPoint(-40, 0))
    assert studio.document.rig.get("pose.yaw") < 0


def test_angles_are_held_in_range() -> None:
    grip = Grip(QPointF(100, 100), QPointF(100, 100), 50)
    yaw, pitch = grip.turn(QPointF(5000, -5000))
    assert 60 < yaw < 90 and 60 < pitch < 90
    assert Grip(QPointF(150, 100), QPointF(100, 100), 50).roll(QPointF(100, 150)) == pytest.approx(90)
    assert Grip(QPointF(50, 101), QPointF(100, 100), 50).roll(QPointF(50, 99)) == pytest.approx(2.3, abs=0.1)  # not 358


def test_where_a_head_is() -> None:
    image = QImage(100, 100, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    for x in range(30, 70):
        for y in range(20, 90):
            image.setPixelColor(x, y, QColor("white"))
    assert outline(image) == pytest.approx((0.5, 0.55, 0.2), abs=0.03)
    assert covers(image, 0.5, 0.5) and not covers(image, 0.1, 0.5) and not covers(image, 1.2, 0.5) and not covers(None, 0.5, 0.5)
