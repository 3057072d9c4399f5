"""The People dialog: who is there, with what is known of each; rename, export, import, delete."""
from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.asking import ask_name
from app.dialogs.kinds import kinds
from app.document import Document
from app.language import told, tr
from app.panels.section import clear_layout
from app.personal.shelf import PeopleShelf, unfit
from app.personal.words import facts
from app.room import resize_within
from app.settings import Settings
from app.setup import head_title
from app.theme import Theme, pixmap
from core.people.names import slug
from core.people.shelf import SUFFIX, Entry

NOBODY = ("Nobody yet. Personalize learns a person from an album of photos; Import takes in the file of a person that was "
          "exported elsewhere.")
USE_WIDTH = 78  # of "In use", so that the buttons form a column


class PeopleDialog(QDialog):
    """It doesn't hold the window up. use_asked(file): make the pictures with this one. personalize_asked: learn somebody."""

    use_asked = Signal(str)
    personalize_asked = Signal()

    def __init__(self, theme: Theme, settings: Settings, shelf: PeopleShelf, document: Document,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("People"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self._theme, self._settings, self._shelf, self._document = theme, settings, shelf, document
        self.rows = QVBoxLayout()
        self.note = _plain("note")
        self.learn, self.take_in = QPushButton(tr("Personalize …")), QPushButton(tr("Import …"))
        self._lay_out()
        self.learn.clicked.connect(self.personalize_asked)
        self.take_in.clicked.connect(self.ask_import)
        shelf.changed.connect(self._show)
        shelf.told.connect(self._tell)
        shelf.failed.connect(self._warn)
        shelf.name_taken.connect(self._ask_other_name)
        document.changed.connect(self._show)
        theme.changed.connect(self._show)
        self._tell("")
        self._show()

    def _lay_out(self) -> None:
        body = QWidget()
        body.setObjectName("listBody")
        body.setLayout(self.rows)
        self.rows.setContentsMargins(2, 2, 8, 2)
        self.rows.setSpacing(0)
        self.area = QScrollArea()
        self.area.setWidget(body)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # arrow keys scroll it
        self.area.setAccessibleName(tr("People on this computer"))
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.close)
        line = QHBoxLayout()
        line.setSpacing(10)
        for button in (self.learn, self.take_in, close):
            button.setAutoDefault(False)
            line.addWidget(button)
        line.insertStretch(2, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 18, 22, 18)
        column.setSpacing(14)
        column.addWidget(self.area, 1)
        column.addWidget(self.note)
        column.addLayout(line)
        resize_within(self, 740, 560)

    # -- who is there

    def _show(self) -> None:
        clear_layout(self.rows)
        for entry in self._shelf.entries:
            self.rows.addWidget(self._row(entry))
        if not self._shelf.entries:
            empty = _plain("note", tr(NOBODY) if self._shelf.known else tr("Looking …"))
            empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
            empty.setMargin(24)
            self.rows.addStretch(1)
            self.rows.addWidget(empty)
        self.rows.addStretch(1)
        self.take_in.setEnabled(not self._shelf.busy)

    def _row(self, entry: Entry) -> QWidget:
        session = self._document.session
        why = unfit(entry, self._document.prior_digest, session.head.name if session is not None else "") if entry.digest else ""
        row = QFrame()
        row.setObjectName("fileRow")
        line = QHBoxLayout(row)
        line.setContentsMargins(4, 10, 4, 10)
        line.setSpacing(12)
        mark = QLabel()
        colors = self._theme.colors
        mark.setPixmap(pixmap("warning" if entry.problem else "person", colors.warn if entry.problem else colors.dim, 18,
                              self.devicePixelRatioF()))
        line.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(_plain("personName", entry.name))
        for text in filter(None, (facts(entry.photos, entry.preset, entry.created), _model(entry))):
            texts.addWidget(_plain("note", text))
        if entry.consent:
            texts.addWidget(_plain("note", tr("Consent: {words}", words=entry.consent)))
        if entry.problem or why:
            texts.addWidget(_plain("warnNote", _sentence(entry, told(entry.problem)) if entry.problem else why))
        line.addLayout(texts, 1)
        for button in (self._use_button(entry, why), self._more_button(entry)):
            line.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _use_button(self, entry: Entry, why: str) -> QPushButton:
        person = self._document.person
        used = person is not None and person.digest == entry.digest
        button = QPushButton(tr("In use") if used else tr("Use"))
        button.setAutoDefault(False)
        button.setAccessibleName(tr("Use {name}", name=entry.name))
        button.setMinimumWidth(USE_WIDTH)
        button.setEnabled(not (used or entry.problem or why))
        button.clicked.connect(lambda: self.use_asked.emit(str(entry.file)))
        return button

    def _more_button(self, entry: Entry) -> QPushButton:
        button = QPushButton(tr("More"))
        button.setObjectName("more")
        button.setAutoDefault(False)
        button.setAccessibleName(tr("Rename, export or delete {name}", name=entry.name))
        menu = QMenu(button)
        for text, run, sound in ((tr("Rename …"), self.ask_rename, True), (tr("Export …"), self.ask_export, True),
                                 (tr("Delete …"), self.ask_delete, False)):
            action = menu.addAction(text)
            action.setEnabled(bool(entry.digest) or not sound)
            action.triggered.connect(lambda _=False, run=run: run(entry))
        button.setMenu(menu)
        button.setEnabled(not self._shelf.busy)
        return button

    def _tell(self, text: str, name: str = "note") -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))
        if self.note.objectName() != name:
            self.note.setObjectName(name)
            self.note.style().unpolish(self.note)
            self.note.style().polish(self.note)

    def _warn(self, text: str) -> None:
        self._tell(text, "warnNote")

    # -- what can be done

    def ask_rename(self, entry: Entry) -> None:
        """Let the user type another name."""
        ask_name(self, tr("Rename"), tr("Another name for {name}", name=entry.name), entry.name,
                 lambda name: self._shelf.rename(entry, name))

    def _ask_other_name(self, file: Path, message: str) -> None:
        ask_name(self, tr("Import"), message, "", lambda name: self._shelf.import_file(file, name))

    def ask_export(self, entry: Entry) -> None:
        """Let the user choose where a copy of the person's file goes."""
        start = Path(self._settings.people_folder) / f"{slug(entry.name)}{SUFFIX}"
        path, _ = QFileDialog.getSaveFileName(self, tr("Export {name}", name=entry.name), str(start), _kinds())
        if path:
            self._settings.people_folder = str(Path(path).parent)
            self._tell("")
            self._shelf.export(entry, Path(path))

    def ask_import(self) -> None:
        """Let the user choose a person's file."""
        path, _ = QFileDialog.getOpenFileName(self, tr("Import a person"), self._settings.people_folder, _kinds())
        if path:
            self._settings.people_folder = str(Path(path).parent)
            self.import_file(Path(path))

    def import_file(self, file: Path) -> None:
        """Take in a person's file; it is checked first."""
        self._tell(tr("Checking {name} …", name=file.name))
        self._shelf.import_file(file)

    def ask_delete(self, entry: Entry) -> None:
        """Delete a person if the user says so."""
        box = QMessageBox(QMessageBox.Icon.NoIcon, tr("Delete"), tr("Delete {name}?", name=entry.name), parent=self)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(tr("What was learned of this person is deleted for good. Your photos stay where they are."))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        yes = box.addButton(tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.finished.connect(lambda _: self._delete(entry) if box.clickedButton() is yes else None)
        box.open()

    def _delete(self, entry: Entry) -> None:
        person = self._document.person
        if person is not None and person.digest == entry.digest:
            self.use_asked.emit("")
        self._tell("")
        self._shelf.delete(entry)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A person's file may be dropped."""
        if not self._shelf.busy and _file(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Import the dropped file."""
        file = _file(event)
        if file is not None:
            event.acceptProposedAction()
            self.import_file(file)


def _plain(name: str, text: str = "") -> QLabel:
    """A label that takes nothing in its text for markup: names and licences come from files."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    label.setObjectName(name)
    label.setWordWrap(True)
    return label


def _kinds() -> str:
    return kinds((tr("People"), (SUFFIX,)))


def _model(entry: Entry) -> str:
    parts = [tr("made for the model {name}", name=entry.prior) if entry.prior else "", head_title(entry.head),
             f"{entry.size} × {entry.size}" if entry.size else "",
             tr("licence {name}", name=entry.licence) if entry.licence else "",
             f"{entry.mib:.0f} MB" if entry.mib >= 1 else f"{1024 * entry.mib:.0f} KB"]
    text = ", ".join(filter(None, parts))
    return text[:1].upper() + text[1:]


def _sentence(entry: Entry, problem: str) -> str:
    """A shelf's problem as a whole sentence: some begin with a verb, and the name is what they are about."""
    return f"{entry.name} {problem}" if problem[:1].islower() else problem


def _file(event: QDragEnterEvent | QDropEvent) -> Path | None:
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in paths if path.suffix == SUFFIX), None)
