"""The track of a slider: a zero mark, a fill from there to the knob, and dots where the photo has no room."""
from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from app.theme import Theme

_KNOB = 6.5
_TICKS = 10000
_DOTS = 6.0  # pixels from dot to dot where a slider shows nothing on this photo


class ZeroSlider(QSlider):
    """A slider over a range of floats, with a mark where nothing is edited, filled from there to the knob.

    pressed, released: a drag. moved(value): by hand, in any way. A double click asks for a reset.
    """

    pressed = Signal()
    released = Signal()
    moved = Signal(float)
    reset_asked = Signal()

    def __init__(self, theme: Theme, low: float, high: float, step: float, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = theme
        self._low, self._high, self._step = low, high, step
        self._zero: float | None = None
        self._room: tuple[float, float] | None = None
        self._held = False
        self._over = False
        self.setRange(0, _TICKS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(22)
        self.setMinimumWidth(80)

    @property
    def real(self) -> float:
        """The value in the parameter's unit."""
        return self._low + (self._high - self._low) * self.value() / _TICKS

    def show_value(self, value: float, zero: float | None) -> None:
        """Move the knob and the zero mark without telling anybody."""
        blocked = self.blockSignals(True)
        self.setValue(round((value - self._low) / (self._high - self._low) * _TICKS))
        self.blockSignals(blocked)
        self._zero = zero
        self.update()

    def set_room(self, room: tuple[float, float] | None) -> None:
        """Between which values it still shows on this photo: the rest of the track is dotted. None: everywhere."""
        if room != self._room:
            self._room = room
            self.update()

    def sizeHint(self) -> QSize:
        """Wide enough to aim."""
        return QSize(140, 22)

    def _x(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return _KNOB + 1 + min(1.0, max(0.0, share)) * (self.width() - 2 * _KNOB - 2)

    def _at(self, x: float) -> float:
        share = (x - _KNOB - 1) / max(1.0, self.width() - 2 * _KNOB - 2)
        value = self._low + min(1.0, max(0.0, share)) * (self._high - self._low)
        if self._zero is not None and abs(self._x(value) - self._x(self._zero)) < 3:
            return self._zero  # the zero mark holds the knob a little
        return value

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Groove, fill, zero mark, knob."""
        colors = self._theme.colors
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        self._paint_track(painter, middle)
        x = self._x(self.real)
        if self._zero is not None and self.isEnabled():
            zero = self._x(self._zero)
            painter.setBrush(QColor(colors.accent))
            painter.drawRoundedRect(QRectF(min(x, zero), middle - 1.5, abs(x - zero), 3), 1.5, 1.5)
            painter.setBrush(QColor(colors.faint))
            painter.drawRoundedRect(QRectF(zero - 0.75, middle - 5.5, 1.5, 11), 0.75, 0.75)
        self._paint_knob(painter, QPointF(x, middle))
        painter.end()

    def _paint_track(self, painter: QPainter, middle: float) -> None:
        left, right = _KNOB + 1, self.width() - _KNOB - 1
        start, end = (left, right) if self._room is None else (self._x(self._room[0]), self._x(self._room[1]))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.colors.groove))
        if end - start > 1:
            painter.drawRoundedRect(QRectF(start, middle - 1.5, end - start, 3), 1.5, 1.5)
        for low, high in ((left, start), (end, right)):
            for i in range(int((high - low) / _DOTS)):
                painter.drawEllipse(QPointF(low + (i + 0.5) * _DOTS, middle), 0.9, 0.9)

    def _paint_knob(self, painter: QPainter, at: QPointF) -> None:
        colors = self._theme.colors
        lit = self._held or self._over or self.hasFocus()
        if self.hasFocus():
            halo = QColor(colors.accent)
            halo.setAlpha(70)
            painter.setBrush(halo)
            painter.drawEllipse(at, _KNOB + 3.5, _KNOB + 3.5)
        painter.setPen(QPen(QColor(colors.accent if lit else colors.faint), 1.4))
        painter.setBrush(QColor(colors.handle if self.isEnabled() else colors.groove))
        painter.drawEllipse(at, _KNOB, _KNOB)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The knob comes to the mouse and follows it."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._held = True
        self.pressed.emit()
        if abs(event.position().x() - self._x(self.real)) > _KNOB + 2:
            self._move(self._at(event.position().x()))
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The knob follows the mouse."""
        if self._held:
            self._move(self._at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._held and event.button() == Qt.MouseButton.LeftButton:
            self._held = False
            self.released.emit()
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to what the photo has."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = False
            self.released.emit()
            self.reset_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Steps, if the slider has the focus; else the panel scrolls."""
        if not self.hasFocus():
            event.ignore()
            return
        self._by(event.angleDelta().y() / 120)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step, page keys step by ten, Home and Delete reset."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1,
                 Qt.Key.Key_PageDown: -10, Qt.Key.Key_PageUp: 10}
        key = Qt.Key(event.key())
        if key in steps:
            self._by(steps[key])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset_asked.emit()
        else:
            event.ignore()

    def _by(self, steps: float) -> None:
        if steps:
            self._move(min(self._high, max(self._low, self.real + steps * self._step)))

    def _move(self, value: float) -> None:
        blocked = self.blockSignals(True)
        self.setValue(round((value - self._low) / (self._high - self._low) * _TICKS))
        self.blockSignals(blocked)
        self.update()
        self.moved.emit(value)

    def enterEvent(self, event: object) -> None:
        """The mouse is over it."""
        self._over = True
        self.update()

    def leaveEvent(self, event: object) -> None:
        """The mouse left."""
        self._over = False
        self.update()
