"""The first page: which photos, of whom, and unfinished runs to go on with; then the photos as they are read."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.kinds import photos
from app.language import told, tr
from app.panels.section import clear_layout
from app.personal.album_view import counted
from app.personal.drop_field import DropField, Flow
from app.personal.labels import label, tip
from app.settings import Settings
from app.theme import Theme
from core.errors import UserError
from core.people.names import MAX_NAME, clean_name, same
from core.people.shelf import listed
from core.personalize.runs import Run, runs
from core.photo import SUFFIXES

COUNTED = 3000  # entries of a folder that are looked at to say how many photos it holds
SHOWN = 3  # unfinished runs, the latest
WATCH_MS = 2000
STATES = {"reading": "its photos were not all read", "checked": "ready to be learned", "paused": "paused", "stopped": "stopped",
          "failed": "stopped by an error", "training": "was interrupted"}


def count_photos(source: Path) -> int:
    """How many pictures a file or folder (with those in it) stands for, by their names; of a huge folder, those found first."""
    if not source.is_dir():
        return 1
    found = 0
    for seen, path in enumerate(source.rglob("*")):
        found += path.suffix.lower() in SUFFIXES
        if seen >= COUNTED:
            break
    return found


class ImportPage(QWidget):
    """Sources and the name. changed: either is another. resumed(Run): go on with that one."""

    changed = Signal()
    resumed = Signal(object)

    def __init__(self, theme: Theme, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._settings = theme, settings
        self._counts: dict[Path, int] = {}
        self._runs: list[Run] = []
        self._people: list[str] = []
        self._named = False  # by the user, not after a folder
        self._active, self._elsewhere = "", set[Path]()  # name of the window's own training; runs that other processes have
        self.field = DropField(theme)
        self.name = QLineEdit()
        self.name.setMaxLength(MAX_NAME)
        self.name.setPlaceholderText(tr("Who is this?"))
        self.name.setAccessibleName(tr("Name of the person"))
        self.name.setMaximumWidth(320)
        self.name.setAcceptDrops(False)  # a file dropped on it is a photo, not its path as text
        self.chips = Flow()
        self.unfinished = QVBoxLayout()
        self.unfinished.setSpacing(8)
        self._lay_out()
        self.field.folder.clicked.connect(self.ask_folder)
        self.field.files.clicked.connect(self.ask_files)
        self.name.textEdited.connect(self._name_edited)
        self.name.textChanged.connect(lambda _text: self.changed.emit())
        watch = QTimer(self)
        watch.timeout.connect(self._look_elsewhere)
        watch.start(WATCH_MS)

    def _lay_out(self) -> None:
        title = label("rowLabel", tr("Name"))
        title.setBuddy(self.name)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(title)
        line.addWidget(self.name, 1)
        line.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addLayout(self.unfinished)
        column.addWidget(self.field, 1)
        column.addLayout(self.chips)
        column.addLayout(line)

    # -- sources

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files and folders to read."""
        return tuple(self._counts)

    @property
    def photos(self) -> int:
        """About how many photos they hold."""
        return sum(self._counts.values())

    @property
    def person(self) -> str:
        """The name as typed."""
        return self.name.text().strip()

    @property
    def problem(self) -> str:
        """What is missing before the photos can be read; '' when nothing is."""
        if not self._counts:
            return tr("Choose photos first.")
        if not self.photos:
            return tr("There are no pictures in what was chosen.")
        if not self.person:
            return tr("Give the person a name.")
        try:
            clean_name(self.person)
        except UserError as error:
            return told(error)
        if any(same(self.person, name) for name in self._people):
            return tr("There is a person called {name} already. Give another name, or delete that one under People.",
                      name=self.person)
        begun = any(same(self.person, run.name) and run.state not in ("reading", "checked") for run in self._runs)
        return "" if not begun else tr("{name} was begun already: go on with that, discard it, or give another name.",
                                       name=self.person)

    def add(self, sources: Sequence[Path]) -> None:
        """Take files and folders in; a name is suggested after the first folder."""
        for source in sources:
            self._counts.setdefault(source, count_photos(source))
        if not self._named and not self.person and sources:
            first = sources[0]
            self.name.setText((first if first.is_dir() else first.parent).name[:MAX_NAME])
            self.name.selectAll()
        self._show_chips()
        self.changed.emit()

    def remove(self, sources: Sequence[Path]) -> None:
        """Leave some out again."""
        for source in sources:
            self._counts.pop(source, None)
        self._show_chips()
        self.changed.emit()

    def ask_folder(self) -> None:
        """Let the user choose a folder."""
        folder = QFileDialog.getExistingDirectory(self, tr("Folder with photos of the person"), self._settings.folder)
        if folder:
            self._settings.folder = folder
            self.add([Path(folder)])

    def ask_files(self) -> None:
        """Let the user choose photos."""
        files, _ = QFileDialog.getOpenFileNames(self, tr("Photos of the person"), self._settings.folder, photos())
        if files:
            self._settings.folder = str(Path(files[0]).parent)
            self.add([Path(file) for file in files])

    def _name_edited(self) -> None:
        self._named = True

    def _show_chips(self) -> None:
        clear_layout(self.chips)
        self.field.count(self.photos)
        files = [source for source in self._counts if not source.is_dir()]
        groups = [([source], f"{source.name or source}: {counted(count)}")
                  for source, count in self._counts.items() if source not in files]
        if len(files) > 6:
            groups.append((files, counted(len(files))))
        else:
            groups += [([file], file.name) for file in files]
        for sources, text in groups:
            self.chips.addWidget(self._chip(text, sources))

    def _chip(self, text: str, sources: list[Path]) -> QWidget:
        chip = QFrame()
        chip.setObjectName("chip")
        words, close = label("", text), QToolButton()
        words.setToolTip(tip(str(sources[0] if len(sources) == 1 else sources[0].parent)))
        close.setObjectName("icon")
        close.setIcon(self._theme.icon("close"))
        close.setIconSize(QSize(14, 14))
        close.setFixedSize(24, 24)
        close.setAccessibleName(tr("Remove {name}", name=text))
        close.setToolTip(tr("Remove"))
        close.clicked.connect(lambda: self.remove(sources))
        line = QHBoxLayout(chip)
        line.setContentsMargins(12, 2, 4, 2)
        line.setSpacing(4)
        line.addWidget(words)
        line.addWidget(close)
        return chip

    # -- unfinished runs

    def refresh(self, active: str = "") -> None:
        """Look for unfinished runs, and for names that are taken. active: name of the one that is being trained."""
        self._runs, self._people = runs(), [entry.name for entry in listed()]
        self._active, self._elsewhere = active, _held(self._runs[:SHOWN], active)
        clear_layout(self.unfinished)
        for run in self._runs[:SHOWN]:
            self.unfinished.addWidget(self._run_row(run, same(run.name, active), run.folder in self._elsewhere))

    def _look_elsewhere(self) -> None:
        """A run that another window or command had may be free now, or the other way round."""
        if self.isVisible() and _held(self._runs[:SHOWN], self._active) != self._elsewhere:
            self.refresh(self._active)
            self.changed.emit()

    def _run_row(self, run: Run, active: bool, elsewhere: bool) -> QWidget:
        row = QFrame()
        row.setObjectName("card")
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(label("cardTitle", run.name))
        texts.addWidget(label("note", tr("Is being learned") if active else tr("Another window or command works on it")
                              if elsewhere else run_words(run)))
        go, drop = QPushButton(tr("Show") if active else tr("Go on")), QPushButton(tr("Discard …"))
        go.setAccessibleName(tr("Show {name}", name=run.name) if active else tr("Go on with {name}", name=run.name))
        drop.setEnabled(not (active or elsewhere))
        go.setEnabled(not elsewhere)
        drop.setAccessibleName(tr("Discard {name}", name=run.name))
        go.clicked.connect(lambda: self.resumed.emit(run))
        drop.clicked.connect(lambda: self.ask_discard(run))
        line = QHBoxLayout(row)
        line.setContentsMargins(14, 10, 12, 10)
        line.setSpacing(8)
        line.addLayout(texts, 1)
        for button in (drop, go):
            button.setAutoDefault(False)
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            line.addWidget(button)
        return row

    def ask_discard(self, run: Run) -> None:
        """Delete a run if the user says so."""
        box = QMessageBox(QMessageBox.Icon.NoIcon, tr("Discard"),
                          tr("Discard what was learned of {name} so far?", name=run.name), parent=self)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(tr("Your photos stay where they are."))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        yes = box.addButton(tr("Discard"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole))
        box.finished.connect(lambda _: self._discard(run) if box.clickedButton() is yes else None)
        box.open()

    def _discard(self, run: Run) -> None:
        try:
            run.discard()
        except UserError as error:
            box = QMessageBox(QMessageBox.Icon.NoIcon, tr("Discard"), told(error), parent=self)
            box.setTextFormat(Qt.TextFormat.PlainText)
            box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            box.open()
        self.refresh()
        self.changed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The chips' lines depend on the width."""
        super().resizeEvent(event)
        self.chips.invalidate()


def _held(found: Sequence[Run], active: str) -> set[Path]:
    """Folders of the runs that another process has. active: name of the one that is this window's."""
    return {run.folder for run in found if not same(run.name, active) and run.held}


def run_words(run: Run) -> str:
    """How far a run came, in a line."""
    parts = [tr(STATES.get(run.state, run.state))]
    if run.step and run.steps:
        parts.append(tr("{percent} % learned", percent=100 * run.step // run.steps))
    if run.photos:
        parts.append(counted(run.photos))
    try:
        parts.append(f"{datetime.fromisoformat(run.updated).astimezone():%d %b %Y, %H:%M}")
    except ValueError:
        pass
    text = "  ·  ".join(parts)
    return text[:1].upper() + text[1:]
