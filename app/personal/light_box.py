"""One photo of the album, large, over the dialog: the face that was chosen is framed."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from app.canvas.paint import font, smooth
from app.language import tr
from app.personal.thumbs import Tile
from app.personal.thumbs_view import sign
from app.picture import to_image
from app.tasks import Task
from app.theme import DARK, Theme
from core.errors import Cancelled

LARGEST = 1600  # pixels a side that are kept of a photo
_FOOT = 96.0


@dataclass(frozen=True)
class Shown:
    """What is shown of a photo. path: its file. size: (w, h) of the upright photo, to which the boxes (x0, y0, x1, y1) belong.
    face: which of the boxes is the person, None for none."""

    path: Path
    size: tuple[float, float] = (1, 1)
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    face: int | None = None


class LightBox(QWidget):
    """Covers its parent while it shows a photo. Escape or a click beside the photo closes it, arrows go on to the next.

    overruled(name, use): as the grid's. stepped(by): the next (1) or the one before (-1) is asked for. closed: it is gone.
    """

    overruled = Signal(str, bool)
    stepped = Signal(int)
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._cover = parent
        self._theme = theme
        self._tile: Tile | None = None
        self._shown: Shown | None = None
        self._image: QImage | None = None
        self._message = ""
        self._tasks: list[Task] = []
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.toggle = QPushButton(self)
        self.toggle.setAutoDefault(False)
        self.toggle.setObjectName("onDark")
        self.close_button, self.before, self.after = QToolButton(self), QToolButton(self), QToolButton(self)
        for button, icon, name, tip in ((self.close_button, "close", tr("Close"), tr("Back to the album  (Esc)")),
                                        (self.before, "chevron-left", tr("Photo before"), tr("The photo before  (Left)")),
                                        (self.after, "chevron-right", tr("Next photo"), tr("The next photo  (Right)"))):
            button.setObjectName("onDark")
            button.setIcon(theme.icon(icon, DARK.text))
            button.setIconSize(QSize(20, 20))
            button.setAccessibleName(name)
            button.setToolTip(tip)
            button.setFixedSize(36, 36)
        self.close_button.clicked.connect(self.leave)
        self.before.clicked.connect(lambda: self.stepped.emit(-1))
        self.after.clicked.connect(lambda: self.stepped.emit(1))
        self.toggle.clicked.connect(self._overrule)
        parent.installEventFilter(self)
        self.hide()

    # -- what is shown

    @property
    def name(self) -> str:
        """The photo it shows; '' when it is closed."""
        return self._tile.name if self._tile is not None and not self.isHidden() else ""

    def open(self, tile: Tile, shown: Shown, small: QImage | None) -> None:
        """Show a photo; its small picture stands in until the file is read."""
        another = self._shown is None or self._shown.path != shown.path or self.isHidden()
        self._tile, self._shown = tile, shown
        if another:
            self._image, self._message = small, ""
            for task in self._tasks:
                task.cancel()
            self._read(shown.path)
        self.update_tile(tile)
        self.setGeometry(self._cover.rect())
        self.show()
        self.raise_()
        self.setFocus()
        self._place()
        self.update()

    def update_tile(self, tile: Tile) -> None:
        """Another word is to be said of the same photo."""
        self._tile = tile
        self.toggle.setText(tr("Leave out") if tile.used else tr("Use it anyway"))
        self.toggle.setToolTip(f"{tile.action}  ({tr('Space')})" if tile.action else tr("No face was found that could be used"))
        self.toggle.setEnabled(bool(tile.action))
        self.setAccessibleName(tile.spoken)
        self.update()

    def leave(self) -> None:
        """Close."""
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    def stop(self) -> None:
        """Wait for what is being read."""
        for task in self._tasks:
            task.cancel()
            task.wait()

    def _read(self, path: Path) -> None:
        task = Task(lambda say, cancelled: (path, _read_small(path, cancelled)), f"reading {path.name}", self)
        task.done.connect(self._has_read)
        task.failed.connect(self._not_read)
        task.finished.connect(self._over)
        self._tasks.append(task)
        task.start()

    def _has_read(self, result: tuple[Path, QImage]) -> None:
        if self._shown is not None and result[0] == self._shown.path:
            self._image = result[1]
            self.update()

    def _not_read(self, message: str) -> None:
        if self._tasks and self.sender() is self._tasks[-1]:  # an earlier photo is not the one that shows
            self._message = message
            self.update()

    def _over(self) -> None:
        for task in [task for task in self._tasks if task.isFinished()]:
            self._tasks.remove(task)
            task.deleteLater()

    def _overrule(self) -> None:
        if self._tile is not None and self._tile.action:
            self.overruled.emit(self._tile.name, not self._tile.used)

    # -- drawing

    @property
    def picture_box(self) -> QRectF:
        """Where the photo is drawn: as large as fits."""
        room = QRectF(self.rect()).adjusted(64, 28, -64, -_FOOT)
        if self._shown is None:
            return room
        width, height = self._shown.size
        scale = min(room.width() / width, room.height() / height)
        box = QRectF(0, 0, width * scale, height * scale)
        box.moveCenter(room.center())
        return box

    def face_box(self, index: int) -> QRectF:
        """Where a face is on the screen."""
        assert self._shown is not None
        box, scale = self.picture_box, self.picture_box.width() / self._shown.size[0]
        x0, y0, x1, y1 = self._shown.boxes[index]
        return QRectF(box.left() + x0 * scale, box.top() + y0 * scale, (x1 - x0) * scale, (y1 - y0) * scale)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Backdrop, photo, frames, words: dark in both schemes, as a light table's surroundings."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(DARK.canvas))
        if self._shown is not None and self._tile is not None:
            self._paint_photo(painter, self._shown)
            self._paint_words(painter, self._tile)
        painter.end()

    def _paint_photo(self, painter: QPainter, shown: Shown) -> None:
        box = self.picture_box
        if self._image is not None:
            painter.drawImage(box, smooth(self._image, box.width() * self.devicePixelRatioF()))
        if not shown.boxes:
            return
        if shown.face is not None:
            outside = QPainterPath()
            outside.addRect(box)
            hole = QPainterPath()
            hole.addRoundedRect(self.face_box(shown.face), 10, 10)
            painter.fillPath(outside - hole, QColor(0, 0, 0, 60))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for i in range(len(shown.boxes)):
            chosen = i == shown.face
            painter.setPen(QPen(QColor(DARK.accent_hover if chosen else "#9aa0a8"), 2.5 if chosen else 1.2,
                                Qt.PenStyle.SolidLine if chosen else Qt.PenStyle.DashLine))
            painter.drawRoundedRect(self.face_box(i), 10, 10)

    def _paint_words(self, painter: QPainter, tile: Tile) -> None:
        line = QRectF(40, self.height() - _FOOT + 14, self.width() - 260, 22)
        sign(painter, QPointF(line.left() + 10, line.center().y()), tile.icon, 9)
        painter.setFont(font(14, QFont.Weight.DemiBold))
        painter.setPen(QColor(DARK.text))
        painter.drawText(line.adjusted(28, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, f"{tile.word}   ")
        painter.setFont(font(12, QFont.Weight.Normal))
        painter.setPen(QColor(DARK.dim))
        below = QRectF(line.left() + 28, line.top() + 25, line.width() - 28, 36)
        words = [tile.title, self._message or tile.detail, tr("Kept for testing: never trained on") if tile.held else ""]
        painter.drawText(below, Qt.TextFlag.TextWordWrap, "   ·   ".join(word for word in words if word))

    # -- hands

    def _place(self) -> None:
        width, height = self.width(), self.height()
        self.close_button.move(width - 46, 10)
        self.before.move(14, round((height - _FOOT) / 2) - 18)
        self.after.move(width - 50, round((height - _FOOT) / 2) - 18)
        self.toggle.adjustSize()
        self.toggle.move(width - self.toggle.width() - 40, round(height - _FOOT + 22))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay as large as the parent."""
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self.setGeometry(self._cover.rect())
            self._place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape or Return closes, Space overrules, arrows go on."""
        actions: dict[int, Callable[[], Any]] = {
            Qt.Key.Key_Escape: self.leave, Qt.Key.Key_Return: self.leave, Qt.Key.Key_Enter: self.leave,
            Qt.Key.Key_Space: self._overrule, Qt.Key.Key_Left: lambda: self.stepped.emit(-1),
            Qt.Key.Key_Right: lambda: self.stepped.emit(1)}
        action = actions.get(event.key())
        if action is not None:
            action()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, onward: bool) -> bool:
        """Tab stays among its own buttons: what lies below can't be seen."""
        ring: Sequence[QWidget] = [w for w in (self, self.before, self.after, self.toggle, self.close_button) if w.isEnabled()]
        now = self.window().focusWidget()
        at = ring.index(now) if now in ring else 0
        ring[(at + (1 if onward else -1)) % len(ring)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click beside the photo closes."""
        if event.position().y() < self.height() - _FOOT and not self.picture_box.contains(event.position()):
            self.leave()


def _read_small(path: Path, cancelled: Callable[[], bool]) -> QImage:
    """A photo, upright and in sRGB, at no more than `LARGEST`."""
    from core.cv import cv2
    from core.photo import load_image

    if cancelled():
        raise Cancelled
    pixels = load_image(path).pixels
    scale = LARGEST / max(pixels.shape[:2])
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return to_image(pixels)
