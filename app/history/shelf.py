"""The history of the opened photo as a list model: pictures that were made, with the requests that make them again.

Each photo has a history of its own, and keeps it while others are open. Nothing here draws.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QImage

from app.history.pictures import Keeper, Picture
from app.history.words import in_words
from app.language import tr
from app.live import lean
from core.cv import cv2
from core.people.header import About
from core.project.snapshot import Snapshot
from core.request import RenderRequest
from core.rig import Parameter

THUMB = 144  # side of a thumbnail, pixels
MOST = 500  # unpinned pictures of a photo
MOST_OF_ALL = 1500  # of all photos
Index = QModelIndex | QPersistentModelIndex
ITEM = Qt.ItemDataRole.UserRole


@dataclass(eq=False)
class Item:
    """One picture of the history. small: its thumbnail as JPEG. facts: the result it came as, without its pictures; None for one
    from a file. engine: what made it (see `Shelf.engine`)."""

    request: RenderRequest
    picture: Picture
    small: bytes
    made: float
    distance: float | None = None
    person: About | None = None
    pinned: bool = False
    name: str = ""
    facts: Any = None
    engine: tuple[str, ...] = ()
    snapshot: Snapshot | None = field(default=None, repr=False)  # the same as `Kept`, once it was asked for

    @property
    def thumb(self) -> QImage:
        """Its thumbnail."""
        return _decoded(self.small)


class Kept(Snapshot):
    """A snapshot whose picture may lie on disk until it is asked for."""

    def __init__(self, item: Item, keeper: Keeper) -> None:
        for name in ("request", "pinned", "name", "made", "distance", "person"):
            object.__setattr__(self, name, getattr(item, name))
        object.__setattr__(self, "_held", item.picture)
        object.__setattr__(self, "_keeper", keeper)

    @property
    def picture(self) -> np.ndarray:  # type: ignore[override]
        """(S, S, 3) uint8. Raises ValueError where its file is gone."""
        found = self._held.pixels()  # type: ignore[attr-defined]
        if found is None:
            raise ValueError("a picture of the history is gone")
        return found  # type: ignore[no-any-return]

    @property
    def png(self) -> bytes:  # type: ignore[override]
        """The picture as a PNG file; for any thread. Raises ValueError where it is gone."""
        data = self._held.png(self._keeper.folder)  # type: ignore[attr-defined]
        if data is None:
            raise ValueError("a picture of the history is gone")
        return data  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class Recalled:
    """A picture from a file, as the window shows results."""

    image: np.ndarray
    crop: np.ndarray
    request: RenderRequest
    identity_distance: float | None = None
    timings: dict[str, float] = field(default_factory=dict)


class Shelf(QAbstractListModel):
    """The items of one photo. edited: what a project would save is another (an item came, went, was pinned or named)."""

    edited = Signal()

    def __init__(self, keeper: Keeper, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.keeper = keeper
        self.table: Callable[[], dict[str, Parameter]] = dict
        self.photo = ""
        self.engine: tuple[str, ...] = ()
        self.shown: RenderRequest | None = None
        self._photos: dict[str, list[Item]] = {"": []}
        self.mime: Callable[[Sequence[Item]], QMimeData] = lambda items: QMimeData()

    # -- what is

    @property
    def items(self) -> list[Item]:
        """Those of the opened photo, the oldest first."""
        return self._photos[self.photo]

    @property
    def everything(self) -> list[Item]:
        """Those of all photos."""
        return [item for items in self._photos.values() for item in items]

    def find(self, request: RenderRequest | None) -> Item | None:
        """The item of this request among those of the opened photo."""
        return next((item for item in reversed(self.items) if item.request == request), None) if request is not None else None

    def recall(self, request: RenderRequest) -> Any | None:
        """The result of a request as it was made once by the engine in use; None where it has to be made anew."""
        for item in reversed(self._photos.get(request.photo, [])):
            if item.request == request and item.engine == self.engine:
                pixels = item.picture.pixels()
                if pixels is None:
                    return None
                if item.facts is None:
                    return Recalled(pixels, pixels, request, item.distance)
                return replace(item.facts, image=pixels, crop=pixels)
        return None

    def caption(self, item: Item) -> str:
        """Its name, else what it changes of the photo; what the item before it doesn't have comes first."""
        return item.name or self.words(item)

    def words(self, item: Item) -> str:
        """What it changes of the photo."""
        at = self.items.index(item) if item in self.items else 0
        before = self.items[at - 1].request if at else None
        return in_words(item.request, self.table(), item.person, before)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The history of the opened photo, for a project; the same object as long as nothing of an item changes."""
        for item in self.items:
            if item.snapshot is None:
                item.snapshot = Kept(item, self.keeper)
        return tuple(item.snapshot for item in self.items if item.snapshot is not None)

    # -- what comes and goes

    def open(self, photo: str) -> None:
        """Show the history of another photo."""
        if photo != self.photo:
            self.beginResetModel()
            self.photo = photo
            self._photos.setdefault(photo, [])
            self.endResetModel()

    def take(self, result: Any, person: About | None) -> Item | None:
        """Put a settled result in; None where its request is there already."""
        request = result.request
        found = next((item for item in self.items if item.request == request and item.engine == self.engine), None)
        if request.photo != self.photo or found is not None:
            return None
        pixels = result.crop
        empty = np.zeros((1, 1, 3), np.uint8)
        facts = replace(lean(result), image=empty, crop=empty)
        self._drop_older(request)
        item = Item(request, self.keeper.keep(pixels), thumbnail(pixels), time.time(), result.identity_distance, person,
                    facts=facts, engine=self.engine)
        self.insert([(len(self.items), item)])
        self._forget_oldest()
        return item

    def judge(self, result: Any) -> None:
        """What was measured of a picture after it came in: how like the person it is, and what it shows of what was asked for."""
        item = next((item for item in self.everything if item.request == result.request and item.engine == self.engine), None)
        if item is not None and item.facts is not None:
            empty = item.facts.crop
            item.facts, item.distance = replace(lean(result), image=empty, crop=empty), result.identity_distance
            self._touched(item)

    def _drop_older(self, request: RenderRequest) -> None:
        """A picture of the same request that another engine made, unless it is pinned."""
        self.remove([item for item in self.items if item.request == request and not item.pinned])

    def insert(self, rows: Sequence[tuple[int, Item]]) -> None:
        """Put items at their rows, given in rising order."""
        for row, item in rows:
            row = min(row, len(self.items))
            self.beginInsertRows(QModelIndex(), row, row)
            self.items.insert(row, item)
            self.endInsertRows()
        if rows:
            self._trim()
            self.edited.emit()

    def remove(self, items: Iterable[Item]) -> list[tuple[int, Item]]:
        """Take items out; returns them with their rows, so that `insert` puts them back."""
        gone = set(items)
        rows = [(row, item) for row, item in enumerate(self.items) if item in gone]
        for row, _ in reversed(rows):
            self.beginRemoveRows(QModelIndex(), row, row)
            del self.items[row]
            self.endRemoveRows()
        if rows:
            self.edited.emit()
        return rows

    def load(self, snapshots: Sequence[Snapshot]) -> None:
        """Take the history of a project in place of those of the photos that it names."""
        self.beginResetModel()
        for photo in {one.request.photo for one in snapshots}:
            self._photos[photo] = []
        for one in snapshots:
            self._photos[one.request.photo].append(Item(
                one.request, self.keeper.keep_file(one), thumbnail(one.small), one.made, one.distance, one.person,
                one.pinned, one.name, engine=self.engine))
            self._trim()
        self.endResetModel()

    def _forget_oldest(self) -> None:
        loose = [item for item in self.items if not item.pinned]
        self.remove(loose[:max(0, len(loose) - MOST)])
        others = sorted((item for item in self.everything if not item.pinned), key=lambda item: item.made)
        gone = set(others[:max(0, len(others) - MOST_OF_ALL)])
        for photo in [photo for photo in self._photos if photo != self.photo] if gone else []:
            self._photos[photo] = [item for item in self._photos[photo] if item not in gone]

    def _trim(self) -> None:
        if self.keeper.in_memory > self.keeper.budget:
            self.keeper.trim({id(item.picture) for item in self.everything if item.pinned})

    # -- what the user changes

    def pin(self, items: Iterable[Item], on: bool) -> None:
        """Pin or loosen."""
        for item in items:
            item.pinned = on
            self._touched(item)

    def rename(self, item: Item, name: str) -> None:
        """Give a name; '' takes it away."""
        item.name = " ".join(name.split())[:80]
        self._touched(item)

    def _touched(self, item: Item) -> None:
        item.snapshot = None
        self.refresh(item)
        self.edited.emit()

    def show(self, request: RenderRequest | None) -> None:
        """Mark the item whose picture is that of the edit."""
        before, self.shown = self.find(self.shown), request
        for item in (before, self.find(request)):
            if item is not None:
                self.refresh(item)

    def refresh(self, item: Item) -> None:
        """It looks different."""
        if item in self.items:
            at = self.index(self.items.index(item))
            self.dataChanged.emit(at, at)

    # -- the model

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's own signature)
        """How many there are."""
        return 0 if parent.isValid() else len(self.items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Caption, tooltip, and the item itself."""
        if not index.isValid() or index.row() >= len(self.items):
            return None
        item = self.items[index.row()]
        if role == ITEM:
            return item
        if role == Qt.ItemDataRole.DisplayRole:
            return self.caption(item)
        if role == Qt.ItemDataRole.EditRole:
            return item.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(item)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(self._tip(item).split("\n")[:-1])
        return None

    def _tip(self, item: Item) -> str:
        lines = [item.name] if item.name else []
        lines += [self.words(item), when(item.made)]
        if item.distance is not None:
            lines[-1] += "  ·  " + tr("identity distance {number}", number=f"{item.distance:.2f}")
        marks = [tr("pinned")] if item.pinned else []
        marks += [tr("shown now")] if item.request == self.shown else []
        lines += [", ".join(marks).capitalize()] if marks else []
        return "\n".join([*lines, tr("Click to go back to it, Ctrl+click to choose several")])

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """A new name was typed."""
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        self.rename(self.items[index.row()], str(value))
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """All can be chosen, named and dragged away."""
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsEditable | flag.ItemIsDragEnabled if index.isValid() \
            else flag.NoItemFlags

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """What is dragged away."""
        return self.mime([self.items[index.row()] for index in sorted(indexes, key=lambda index: index.row())])

    def supportedDragActions(self) -> Qt.DropAction:
        """A copy of the picture."""
        return Qt.DropAction.CopyAction


def thumbnail(pixels: np.ndarray) -> bytes:
    """A picture (H, W, 3) uint8 brought down to THUMB pixels, as JPEG: 8 KiB, where its pixels had 60."""
    side = min(THUMB, *pixels.shape[:2])
    small = cv2.resize(np.ascontiguousarray(pixels), (side, side), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 93])
    return data.tobytes()


@lru_cache(maxsize=64)
def _decoded(small: bytes) -> QImage:
    return QImage.fromData(small).convertToFormat(QImage.Format.Format_RGB32)


def when(made: float) -> str:
    """The time of day; with the date where it was not today."""
    then = time.localtime(made)
    today = time.localtime()[:3] == then[:3]
    return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", then)
