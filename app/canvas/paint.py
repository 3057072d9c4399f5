"""Pieces the canvas draws over the picture: split line, badges, inset, face boxes, the empty page."""
from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
    QTransform,
)

from app.language import tr
from app.theme import Colors, pixmap

INSET = 168.0
PAD = 16.0


def font(size: int, weight: QFont.Weight = QFont.Weight.Medium) -> QFont:
    """The application's font at a pixel size."""
    result = QFont()
    result.setPixelSize(size)
    result.setWeight(weight)
    return result


def round_pen(color: QColor, width: float) -> QPen:
    """A pen with round ends."""
    return QPen(QBrush(color), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)


def smooth(image: QImage, width: float) -> QImage:
    """The image, brought down by halves as long as it is more than twice `width`: plain scaling would pick single pixels."""
    while image.width() > 2 * width and image.width() > 64:
        image = image.scaled(image.width() // 2, max(1, image.height() // 2), Qt.AspectRatioMode.IgnoreAspectRatio,
                             Qt.TransformationMode.SmoothTransformation)
    return image


def square_transform(quad: list[QPointF]) -> QTransform:
    """The affine map from the unit square to a parallelogram: corners top left, bottom left, bottom right, top right."""
    o, y, x = quad[0], quad[1] - quad[0], quad[3] - quad[0]
    return QTransform(x.x(), x.y(), y.x(), y.y(), o.x(), o.y())


def split_line(painter: QPainter, x: float, rect: QRectF, hot: bool) -> None:
    """The line between before (left) and after (right), with a grip."""
    painter.setPen(QPen(QColor(0, 0, 0, 90), 3))
    painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
    painter.setPen(QPen(QColor(255, 255, 255, 235), 1.5))
    painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
    grip = QPointF(x, rect.bottom() - min(64.0, rect.height() / 4))
    painter.setPen(QPen(QColor(0, 0, 0, 60), 1))
    painter.setBrush(QColor(255, 255, 255, 255 if hot else 235))
    painter.drawEllipse(grip, 15, 15)
    painter.setPen(round_pen(QColor("#2b2d31"), 1.8))
    for side in (-1, 1):
        tip = grip + QPointF(side * 8.5, 0)
        painter.drawLine(tip, tip + QPointF(-side * 4, -4))
        painter.drawLine(tip, tip + QPointF(-side * 4, 4))


def badge(painter: QPainter, text: str, corner: QPointF, colors: Colors, *, right: bool = False,
          dot: str | None = None, ring: float | None = None) -> QRectF:
    """A dark rounded label with its top left (or top right) at `corner`; `dot` is a colour, `ring` a share done.

    Returns the label's rectangle.
    """
    painter.setFont(font(12))
    metrics = QFontMetricsF(painter.font(), painter.device())
    lead = 20.0 if dot or ring is not None else 0.0
    size = (metrics.horizontalAdvance(text) + 20 + lead, 26.0)
    box = QRectF(corner.x() - (size[0] if right else 0), corner.y(), *size)
    painter.setPen(Qt.PenStyle.NoPen)
    fill = QColor(colors.badge)
    fill.setAlpha(205)
    painter.setBrush(fill)
    painter.drawRoundedRect(box, 13, 13)
    mark = QPointF(box.left() + 17, box.center().y())
    if ring is not None:
        circle = QRectF(mark.x() - 6, mark.y() - 6, 12, 12)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(255, 255, 255, 60), 2.2))
        painter.drawEllipse(circle)
        painter.setPen(round_pen(QColor(dot or colors.accent), 2.2))
        painter.drawArc(circle, 90 * 16, -round(max(0.02, min(1.0, ring)) * 360 * 16))
    elif dot:
        painter.setBrush(QColor(dot))
        painter.drawEllipse(mark, 4, 4)
    painter.setPen(QColor(colors.on_badge))
    painter.drawText(box.adjusted(10 + lead, 0, -10, 0), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
    return box


def inset(painter: QPainter, base: QImage, live: QImage | None, box: QRectF, colors: Colors) -> None:
    """The head as the buffers have it, over the photo, in a corner."""
    path = QPainterPath()
    path.addRoundedRect(box, 10, 10)
    painter.save()
    painter.setClipPath(path)
    painter.drawImage(box, base)
    painter.fillRect(box, QColor(0, 0, 0, 70))
    if live is not None:
        painter.drawImage(box, live)
    painter.restore()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(255, 255, 255, 110), 1.5))
    painter.drawPath(path)
    painter.setFont(font(11))
    strip = QRectF(box.left() + 8, box.bottom() - 24, box.width() - 16, 18)
    said = tr("Live head")
    painter.setPen(QColor(0, 0, 0, 170))
    painter.drawText(strip.translated(0, 1), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, said)
    painter.setPen(QColor(colors.on_badge))
    painter.drawText(strip, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, said)


def face_boxes(painter: QPainter, boxes: list[QRectF], hot: int, chosen: int, colors: Colors) -> None:
    """Boxes to click on; `hot` is under the mouse, `chosen` the one opened now."""
    whole = QPainterPath()
    whole.addRect(QRectF(painter.viewport()))
    for box in boxes:
        hole = QPainterPath()
        hole.addRoundedRect(box, 8, 8)
        whole -= hole
    painter.fillPath(whole, QColor(0, 0, 0, 130))
    for i, box in enumerate(boxes):
        painter.setBrush(Qt.BrushStyle.NoBrush)
        color = QColor(colors.accent if i in (hot, chosen) else "#ffffff")
        painter.setPen(QPen(color, 3 if i == hot else 2))
        painter.drawRoundedRect(box, 8, 8)
        badge(painter, tr("Face {number}", number=i + 1), QPointF(box.left(), box.bottom() + 6), colors,
              dot=colors.accent if i == chosen else None)


def empty_page(painter: QPainter, area: QRectF, colors: Colors, title: str, text: str, drop: bool) -> None:
    """What is shown without a photo."""
    side = min(area.width() - 80, 460.0)
    box = QRectF(area.center().x() - side / 2, area.center().y() - 120, side, 240)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colors.accent if drop else colors.faint), 1.5, Qt.PenStyle.DashLine))
    painter.drawRoundedRect(box, 14, 14)
    picture = pixmap("photo", colors.dim, 44, painter.device().devicePixelRatioF())
    painter.drawPixmap(QPointF(box.center().x() - 22, box.top() + 44), picture)
    painter.setPen(QColor(colors.text))
    painter.setFont(font(16, QFont.Weight.DemiBold))
    painter.drawText(QRectF(box.left(), box.top() + 104, box.width(), 26), Qt.AlignmentFlag.AlignCenter, title)
    painter.setPen(QColor(colors.dim))
    painter.setFont(font(13, QFont.Weight.Normal))
    painter.drawText(QRectF(box.left() + 24, box.top() + 136, box.width() - 48, 60),
                     Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap, text)


def spinner(painter: QPainter, centre: QPointF, phase: float, colors: Colors) -> None:
    """A turning arc while a photo is opened; `phase` in turns."""
    circle = QRectF(centre.x() - 16, centre.y() - 16, 32, 32)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colors.groove), 3))
    painter.drawEllipse(circle)
    painter.setPen(round_pen(QColor(colors.accent), 3))
    painter.drawArc(circle, -round(math.fmod(phase, 1) * 360 * 16), 100 * 16)
