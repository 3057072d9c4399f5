"""What may be compared: the original, the live picture, and pictures of the history. No widgets."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.history.shelf import Item, Shelf
from app.history.words import in_words
from app.language import tr
from core.difference import Difference, difference

ORIGINAL, LIVE, ITEM = "original", "live", "item"
LETTERS = "ABCD"
_WHERE = (("at the upper left", "at the top", "at the upper right"), ("at the left", "in the middle", "at the right"),
          ("at the lower left", "at the bottom", "at the lower right"))


@dataclass(frozen=True)
class Source:
    """One thing to look at. kind: ORIGINAL, LIVE or ITEM. item: that of the history."""

    kind: str = ORIGINAL
    item: Item | None = None


@dataclass(frozen=True, eq=False)
class Live:
    """The live picture. crop: (S, S, 3) uint8, None where nothing has been made yet; plain: without the photo's detail."""

    crop: np.ndarray | None = None
    plain: bool = False


class Slots(QObject):
    """Four places, A to D, and what each holds. changed(i): the picture of a place is another (-1: of all)."""

    changed = Signal(int)

    def __init__(self, shelf: Shelf, document: Any, photo: Callable[[], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shelf, self._document, self._photo = shelf, document, photo
        self.sources: list[Source] = [Source(), Source(LIVE), Source(), Source(LIVE)]
        self._live = Live()
        self._pixels: dict[int, np.ndarray] = {}
        self._difference: Difference | None = None

    # -- choosing

    def begin(self, items: list[Item]) -> int:
        """Fill the places for a comparison of these items; returns how many are in use, 2 or 4.

        One item stands beside the live picture; without any the newest pinned one, else the original does.
        """
        newest = [Source(ITEM, item) for item in reversed(self._shelf.items)]
        if len(items) >= 2:
            chosen, more = [Source(ITEM, item) for item in items[:4]], [Source(LIVE), Source(), *newest]
        else:
            pinned = [item for item in self._shelf.items if item.pinned]
            first = items[0] if items else pinned[-1] if pinned else None
            chosen = [Source(ITEM, first) if first is not None else Source(), Source(LIVE)]
            more = [Source(), *(one for one in newest if one.item is not None and one.item.request != self._shelf.shown)]
        chosen += [one for one in dict.fromkeys(more) if one not in chosen]
        self.sources = (chosen + [Source()] * 2)[:4]
        self._all_new()
        return 2 if len(items) <= 2 else 4

    def put(self, place: int, source: Source) -> None:
        """Look at something else in a place."""
        if self.sources[place] != source:
            self.sources[place] = source
            self._forget(place)

    def swap(self) -> None:
        """A becomes B and B becomes A."""
        self.sources[0], self.sources[1] = self.sources[1], self.sources[0]
        self._all_new()

    def set_live(self, live: Live) -> None:
        """Another live picture."""
        self._live = live
        for place, source in enumerate(self.sources):
            if source.kind == LIVE:
                self._forget(place)

    def shelf_edited(self) -> None:
        """Items may be gone: their places show the original."""
        for place, source in enumerate(self.sources):
            if source.item is not None and source.item not in self._shelf.items:
                self.put(place, Source())
        self.changed.emit(-1)

    def _forget(self, place: int) -> None:
        self._pixels.pop(place, None)
        self._difference = None
        self.changed.emit(place)

    def _all_new(self) -> None:
        self._pixels.clear()
        self._difference = None
        self.changed.emit(-1)

    # -- what is there

    def choices(self) -> list[Source]:
        """All that can be chosen: the original, the live picture, pinned pictures and then the newest of the others."""
        items = list(reversed(self._shelf.items))
        ordered = [item for item in items if item.pinned] + [item for item in items if not item.pinned][:24]
        return [Source(), Source(LIVE), *(Source(ITEM, item) for item in ordered)]

    def pixels(self, place: int) -> np.ndarray | None:
        """What a place shows, (N, N, 3) uint8; None where there is no photo or the picture is gone."""
        if place not in self._pixels:
            found = self._look(self.sources[place])
            if found is None:
                return None
            self._pixels[place] = found
        return self._pixels[place]

    def _look(self, source: Source) -> np.ndarray | None:
        photo = self._photo()
        if photo is None:
            return None
        if source.kind == LIVE:
            return photo.pixels(self._live.crop, self._live.plain)  # type: ignore[no-any-return]
        if source.item is None:
            return photo.pixels(None)  # type: ignore[no-any-return]
        crop = source.item.picture.pixels()
        plain = source.item.request.method == "paper"
        return None if crop is None else photo.pixels(crop, plain)

    @property
    def difference(self) -> Difference | None:
        """Between A and B."""
        if self._difference is None:
            a, b = self.pixels(0), self.pixels(1)
            self._difference = difference(a, b) if a is not None and b is not None else None
        return self._difference

    def name(self, source: Source) -> str:
        """What it is called."""
        if source.item is not None:
            return self._shelf.caption(source.item)
        return tr("Live picture") if source.kind == LIVE else tr("Original")

    def words(self, source: Source) -> str:
        """What it changes of the photo, in full."""
        if source.kind == ORIGINAL or self._document.session is None:
            return tr("The photo as it is")
        if source.item is not None:
            return in_words(source.item.request, self._shelf.table(), source.item.person)
        return in_words(self._document.request("settled"), self._shelf.table(), self._document.person)

    def distance(self, source: Source) -> float | None:
        """The identity distance of a picture of the history."""
        return source.item.distance if source.item is not None else None


def in_plain_words(found: Difference) -> str:
    """How much two pictures differ, as a sentence."""
    if found.largest == 0:
        return tr("The pictures are the same, bit for bit.")
    across, down = (0 if share < 0.4 else 2 if share > 0.6 else 1 for share in found.at)
    where = tr(_WHERE[down][across])
    share = f"{100 * found.seen:.0f} %" if found.seen >= 0.01 or found.seen == 0 else tr("less than 1 %")
    if found.seen == 0:
        return tr("Nothing to see: {mean} of 255 levels on average, {most} at most.", mean=f"{found.mean:.2f}",
                  most=f"{found.largest:.0f}")
    return tr("{share} of the pixels differ visibly. {mean} of 255 levels on average, {most} at most, {where}.", share=share,
              mean=f"{found.mean:.1f}", most=f"{found.largest:.0f}", where=where)
