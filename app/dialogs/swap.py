"""The dialog "Swap and mix": photos painted by other people's models, and the appearance of one photo on another."""
from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.export import free_name
from app.dialogs.kinds import photos, pictures
from app.dialogs.swap_grid import GridView
from app.dialogs.swap_large import LargeView
from app.dialogs.swap_side import SwapSide
from app.document import Document
from app.language import tr
from app.room import resize_within
from app.settings import Settings
from app.swap import SwapWork
from app.swap_places import Place
from app.theme import Theme
from app.worker import WorkerThread
from core.photo import SUFFIXES


class SwapDialog(QDialog):
    """A grid that fills while it is looked at: people across and photos down, or photos both ways.

    It doesn't hold the window up: its pictures are made when the engine has nothing else to do.
    """

    def __init__(self, theme: Theme, settings: Settings, worker: WorkerThread, document: Document,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Swap and mix"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setAcceptDrops(True)
        self._theme, self._settings = theme, settings
        self.work = SwapWork(worker, self)
        self.side = SwapSide(theme, self.work)
        self.view, self.large = GridView(theme, self.work), LargeView(theme, self.work)
        self.pages = QStackedWidget()
        self.empty = QLabel(tr("Add photos, or drop them here"))
        self.note, self.progress = QLabel(), QProgressBar()
        self.stop, self.save, self.leave = QPushButton(tr("Stop")), QPushButton(tr("Save grid …")), QPushButton(tr("Close"))
        self._lay_out()
        self._connect()
        session = document.session
        if session is not None and session.photo.path is not None:
            self.work.add_photos([session.photo.path], session.face)
        self.work.look_for_people()
        self._show_progress()

    def _lay_out(self) -> None:
        self.empty.setObjectName("note")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for page in (self.view, self.large, self.empty):
            self.pages.addWidget(page)
        rule = QFrame()
        rule.setObjectName("rule")
        rule.setFixedWidth(1)
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addWidget(self.side)
        upper.addWidget(rule)
        upper.addWidget(self.pages, 1)
        self.note.setObjectName("note")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self.progress.setFixedWidth(160)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("Pictures made"))
        lower = QHBoxLayout()
        lower.setContentsMargins(16, 12, 16, 14)
        lower.setSpacing(10)
        lower.addWidget(self.progress)
        lower.addWidget(self.note, 1)
        for button in (self.stop, self.save, self.leave):
            button.setAutoDefault(False)
            lower.addWidget(button)
        foot = QFrame()
        foot.setObjectName("rule")
        foot.setFixedHeight(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(upper, 1)
        column.addWidget(foot)
        column.addLayout(lower)
        resize_within(self, 1120, 740)

    def _connect(self) -> None:
        work = self.work
        work.changed.connect(self._grid_changed)
        work.progressed.connect(self._show_progress)
        work.failed.connect(self._say)
        work.saved.connect(lambda path: self._say(tr("Saved to {path}", path=path)))
        self.side.add_asked.connect(self.ask_photos)
        self.view.picked.connect(self.show_large)
        self.large.closed.connect(self.show_grid)
        self.large.save_asked.connect(self.ask_save_cell)
        self.stop.clicked.connect(self._stop_or_go_on)
        self.save.clicked.connect(self.ask_save_grid)
        self.leave.clicked.connect(self.close)
        self._grid_changed()

    # -- what is shown

    def show_grid(self) -> None:
        """All pictures; the one that was large has the focus."""
        self.pages.setCurrentWidget(self.view if self.work.photos else self.empty)
        button = self.view.buttons.get(self.large.place) if self.large.place is not None else None
        if button is not None:
            button.setFocus()

    def show_large(self, place: Place) -> None:
        """One picture."""
        self.large.show_place(place)
        self.pages.setCurrentWidget(self.large)
        self.large.setFocus()

    def _grid_changed(self) -> None:
        self._message = ""
        if self.pages.currentWidget() is not self.large or self.large.place not in self.view.buttons:
            self.pages.setCurrentWidget(self.view if self.work.photos else self.empty)
        stops = [*self.side.stops, *self.view.stops, self.stop, self.save, self.leave]
        for one, following in pairwise(stops):  # what is made anew comes last otherwise
            self.setTabOrder(one, following)

    def _show_progress(self) -> None:
        work = self.work
        done, total = work.counts
        self.progress.setVisible(0 < total and done < total)
        self.progress.setRange(0, max(1, total))
        self.progress.setValue(done)
        missing = done < total or work.busy
        self.stop.setVisible(missing or work.stopped)
        self.stop.setText(tr("Go on") if work.stopped else tr("Stop"))
        self.save.setEnabled(any(work.picture(place) is not None for place in work.grid.cells))
        self.note.setText(self._message or self._state(done, total))

    def _state(self, done: int, total: int) -> str:
        if not self.work.photos:
            return ""
        if not total:
            return tr("Tick somebody who paints.")
        if self.work.stopped and done < total:
            return tr("Stopped: {done} of {total} pictures are there", done=done, total=total)
        if done >= total:
            return tr("Click a picture to see it large.")
        left = self.work.seconds_left()
        if left is None:
            return tr("{done} of {total} pictures", done=done, total=total)
        return tr("{done} of {total} pictures, about {seconds} s left", done=done, total=total, seconds=max(1, round(left)))

    def _say(self, text: str) -> None:
        self._message = text
        self._show_progress()

    def _stop_or_go_on(self) -> None:
        self._message = ""
        (self.work.go_on if self.work.stopped else self.work.stop)()

    def changeEvent(self, event: QEvent) -> None:
        """Somebody may have come or gone while another window was used."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.work.look_for_people()

    # -- files

    def ask_photos(self) -> None:
        """Let the user choose photos."""
        paths, _ = QFileDialog.getOpenFileNames(self, tr("Add photos"), self._settings.folder, photos())
        if paths:
            self._settings.folder = str(Path(paths[0]).parent)
            self.work.add_photos([Path(path) for path in paths])

    def ask_save_grid(self) -> None:
        """Let the user choose a file for the grid."""
        path = self._ask_file(tr("Save grid"), self.work.file_name(None))
        if path is not None:
            self.work.save_grid(path)

    def ask_save_cell(self, place: Place) -> None:
        """Let the user choose a file for one picture."""
        path = self._ask_file(tr("Save picture"), self.work.file_name(place))
        if path is not None:
            self.work.save_cell(place, path)

    def _ask_file(self, title: str, name: str) -> Path | None:
        folder = Path(self._settings.swap_folder or self._settings.export_folder or Path.home())
        text, _ = QFileDialog.getSaveFileName(self, title, str(free_name(folder / name)), pictures())
        if not text:
            return None
        path = Path(text) if Path(text).suffix else Path(text).with_suffix(".png")
        self._settings.swap_folder = str(path.parent)
        return path

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Photos and folders of photos may be dropped."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Put them into the grid."""
        event.acceptProposedAction()
        self.work.add_photos(list(photos_in(Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())))

    # -- closing

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape leaves the large picture first, and then the dialog."""
        if event.key() == Qt.Key.Key_Escape and self.pages.currentWidget() is self.large:
            self.show_grid()
        else:
            super().keyPressEvent(event)

    def done(self, result: int) -> None:
        """Escape and Close end what is being made."""
        self.work.close()
        super().done(result)

    def closeEvent(self, event: QCloseEvent) -> None:
        """So does the window's own button."""
        self.work.close()
        super().closeEvent(event)


def photos_in(paths: Iterable[Path]) -> Iterable[Path]:
    """The files among paths, and the photos of the folders among them."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        else:
            yield path
