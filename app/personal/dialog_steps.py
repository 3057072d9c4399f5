"""The line at the top of the dialog that says how far one is: photos, album, learning, done."""
from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.canvas.paint import font
from app.language import tr
from app.theme import Theme, pixmap

STEPS = ("Photos", "Album health", "Learn", "Done")
_DOT = 22.0


class Steps(QWidget):
    """Numbers and names; those before the present one have a check mark."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._now = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.show_step(0)

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(480, 34)

    @property
    def now(self) -> int:
        """The present step, from 0."""
        return self._now

    def show_step(self, step: int) -> None:
        """Go to a step, from 0."""
        self._now = step
        self.setAccessibleName(tr("Step {number} of {count}: {name}", number=step + 1, count=len(STEPS), name=tr(STEPS[step])))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """All steps, with lines between."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = 0.0
        for i, text in enumerate(STEPS):
            x = self._step(painter, x, i, tr(text))
            if i < len(STEPS) - 1:
                painter.setPen(QPen(QColor(self._theme.colors.accent if i < self._now else self._theme.colors.groove), 1.5))
                painter.drawLine(QPointF(x + 12, 17), QPointF(x + 48, 17))
                x += 60
        painter.end()

    def _step(self, painter: QPainter, x: float, i: int, text: str) -> float:
        colors = self._theme.colors
        reached = i <= self._now
        circle = QRectF(x + 1, 17 - _DOT / 2, _DOT, _DOT)
        painter.setPen(QPen(QColor(colors.accent if reached else colors.groove), 1.5))
        painter.setBrush(QColor(colors.accent) if reached else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(circle)
        if i < self._now:
            mark = pixmap("check", colors.on_accent, 16, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(circle.center().x() - 8, circle.center().y() - 8), mark)
        else:
            painter.setFont(font(12, QFont.Weight.DemiBold))
            painter.setPen(QColor(colors.on_accent if reached else colors.dim))
            painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, str(i + 1))
        painter.setFont(font(13, QFont.Weight.DemiBold if i == self._now else QFont.Weight.Normal))
        painter.setPen(QColor(colors.text if i == self._now else colors.dim))
        width = QFontMetricsF(painter.font(), self).horizontalAdvance(text)
        painter.drawText(QRectF(circle.right() + 8, 0, width + 4, 34), Qt.AlignmentFlag.AlignVCenter, text)
        return circle.right() + 8 + width
