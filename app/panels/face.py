"""The Expression, Jaw, Eyes and Pose panels."""
from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from app.document import Document
from app.language import tr, within
from app.panels.base import Panel
from app.panels.face_tools import FaceTools
from app.panels.face_units import UnitsSection, indented
from app.panels.gaze_pad import GazePad
from app.panels.pairs import GUTTER, PairRow
from app.panels.preset_box import PresetBox
from app.panels.section import Section
from app.panels.slider import ParameterRow
from app.panels.webcam_view import WebcamView
from app.settings import Settings
from app.theme import Theme
from core.head.open_controls import EVERYDAY, SIDED
from core.head.parts import FOLLOWED, PARTS, parts_of
from core.rig import Parameter

LIDS = ("blink", "squint", "wide_eyes")  # everyday names that are at home beside the gaze
_SHORT = {"raise_brows": ("Raise brows", "Left brow up", "Right brow up"), "disgust": ("Disgust", "Sneer left", "Sneer right"),
          "wide_eyes": ("Wide open", "Wide left", "Wide right")}


class FacePanel(Panel):
    """A panel with rows for both sides of the face, chained or not as the settings remember."""

    def __init__(self, theme: Theme, document: Document, settings: Settings, title: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, title, parent)
        self._settings = settings
        self.rows.setContentsMargins(0, 0, 10, 12)  # the rows have a gutter of their own

    def pair(self, sides: tuple[Parameter, Parameter], labels: tuple[str, str, str], whole: Parameter | None = None) -> PairRow:
        """A row for both sides."""
        made = self.make_pair(sides, labels, whole, linked=sides[0].name not in self._settings.unlinked)
        made.chained.connect(self._remember)
        return made

    def everyday_row(self, table: dict[str, Parameter], name: str) -> QWidget:
        """The row of an everyday expression, of both sides where they move apart."""
        row = table[f"expression.{name}"]
        if f"{row.name}_left" not in table:
            return self.make_row(row, gutter=GUTTER)
        sides = (table[f"{row.name}_left"], table[f"{row.name}_right"])
        labels = _SHORT.get(name, (row.label, sides[0].label, sides[1].label))
        return self.pair(sides, (tr(labels[0]), tr(labels[1]), tr(labels[2])), row)

    def _remember(self, name: str, linked: bool) -> None:
        apart = [known for known in self._settings.unlinked if known != name]
        self._settings.unlinked = tuple(apart if linked else [*apart, name])


class ExpressionPanel(FacePanel):
    """Expression: presets, what is done with all of it, everyday names, and all units under them.

    A head without everyday names (FLAME has 50 numbered modes) shows the list alone, opened. dropped(path): a photo to copy from.
    """

    prefixes = ("expression.", "neutral.")
    dropped = Signal(str)

    def __init__(self, theme: Theme, document: Document, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, settings, tr("Expression"), parent)
        self.preset_box = PresetBox(theme, settings, "expression", tr("Save this expression …"), "neutral")
        self.presets = self.preset_box.grid
        self.tools = FaceTools(theme, document)
        self.webcam = WebcamView(theme, FOLLOWED, tuple(group for group in FOLLOWED if group != "pose"))
        self.units: UnitsSection | None = None
        self.taken: dict[str, ParameterRow] = {}  # of the photo's own expression
        top, rows = QWidget(), QWidget()
        above, below = QVBoxLayout(top), QVBoxLayout(rows)
        above.setContentsMargins(GUTTER, 0, 0, 0)
        above.setSpacing(4)
        above.addWidget(self.preset_box)
        above.addWidget(self.tools)
        above.addWidget(self.webcam)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(1)
        self.add(top)
        self.add(rows)
        self.rows = below  # what a head's rows go into; presets and tools stay
        self.setAcceptDrops(True)

    @property
    def filter(self) -> QLineEdit:
        """The units' filter field."""
        assert self.units is not None
        return self.units.filter

    @property
    def _nothing(self) -> QWidget:
        """What says that the filter found nothing."""
        assert self.units is not None
        return self.units.nothing

    def clear(self) -> None:
        """Take all rows away."""
        super().clear()
        self.taken.clear()

    def build(self, table: dict[str, Parameter]) -> None:
        """Everyday rows, the photo's own expression, then the units; both folded."""
        mine = [row for row in table.values() if row.name.startswith("expression.")]
        units = [row for row in mine if row.group != "Expression"]
        everyday = [name for name in EVERYDAY if f"expression.{name}" in table and name not in LIDS] if units else []
        for name in everyday:
            self.add(self.everyday_row(table, name))
        own = [row for row in table.values() if row.group == "Neutral"]
        taken = Section(self._theme, tr("Take the photo's own away"), minor=True, opened=False, indent=GUTTER)
        for row in own:
            taken.add(self.make_row(row, tr(row.label), gutter=GUTTER))
            self.taken[row.name] = self.sliders.pop(row.name)
        self.add(taken)
        units = units or mine
        title = (tr("All expression units ({count})", count=len(units)) if everyday else
                 tr("All expression modes ({count})", count=len(units)))
        example = within(tr("Smile left") if everyday else tr(units[0].label) if units else "")
        self.units = UnitsSection(self._theme, self, units, title, example, not everyday, self.pair)
        self.units.toggled.connect(lambda _: self.refresh())
        self.add(self.units)
        parts = parts_of(self.document.session.head)
        self.tools.build([row.name.removeprefix("neutral.") for row in own],
                         ["expression", *(part for part in PARTS if part in parts), "pose"])
        self.presets.show_presets(self.document.session.head)
        self.setVisible(bool(mine))

    def refresh(self) -> None:
        """Show the document's values, which preset they are, and what was copied."""
        super().refresh()
        if self.document.session:
            rig = self.document.rig
            for name, row in self.taken.items():
                row.show_value(float(rig.get(name, 0.0)), 0.0, self.document.is_set(name))  # type: ignore[arg-type]
            self.presets.show_rig(self.document.rig)
            self.tools.show_copies()

    def _recolor_all(self) -> None:
        super()._recolor_all()
        self.tools.recolor()
        for row in self.taken.values():
            row.recolor()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A photo may be dropped: its expression is copied."""
        if self.document.session and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.head.setText(tr("Drop to copy its expression"))

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """It went away again."""
        self.head.setText(tr(self.title))

    def dropEvent(self, event: QDropEvent) -> None:
        """Copy from the first dropped file."""
        self.head.setText(tr(self.title))
        files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.dropped.emit(files[0])


class JawPanel(Panel):
    """Jaw: open, side, forward."""

    prefixes = ("jaw.",)

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, tr("Jaw"), parent)

    def build(self, table: dict[str, Parameter]) -> None:
        """The jaw's rows."""
        self.add_rows(table, [row.name for row in table.values() if row.group == "Jaw"])
        self.setVisible(bool(self.sliders))


class EyesPanel(FacePanel):
    """Eyes: a field to drag the gaze in, its numbers, and the lids."""

    prefixes = ("eyes.", *(f"expression.{name}" for name in LIDS))

    def __init__(self, theme: Theme, document: Document, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, settings, tr("Eyes"), parent)
        self.pad: GazePad | None = None
        self.hold: QCheckBox | None = None

    def build(self, table: dict[str, Parameter]) -> None:
        """The pad, gaze rows, the lids that the head has."""
        self.pad = self.hold = None
        gaze = [row for row in table.values() if row.group == "Eyes"]
        if {"eyes.yaw", "eyes.pitch"} <= set(table):
            self.add(self._pad_of(table["eyes.yaw"], table["eyes.pitch"]))
        for row in gaze:
            if row.unit == "°":
                self.add(self.make_row(row, {"Yaw": tr("To the side"), "Pitch": tr("Up and down")}.get(row.label, tr(row.label)),
                                       gutter=GUTTER))
            elif row.name == "eyes.hold":
                self.add(self._hold_box(row))
        for name in LIDS:
            if name in SIDED and f"expression.{name}" in table:
                self.add(self.everyday_row(table, name))
        self.setVisible(bool(gaze))

    def _pad_of(self, yaw: Parameter, pitch: Parameter) -> QWidget:
        document, pad = self.document, GazePad(self._theme)
        pad.set_ranges((yaw.low, yaw.high), (pitch.low, pitch.high))
        pad.began.connect(lambda: document.begin(tr("Gaze")))
        pad.moved.connect(lambda x, y: document.update({"eyes.yaw": x or None, "eyes.pitch": y or None}))
        pad.ended.connect(document.end)
        pad.reset_asked.connect(lambda: document.update({"eyes.yaw": None, "eyes.pitch": None}, tr("Reset gaze")))
        self.pad = pad
        return indented(pad, 22)

    def _hold_box(self, row: Parameter) -> QWidget:
        self.hold = QCheckBox(tr("Keep looking there when the head turns"))
        self.hold.setToolTip(f"{tr(row.help)}\n{row.name}")
        self.hold.clicked.connect(lambda on: self.document.update({row.name: 1.0 if on else None}, tr("Keep looking")))
        return indented(self.hold)

    def refresh(self) -> None:
        """Show the document's values."""
        super().refresh()
        if not self.document.session:
            return
        values = self.document.values()
        if self.pad is not None:
            self.pad.show_values(float(values["eyes.yaw"]), float(values["eyes.pitch"]))  # type: ignore[arg-type]
        if self.hold is not None:
            self.hold.setChecked(bool(values.get("eyes.hold", 0.0)))


class PosePanel(Panel):
    """Pose: how the head turns."""

    prefixes = ("pose.",)

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, tr("Pose"), parent)

    def build(self, table: dict[str, Parameter]) -> None:
        """The three turns."""
        self.add_rows(table, [row.name for row in table.values() if row.group == "Pose"])
        note = QLabel(tr("Or drag the head in the picture (T); with Shift it tilts."))
        note.setObjectName("note")
        note.setWordWrap(True)
        self.add(note)
