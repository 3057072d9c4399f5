"""A parameter's row: label, slider with a zero mark, number with unit, reset."""
from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QToolButton, QWidget

from app.elided import Elided
from app.language import tr, within
from app.panels.track import ZeroSlider
from app.theme import Theme
from core.rig import Parameter

LABEL_WIDTH = 100
NUMBER_WIDTH = 62
ROW_HEIGHT = 30
PAUSE_MS = 700  # keys and wheel steps closer than this are one undo step


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

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """A comma or a point, whichever the hand is used to; a number out of range may be typed, and is brought to its end."""
        point = self.locale().decimalPoint()
        text = text.replace(",", point).replace(".", point)
        state, text, position = super().validate(text, position)
        if state is QValidator.State.Invalid and self._number(text) is not None:
            state = QValidator.State.Intermediate
        return state, text, position

    def fixup(self, text: str) -> str:
        """The nearest value there is; what is no number is put back."""
        number = self._number(text)
        return self.textFromValue(self.value() if number is None else min(self.maximum(), max(self.minimum(), number)))

    def _number(self, text: str) -> float | None:
        number, good = self.locale().toDouble(text.removesuffix(self.suffix()).strip())
        return number if good else None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Steps, if it has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape puts a half-typed number back."""
        if event.key() == Qt.Key.Key_Escape and self.lineEdit().isModified():
            self.show_value(self.value())
            self.selectAll()
        else:
            super().keyPressEvent(event)

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

    def __init__(self, theme: Theme, parameter: Parameter, label: str = "", parent: QWidget | None = None, *,
                 gutter: int = 0) -> None:
        """gutter: pixels left free before the label."""
        super().__init__(parent)
        self._theme = theme
        self.parameter = parameter
        self._gutter = gutter
        text = label or tr(parameter.label)
        self.label = Elided(text=text)  # of a translation, perhaps, that is longer
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
        self.label.setBuddy(self.number)
        self._name_for_readers(text)
        self._lay_out()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._end_steps)
        self._holding = self._stepping = self._keyed = False
        self._shown: tuple[float, float, bool] | None = None
        self._connect()
        self.recolor()

    def _name_for_readers(self, text: str) -> None:
        row = self.parameter
        tip = f"{tr(row.help)}\n" if row.help else ""
        self.label.set_tip(f"{tip}{row.name}")
        self._tip = f"{tip}{tr('Drag, or use the arrow keys. Double click to reset.')}"
        self.slider.setToolTip(self._tip)
        self.slider.setAccessibleName(tr("{name} slider", name=text))
        self.number.setAccessibleName(text)
        self.number.setToolTip(f"{tip}{tr('Type a number, or use the arrow keys.')}")
        self.reset.setAccessibleName(tr("Reset {name}", name=text))
        self.reset.setToolTip(tr("Reset {name}", name=within(text)))

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(self._gutter, 0, 0, 0)
        for part in (self.label, self.slider, self.number, self.reset):
            layout.addWidget(part, 1 if part is self.slider else 0)
        layout.setSpacing(6)
        self.setFixedHeight(ROW_HEIGHT)

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

    def set_room(self, low: float, high: float) -> None:
        """Between which values the parameter still shows on this photo; marked on the track, and said in its tool tip."""
        row = self.parameter
        room = None if low <= row.low and high >= row.high else (low, high)
        self.slider.set_room(room)
        if room is None:
            said = ""
        elif low >= high:
            said = tr("This photo shows nothing of it.")
        else:
            said = tr("On this photo it shows from {low} to {high}.", low=f"{low:g}{row.unit}", high=f"{high:g}{row.unit}")
        self.slider.setToolTip(f"{self._tip}\n{said}" if said else self._tip)

    def set_keyed(self, on: bool) -> None:
        """Mark that it has keyframes and that moving it sets one where the playhead stands."""
        if on != self._keyed:
            self._keyed = on
            self.label.setText(f"{self.label.text()} ◆" if on else self.label.text().removesuffix(" ◆"))
            self.label.setAccessibleDescription(tr("Has keyframes") if on else "")

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
        self.number.show_value(value)  # at once; the rest of the panel follows
        self.moved.emit(self.parameter.name, value)

    def _typed(self, value: float) -> None:
        self._shown = None
        self.moved.emit(self.parameter.name, value)

    def _end_steps(self) -> None:
        self._pause.stop()
        if self._stepping:
            self._stepping = False
            self.ended.emit()
