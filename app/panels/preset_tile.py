"""One preset in a panel's grid: its picture with its name, pressed like a button."""
from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QKeyEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.canvas.paint import font
from app.personal.thumbs_view import rounded
from app.theme import Theme, pixmap

NAME = 18  # pixels of the line below the picture
_ROUND = 7.0
_EDGE = 3  # around the picture, for the frame


class Tile(QAbstractButton):
    """A square picture and a name below. icon: what is drawn as long as there is no picture.

    arrow(dx, dy): an arrow key asks for the tile beside it. over(on): the mouse came or went.
    """

    arrow = Signal(int, int)
    over = Signal(bool)

    def __init__(self, theme: Theme, name: str, icon: str = "ball", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon = icon
        self._image: QImage | None = None
        self._ready: tuple[tuple[int, int, float], QPixmap] | None = None
        self._hot = False
        self.dashed = False
        self.setText(name)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def set_picture(self, image: QImage | None) -> None:
        """What it shows; a square, else its middle."""
        self._image, self._ready = image, None
        self.update()

    @property
    def has_picture(self) -> bool:
        """Whether it shows one."""
        return self._image is not None

    def sizeHint(self) -> QSize:
        """Its grid gives it another size."""
        return QSize(78, 78 + NAME)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Picture, frame, name."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = self._theme.colors
        side = self.width() - 2 * _EDGE
        box = QRectF(_EDGE, _EDGE, side, side)
        if self._image is None:
            painter.setPen(QPen(QColor(colors.faint), 1.2, Qt.PenStyle.DashLine) if self.dashed else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.hover if self._hot or self.isDown() else colors.raised))
            painter.drawRoundedRect(box, _ROUND, _ROUND)
            mark = pixmap(self._icon, colors.dim if self.isEnabled() else colors.faint, 22, self.devicePixelRatioF())
            painter.drawPixmap(box.center() - QPointF(11, 11), mark)
        else:
            painter.setOpacity(1.0 if self.isEnabled() else 0.45)
            painter.drawPixmap(box.topLeft(), self._scaled(self._image, side))
            painter.setOpacity(1.0)
        self._frame(painter, box)
        painter.setFont(font(11, QFont.Weight.DemiBold if self.isChecked() else QFont.Weight.Normal))
        lit = colors.text if self.isChecked() or self._hot else colors.dim
        painter.setPen(QColor(lit if self.isEnabled() else colors.faint))
        line = QRectF(0, self.width() - 1, self.width(), NAME)
        name = QFontMetricsF(painter.font(), self).elidedText(self.text(), Qt.TextElideMode.ElideRight, line.width() - 2)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, name)
        painter.end()

    def _scaled(self, image: QImage, side: int) -> QPixmap:
        key = (image.cacheKey(), side, self.devicePixelRatioF())
        if self._ready is None or self._ready[0] != key:
            self._ready = (key, rounded(image, side, _ROUND, self.devicePixelRatioF()))
        return self._ready[1]

    def _frame(self, painter: QPainter, box: QRectF) -> None:
        colors = self._theme.colors
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.isChecked() or self.hasFocus():
            painter.setPen(QPen(QColor(colors.accent), 2.2 if self.isChecked() else 1.6,
                                Qt.PenStyle.SolidLine if self.isChecked() else Qt.PenStyle.DashLine))
            painter.drawRoundedRect(box.adjusted(-1.6, -1.6, 1.6, 1.6), _ROUND + 1.5, _ROUND + 1.5)
        elif self._hot and self._image is not None:
            painter.setPen(QPen(QColor(colors.faint), 1.4))
            painter.drawRoundedRect(box.adjusted(-1.4, -1.4, 1.4, 1.4), _ROUND + 1.4, _ROUND + 1.4)
        if self.isChecked():  # colour alone would not tell everybody
            spot = box.topRight() + QPointF(-9, 9)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.accent))
            painter.drawEllipse(spot, 7, 7)
            painter.drawPixmap(spot - QPointF(5.5, 5.5), pixmap("check", colors.on_accent, 11, self.devicePixelRatioF()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to the tiles beside; Return presses as Space does."""
        ways = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        key = Qt.Key(event.key())
        if key in ways:
            self.arrow.emit(*ways[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Whether the mouse is over it."""
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self._hot = event.type() == QEvent.Type.HoverEnter
            self.over.emit(self._hot)
            self.update()
        return super().event(event)
