"""The Personalize dialog: photos of a person, the album's health, learning, done."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.language import tr
from app.personal.dialog_steps import Steps
from app.personal.done_page import DonePage
from app.personal.health_page import HealthPage
from app.personal.import_page import ImportPage
from app.personal.labels import label
from app.personal.learn_page import LearnPage
from app.personal.process import EventProcess
from app.personal.reading import Reading
from app.personal.reading_page import ReadingPage
from app.personal.thumbs import Tiles
from app.personal.train_page import TrainPage
from app.personal.training import Training
from app.room import resize_within
from app.settings import Settings
from app.theme import Theme
from core.people.names import same
from core.personalize.runs import Run

IMPORT, READING, HEALTH, LEARN, TRAIN, DONE = range(6)
_STEP = {IMPORT: 0, READING: 0, HEALTH: 1, LEARN: 2, TRAIN: 2, DONE: 3}
_PRIMARY = {IMPORT: "Read the photos", HEALTH: "Next", LEARN: "Start learning", DONE: "Use this person now"}
SIZE = (1080, 780)


class PersonalizeDialog(QDialog):
    """It doesn't hold the window up: edits go on beside it, and training goes on when it is closed. Reading ends with it; photos
    that were read are not read again.

    use_person(file): the user wants to work with the person in that file. device: where training would run, for the estimates.
    prior: the model to begin with, None for the one that ships.
    """

    use_person = Signal(str)

    def __init__(self, theme: Theme, settings: Settings, training: Training, make_process: Callable[[], EventProcess],
                 parent: QWidget | None = None, *, device: str = "cpu", prior: str | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Personalize from an album"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self._theme, self._training = theme, training
        self.person = ""
        self.reading = Reading(make_process, self, prior)
        self.steps = Steps(theme)
        self.sources = ImportPage(theme, settings)
        self.watch = ReadingPage(theme, self.reading, Tiles(self))
        self.health = HealthPage(theme, Tiles(self), self)
        self.learn = LearnPage(device)
        self.train = TrainPage(theme, training)
        self.outcome = DonePage(theme)
        self.pages = QStackedWidget()
        self.problem, self.note = label("warnNote", wrap=True), label("note", wrap=True)
        self.back, self.dismiss, self.primary = QPushButton(tr("Back")), QPushButton(tr("Close")), QPushButton()
        self._lay_out()
        self._connect()
        self.go(TRAIN if training.active else IMPORT)

    def _lay_out(self) -> None:
        for page in (self.sources, self.watch, self.health, self.learn, self.train, self.outcome):
            self.pages.addWidget(page)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.back.setAutoDefault(False)
        self.dismiss.setAutoDefault(False)
        self.primary.setObjectName("primary")
        self.primary.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addWidget(self.note, 1)
        for button in (self.dismiss, self.back, self.primary):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 18)
        column.setSpacing(16)
        column.addWidget(self.steps)
        column.addWidget(self.pages, 1)
        column.addWidget(self.problem)
        column.addLayout(buttons)
        self.setMinimumSize(860, 620)
        resize_within(self, *SIZE)

    def _connect(self) -> None:
        self.sources.changed.connect(self._refresh)
        self.sources.resumed.connect(self.resume)
        self.reading.changed.connect(self._refresh)
        self.reading.finished.connect(self._has_read)
        self.reading.failed.connect(self._not_read)
        self.reading.stopped.connect(lambda: self.go(IMPORT))
        self.health.changed.connect(self._refresh)
        self.health.opened.connect(lambda: self.go(HEALTH))
        self.health.failed.connect(self._not_read)
        self.learn.changed.connect(self._refresh)
        self._training.changed.connect(self._refresh)
        self._training.finished.connect(self._learned)
        self.back.clicked.connect(self._go_back)
        self.dismiss.clicked.connect(self._dismissed)
        self.primary.clicked.connect(self._go_on)

    # -- where one is

    @property
    def page(self) -> int:
        """IMPORT, READING, HEALTH, LEARN, TRAIN or DONE."""
        return self.pages.currentIndex()

    def go(self, page: int) -> None:
        """Show a page."""
        self.problem.clear()
        if page == IMPORT:
            self.sources.refresh(self._training.name if self._training.active else "")
        self.pages.setCurrentIndex(page)
        self.steps.show_step(_STEP[page])
        first = {IMPORT: self.sources.field.folder, HEALTH: self.health.view, READING: self.dismiss}.get(page)
        if first is not None:
            first.setFocus()
        self._refresh()

    def _refresh(self) -> None:
        """Buttons and the words beside them, for the page and what is on it."""
        page, busy = self.page, self._training.active
        self.problem.setVisible(bool(self.problem.text()))
        self.primary.setVisible(page in _PRIMARY)
        self.primary.setText(tr(_PRIMARY[page]) if page in _PRIMARY else "")
        self.back.setVisible(page in (HEALTH, LEARN, TRAIN))
        self.back.setText(tr("Another album") if page == TRAIN else tr("Back"))
        self.dismiss.setText(tr("Cancel reading") if page == READING else tr("Close"))
        self.dismiss.setEnabled(page != READING or not self.reading.cancelled)
        missing = ""
        if page == IMPORT:
            missing = self.sources.problem
        elif page == HEALTH and not self.health.count:
            missing = tr("No photo is used. Take at least one in, or choose other photos.")
        elif page == LEARN:
            missing = (tr("{name} is being learned at the moment. Wait for that, or stop it.", name=self._training.name) if busy
                       else "" if self.learn.agreed else tr("Learning starts once you have given the consent."))
        self.primary.setEnabled(not missing and not self.health.busy)
        self.note.setText(missing or {TRAIN: tr("It goes on when this is closed.") if busy else "",
                                      READING: tr("Your photos are only read, never changed or sent anywhere.")}.get(page, ""))

    def _say(self, message: str) -> None:
        self.problem.setText(message)
        self._refresh()

    def _go_back(self) -> None:
        self.go(HEALTH if self.page == LEARN else IMPORT)

    def _dismissed(self) -> None:
        if self.page == READING:
            self.reading.cancel()
        else:
            self.close()

    def _go_on(self) -> None:
        if self.page == IMPORT:
            self.read()
        elif self.page == HEALTH:
            self._show_learn()
        elif self.page == LEARN:
            self.start()
        elif self.page == DONE:
            self.use_person.emit(self._training.progress.file)
            self.close()

    # -- reading

    def read(self) -> None:
        """Read the chosen photos."""
        if not self.sources.problem:
            self._read(self.sources.sources, self.sources.person)

    def _read(self, sources: Sequence[Path], name: str) -> None:
        self.watch.begin()
        self.reading.start(sources, name)
        self.go(READING)

    def _has_read(self, name: str, folder: Path) -> None:
        self.person = name
        self.open_album(folder)

    def _not_read(self, message: str) -> None:
        if self.page == READING:
            self.go(IMPORT)
        self._say(message)

    def open_album(self, folder: Path) -> None:
        """Show the health of an album that was read, once it is loaded."""
        self.health.open(folder)

    def resume(self, run: Run) -> None:
        """Go on with an unfinished run, where it was left; show the one that is under way."""
        self.person = run.name
        if self._training.active and same(run.name, self._training.name):
            self.go(TRAIN)
        elif run.state == "reading":
            self._read((), run.name)
        elif run.state == "checked":
            self.open_album(run.album)
        elif self._training.resume(run.name):
            self.go(TRAIN)
        else:
            self._say(tr("{name} is being learned at the moment. Wait for that, or stop it.", name=self._training.name))

    # -- learning

    def _show_learn(self) -> None:
        if not self.health.save():
            return
        titles = {tile.name: tile.title for tile in self.health.tiles.tiles}
        self.learn.show_person(self.person, self.health.count, tuple(titles[name] for name in self.health.held))
        self.go(LEARN)

    def start(self) -> None:
        """Begin to learn; the consent was given."""
        if self.learn.agreed and self.health.save() and self._training.start(self.person, self.learn.preset):
            self.go(TRAIN)

    def _learned(self, _file: str) -> None:
        progress = self._training.progress
        self.outcome.show_result(self._training.name, progress.before, progress.after, len(progress.held_out),
                                 progress.step if progress.step < progress.enough else 0)
        if self.page == TRAIN:
            self.go(DONE)

    # -- dropped files, closing

    def _takes(self, sources: Sequence[Path]) -> bool:
        return bool(sources) and self.page in (IMPORT, HEALTH)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Photos and folders may be dropped anywhere."""
        if self._takes(_dropped(event)):
            event.acceptProposedAction()
            self.sources.field.light(True)

    def dragLeaveEvent(self, event: QEvent) -> None:
        """They went away again."""
        self.sources.field.light(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Take them in."""
        self.sources.field.light(False)
        found = _dropped(event)
        if self._takes(found):
            event.acceptProposedAction()
            self.go(IMPORT)
            self.sources.add(found)

    def done(self, result: int) -> None:
        """It is closed: reading ends, what was overruled is saved."""
        self.reading.blockSignals(True)
        self.reading.stop()
        self.health.save()
        self.health.large.stop()
        super().done(result)


def _dropped(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
