"""Small plots of a training: a value over the steps, a level to compare it with, and where it stands now."""
from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.canvas.paint import font
from app.personal.progress import Track
from app.theme import Theme

SMOOTH = 0.1  # share of the points on either side that a smoothed one looks at
DOTS = 60  # up to so many points are marked each
LEFT, BOTTOM, TOP, RIGHT = 40.0, 18.0, 6.0, 8.0  # around the plot, for the numbers
LINES = 5  # about so many lines of the grid
_RIGHT_OF_LINE = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_UNDER = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop


class Plot(QWidget):
    """The drawing itself. track: the values; steps: where the axis ends; level: where the dashed line lies, None for none."""

    def __init__(self, theme: Theme, smooth: bool, from_zero: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._smooth, self._from_zero = theme, smooth, from_zero
        self.track, self.steps = Track(), 0
        self.level: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        """Room for the numbers and a line."""
        return QSize(150, 84)

    def show_values(self, track: Track, steps: int, level: float | None) -> None:
        """Draw these."""
        self.track, self.steps, self.level = track, steps, level
        self.update()

    @property
    def x_range(self) -> tuple[float, float]:
        """Steps from the left to the right."""
        return 0.0, float(max(self.steps, self.track.steps[-1] if self.track.steps else 0, 1))

    @property
    def y_range(self) -> tuple[float, float]:
        """Values from the bottom to the top: all of them, and the level."""
        shown = [*self.track.values, *([self.level] if self.level is not None else []), *([0.0] if self._from_zero else [])]
        return roomy(shown) if shown else (0.0, 1.0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Grid and numbers, the level, the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(LEFT, TOP, -RIGHT, -BOTTOM)
        self._draw_axes(painter, box)
        if self.level is not None:
            painter.setPen(QPen(QColor(self._theme.colors.lamp), 1.4, Qt.PenStyle.DashLine))
            y = self._place(box, 0.0, self.level).y()
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
        self._draw_line(painter, box)
        painter.end()

    def _draw_axes(self, painter: QPainter, box: QRectF) -> None:
        colors = self._theme.colors
        grid = QColor(colors.border)
        painter.setFont(font(10, QFont.Weight.Normal))
        for value, text in ticks(*self.y_range, LINES):
            y = self._place(box, 0.0, value).y()
            painter.setPen(QPen(grid, 1))
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            painter.setPen(QColor(colors.dim))
            painter.drawText(QRectF(0, y - 8, LEFT - 6, 16), int(_RIGHT_OF_LINE), text)
        painter.setPen(QColor(colors.dim))
        for value, text in ticks(*self.x_range, max(2, int(box.width() / 50))):
            x = self._place(box, value, 0.0).x()
            painter.drawText(QRectF(x - 30, box.bottom() + 4, 60, 14), int(_UNDER), text)

    def _draw_line(self, painter: QPainter, box: QRectF) -> None:
        steps, values = np.asarray(self.track.steps, float), np.asarray(self.track.values, float)
        color = QColor(self._theme.colors.accent)
        if self._smooth:
            faint = QColor(color)
            faint.setAlphaF(0.35)
            painter.setPen(QPen(faint, 1))
            painter.drawPolyline(self._polygon(box, steps, values))
            values = running_mean(values)
        line = self._polygon(box, steps, values)
        painter.setPen(QPen(color, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.drawPolyline(line)
        if not self._smooth and len(steps) <= DOTS:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            for k in range(line.size()):
                painter.drawEllipse(line.at(k), 2.8, 2.8)

    def _polygon(self, box: QRectF, steps: np.ndarray, values: np.ndarray) -> QPolygonF:
        return QPolygonF([self._place(box, step, value) for step, value in zip(steps, values, strict=True)])

    def _place(self, box: QRectF, step: float, value: float) -> QPointF:
        (left, right), (low, high) = self.x_range, self.y_range
        return QPointF(box.left() + box.width() * (step - left) / (right - left),
                       box.bottom() - box.height() * (value - low) / (high - low))


class Curve(QFrame):
    """One plot with its title and newest value above it.

    title, tip: what it shows. level_name: what the dashed line is called. smooth: draw a running mean, the values faint behind
    it. digits: of the newest value. from_zero: the axis begins there.
    """

    def __init__(self, theme: Theme, title: str, tip: str, *, level_name: str = "", smooth: bool = False, digits: int = 2,
                 from_zero: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curve")
        self.setToolTip(tip)
        self._digits, self._level_name = digits, level_name
        self.title, self.value, self.against = QLabel(title), QLabel(), QLabel()
        self.title.setObjectName("curveTitle")
        self.value.setObjectName("curveValue")
        self.against.setObjectName("note")
        self.plot = Plot(theme, smooth, from_zero)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.against)
        head.addWidget(self.value)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 9, 10, 6)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.plot, 1)
        theme.changed.connect(self.plot.update)

    def show_values(self, track: Track, steps: int, level: float | None = None) -> None:
        """The values so far, out of `steps` steps, and the level to compare them with: less is better."""
        self.plot.show_values(track, steps, level)
        last = track.last
        self.value.setText("" if last is None else f"{last:.{self._digits}f}")
        self.against.setText(f"{self._level_name} {level:.{self._digits}f}" if level is not None and self._level_name else "")
        mark = "" if last is None or level is None else "good" if last < level else "bad"
        if self.value.property("mark") != mark:
            self.value.setProperty("mark", mark)
            self.value.style().unpolish(self.value)
            self.value.style().polish(self.value)
        self.setAccessibleName(" ".join(filter(None, (self.title.text(), self.value.text(), self.against.text()))))


def ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """About `count` round numbers between two, with their texts: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [(k * step, f"{k * step:.{digits}f}") for k in range(first, math.floor(high / step + 1e-9) + 1)]


def running_mean(values: np.ndarray) -> np.ndarray:
    """(N,) values -> (N,), each the mean of those around it; the window grows with N and shrinks at the ends."""
    count = len(values)
    half = max(1, round(SMOOTH * count))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.clip(np.arange(count) - half, 0, count)
    last = np.clip(np.arange(count) + half + 1, 0, count)
    return np.asarray((sums[last] - sums[first]) / np.maximum(last - first, 1))


def roomy(values: Sequence[float]) -> tuple[float, float]:
    """An axis for these values: some room on both sides, and never so narrow that noise looks like a cliff."""
    low, high = min(values), max(values)
    room = max(0.12 * (high - low), 0.02 * abs(high), 1e-6)
    return (max(0.0, low - room) if low >= 0 else low - room), high + room
