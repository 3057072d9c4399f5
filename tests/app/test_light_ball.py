"""The light ball: several lamps under the hand, by mouse and by keys."""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from app.canvas.ball import LightBall
from app.canvas.sphere import aim, place, sphere
from app.lamps import Lamps
from core.environment import Environment
from core.light import LightParams, compose
from core.light_lamps import Lamp as HardLamp
from tests.app.studio import Studio, drag, flush

NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def ball(studio: Studio) -> Iterator[LightBall]:
    """The ball of a window, large, with the photo's key light on it."""
    studio.canvas.ball.set_size("large")
    studio.window.activateWindow()
    flush()
    yield studio.canvas.ball


def lamps_of(studio: Studio) -> Lamps:
    lamps: Lamps = studio.window.lighting.lamps
    return lamps


def spot(ball: LightBall, number: int) -> QPoint:
    return ball.handle_at(next(lamp for lamp in ball.lamps if lamp.number == number)).toPoint()


def middle(ball: LightBall, dx: float = 0.0, dy: float = 0.0) -> QPoint:
    """A point in radii from the ball's centre."""
    shape = ball.shape_now
    return (shape.centre + QPointF(dx, dy) * shape.radius).toPoint()


def wheel(ball: LightBall, at: QPoint, delta: int, modifiers: Qt.KeyboardModifier = NONE) -> QWheelEvent:
    point = QPointF(at)
    event = QWheelEvent(point, ball.mapToGlobal(point), QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton, modifiers,
                        Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(ball, event)
    return event


def environment() -> Environment:
    light = compose(LightParams(azimuth=90, elevation=20, intensity=1, ambient=0.4)).tolist()
    return Environment(tuple(tuple(row) for row in light), "Beach", "d1")


@pytest.mark.parametrize("azimuth", [-170, -100, -60, 0, 45, 89, 120])
@pytest.mark.parametrize("elevation", [-60, -10, 0, 30, 80])
def test_handle_and_aim_are_inverse(azimuth: float, elevation: float) -> None:
    assert aim(*place(azimuth, elevation)) == pytest.approx((azimuth, elevation), abs=0.01)


def test_the_sphere_shows_every_lamp() -> None:
    light = compose(LightParams(ambient=0.3))
    plain, lit = (sphere(light, 64, lamps) for lamps in ((), (HardLamp((1, 0, 0), (1, 0, 0)),)))
    assert lit.pixelColor(60, 32).red() > plain.pixelColor(60, 32).red() + 60, "lit from the right, in red"
    assert lit.pixelColor(60, 32).blue() == plain.pixelColor(60, 32).blue()
    assert lit.pixelColor(4, 32) == plain.pixelColor(4, 32), "the far side stays"


def test_drag_moves_the_key_light_as_one_step(studio: Studio, ball: LightBall) -> None:
    document = studio.document
    count = document.undo_stack.count()
    drag(ball, middle(ball), middle(ball, -0.3), middle(ball, -0.8))
    assert document.rig.get("light.azimuth") == pytest.approx(-53, abs=2)
    assert document.rig.get("light.elevation") == pytest.approx(0, abs=2)
    assert document.undo_stack.count() == count + 1
    flush()
    assert ball.handle_at(ball.lamps[0]).x() == pytest.approx(middle(ball, -0.8).x(), abs=2)
    assert studio.slider("light.azimuth").number.value() == pytest.approx(-53, abs=2)
    studio.window.undo()
    assert document.rig.get("light.azimuth") is None


def test_a_click_chooses_and_changes_nothing(studio: Studio, ball: LightBall) -> None:
    lamps, document = lamps_of(studio), studio.document
    assert lamps.add(-60, 10) == 2
    lamps.select(1)
    flush()
    count, rig = document.undo_stack.count(), document.rig
    QTest.mouseClick(ball, Qt.MouseButton.LeftButton, pos=spot(ball, 2) + QPoint(3, 2))
    assert lamps.selected == 2 and document.rig == rig and document.undo_stack.count() == count


def test_a_held_handle_does_not_jump_to_the_mouse(studio: Studio, ball: LightBall) -> None:
    lamps = lamps_of(studio)
    lamps.add(0, 0)
    flush()
    start = spot(ball, 2) + QPoint(5, 0)
    drag(ball, start, start + QPoint(2, 0), start + QPoint(20, 0))
    flush()
    assert spot(ball, 2).x() == pytest.approx(start.x() + 15, abs=1)
    assert studio.document.rig.get("light.azimuth") is None, "the other lamp stays"


def test_a_lamp_is_dragged_behind_the_head_over_the_rim(studio: Studio, ball: LightBall) -> None:
    lamps = lamps_of(studio)
    lamps.add(60, 0)
    flush()
    drag(ball, spot(ball, 2), middle(ball, 0.95), middle(ball, 1.17))
    assert studio.document.rig.get("lamp.2.azimuth") == pytest.approx(135, abs=4)
    assert "behind the head" in ball.accessibleDescription()


def test_a_reset_by_double_click(studio: Studio, ball: LightBall) -> None:
    document = studio.document
    document.update({"light.azimuth": -40.0, "light.elevation": 0.0, "light.shadow": 0.5, "light.ambient": 0.4})
    flush()
    QTest.mouseDClick(ball, Qt.MouseButton.LeftButton, pos=spot(ball, 1))
    assert dict(document.rig.values) == {"light.ambient": 0.4}, "the light from everywhere is not the lamp's"
    lamps = lamps_of(studio)
    lamps.add(30, 30)
    document.set("lamp.2.intensity", 1.7)
    flush()
    QTest.mouseDClick(ball, Qt.MouseButton.LeftButton, pos=spot(ball, 2))
    assert document.rig.get("lamp.2.intensity") == 0.6 and lamps.is_up(2)


def test_wheel_changes_intensity_and_softness_of_the_lamp_under_it(studio: Studio, ball: LightBall) -> None:
    lamps, document = lamps_of(studio), studio.document
    lamps.add(-60, 10)
    lamps.select(1)
    flush()
    count = document.undo_stack.count()
    key = document.values()["light.intensity"]
    for _ in range(3):
        assert wheel(ball, spot(ball, 2), 120).isAccepted()
    wheel(ball, spot(ball, 2), -120, Qt.KeyboardModifier.ShiftModifier)
    lamps._pause.timeout.emit()
    assert document.rig.get("lamp.2.intensity") == pytest.approx(0.75)
    assert document.rig.get("lamp.2.softness") == pytest.approx(0.95)
    assert document.undo_stack.count() == count + 1, "steps in quick succession are one"
    wheel(ball, middle(ball, 0.1, 0.4), 120)
    lamps._pause.timeout.emit()
    assert document.rig.get("light.intensity") == pytest.approx(key + 0.05, abs=1e-3), "elsewhere: the one in hand"
    assert not ball.covers(QPointF(1, 1))
    assert not wheel(ball, QPoint(1, 1), 120).isAccepted(), "beside the plate it is the picture's"


def test_undo_amid_steps_takes_them_back_and_the_next_are_a_new_step(studio: Studio, ball: LightBall) -> None:
    lamps, document = lamps_of(studio), studio.document
    start = document.rig
    wheel(ball, middle(ball), 120)
    studio.window.undo()
    assert document.rig == start
    wheel(ball, middle(ball), 120)
    wheel(ball, middle(ball), 120)
    lamps.end_steps()
    assert document.undo_stack.count() == 1


def test_keys_choose_move_and_change(studio: Studio, ball: LightBall) -> None:
    lamps, document = lamps_of(studio), studio.document
    lamps.add(-60, 10)
    lamps.add(100, 0)
    ball.setFocus(Qt.FocusReason.TabFocusReason)
    flush()
    assert lamps.selected == 1 and ball.by_keys, "by Tab one comes to the first"
    QTest.keyClick(ball, Qt.Key.Key_2)
    assert lamps.selected == 2 and studio.canvas.mode.value == "Photo", "not the window's view 2"
    QTest.keyClick(ball, Qt.Key.Key_Right)
    QTest.keyClick(ball, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert (document.rig.get("lamp.2.azimuth"), document.rig.get("lamp.2.elevation")) == (-55, 11)
    QTest.keyClick(ball, Qt.Key.Key_Plus)
    QTest.keyClick(ball, Qt.Key.Key_PageDown)
    assert document.rig.get("lamp.2.intensity") == pytest.approx(0.65)
    assert document.rig.get("lamp.2.softness") == pytest.approx(0.95)
    QTest.keyClick(ball, Qt.Key.Key_Tab)
    assert lamps.selected == 3 and ball.hasFocus(), "Tab goes from lamp to lamp"
    for _ in range(17):
        QTest.keyClick(ball, Qt.Key.Key_Right)
    assert document.rig.get("lamp.3.azimuth") == pytest.approx(-175), "round the back"
    QTest.keyClick(ball, Qt.Key.Key_Tab)
    assert not ball.hasFocus(), "and then leaves"
    ball.setFocus(Qt.FocusReason.OtherFocusReason)
    lamps.select(2)
    QTest.keyClick(ball, Qt.Key.Key_Delete)
    assert not lamps.is_up(2) and lamps.is_up(3) and lamps.selected == 1
    QTest.keyClick(ball, Qt.Key.Key_Insert)
    assert lamps.is_up(2) and lamps.selected == 2


def test_the_view_keys_are_the_windows_without_the_focus_on_the_ball(studio: Studio, ball: LightBall) -> None:
    studio.canvas.setFocus()
    QTest.keyClick(studio.window, Qt.Key.Key_2)
    assert studio.canvas.mode.value == "Normals"


def test_right_click_opens_the_menu_and_adds_a_lamp_there(studio: Studio, ball: LightBall) -> None:
    lamps, lighting = lamps_of(studio), studio.window.lighting
    asked: list[tuple[int, float, float]] = []
    ball.menu_asked.connect(lambda number, az, el, _at: asked.append((number, az, el)))
    QTest.mouseClick(ball, Qt.MouseButton.RightButton, pos=middle(ball, 0.5, -0.5))
    assert asked == [(0, pytest.approx(35.3, abs=1.5), pytest.approx(30, abs=1.5))] and ball.menu_open
    popup = QApplication.activePopupWidget()
    assert popup is not None
    popup.close()
    assert not ball.menu_open
    menu = lighting.menu_of(*asked[0])
    pick(menu, "Add lamp here")
    assert studio.document.rig.get("lamp.2.azimuth") == pytest.approx(35.3, abs=1.5)
    pick(lighting.menu_of(2, 0, 0), "Cast shadow")
    assert studio.document.rig.get("lamp.2.shadow") == 0.8
    pick(lighting.menu_of(2, 0, 0), "Remove lamp 2")
    assert not lamps.is_up(2)
    for _ in range(3):
        lamps.add()
    assert not next(a for a in lighting.menu_of(0, 0, 0).actions() if a.text() == "Add lamp here").isEnabled()
    pick(lighting.menu_of(1, 0, 0), "Size of the ball", "Small")
    assert ball.size_choice == studio.window.settings.ball_size == "small"


def pick(menu: QMenu, *texts: str) -> None:
    for text in texts:
        action = next(action for action in menu.actions() if action.text() == text)
        found = action.menu()
        if found is not None:
            menu = found  # type: ignore[assignment]
        else:
            action.trigger()


def test_the_menu_key_opens_it_for_the_lamp_in_hand(studio: Studio, ball: LightBall) -> None:
    asked: list[int] = []
    ball.menu_asked.disconnect()
    ball.menu_asked.connect(lambda number, *_: asked.append(number))
    lamps_of(studio).add(10, 10)
    flush()
    QApplication.sendEvent(ball, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), ball.mapToGlobal(QPoint())))
    QApplication.sendEvent(ball, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(), ball.mapToGlobal(QPoint())))
    assert asked == [2]


@pytest.mark.parametrize(("button", "modifiers"), [(Qt.MouseButton.RightButton, NONE),
                                                   (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.AltModifier)])
def test_the_environment_turns_by_right_button_or_alt(studio: Studio, ball: LightBall, button: Qt.MouseButton,
                                                      modifiers: Qt.KeyboardModifier) -> None:
    document = studio.document
    studio.window.lighting.use_environment(environment())
    flush()
    count = document.undo_stack.count()
    at = middle(ball)
    QTest.mousePress(ball, button, modifiers, at)
    for dx in (10, 40, round(ball.shape_now.radius)):
        point = QPointF(at + QPoint(dx, 0))
        there = ball.mapToGlobal(point)
        QApplication.sendEvent(ball, QMouseEvent(QMouseEvent.Type.MouseMove, point, there, button, button, modifiers))
    QTest.mouseRelease(ball, button, modifiers, at + QPoint(round(ball.shape_now.radius), 0))
    assert document.rig.get("environment.turn") == pytest.approx(90, abs=2) and document.rig.get("light.azimuth") is None
    assert document.undo_stack.count() == count + 1 and not QApplication.activePopupWidget()
    flush()
    assert ball.turn == pytest.approx(90, abs=2)


def test_it_grows_under_the_mouse_and_stays_in_the_corner(studio: Studio) -> None:
    ball = studio.canvas.ball
    ball.set_size("auto")
    flush()
    small, corner = ball.width(), ball.geometry().topRight()
    QTest.mouseMove(ball, ball.shape_now.centre.toPoint())
    ball._hover(True)
    assert ball.width() > 1.6 * small and ball.geometry().topRight() == corner
    QTest.mousePress(ball, Qt.MouseButton.LeftButton, pos=spot(ball, 1))
    held = ball.geometry()
    ball.hot = False
    ball._resize()
    assert ball.geometry() == held, "nothing moves under a hand that drags"
    QTest.mouseRelease(ball, Qt.MouseButton.LeftButton, pos=spot(ball, 1))
    ball._hover(False)
    ball._linger.stop()
    ball._resize()
    assert ball.width() == small


def test_it_shows_only_with_a_photo_and_when_wanted(studio: Studio) -> None:
    ball, canvas = studio.canvas.ball, studio.canvas
    assert ball.isVisible()
    studio.window.actions_by_name["ball"].trigger()
    assert not ball.isVisible()
    studio.window.actions_by_name["ball"].trigger()
    canvas.pick_faces([])
    assert not ball.isVisible()
    canvas.pick_faces(None)
    canvas.set_photo(None)
    assert not ball.isVisible()


def test_readers_hear_what_is_in_hand(studio: Studio, ball: LightBall) -> None:
    lamps = lamps_of(studio)
    lamps.add(-60, 10)
    flush()
    assert ball.accessibleName() == "Light ball"
    assert ball.accessibleDescription().startswith("Lamp 2: azimuth -60°, elevation 10°, in front, intensity 0.60. 2 lamps")


def test_it_paints_lamps_of_any_colour_in_any_size(studio: Studio, ball: LightBall) -> None:
    lamps = lamps_of(studio)
    for place_ in ((-60, 10), (150, 30), (180, 0)):
        lamps.add(*place_)
    studio.document.update({"lamp.2.color": (1.0, 0.0, 0.1), "lamp.2.shadow": 1.0, "lamp.3.softness": 0.0})
    for size in ("small", "large"):
        ball.set_size(size)
        flush()
        image = ball.grab().toImage()
        at = spot(ball, 2) * image.devicePixelRatio()
        colors = [image.pixelColor(at + QPoint(dx, dy)) for dx in range(-5, 6) for dy in range(-5, 6)]
        assert any(c.red() > 200 and c.green() < 60 for c in colors), "its own colour"
    assert np.isfinite([lamp.azimuth for lamp in ball.lamps]).all()
