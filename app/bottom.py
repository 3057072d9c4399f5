"""The area under the picture: history, timeline and the like, one at a time, each opened and closed by its own action."""
from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget


class Pages(QStackedWidget):
    """Pages of which only the present one says how much room is needed."""

    def minimumSizeHint(self) -> QSize:
        """That of the page that shows."""
        page = self.currentWidget()
        return page.minimumSizeHint().expandedTo(page.minimumSize()) if page is not None else QSize()

    def sizeHint(self) -> QSize:
        """That of the page that shows."""
        page = self.currentWidget()
        return page.sizeHint() if page is not None else QSize()


class Bottom(QWidget):
    """Holds pages by name; hidden while none is shown. shown(name): another page, '' for none."""

    shown = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pages: dict[str, QWidget] = {}
        self._stack = Pages()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        self.setObjectName("bottom")
        self.hide()

    @property
    def current(self) -> str:
        """The name of the page that shows; '' when none does."""
        return "" if self.isHidden() else next((n for n, page in self.pages.items() if page is self._stack.currentWidget()), "")

    def add(self, name: str, page: QWidget) -> None:
        """Another page, not shown yet."""
        self.pages[name] = page
        self._stack.addWidget(page)

    def show_page(self, name: str) -> None:
        """Show a page, '' for none."""
        if name == self.current:
            return
        if name:
            self._stack.setCurrentWidget(self.pages[name])
            self._stack.updateGeometry()
        self.setVisible(bool(name))
        self.shown.emit(name)
