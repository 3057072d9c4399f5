"""The strip of pictures under the canvas: click goes back to one, arrows walk, hovering previews."""
from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDrag,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QWidget

from app.canvas.paint import font
from app.history.cards import Cards
from app.history.shelf import ITEM, Index, Item, Shelf
from app.language import tr
from app.theme import Theme

HOVER_MS = 140  # a mouse that only crosses the strip previews nothing
ROW = 142  # height from which there is more than one row
_KEYS = (Qt.Key.Key_P, Qt.Key.Key_F2, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Enter,
         Qt.Key.Key_Escape, Qt.Key.Key_C)


class Strip(QListView):
    """Shows a Shelf.

    restore_asked(Item): it was clicked. looked_at(Item or None): the mouse or an arrow key rests on it, or left.
    pin_asked, delete_asked (items), copy_asked (Item), menu_asked (items, where): keys and the right button.
    """

    restore_asked = Signal(object)
    looked_at = Signal(object)
    pin_asked = Signal(list)
    delete_asked = Signal(list)
    copy_asked = Signal(object)
    menu_asked = Signal(list, QPoint)

    def __init__(self, theme: Theme, shelf: Shelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._shelf = theme, shelf
        self._cards = Cards(theme, self)
        self._hovered: Item | None = None
        self._walked = False
        self._hover = QTimer(self)
        self._hover.setSingleShot(True)
        self._hover.setInterval(HOVER_MS)
        self._hover.timeout.connect(self._look)
        self.setModel(shelf)
        self.setItemDelegate(self._cards)
        self.setObjectName("strip")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setMouseTracking(True)
        self.setMinimumHeight(84)
        self.setAccessibleName(tr("History"))
        self.setAccessibleDescription(tr(
            "Finished pictures. Arrow keys walk, Enter goes back to one, P pins it, Delete takes it out."))
        self.entered.connect(self._entered)
        self.viewportEntered.connect(self._left)
        theme.changed.connect(self.viewport().update)

    # -- what is chosen

    @property
    def chosen(self) -> list[Item]:
        """The selected items, the oldest first; without any the one that has the focus."""
        rows = sorted(index.row() for index in self.selectedIndexes())
        if not rows and self.currentIndex().isValid():
            rows = [self.currentIndex().row()]
        return [self._shelf.items[row] for row in rows]

    def item_at(self, index: Index) -> Item | None:
        """The item of an index."""
        found = index.data(ITEM) if index.isValid() else None
        return found if isinstance(found, Item) else None

    def reveal(self, item: Item) -> None:
        """Scroll it into sight."""
        if item in self._shelf.items:
            self.scrollTo(self._shelf.index(self._shelf.items.index(item)))

    def rename(self, item: Item) -> None:
        """Let the user type a name."""
        self.edit(self._shelf.index(self._shelf.items.index(item)))

    # -- the mouse

    def _entered(self, index: QModelIndex) -> None:
        self._hovered = self.item_at(index)
        self._hover.start()

    def _look(self) -> None:
        if self._hovered is not None and self._hovered in self._shelf.items:
            self._walked = False
            self.looked_at.emit(self._hovered)

    def _left(self) -> None:
        """The mouse is on no picture."""
        self._hover.stop()
        if self._hovered is not None:
            self._hovered = None
            self.looked_at.emit(None)

    def leaveEvent(self, event: QEvent) -> None:
        """The preview ends."""
        super().leaveEvent(event)
        self._left()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """A preview by arrow keys ends too."""
        super().focusOutEvent(event)
        if self._walked:
            self._walked = False
            self.looked_at.emit(None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A plain click goes back to the picture; with Ctrl or Shift it only chooses."""
        dragged = self.state() == QAbstractItemView.State.DraggingState
        super().mouseReleaseEvent(event)
        plain = event.button() == Qt.MouseButton.LeftButton and event.modifiers() == Qt.KeyboardModifier.NoModifier
        item = self.item_at(self.indexAt(event.position().toPoint()))
        if plain and not dragged and item is not None:
            self._left()
            self.restore_asked.emit(item)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be done with a picture."""
        keyboard = event.reason() == QContextMenuEvent.Reason.Keyboard
        at = self.visualRect(self.currentIndex()).center() if keyboard else event.pos()
        self.menu_asked.emit(self.chosen if self.indexAt(at).isValid() else [], self.viewport().mapToGlobal(at))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """One row scrolls sideways."""
        bar = self.horizontalScrollBar()
        turn = event.angleDelta()
        if self.isWrapping() or not turn.y() or turn.x():
            super().wheelEvent(event)
            return
        bar.setValue(bar.value() - round(turn.y() / 120 * self._cards.size.width()))
        event.accept()

    def startDrag(self, actions: Qt.DropAction) -> None:
        """The pictures as files, with the thumbnail at the mouse."""
        indexes = self.selectedIndexes()
        if not indexes:
            return
        self._left()
        drag = QDrag(self)
        drag.setMimeData(self._shelf.mimeData(indexes))
        first = self.item_at(indexes[0])
        if first is not None:
            drag.setPixmap(QPixmap.fromImage(first.thumb.scaledToWidth(72, Qt.TransformationMode.SmoothTransformation)))
            drag.setHotSpot(QPoint(36, 36))
        drag.exec(Qt.DropAction.CopyAction)

    # -- keys

    def event(self, event: QEvent) -> bool:
        """The strip's own keys come before the window's while it has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._does(event):
            event.accept()
            return True
        return super().event(event)

    def _does(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_C:
            return event.modifiers() == Qt.KeyboardModifier.ControlModifier
        return event.key() in _KEYS and event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter goes back, P pins, F2 names, Delete takes out, Ctrl+C copies, Escape ends a preview; the arrows walk."""
        key, chosen = event.key(), self.chosen
        current = self.item_at(self.currentIndex())
        if not self._does(event) or current is None:
            super().keyPressEvent(event)
            self._walk(current)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._walked = False
            self.restore_asked.emit(current)
        elif key == Qt.Key.Key_P:
            self.pin_asked.emit(chosen)
        elif key == Qt.Key.Key_F2:
            self.rename(current)
        elif key == Qt.Key.Key_C:
            self.copy_asked.emit(current)
        elif key == Qt.Key.Key_Escape:
            self.clearSelection()
            self._walked = False
            self.looked_at.emit(None)
        else:
            self.delete_asked.emit(chosen)

    def _walk(self, before: Item | None) -> None:
        """An arrow key went to another picture: preview it."""
        item = self.item_at(self.currentIndex())
        if item is not None and item is not before:
            self._walked = True
            self.looked_at.emit(item)

    def keyboardSearch(self, _search: str) -> None:
        """Letters are keys of the window, no search."""

    # -- the look

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The cards are as high as there is room; a high strip has several rows."""
        super().resizeEvent(event)
        height = self.height() - 10  # the scroll bar's
        rows = max(1, height // ROW)
        if self.isWrapping() != (rows > 1):
            self.setWrapping(rows > 1)
        self._cards.fit(height // rows if rows > 1 else height)
        self.scheduleDelayedItemsLayout()

    def sizeHint(self) -> QSize:
        """One row."""
        return QSize(400, 126)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The cards, or what is going to be here."""
        super().paintEvent(event)
        if self._shelf.rowCount():
            return
        painter = QPainter(self.viewport())
        painter.setFont(font(12))
        painter.setPen(QColor(self._theme.colors.faint))
        painter.drawText(QRectF(self.viewport().rect()), Qt.AlignmentFlag.AlignCenter,
                         tr("Finished pictures gather here. Click one to go back to it."))
        painter.end()
