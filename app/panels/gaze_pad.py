"""Where the eyes look, as a field with two eyes in it: drag, arrow keys, double click for the photo's own."""
from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.language import tr
from app.panels.slider import PAUSE_MS
from app.theme import Theme

_STEP = 1.0  # degrees an arrow key
_INSET = 12.0
_HEIGHT = 92


class GazePad(QWidget):
    """Two ranges in degrees, x toward the picture's right and y up.

    began, moved(yaw, pitch), ended: one gesture, of the mouse or of keys in quick succession. reset_asked: the photo's own.
    """

    began = Signal()
    moved = Signal(float, float)
    ended = Signal()
    reset_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._ranges = ((-25.0, 25.0), (-20.0, 10.0))
        self._at = (0.0, 0.0)
        self._held = self._stepping = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._end_steps)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName(tr("Gaze"))
        self.setToolTip(tr("Drag to where the eyes should look, or use the arrow keys. Double click for the photo's own gaze."))
        theme.changed.connect(self.update)

    def set_ranges(self, yaw: tuple[float, float], pitch: tuple[float, float]) -> None:
        """How far the eyes go, degrees."""
        self._ranges = (yaw, pitch)
        self.update()

    def show_values(self, yaw: float, pitch: float) -> None:
        """Where they look now, without telling anybody."""
        if (yaw, pitch) != self._at:
            self._at = (yaw, pitch)
            self.setAccessibleDescription(tr("{yaw} degrees to the right, {pitch} up", yaw=f"{yaw:.0f}", pitch=f"{pitch:.0f}"))
            self.update()

    def sizeHint(self) -> QSize:
        """As wide as the panel."""
        return QSize(240, _HEIGHT)

    # -- places

    def place(self, yaw: float, pitch: float) -> QPointF:
        """Where a gaze is in the widget. Its middle is the photo's own, however far each way goes."""
        box = self._field()
        x, y = (value / (high if value > 0 else -low) if high > low else 0.0
                for value, (low, high) in zip((yaw, pitch), self._ranges, strict=True))
        return QPointF(box.center().x() + x * box.width() / 2, box.center().y() - y * box.height() / 2)

    def _gaze(self, point: QPointF) -> tuple[float, float]:
        box = self._field()
        shares = ((point.x() - box.center().x()) / (box.width() / 2), (box.center().y() - point.y()) / (box.height() / 2))
        yaw, pitch = (min(1.0, max(-1.0, share)) * (high if share > 0 else -low)
                      for share, (low, high) in zip(shares, self._ranges, strict=True))
        return yaw, pitch

    def _field(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_INSET, _INSET, -_INSET, -_INSET)

    # -- hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The eyes look to the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._end_steps()
            self._held = True
            self.began.emit()
            self._go(*self._gaze(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """They follow it."""
        if self._held:
            self._go(*self._gaze(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._held and event.button() == Qt.MouseButton.LeftButton:
            self._held = False
            self.ended.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The photo's own gaze."""
        self._held = False
        self.ended.emit()
        self.reset_asked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step, Home and Delete reset."""
        ways = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
        key = Qt.Key(event.key())
        if key in ways:
            if not self._stepping:
                self._stepping = True
                self.began.emit()
            self._pause.start()
            (low_x, high_x), (low_y, high_y) = self._ranges
            x, y = self._at[0] + _STEP * ways[key][0], self._at[1] + _STEP * ways[key][1]
            self._go(min(max(x, low_x), high_x), min(max(y, low_y), high_y))
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset_asked.emit()
        else:
            event.ignore()

    def _go(self, yaw: float, pitch: float) -> None:
        self.show_values(yaw, pitch)
        self.moved.emit(yaw, pitch)

    def _end_steps(self) -> None:
        self._pause.stop()
        if self._stepping:
            self._stepping = False
            self.ended.emit()

    # -- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Field, middle, two eyes, the point."""
        colors = self._theme.colors
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.accent if self.hasFocus() else colors.border), 1.2))
        painter.setBrush(QColor(colors.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.6, 0.6, -0.6, -0.6), 7, 7)
        field, middle = self._field(), self._field().center()
        painter.setPen(QPen(QColor(colors.groove), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(field.left(), middle.y()), QPointF(field.right(), middle.y()))
        painter.drawLine(QPointF(middle.x(), field.top()), QPointF(middle.x(), field.bottom()))
        at = self.place(*self._at)
        look = QPointF((at.x() - middle.x()) / (field.width() / 2), (at.y() - middle.y()) / (field.height() / 2))
        for side in (-1, 1):
            self._paint_eye(painter, middle + QPointF(side * 40, 0), look)
        self._paint_point(painter, at)
        painter.end()

    def _paint_eye(self, painter: QPainter, centre: QPointF, look: QPointF) -> None:
        colors = self._theme.colors
        half, height = 24.0, 12.0
        lids = QPainterPath(centre + QPointF(-half, 0))
        lids.quadTo(centre + QPointF(0, -height * (1.7 - 0.6 * max(look.y(), 0))), centre + QPointF(half, 0))
        lids.quadTo(centre + QPointF(0, height * 1.5), centre + QPointF(-half, 0))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#f4f1ec" if self.isEnabled() else colors.groove))
        painter.drawPath(lids)
        painter.save()
        painter.setClipPath(lids)
        pupil = centre + QPointF(look.x() * 12, look.y() * 6)
        for radius, color in ((8.5, "#5b7186" if self.isEnabled() else colors.faint), (4.0, "#14161a")):
            painter.setBrush(QColor(color))
            painter.drawEllipse(pupil, radius, radius)
        painter.setBrush(QColor("#ffffff"))
        painter.drawEllipse(pupil + QPointF(-2.4, -2.4), 1.5, 1.5)
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colors.dim), 1.3))
        painter.drawPath(lids)

    def _paint_point(self, painter: QPainter, at: QPointF) -> None:
        colors = self._theme.colors
        moved = self._at != (0.0, 0.0)
        painter.setPen(QPen(QColor(colors.accent if moved or self._held else colors.faint), 1.8))
        painter.setBrush(QColor(colors.handle))
        painter.drawEllipse(at, 5.0, 5.0)
