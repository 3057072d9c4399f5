"""The head in the picture as something to take hold of: where it can be taken, and how far a drag turns it."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QCursor, QImage, QPainter, QPixmap

from app.theme import pixmap

START = 4.0  # pixels that the mouse goes before the head turns: a click is no turn
_SOLID = 128  # of the head's alpha
_SMALL = 64
# The nose stands before the axis by this many half widths of the head: what is under the mouse keeps up with it.
_LEVER = 1.35
_MOST = 0.98  # of the lever: beyond, the point under the mouse is out of sight


def covers(head: QImage | None, x: float, y: float) -> bool:
    """Whether the head's picture (transparent beside it) shows the head at a point, 0 to 1 across and down."""
    if head is None or not (0 <= x < 1 and 0 <= y < 1):
        return False
    return head.pixelColor(int(x * head.width()), int(y * head.height())).alpha() >= _SOLID


def outline(head: QImage) -> tuple[float, float, float]:
    """Middle x and y of the head in its picture, and half its width; shares of the picture's side."""
    small = head.scaled(_SMALL, _SMALL).convertToFormat(QImage.Format.Format_Alpha8)
    alpha = np.frombuffer(small.constBits(), np.uint8).reshape(_SMALL, small.bytesPerLine())[:, :_SMALL] >= _SOLID
    columns, rows = np.flatnonzero(alpha.any(0)), np.flatnonzero(alpha.any(1))
    if not len(columns):
        return 0.5, 0.5, 0.25
    return (float(columns[0] + columns[-1] + 1) / 2 / _SMALL, float(rows[0] + rows[-1] + 1) / 2 / _SMALL,
            float(columns[-1] + 1 - columns[0]) / 2 / _SMALL)


@dataclass(frozen=True)
class Grip:
    """The head as it was taken: `at` by the mouse, about `centre`, `half` as wide; all in pixels of the widget."""

    at: QPointF
    centre: QPointF
    half: float

    def turn(self, to: QPointF) -> tuple[float, float]:
        """(yaw, pitch) in degrees for a mouse that went on to `to`: toward the picture's right, and up."""
        lever = _LEVER * self.half
        return _angle((to.x() - self.at.x()) / lever), _angle((self.at.y() - to.y()) / lever)

    def roll(self, to: QPointF) -> float:
        """Degrees clockwise by which the mouse went about the head's middle."""
        before, after = self.at - self.centre, to - self.centre
        angle = math.degrees(math.atan2(after.y(), after.x()) - math.atan2(before.y(), before.x()))
        return (angle + 180) % 360 - 180


def _angle(share: float) -> float:
    return math.degrees(math.asin(max(-_MOST, min(_MOST, share))))


def turn_cursor(ratio: float) -> QCursor:
    """Two bent arrows, white with a dark rim: to be seen on any picture."""
    side = 28
    image = QPixmap(round(side * ratio), round(side * ratio))
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    dark, light = pixmap("turn", "#101114", 22, ratio), pixmap("turn", "#ffffff", 22, ratio)
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        painter.drawPixmap(QPointF(3 + dx, 3 + dy), dark)
    painter.drawPixmap(QPointF(3, 3), light)
    painter.end()
    return QCursor(image, side // 2, side // 2)
