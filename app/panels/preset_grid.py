"""A panel's presets as a grid of pictures: what ships, the user's own, and a tile that saves or imports another."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QImage, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QSizePolicy, QWidget

from app.dialogs.asking import ask_leave, ask_name
from app.dialogs.kinds import kinds
from app.language import tr
from app.panels.preset_tile import NAME, Tile
from app.theme import Theme
from core import presets
from core.errors import UserError
from core.people.names import slug
from core.presets import OWNED, Preset, PresetExists
from core.rig import Rig, Value

COLUMNS = 4  # at the narrowest panel; more where there is room
FOLDED_ROWS = 2
_NARROW = 76
_GAP = 4
FILES = (".json",)


def shown_name(preset: Preset) -> str:
    """A preset's name for the user: of what ships, in the language in use."""
    return tr(preset.name) if preset.builtin else preset.name


class PresetGrid(QWidget):
    """The presets of one kind that the photo's head can show.

    chosen(Preset): it was pressed. hovered(Preset or None). save_asked: the user wants the present edit kept; answer with `keep`.
    changed: there are others. failed(text): what to tell the user. shown: it can be seen now. ask_text: what saving is called.
    icon: of tiles without a picture.
    """

    chosen = Signal(object)
    hovered = Signal(object)
    save_asked = Signal()
    changed = Signal()
    failed = Signal(str)
    shown = Signal()

    def __init__(self, theme: Theme, kind: str, ask_text: str, icon: str = "ball", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._kind, self._icon = theme, kind, icon
        self._ask_text = ask_text
        self._head: Any = None
        self.folder = ""
        self.folded = False
        self.tiles: dict[str, Tile] = {}
        self.presets: tuple[Preset, ...] = ()
        self.more = Tile(theme, tr("New …"), "plus", self)
        self.more.dashed = True
        self.more.setToolTip(tr("Keep the present one under a name, or import one from a file"))
        self.more.clicked.connect(self._more_menu)
        self.more.arrow.connect(partial(self._go, self.more))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    # -- what it shows

    def show_presets(self, head: Any = None) -> None:
        """Read what there is; head: only what its faces can show. Pictures of those that stay are kept."""
        self._head = head
        try:
            found = presets.presets(self._kind, head)
        except UserError as error:
            self.failed.emit(str(error))
            found = ()
        known = {preset.name: preset for preset in self.presets}
        for name, tile in list(self.tiles.items()):
            if not any(preset == known[name] and preset.name == name for preset in found):
                tile.hide()
                tile.deleteLater()
                del self.tiles[name]
        self.presets = found
        self.tiles = {preset.name: self.tiles.get(preset.name) or self._tile(preset) for preset in found}
        self._lay_out()
        self.changed.emit()

    def _tile(self, preset: Preset) -> Tile:
        tile = Tile(self._theme, shown_name(preset), self._icon, self)
        tile.setCheckable(True)
        if not preset.builtin:
            tile.setToolTip(tr("{name}: your own. Right click to rename, export or delete it.", name=preset.name))
        tile.clicked.connect(partial(self._press, preset, tile))
        tile.over.connect(lambda on: self.hovered.emit(preset if on else None))
        tile.arrow.connect(partial(self._go, tile))
        tile.setVisible(True)
        return tile

    def set_picture(self, name: str, image: QImage | None) -> None:
        """What a preset's tile shows."""
        if name in self.tiles:
            self.tiles[name].set_picture(image)

    def show_rig(self, rig: Rig) -> None:
        """Mark the preset that the edit agrees with."""
        owned = {name: value for name, value in rig.values if name.startswith(OWNED[self._kind])}
        self.set_current(next((p for p in self.presets if dict(p.values) == owned), None) if owned else None)

    def set_current(self, preset: Preset | None) -> None:
        """Mark one as in use."""
        for name, tile in self.tiles.items():
            on = preset is not None and name == preset.name
            if tile.isChecked() != on:
                tile.setChecked(on)
        if self.folded and preset is not None and self.tiles[preset.name].isHidden():
            self._lay_out()

    @property
    def current(self) -> str:
        """The name of the one in use; '' for none."""
        return next((name for name, tile in self.tiles.items() if tile.isChecked()), "")

    # -- laying out

    @property
    def _columns(self) -> int:
        return max(COLUMNS, (self.width() + _GAP) // (_NARROW + 2 * _GAP))

    @property
    def _all(self) -> list[Tile]:
        return [*self.tiles.values(), self.more]

    @property
    def _there(self) -> list[Tile]:
        """The tiles that show: all, or folded the first rows, the one in use, and the last tile."""
        tiles, most = list(self.tiles.values()), FOLDED_ROWS * self._columns - 1
        if not self.folded or len(tiles) <= most:
            return self._all
        first = tiles[:most]
        used = self.tiles.get(self.current)
        return [*(first if used is None or used in first else [*first[:-1], used]), self.more]

    def set_folded(self, on: bool) -> None:
        """Show the first rows only, or all."""
        self.folded = on
        self._lay_out()

    def _lay_out(self) -> None:
        columns, tiles = self._columns, self._there
        for tile in self._all:
            tile.setVisible(tile in tiles)
        side = (self.width() - (columns - 1) * _GAP) // columns
        for i, tile in enumerate(tiles):
            row, column = divmod(i, columns)
            tile.setGeometry(column * (side + _GAP), row * (side + NAME + _GAP), side, side + NAME)
        self.setFixedHeight(((len(tiles) - 1) // columns + 1) * (side + NAME + _GAP) if side > 0 else NAME)
        for one, other in zip(tiles, tiles[1:], strict=False):
            QWidget.setTabOrder(one, other)
        self._tab_to(next((tile for tile in tiles if tile.hasFocus()), tiles[0]))

    def sizeHint(self) -> QSize:
        """As wide as the panel is."""
        return QSize(COLUMNS * _NARROW, self.height())

    def minimumSizeHint(self) -> QSize:
        """Four small tiles a row."""
        return QSize(COLUMNS * 56, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tiles fill the width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._lay_out()

    def showEvent(self, event: QShowEvent) -> None:
        """It can be seen now."""
        super().showEvent(event)
        self.shown.emit()

    def _tab_to(self, tile: Tile) -> None:
        """Tab reaches one tile only; arrows go on from there."""
        for one in self._there:
            one.setFocusPolicy(Qt.FocusPolicy.StrongFocus if one is tile else Qt.FocusPolicy.ClickFocus)

    def _go(self, tile: Tile, dx: int, dy: int) -> None:
        tiles = self._there
        target = tiles.index(tile) + dx + dy * self._columns
        if 0 <= target < len(tiles):
            self._tab_to(tiles[target])
            tiles[target].setFocus(Qt.FocusReason.TabFocusReason)

    # -- what is done with them

    def _press(self, preset: Preset, tile: Tile) -> None:
        tile.setChecked(True)  # pressed again it stays; what it does is the same
        self.set_current(preset)
        self.chosen.emit(preset)

    def keep(self, values: Mapping[str, Value], name: str = "") -> None:
        """Ask for a name and save these values under it."""
        ask_name(self, tr("Save"), self._ask_text, name, lambda typed: self._save(typed, values))

    def _save(self, name: str, values: Mapping[str, Value], over: bool = False) -> None:
        try:
            presets.save(self._kind, name, values, over=over)
        except PresetExists as error:
            if any(preset.builtin and preset.name.casefold() == name.strip().casefold() for preset in self.presets):
                self.failed.emit(str(error))
                return
            ask_leave(self, tr("Replace"), tr("There is a preset '{name}' already. Replace it?", name=name),
                      tr("The values it holds now are lost."), lambda: self._save(name, values, over=True))
        except UserError as error:
            self.failed.emit(str(error))
        else:
            self.show_presets(self._head)

    def import_file(self, path: Path) -> None:
        """Take in a preset from a file; it is checked first."""
        self._try(lambda: presets.import_file(path, self._head))

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except UserError as error:
            self.failed.emit(str(error))
        self.show_presets(self._head)

    def ask_import(self) -> None:
        """Let the user choose a preset's file."""
        path, _ = QFileDialog.getOpenFileName(self, tr("Import a preset"), self.folder, kinds((tr("Presets"), FILES)))
        if path:
            self.folder = str(Path(path).parent)
            self.import_file(Path(path))

    def ask_export(self, preset: Preset) -> None:
        """Let the user choose where a preset is written."""
        start = Path(self.folder) / f"{slug(preset.name, 'preset')}.json"
        path, _ = QFileDialog.getSaveFileName(self, tr("Export {name}", name=preset.name), str(start),
                                              kinds((tr("Presets"), FILES)))
        if path:
            self.folder = str(Path(path).parent)
            self._try(lambda: presets.export(preset, Path(path)))

    def ask_rename(self, preset: Preset) -> None:
        """Let the user type another name."""
        ask_name(self, tr("Rename"), tr("Another name for {name}", name=preset.name), preset.name,
                 lambda name: self._try(lambda: presets.rename(preset, name)))

    def ask_delete(self, preset: Preset) -> None:
        """Delete a preset if the user says so."""
        ask_leave(self, tr("Delete"), tr("Delete the preset '{name}'?", name=preset.name),
                  tr("Pictures that were made with it stay as they are."), lambda: self._try(lambda: presets.delete(preset)))

    def menu_of(self, preset: Preset | None) -> QMenu:
        """What can be done with a preset (None: with the grid)."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if preset is not None:
            menu.addAction(tr("Use")).triggered.connect(lambda: self.tiles[preset.name].click())
            menu.addSeparator()
            menu.addAction(tr("Export …")).triggered.connect(lambda: self.ask_export(preset))
            rename, delete = menu.addAction(tr("Rename …")), menu.addAction(tr("Delete …"))
            rename.triggered.connect(lambda: self.ask_rename(preset))
            delete.triggered.connect(lambda: self.ask_delete(preset))
            for action in (rename, delete):
                action.setEnabled(not preset.builtin)
            menu.addSeparator()
        menu.addAction(self._ask_text).triggered.connect(lambda: self.save_asked.emit())
        menu.addAction(tr("Import from a file …")).triggered.connect(self.ask_import)
        return menu

    def _more_menu(self) -> None:
        self.menu_of(None).popup(self.more.mapToGlobal(QPoint(0, self.more.height())))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Of the tile under the mouse, or with the focus."""
        keyboard = event.reason() == QContextMenuEvent.Reason.Keyboard
        tile = next((t for t in self.tiles.values() if (t.hasFocus() if keyboard else t.geometry().contains(event.pos()))), None)
        preset = next((p for p in self.presets if tile is not None and self.tiles[p.name] is tile), None)
        self.menu_of(preset).popup(event.globalPos())
        event.accept()
