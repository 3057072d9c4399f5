"""The photos of an album as they are read, one by one."""
from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.language import tr
from app.personal.labels import label
from app.personal.reading import Reading
from app.personal.thumbs import Tile, Tiles
from app.personal.thumbs_view import TileView
from app.spans import span
from app.theme import Theme


class ReadingPage(QWidget):
    """Follows a `Reading`."""

    def __init__(self, theme: Theme, reading: Reading, tiles: Tiles, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reading = reading
        self.tiles = tiles
        self.view = TileView(theme, tiles)
        self.title, self.words = label("heading"), label("rowLabel")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Photos read"))
        line = QHBoxLayout()
        line.addWidget(self.title, 1)
        line.addWidget(self.words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(line)
        column.addWidget(self.bar)
        column.addWidget(self.view, 1)
        reading.changed.connect(self._show)
        reading.came.connect(self._add)

    def begin(self) -> None:
        """An empty page."""
        self.tiles.set_tiles(())
        self._show()

    def _add(self, tile: Tile) -> None:
        bar = self.view.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 8
        self.tiles.add(tile)
        if at_end:  # who scrolled up looks at something
            self.view.scrollToBottom()

    def _show(self) -> None:
        reading = self._reading
        self.bar.setRange(0, reading.total)  # without a number of photos it runs to and fro
        self.bar.setValue(reading.done)
        if reading.cancelled:
            title = tr("Stopping …")
        elif not reading.total:
            title = tr("Getting ready …")
        elif reading.done < reading.total:
            title = tr("Reading photo {number} of {total}", number=min(reading.done + 1, reading.total), total=reading.total)
        else:
            title = tr("Comparing the faces …")
        self.title.setText(title)
        left = reading.left
        if left is None or left < 1 or reading.cancelled:
            self.words.clear()
        else:
            self.words.setText(tr("{time} left", time=span(left)))
