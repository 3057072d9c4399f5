"""The canvas: the picture and everything that is dragged on it."""
from __future__ import annotations

from enum import Enum
from typing import Any

from PySide6.QtCore import QElapsedTimer, QEvent, QPointF, QRectF, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.canvas import paint
from app.canvas.ball import Ball
from app.canvas.view import View
from app.picture import PhotoView
from app.theme import Theme

CROP_WORLD = 1024.0  # the crop is shown as a square of this many picture pixels
GRAB = 8.0
WHEEL_STEP = 0.05


class Mode(Enum):
    """What fills the canvas."""

    PHOTO = "Photo"
    NORMALS = "Normals"
    ALBEDO = "Albedo"
    RENDERED = "Rendered"

    @property
    def buffer(self) -> str:
        """The buffer's name; '' for the photo."""
        return {"Normals": "normal", "Albedo": "albedo", "Rendered": "rendered"}.get(self.value, "")


class Canvas(QWidget):
    """Shows the photo, the result and the buffers; the split line, the light ball and the face boxes are dragged here.

    light_pressed, light_dragged (azimuth, elevation), light_released: the ball. light_stepped (steps): wheel on the ball.
    face_picked: index of a clicked face. dropped: path of a dropped file. cancel_clicked: the progress badge was clicked.
    """

    light_pressed = Signal()
    light_dragged = Signal(float, float)
    light_released = Signal()
    light_stepped = Signal(float)
    face_picked = Signal(int)
    dropped = Signal(str)
    cancel_clicked = Signal()
    zoom_changed = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.mode = Mode.PHOTO
        self.split: float = 0.5
        self.show_split = True
        self.show_inset = True
        self.show_ball = True
        self.whole = False
        self.overlay = False
        self.overlay_alpha = 0.6
        self.show_original = False
        self.ball = Ball()
        self.status: tuple[str, str, float | None] = ("", "", None)  # text, colour, share done
        self.busy_text = ""
        self._photo: PhotoView | None = None
        self._after: QImage | None = None
        self._after_crop: Any = None
        self._live: QImage | None = None
        self._faces: list[QRectF] | None = None
        self._chosen = 0
        self._hot: str | int | None = None
        self._drag: str | None = None
        self._last = QPointF()
        self._space = False
        self._drop = False
        self._badge_box = QRectF()
        self._mips: dict[tuple[str, int], QImage] = {}
        self.view = View(QSizeF(CROP_WORLD, CROP_WORLD), QSizeF(1, 1))
        self._clock = QElapsedTimer()
        self._clock.start()
        self._spin = QTimer(self)
        self._spin.setInterval(40)
        self._spin.timeout.connect(self.update)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(360, 320)
        self.setAccessibleName("Picture")
        self.setAccessibleDescription("The photo with its edit. Drag the line to compare with the original.")
        theme.changed.connect(self.update)

    # -- what is shown

    @property
    def photo(self) -> PhotoView | None:
        """The opened photo."""
        return self._photo

    def set_photo(self, photo: PhotoView | None) -> None:
        """Another photo: no result, no buffers, no face boxes yet."""
        self._photo = photo
        self._after = self._after_crop = self._live = self._faces = None
        self._mips.clear()
        self._reframe()

    def set_result(self, crop: Any) -> None:
        """The crop (S, S, 3) uint8 of a result or of an estimate; None: the photo as it is."""
        self._after_crop = crop
        self._after = self._photo.after(crop, soft=self.whole) if self._photo and crop is not None else None
        self._forget("after")
        self.update()

    def set_live(self, image: QImage | None) -> None:
        """The buffer of the present edit: of `mode` in a buffer view, else the rendered head."""
        self._live = image
        self.update()

    def set_whole(self, whole: bool) -> None:
        """Show the whole photo, or the crop around the face."""
        if whole != self.whole:
            self.whole = whole
            self.set_result(self._after_crop)
            self._reframe()

    def pick_faces(self, boxes: list[QRectF] | None, chosen: int = 0) -> None:
        """Let the user click one of `boxes` (in photo pixels); None ends it."""
        self._faces, self._chosen, self._hot = boxes, chosen, None
        self._reframe()

    @property
    def picking(self) -> bool:
        """Whether a face is being picked."""
        return self._faces is not None

    def set_busy(self, text: str) -> None:
        """Show that a photo is being opened; '' ends it."""
        self.busy_text = text
        if text:
            self._spin.start()
        else:
            self._spin.stop()
        self.update()

    def set_status(self, text: str, color: str, done: float | None = None) -> None:
        """The badge over the picture."""
        self.status = (text, color, done)
        self.update()

    # -- geometry

    @property
    def _shows_whole(self) -> bool:
        return self._photo is not None and (self.whole or self.picking)

    def _world(self) -> QSizeF:
        if self._photo is not None and self._shows_whole:
            return QSizeF(self._photo.whole.size())
        return QSizeF(CROP_WORLD, CROP_WORLD)

    def _reframe(self) -> None:
        self._set_view(View(self._world(), QSizeF(self.size())).fit())

    def _set_view(self, view: View) -> None:
        self.view = view
        self.update()
        self.zoom_changed.emit(view.zoom)

    def fit(self) -> None:
        """All of the picture."""
        self._set_view(self.view.fit())

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Nearer or farther, about `at` or the middle."""
        if self._photo is not None:
            self._set_view(self.view.zoomed(factor, at or QRectF(self.rect()).center()))

    def _crop_to_widget(self) -> QTransform:
        if self._photo is not None and self._shows_whole:
            quad = [QPointF(*corner) for corner in self._photo.quad]
            return paint.square_transform(quad) * self.view.transform
        return QTransform.fromScale(CROP_WORLD, CROP_WORLD) * self.view.transform

    def split_x(self) -> float:
        """Where the split line is, in widget pixels."""
        rect = self.view.rect
        return rect.left() + self.split * rect.width()

    def inset_box(self) -> QRectF:
        """Where the live inset is."""
        side = min(paint.INSET, self.width() * 0.3, self.height() * 0.3)
        return QRectF(paint.PAD, self.height() - paint.PAD - side, side, side)

    @property
    def _splits(self) -> bool:
        return (self.show_split and self._photo is not None and not self.picking and not self.show_original
                and (self._after is not None or self.mode is not Mode.PHOTO))

    @property
    def _has_ball(self) -> bool:
        return self.show_ball and self._photo is not None and not self.picking

    def _face_rects(self) -> list[QRectF]:
        return [self.view.transform.mapRect(box) for box in self._faces or ()]

    # -- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw everything, back to front."""
        painter = QPainter(self)
        try:
            self._paint_all(painter)
        finally:  # a painter left open would take the whole program down
            painter.end()

    def _paint_all(self, painter: QPainter) -> None:
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        colors = self._theme.colors
        painter.fillRect(self.rect(), QColor(colors.canvas))
        if self._photo is not None:
            self._paint_picture(painter, self._photo)
            self._paint_over(painter, self._photo)
        elif not self.busy_text:
            paint.empty_page(painter, QRectF(self.rect()), colors, "Drop a portrait here",
                             "or choose Open photo. Pictures stay on this computer.", self._drop)
        if self.busy_text:
            self._paint_busy(painter)
        if self._drop and self._photo is not None:
            painter.fillRect(self.rect(), QColor(0, 0, 0, 110))
            paint.badge(painter, "Drop to open", QRectF(self.rect()).center() - QPointF(50, 13), colors)

    def _paint_picture(self, painter: QPainter, photo: PhotoView) -> None:
        self._paint_before(painter, photo)
        if self.picking or self.show_original:
            return
        painter.save()
        if self._splits:
            painter.setClipRect(QRectF(self.split_x(), 0, self.width(), self.height()))
        if self.mode is not Mode.PHOTO:
            self._paint_live(painter, 1.0, backdrop=True)
        else:
            if self._after is not None:
                self._paint_crop(painter, self._scaled("after", self._after))
            if self.overlay:
                self._paint_live(painter, self.overlay_alpha)
        painter.restore()

    def _paint_before(self, painter: QPainter, photo: PhotoView) -> None:
        if self._shows_whole:
            image = photo.whole
            width = self.view.rect.width() * self.devicePixelRatioF()
            painter.drawImage(self.view.rect, self._mip("whole", image, width))
        else:
            self._paint_crop(painter, self._scaled("crop", photo.crop))

    def _scaled(self, name: str, image: QImage) -> QImage:
        return self._mip(name, image, self._crop_to_widget().mapRect(QRectF(0, 0, 1, 1)).width() * self.devicePixelRatioF())

    def _mip(self, name: str, image: QImage, width: float) -> QImage:
        halvings = 0
        while image.width() >> (halvings + 1) >= max(width, 64):
            halvings += 1
        key = (name, halvings)
        if halvings == 0:
            return image
        if key not in self._mips:
            self._mips[key] = paint.smooth(image, image.width() / 2 ** halvings * 0.75)
        return self._mips[key]

    def _forget(self, name: str) -> None:
        self._mips = {key: image for key, image in self._mips.items() if key[0] != name}

    def _paint_crop(self, painter: QPainter, image: QImage) -> None:
        painter.save()
        painter.setTransform(self._crop_to_widget(), True)
        painter.drawImage(QRectF(0, 0, 1, 1), image)
        painter.restore()

    def _paint_live(self, painter: QPainter, alpha: float, backdrop: bool = False) -> None:
        if backdrop:
            painter.save()
            painter.setTransform(self._crop_to_widget(), True)
            painter.fillRect(QRectF(0, 0, 1, 1), QColor("#202124"))
            painter.restore()
        if self._live is not None:
            painter.setOpacity(alpha)
            self._paint_crop(painter, self._live)
            painter.setOpacity(1.0)

    def _paint_over(self, painter: QPainter, photo: PhotoView) -> None:
        colors = self._theme.colors
        if self.picking:
            hot = self._hot if isinstance(self._hot, int) else -1
            paint.face_boxes(painter, self._face_rects(), hot, self._chosen, colors)
            return
        top = paint.PAD
        if self._splits:
            rect = self.view.rect.intersected(QRectF(self.rect()))
            paint.split_line(painter, self.split_x(), rect, self._hot == "split" or self._drag == "split")
        if self.show_inset and self.mode is Mode.PHOTO and self._live is not None:
            paint.inset(painter, photo.crop, self._live, self.inset_box(), colors)
        if self._has_ball:
            self._place_ball()
            self.ball.hot = self._hot == "ball" or self._drag == "ball"
            self.ball.paint(painter, self.devicePixelRatioF())
        text, color, done = self.status
        self._badge_box = QRectF()
        if self.show_original:
            paint.badge(painter, "Original", QPointF(paint.PAD, top), colors)
        elif text:
            self._badge_box = paint.badge(painter, text, QPointF(paint.PAD, top), colors, dot=color, ring=done)

    def _paint_busy(self, painter: QPainter) -> None:
        centre = QRectF(self.rect()).center()
        colors = self._theme.colors
        if self._photo is not None:
            painter.fillRect(self.rect(), QColor(0, 0, 0, 120))
        paint.spinner(painter, centre - QPointF(0, 18), self._clock.elapsed() / 1100, colors)
        painter.setFont(paint.font(13))
        painter.setPen(QColor(colors.on_badge if self._photo is not None else colors.text))
        painter.drawText(QRectF(0, centre.y() + 12, self.width(), 24), Qt.AlignmentFlag.AlignCenter, self.busy_text)

    def _place_ball(self) -> None:
        reach = self.ball.radius * 1.34 + 6
        self.ball.centre = QPointF(self.width() - paint.PAD - reach, paint.PAD + reach)

    # -- mouse, wheel, keys

    def _target(self, point: QPointF) -> str | int | None:
        if self._photo is None:
            return None
        if self.picking:
            hits = [i for i, box in enumerate(self._face_rects()) if box.contains(point)]
            return min(hits, key=lambda i: self._face_rects()[i].width()) if hits else None
        if self._has_ball:
            self._place_ball()
            if self.ball.contains(point):
                return "ball"
        if self.status[2] is not None and self._badge_box.contains(point):
            return "badge"
        if self._splits and abs(point.x() - self.split_x()) <= GRAB and self.view.rect.contains(point):
            return "split"
        return None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of what is under the mouse."""
        point = event.position()
        self._last = point
        pan = event.button() == Qt.MouseButton.MiddleButton or self._space
        if pan and self._photo is not None:
            self._drag = "pan"
        elif event.button() == Qt.MouseButton.LeftButton:
            self._press(self._target(point), point)
        self._set_cursor(self._drag)

    def _press(self, target: str | int | None, point: QPointF) -> None:
        if isinstance(target, int):
            self.face_picked.emit(target)
        elif target == "badge":
            self.cancel_clicked.emit()
        elif target == "ball":
            self._drag = "ball"
            self.light_pressed.emit()
            self.light_dragged.emit(*self.ball.aim_at(point))
        elif target == "split":
            self._drag = "split"
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
        elif self._drag == "ball":
            self.light_dragged.emit(*self.ball.aim_at(point))
        else:
            self._hover(self._target(point))
        self._last = point

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        drag, self._drag = self._drag, None
        if drag == "ball":
            self.light_released.emit()
        self._hover(self._target(event.position()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click on the picture fits it; on the line, centres that."""
        target = self._target(event.position())
        if target == "split":
            self.split = 0.5
            self.update()
        elif target is None:
            self.fit()

    def _hover(self, target: str | int | None) -> None:
        if target != self._hot:
            self._hot = target
            self.update()
        self._set_cursor(target)

    def _set_cursor(self, target: str | int | None) -> None:
        shapes = {"split": Qt.CursorShape.SplitHCursor, "ball": Qt.CursorShape.PointingHandCursor,
                  "badge": Qt.CursorShape.PointingHandCursor, "pan": Qt.CursorShape.ClosedHandCursor}
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
        """Over the ball: the lamp's strength; elsewhere: zoom."""
        notches = event.angleDelta().y() / 120
        if not notches or self._photo is None:
            return
        if self._target(event.position()) == "ball":
            self.light_stepped.emit(notches * WHEEL_STEP)
        else:
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

    # -- the window around it

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the picture in place."""
        self._set_view(self.view.resized(QSizeF(event.size())))

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
