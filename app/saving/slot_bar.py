"""The bar of empty slots: what the edit names and is not there, each with its name, where it was, and what can be done."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.language import tr
from app.theme import Theme, pixmap

PHOTO, COPY, PERSON, MODEL = "photo", "copy", "person", "model"
_ICONS = {PHOTO: "photo", COPY: "photo", PERSON: "person", MODEL: "head"}


@dataclass(frozen=True)
class Slot:
    """Something that is missing. kind: what. name: how it is called. where: where it was, '' where that isn't known. digest: what
    it is told from others by."""

    kind: str
    name: str
    where: str = ""
    digest: str = ""

    @property
    def title(self) -> str:
        """What is missing."""
        if self.kind == PHOTO:
            return tr("The photo {name} is not there.", name=self.name)
        if self.kind == COPY:
            return tr("The photo {name}, whose appearance is copied, is not there.", name=self.name)
        if self.kind == PERSON:
            return tr("The person {name} is not on this computer.", name=self.name)
        return tr("This was made with another model: {name}.", name=self.name)

    @property
    def detail(self) -> str:
        """What that means, and where it was."""
        meaning = {PHOTO: tr("Your edit is kept and comes back with it."),
                   COPY: tr("The rest of the edit is shown without it."),
                   PERSON: tr("Pictures are made with the model alone until then."),
                   MODEL: tr("Pictures may look a little different.")}[self.kind]
        return f"{tr('It was {where}.', where=self.where)} {meaning}" if self.where else meaning


class SlotBar(QWidget):
    """Shows slots, one row each. find_asked(slot), remove_asked(slot)."""

    find_asked = Signal(object)
    remove_asked = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("slotBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("What is missing"))
        self._theme = theme
        self._slots: tuple[Slot, ...] = ()
        self.rows: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        theme.changed.connect(self._fill)
        self.hide()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What is shown."""
        return self._slots

    def show_slots(self, slots: Sequence[Slot]) -> None:
        """Show these; none hides the bar."""
        if tuple(slots) != self._slots:
            self._slots = tuple(slots)
            self._fill()
        self.setVisible(bool(self._slots))

    def _fill(self) -> None:
        for row in self.rows:
            self._column.removeWidget(row)
            row.deleteLater()
        self.rows = [self._row(slot) for slot in self._slots]
        for row in self.rows:
            self._column.addWidget(row)

    def _row(self, slot: Slot) -> QWidget:
        row = QWidget()
        row.setObjectName("slotRow")
        icon, title, detail = QLabel(), QLabel(slot.title), QLabel(slot.detail)
        icon.setPixmap(pixmap(_ICONS[slot.kind], self._theme.colors.warn, 18, self.devicePixelRatioF()))
        for label in (title, detail):
            label.setTextFormat(Qt.TextFormat.PlainText)  # names come from files
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        detail.setObjectName("note")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(title)
        words.addWidget(detail)
        find = QPushButton(tr("Models …") if slot.kind == MODEL else tr("Find …"))
        find.setAccessibleName(tr("Find {name}", name=slot.name))
        find.setToolTip(tr("Choose the model to work with") if slot.kind == MODEL else tr("Show where the file is now"))
        remove = QPushButton(tr("Keep this model") if slot.kind == MODEL else tr("Remove"))
        remove.setAccessibleName(tr("Remove {name}", name=slot.name))
        remove.setToolTip({PHOTO: tr("Close this project; its file stays as it is"),
                           COPY: tr("Take it out of the edit; undo brings it back"),
                           PERSON: tr("Go on with the model alone; undo brings the person back"),
                           MODEL: tr("Go on with the model that is in use")}[slot.kind])
        find.clicked.connect(lambda: self.find_asked.emit(slot))
        remove.clicked.connect(lambda: self.remove_asked.emit(slot))
        line = QHBoxLayout(row)
        line.setContentsMargins(16, 8, 10, 8)
        line.setSpacing(12)
        line.addWidget(icon)
        line.addLayout(words, 1)
        line.addWidget(find)
        line.addWidget(remove)
        return row
