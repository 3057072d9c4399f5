"""The pictures of a grid of presets, drawn one at a time when nothing else is going on."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage

from app.document import Document
from app.panels.preset_grid import PresetGrid
from core.presets import Preset

IDLE_MS = 250  # of quiet before the first is drawn
_BETWEEN_MS = 15  # so that events get their turn
_KEPT = 120  # pictures, of a few looks of the head


class Thumbs(QObject):
    """Draws what is missing or out of date, while the grid can be seen and no drag is under way.

    draw(preset): its picture, None where there can be none; takes some milliseconds at most. look(): what pictures depend on
    besides the preset; they are drawn anew when it is another, and kept for when it is back.
    """

    def __init__(self, document: Document, grid: PresetGrid, draw: Callable[[Preset], QImage | None],
                 look: Callable[[], Hashable]) -> None:
        super().__init__(grid)
        self._document, self._grid = document, grid
        self._draw, self._look = draw, look
        self._made: OrderedDict[tuple[str, Hashable], QImage | None] = OrderedDict()
        self._shown: dict[str, Hashable] = {}
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.timeout.connect(self._next)
        document.changed.connect(self.stale)
        document.opened.connect(self.stale)
        grid.changed.connect(self.stale)
        grid.shown.connect(self.stale)

    def stale(self) -> None:
        """Something may be another: look once it has been quiet for a moment."""
        if self._grid.isVisible():
            self.timer.start(IDLE_MS)

    def _next(self) -> None:
        if not self._grid.isVisible():
            return
        if self._document.in_gesture:
            self.timer.start(IDLE_MS)
            return
        look = self._look()
        for preset in self._grid.presets:
            state = (tuple(preset.values.items()), look)
            if self._shown.get(preset.name) == state:
                continue
            known = (preset.name, state) in self._made
            self._show(preset, state)
            if not known:  # the others another time
                self.timer.start(_BETWEEN_MS)
                return

    def _show(self, preset: Preset, state: Hashable) -> None:
        key = (preset.name, state)
        if key not in self._made:
            self._made[key] = self._draw(preset)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        self._shown[preset.name] = state
        self._grid.set_picture(preset.name, self._made[key])
