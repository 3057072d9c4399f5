"""Comparing as the window sees it: the action, what is compared, and its file."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QMimeData, QObject
from PySide6.QtWidgets import QFileDialog

from app.compare.slots import ITEM, LETTERS, Live, Slots, Source, in_plain_words
from app.compare.view import CompareView, Layout
from app.dialogs.export import free_name
from app.dialogs.kinds import pictures
from app.history.outgoing import items_of
from app.history.shelf import Item
from app.language import tr
from app.tasks import Chores
from core.difference import painted
from core.export import save_image
from core.grids import Cell, draw_grid

if TYPE_CHECKING:
    from app.history.part import History
    from app.window import Window

_SIDE = 512  # pixels of a picture of the file


class Comparing(QObject):
    """Shows the comparison in the canvas's place, and takes it away again."""

    def __init__(self, window: Window, history: History) -> None:
        super().__init__(history)
        self._window, self._history = window, history
        self._chores = Chores(self)
        self.view: CompareView | None = None
        self.slots = Slots(history.shelf, window.document, lambda: window.canvas.photo, self)
        window.actions_by_name.add("compare", tr("Compare"), self._toggled, "C", "compare", check=False,
                                   tip=tr("Compare pictures side by side"))

    def connect_all(self) -> None:
        """Once the window is laid out."""
        self._history.shelf.edited.connect(self.slots.shelf_edited)
        self._window.document.opened.connect(self._opened)
        self._window.document.followed.connect(self.slots.shelf_edited)
        self._window.middle.currentChanged.connect(self._middle_changed)

    @property
    def shown(self) -> bool:
        """Whether the comparison is in the canvas's place."""
        return self.view is not None and self._window.middle.currentWidget() is self.view

    def begin(self, items: Sequence[Item] = ()) -> None:
        """Compare these items; one with the live picture, none: the newest pinned one or the original with the live picture."""
        window = self._window
        if window.document.session is None or window.canvas.picking:
            window.actions_by_name["compare"].setChecked(False)
            return
        if self.view is None:
            self.view = CompareView(window.theme, self.slots)
            self.view.left.connect(self.leave)
            self.view.export_asked.connect(self.ask_export)
            self.view.dropped.connect(self._dropped)
            window.middle.addWidget(self.view)
        self._history.preview(None)
        used = self.slots.begin(list(items))
        if (self.view.mode is Layout.FOUR) != (used == 4):
            self.view.set_mode(Layout.FOUR if used == 4 else Layout.TWO)
        self._history.put_in_the_middle(self.view)
        self.view.setFocus()

    def leave(self) -> None:
        """Back to the canvas."""
        if self.shown:
            self._history.put_in_the_middle(self._window.canvas)

    def _middle_changed(self, _index: int) -> None:
        self._window.actions_by_name["compare"].setChecked(self.shown)

    def _toggled(self, on: bool) -> None:
        if on and not self.shown:
            self.begin(self._history.picked)
        elif not on:
            self.leave()

    def _opened(self) -> None:
        self.leave()
        self.slots.begin([])

    def set_live(self, crop: Any, plain: bool) -> None:
        """Another live picture."""
        self.slots.set_live(Live(crop, plain))

    def _dropped(self, place: int, data: QMimeData) -> None:
        for item in items_of(data, self._history.shelf.items)[:1]:
            self.slots.put(place, Source(ITEM, item))

    # -- its file

    def ask_export(self) -> None:
        """Let the user choose a file for the comparison as it is."""
        window = self._window
        photo = window.document.session.photo
        folder = Path(window.settings.export_folder or (photo.path.parent if photo.path else Path.home()))
        name = f"{photo.path.stem if photo.path else 'portrait'}-comparison.png"
        text, _ = QFileDialog.getSaveFileName(window, tr("Export comparison"), str(free_name(folder / name)), pictures())
        if text:
            self.export(Path(text) if Path(text).suffix else Path(text).with_suffix(".png"))

    def export(self, path: Path) -> None:
        """Write the comparison as one picture: names over the pictures, what they change below."""
        if self.view is None:
            return
        cells, names, note = self._sheet()
        sources = self.slots.sources[:4 if self.view.mode is Layout.FOUR else 2]
        said = {"grid": "comparison", "pictures": [self._request(source) for source in sources]}

        def write(_say: Any, _cancelled: Any) -> Path:
            side = max([_SIDE, *(cell.shape[0] for row in cells for cell in row if isinstance(cell, np.ndarray))])
            sheet = draw_grid([""] * len(cells[0]), names, cells, side, note)
            return save_image(sheet, path, request_json=said)
        self._chores.start(write, f"writing {path.name}", self._written, self._window.banner.say)

    def _written(self, path: Path) -> None:
        self._window.banner.say(tr("Comparison written to {path}", path=path), "info")

    def _sheet(self) -> tuple[list[list[Cell]], list[list[str]], str]:
        slots, mode = self.slots, self.view.mode if self.view is not None else Layout.TWO
        count = 4 if mode is Layout.FOUR else 2
        shown = [(f"{LETTERS[i]}: {slots.name(slots.sources[i])}", slots.pixels(i)) for i in range(count)]
        note = "  ".join(f"{LETTERS[i]}: {slots.words(slots.sources[i])}." for i in range(count))
        rows = [shown[:2], shown[2:]] if mode is Layout.FOUR else [shown]
        found = slots.difference if mode is Layout.DIFFERENCE else None
        if found is not None and self.view is not None:
            scale = self.view.legend.scale_for(found)
            rows[0].append((tr("Difference, dark 0 to yellow {scale} of 255", scale=scale), painted(found.levels, scale)))
            note += f"  {in_plain_words(found)}"
        return [[pixels for _, pixels in row] for row in rows], [[name for name, _ in row] for row in rows], note

    def _request(self, source: Source) -> Any:
        return source.item.request.to_json() if source.item is not None else source.kind

    def stop(self) -> bool:
        """The window closes."""
        return self._chores.stop()
