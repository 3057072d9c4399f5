"""Zoom and pan as plain arithmetic: where a point of the picture lies in the widget, and back."""
from __future__ import annotations

from dataclasses import dataclass, field, replace

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QTransform

MIN_ZOOM, MAX_ZOOM = 0.02, 32.0
MARGIN = 20.0


@dataclass(frozen=True)
class View:
    """A picture of `world` size in a widget of `widget` size, at `zoom` pixels a picture pixel, `offset` its corner.

    fitted: whether it follows the widget's size.
    """

    world: QSizeF
    widget: QSizeF
    zoom: float = 1.0
    offset: QPointF = field(default_factory=QPointF)
    fitted: bool = True

    def fit(self) -> View:
        """All of the picture, centred, with a margin."""
        room = (max(self.widget.width() - 2 * MARGIN, 16.0), max(self.widget.height() - 2 * MARGIN, 16.0))
        zoom = min(room[0] / max(self.world.width(), 1.0), room[1] / max(self.world.height(), 1.0))
        return replace(self, zoom=zoom, fitted=True, offset=QPointF(
            (self.widget.width() - self.world.width() * zoom) / 2,
            (self.widget.height() - self.world.height() * zoom) / 2))

    def resized(self, widget: QSizeF) -> View:
        """In a widget of another size: fitted again, or with the same point in the middle."""
        view = replace(self, widget=widget)
        if self.fitted:
            return view.fit()
        shift = QPointF((widget.width() - self.widget.width()) / 2, (widget.height() - self.widget.height()) / 2)
        return replace(view, offset=self.offset + shift)

    def zoomed(self, factor: float, at: QPointF) -> View:
        """Nearer or farther, with the picture's point under `at` staying there."""
        zoom = min(max(self.zoom * factor, MIN_ZOOM), MAX_ZOOM)
        ratio = zoom / self.zoom
        return replace(self, zoom=zoom, offset=at - (at - self.offset) * ratio, fitted=False)

    def panned(self, by: QPointF) -> View:
        """Moved by widget pixels."""
        return replace(self, offset=self.offset + by, fitted=False)

    @property
    def rect(self) -> QRectF:
        """The picture in the widget."""
        return QRectF(self.offset, QSizeF(self.world.width() * self.zoom, self.world.height() * self.zoom))

    @property
    def transform(self) -> QTransform:
        """Picture coordinates to widget coordinates."""
        return QTransform(self.zoom, 0, 0, self.zoom, self.offset.x(), self.offset.y())

    def to_world(self, point: QPointF) -> QPointF:
        """Widget coordinates to picture coordinates."""
        return (point - self.offset) / self.zoom
