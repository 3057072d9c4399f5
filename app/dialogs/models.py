"""The Models and heads dialog: what the window works with, what there is on this computer, and importing the user's own files."""
from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.choice import SetupChoice
from app.dialogs.import_view import ImportView
from app.importing import Importing
from app.language import tr
from app.library import HEAD, PRIOR, Item
from app.panels.section import clear_layout
from app.room import resize_within
from app.settings import Settings
from app.switching import Switching
from app.theme import Theme, pixmap


class ModelsDialog(QDialog):
    """Two pages: "In use" (model, head, estimator) and "Files" (what is there, and importing).

    It doesn't hold the window up: edits go on beside it, and an import goes on when it is closed.
    """

    def __init__(self, theme: Theme, importing: Importing, switching: Switching, settings: Settings,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Models and heads"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self._theme, self._importing, self._switching, self._settings = theme, importing, switching, settings
        self.choice = SetupChoice(importing, switching, settings)
        self.files = QVBoxLayout()
        self.view = ImportView(importing)
        self.tabs = QTabWidget()
        self._lay_out()
        self.view.folder_asked.connect(self.ask_folder)
        importing.changed.connect(self._show_items)
        switching.changed.connect(self._show_items)
        theme.changed.connect(self._show_items)
        self._show_items()
        importing.refresh()

    def _lay_out(self) -> None:
        list_body = QWidget()
        list_body.setObjectName("listBody")
        list_body.setLayout(self.files)
        self.files.setContentsMargins(2, 2, 8, 2)
        self.files.setSpacing(0)
        area = QScrollArea()
        area.setWidget(list_body)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # arrow keys scroll it
        area.setAccessibleName(tr("Files on this computer"))
        self.area = area
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 14, 0, 0)
        column.setSpacing(12)
        column.addWidget(area, 1)
        column.addWidget(self.view)
        self.tabs.addTab(self.choice, tr("In use"))
        self.tabs.addTab(page, tr("Files"))
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName(tr("Pages"))
        close = QPushButton(tr("Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(close)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(22, 14, 22, 18)
        outer.setSpacing(14)
        outer.addWidget(self.tabs, 1)
        outer.addLayout(line)
        resize_within(self, 680, 560)

    # -- what is there

    def _show_items(self) -> None:
        clear_layout(self.files)
        for item in self._importing.shelf.items:
            self.files.addWidget(self._row(item))
        if not self._importing.shelf.items:
            waiting = QLabel(tr("Looking …"))
            waiting.setObjectName("note")
            self.files.addWidget(waiting)
        self.files.addStretch(1)

    def _row(self, item: Item) -> QWidget:
        row = QFrame()
        row.setObjectName("fileRow")
        line = QHBoxLayout(row)
        line.setContentsMargins(4, 9, 4, 9)
        line.setSpacing(12)
        line.addWidget(self._mark(item), 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        title = QLabel(item.title if item.present else tr("{title}: not here", title=item.title))
        title.setObjectName("" if item.present else "rowLabel")
        texts.addWidget(title)
        detail = QLabel(item.detail if item.present else item.how)
        detail.setObjectName("note")
        detail.setWordWrap(True)
        detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        texts.addWidget(detail)
        line.addLayout(texts, 1)
        if item.stored:
            line.addWidget(self._remove_button(item), 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _mark(self, item: Item) -> QLabel:
        mark = QLabel()
        colors = self._theme.colors
        mark.setPixmap(pixmap("check" if item.present else "minus", colors.good if item.present else colors.faint, 18,
                              self.devicePixelRatioF()))
        return mark

    def _remove_button(self, item: Item) -> QPushButton:
        button = QPushButton(tr("Remove …"))
        button.setAutoDefault(False)
        button.setAccessibleName(tr("Remove {title}", title=item.title))
        used = self._in_use(item)
        button.setEnabled(not used and not self._importing.busy)
        button.setToolTip(tr("It is in use. Choose another one on the first page before you remove it.") if used
                          else tr("Remove the copy this program keeps; your own files stay"))
        button.clicked.connect(lambda: self.ask_remove(item))
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        return button

    def _in_use(self, item: Item) -> bool:
        shelf = self._importing.shelf
        for setup in filter(None, (self._switching.setup, self._switching.loading)):
            if item.kind == PRIOR:
                used = setup.prior == item.name
            else:
                used = (setup.head or shelf.head_of(setup.prior)) == (item.name if item.kind == HEAD else "flame")
            if used:
                return True
        return False

    def ask_remove(self, item: Item) -> None:
        """Remove an imported item if the user says so."""
        box = QMessageBox(QMessageBox.Icon.NoIcon, tr("Remove"), tr("Remove {title} from this program?", title=item.title),
                          parent=self)
        box.setInformativeText(tr("Your own files stay where they are; importing them again brings it back."))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        yes = box.addButton(tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.finished.connect(lambda _: self._importing.remove(item) if box.clickedButton() is yes else None)
        box.open()

    # -- importing

    def ask_folder(self) -> None:
        """Let the user choose a folder to import from."""
        folder = QFileDialog.getExistingDirectory(self, tr("Folder that holds your files"), self._settings.assets_folder)
        if folder:
            self.import_folder(Path(folder))

    def import_folder(self, folder: Path) -> None:
        """Import what a folder holds, and show the page that tells about it."""
        self._settings.assets_folder = str(folder)
        self.tabs.setCurrentIndex(1)
        self._importing.import_folder(folder)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Folders may be dropped."""
        if not self._importing.busy and _folder(event) is not None:
            event.acceptProposedAction()
            self.tabs.setCurrentIndex(1)

    def dropEvent(self, event: QDropEvent) -> None:
        """Import the dropped folder."""
        folder = _folder(event)
        if folder is not None:
            event.acceptProposedAction()
            self.import_folder(folder)


def _folder(event: QDropEvent) -> Path | None:
    """The first folder among what is dropped; a file stands for the folder it is in."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in paths if path.is_dir()), paths[0].parent if paths else None)
