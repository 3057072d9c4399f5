"""A message over the picture that doesn't stop the user: what happened and what to do, with a close button."""
from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from app.language import told, tr
from app.theme import Theme, pixmap


class Banner(QWidget):
    """Shows one message at a time; a newer one replaces it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme = theme
        self._kind = "warning"
        self._run: Callable[[], object] | None = None
        self._icon = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)  # names of models and people come from files
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._button = QPushButton()
        self._close = QToolButton()
        self._close.setObjectName("icon")
        self._close.setIconSize(QSize(16, 16))
        self._close.setAccessibleName(tr("Close message"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 9, 10, 9)
        layout.setSpacing(12)
        for widget in (self._icon, self._text, self._button, self._close):
            layout.addWidget(widget, 1 if widget is self._text else 0)
        self._button.clicked.connect(self._act)
        self._close.clicked.connect(self.hide)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.hide()

    @property
    def text(self) -> str:
        """The message that shows; '' when none does."""
        return "" if self.isHidden() else self._text.text()

    def say(self, text: str, kind: str = "warning", button: str = "", run: Callable[[], object] | None = None) -> None:
        """Show a message; `kind` is 'warning' or 'info'. A button may offer what to do."""
        self._kind, self._run = kind, run
        text = told(text)
        self._text.setText(text)
        self._text.setAccessibleName(text)
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self.setProperty("kind", kind)
        self.style().unpolish(self)
        self.style().polish(self)
        self._recolor()
        self.show()

    def _act(self) -> None:
        self.hide()
        if self._run is not None:
            self._run()

    def _recolor(self) -> None:
        colors = self._theme.colors
        color = colors.bad if self._kind == "warning" else colors.accent
        self._icon.setPixmap(pixmap(self._kind, color, 18, self.devicePixelRatioF()))
        self._close.setIcon(self._theme.icon("close"))
