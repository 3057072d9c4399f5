"""The help pages: Markdown files that come with the program, so that they open without a network."""
from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QTextBlockFormat, QTextCursor
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QTextBrowser, QVBoxLayout, QWidget

from app.language import code, tr
from app.room import resize_within
from core import paths

FOLDER = paths.RESOURCES / "help"


def pages() -> list[Path]:
    """The pages in their order, as their names begin with a number; each in the language in use, where it is there."""
    own = FOLDER / code()
    return [own / page.name if (own / page.name).is_file() else page for page in sorted(FOLDER.glob("*.md"))]


def title_of(text: str) -> str:
    """A page's first heading."""
    return next((line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("#")), "")


class HelpDialog(QDialog):
    """A list of pages, one of them open; the field searches in all of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Help"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        resize_within(self, 860, 640)
        self._texts = {path.stem: path.read_text(encoding="utf-8") for path in pages()}
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search in help"))
        self.search.setAccessibleName(tr("Search in help"))
        self.search.setClearButtonEnabled(True)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Pages"))
        self.list.setFixedWidth(240)
        self.list.setObjectName("ticks")
        self.page = QTextBrowser()
        self.page.setAccessibleName(tr("Page"))
        self.page.setOpenLinks(False)
        self.page.anchorClicked.connect(self._follow)
        for name, text in self._texts.items():
            item = QListWidgetItem(title_of(text))
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setSizeHint(QSize(0, 30))
            self.list.addItem(item)
        left = QVBoxLayout()
        left.addWidget(self.search)
        left.addWidget(self.list, 1)
        line = QHBoxLayout(self)
        line.setContentsMargins(16, 16, 16, 16)
        line.setSpacing(14)
        line.addLayout(left)
        line.addWidget(self.page, 1)
        self.list.currentItemChanged.connect(self._open)
        self.search.textChanged.connect(self._search)
        self.list.setCurrentRow(0)

    def show_page(self, name: str) -> None:
        """Open the page of that name."""
        for row in range(self.list.count()):
            if self.list.item(row).data(Qt.ItemDataRole.UserRole) == name:
                self.list.setCurrentRow(row)

    def _open(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.page.setMarkdown(self._texts[item.data(Qt.ItemDataRole.UserRole)])
            self._give_room()

    def _give_room(self) -> None:
        """Paragraphs apart from each other, as a page is set; Markdown knows no margins."""
        document = self.page.document()
        document.setDocumentMargin(26)
        block = document.begin()
        while block.isValid():
            form = block.blockFormat()
            form.setBottomMargin(14 if form.headingLevel() else 5 if block.textList() is not None else 10)
            form.setLineHeight(128, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            QTextCursor(block).setBlockFormat(form)
            block = block.next()

    def _follow(self, link: QUrl) -> None:
        """Links lead from page to page; nothing is opened outside."""
        self.show_page(Path(link.path()).stem)

    def _search(self, text: str) -> None:
        words, first = text.lower().split(), None
        for row in range(self.list.count()):
            item = self.list.item(row)
            fits = all(word in self._texts[item.data(Qt.ItemDataRole.UserRole)].lower() for word in words)
            item.setHidden(not fits)
            first = item if fits and first is None else first
        current = self.list.currentItem()
        if first is not None and (current is None or current.isHidden()):
            self.list.setCurrentItem(first)
        if words and first is not None:
            self.page.find(words[0])
