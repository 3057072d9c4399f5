"""A label that is cut with an ellipsis where it has no room."""
from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QLabel, QStyleOption


class Elided(QLabel):
    """A label that gives way: what doesn't fit is cut with an ellipsis, and read in full in its tooltip, with `tip` below."""

    def __init__(self, tip: str = "", text: str = "") -> None:
        super().__init__()
        self._tip = tip
        if text:
            self.setText(text)

    def minimumSizeHint(self) -> QSize:
        """As narrow as it must be."""
        return QSize(0 if not self.text() else 34, super().minimumSizeHint().height())

    def setText(self, text: str) -> None:
        """Also the name that screen readers read: all of it."""
        super().setText(text)
        self.set_tip(self._tip)

    def set_tip(self, tip: str) -> None:
        """What the tooltip says below the text."""
        self._tip = tip
        self.setToolTip("\n".join(filter(None, (self.text(), tip))))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The text, cut where the room ends."""
        option = QStyleOption()
        option.initFrom(self)
        painter = QPainter(self)
        rect = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, rect.width())
        self.style().drawItemText(painter, rect, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), option.palette,
                                  self.isEnabled(), text, QPalette.ColorRole.WindowText)
        painter.end()
