"""One row of the form: what is varied, from where to where, and in how many steps."""
from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QColorDialog,
    QComboBox,
    QCompleter,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QToolButton,
    QWidget,
)

from app.history.words import parameter_name
from app.language import tr
from app.theme import Theme
from core.parameter import RGB, Parameter, Value
from core.variations import FIELDS, Axis, spread

COUNTS = (3, 9)
SETTLE_MS = 350  # numbers that are being typed make no pictures yet
_FIRST = ("seed", "light.azimuth", "light.elevation", "light.intensity", "light.softness", "light.ambient", "light.color",
          "expression.smile", "expression.surprise", "jaw.open", "pose.yaw", "pose.pitch", "eyes.yaw", "strength", "guidance",
          "reach", "steps")
_ENDS: dict[str, tuple[float, float]] = {
    "seed": (0, 5), "light.azimuth": (-60, 60), "light.elevation": (-20, 60), "light.intensity": (0.2, 1.6),
    "light.ambient": (0, 1), "pose.yaw": (-25, 25), "pose.pitch": (-15, 15), "strength": (0.25, 1), "guidance": (0, 2),
    "reach": (0, 1), "steps": (2, 16), "environment.turn": (-180, 120)}
_COLORS = ((1.0, 0.75, 0.45), (0.55, 0.75, 1.0))


class AxisRow(QWidget):
    """Chooses an axis. changed: `axis` is another one. optional: "nothing" can be chosen."""

    changed = Signal()

    def __init__(self, theme: Theme, title: str, *, optional: bool = False) -> None:
        super().__init__()
        self._theme, self._optional = theme, optional
        self._table: Mapping[str, Parameter] = {}
        self._colors: list[tuple[float, float, float]] = list(_COLORS)
        self.what = QComboBox()
        self.what.setEditable(True)
        self.what.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.what.setMaxVisibleItems(18)
        self.what.setMinimumWidth(150)
        self.what.setAccessibleName(title)
        self.what.setToolTip(tr("What is varied. Type a part of its name to find it."))
        self.low, self.high, self.count = QDoubleSpinBox(), QDoubleSpinBox(), QSpinBox()
        self.swatches = (QToolButton(), QToolButton())
        self.count.setRange(*COUNTS)
        self.count.setValue(5)
        self.count.setAccessibleName(tr("How many pictures"))
        self.count.setToolTip(tr("How many pictures, {low} to {high}", low=COUNTS[0], high=COUNTS[1]))
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(SETTLE_MS)
        self._delay.timeout.connect(self.changed)
        self._lay_out(title)
        self.what.currentIndexChanged.connect(self._what_chosen)
        for box in (self.low, self.high, self.count):
            box.lineEdit().setTextMargins(5, 0, 5, 0)
        for box in (self.low, self.high, self.count):
            box.valueChanged.connect(lambda _: self._delay.start())

    def _lay_out(self, title: str) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        head = QLabel(title)
        head.setObjectName("rowLabel")
        head.setMinimumWidth(34)
        head.setBuddy(self.what)
        row.addWidget(head)
        row.addWidget(self.what)
        self._ranged: list[QWidget] = []
        for text, box, swatch, name in ((tr("from"), self.low, self.swatches[0], tr("From")),
                                        (tr("to"), self.high, self.swatches[1], tr("To"))):
            label = QLabel(text)
            label.setObjectName("rowLabel")
            box.setAccessibleName(name)
            box.setFixedWidth(68)
            box.setKeyboardTracking(False)
            swatch.setObjectName("swatch")
            swatch.setAccessibleName(name)
            swatch.setIconSize(QSize(30, 14))
            swatch.hide()
            for part in (label, box, swatch):
                row.addWidget(part)
            self._ranged.append(label)
        self.swatches[0].clicked.connect(lambda: self._ask_color(0))
        self.swatches[1].clicked.connect(lambda: self._ask_color(1))
        label = QLabel(tr("in"))
        label.setObjectName("rowLabel")
        self._ranged.append(label)
        self.count.setFixedWidth(48)
        self.count.setKeyboardTracking(False)
        row.addWidget(label)
        row.addWidget(self.count)
        row.addStretch(1)

    # -- filling it

    def set_table(self, table: Mapping[str, Parameter], chosen: str) -> None:
        """The names that can be varied."""
        self._table = {**FIELDS, **table}
        self.what.blockSignals(True)
        self.what.clear()
        if self._optional:
            self.what.addItem(tr("nothing else"), "")
        first = [name for name in _FIRST if name in self._table]
        for name in (*first, *(name for name in self._table if name not in first and not name.startswith("sh."))):
            self.what.addItem(parameter_name(name), name)
        self.what.insertSeparator(len(first) + self._optional)
        completer = self.what.completer()
        if completer is not None:
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.what.blockSignals(False)
        self.choose(chosen)

    @property
    def name(self) -> str:
        """What is varied; '' for nothing."""
        return str(self.what.currentData() or "")

    def choose(self, name: str) -> None:
        """Vary this one."""
        index = self.what.findData(name)
        self.what.setCurrentIndex(max(0, index))
        self._what_chosen()

    def _what_chosen(self) -> None:
        row = self._table.get(self.name)
        colored = row is not None and row.unit == RGB
        for widget in (*self._ranged, self.count):
            widget.setVisible(row is not None)
        self.low.setVisible(row is not None and not colored)
        for widget in (self.high, self._ranged[1]):  # seeds are counted up: they have no end
            widget.setVisible(row is not None and not colored and row.name != "seed" or colored and widget is not self.high)
        for swatch in self.swatches:
            swatch.setVisible(colored)
        if row is not None:
            self._fill(row)
        self._show_colors()
        self._delay.start()

    def _fill(self, row: Parameter) -> None:
        whole = row.step >= 1 and row.unit != "°"
        low, high = _ENDS.get(row.name, (0.0 if row.default == 0.0 and row.unit == "" else row.low, row.high))
        if row.name.startswith(("lamp.", "light.")) and row.name not in _ENDS:
            low, high = _ENDS.get("light." + row.name.rsplit(".", 1)[-1], (row.low, row.high))
        for box, value in ((self.low, low), (self.high, high)):
            box.blockSignals(True)
            box.setRange(row.low, row.high)
            box.setDecimals(0 if whole else 1 if row.unit == "°" else 2)
            box.setSingleStep(max(row.step, 5 if row.unit == "°" else row.step))
            box.setSuffix(row.unit if row.unit == "°" else "")
            box.setValue(max(row.low, min(row.high, value)))
            box.setToolTip(tr("{name}, {low} to {high}", name=parameter_name(row.name), low=f"{row.low:g}", high=f"{row.high:g}"))
            box.blockSignals(False)

    @property
    def axis(self) -> Axis | None:
        """What was chosen; None for nothing, or where both ends are the same."""
        row = self._table.get(self.name)
        if row is None:
            return None
        if row.name == "seed":
            first = round(self.low.value())
            return Axis("seed", tuple(float(first + i) for i in range(self.count.value())))
        low: Value = self._colors[0] if row.unit == RGB else self.low.value()
        high: Value = self._colors[1] if row.unit == RGB else self.high.value()
        found = spread(row.name, low, high, self.count.value())
        return found if len(set(found.values)) > 1 else None

    # -- colours

    def _ask_color(self, which: int) -> None:
        color = QColorDialog.getColor(QColor.fromRgbF(*self._colors[which]), self, tr("Colour"))
        if color.isValid():
            self._colors[which] = (color.redF(), color.greenF(), color.blueF())
            self._show_colors()
            self._delay.start()

    def _show_colors(self) -> None:
        for swatch, color in zip(self.swatches, self._colors, strict=True):
            picture = QPixmap(60, 28)
            picture.fill(QColor.fromRgbF(*color))
            swatch.setIcon(QIcon(picture))
            swatch.setToolTip(QColor.fromRgbF(*color).name())
