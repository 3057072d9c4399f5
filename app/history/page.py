"""The page "history" under the picture: the strip, and at its left the buttons for what is done with several pictures."""
from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from app.history.shelf import Shelf
from app.history.strip import Strip
from app.language import tr
from app.theme import Theme


class HistoryPage(QWidget):
    """Buttons and strip. actions: those of the buttons, from above; the last button clears."""

    def __init__(self, theme: Theme, shelf: Shelf, actions: Sequence[QAction]) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("historyPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.strip = Strip(theme, shelf)
        self.clear = QToolButton()
        self.clear.setToolTip(tr("Clear the history, keep what is pinned"))
        self.clear.setAccessibleName(tr("Clear the history"))
        buttons = QVBoxLayout()
        buttons.setContentsMargins(4, 4, 2, 4)
        buttons.setSpacing(2)
        for action in actions:
            button = QToolButton()
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setAccessibleName(action.text().replace("&", "").replace("…", "").strip())
            self._dress(button)
            buttons.addWidget(button)
        self._dress(self.clear)
        buttons.addWidget(self.clear)
        buttons.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 0, 4, 0)
        row.setSpacing(2)
        row.addLayout(buttons)
        row.addWidget(self.strip, 1)
        theme.changed.connect(self._recolor)
        self._recolor()

    @staticmethod
    def _dress(button: QToolButton) -> None:
        button.setObjectName("icon")
        button.setIconSize(QSize(18, 18))
        button.setFixedSize(30, 28)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _recolor(self) -> None:
        self.clear.setIcon(self._theme.icon("trash"))
