"""What stands in a grid of swapped or mixed photos, place by place, and how it comes about in the engine's thread. No widgets."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.language import tr
from core.errors import Cancelled
from core.swap import DEFAULT_TITLE, Look, rendering, request_for
from core.swap_mix import CORNER


@dataclass(frozen=True)
class Who:
    """Somebody who paints. file: the person's; None: nobody, the model as it is. digest: '' for nobody."""

    name: str = field(default_factory=lambda: tr(DEFAULT_TITLE))
    file: Path | None = None
    digest: str = ""


@dataclass(eq=False)
class Opened:
    """A photo of the grid; what is None is not there yet. engine: who opened it. problem: why it can't be used."""

    path: Path
    face: int | None = None
    session: Any = None
    engine: Any = None
    crop: np.ndarray | None = None
    buffers: np.ndarray | None = None
    problem: str = ""


@dataclass(frozen=True)
class Place:
    """One place of the grid. kind: 'photo', 'buffers', 'cell', 'words' or ''. name: what it shows, in words.

    who, code, amount, look: of a cell: who paints, whose global code takes the place of the photo's (None: no other's), and how.
    """

    kind: str = ""
    name: str = ""
    photo: Opened | None = None
    who: Who = Who()
    code: Opened | None = None
    amount: float = 1.0
    look: Look = Look()


@dataclass(frozen=True, eq=False)
class Made:
    """A finished cell: its picture (N, N, 3) uint8 and the request that made it."""

    picture: np.ndarray
    request: Any


@dataclass(frozen=True)
class Grid:
    """Names over columns, what stands under the first place of each row, and the places."""

    columns: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    rows: tuple[tuple[Place, ...], ...] = ()
    cells: tuple[Place, ...] = field(default=())  # in the order they are made


def swap_grid(photos: Sequence[Opened], people: Sequence[Who], look: Look) -> Grid:
    """A row for each photo, a column for each person (the paper's figure 6)."""
    cell = partial(Place, "cell", look=look)
    rows = tuple((*_heads(photo), *(cell(f"{who.name}, {photo.path.name}", photo, who) for who in people)) for photo in photos)
    made = tuple(row[2 + i] for i in range(len(people)) for row in rows)  # an engine keeps few people ready
    return Grid((tr("Photo"), tr("Buffers"), *(who.name for who in people)),
                tuple(photo.path.name for photo in photos), rows, made)


def mix_grid(photos: Sequence[Opened], who: Who, look: Look, amount: float) -> Grid:
    """The buffers of each photo, down, with the global code of each, across (the paper's figure 5)."""
    if not photos:
        return Grid()
    look = replace(look, shape="person")
    above = (Place("words", CORNER), Place(),
             *(Place("photo", tr("Photo {name}", name=photo.path.name), photo) for photo in photos))
    rows = tuple((*_heads(photo), *(_mixed(photo, code, who, look, amount) for code in photos)) for photo in photos)
    names = tuple(photo.path.name for photo in photos)
    return Grid(("", "", *names), ("", *names), (above, *rows), tuple(place for row in rows for place in row[2:]))


def _mixed(photo: Opened, code: Opened, who: Who, look: Look, amount: float) -> Place:
    """A cell of a mix; a photo's own code is the same at every amount."""
    name = tr("Buffers of {photo}, code of {other}", photo=photo.path.name, other=code.path.name)
    return Place("cell", name, photo, who, code, amount if code is not photo else 1.0, look)


def _heads(photo: Opened) -> tuple[Place, Place]:
    name = photo.path.name
    return (Place("photo", tr("Photo {name}", name=name), photo),
            Place("buffers", tr("Buffers of {name}", name=name), photo))


def open_photo(path: Path, face: int | None, engine: Any, _report: Callable[[Any], None]) -> dict[str, Any]:
    """In the engine's thread: the fields of `Opened` that are missing."""
    session = engine.open(path, face)
    return {"session": session, "engine": engine, "crop": session.photo.crop(engine.prior.size),
            "buffers": rendering(engine, session)}


def paint(place: Place, photo: Opened, engine: Any, report: Callable[[Any], None]) -> Made:
    """In the engine's thread: the picture of a cell. Raises Cancelled between two steps, and where the engine is another one."""
    if engine is not photo.engine:
        raise Cancelled
    person = engine.take_person(place.who.file) if place.who.file is not None else None
    code = place.code.session if place.code is not None else None
    request = request_for(engine, photo.session, place.look, person, code, place.amount)
    return Made(engine.render(request, on_step=lambda *_: report(None), measure=False).crop, request)
