"""The light ball over the picture: a grey sphere under the edit's light, with a handle for each lamp.

It only shows lamps and says what hands ask for; `app.lighting` does it.
"""
from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.canvas import ball_paint
from app.canvas.ball_keys import WHEEL_STEP, action
from app.canvas.ball_paint import Shape
from app.canvas.sphere import MOST_SIDE, RIM, aim, place, sphere
from app.lamps import is_behind, lamp_name, spoken
from app.language import tr
from core.light_lamps import Lamp as HardLamp
from core.light_rig import PlacedLamp

SMALL, LARGE = 46.0, 92.0  # radii
SIZES = ("auto", "small", "large")
_PLATE = 7.0  # the plate's edge beyond the outer circle, and a pixel of room
_CAPTION = 20.0  # height of the words below
_MOVED = 4.0  # pixels a press may wander and still be a click
_LINGER_MS = 350  # it stays large for that long after the mouse has left


class LightBall(QWidget):
    """A widget over the canvas. Lamps are dragged, chosen by a click, their number or Tab, and changed by wheel and keys.

    pressed(lamp), dragged(lamp, azimuth, elevation), released: a drag. stepped(lamp, {field: by}): wheel or keys. chosen(lamp).
    reset_asked(lamp), remove_asked(lamp), add_asked. menu_asked(lamp or 0, azimuth, elevation, place on the screen).
    turn_pressed, turned(by, degrees), turn_released: the surroundings, by the right button or Alt.
    """

    pressed = Signal(int)
    dragged = Signal(int, float, float)
    released = Signal()
    stepped = Signal(int, object)
    chosen = Signal(int)
    reset_asked = Signal(int)
    remove_asked = Signal(int)
    add_asked = Signal()
    menu_asked = Signal(int, float, float, QPoint)
    turn_pressed = Signal()
    turned = Signal(float)
    turn_released = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.lamps: tuple[PlacedLamp, ...] = ()
        self.selected = 1
        self.turn: float | None = None  # degrees that the surroundings are turned by; None without any
        self.size_choice = "auto"
        self.hot = False
        self.menu_open = False
        self.by_keys = False  # it has the focus, and not by a click
        self._room = QRectF()
        self._large = False
        self._light: tuple[np.ndarray, tuple[HardLamp, ...]] | None = None
        self._image: QImage | None = None
        self._holds: int | None = None  # the lamp that is dragged
        self._turns = False  # the surroundings are being turned
        self._offset = QPointF()  # from the mouse to the middle of the handle it holds
        self._pressed_at = QPointF()
        self._moved = False
        self._linger = QTimer(self)
        self._linger.setSingleShot(True)
        self._linger.setInterval(_LINGER_MS)
        self._linger.timeout.connect(self._resize)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Light ball"))
        self.setToolTip(tr("Drag a lamp to where it should stand; over the edge it goes behind the head.\n"
                           "Wheel: intensity, with Shift softness. Double click resets. Right click: lamps, colour, shadow.\n"
                           "Drag with the right button to turn the environment."))

    # -- what it shows

    def set_lamps(self, lamps: tuple[PlacedLamp, ...], selected: int, turn: float | None) -> None:
        """The lamps, which one is in hand, and how the surroundings are turned."""
        if (lamps, selected, turn) != (self.lamps, self.selected, self.turn):
            self.lamps, self.selected, self.turn = lamps, selected, turn
            if self._holds is None:  # a reader needs no word for each step of a drag
                self._describe()
            self.update()

    def set_light(self, light: np.ndarray, lamps: tuple[HardLamp, ...]) -> None:
        """The edit's whole light: coefficients (9, 3), and the lamps beside them."""
        if self._light is None or lamps != self._light[1] or not np.array_equal(light, self._light[0]):
            self._light, self._image = (np.array(light), lamps), None
            self.update()

    @property
    def held(self) -> bool:
        """Whether the mouse drags a lamp, or the surroundings."""
        return self._holds is not None or self._turns

    def set_size(self, choice: str) -> None:
        """'small', 'large', or 'auto': large while the mouse or the focus is on it."""
        self.size_choice = choice
        self._resize()

    def place_in(self, room: QRectF) -> None:
        """Stand in the top right corner of this part of the canvas."""
        self._room = room
        self._resize()

    def _resize(self) -> None:
        if self.held:  # nothing moves under a hand that drags
            return
        inside = self.hot or self.by_keys or self.menu_open
        self._large = self.size_choice == "large" or self.size_choice == "auto" and (inside or self._linger.isActive())
        plate = 2 * (self._radius * RIM + _PLATE)
        box = QRectF(self._room.right() - plate, self._room.top(), plate, plate + 4 + _CAPTION).toRect()
        if box != self.geometry():
            self._image = None
            self.setGeometry(box)
        self.update()

    @property
    def _radius(self) -> float:
        most = min(self._room.width(), self._room.height()) * 0.9 / 2 / RIM
        return max(24.0, min(LARGE if self._large else SMALL, most))

    @property
    def shape_now(self) -> Shape:
        """Where the ball is in this widget."""
        reach = self._radius * RIM + _PLATE
        return Shape(QPointF(self.width() / 2, reach), self._radius, 9.5 if self._large else 7.0)

    def handle_at(self, lamp: PlacedLamp) -> QPointF:
        """Where a lamp's handle is, in this widget."""
        shape = self.shape_now
        return shape.centre + QPointF(*place(lamp.azimuth, lamp.elevation)) * shape.radius

    def menu_closed(self) -> None:
        """Its menu went away."""
        self.menu_open = False
        self.hot = self.underMouse() and self.hot
        self._resize()

    def _describe(self) -> None:
        lamp = next((one for one in self.lamps if one.number == self.selected), None)
        if lamp is not None:
            self.setAccessibleDescription(tr("{lamp}. {count} lamps. Arrows move it, plus and minus change its intensity.",
                                             lamp=spoken(lamp), count=len(self.lamps)))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Plate, sphere, handles from the back to the one in hand, words."""
        if self._light is None:
            return
        shape, ratio = self.shape_now, self.devicePixelRatioF()
        if self._image is None:
            self._image = sphere(self._light[0], min(MOST_SIDE, round(2 * shape.radius * ratio)), self._light[1])
        busy = self.hot or self.by_keys or self._holds is not None
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        ball_paint.plate(painter, shape, busy)
        ball_paint.ball(painter, shape, self._image)
        if self.turn is not None:
            ball_paint.compass(painter, shape, self.turn)
        for lamp in sorted(self.lamps, key=lambda one: (one.number == self.selected, not is_behind(one))):
            ball_paint.handle(painter, shape, self.handle_at(lamp), lamp, lamp.number == self.selected, self.by_keys)
        if busy and self._large:
            ball_paint.caption(painter, QRectF(0, self.height() - _CAPTION, self.width(), _CAPTION), self._words())
        painter.end()

    def _words(self) -> str:
        if self._turns and self.turn is not None:
            return tr("Environment {turn}°", turn=round(self.turn))
        lamp = next((one for one in self.lamps if one.number == self.selected), None)
        if lamp is None:
            return ""
        return tr("{name}  {azimuth}°, {elevation}°  ×{intensity}", name=lamp_name(lamp.number), azimuth=f"{lamp.azimuth:+.0f}",
                  elevation=f"{lamp.elevation:+.0f}", intensity=f"{lamp.intensity:.2f}")

    # -- the mouse

    def lamp_at(self, point: QPointF) -> int:
        """The lamp whose handle is at a point of this widget, 0 for none. The one in hand comes before others."""
        near = [(lamp.number != self.selected, math.dist(self.handle_at(lamp).toTuple(), point.toTuple()), lamp.number)
                for lamp in self.lamps]
        near = [entry for entry in near if entry[1] <= self.shape_now.handle + 5]
        return min(near)[2] if near else 0

    def covers(self, point: QPointF) -> bool:
        """Whether a point of this widget is on the plate."""
        shape = self.shape_now
        return math.dist(shape.centre.toTuple(), point.toTuple()) <= shape.radius * RIM + _PLATE

    def aim_at(self, point: QPointF) -> tuple[float, float]:
        """Azimuth and elevation that a point of this widget stands for."""
        shape = self.shape_now
        away = (point - shape.centre) / shape.radius
        return aim(away.x(), away.y())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take a lamp; beside the handles, bring the one in hand here. The right button or Alt turns the surroundings."""
        point = event.position()
        if not self.covers(point) or self.held:
            event.ignore()
            return
        self._pressed_at, self._moved = point, False
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if event.button() == Qt.MouseButton.RightButton or alt and event.button() == Qt.MouseButton.LeftButton:
            self._turns = True
            if self.turn is not None:
                self.turn_pressed.emit()
        elif event.button() == Qt.MouseButton.LeftButton:
            self._take(point)
        else:
            event.ignore()

    def _take(self, point: QPointF) -> None:
        found = self.lamp_at(point)
        self._holds = found or self.selected
        self.pressed.emit(self._holds)
        lamp = next((one for one in self.lamps if one.number == self._holds), None)
        self._offset = self.handle_at(lamp) - point if found and lamp is not None else QPointF()
        if not found:
            self._moved = True
            self.dragged.emit(self._holds, *self.aim_at(point))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A held lamp follows; surroundings turn; else show what is under the mouse."""
        point = event.position()
        away = point - self._pressed_at
        if self.held:
            self._moved = self._moved or math.hypot(away.x(), away.y()) >= _MOVED
        if self._holds is not None and self._moved:
            self.dragged.emit(self._holds, *self.aim_at(point + self._offset))
        elif self._turns and self._moved and self.turn is not None:
            self.turned.emit(away.x() / self.shape_now.radius * 90)
        elif self._holds is None and not self._turns:
            self._hover(self.covers(point))
            if not self.hot:
                event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go. A click on a handle chose the lamp; one of the right button opens the menu."""
        point = event.position()
        if self._holds is not None and event.button() == Qt.MouseButton.LeftButton:
            self._holds = None
            self.released.emit()
            self._describe()
        elif self._turns:
            self._turns = False
            if self.turn is not None:
                self.turn_released.emit()
            if not self._moved and event.button() == Qt.MouseButton.RightButton:
                self._ask_menu(self.lamp_at(point), self.aim_at(point), point)
        else:
            event.ignore()
            return
        self._hover(self.covers(point))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """On a handle: reset that lamp."""
        found = self.lamp_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found:
            self.reset_asked.emit(found)
        elif self.covers(event.position()):
            self.mousePressEvent(event)
        else:
            event.ignore()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Intensity, with Shift softness, of the lamp under the mouse or else the one in hand."""
        delta = event.angleDelta().y() or event.angleDelta().x()  # some systems turn Shift and the wheel sideways
        if not delta or not self.covers(event.position()):
            event.ignore()
            return
        soft = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        lamp = self.lamp_at(event.position()) or self.selected
        self.stepped.emit(lamp, {"softness" if soft else "intensity": delta / 120 * WHEEL_STEP})
        event.accept()

    def _ask_menu(self, lamp: int, where: tuple[float, float], point: QPointF) -> None:
        self.menu_asked.emit(lamp, *where, self.mapToGlobal(point).toPoint())

    def _hover(self, hot: bool) -> None:
        if hot != self.hot:
            self.hot = hot
            if not hot:
                self._linger.start()
            self._resize()
        self.setCursor(Qt.CursorShape.PointingHandCursor if hot else Qt.CursorShape.ArrowCursor)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse any more."""
        if self._holds is None and not self._turns:
            self._hover(False)
        super().leaveEvent(event)

    # -- keys

    def event(self, event: QEvent) -> bool:
        """Numbers and signs are the lamps' here, not the window's shortcuts."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and action(self, event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Numbers choose, arrows move, plus and minus change intensity, page keys softness; Insert adds, Delete removes."""
        run = action(self, event)
        if run is not None:
            run()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """From the keyboard; the mouse's comes when its button is let go, as it may turn the surroundings first."""
        lamp = next((one for one in self.lamps if one.number == self.selected), None)
        if event.reason() == QContextMenuEvent.Reason.Keyboard and lamp is not None:
            self._ask_menu(lamp.number, (lamp.azimuth, lamp.elevation), self.handle_at(lamp))
        event.accept()

    def focusNextPrevChild(self, onward: bool) -> bool:
        """Tab goes from lamp to lamp before it leaves."""
        numbers = [lamp.number for lamp in self.lamps]
        if self.selected in numbers:
            following = numbers.index(self.selected) + (1 if onward else -1)
            if 0 <= following < len(numbers):
                self.chosen.emit(numbers[following])
                return True
        return super().focusNextPrevChild(onward)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """By Tab one comes to the first lamp, backwards to the last."""
        if self.lamps and event.reason() == Qt.FocusReason.TabFocusReason:
            self.chosen.emit(self.lamps[0].number)
        elif self.lamps and event.reason() == Qt.FocusReason.BacktabFocusReason:
            self.chosen.emit(self.lamps[-1].number)
        super().focusInEvent(event)
        self.by_keys = event.reason() not in (Qt.FocusReason.MouseFocusReason, Qt.FocusReason.ActiveWindowFocusReason,
                                              Qt.FocusReason.PopupFocusReason)
        self._resize()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """As small as it was."""
        super().focusOutEvent(event)
        self.by_keys = False
        self._resize()

