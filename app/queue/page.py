"""The page "queue" under the picture: what is being made, what waits, and what became of the rest."""
from __future__ import annotations

from typing import Any

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QDragEnterEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.queue.model import EDIT, FILE, PHOTO, STATE, QueueModel
from app.queue.runner import QueueRunner
from app.spans import short_span
from app.theme import Theme
from core.batch_queue import DONE, FAILED, SKIPPED, WAITING, WORKING, Entry

_ROW, _THUMB = 46, 40
_END = 1_000_000
INVITATION = "Drop photos here, or press Add: one edit over many photos, many edits over one photo, or both"


class QueuePage(QWidget):
    """The list with its buttons. add_asked(paths): the user wants to put photos in, these where there are some.
    open_asked(path): a finished picture is to be opened as an edit."""

    add_asked = Signal(object)
    open_asked = Signal(object)

    def __init__(self, theme: Theme, runner: QueueRunner, model: QueueModel) -> None:
        super().__init__()
        self._theme, self._runner, self.model = theme, runner, model
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setObjectName("queuePage")
        self.setAcceptDrops(True)
        self.counts, self.bar, self.table = QLabel(), QProgressBar(), QTableView()
        self.empty = QPushButton()
        self.add, self.pause, self.again, self.folder = QPushButton(), QPushButton(), QPushButton(), QPushButton()
        self.more = QToolButton()
        self.pages = QStackedWidget()
        self._actions = self._make_actions()
        self._lay_out()
        runner.told.connect(self._told)
        theme.changed.connect(self._recolor)
        self._recolor()
        self._told(None)

    # -- building

    def _make_actions(self) -> dict[str, QAction]:
        rows: list[tuple[str, str, str, Any]] = [
            ("open", tr("Open picture"), "Return", self.open_picture), ("edit", tr("Open as an edit"), "", self._open_edit),
            ("first", tr("Make next"), "Ctrl+Shift+Up", lambda: self._move(-_END)), ("up", tr("Earlier"), "Ctrl+Up",
                                                                                    lambda: self._move(-1)),
            ("down", tr("Later"), "Ctrl+Down", lambda: self._move(1)), ("last", tr("Make last"), "Ctrl+Shift+Down",
                                                                       lambda: self._move(_END)),
            ("retry", tr("Make again"), "", lambda: self._runner.retry(self.selected())),
            ("skip", tr("Skip"), "", lambda: self._runner.skip(self.selected())),
            ("remove", tr("Take off the list"), "Delete", lambda: self._runner.queue.remove(self.selected())),
        ]
        made = {}
        for name, text, keys, run in rows:
            action = QAction(text, self)
            if keys:
                action.setShortcut(QKeySequence(keys))
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(lambda _=False, run=run: run())
            self.table.addAction(action)
            made[name] = action
        return made

    def _lay_out(self) -> None:
        title = QLabel(tr("Queue"))
        title.setObjectName("sideTitle")
        self.counts.setObjectName("note")
        self.counts.setTextFormat(Qt.TextFormat.PlainText)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(150)
        self.bar.setAccessibleName(tr("Pictures made"))
        for button, text, tip, run in (
                (self.add, tr("Add …"), tr("Put photos and edits into the queue"), lambda: self.add_asked.emit([])),
                (self.pause, tr("Pause"), tr("Begin no other picture; the one that is being made is finished"), self._pause),
                (self.again, tr("Retry failed"), tr("Make the pictures that failed once more"), self._retry),
                (self.folder, tr("Open folder"), tr("Show the folder of the pictures; report.csv in it says how each went"),
                 self.open_folder)):
            button.setText(text)
            button.setToolTip(tip)
            button.setAccessibleName(text.replace("…", "").strip())
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, run=run: run())
        menu = QMenu(self.more)
        menu.addAction(tr("Clear finished"), self.clear)
        menu.addAction(tr("Skip all that wait"), self.skip_all)
        menu.addAction(tr("Take all off the list"), lambda: self._runner.queue.remove(list(self._runner.queue.entries)))
        self.more.setMenu(menu)
        self.more.setObjectName("icon")
        self.more.setIconSize(QSize(18, 18))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setToolTip(tr("More about the whole queue"))
        self.more.setAccessibleName(tr("More about the whole queue"))
        top = QHBoxLayout()
        top.setContentsMargins(14, 8, 10, 6)
        top.setSpacing(8)
        top.addWidget(title)
        top.addWidget(self.counts, 1)
        for widget in (self.bar, self.add, self.pause, self.again, self.folder, self.more):
            top.addWidget(widget)
        self._dress_table()
        self.empty.setText(tr(INVITATION))
        self.empty.setObjectName("invite")
        self.empty.clicked.connect(lambda: self.add_asked.emit([]))
        self.empty.setAutoDefault(False)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.pages, 1)
        self.setMinimumHeight(230)

    def _dress_table(self) -> None:
        table = self.table
        table.setObjectName("queue")
        table.setModel(self.model)
        table.setAccessibleName(tr("Pictures of the queue"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setIconSize(QSize(_THUMB, _THUMB))
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column, width in ((PHOTO, 220), (EDIT, 150), (FILE, 230)):
            header.resizeSection(column, width)
        header.setSectionResizeMode(STATE, QHeaderView.ResizeMode.Stretch)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._show_menu)
        table.doubleClicked.connect(lambda _: self.open_picture())
        table.selectionModel().selectionChanged.connect(self._selection_changed)

    def _recolor(self) -> None:
        for button, icon in ((self.add, "plus"), (self.folder, "open"), (self.again, "reset")):
            button.setIcon(self._theme.icon(icon))
        self.more.setIcon(self._theme.icon("chevron-down"))
        self._show_pause()

    # -- what is shown

    def _told(self, entry: Entry | None) -> None:
        queue = self._runner.queue
        if entry is None:
            chosen = set(map(id, self.selected()))
            self.model.show(queue.entries)
            self._select(chosen)
            self.pages.setCurrentWidget(self.table if queue.entries else self.empty)
        else:
            self.model.refresh(entry)
        done, failed, left = queue.count(DONE), queue.count(FAILED), queue.count(WAITING, WORKING)
        words = [tr("{done} of {total} made", done=done, total=len(queue.entries))] if queue.entries else []
        words += [tr("{n} failed", n=failed)] if failed else []
        words += [tr("{n} skipped", n=queue.count(SKIPPED))] if queue.count(SKIPPED) else []
        seconds = self._runner.seconds_left if left and not queue.paused else None
        words += [tr("about {time} left", time=short_span(seconds))] if seconds is not None else []
        words += [tr("paused")] if queue.paused and left else []
        self.counts.setText(", ".join(words))
        self.bar.setRange(0, max(1, len(queue.entries)))
        self.bar.setValue(len(queue.entries) - left)
        self.bar.setVisible(bool(left))
        self.again.setEnabled(failed > 0)
        self.pause.setEnabled(left > 0)
        self.folder.setEnabled(bool(queue.entries))
        self.more.setEnabled(bool(queue.entries))
        self._show_pause()
        self._selection_changed()

    def _show_pause(self) -> None:
        on = self._runner.queue.paused
        self.pause.setText(tr("Go on") if on else tr("Pause"))
        self.pause.setAccessibleName(self.pause.text())
        self.pause.setIcon(self._theme.icon("play" if on else "pause"))

    def selected(self) -> list[Entry]:
        """The entries of the selected rows, from above."""
        rows = self.table.selectionModel().selectedRows() if self.table.selectionModel() else []
        return [self.model.entries[i] for i in sorted(index.row() for index in rows) if i < len(self.model.entries)]

    def _select(self, chosen: set[int]) -> None:
        selection, last = QItemSelection(), self.model.columnCount() - 1
        for row, entry in enumerate(self.model.entries):
            if id(entry) in chosen:
                selection.select(self.model.index(row, 0), self.model.index(row, last))
        self.table.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _selection_changed(self, *_: Any) -> None:
        chosen = self.selected()
        states = {entry.state for entry in chosen}
        a = self._actions
        one_done = len(chosen) == 1 and chosen[0].state == DONE
        for name, on in (("open", one_done), ("edit", one_done), ("retry", bool(states & {FAILED, SKIPPED})),
                         ("skip", bool(states & {WAITING, WORKING})), ("remove", bool(states - {WORKING})),
                         *((name, WAITING in states) for name in ("first", "up", "down", "last"))):
            a[name].setEnabled(on)

    # -- what is done

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self.table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for i, group in enumerate((("open", "edit"), ("first", "up", "down", "last"), ("retry", "skip", "remove"))):
            if i:
                menu.addSeparator()
            menu.addActions([self._actions[name] for name in group])
        menu.popup(self.table.viewport().mapToGlobal(at))

    def _pause(self) -> None:
        self._runner.pause(not self._runner.queue.paused)

    def _retry(self) -> None:
        self._runner.retry([entry for entry in self._runner.queue.entries if entry.state == FAILED])

    def clear(self) -> None:
        """Take off the list what is done or was skipped; the files stay."""
        queue = self._runner.queue
        queue.remove([entry for entry in queue.entries if entry.state in (DONE, SKIPPED)])

    def skip_all(self) -> None:
        """Make none of those that wait, nor the one that is being made."""
        self._runner.skip([entry for entry in self._runner.queue.entries if entry.state in (WAITING, WORKING)])

    def _move(self, by: int) -> None:
        self._runner.queue.move(self.selected(), by)

    def open_picture(self) -> None:
        """Show the selected picture in the system's viewer."""
        chosen = [entry for entry in self.selected() if entry.state == DONE]
        if chosen:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(chosen[0].task.out)))

    def _open_edit(self) -> None:
        self.open_asked.emit(self.selected()[0].task.out)

    def open_folder(self) -> None:
        """Show where the selected picture went, or the newest batch."""
        chosen = self.selected()
        folder = chosen[0].lot.out if chosen else self._runner.queue.folders[0]
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files may be dropped."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Photos and folders to put in."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.add_asked.emit(paths)
