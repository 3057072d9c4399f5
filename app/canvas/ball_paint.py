"""How the light ball is drawn: the plate, the sphere, and a handle for each lamp."""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen, QPixmap, QRadialGradient

from app.canvas.paint import font, round_pen
from app.canvas.sphere import RIM
from app.lamps import is_behind
from core.light_rig import PlacedLamp
from core.rig import Value

AMBER = "#ffb547"
_DARK = QColor(20, 20, 22, 225)
_EDGE = 7.0  # of the plate's picture beyond the outer circle
_REACH = 3.2  # of a handle's picture, in radii of the handle
_FULL = 2.0  # the intensity at which the ring around a handle is closed


@dataclass(frozen=True)
class Shape:
    """Where the ball is in its widget, and how large its handles are."""

    centre: QPointF
    radius: float
    handle: float


def lamp_color(color: Value) -> QColor:
    """A lamp's colour (r, g, b) 0..1."""
    assert isinstance(color, tuple)
    return QColor.fromRgbF(*(min(1.0, max(0.0, float(v))) for v in color))


def plate(painter: QPainter, shape: Shape, hot: bool) -> None:
    """The dark plate the ball lies on, and the circle at which a lamp stands right behind the head."""
    picture = _plate(shape.radius, hot, painter.device().devicePixelRatioF())
    reach = shape.radius * RIM + _EDGE
    painter.drawPixmap(shape.centre - QPointF(reach, reach), picture)


@lru_cache(maxsize=8)
def _plate(radius: float, hot: bool, ratio: float) -> QPixmap:
    reach = radius * RIM
    picture, painter = _sheet(reach + _EDGE, ratio)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 17, 20, 205 if hot else 165))
    painter.drawEllipse(QPointF(0, 0), reach + 6, reach + 6)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(255, 255, 255, 40), 1, Qt.PenStyle.DotLine))
    painter.drawEllipse(QPointF(0, 0), reach, reach)
    painter.end()
    return picture


def _sheet(reach: float, ratio: float) -> tuple[QPixmap, QPainter]:
    """An empty square picture of that half side, and a painter whose origin is its middle. Circles take long to draw: what stays
    the same over a drag is drawn once."""
    picture = QPixmap(*(2 * (round(2 * reach * ratio),)))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(reach, reach)
    return picture, painter


def ball(painter: QPainter, shape: Shape, image: QImage) -> None:
    """The shaded sphere. Its edge is cut here, so that an enlarged picture has a clean one."""
    box = QRectF(shape.centre.x() - shape.radius, shape.centre.y() - shape.radius, 2 * shape.radius, 2 * shape.radius)
    if image.width() >= 2 * shape.radius * painter.device().devicePixelRatioF() - 1:
        painter.drawImage(box, image)
        return
    path = QPainterPath()
    path.addEllipse(box.adjusted(0.5, 0.5, -0.5, -0.5))
    painter.save()
    painter.setClipPath(path)
    painter.drawImage(box, image)
    painter.restore()


def compass(painter: QPainter, shape: Shape, turn: float) -> None:
    """Which way the surroundings are turned: a mark on the outer circle, at the bottom for 0 degrees (behind the camera)."""
    reach = shape.radius * RIM
    painter.save()
    painter.translate(shape.centre)
    painter.rotate(-turn)
    painter.setPen(round_pen(QColor(120, 200, 255), 2.4))
    painter.drawArc(QRectF(-reach, -reach, 2 * reach, 2 * reach), -114 * 16, 48 * 16)
    painter.setBrush(QColor(120, 200, 255))
    painter.setPen(QPen(_DARK, 1))
    painter.drawEllipse(QPointF(0, reach), 4, 4)
    painter.restore()


def handle(painter: QPainter, shape: Shape, at: QPointF, lamp: PlacedLamp, selected: bool, focused: bool) -> None:
    """A lamp: its colour and number, dotted where it stands behind the head. The ring around it is its intensity, the glow its
    softness, the dark edge below it its cast shadow."""
    if selected:
        painter.setPen(QPen(QColor(255, 181, 71, 130), 1.5, Qt.PenStyle.DotLine if is_behind(lamp) else Qt.PenStyle.SolidLine))
        painter.drawLine(shape.centre, at)
    red, green, blue = (round(part, 2) for part in lamp.color)
    look = _Look(lamp.number, (red, green, blue), round(lamp.intensity, 2), round(lamp.softness, 2), lamp.shadow > 0,
                 is_behind(lamp), selected, focused and selected)
    picture = _handle(look, shape.handle, painter.device().devicePixelRatioF())
    painter.drawPixmap(at - QPointF(_REACH, _REACH) * shape.handle, picture)


@dataclass(frozen=True)
class _Look:
    """All that a handle shows."""

    number: int
    color: tuple[float, float, float]
    intensity: float
    softness: float
    casts: bool
    behind: bool
    selected: bool
    focused: bool


@lru_cache(maxsize=64)
def _handle(look: _Look, size: float, ratio: float) -> QPixmap:
    picture, painter = _sheet(_REACH * size, ratio)
    color, at = lamp_color(look.color), QPointF(0, 0)
    if look.softness > 0:
        _glow(painter, at, size * (1.7 + 1.3 * look.softness), color)
    if look.casts:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 200))
        painter.drawEllipse(at + QPointF(0.42, 0.42) * size, size + 1.5, size + 1.5)
    painter.setPen(QPen(_DARK, 1.5))
    painter.setBrush(color)
    painter.drawEllipse(at, size, size)
    _ring(painter, at, size + 2.5, look)
    if look.focused:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor("#ffffff"), 1.2, Qt.PenStyle.DashLine))
        painter.drawEllipse(at, size + 6, size + 6)
    painter.setFont(font(round(1.45 * size), QFont.Weight.DemiBold))
    painter.setPen(QColor("#17181b") if dark_on(color) else QColor("#ffffff"))
    painter.drawText(QRectF(at.x() - size, at.y() - size, 2 * size, 2 * size), Qt.AlignmentFlag.AlignCenter, str(look.number))
    painter.end()
    return picture


def dark_on(color: QColor) -> bool:
    """Whether dark words are read better on a colour than light ones."""
    return color.lightnessF() > 0.45 or color.green() > 140


def _glow(painter: QPainter, at: QPointF, reach: float, color: QColor) -> None:
    light = QRadialGradient(at, reach)
    for stop, alpha in ((0.0, 150), (0.45, 90), (1.0, 0)):
        shade = QColor(color)
        shade.setAlpha(alpha)
        light.setColorAt(stop, shade)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(light)
    painter.drawEllipse(at, reach, reach)


def _ring(painter: QPainter, at: QPointF, size: float, look: _Look) -> None:
    """The whole circle faintly, and as much of it clearly as the lamp is strong."""
    box = QRectF(at.x() - size, at.y() - size, 2 * size, 2 * size)
    color = QColor(AMBER if look.selected else "#f2f3f5")
    style = Qt.PenStyle.DotLine if look.behind else Qt.PenStyle.SolidLine
    faint = QColor(color)
    faint.setAlpha(80)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(faint, 1.6, style))
    painter.drawEllipse(box)
    share = min(1.0, max(0.0, look.intensity / _FULL))
    painter.setPen(QPen(color, 2.2, style, Qt.PenCapStyle.FlatCap))
    painter.drawArc(box, 90 * 16, -round(share * 360 * 16))


def caption(painter: QPainter, box: QRectF, text: str) -> None:
    """A line of words under the ball."""
    painter.setFont(font(11))
    width = painter.fontMetrics().horizontalAdvance(text) + 18.0
    line = QRectF(0, box.top(), min(width, box.width()), box.height())
    line.moveCenter(QPointF(box.center().x(), line.center().y()))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 17, 20, 205))
    painter.drawRoundedRect(line, line.height() / 2, line.height() / 2)
    painter.setPen(QColor("#f2f3f5"))
    painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)
