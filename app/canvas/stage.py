"""What the canvas shows: the picture, the head over it, split line, ball, inset and badges, painted back to front."""
from __future__ import annotations

from enum import Enum
from typing import Any

from PySide6.QtCore import QElapsedTimer, QPointF, QRectF, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent, QTransform
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.canvas import paint
from app.canvas.ball import LightBall
from app.canvas.view import View
from app.language import tr
from app.picture import PhotoView
from app.theme import Theme

CROP_WORLD = 1024.0  # the crop is shown as a square of this many picture pixels
GHOST = 0.45  # of the head while it is turned by hand


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


class Stage(QWidget):
    """Shows the photo, the result and the buffers. zoom_changed(zoom): widget pixels a picture pixel."""

    zoom_changed = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.mode = Mode.PHOTO
        self.split: float = 0.5
        self.show_split = True
        self.show_inset = True
        self._show_ball = True
        self.turns_head = False
        self.whole = False
        self.overlay = False
        self.overlay_alpha = 0.6
        self.show_original = False
        self.ball = LightBall(self)
        self.ball.hide()
        self.status: tuple[str, str, float | None] = ("", "", None)  # text, colour, share done
        self.busy_text = ""
        self._photo: PhotoView | None = None
        self._after: QImage | None = None
        self._after_crop: Any = None
        self._plain = False
        self._live: QImage | None = None
        self._faces: list[QRectF] | None = None
        self._chosen = 0
        self._hot: str | int | None = None  # what is under the mouse: a name, or the index of a face
        self._drag: str | None = None  # what the mouse holds
        self._drop = False  # a file is held over the canvas
        self._badge_box = QRectF()
        self._mips: dict[tuple[str, int], QImage] = {}
        self.view = View(QSizeF(CROP_WORLD, CROP_WORLD), QSizeF(1, 1))
        self._clock = QElapsedTimer()
        self._clock.start()
        self._spin = QTimer(self)
        self._spin.setInterval(40)
        self._spin.timeout.connect(self.update)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(360, 320)
        self.setAccessibleName(tr("Picture"))
        self.setAccessibleDescription(tr("The photo with its edit. Drag the line to compare with the original."))
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

    def set_result(self, crop: Any, plain: bool = False) -> None:
        """The crop (S, S, 3) uint8 of a result or of an estimate; None: the photo as it is. plain: without the photo's detail."""
        self._after_crop, self._plain = crop, plain
        self._after = self._photo.after(crop, self.whole, plain) if self._photo and crop is not None else None
        self._forget("after")
        self.update()

    def set_live(self, image: QImage | None) -> None:
        """The buffer of the present edit: of `mode` in a buffer view, else the rendered head."""
        self._live = image
        if self.mode is Mode.PHOTO and not self.overlay and not self.turning:
            self.update(self.inset_box().toAlignedRect())  # a frame of a drag: the large picture needn't be drawn again
        else:
            self.update()

    @property
    def turning(self) -> bool:
        """Whether the mouse turns the head now: it is shown over the picture meanwhile, which is behind."""
        return self._drag == "head"

    @property
    def show_ball(self) -> bool:
        """Whether the light ball may be seen, where there is a photo."""
        return self._show_ball

    @show_ball.setter
    def show_ball(self, on: bool) -> None:
        self._show_ball = on
        self._place_ball()

    def set_whole(self, whole: bool) -> None:
        """Show the whole photo, or the crop around the face."""
        if whole != self.whole:
            self.whole = whole
            self.set_result(self._after_crop, self._plain)
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
        self.update(0, 0, self.width() // 2, round(paint.PAD) + 32)

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
        self._place_ball()
        self.update()
        self.zoom_changed.emit(view.zoom)

    def fit(self) -> None:
        """All of the picture."""
        self._set_view(self.view.fit())

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Nearer or farther, about `at` or the middle."""
        if self._photo is not None:
            self._set_view(self.view.zoomed(factor, at or QRectF(self.rect()).center()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the picture in place."""
        self._set_view(self.view.resized(QSizeF(event.size())))

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
            paint.empty_page(painter, QRectF(self.rect()), colors, tr("Drop a portrait here"),
                             tr("or click to choose one. Pictures stay on this computer."),
                             self._drop or self._hot == "empty")
        if self.busy_text:
            self._paint_busy(painter)
        if self._drop and self._photo is not None:
            painter.fillRect(self.rect(), QColor(0, 0, 0, 110))
            paint.badge(painter, tr("Drop to open"), QRectF(self.rect()).center() - QPointF(50, 13), colors)

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
            if self.overlay or self.turning:
                self._paint_live(painter, self.overlay_alpha if self.overlay else GHOST)
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
        if self._shows_whole:  # the crop may reach over the photo's edge, and holds made-up pixels there
            painter.setClipRect(self.view.rect, Qt.ClipOperation.IntersectClip)
        painter.setTransform(self._crop_to_widget(), True)
        painter.drawImage(QRectF(0, 0, 1, 1), image)
        painter.restore()

    def _paint_live(self, painter: QPainter, alpha: float, backdrop: bool = False) -> None:
        if backdrop:
            painter.save()
            if self._shows_whole:
                painter.setClipRect(self.view.rect, Qt.ClipOperation.IntersectClip)
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
            if ("inset", 0) not in self._mips:
                self._mips["inset", 0] = paint.smooth(photo.crop, self.inset_box().width() * self.devicePixelRatioF())
            paint.inset(painter, self._mips["inset", 0], self._live, self.inset_box(), colors)
        text, color, done = self.status
        self._badge_box = QRectF()
        if self.show_original:
            paint.badge(painter, tr("Original"), QPointF(paint.PAD, top), colors)
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
        self.ball.setVisible(self._show_ball and self._photo is not None and not self.picking)
        self.ball.place_in(QRectF(self.rect()).adjusted(paint.PAD, paint.PAD, -paint.PAD, -paint.PAD))
