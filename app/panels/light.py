"""The Light panel: set-ups, quick directions, the lamps, the environment, and the raw coefficients."""
from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QIcon, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from app.canvas.sphere import sphere
from app.document import Document
from app.lamps import FIELDS, KEY, Lamps, lamp_name, parameter
from app.language import tr, within
from app.panels.base import Panel
from app.panels.light_coefficients import Coefficients
from app.panels.light_color import ColorRow, pick_color
from app.panels.light_environment import EnvironmentBox
from app.panels.light_lamps import LampList
from app.panels.preset_box import PresetBox
from app.panels.section import Section
from app.panels.slider import Number
from app.settings import Settings
from app.theme import Theme
from core.light import LightParams, compose
from core.light_rig import LAMPS, LIGHT_PREFIXES, PARAMETERS
from core.rig import Parameter

ENVIRONMENT = ("environment.turn", "environment.intensity")
QUICK = (("Left", -60.0, 15.0), ("Front", 0.0, 10.0), ("Right", 60.0, 15.0), ("Above", 0.0, 65.0), ("Below", 0.0, -50.0))
_ICON = 34


class LightPanel(Panel):
    """Light: everything under `LIGHT_PREFIXES`, and the environment.

    dropped(path): a file was dropped on it.
    """

    prefixes = LIGHT_PREFIXES
    dropped = Signal(str)

    def __init__(self, theme: Theme, document: Document, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, tr("Light"), parent)
        self.lamps = Lamps(document, self)
        self.preset_box = PresetBox(theme, settings, "light", tr("Save this light …"), "ball")
        self.presets = self.preset_box.grid
        self.list = LampList(theme, self.lamps)
        self.environment = EnvironmentBox(theme)
        self.colors: dict[int, ColorRow] = {}
        self._boxes: dict[int, QWidget] = {}
        self._has_environment = False
        table = {row.name: row for row in PARAMETERS}
        self._coefficients = Coefficients(document, table)
        self.around = Section(theme, tr("Environment or another photo"), minor=True)
        self.around.remember(settings, "environment")
        self.raw = Section(theme, tr("Raw light coefficients"), minor=True)
        self.raw.remember(settings, "raw light")
        self._build(table)
        self.lamps.changed.connect(self._show_selected)
        self._show_selected()
        self.setAcceptDrops(True)

    @property
    def coefficients(self) -> dict[str, Number]:
        """The raw coefficients' numbers, by name."""
        return self._coefficients.numbers

    def _build(self, table: dict[str, Parameter]) -> None:
        self.add(self.preset_box)
        self.add(self._quick_row())
        self.add(self.list)
        for number in (KEY, *LAMPS):
            self._boxes[number] = self._lamp_rows(number, table)
            self.add(self._boxes[number])
        self.add_rows(table, ("light.ambient", "light.rest"))
        self.around.add(self.environment)
        for name in ENVIRONMENT:
            self.environment.rows.addWidget(self.make_row(table[name]))
        self.add(self.around)
        self.raw.add(self._coefficients)
        self.raw.toggled.connect(lambda _: self.refresh())
        self.add(self.raw)

    def _photo_opened(self) -> None:
        self.refresh()  # light has the same rows for every head

    def _lamp_rows(self, number: int, table: dict[str, Parameter]) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        for field in FIELDS:
            if field != "color":
                row = table[parameter(number, field)]
                named = row if number == KEY else replace(row, label=tr("{lamp} {what}", lamp=lamp_name(number),
                                                                              what=within(tr(row.label))))
                column.addWidget(self.make_row(named, tr(row.label)))
        color = self.colors[number] = ColorRow(self._theme, lamp_name(number))
        name, document = parameter(number, "color"), self.document
        text = tr("{lamp} colour", lamp=lamp_name(number))
        color.began.connect(lambda: document.begin(text))
        color.moved.connect(lambda value: document.set(name, value, text))
        color.ended.connect(document.end)
        color.reset_asked.connect(lambda: document.set(name, None, tr("Reset colour")))
        color.pick_asked.connect(lambda: self.pick_color(number))
        column.addWidget(color)
        return box

    def pick_color(self, number: int) -> None:
        """Let the user choose a lamp's colour."""
        pick_color(self.document, parameter(number, "color"), tr("{lamp} colour", lamp=lamp_name(number)), self)

    def _show_selected(self) -> None:
        for number, box in self._boxes.items():
            box.setVisible(number == self.lamps.selected)

    def refresh(self) -> None:
        """Rows, colours, the set-up in use, and the coefficients if they show."""
        super().refresh()
        if not self.document.session:
            return
        values = self.document.values()
        for number, row in self.colors.items():
            if number == self.lamps.selected:
                name = parameter(number, "color")
                row.show_color(values[name], self.document.is_set(name))
        self.presets.show_rig(self.document.rig)
        self._show_environment(self.document.rig.environment is not None)
        if self.raw.opened:
            self._coefficients.show_values(values)

    def _show_environment(self, there: bool) -> None:
        """One that comes, by the menu or dropped, is not to hide in a folded part."""
        if there and not self._has_environment:
            self.around.set_open(True)
        self._has_environment = there

    def edited(self) -> bool:
        """Whether the edit changes the light."""
        return super().edited() or self.document.rig.environment is not None

    def _reset_all(self) -> None:
        names = [name for name, _ in self.document.rig.values if name.startswith(self.prefixes)]
        self.document.set_environment(None, dict.fromkeys(names), tr("Reset light"))

    def _quick_row(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 2, 0, 4)
        layout.setSpacing(4)
        for label, azimuth, elevation in QUICK:
            button = QToolButton()
            button.setObjectName("quick")
            button.setText(tr(label))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(_ICON, _ICON))
            button.setIcon(_lamp_icon(azimuth, elevation))
            button.setToolTip(tr("The lamp in hand: {place}", place=within(tr(label))))
            button.setAccessibleName(tr("Light {place}", place=within(tr(label))))
            button.clicked.connect(lambda _=False, label=label, azimuth=azimuth, elevation=elevation:
                                   self._aim(label, azimuth, elevation))
            layout.addWidget(button, 1)
        return row

    def _aim(self, label: str, azimuth: float, elevation: float) -> None:
        number = self.lamps.selected
        self.document.update({parameter(number, "azimuth"): azimuth, parameter(number, "elevation"): elevation},
                             f"{lamp_name(number)}: {within(tr(label))}")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A map of surroundings or a set-up may be dropped."""
        if self.document.session is not None and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Say which file it was."""
        files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.dropped.emit(files[0])


def _lamp_icon(azimuth: float, elevation: float) -> QIcon:
    light = compose(LightParams(azimuth=azimuth, elevation=elevation, intensity=1.1, ambient=0.18))
    icon = QIcon()
    for ratio in (1, 2, 3):
        pixmap = QPixmap.fromImage(sphere(light, _ICON * ratio))
        pixmap.setDevicePixelRatio(ratio)
        icon.addPixmap(pixmap)
    return icon
