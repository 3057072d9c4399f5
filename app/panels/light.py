"""The Light panel: quick directions, the key lamp, its colour, and the raw coefficients."""
from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QColorDialog, QGridLayout, QHBoxLayout, QLabel, QToolButton, QWidget

from app.canvas.ball import sphere
from app.document import Document
from app.panels.base import Panel
from app.panels.section import Section
from app.panels.slider import LABEL_WIDTH, Number
from app.theme import Theme
from core.light import LightParams, compose
from core.rig import Parameter

NAMES = ("light.azimuth", "light.elevation", "light.intensity", "light.ambient")
QUICK = (("Left", -60.0, 15.0), ("Front", 0.0, 10.0), ("Right", 60.0, 15.0), ("Above", 0.0, 65.0), ("Below", 0.0, -50.0))
TERMS = ("1", "x", "y", "z", "xy", "xz", "yz", "x²−y²", "3z²−1")
_ICON = 34


class LightPanel(Panel):
    """Light: everything under ``light.`` and ``sh.``."""

    prefixes = ("light.", "sh.")

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, "Light", parent)
        self.swatch = QToolButton()
        self.coefficients: dict[str, Number] = {}
        self.raw: Section | None = None

    def build(self, table: dict[str, Parameter]) -> None:
        """Quick directions, rows, colour, coefficients."""
        self.add(self._quick_row())
        self.add_rows(table, NAMES)
        self.add(self._color_row())
        self.raw = Section(self._theme, "Raw light coefficients", minor=True, opened=False)
        self.raw.add(self._coefficient_table(table))
        self.raw.toggled.connect(lambda _: self.refresh())
        self.add(self.raw)

    def refresh(self) -> None:
        """Rows, the colour, and the coefficients if they show."""
        super().refresh()
        if not self.document.session:
            return
        values = self.document.values()
        color = to_color(values.get("light.color", (1.0, 1.0, 1.0)))
        name = f" {color.name().upper()}"
        if self.swatch.text() != name:  # this runs at each move of any slider
            self.swatch.setIcon(_swatch_icon(color))
            self.swatch.setText(name)
        if self.raw is not None and self.raw.opened:
            for name, number in self.coefficients.items():
                number.show_value(float(values[name]))  # type: ignore[arg-type]
                number.setProperty("edited", self.document.is_set(name))

    def _quick_row(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 2, 0, 8)
        layout.setSpacing(4)
        for label, azimuth, elevation in QUICK:
            button = QToolButton()
            button.setObjectName("quick")
            button.setText(label)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(_ICON, _ICON))
            button.setIcon(_lamp_icon(azimuth, elevation))
            button.setToolTip(f"Key light: {label.lower()}")
            button.setAccessibleName(f"Light {label.lower()}")
            button.clicked.connect(lambda _=False, label=label, azimuth=azimuth, elevation=elevation:
                                   self._aim(label, azimuth, elevation))
            layout.addWidget(button, 1)
        return row

    def _aim(self, label: str, azimuth: float, elevation: float) -> None:
        self.document.update({"light.azimuth": azimuth, "light.elevation": elevation}, f"Light: {label.lower()}")

    def _color_row(self) -> QWidget:
        row = QWidget()
        row.setFixedHeight(32)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        label = QLabel("Colour")
        label.setObjectName("rowLabel")
        label.setFixedWidth(LABEL_WIDTH)
        self.swatch = QToolButton()
        self.swatch.setObjectName("swatch")
        self.swatch.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.swatch.setIconSize(QSize(28, 16))
        self.swatch.setToolTip("Colour of the key light")
        self.swatch.setAccessibleName("Light colour")
        self.swatch.clicked.connect(self._pick_color)
        layout.addWidget(label)
        layout.addWidget(self.swatch)
        layout.addStretch(1)
        return row

    def _pick_color(self) -> None:
        dialog = QColorDialog(to_color(self.document.values()["light.color"]), self)
        dialog.setWindowTitle("Light colour")
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        before = self.document.rig.get("light.color")
        self.document.begin("Light colour")
        dialog.currentColorChanged.connect(lambda color: self.document.set("light.color", _from_color(color)))
        dialog.rejected.connect(lambda: self.document.set("light.color", before))
        dialog.finished.connect(lambda _: self.document.end())
        dialog.open()

    def _coefficient_table(self, table: dict[str, Parameter]) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setSpacing(4)
        for column, name in enumerate(("Red", "Green", "Blue"), 1):
            grid.addWidget(_heading(name), 0, column)
        for k, term in enumerate(TERMS):
            grid.addWidget(_heading(term, Qt.AlignmentFlag.AlignLeft), k + 1, 0)
            for column, channel in enumerate("rgb", 1):
                name = f"sh.{k}.{channel}"
                grid.addWidget(self._coefficient(table[name], term), k + 1, column)
        grid.setColumnStretch(0, 1)
        return box

    def _coefficient(self, row: Parameter, term: str) -> Number:
        number = Number(row.low, row.high, row.step, "")
        number.setDecimals(3)
        number.setAccessibleName(f"Coefficient {term} {row.name[-1]}")
        number.setToolTip(row.name)
        number.valueChanged.connect(lambda value, name=row.name: self.document.set(name, value, f"Coefficient {name}"))
        self.coefficients[row.name] = number
        return number


def to_color(value: object) -> QColor:
    """An RGB triple in [0, 1] as a colour."""
    assert isinstance(value, tuple)
    return QColor.fromRgbF(*(min(1.0, max(0.0, float(v))) for v in value))


def _from_color(color: QColor) -> tuple[float, float, float]:
    """The triple scaled so that its largest is 1: the strength of a lamp is its intensity's business."""
    parts = (color.redF(), color.greenF(), color.blueF())
    largest = max(parts) or 1.0
    red, green, blue = (round(v / largest, 4) if max(parts) else 1.0 for v in parts)
    return red, green, blue


def _heading(text: str, align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignRight) -> QLabel:
    label = QLabel(text)
    label.setObjectName("note")
    label.setAlignment(align | Qt.AlignmentFlag.AlignVCenter)
    return label


def _lamp_icon(azimuth: float, elevation: float) -> QIcon:
    light = compose(LightParams(azimuth=azimuth, elevation=elevation, intensity=1.1, ambient=0.18))
    icon = QIcon()
    for ratio in (1, 2, 3):
        pixmap = QPixmap.fromImage(sphere(light, _ICON * ratio))
        pixmap.setDevicePixelRatio(ratio)
        icon.addPixmap(pixmap)
    return icon


def _swatch_icon(color: QColor) -> QIcon:
    pixmap = QPixmap(56, 32)
    pixmap.fill(color)
    return QIcon(pixmap)
