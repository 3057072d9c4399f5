"""A picture that is compared: zoomed and moved together with the others."""
from __future__ import annotations

from PySide6.QtCore import QObject, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.canvas import paint
from app.canvas.canvas import GRAB
from app.canvas.view import View
from app.history.outgoing import MIME
from app.theme import Theme

WORLD = 1024.0  # every picture is a square of this side to the camera
_PIXELS = 4.0  # widget pixels a picture pixel from which on single pixels are shown as such


class Camera(QObject):
    """Where all panes look. changed: somewhere else."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.view = View(QSizeF(WORLD, WORLD), QSizeF(1, 1))

    def resize(self, size: QSizeF) -> None:
        """The panes have another size."""
        if size != self.view.widget:
            self._set(self.view.resized(size))

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Nearer or farther, about a point of a pane or its middle."""
        middle = QPointF(self.view.widget.width() / 2, self.view.widget.height() / 2)
        self._set(self.view.zoomed(factor, middle if at is None else at))

    def pan(self, by: QPointF) -> None:
        """Move the pictures."""
        self._set(self.view.panned(by))

    def fit(self) -> None:
        """All of the pictures."""
        self._set(self.view.fit())

    def _set(self, view: View) -> None:
        self.view = view
        self.changed.emit()


class Pane(QWidget):
    """Shows one picture, or two with a line between them. dropped(QMimeData): pictures of the history were dropped on it.
    clicked: it was clicked without being moved."""

    dropped = Signal(object)
    clicked = Signal()

    def __init__(self, theme: Theme, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._camera = theme, camera
        self._left: QImage | None = None
        self._right: QImage | None = None
        self._scaled: dict[tuple[bool, int], QImage] = {}
        self.letters = ("", "")
        self.split = 0.5
        self._drag = ""
        self._last = self._pressed = QPointF()
        self._drop = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 100)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        camera.changed.connect(self.update)
        theme.changed.connect(self.update)

    def show_images(self, left: QImage | None, right: QImage | None = None, letters: tuple[str, str] = ("", "")) -> None:
        """What to show; with a second picture a line divides the two. letters: which of A to D they are."""
        self._left, self._right, self.letters = left, right, letters
        self._scaled.clear()
        self.update()

    # -- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Pictures, line, letters."""
        painter = QPainter(self)
        colors = self._theme.colors
        painter.fillRect(self.rect(), QColor(colors.canvas))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self._camera.view.rect
        if self._left is not None:
            self._draw(painter, box, False)
        if self._right is not None:
            painter.save()
            painter.setClipRect(QRectF(self._split_x, 0, self.width(), self.height()))
            self._draw(painter, box, True)
            painter.restore()
            seen = box.intersected(QRectF(self.rect()))
            paint.split_line(painter, self._split_x, seen, self._drag == "split")
        self._letters(painter, box)
        if self._drop:
            painter.setPen(QPen(QColor(colors.accent), 3))
            painter.drawRect(QRectF(self.rect()).adjusted(2, 2, -2, -2))
        painter.end()

    def _draw(self, painter: QPainter, box: QRectF, right: bool) -> None:
        image = self._right if right else self._left
        assert image is not None
        width = box.width() * self.devicePixelRatioF()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, width < _PIXELS * image.width())
        halvings = max(0, int(image.width() / max(1.0, width)).bit_length() - 1)
        key = (right, halvings)
        if key not in self._scaled:
            self._scaled[key] = paint.smooth(image, width) if halvings else image
        painter.drawImage(box, self._scaled[key])

    def _letters(self, painter: QPainter, box: QRectF) -> None:
        seen = box.intersected(QRectF(self.rect()))
        for i, letter in enumerate(self.letters):
            if letter:
                x = seen.left() + 10 if i == 0 else seen.right() - 44
                paint.badge(painter, letter, QPointF(x, seen.top() + 10), self._theme.colors)

    @property
    def _split_x(self) -> float:
        box = self._camera.view.rect
        return box.left() + self.split * box.width()

    # -- hands

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The camera learns of it; all panes are of a size."""
        self._camera.resize(QSizeF(event.size()))

    def _on_split(self, point: QPointF) -> bool:
        return self._right is not None and abs(point.x() - self._split_x) <= GRAB

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the line, or of the pictures."""
        self._last = self._pressed = event.position()
        self._drag = "split" if self._on_split(event.position()) else "pan"
        if self._drag == "pan":
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what is held."""
        point = event.position()
        if self._drag == "split":
            box = self._camera.view.rect
            self.split = min(1.0, max(0.0, (point.x() - box.left()) / max(1.0, box.width())))
            self.update()
        elif self._drag == "pan":
            self._camera.pan(point - self._last)
        else:
            self.setCursor(Qt.CursorShape.SplitHCursor if self._on_split(point) else Qt.CursorShape.OpenHandCursor)
        self._last = point

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        drag, self._drag = self._drag, ""
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        if drag == "pan" and (event.position() - self._pressed).manhattanLength() < 4:
            self.clicked.emit()
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """On the line it goes to the middle, elsewhere all of the picture shows."""
        if self._on_split(event.position()):
            self.split = 0.5
            self.update()
        else:
            self._camera.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the mouse."""
        self._camera.zoom(1.15 ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Pictures of the history may be dropped."""
        if event.mimeData().hasFormat(MIME):
            self._drop = True
            event.acceptProposedAction()
            self.update()

    def dragLeaveEvent(self, _event: object) -> None:
        """They went away again."""
        self._drop = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        """Look at it here."""
        self._drop = False
        event.acceptProposedAction()
        self.dropped.emit(event.mimeData())
        self.update()
