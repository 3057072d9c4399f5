"""A card over the picture that says why there is no picture, and what to choose."""
from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.language import tr

WIDTH = 440
MARGIN = 18


class Notice(QFrame):
    """Lies at the bottom middle of its parent while it has a text. head_asked, models_asked: its buttons."""

    head_asked = Signal()
    models_asked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.clear = 0  # x that it stays right of, where there is room
        self.setObjectName("notice")
        self.title = QLabel(tr("No picture can be made"))
        self.title.setObjectName("noticeTitle")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        show, choose = QPushButton(tr("Show the head")), QPushButton(tr("Models and heads …"))
        show.setToolTip(tr("The rendered head follows the sliders"))
        show.clicked.connect(self.head_asked)
        choose.clicked.connect(self.models_asked)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(show)
        buttons.addWidget(choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(10)
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addLayout(buttons)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._canvas = parent
        parent.installEventFilter(self)
        self.hide()

    def say(self, text: str) -> None:
        """Show a text; '' hides the card."""
        if text != self.text.text():
            self.text.setText(text)
        self.setVisible(bool(text))
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in place when the parent changes its size."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        parent = self._canvas
        width = min(WIDTH, parent.width() - 2 * MARGIN)
        layout = self.layout()
        height = layout.totalHeightForWidth(width) if layout is not None else self.sizeHint().height()
        height = min(height, parent.height() - 2 * MARGIN)
        left = max((parent.width() - width) // 2, min(self.clear, parent.width() - width - MARGIN))
        self.setGeometry(left, parent.height() - height - MARGIN, width, height)
