"""A parameter's row: label, slider with a zero mark, number with unit, reset."""
from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QToolButton, QWidget

from app.theme import Theme
from core.rig import Parameter

LABEL_WIDTH = 100
NUMBER_WIDTH = 62
PAUSE_MS = 700  # keys and wheel steps closer than this are one undo step
_KNOB = 6.5
_TICKS = 10000


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
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.groove))
        painter.drawRoundedRect(QRectF(_KNOB + 1, middle - 1.5, self.width() - 2 * _KNOB - 2, 3), 1.5, 1.5)
        x = self._x(self.real)
        if self._zero is not None and self.isEnabled():
            zero = self._x(self._zero)
            painter.setBrush(QColor(colors.accent))
            painter.drawRoundedRect(QRectF(min(x, zero), middle - 1.5, abs(x - zero), 3), 1.5, 1.5)
            painter.setBrush(QColor(colors.faint))
            painter.drawRoundedRect(QRectF(zero - 0.75, middle - 5.5, 1.5, 11), 0.75, 0.75)
        self._paint_knob(painter, QPointF(x, middle))
        painter.end()

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


class Number(QDoubleSpinBox):
    """The typed number. The wheel scrolls the panel unless it has the focus."""

    def __init__(self, low: float, high: float, step: float, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(low, high)
        self.setSingleStep(step)
        whole = float(step).is_integer() and unit != "°"
        self.setDecimals(0 if whole else 1 if step >= 0.1 else 2)
        self.setSuffix(unit)
        self.lineEdit().setTextMargins(4, 0, 5, 0)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setKeyboardTracking(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedWidth(NUMBER_WIDTH)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Steps, if it has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def show_value(self, value: float) -> None:
        """Show without telling anybody."""
        blocked = self.blockSignals(True)
        self.setValue(value)
        self.blockSignals(blocked)


class ParameterRow(QWidget):
    """One parameter of the rig.

    began: a drag starts. moved(name, value). ended: the drag, or a run of steps, is over. reset_asked(name).
    """

    began = Signal(str)
    moved = Signal(str, float)
    ended = Signal()
    reset_asked = Signal(str)

    def __init__(self, theme: Theme, parameter: Parameter, label: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.parameter = parameter
        text = label or parameter.label
        self.label = QLabel(text)
        self.label.setObjectName("rowLabel")
        self.label.setFixedWidth(LABEL_WIDTH)
        degrees = parameter.unit == "°"
        step = max(parameter.step, 0.5) if degrees else parameter.step
        self.slider = ZeroSlider(theme, parameter.low, parameter.high, step)
        self.number = Number(parameter.low, parameter.high, step, "°" if degrees else "")
        self.reset = QToolButton()
        self.reset.setObjectName("rowReset")
        self.reset.setFixedSize(22, 22)
        self.reset.setIconSize(QSize(14, 14))
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)
        self._name_for_readers(text)
        self._lay_out()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._end_steps)
        self._holding = self._stepping = False
        self._shown: tuple[float, float, bool] | None = None
        self._connect()
        self.recolor()

    def _name_for_readers(self, text: str) -> None:
        row = self.parameter
        tip = f"{row.help}\n" if row.help else ""
        self.label.setToolTip(f"{tip}{row.name}")
        self.slider.setToolTip(f"{tip}Drag, or use the arrow keys. Double click to reset.")
        self.slider.setAccessibleName(f"{text} slider")
        self.number.setAccessibleName(text)
        self.reset.setAccessibleName(f"Reset {text}")
        self.reset.setToolTip(f"Reset {text.lower()}")

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.label, self.slider, self.number, self.reset):
            layout.addWidget(part, 1 if part is self.slider else 0)
        layout.setSpacing(6)
        self.setFixedHeight(30)

    def _connect(self) -> None:
        name = self.parameter.name
        self.slider.pressed.connect(self._press)
        self.slider.released.connect(self._release)
        self.slider.moved.connect(self._slide)
        self.slider.reset_asked.connect(lambda: self.reset_asked.emit(name))
        self.number.valueChanged.connect(self._typed)
        self.reset.clicked.connect(lambda: self.reset_asked.emit(name))

    def recolor(self) -> None:
        """Take the scheme's icon."""
        self.reset.setIcon(self._theme.icon("reset"))

    def show_value(self, value: float, zero: float, edited: bool) -> None:
        """Show where the parameter stands."""
        if (value, zero, edited) == self._shown:
            return
        self._shown = (value, zero, edited)
        self.slider.show_value(value, zero)
        if not self.number.hasFocus() or abs(self.number.value() - value) > 10 ** -self.number.decimals() / 2:
            self.number.show_value(value)
        self.reset.setVisible(edited)
        if self.label.property("edited") != edited:
            self.label.setProperty("edited", edited)
            self.label.style().unpolish(self.label)
            self.label.style().polish(self.label)

    def _press(self) -> None:
        self._end_steps()
        self._holding = True
        self.began.emit(self.parameter.name)

    def _release(self) -> None:
        self._holding = False
        self.ended.emit()

    def _slide(self, value: float) -> None:
        if not self._holding:  # keys or wheel: steps in quick succession are one undo step
            if not self._stepping:
                self._stepping = True
                self.began.emit(self.parameter.name)
            self._pause.start()
        self.moved.emit(self.parameter.name, value)

    def _typed(self, value: float) -> None:
        self._shown = None
        self.moved.emit(self.parameter.name, value)

    def _end_steps(self) -> None:
        self._pause.stop()
        if self._stepping:
            self._stepping = False
            self.ended.emit()
