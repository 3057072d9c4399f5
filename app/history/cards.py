"""How a picture of the history is drawn in the strip: thumbnail, what it changes, time and likeness, pin."""
from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.canvas.paint import font
from app.history.shelf import ITEM, Index, Item, when
from app.language import tr
from app.theme import Theme, pixmap

PAD, LINE, SECOND = 5, 15, 14  # around a card, a line of what it changes, the line below; pixels
TWO_LINES = 108  # height of a card from which it has two lines of what it changes
LEAST, MOST = 44, 144  # side of a thumbnail
_LEAST_WIDE, _WIDER = 122, 22  # a card, and how much wider than its thumbnail
_ROUND = 5.0


class Cards(QStyledItemDelegate):
    """Draws cards of the height it is given. side: of a thumbnail, pixels."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.side = 60
        self._lines = 1

    def fit(self, height: int) -> None:
        """Make the thumbnails as large as cards of this height have room for."""
        self._lines = 2 if height >= TWO_LINES else 1
        self.side = min(MOST, max(LEAST, height - 2 * PAD - self._words))

    @property
    def _words(self) -> int:
        """Height of what is said below the picture."""
        return self._lines * LINE + SECOND + 3

    @property
    def size(self) -> QSize:
        """Of a card."""
        return QSize(max(self.side + _WIDER, _LEAST_WIDE), self.side + 2 * PAD + self._words)

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """All cards are alike."""
        return self.size

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """A card. Frames tell which picture is shown and which one has the focus; a mark says the first without colour."""
        item: Item = index.data(ITEM)
        colors = self._theme.colors
        area = QRectF(option.rect)  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        picture = QRectF(area.center().x() - self.side / 2, area.top() + PAD, self.side, self.side)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        chosen, hot = bool(state & QStyle.StateFlag.State_Selected), bool(state & QStyle.StateFlag.State_MouseOver)
        if chosen or hot:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.hover if chosen else colors.raised))
            painter.drawRoundedRect(area.adjusted(2, 1, -2, -1), 7, 7)
        shown = index.model().shown == item.request  # type: ignore[attr-defined]
        self._paint_picture(painter, picture, item, shown, bool(state & QStyle.StateFlag.State_HasFocus))
        self._paint_words(painter, area, picture.bottom() + 2, item, str(index.data()), shown)
        painter.restore()

    def _paint_picture(self, painter: QPainter, box: QRectF, item: Item, shown: bool, focus: bool) -> None:
        colors = self._theme.colors
        path = QPainterPath()
        path.addRoundedRect(box, _ROUND, _ROUND)
        painter.setClipPath(path, Qt.ClipOperation.IntersectClip)
        painter.drawImage(box, item.thumb)
        painter.setClipping(False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colors.accent if shown else colors.border), 2.5 if shown else 1.0))
        painter.drawRoundedRect(box, _ROUND, _ROUND)
        if focus:
            painter.setPen(QPen(QColor(colors.text), 1.0, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(box.adjusted(-3, -3, 3, 3), _ROUND + 2, _ROUND + 2)
        if item.pinned:
            mark = QRectF(box.right() - 15, box.top() - 3, 18, 18)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.badge))
            painter.drawEllipse(mark)
            ratio = painter.device().devicePixelRatioF()
            painter.drawPixmap(mark.topLeft() + QPointF(3, 3), pixmap("pin", colors.lamp, 12, ratio))

    def _paint_words(self, painter: QPainter, area: QRectF, top: float, item: Item, caption: str, shown: bool) -> None:
        colors = self._theme.colors
        width = area.width() - 8
        painter.setFont(font(11, QFont.Weight.DemiBold if item.name or shown else QFont.Weight.Normal))
        painter.setPen(QColor(colors.text))
        line = QRectF(area.left() + 4, top, width, LINE)
        for text in in_lines(caption, self._lines, painter.fontMetrics(), round(width)):
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)
            line.translate(0, LINE)
        small = [when(item.made)] + ([f"{item.distance:.2f}"] if item.distance is not None else [])
        painter.setFont(font(10, QFont.Weight.Normal))
        painter.setPen(QColor(colors.dim))
        painter.drawText(line.adjusted(0, 0, 0, SECOND - LINE), Qt.AlignmentFlag.AlignCenter,
                         painter.fontMetrics().elidedText("  ·  ".join(small), Qt.TextElideMode.ElideRight, round(width)))

    # -- a new name

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, index: Index) -> QWidget:
        """A field over the words."""
        field = QLineEdit(parent)
        field.setObjectName("cardName")
        field.setMaxLength(80)
        field.setPlaceholderText(tr("Name"))
        field.setAccessibleName(tr("Name of the picture"))
        return field

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """The name it has."""
        if isinstance(editor, QLineEdit):
            editor.setText(str(index.data(Qt.ItemDataRole.EditRole) or ""))
            editor.selectAll()

    def setModelData(self, editor: QWidget, model: Any, index: Index) -> None:
        """Take the name that was typed."""
        if isinstance(editor, QLineEdit):
            model.setData(index, editor.text())

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, _index: Index) -> None:
        """Over the words."""
        box: QRect = option.rect  # type: ignore[attr-defined]
        height = 26
        editor.setGeometry(box.left() + 3, box.bottom() - height - PAD + 3, box.width() - 6, height)


def in_lines(text: str, most: int, metrics: QFontMetrics, width: int) -> list[str]:
    """The text in no more than `most` lines of `width` pixels, broken between words; the last is cut where there is more."""
    lines: list[str] = []
    rest = text
    while len(lines) < most - 1 and metrics.horizontalAdvance(rest) > width:
        words = rest.split(" ")
        fit = next((k for k in range(len(words) - 1, 0, -1) if metrics.horizontalAdvance(" ".join(words[:k])) <= width), 0)
        if fit == 0:
            break
        lines.append(" ".join(words[:fit]))
        rest = " ".join(words[fit:])
    return [*lines, metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)]
