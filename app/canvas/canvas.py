"""The canvas: what the mouse, the wheel and dropped files do to the picture."""
from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.canvas.head import START, Grip, covers, outline, turn_cursor
from app.canvas.stage import Stage
from app.theme import Theme

GRAB = 8.0


class Canvas(Stage):
    """The stage with its hands: split line, head and face boxes are dragged and clicked here; the light ball has its own hands.

    face_picked: index of a clicked face. dropped: path of a dropped file. cancel_clicked: the progress badge was clicked.
    open_clicked: the page that asks for a photo was.
    head_pressed, head_turned (yaw, pitch in degrees since then), head_rolled (degrees), head_released: the head is turned.
    """

    head_pressed = Signal()
    head_turned = Signal(float, float)
    head_rolled = Signal(float)
    head_released = Signal()
    face_picked = Signal(int)
    dropped = Signal(str)
    cancel_clicked = Signal()
    open_clicked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._last = QPointF()
        self._space = False
        self._grip: Grip | None = None
        self._rolls = False
        self._pressed = QPointF()
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _target(self, point: QPointF) -> str | int | None:
        if self._photo is None:
            return None if self.busy_text else "empty"
        if self.picking:
            hits = [i for i, box in enumerate(self._face_rects()) if box.contains(point)]
            return min(hits, key=lambda i: self._face_rects()[i].width()) if hits else None
        if self.status[2] is not None and self._badge_box.contains(point):
            return "badge"
        if self._splits and abs(point.x() - self.split_x()) <= GRAB and self.view.rect.contains(point):
            return "split"
        if self.turns_head and not self.show_original and not self._space and self._covered(point):
            return "head"
        return None

    def _covered(self, point: QPointF) -> bool:
        if self.show_inset and self.inset_box().contains(point):
            return False
        at = self._crop_to_widget().inverted()[0].map(point)
        return covers(self._live, at.x(), at.y())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of what is under the mouse."""
        point = event.position()
        self._last = point
        pan = event.button() == Qt.MouseButton.MiddleButton or self._space
        if pan and self._photo is not None:
            self._drag = "pan"
        elif event.button() == Qt.MouseButton.LeftButton:
            self._press(self._target(point), point, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif event.button() == Qt.MouseButton.RightButton and self._drag is None and self._target(point) == "head":
            self._press("head", point, rolls=True)
        self._set_cursor(self._drag)

    def _press(self, target: str | int | None, point: QPointF, rolls: bool = False) -> None:
        if isinstance(target, int):
            self.face_picked.emit(target)
        elif target == "badge":
            self.cancel_clicked.emit()
        elif target == "empty":
            self._drag, self._pressed = "empty", point  # a dialog that opens at the press would never hear of the release
        elif target == "split":
            self._drag = "split"
        elif target == "head" and self._live is not None:
            x, y, half = outline(self._live)
            place = self._crop_to_widget()
            edge = place.map(QPointF(x + half, y)) - place.map(QPointF(x, y))
            self._grip, self._rolls = Grip(point, place.map(QPointF(x, y)), math.hypot(edge.x(), edge.y())), rolls
            self._drag = "grip"
        elif self._photo is not None and not self.view.fitted:
            self._drag = "pan"

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, or show what could be dragged."""
        point = event.position()
        if self._drag == "pan":
            self._set_view(self.view.panned(point - self._last))
        elif self._drag == "split":
            rect = self.view.rect
            self.split = min(1.0, max(0.0, (point.x() - rect.left()) / rect.width()))
            self.update()
        elif self._grip is not None:
            self._turn(self._grip, point)
        else:
            self._hover(self._target(point))
        self._last = point

    def _turn(self, grip: Grip, point: QPointF) -> None:
        """The head follows the mouse, once that has gone far enough to be no click."""
        if self._drag == "grip" and (point - grip.at).manhattanLength() >= START:
            self._drag = "head"
            self.head_pressed.emit()
        if self._drag == "head" and self._rolls:
            self.head_rolled.emit(grip.roll(point))
        elif self._drag == "head":
            self.head_turned.emit(*grip.turn(point))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        drag, self._drag, self._grip = self._drag, None, None
        if drag == "head":
            self.update()
            self.head_released.emit()
        elif drag == "empty" and (event.position() - self._pressed).manhattanLength() < START:  # a click, no drag
            self.open_clicked.emit()
        self._hover(self._target(event.position()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click on the picture fits it; on the line, centres that."""
        target = self._target(event.position())
        if target == "split":
            self.split = 0.5
            self.update()
        elif target in (None, "head"):
            self.fit()

    def _hover(self, target: str | int | None) -> None:
        if target != self._hot:
            self._hot = target
            self.update()
        self._set_cursor(target)

    def _set_cursor(self, target: str | int | None) -> None:
        shapes = {"split": Qt.CursorShape.SplitHCursor,
                  "badge": Qt.CursorShape.PointingHandCursor, "empty": Qt.CursorShape.PointingHandCursor,
                  "pan": Qt.CursorShape.ClosedHandCursor,
                  "grip": Qt.CursorShape.ClosedHandCursor, "head": Qt.CursorShape.ClosedHandCursor}
        if target == "head" and self._drag is None:
            self.setCursor(turn_cursor(self.devicePixelRatioF()))
            return
        shape = Qt.CursorShape.PointingHandCursor if isinstance(target, int) else shapes.get(target or "")
        if shape is None:
            shape = Qt.CursorShape.OpenHandCursor if self._space else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse any more."""
        if self._drag is None:
            self._hover(None)
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        notches = event.angleDelta().y() / 120
        if not notches or self._photo is None:
            return
        self.zoom(1.15 ** notches, event.position())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape takes the face that is open."""
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return) and self.picking:
            self.face_picked.emit(self._chosen)
        else:
            super().keyPressEvent(event)

    def hold_original(self, held: bool) -> None:
        """Space is held: the original is shown, and a drag pans."""
        self._space = held
        self.show_original = held
        self._set_cursor(self._drag)
        self.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files may be dropped."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._drop = True
            self.update()

    def dragLeaveEvent(self, event: QEvent) -> None:
        """The file went away again."""
        self._drop = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first dropped file."""
        self._drop = False
        self.update()
        files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.dropped.emit(files[0])
