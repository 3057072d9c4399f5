"""How well an album covers head turns, expressions and light, as small pictures that point at the photos."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QRadialGradient
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.canvas.ball import RIM, place
from app.canvas.paint import font
from app.language import tr
from app.personal.labels import tip
from app.theme import Theme

YAW, PITCH = 60.0, 40.0  # degrees at the edges of the map of head turns
REACH = 14.0  # degrees around a photo that count as covered
NEAR = 12.0  # pixels from which a dot is hit
_BINS = 8


@dataclass(frozen=True)
class Point:
    """What one photo covers. yaw, pitch (degrees; positive: to the picture's right, up), smile, jaw (0 to 1), azimuth, elevation
    (degrees, where the light comes from; azimuth positive: the picture's right). used: whether it is trained on."""

    name: str
    title: str
    yaw: float
    pitch: float
    smile: float
    jaw: float
    azimuth: float
    elevation: float
    used: bool = True


class Plot(QWidget):
    """Dots, one a photo. picked(name): a dot was clicked."""

    picked = Signal(str)

    def __init__(self, theme: Theme, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._points: tuple[Point, ...] = ()
        self._hot = ""
        self.setFixedHeight(height)
        self.setMinimumWidth(120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        theme.changed.connect(self.update)

    def show_points(self, points: Sequence[Point]) -> None:
        """The photos; those left out are drawn as rings."""
        self._points = tuple(points)
        self.setAccessibleDescription(self.words())
        self.update()

    def point_at(self, name: str) -> None:
        """Make one photo's dot stand out; '' for none."""
        if name != self._hot:
            self._hot = name
            self.update()

    def words(self) -> str:
        """What the picture says, for who can't see it."""
        return ""

    def where(self, point: Point) -> QPointF:
        """Where a photo's dot is."""
        raise NotImplementedError

    def _used(self) -> list[Point]:
        return [point for point in self._points if point.used]

    def _under(self, at: QPointF) -> Point | None:
        def away(point: Point) -> float:
            apart = self.where(point) - at
            return math.hypot(apart.x(), apart.y())
        nearest = min(self._points, key=away, default=None)
        return nearest if nearest is not None and away(nearest) <= NEAR else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick the dot that is clicked."""
        point = self._under(event.position())
        if point is not None:
            self.picked.emit(point.name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A hand over a dot."""
        over = self._under(event.position()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def event(self, event: QEvent) -> bool:
        """The photo's name as a tool tip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            point = self._under(QPointF(event.pos()))
            if point is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), tip(point.title), self)
            return True
        return super().event(event)

    def _label(self, painter: QPainter, box: QRectF, where: Qt.AlignmentFlag, text: str) -> None:
        painter.setFont(font(11, QFont.Weight.Normal))
        painter.setPen(QColor(self._theme.colors.faint))
        painter.drawText(box, where, text)

    def _dots(self, painter: QPainter, color: str) -> None:
        colors = self._theme.colors
        for point in sorted(self._points, key=lambda p: (p.name == self._hot, p.used)):
            at, hot = self.where(point), point.name == self._hot
            if point.used:
                painter.setPen(QPen(QColor(colors.panel), 1.2))
                painter.setBrush(QColor(color))
            else:
                painter.setPen(QPen(QColor(colors.faint), 1.3))
                painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(at, 4.0, 4.0)
            if hot:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(QColor(colors.text), 1.8))
                painter.drawEllipse(at, 7.5, 7.5)


class TurnMap(Plot):
    """Head turns: left to right, down to up. What is covered glows."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, 172, parent)
        self._ground: tuple[object, QPixmap] | None = None  # what lies under the dots, and what it was drawn for
        self.setAccessibleName(tr("Head turns covered"))

    @property
    def _box(self) -> QRectF:
        return QRectF(4, 4, self.width() - 8, self.height() - 24)

    def where(self, point: Point) -> QPointF:
        """By yaw and pitch; what is beyond the edges lies on them."""
        box = self._box.adjusted(8, 8, -8, -8)
        x = min(1.0, max(-1.0, point.yaw / YAW))
        y = min(1.0, max(-1.0, point.pitch / PITCH))
        return QPointF(box.center().x() + x * box.width() / 2, box.center().y() - y * box.height() / 2)

    def words(self) -> str:
        """Counts of the sides."""
        used = self._used()
        left, right = sum(p.yaw < -12 for p in used), sum(p.yaw > 12 for p in used)
        return tr("{left} turned to the left, {front} from the front, {right} turned to the right", left=left,
                  front=len(used) - left - right, right=right)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The map, what is covered, the dots."""
        drawn_for = (self._points, self.width(), self._theme.dark, self.devicePixelRatioF())
        if self._ground is None or self._ground[0] != drawn_for:
            self._ground = (drawn_for, self._paint_ground())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(0, 0, self._ground[1])
        painter.setClipRect(self._box.adjusted(1, 1, -1, -1))
        self._dots(painter, self._theme.colors.accent)
        painter.end()

    def _paint_ground(self) -> QPixmap:
        """All but the dots: the glows of many photos take long to draw."""
        colors, box, ratio = self._theme.colors, self._box, self.devicePixelRatioF()
        ground = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        ground.setDevicePixelRatio(ratio)
        ground.fill(Qt.GlobalColor.transparent)
        painter = QPainter(ground)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.setBrush(QColor(colors.raised))
        painter.drawRoundedRect(box, 8, 8)
        painter.setClipRect(box.adjusted(1, 1, -1, -1))
        self._glow(painter)
        inner = box.adjusted(8, 8, -8, -8)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colors.groove), 1, Qt.PenStyle.DotLine))
        for share in (0.25, 0.5, 0.75):
            painter.drawEllipse(inner.center(), share * inner.width() / 2, share * inner.height() / 2)
        painter.drawLine(QPointF(box.left(), inner.center().y()), QPointF(box.right(), inner.center().y()))
        painter.drawLine(QPointF(inner.center().x(), box.top()), QPointF(inner.center().x(), box.bottom()))
        painter.setClipping(False)
        foot = QRectF(box.left(), box.bottom() + 4, box.width(), 16)
        self._label(painter, foot, Qt.AlignmentFlag.AlignLeft, tr("Turned left"))
        self._label(painter, foot, Qt.AlignmentFlag.AlignHCenter, tr("Front"))
        self._label(painter, foot, Qt.AlignmentFlag.AlignRight, tr("Turned right"))
        self._label(painter, box.adjusted(8, 5, -8, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, tr("Up"))
        self._label(painter, box.adjusted(8, 0, -8, -5), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, tr("Down"))
        painter.end()
        return ground

    def _glow(self, painter: QPainter) -> None:
        inner = self._box.adjusted(8, 8, -8, -8)
        gradient = QRadialGradient(0, 0, 1)
        for stop, alpha in ((0.0, 70), (1.0, 0)):
            shade = QColor(self._theme.colors.accent)
            shade.setAlpha(alpha)
            gradient.setColorAt(stop, shade)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        for point in self._used():
            painter.save()
            painter.translate(self.where(point))
            painter.scale(REACH / YAW * inner.width() / 2, REACH / PITCH * inner.height() / 2)
            painter.drawEllipse(QPointF(0, 0), 1, 1)
            painter.restore()


class Spread(Plot):
    """Two rows of bars: how many photos smile how much, and open the mouth how far."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, 124, parent)
        self.setAccessibleName(tr("Expressions covered"))

    def where(self, point: Point) -> QPointF:
        """Only the smile has dots to be found: on its axis."""
        box = self._row(0)
        return QPointF(box.left() + (_bin(point.smile) + 0.5) * box.width() / _BINS, box.bottom())

    def words(self) -> str:
        """Counts of the ends."""
        used = self._used()
        return tr("{smiling} of {total} smile, {open} have the mouth open", total=len(used),
                  smiling=sum(p.smile > 0.35 for p in used), open=sum(p.jaw > 0.25 for p in used))

    def _under(self, at: QPointF) -> Point | None:
        return None  # a bar stands for several photos

    def _row(self, row: int) -> QRectF:
        return QRectF(4, 4 + row * 62, self.width() - 8, 38)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Both rows."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        used = self._used()
        rows = ((tr("No smile"), tr("Smile"), [p.smile for p in used]), (tr("Closed"), tr("Open mouth"), [p.jaw for p in used]))
        hot = next((p for p in self._points if p.name == self._hot), None)
        for row, (low, high, values) in enumerate(rows):
            mark = None if hot is None else (hot.smile, hot.jaw)[row]
            self._bars(painter, self._row(row), values, mark)
            foot = QRectF(4, self._row(row).bottom() + 3, self.width() - 8, 16)
            self._label(painter, foot, Qt.AlignmentFlag.AlignLeft, low)
            self._label(painter, foot, Qt.AlignmentFlag.AlignRight, high)
        painter.end()

    def _bars(self, painter: QPainter, box: QRectF, values: list[float], mark: float | None) -> None:
        colors = self._theme.colors
        counts = [0] * _BINS
        for value in values:
            counts[_bin(value)] += 1
        width = box.width() / _BINS
        painter.setPen(Qt.PenStyle.NoPen)
        for i, count in enumerate(counts):
            slot = QRectF(box.left() + i * width + 1.5, box.top(), width - 3, box.height())
            painter.setBrush(QColor(colors.raised))
            painter.drawRoundedRect(slot, 3, 3)
            if count:
                high = max(5.0, box.height() * count / max(counts))
                painter.setBrush(QColor(colors.accent))
                painter.drawRoundedRect(QRectF(slot.left(), slot.bottom() - high, slot.width(), high), 3, 3)
            if mark is not None and _bin(mark) == i:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(QColor(colors.text), 1.6))
                painter.drawRoundedRect(slot, 3, 3)
                painter.setPen(Qt.PenStyle.NoPen)


def _bin(value: float) -> int:
    return min(_BINS - 1, max(0, int(value * _BINS)))


class LightBall(Plot):
    """Where the light comes from, on a grey ball as the canvas has it: dots around its edge are behind the head."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, 124, parent)
        self.setAccessibleName(tr("Light directions covered"))

    @property
    def _radius(self) -> float:
        return (min(self.height() - 18, self.width()) / 2 - 6) / RIM

    @property
    def _centre(self) -> QPointF:
        return QPointF(self.width() / 2, (self.height() - 18) / 2)

    def where(self, point: Point) -> QPointF:
        """On the ball."""
        x, y = place(point.azimuth, point.elevation)
        return self._centre + QPointF(x, y) * self._radius

    def words(self) -> str:
        """Counts of the sides."""
        used = self._used()
        left, right = sum(p.azimuth < -25 for p in used), sum(p.azimuth > 25 for p in used)
        return tr("{left} lit from the left, {front} from the front, {right} from the right", left=left,
                  front=len(used) - left - right, right=right)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ball, rim, dots."""
        colors, centre, radius = self._theme.colors, self._centre, self._radius
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.groove), 1, Qt.PenStyle.DotLine))
        painter.drawEllipse(centre, radius * RIM, radius * RIM)
        shade = QRadialGradient(centre - QPointF(radius, radius) * 0.3, radius * 1.5)
        dark = self._theme.dark
        shade.setColorAt(0, QColor("#54585f" if dark else "#ffffff"))
        shade.setColorAt(1, QColor("#24262a" if dark else "#b9bcc3"))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawEllipse(centre, radius, radius)
        self._dots(painter, colors.lamp)
        foot = QRectF(4, self.height() - 17, self.width() - 8, 16)
        self._label(painter, foot, Qt.AlignmentFlag.AlignLeft, tr("From left"))
        self._label(painter, foot, Qt.AlignmentFlag.AlignRight, tr("Right"))
        painter.end()
