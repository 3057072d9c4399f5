"""The grid of an album's photos: how a thumbnail is drawn, and what mouse and keys do to it."""
from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.canvas.paint import font, round_pen
from app.language import tr
from app.personal.thumbs import TILE_ROLE, Tile, Tiles
from app.theme import DARK, Theme, pixmap

CELL = 150  # least width
_GAP = 14.0
_TEXT = 58  # height of what is written below a picture
_ROUND = 8.0
_READY = 250  # pictures kept as they are drawn, about 100 KiB each, four times that at two device pixels
_BUTTON = 24.0
_Index = QModelIndex | QPersistentModelIndex


def picture_box(cell: QRect) -> QRectF:
    """Where in its cell the picture is."""
    side = cell.width() - _GAP
    return QRectF(cell.left() + 4, cell.top() + 5, side, side)


def button_box(cell: QRect) -> QRectF:
    """Where in its cell the round button that overrules is."""
    box = picture_box(cell)
    return QRectF(box.right() - _BUTTON - 6, box.top() + 6, _BUTTON, _BUTTON)


class TileDelegate(QStyledItemDelegate):
    """Draws a tile: the picture, faded where it is left out, a badge with icon and word, the file's name and the reason."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.cell = QSize(CELL, CELL + _TEXT)
        self._ready: OrderedDict[tuple[int, int, float, bool], QPixmap] = OrderedDict()  # scaled once, not in every frame

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """All are of one size."""
        return self.cell

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw one."""
        tile = index.data(TILE_ROLE)
        if not isinstance(tile, Tile):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        cell: QRect = option.rect
        state: QStyle.StateFlag = option.state
        box = picture_box(cell)
        self._picture(painter, box, index.data(Qt.ItemDataRole.DecorationRole), tile)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        over = bool(state & QStyle.StateFlag.State_MouseOver)
        if selected:
            self._ring(painter, box, bool(state & QStyle.StateFlag.State_HasFocus))
        _badge(painter, QPointF(box.left() + 6, box.bottom() - 28), tile.icon, tile.word)
        if tile.held:
            _badge(painter, QPointF(box.left() + 6, box.top() + 6), "target", tr("Test"))
        if (over or selected) and tile.action:
            _button(painter, button_box(cell), tile)
        self._texts(painter, QRectF(box.left(), box.bottom() + 5, box.width(), 52), tile)
        painter.restore()

    def _picture(self, painter: QPainter, box: QRectF, image: QImage | None, tile: Tile) -> None:
        colors = self._theme.colors
        if image is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.raised))
            painter.drawRoundedRect(box, _ROUND, _ROUND)
            mark = pixmap("photo", colors.faint, 32, _ratio(painter))
            painter.drawPixmap(QPointF(box.center().x() - 16, box.center().y() - 24), mark)
            return
        key = (image.cacheKey(), round(box.width()), _ratio(painter), tile.used)
        ready = self._ready.pop(key, None) or rounded(image, round(box.width()), _ROUND, _ratio(painter), faded=not tile.used)
        self._ready[key] = ready
        if len(self._ready) > _READY:
            self._ready.popitem(last=False)
        painter.drawPixmap(box.topLeft(), ready)

    def _ring(self, painter: QPainter, box: QRectF, focus: bool) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._theme.colors.accent), 2.5 if focus else 1.5))
        painter.drawRoundedRect(box.adjusted(-2.5, -2.5, 2.5, 2.5), _ROUND + 2, _ROUND + 2)

    def _texts(self, painter: QPainter, box: QRectF, tile: Tile) -> None:
        colors = self._theme.colors
        painter.setFont(font(11, QFont.Weight.Normal))
        metrics = QFontMetricsF(painter.font(), painter.device())
        painter.setPen(QColor(colors.faint if tile.reason else colors.dim))
        name = metrics.elidedText(tile.title, Qt.TextElideMode.ElideMiddle, box.width())
        painter.drawText(QRectF(box.left(), box.top(), box.width(), 16), Qt.AlignmentFlag.AlignLeft, name)
        if tile.reason:
            painter.setPen(QColor(colors.text if tile.used else colors.dim))
            for i, line in enumerate(two_lines(tile.reason, metrics, box.width())):
                painter.drawText(QRectF(box.left(), box.top() + 16 + 15 * i, box.width(), 16), Qt.AlignmentFlag.AlignLeft, line)


def rounded(image: QImage, side: int, radius: float, ratio: float, *, faded: bool = False) -> QPixmap:
    """The middle square of an image at `side` logical pixels with round corners. faded: grey and half transparent."""
    result = QPixmap(round(side * ratio), round(side * ratio))
    result.setDevicePixelRatio(ratio)
    result.fill(Qt.GlobalColor.transparent)
    box, path = QRectF(0, 0, side, side), QPainterPath()
    path.addRoundedRect(box, radius, radius)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setClipPath(path)
    painter.setOpacity(0.4 if faded else 1.0)
    part = min(image.width(), image.height())
    source = QRectF((image.width() - part) / 2, (image.height() - part) / 2, part, part)
    painter.drawImage(box, image.convertToFormat(QImage.Format.Format_Grayscale8) if faded else image, source)
    painter.end()
    return result


def two_lines(text: str, metrics: QFontMetricsF, width: float) -> list[str]:
    """A text broken at a space into at most two lines; the second one ends in '…' where it doesn't fit."""
    words = text.split()
    first = ""
    while words and metrics.horizontalAdvance(f"{first} {words[0]}".strip()) <= width:
        first = f"{first} {words.pop(0)}".strip()
    if not first:
        return [metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)]
    return [first, metrics.elidedText(" ".join(words), Qt.TextElideMode.ElideRight, width)] if words else [first]


def _ratio(painter: QPainter) -> float:
    return painter.device().devicePixelRatioF()


def sign(painter: QPainter, centre: QPointF, icon: str, radius: float = 7.0) -> None:
    """A tile's icon as a filled disc with a dark sign in it: 'check', 'warning', 'minus' or 'target'."""
    colors = {"check": DARK.good, "warning": DARK.warn, "minus": "#b4b8c0", "target": DARK.accent_hover}
    k = radius / 7
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colors[icon]))
    painter.drawEllipse(centre, radius, radius)
    ink = QColor(DARK.badge)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(round_pen(ink, 1.8 * k))
    strokes = {"check": ((-3.2, 0.3), (-0.9, 2.5), (3.2, -2.4)), "warning": ((0, -3.6), (0, 0.7)), "minus": ((-3.2, 0), (3.2, 0))}
    if icon == "target":
        painter.drawEllipse(centre, 3.0 * k, 3.0 * k)
    else:
        painter.drawPolyline([centre + QPointF(x, y) * k for x, y in strokes[icon]])
    if icon == "warning":
        painter.drawPoint(centre + QPointF(0, 3.6) * k)


def _badge(painter: QPainter, corner: QPointF, icon: str, word: str) -> None:
    painter.setFont(font(11))
    width = QFontMetricsF(painter.font(), painter.device()).horizontalAdvance(word)
    box = QRectF(corner.x(), corner.y(), width + 34, 22)
    painter.setPen(Qt.PenStyle.NoPen)
    fill = QColor(DARK.badge)
    fill.setAlpha(215)
    painter.setBrush(fill)
    painter.drawRoundedRect(box, 11, 11)
    sign(painter, QPointF(box.left() + 12, box.center().y()), icon)
    painter.setPen(QColor(DARK.on_badge))
    painter.drawText(box.adjusted(24, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, word)


def _button(painter: QPainter, box: QRectF, tile: Tile) -> None:
    painter.setPen(QPen(QColor(0, 0, 0, 70), 1))
    painter.setBrush(QColor("#ffffff"))
    painter.drawEllipse(box)
    mark = pixmap("minus" if tile.used else "plus", "#1c1d20", 16, _ratio(painter))
    painter.drawPixmap(QPointF(box.center().x() - 8, box.center().y() - 8), mark)


class TileView(QListView):
    """The grid. overruled(name, use): the user wants a photo used or left out. opened(name): to see it large.
    current(name): the photo that has the focus, '' for none.
    """

    overruled = Signal(str, bool)
    opened = Signal(str)
    current = Signal(str)

    def __init__(self, theme: Theme, tiles: Tiles, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles = tiles
        self.setModel(tiles)
        self._drawing = TileDelegate(theme, self)
        self.setItemDelegate(self._drawing)
        self.setObjectName("tiles")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # else columns jump when it comes
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setMinimumWidth(2 * CELL + 20)
        self.setAccessibleName(tr("Photos of the album"))
        theme.changed.connect(self.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as there is room for, over the whole width."""
        width = self.viewport().width() - 2
        cell = width // max(1, width // CELL)
        self._drawing.cell = QSize(cell, cell + _TEXT)
        self.setGridSize(self._drawing.cell)
        self.verticalScrollBar().setSingleStep(cell // 3)
        super().resizeEvent(event)

    def currentChanged(self, current: _Index, previous: _Index) -> None:
        """Say which photo has the focus."""
        super().currentChanged(current, previous)
        tile = self._tiles.tile(current)
        self.current.emit(tile.name if tile else "")

    def choose(self, name: str) -> None:
        """Give a photo the focus and scroll to it."""
        index = self._tiles.find(name)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def _overrule(self, index: _Index) -> None:
        tile = self._tiles.tile(index)
        if tile is not None and tile.action:
            self.overruled.emit(tile.name, not tile.used)

    def _open(self, index: _Index) -> None:
        tile = self._tiles.tile(index)
        if tile is not None:
            self.opened.emit(tile.name)

    def _on_button(self, point: QPointF) -> QModelIndex | None:
        index = self.indexAt(point.toPoint())
        return index if index.isValid() and button_box(self.visualRect(index)).contains(point) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """On the round button: overrule. Elsewhere: choose."""
        index = self._on_button(event.position()) if event.button() == Qt.MouseButton.LeftButton else None
        super().mousePressEvent(event)
        if index is not None:
            self._overrule(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """On the picture: show it large; on the button the second click counts as one more."""
        index = self._on_button(event.position())
        if index is not None:
            self._overrule(index)
        else:
            self._open(self.indexAt(event.position().toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space overrules, Return shows it large, arrows move."""
        if event.key() == Qt.Key.Key_Space:
            self._overrule(self.currentIndex())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """A hand over the round button."""
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            hot = self._on_button(event.position()) is not None
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if hot else Qt.CursorShape.ArrowCursor)
        return super().viewportEvent(event)
