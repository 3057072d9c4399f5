"""The photos of an album as they are read, one by one."""
from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.personal.labels import label
from app.personal.reading import Reading
from app.personal.thumbs import Tile, Tiles
from app.personal.thumbs_view import TileView
from app.theme import Theme
from core.personalize.presets import spoken


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
        self.bar.setAccessibleName("Photos read")
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
            title = "Stopping …"
        elif not reading.total:
            title = "Getting ready …"
        elif reading.done < reading.total:
            title = f"Reading photo {min(reading.done + 1, reading.total)} of {reading.total}"
        else:
            title = "Comparing the faces …"
        self.title.setText(title)
        left = reading.left
        self.words.setText(f"{spoken(left)} left" if left is not None and left >= 1 and not reading.cancelled else "")
