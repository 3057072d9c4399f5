"""The photos of an album as rows of a list: what a thumbnail says, and the model behind the grid."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QImage, QImageReader

from app.language import tr, within
from app.personal.labels import tip

ALL, USED, WEAK, OUT = "all", "used", "weak", "out"
GROUPS = ((ALL, "All"), (USED, "Used"), (WEAK, "Weak"), (OUT, "Left out"))
TILE_ROLE = Qt.ItemDataRole.UserRole + 1
_KEPT_IMAGES = 400  # of about 110 KiB each
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Tile:
    """One photo in the grid.

    name: its unique name in the album. title: its file's name. verdict: 'accepted', 'weak' or 'refused'. reason: why, in a few
    words; detail: in sentences. thumb: its small picture, or None. used: whether it is trained on. choice: what the user said,
    None where nothing. held: whether it is kept out to measure with. can_use: whether a face was fitted, so that the user can
    take it in. judged: whether it is known yet whose album it is.
    """

    name: str
    title: str
    verdict: str
    reason: str = ""
    detail: str = ""
    thumb: Path | None = None
    used: bool = True
    choice: bool | None = None
    held: bool = False
    can_use: bool = True
    judged: bool = True

    @property
    def weak(self) -> bool:
        """Used though something is wrong with it."""
        return self.used and self.verdict == "weak"

    @property
    def word(self) -> str:
        """What its badge says."""
        if self.choice is not None:
            return tr("Used, by you") if self.used else tr("Left out, by you")
        if self.weak or not self.used:
            return tr("Weak") if self.weak else tr("Left out")
        return tr("Used") if self.judged else tr("Good")

    @property
    def icon(self) -> str:
        """Name of its badge's icon: told apart by shape, not by colour alone."""
        return "minus" if not self.used else "warning" if self.weak and self.choice is None else "check"

    @property
    def action(self) -> str:
        """What overruling it would do; '' where there is nothing to overrule."""
        return tr("Leave out") if self.used else tr("Use") if self.can_use else ""

    def belongs(self, group: str) -> bool:
        """Whether it is in one of `GROUPS`."""
        return {ALL: True, USED: self.used, WEAK: self.weak, OUT: not self.used}[group]

    @property
    def spoken(self) -> str:
        """All of it for a screen reader and a tool tip."""
        parts = [self.title, self.word, self.detail.rstrip("."), tr("kept for testing") if self.held else ""]
        return ". ".join(part for part in parts if part)


class Tiles(QAbstractListModel):
    """The tiles of one group. A photo that the user overrules stays in sight until another group is chosen.

    counted: how many there are of each group may be another.
    """

    counted = Signal()

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.group = ALL
        self._tiles: list[Tile] = []
        self._rows: list[int] = []
        self._images: OrderedDict[Path, QImage] = OrderedDict()

    @property
    def tiles(self) -> Sequence[Tile]:
        """All of them, whatever the group."""
        return self._tiles

    def count(self, group: str) -> int:
        """How many tiles a group has."""
        return sum(tile.belongs(group) for tile in self._tiles)

    def set_tiles(self, tiles: Sequence[Tile]) -> None:
        """Show these; where only what is said of them differs, the view keeps its place."""
        if [tile.name for tile in tiles] == [tile.name for tile in self._tiles]:
            self._tiles = list(tiles)
            if self._rows:
                self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))
        else:
            self.beginResetModel()
            self._tiles = list(tiles)
            self._rows = self._matching()
            self.endResetModel()
        self.counted.emit()

    def add(self, tile: Tile) -> None:
        """One more at the end; a name that is there already is replaced."""
        names = [known.name for known in self._tiles]
        if tile.name in names:
            self.set_tiles([tile if known.name == tile.name else known for known in self._tiles])
            return
        self._tiles.append(tile)
        if tile.belongs(self.group):
            row = len(self._rows)
            self.beginInsertRows(QModelIndex(), row, row)
            self._rows.append(len(self._tiles) - 1)
            self.endInsertRows()
        self.counted.emit()

    def choose_group(self, group: str) -> None:
        """Show only one of `GROUPS`."""
        self.beginResetModel()
        self.group = group
        self._rows = self._matching()
        self.endResetModel()

    def _matching(self) -> list[int]:
        return [i for i, tile in enumerate(self._tiles) if tile.belongs(self.group)]

    def tile(self, index: _Index) -> Tile | None:
        """The tile of a row, None where there is none."""
        return self._tiles[self._rows[index.row()]] if 0 <= index.row() < len(self._rows) else None

    def find(self, name: str) -> QModelIndex:
        """Where a photo is in the present group; an invalid index where it isn't."""
        rows = (row for row, i in enumerate(self._rows) if self._tiles[i].name == name)
        row = next(rows, None)
        return QModelIndex() if row is None else self.index(row)

    def rowCount(self, parent: _Index | None = None) -> int:
        """How many are shown."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What the view and a screen reader ask for; the thumbnail is read when it is first drawn."""
        tile = self.tile(index)
        if tile is None:
            return None
        answers: dict[int, Callable[[], Any]] = {
            TILE_ROLE: lambda: tile,
            Qt.ItemDataRole.DisplayRole: lambda: tile.title,
            Qt.ItemDataRole.ToolTipRole: lambda: tip(tile.spoken),
            Qt.ItemDataRole.AccessibleTextRole: lambda: tile.spoken,
            Qt.ItemDataRole.AccessibleDescriptionRole: lambda: (
                tr("Space: {action}", action=within(tile.action)) if tile.action else ""),
            Qt.ItemDataRole.DecorationRole: lambda: self.image(tile.thumb),
        }
        answer = answers.get(role)
        return answer() if answer else None

    def image(self, path: Path | None) -> QImage | None:
        """The thumbnail of a tile, kept for as long as there is room."""
        if path is None:
            return None
        known = self._images.pop(path, None)
        if known is None:
            known = QImageReader(str(path)).read().convertToFormat(QImage.Format.Format_RGB32)
            if known.isNull():
                return None
        self._images[path] = known
        while len(self._images) > _KEPT_IMAGES:
            self._images.popitem(last=False)
        return known

    def forget_images(self) -> None:
        """The files may be others: read them again."""
        self._images.clear()
