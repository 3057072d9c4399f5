"""The light ball: a grey sphere under the present light, with a handle where the key light stands."""
from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from app.picture import to_bytes, to_image, with_alpha
from core.light import sh_basis

GREY = 0.72  # reflectance of the sphere
RIM = 1.34  # lamps behind the sphere are drawn between its edge and this many radii
HANDLE = 7.0


def place(azimuth: float, elevation: float) -> tuple[float, float]:
    """Where the handle of a lamp stands, in radii from the centre, x to the right and y down.

    In front of the face the lamp is seen straight on; behind it, it goes out from the edge to `RIM`.
    """
    a, e = math.radians(azimuth), math.radians(elevation)
    x, y, z = math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)
    length = math.hypot(x, y)
    if z >= 0:
        return x, -y
    if length < 1e-9:  # right behind: any direction would do
        return RIM, 0.0
    radius = 1 + (RIM - 1) * math.acos(min(1.0, length)) / (math.pi / 2)
    return x / length * radius, -y / length * radius


def aim(x: float, y: float) -> tuple[float, float]:
    """The lamp (azimuth, elevation in degrees) whose handle is nearest to a point in radii; undoes `place`."""
    x, y = x, -y
    radius = math.hypot(x, y)
    if radius <= 1:
        direction = (x, y, math.sqrt(max(0.0, 1 - radius * radius)))
    else:
        behind = (min(radius, RIM) - 1) / (RIM - 1) * math.pi / 2
        flat = math.cos(behind)
        direction = (x / radius * flat, y / radius * flat, -math.sin(behind))
    return (math.degrees(math.atan2(direction[0], direction[2])),
            math.degrees(math.asin(min(1.0, max(-1.0, direction[1])))))


def sphere(light: np.ndarray, side: int) -> QImage:
    """A grey sphere (side, side) under light (9, 3), transparent around it."""
    basis, alpha = _sphere_basis(side)
    return to_image(with_alpha(to_bytes(basis @ np.asarray(light, np.float32) * GREY), alpha))


@lru_cache(maxsize=4)
def _sphere_basis(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The light's basis at each pixel (side, side, 9) and the sphere's soft outline (side, side); the same for every light."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    square = x * x + y * y
    basis = sh_basis(np.dstack([x, y, np.sqrt(np.clip(1 - square, 0, None))]))
    return basis, np.clip((1 - np.sqrt(square)) * side / 2 + 0.5, 0, 1)


class Ball:
    """State and drawing of the ball; the canvas hands it the mouse."""

    def __init__(self) -> None:
        self.centre = QPointF(0, 0)
        self.radius = 46.0
        self.azimuth = self.elevation = 0.0
        self.color = QColor("#ffffff")
        self.hot = False
        self._light = np.zeros((9, 3), np.float32)
        self._image: QImage | None = None
        self._side = 0

    def set_light(self, light: np.ndarray, azimuth: float, elevation: float, color: QColor) -> None:
        """The edited light (9, 3), and its key lamp."""
        if not np.array_equal(light, self._light):
            self._light, self._image = np.array(light), None
        self.azimuth, self.elevation, self.color = azimuth, elevation, color

    def contains(self, point: QPointF) -> bool:
        """Whether a press here takes hold of the ball."""
        away = point - self.centre
        return math.hypot(away.x(), away.y()) <= self.radius * RIM + HANDLE

    def aim_at(self, point: QPointF) -> tuple[float, float]:
        """The lamp that a drag to `point` stands for."""
        away = (point - self.centre) / self.radius
        return aim(away.x(), away.y())

    @property
    def handle(self) -> QPointF:
        """Where the handle is, in widget coordinates."""
        x, y = place(self.azimuth, self.elevation)
        return self.centre + QPointF(x, y) * self.radius

    def paint(self, painter: QPainter, ratio: float) -> None:
        """Draw it for a screen of that many device pixels a pixel."""
        side = round(2 * self.radius * ratio)
        if self._image is None or self._side != side:
            self._image, self._side = sphere(self._light, side), side
        plate = self.radius * RIM + 6
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(16, 17, 20, 205 if self.hot else 165))
        painter.drawEllipse(self.centre, plate, plate)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(255, 255, 255, 40), 1, Qt.PenStyle.DotLine))
        painter.drawEllipse(self.centre, self.radius * RIM, self.radius * RIM)
        box = QRectF(self.centre.x() - self.radius, self.centre.y() - self.radius, 2 * self.radius, 2 * self.radius)
        painter.drawImage(box, self._image)
        self._paint_handle(painter)

    def _paint_handle(self, painter: QPainter) -> None:
        behind = abs(self.azimuth) > 90
        painter.setPen(QPen(QColor(255, 181, 71, 130), 1.5))
        painter.drawLine(self.centre, self.handle)
        painter.setPen(QPen(QColor(20, 20, 22, 220), 1.5))
        painter.setBrush(QColor(self.color))
        painter.drawEllipse(self.handle, HANDLE, HANDLE)
        painter.setPen(QPen(QColor("#ffb547"), 2, Qt.PenStyle.DotLine if behind else Qt.PenStyle.SolidLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(self.handle, HANDLE + 2, HANDLE + 2)
