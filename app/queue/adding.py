"""The dialog "Add to the queue": which photos, which edits, and how the pictures are written."""
from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QIcon, QKeySequence, QPixmap, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
)

from app.dialogs.export_choices import ExportChoices, Subject
from app.dialogs.kinds import kinds
from app.language import told, tr
from app.personal.labels import label
from app.picture import to_image
from app.queue.edits import GROUPS, Offered, from_file, painted_by, unlike
from app.queue.runner import small
from app.room import resize_within
from app.settings import Settings
from app.theme import Theme
from core.batch_plan import PATTERN, NamedRig, Task, plan
from core.batch_queue import Lot
from core.errors import UserError
from core.export import SUFFIXES as PICTURE_SUFFIXES
from core.export_picture import ExportOptions
from core.people.header import read_about
from core.people.shelf import Entry as PersonEntry
from core.photo import SUFFIXES as PHOTO_SUFFIXES
from core.prepare_items import find_items
from core.project import SUFFIX as PROJECT

if TYPE_CHECKING:
    from app.document import Document

_DATA = Qt.ItemDataRole.UserRole
AS_EDITS, NOBODY = "as the edits say", "nobody"
RIG_FILES = (".json", PROJECT, *sorted(PICTURE_SUFFIXES))


class AddDialog(QDialog):
    """Photos at the left, edits at the right, how they are written below. asked(tasks, lot): pictures to put into the queue.

    prior: digest of the model in use. people: whose models can paint.
    """

    asked = Signal(object, object)

    def __init__(self, theme: Theme, settings: Settings, document: Document, offers: Iterable[Offered],
                 people: Iterable[PersonEntry], prior: str, parent: Any = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Add to the queue"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self._theme, self._settings, self._document, self._prior = theme, settings, document, prior
        self.photos, self.edits = QListWidget(), QListWidget()
        self.folder, self.pattern, self.person = QLineEdit(), QLineEdit(), QComboBox()
        self.choices = ExportChoices(settings, Subject(many=True))
        self.count, self.problem = label("heading"), label("warnNote", wrap=True)
        self.ok = QPushButton()
        self.ok.setObjectName("primary")
        self._people = {entry.digest: entry for entry in people if not entry.problem and entry.prior_digest == prior}
        self._lay_out()
        for offer in offers:
            self._offer(offer, offer.group == "present")
        self.edits.itemChanged.connect(self._check)
        for line in (self.folder, self.pattern):
            line.textChanged.connect(self._check)
        resize_within(self, 940, 700)
        self._check()

    # -- building

    def _lay_out(self) -> None:
        lists = QHBoxLayout()
        lists.setSpacing(18)
        lists.addLayout(self._photo_side(), 1)
        lists.addLayout(self._edit_side(), 1)
        rule = QFrame()
        rule.setObjectName("rule")
        rule.setFixedHeight(1)
        lower = QHBoxLayout()
        lower.setSpacing(24)
        lower.addWidget(self.choices, 1)
        lower.addLayout(self._places(), 1)
        cancel = QPushButton(tr("Cancel"))
        for button in (cancel, self.ok):
            button.setAutoDefault(False)
        self.ok.setDefault(True)
        cancel.clicked.connect(self.reject)
        self.ok.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.setSpacing(10)
        foot.addWidget(self.problem, 1)
        foot.addWidget(cancel)
        foot.addWidget(self.ok)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 18, 22, 18)
        column.setSpacing(14)
        column.addLayout(lists, 1)
        column.addWidget(rule)
        column.addLayout(lower)
        column.addLayout(foot)

    def _photo_side(self) -> QVBoxLayout:
        self.photos.setObjectName("ticks")
        self.photos.setAccessibleName(tr("Photos"))
        self.photos.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        QShortcut(QKeySequence.StandardKey.Delete, self.photos, self._remove, context=Qt.ShortcutContext.WidgetShortcut)
        return self._side(tr("Photos"), self.photos, ((tr("Add photos …"), self._ask_photos),
                                                      (tr("Add a folder …"), self._ask_folder), (tr("Remove"), self._remove)))

    def _edit_side(self) -> QVBoxLayout:
        self.edits.setObjectName("ticks")
        self.edits.setAccessibleName(tr("Edits"))
        self.edits.setIconSize(QSize(28, 28))
        return self._side(tr("Edits"), self.edits, ((tr("Add from files …"), self._ask_edits), (tr("None"), self._untick)))

    @staticmethod
    def _side(title: str, box: QListWidget, buttons: Iterable[tuple[str, Any]]) -> QVBoxLayout:
        column, line = QVBoxLayout(), QHBoxLayout()
        column.setSpacing(8)
        for text, run in buttons:
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, run=run: run())
            line.addWidget(button)
        line.addStretch(1)
        column.addWidget(label("sideTitle", title))
        column.addWidget(box, 1)
        column.addLayout(line)
        return column

    def _places(self) -> QVBoxLayout:
        settings, session = self._settings, self._document.session
        path = session.photo.path if session is not None else None
        self.folder.setText(settings.queue_folder or str((path.parent if path is not None else Path.home()) / "edited"))
        self.pattern.setText(settings.queue_name or PATTERN)
        self.pattern.setToolTip(tr("Of the files, without their ending: {photo}, {edit} and {number} stand for themselves"))
        self.person.addItem(tr("As each edit says"), AS_EDITS)
        self.person.addItem(tr("Nobody's: the model alone"), NOBODY)
        for entry in self._people.values():
            self.person.addItem(entry.name, entry.digest)
        self.person.setToolTip(tr("Whose personal model paints the pictures"))
        browse = QPushButton(tr("Browse …"))
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        fields = ((tr("Folder"), self.folder), (tr("Names"), self.pattern), (tr("Person"), self.person))
        for row, (text, field) in enumerate(fields):
            words = label("rowLabel", text)
            words.setBuddy(field)
            field.setAccessibleName(text)
            grid.addWidget(words, row, 0)
            grid.addWidget(field, row, 1)
        grid.addWidget(browse, 0, 2)
        column = QVBoxLayout()
        column.addLayout(grid)
        column.addStretch(1)
        column.addWidget(self.count)
        return column

    # -- photos

    def add_photos(self, paths: Iterable[str | Path]) -> None:
        """Put photos, folders, tars and zips of photos in; what can't be used is said."""
        there = {self.photos.item(i).data(_DATA) for i in range(self.photos.count())}
        said = ""
        for path in map(Path, paths):
            if str(path) in there:
                continue
            try:
                found = len(find_items([os.path.abspath(path)]))
            except UserError as error:
                said = told(error)
                continue
            one = path.suffix.lower() in PHOTO_SUFFIXES
            item = QListWidgetItem(path.name if one else tr("{name}  ({n} photos)", name=path.name, n=found))
            item.setData(_DATA, str(path))
            item.setData(_DATA + 1, found)
            item.setToolTip(str(path))
            item.setIcon(self._theme.icon("photo" if one else "open"))
            self.photos.addItem(item)
        self._check()
        if said:
            self.problem.setText(said)

    def _ask_photos(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, tr("Add photos"), self._settings.folder,
                                                kinds((tr("Photos"), (*sorted(PHOTO_SUFFIXES), ".zip", ".tar")), everything=True))
        self.add_photos(paths)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, tr("Add a folder"), self._settings.folder)
        if path:
            self.add_photos([path])

    def _remove(self) -> None:
        for item in self.photos.selectedItems():
            self.photos.takeItem(self.photos.row(item))
        self._check()

    # -- edits

    def _offer(self, offer: Offered, ticked: bool) -> None:
        """A line in its group, which gets its heading with the first one."""
        rows = [self.edits.item(i) for i in range(self.edits.count())]
        own = [i for i, row in enumerate(rows) if row.data(_DATA + 1) == offer.group]
        if not own:
            head = QListWidgetItem(tr(GROUPS[offer.group]))
            head.setFlags(Qt.ItemFlag.NoItemFlags)
            font = head.font()
            font.setBold(True)
            head.setFont(font)
            head.setData(_DATA + 1, offer.group)
            self.edits.addItem(head)
            own = [self.edits.count() - 1]
        item = QListWidgetItem(offer.title)
        item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        item.setData(_DATA, offer)
        item.setData(_DATA + 1, offer.group)
        if offer.shot is not None:
            with contextlib.suppress(ValueError):  # its picture may be gone from disk
                item.setIcon(QIcon(QPixmap.fromImage(to_image(small(offer.shot.picture)))))
        self.edits.insertItem(own[-1] + 1, item)

    def add_edits(self, paths: Iterable[str | Path]) -> None:
        """Put the edits of files in, ticked."""
        said = ""
        for path in map(Path, paths):
            try:
                self._offer(from_file(path, self._document), True)
            except UserError as error:
                said = told(error)
        self._check()
        if said:
            self.problem.setText(said)

    def _ask_edits(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, tr("Add edits"), self._settings.folder,
                                                kinds((tr("Edits, pictures with edits, projects"), RIG_FILES)))
        self.add_edits(paths)

    def _untick(self) -> None:
        for i in range(self.edits.count()):
            if self.edits.item(i).data(_DATA) is not None:
                self.edits.item(i).setCheckState(Qt.CheckState.Unchecked)

    def ticked(self) -> list[NamedRig]:
        """The edits to make, painted by who was chosen."""
        items = [self.edits.item(i) for i in range(self.edits.count())]
        rigs = [item.data(_DATA).rig for item in items if self._is_ticked(item)]
        who = self.person.currentData()
        if who != AS_EDITS:
            entry = self._people.get(who)
            identity = read_about(entry.file).identity if entry is not None else ()
            rigs = [painted_by(rig, entry, identity) for rig in rigs]
        return unlike(rigs)

    @staticmethod
    def _is_ticked(item: QListWidgetItem) -> bool:
        return item.data(_DATA) is not None and item.checkState() == Qt.CheckState.Checked

    # -- the rest

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(self, tr("Folder for the pictures"), self.folder.text())
        if path:
            self.folder.setText(path)

    def _check(self, *_: Any) -> None:
        photos = sum(self.photos.item(i).data(_DATA + 1) for i in range(self.photos.count()))
        edits = sum(self._is_ticked(self.edits.item(i)) for i in range(self.edits.count()))
        self.count.setText(tr("{photos} photos × {edits} edits = {n} pictures", photos=photos, edits=edits, n=photos * edits))
        self.ok.setText(tr("Add {n} to the queue", n=photos * edits))
        self.ok.setEnabled(photos * edits > 0 and bool(self.folder.text().strip()))
        self.problem.setText(tr("Add photos, or drop them here.") if not photos else tr("Tick an edit.") if not edits else "")

    def tasks(self) -> tuple[list[Task], Lot]:
        """What is asked for. Raises UserError."""
        out = Path(os.path.abspath(os.path.expanduser(self.folder.text().strip())))
        options, size = ExportOptions(**self.choices.options), self.choices.area_size
        rigs = [NamedRig(rig.name, replace(rig.request, size=size)) for rig in self.ticked()]
        photos = [Path(self.photos.item(i).data(_DATA)) for i in range(self.photos.count())]
        decides = {"prior": self._prior, "options": asdict(options)}
        lot = Lot(out, options=options)
        return plan(photos, rigs, out, self.choices.ending, decides, self.pattern.text().strip() or PATTERN), lot

    def accept(self) -> None:
        """Put them in; what speaks against it is said."""
        try:
            tasks, lot = self.tasks()
        except UserError as error:
            self.problem.setText(told(error))
            return
        self._settings.queue_folder = str(lot.out)
        self._settings.queue_name = self.pattern.text().strip() or PATTERN
        self.choices.remember()
        self.asked.emit(tasks, lot)
        super().accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Photos, folders and rigs may be dropped."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Rigs and projects go to the edits, everything else to the photos."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.add_edits([path for path in paths if path.suffix.lower() in (".json", PROJECT)])
        self.add_photos([path for path in paths if path.suffix.lower() not in (".json", PROJECT)])
