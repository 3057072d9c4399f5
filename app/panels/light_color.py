"""The colour of a lamp as photographers say it: a swatch, and the temperature of a light source in kelvin."""
from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QColorDialog, QHBoxLayout, QLabel, QMenu, QSpinBox, QToolButton, QWidget

from app.canvas.ball_paint import lamp_color
from app.document import Document
from app.language import tr, within
from app.panels.slider import LABEL_WIDTH, NUMBER_WIDTH
from app.panels.track import ZeroSlider
from app.theme import Theme
from core.rig import Value

COOLEST, WARMEST = 12000, 1800  # kelvin
NEUTRAL = 5500  # of daylight, which photos are balanced for: a lamp of this temperature is white
SOURCES = (("Candle", 1900), ("Tungsten", 2900), ("Halogen", 3400), ("Daylight", 5500), ("Overcast", 6800), ("Shade", 8200),
           ("Blue sky", 11000))
_NONE = WARMEST - 100  # what the number stands at for a colour without a temperature
_FAR = 0.035  # from the nearest light source's colour: beyond, a colour has no temperature


def kelvin_color(kelvin: float) -> tuple[float, float, float]:
    """What a glowing body of this temperature looks like in a photo balanced for daylight: RGB, the largest 1.

    The locus of Kim et al. (2002, US patent 7024034), through XYZ to linear sRGB, relative to `NEUTRAL`, and from linear light to
    the display's numbers, which the buffers are made of.
    """
    ratio = np.clip(_linear(kelvin) / _linear(NEUTRAL), 1e-4, None)
    color = (ratio / ratio.max()) ** (1 / 2.2)
    red, green, blue = (round(float(v), 4) for v in color)
    return red, green, blue


def color_kelvin(color: tuple[float, float, float]) -> float | None:
    """The temperature of a colour; None for one that no glowing body has."""
    steps, colors = _locus()
    wanted = np.array(color) / max(max(color), 1e-6)
    away = np.abs(colors - wanted).max(1)
    best = int(away.argmin())
    return float(steps[best]) if away[best] <= _FAR else None


@lru_cache(maxsize=1)
def _locus() -> tuple[np.ndarray, np.ndarray]:
    steps = 1e6 / np.linspace(1e6 / WARMEST, 1e6 / COOLEST, 240)
    return steps, np.array([kelvin_color(k) for k in steps])


def _linear(kelvin: float) -> np.ndarray:
    t = min(max(kelvin, 1667.0), 25000.0)
    if t < 4000:
        x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    else:
        x = -3.0258469e9 / t**3 + 2.1070379e6 / t**2 + 0.2226347e3 / t + 0.240390
    if t < 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t < 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1 - x - y) / y])
    to_srgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    return np.asarray(to_srgb @ xyz)


def from_color(color: QColor) -> tuple[float, float, float]:
    """The triple scaled so that its largest is 1: the strength of a lamp is its intensity's business."""
    parts = (color.redF(), color.greenF(), color.blueF())
    largest = max(parts) or 1.0
    red, green, blue = (round(v / largest, 4) if max(parts) else 1.0 for v in parts)
    return red, green, blue


def swatch_icon(color: QColor, edge: QColor | None = None, *, round_: bool = False, size: tuple[int, int] = (28, 16)) -> QIcon:
    """A patch of colour, crisp at two device pixels too."""
    pixmap = QPixmap(2 * size[0], 2 * size[1])
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(edge, 2) if edge is not None else Qt.PenStyle.NoPen)
    painter.setBrush(color)
    box = pixmap.rect().adjusted(1, 1, -1, -1)
    painter.drawRoundedRect(box, *((box.width() / 2, box.height() / 2) if round_ else (5, 5)))
    painter.end()
    pixmap.setDevicePixelRatio(2)
    return QIcon(pixmap)


def pick_color(document: Document, name: str, title: str, parent: QWidget) -> QColorDialog:
    """Let the user choose a colour parameter's value; it is shown while it is chosen, and is one undo step."""
    dialog = QColorDialog(lamp_color(document.values()[name]), parent)
    dialog.setWindowTitle(title)
    dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    before = document.rig.get(name)
    document.begin(title)
    dialog.currentColorChanged.connect(lambda color: document.set(name, from_color(color)))
    dialog.rejected.connect(lambda: document.set(name, before))
    dialog.finished.connect(lambda _: document.end())
    dialog.open()
    return dialog


class ColorRow(QWidget):
    """A swatch with a menu of light sources, and the temperature as slider and number.

    began: a drag starts. moved(color). ended. pick_asked: any colour is to be chosen. reset_asked.
    """

    began = Signal()
    moved = Signal(object)
    ended = Signal()
    pick_asked = Signal()
    reset_asked = Signal()

    def __init__(self, theme: Theme, lamp: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown: tuple[Value | None, bool] | None = None
        self._lamp = lamp
        self.label, self.swatch, self.reset = QLabel(tr("Colour")), QToolButton(), QToolButton()
        # in steps of equal effect: the inverse of kelvin, in millionths, as filters are graded
        self.slider = ZeroSlider(theme, -1e6 / WARMEST, -1e6 / COOLEST, 5.0)
        self.number = QSpinBox()
        self.menu = sources_menu(self, lambda color: self.moved.emit(color))
        self._set_up()
        self._lay_out()
        self.slider.pressed.connect(self.began)
        self.slider.released.connect(self.ended)
        self.slider.moved.connect(lambda value: self.moved.emit(kelvin_color(-1e6 / value)))
        self.slider.reset_asked.connect(self.reset_asked)
        self.number.valueChanged.connect(lambda kelvin: self.moved.emit(kelvin_color(max(kelvin, WARMEST))))
        self.reset.clicked.connect(self.reset_asked)
        theme.changed.connect(self.recolor)
        self.recolor()

    def _set_up(self) -> None:
        lamp = self._lamp
        tip = tr("Colour temperature: low is warm as a candle, {neutral} K is daylight and white, high is blue as the sky.",
                 neutral=NEUTRAL)
        self.label.setObjectName("rowLabel")
        self.label.setToolTip(tr("Colour of the {lamp}", lamp=within(lamp)))
        self.swatch.setObjectName("swatch")
        self.swatch.setProperty("narrow", True)
        self.swatch.setIconSize(QSize(28, 16))
        self.swatch.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.swatch.setMenu(self.menu)
        self.menu.insertSeparator(self.menu.actions()[0])
        self.any = QAction(tr("Choose any colour …"), self)
        self.menu.insertAction(self.menu.actions()[0], self.any)
        self.any.triggered.connect(lambda: self.pick_asked.emit())
        self.number.setRange(_NONE, COOLEST)
        self.number.setSingleStep(100)
        self.number.setSuffix(" K")
        self.number.setSpecialValueText("—")
        self.number.setKeyboardTracking(False)
        self.number.setFixedWidth(NUMBER_WIDTH)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.number.setToolTip(tip)
        self.slider.setToolTip(tip)
        self.number.setAccessibleName(tr("{lamp} temperature", lamp=lamp))
        self.slider.setAccessibleName(tr("{lamp} temperature slider", lamp=lamp))
        self.reset.setObjectName("rowReset")
        self.reset.setFixedSize(22, 22)
        self.reset.setIconSize(QSize(14, 14))
        self.reset.setToolTip(tr("Reset colour"))
        self.reset.setAccessibleName(tr("Reset {lamp} colour", lamp=lamp))
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)

    def _lay_out(self) -> None:
        line, name = QHBoxLayout(self), QWidget()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        name.setFixedWidth(LABEL_WIDTH)
        first = QHBoxLayout(name)
        first.setContentsMargins(0, 0, 4, 0)
        first.addWidget(self.label, 1)
        first.addWidget(self.swatch)
        for part in (name, self.slider, self.number, self.reset):
            line.addWidget(part, 1 if part is self.slider else 0)
        self.setFixedHeight(30)

    def recolor(self) -> None:
        """Take the scheme's icon."""
        self.reset.setIcon(self._theme.icon("reset"))
        self._shown = None

    def show_color(self, value: Value | None, edited: bool) -> None:
        """Show a colour; one without a temperature leaves the slider where it is, faded."""
        if (value, edited) == self._shown or not isinstance(value, tuple):
            return
        self._shown = (value, edited)
        hex_name = lamp_color(value).name().upper()
        self.swatch.setIcon(swatch_icon(lamp_color(value), QColor(self._theme.colors.faint)))
        self.swatch.setAccessibleName(tr("{lamp} colour {color}", lamp=self._lamp, color=hex_name))
        self.swatch.setToolTip(tr("{color}: choose a light source, or any colour", color=hex_name))
        kelvin = color_kelvin(value)
        self.slider.show_value(-1e6 / (kelvin or NEUTRAL), -1e6 / NEUTRAL)
        if kelvin_color(self.number.value()) != value:  # a number that was typed stays as it was typed
            blocked = self.number.blockSignals(True)
            self.number.setValue(_NONE if kelvin is None else round(kelvin / 50) * 50)
            self.number.blockSignals(blocked)
        self.reset.setVisible(edited)
        if self.label.property("edited") != edited:
            self.label.setProperty("edited", edited)
            self.label.style().unpolish(self.label)
            self.label.style().polish(self.label)


def sources_menu(parent: QWidget, choose: Callable[[tuple[float, float, float]], object]) -> QMenu:
    """Light sources by name, each with its colour."""
    menu = QMenu(parent)
    for name, kelvin in SOURCES:
        color = kelvin_color(kelvin)
        action = menu.addAction(swatch_icon(lamp_color(color), QColor("#70757f"), round_=True, size=(16, 16)),
                                tr("{source}  {kelvin} K", source=tr(name), kelvin=kelvin))
        action.triggered.connect(lambda _=False, color=color: choose(color))
    return menu
