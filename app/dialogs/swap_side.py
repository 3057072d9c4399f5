"""The left side of "Swap and mix": who paints, which photos, and how."""
from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QKeySequence, QPixmap, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.language import told, tr
from app.panels.choice import choice, labelled, seed_row
from app.panels.slider import ParameterRow
from app.picture import to_image
from app.swap import MIX, SWAP, SwapWork
from app.swap_places import Opened, Place, Who
from app.theme import Theme
from core.rig import Parameter

WIDTH = 330
_THUMB = 34
_TICKED = 4  # people that are in the grid from the start
_SETTLE_MS = 250  # a slider's last value is taken when it has rested so long: a grid takes seconds
_DATA = Qt.ItemDataRole.UserRole
_BLEND = Parameter("mix.blend", "Blend", "Mix", 0, 1, 1.0, "", 0.01,
                   "How far the code goes from the row's own photo (0) to the column's (1)")
MODES = ((SWAP, "Swap people", "The same photo, painted by each person's model"),
         (MIX, "Mix photos", "Light, pose and expression of one photo with the hair, skin and background of another"))
NOISES = (("seeded", "Drawn", "Every face is painted anew from drawn noise"),
          ("inverted", "From photo", "Start from the photo's own noise: more of the photo stays, and the faces are a blend"))
SHAPES = (("photo", "Photo's", "All people paint from the same buffers, as in the paper"),
          ("person", "Person's", "The buffers show each person's own mean head"))


class SwapSide(QWidget):
    """Choices of the grid. add_asked: photos are to be chosen."""

    add_asked = Signal()

    def __init__(self, theme: Theme, work: SwapWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._work = theme, work
        self.modes: dict[str, QToolButton] = {}
        self.noises: dict[str, QToolButton] = {}
        self.shapes: dict[str, QToolButton] = {}
        self.people, self.photos = QListWidget(), QListWidget()
        self.person = QComboBox()
        self.add, self.remove = QPushButton(tr("Add photos …")), QPushButton(tr("Remove"))
        self.blend = ParameterRow(theme, _BLEND)
        self.seed, self.dice = QSpinBox(), QToolButton()
        self.background = QCheckBox(tr("Keep the background"))
        self.nobody = QLabel(tr("There are no people yet. Make one from an album with Personalize."))
        self._wanted = work.amount
        self._amount = QTimer(self)
        self._amount.setSingleShot(True)
        self._amount.setInterval(_SETTLE_MS)
        self._lay_out()
        self._connect()
        self._recolor()
        self._show_people()
        self._show_mode()

    def _lay_out(self) -> None:
        self.setFixedWidth(WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 4, 12)
        column.setSpacing(6)
        column.addWidget(choice(MODES, self.modes, self._choose_mode))
        column.addSpacing(6)
        self.people_title = _title(tr("People"))
        column.addWidget(self.people_title)
        column.addWidget(self.people, 2)
        self.nobody.setObjectName("note")
        self.nobody.setWordWrap(True)
        column.addWidget(self.nobody)
        self.person_row = labelled(tr("Person"), self.person)
        column.addWidget(self.person_row)
        column.addWidget(_title(tr("Photos")))
        column.addWidget(self.photos, 3)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addSpacing(6)
        column.addWidget(self.blend)
        self.noise_row = labelled(tr("Noise"), choice(NOISES, self.noises, lambda name: self._work.set_look(noise=name)))
        self.shape_row = labelled(tr("Head shape"), choice(SHAPES, self.shapes, lambda name: self._work.set_look(shape=name)))
        column.addWidget(self.noise_row)
        column.addWidget(self.shape_row)
        column.addWidget(labelled(tr("Seed"), seed_row(self.seed, self.dice, lambda value: self._work.set_look(seed=value))))
        column.addWidget(self.background)

    def _connect(self) -> None:
        work = self._work
        for widget, name in ((self.people, tr("People")), (self.photos, tr("Photos")), (self.person, tr("Person"))):
            widget.setAccessibleName(name)
        for listing in (self.people, self.photos):
            listing.setIconSize(QSize(_THUMB, _THUMB))
            listing.setMinimumHeight(70)
            listing.setObjectName("ticks")
        self.photos.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        for button in (self.add, self.remove):
            button.setAutoDefault(False)
        self.background.setToolTip(tr("Leave the photo's own pixels around the head; without, the whole square is painted"))
        self.people.itemChanged.connect(self._people_ticked)
        self.people.itemActivated.connect(self._toggle)
        self.person.activated.connect(lambda _: work.set_person(self.person.currentData()))
        self.photos.itemSelectionChanged.connect(self._selection_changed)
        self.add.clicked.connect(self.add_asked)
        self.remove.clicked.connect(self.remove_selected)
        QShortcut(QKeySequence.StandardKey.Delete, self.photos, self.remove_selected,
                  context=Qt.ShortcutContext.WidgetShortcut)
        self.blend.moved.connect(self._blend_moved)
        self.blend.reset_asked.connect(lambda _: self._blend_moved("", 1.0))
        self._amount.timeout.connect(self._take_amount)
        self.background.toggled.connect(lambda on: work.set_look(background=on))
        work.changed.connect(self._show_photos)
        work.place_changed.connect(self._photo_opened)
        work.people_changed.connect(self._show_people)
        self._theme.changed.connect(self._recolor)

    @property
    def stops(self) -> list[QWidget]:
        """Its controls in the order that Tab goes through."""
        return [*self.modes.values(), self.people, self.person, self.photos, self.add, self.remove, self.blend.slider,
                self.blend.number, *self.noises.values(), *self.shapes.values(), self.seed, self.dice, self.background]

    # -- swap or mix

    def _choose_mode(self, mode: str) -> None:
        self._work.set_mode(mode)
        self._show_mode()

    def _show_nobody(self) -> None:
        self.nobody.setVisible(self._work.mode == SWAP and self._work.looked and self.people.count() < 2)

    def _show_mode(self) -> None:
        swap = self._work.mode == SWAP
        self.modes[self._work.mode].setChecked(True)
        self.noises[self._work.look.noise].setChecked(True)
        self.shapes[self._work.look.shape].setChecked(True)
        for widget in (self.people_title, self.people, self.shape_row):
            widget.setVisible(swap)
        self._show_nobody()
        for widget in (self.person_row, self.blend):
            widget.setVisible(not swap)
        self.blend.show_value(self._work.amount, 1.0, self._work.amount != 1.0)

    # -- people

    def _show_people(self) -> None:
        """Fill both lists of people; who was chosen stays chosen."""
        everybody = [Who(), *(Who(entry.name, entry.file, entry.digest) for entry in self._work.known)]
        problems = {entry.file: told(entry.problem) for entry in self._work.known}
        before = {self.people.item(i).data(_DATA) for i in range(self.people.count())}
        blocked = self.people.blockSignals(True)
        self.people.clear()
        self.person.clear()
        for who in everybody:
            problem = problems.get(who.file, "") if who.file else ""
            item = QListWidgetItem(who.name)
            item.setData(_DATA, who)
            item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
                          if not problem else Qt.ItemFlag.NoItemFlags)
            item.setToolTip(problem or (tr("The model as it ships, without a person") if not who.file else who.name))
            wanted = not problem and (who in self._work.people or who not in before and len(self._ticked()) < _TICKED)
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
            self.people.addItem(item)
            if not problem:
                self.person.addItem(who.name, who)
        self.people.blockSignals(blocked)
        self.person.setCurrentIndex(max(0, self.person.findText(self._work.person.name)))
        self._show_nobody()
        self._people_ticked()
        if self.person.currentData() != self._work.person:
            self._work.set_person(self.person.currentData())

    def _ticked(self) -> list[Who]:
        items = [self.people.item(i) for i in range(self.people.count())]
        return [item.data(_DATA) for item in items if item.checkState() == Qt.CheckState.Checked]

    def _people_ticked(self, _item: Any = None) -> None:
        self._work.set_people(self._ticked())

    def _toggle(self, item: QListWidgetItem) -> None:
        """Return does what Space does."""
        on = item.checkState() == Qt.CheckState.Checked
        item.setCheckState(Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)

    # -- photos

    def _show_photos(self) -> None:
        shown = [self.photos.item(i).data(_DATA) for i in range(self.photos.count())]
        if len(shown) != len(self._work.photos) or any(a is not b for a, b in zip(shown, self._work.photos, strict=True)):
            self.photos.clear()
            for photo in self._work.photos:
                item = QListWidgetItem(photo.path.name)
                item.setData(_DATA, photo)
                self.photos.addItem(item)
        for i, photo in enumerate(self._work.photos):
            self._show_photo(self.photos.item(i), photo)
        self._selection_changed()

    def _photo_opened(self, place: Place) -> None:
        for i, photo in enumerate(self._work.photos):
            if photo is place.photo and place.kind == "photo" and i < self.photos.count():
                self._show_photo(self.photos.item(i), photo)

    def _show_photo(self, item: QListWidgetItem, photo: Opened) -> None:
        item.setToolTip(f"{photo.path}\n{photo.problem}" if photo.problem else str(photo.path))
        if photo.problem:
            item.setIcon(self._theme.icon("warning", self._theme.colors.warn))
        elif photo.crop is None:
            item.setIcon(self._theme.icon("photo"))
        else:
            image = to_image(photo.crop).scaled(QSize(2 * _THUMB, 2 * _THUMB), mode=Qt.TransformationMode.SmoothTransformation)
            item.setIcon(QIcon(QPixmap.fromImage(image)))

    def _selection_changed(self) -> None:
        self.remove.setEnabled(bool(self.photos.selectedItems()))

    def remove_selected(self) -> None:
        """Take the selected photos out."""
        for photo in [item.data(_DATA) for item in self.photos.selectedItems()]:
            self._work.remove_photo(photo)

    # -- blend

    def _blend_moved(self, _name: str, value: float) -> None:
        self.blend.show_value(value, 1.0, value != 1.0)
        self._wanted = value
        self._amount.start()

    def _take_amount(self) -> None:
        self._work.set_amount(self._wanted)

    def _recolor(self) -> None:
        self.dice.setIcon(self._theme.icon("dice"))
        self.add.setIcon(self._theme.icon("plus"))
        self.blend.recolor()
        self._show_photos()


def _title(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("sideTitle")
    return label
