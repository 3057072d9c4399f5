"""How the tracks are painted. A key's shape says how the value goes on from it: no colour is the only sign."""
from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.names import full_name
from app.theme import Colors
from app.timeline.scale import clock
from core.film.timeline import Key, Track
from core.rig import Value

if TYPE_CHECKING:
    from app.timeline.desk import Desk
    from app.timeline.view import TracksView

LABELS = 208  # width of the names
HEAD = 30  # height of the ruler
ROW = 24
_SIZE = 5.0
_READY = 3


def said(value: Value, unit: str) -> str:
    """'12.5°', '0.40', '#ff8000'."""
    if isinstance(value, tuple):
        return "#" + "".join(f"{round(255 * part):02x}" for part in value)
    return f"{value:.1f}{unit}" if unit == "°" else f"{value:.2f}"


class TracksPainter:
    """Paints a view once."""

    def __init__(self, view: TracksView, colors: Colors, desk: Desk, ready: list[bool], box: QRectF | None) -> None:
        self.view, self.desk, self.ready, self.box = view, desk, ready, box
        self.c = {name: QColor(getattr(colors, name)) for name in
                  ("panel", "window", "border", "text", "dim", "faint", "accent", "groove", "good", "hover", "raised", "canvas")}

    def paint(self, on: QWidget) -> None:
        """Everything."""
        p = QPainter(on)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        width, height = on.width(), on.height()
        p.fillRect(on.rect(), self.c["panel"])
        self._rows(p, width, height)
        self._names(p, height)
        self._ruler(p, width)
        self._playhead(p, width, height)
        if self.box is not None:
            p.setPen(QPen(self.c["accent"], 1))
            p.setBrush(QColor(self.c["accent"].red(), self.c["accent"].green(), self.c["accent"].blue(), 40))
            p.drawRect(self.box)
        p.end()

    def _rows(self, p: QPainter, width: int, height: int) -> None:
        view, end = self.view, self.view.scale.x(self.desk.timeline.duration)
        p.save()
        p.setClipRect(QRectF(0, HEAD, width, height - HEAD))
        for row in range(len(view.tracks)):
            top = view.row_top(row)
            if top > height or top + ROW < HEAD:
                continue
            if row % 2:
                p.fillRect(QRectF(LABELS, top, width - LABELS, ROW), self.c["window"])
            if row == view.row and view.hasFocus():
                p.fillRect(QRectF(0, top, width, ROW), self.c["hover"])
        p.setClipRect(QRectF(LABELS - _SIZE - 2, HEAD, width, height - HEAD))
        for row, track in enumerate(view.tracks):
            if HEAD - ROW <= view.row_top(row) <= height:
                self._track(p, row, track, width)
        shade = QColor(self.c["canvas"])
        shade.setAlpha(150)
        if end < width:
            p.fillRect(QRectF(end, HEAD, width - end, height - HEAD), shade)
        p.restore()

    def _track(self, p: QPainter, row: int, track: Track, width: int) -> None:
        view, middle = self.view, self.view.row_top(row) + ROW / 2
        for before, after in zip(track.keys, track.keys[1:], strict=False):
            a, b = view.scale.x(before.time), view.scale.x(after.time)
            if b < LABELS or a > width:
                continue
            still = before.value == after.value
            style = Qt.PenStyle.DotLine if before.easing == "hold" or still else Qt.PenStyle.SolidLine
            p.setPen(QPen(self.c["groove"] if still else self.c["faint"], 1.4, style))
            p.drawLine(QPointF(max(a, LABELS), middle), QPointF(b, middle))
        last = -1e9
        for key in track.keys:
            x = view.scale.x(key.time)
            chosen = (track.name, key.time) in self.desk.chosen
            if x < LABELS - _SIZE or x > width + _SIZE or x - last < 2 and not chosen:
                continue
            last = x
            self._key(p, QPointF(x, middle), key, chosen)

    def _key(self, p: QPainter, at: QPointF, key: Key, chosen: bool) -> None:
        size = _SIZE + (1.2 if chosen else 0)
        p.setPen(QPen(self.c["panel"], 1) if not chosen else QPen(self.c["text"], 1.4))
        p.setBrush(self.c["accent"] if chosen else self.c["dim"])
        x, y = at.x(), at.y()
        if key.easing == "hold":
            p.drawRect(QRectF(x - size + 1, y - size + 1, 2 * size - 2, 2 * size - 2))
        elif key.easing in ("smooth", "flow"):
            p.drawEllipse(at, size - 0.3, size - 0.3)
        elif key.easing in ("in", "out"):  # half round, on the slow side
            path = QPainterPath()
            turn = 1 if key.easing == "in" else -1
            path.moveTo(x, y - size)
            path.arcTo(QRectF(x - size, y - size, 2 * size, 2 * size), 90, -180 * turn)
            path.lineTo(x - turn * size, y)
            path.closeSubpath()
            p.drawPath(path)
        else:
            p.drawPolygon(QPolygonF([QPointF(x, y - size), QPointF(x + size, y), QPointF(x, y + size), QPointF(x - size, y)]))

    def _names(self, p: QPainter, height: int) -> None:
        view, table = self.view, self.desk.document.parameters()
        p.save()
        p.setClipRect(QRectF(0, HEAD, LABELS, height - HEAD))
        small = QFont(p.font())
        small.setPixelSize(12)
        p.setFont(small)
        for row, track in enumerate(view.tracks):
            top = view.row_top(row)
            if top > height or top + ROW < HEAD:
                continue
            there = track.name in table
            p.setPen(self.c["text"] if there else self.c["faint"])
            name = p.fontMetrics().elidedText(full_name(track.name), Qt.TextElideMode.ElideRight, LABELS - 84)
            p.drawText(QRectF(12, top, LABELS - 80, ROW), Qt.AlignmentFlag.AlignVCenter, name)
            value = track.at(self.desk.time)
            words = said(value, table[track.name].unit) if there else tr("not here")
            p.setPen(self.c["dim"])
            right = LABELS - 14
            if isinstance(value, tuple):
                p.setBrush(QColor.fromRgbF(*value))
                p.setPen(self.c["border"])
                p.drawRoundedRect(QRectF(right - 26, top + 6, 26, ROW - 12), 3, 3)
            else:
                p.drawText(QRectF(right - 60, top, 60, ROW), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, words)
        p.restore()
        p.setPen(QPen(self.c["border"], 1))
        p.drawLine(QPointF(LABELS - 8.5, HEAD), QPointF(LABELS - 8.5, height))

    def _ruler(self, p: QPainter, width: int) -> None:
        scale, timeline = self.view.scale, self.desk.timeline
        p.fillRect(QRectF(0, 0, width, HEAD), self.c["window"])
        p.save()
        p.setClipRect(QRectF(LABELS - 8, 0, width, HEAD))
        small = QFont(p.font())
        small.setPixelSize(11)
        p.setFont(small)
        if scale.zoom / timeline.fps > 6:
            p.setPen(QPen(self.c["groove"], 1))
            first = max(0, int(scale.time(LABELS) * timeline.fps))
            for frame in range(first, min(timeline.frames, int(scale.time(width) * timeline.fps) + 2)):
                x = round(scale.x(frame / timeline.fps)) + 0.5
                p.drawLine(QPointF(x, HEAD - 9), QPointF(x, HEAD - 5))
        for time, text in scale.marks(width):
            x = round(scale.x(time)) + 0.5
            p.setPen(QPen(self.c["faint"], 1))
            p.drawLine(QPointF(x, HEAD - 12), QPointF(x, HEAD - 5))
            p.setPen(self.c["dim"])
            p.drawText(QRectF(x + 4, 2, 70, HEAD - 14), Qt.AlignmentFlag.AlignVCenter, text)
        self._ready(p)
        p.restore()
        p.setPen(QPen(self.c["border"], 1))
        p.drawLine(QPointF(0, HEAD - 0.5), QPointF(width, HEAD - 0.5))
        p.setPen(self.c["dim"])
        p.drawText(QRectF(12, 0, LABELS - 30, HEAD), Qt.AlignmentFlag.AlignVCenter,
                   tr("{time}  ·  frame {frame}", time=clock(self.desk.time), frame=self.desk.frame + 1))

    def _ready(self, p: QPainter) -> None:
        """A line under the frames that play as pictures."""
        scale, timeline, start = self.view.scale, self.desk.timeline, None
        p.setPen(Qt.PenStyle.NoPen)
        for frame, there in enumerate([*self.ready, False]):
            if there and start is None:
                start = frame
            elif not there and start is not None:
                a, b = scale.x(start / timeline.fps), scale.x(frame / timeline.fps)
                p.fillRect(QRectF(a, HEAD - _READY - 1, b - a, _READY), self.c["good"])
                start = None

    def _playhead(self, p: QPainter, width: int, height: int) -> None:
        x = self.view.scale.x(self.desk.time)
        if not LABELS - 8 <= x <= width:
            return
        parked = self.desk.parked
        color = self.c["faint"] if parked else self.c["accent"]
        p.setPen(QPen(color, 1.5, Qt.PenStyle.DashLine if parked else Qt.PenStyle.SolidLine))
        p.drawLine(QPointF(x, HEAD - 8), QPointF(x, height))
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(color)
        p.drawPolygon(QPolygonF([QPointF(x - 6, HEAD - 14), QPointF(x + 6, HEAD - 14), QPointF(x + 6, HEAD - 7),
                                 QPointF(x, HEAD - 1), QPointF(x - 6, HEAD - 7)]))
