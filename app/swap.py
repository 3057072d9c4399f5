"""Swap and mix as the window sees it: photos, people, and the pictures of their grid, made one by one in the engine's thread.

A picture that was made once is kept as long as the grid may need it again: a person taken out and put back costs nothing.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.grid_work import GridWork, Running
from app.jobs import EngineJob
from app.language import tr
from app.swap_places import Grid, Made, Opened, Place, Who, mix_grid, open_photo, paint, swap_grid
from app.worker import WorkerThread
from core.export import save_image
from core.grids import Cell, draw_grid
from core.people.names import slug
from core.people.shelf import Entry, listed
from core.swap import Look

SWAP, MIX = "swap", "mix"
KEPT = 300  # pictures; one of 600 pixels is a MiB


class SwapWork(GridWork):
    """The grid of people and photos. people_changed: `known` is another."""

    people_changed = Signal()

    def __init__(self, worker: WorkerThread, parent: QObject | None = None) -> None:
        super().__init__(worker, parent)
        self.mode = SWAP
        self.look = Look()
        self.amount = 1.0
        self.photos: list[Opened] = []
        self.people: list[Who] = [Who()]
        self.person = Who()  # who paints a mix
        self.known: list[Entry] = []
        self.looked = False  # whether it is known who is there
        self.grid = Grid()
        self._made: OrderedDict[Place, Made] = OrderedDict()
        self._problems: dict[Place, str] = {}
        worker.worker.switched.connect(self._engine_switched)

    # -- what to show

    def set_mode(self, mode: str) -> None:
        """SWAP: people and photos; MIX: the buffers of each photo with the code of each."""
        self.mode = mode
        self._plan()

    def set_people(self, people: list[Who]) -> None:
        """Who paints, one a column of a swap."""
        self.people = people
        self._plan()

    def set_person(self, who: Who) -> None:
        """Who paints all of a mix."""
        self.person = who
        self._plan()

    def set_look(self, **changes: Any) -> None:
        """Change how the pictures are made; the names are those of `Look`."""
        self.look = replace(self.look, **changes)
        self._plan()

    def set_amount(self, amount: float) -> None:
        """How far the codes of a mix go from a photo's own (0) to the other's (1)."""
        self.amount = amount
        self._plan()

    def add_photos(self, paths: list[Path], face: int | None = None) -> None:
        """Put photos into the grid; those that are there already are passed over."""
        there = {(photo.path, photo.face) for photo in self.photos}
        self.photos += [Opened(path, face) for path in dict.fromkeys(paths) if (path, face) not in there]
        self._plan()

    def remove_photo(self, photo: Opened) -> None:
        """Take a photo out."""
        self.photos = [one for one in self.photos if one is not photo]
        self._plan()

    def look_for_people(self) -> None:
        """Read the shelf of people anew."""
        self._put(EngineJob(lambda _engine, _report: listed(), tr("looking for people")), self._people_found)

    # -- what there is

    def picture(self, place: Place) -> np.ndarray | None:
        """The picture of a place (N, N, 3) uint8; None where there is none (yet)."""
        if place.kind == "cell":
            made = self._made.get(place)
            return made.picture if made else None
        photo = place.photo
        return None if photo is None else photo.crop if place.kind == "photo" else photo.buffers

    def problem(self, place: Place) -> str:
        """Why a place stays empty; '' where nothing speaks against it."""
        photos = [photo for photo in (place.photo, place.code) if photo is not None]
        return next((photo.problem for photo in photos if photo.problem), "") or self._problems.get(place, "")

    def is_running(self, place: Place) -> bool:
        """Whether it is being made now."""
        running = self._running
        return super().is_running(place) or (running is not None and running.photo is not None and running.photo is place.photo
                                             and place.kind == "photo")

    # -- making it

    def go_on(self) -> None:
        """Make what is missing, and try again what failed."""
        self.stopped = False
        self._problems.clear()
        for photo in self.photos:
            photo.problem = ""
        self._plan()

    def _plan(self) -> None:
        before = self.grid
        self.grid = (swap_grid(self.photos, self.people, self.look) if self.mode == SWAP
                     else mix_grid(self.photos, self.person, self.look, self.amount))
        running = self._running
        if running is not None and (running.place is not None and running.place not in self.grid.cells
                                    or running.photo is not None and running.photo not in self.photos):
            self._worker.inbox.cancel_work(running.job)
        if self.grid != before:
            self._run = object()
            self._problems = {place: text for place, text in self._problems.items() if place in self.grid.cells}
            self.changed.emit()
        self._next()

    def _wanted(self) -> Running | None:
        return self._next_photo() or self._next_cell()

    def _next_photo(self) -> Running | None:
        photo = next((p for p in self.photos if p.session is None and not p.problem), None)
        if photo is None:
            return None
        return Running(EngineJob(partial(open_photo, photo.path, photo.face), f"opening {photo.path.name}"), photo=photo)

    def _next_cell(self) -> Running | None:
        place = next((p for p in self.grid.cells if p not in self._made and not self.problem(p)), None)
        if place is None or place.photo is None:
            return None
        return Running(EngineJob(partial(paint, place, place.photo), f"making {place.name}"), place=place)

    def _tell(self, running: Running) -> None:
        super()._tell(running)
        for place in self._places() if running.photo is not None else ():
            if running.photo in (place.photo, place.code):
                self.place_changed.emit(place)

    def _places(self) -> Iterator[Place]:
        return (place for row in self.grid.rows for place in row)

    # -- what came of it

    def _took(self, running: Running, result: Any) -> None:
        if running.photo is not None:
            vars(running.photo).update(result)
        elif running.place is not None:
            self._made[running.place] = result
            self._forget_some()

    def _missed(self, running: Running, message: str) -> None:
        if running.photo is not None:
            running.photo.problem = message
        elif running.place is not None:
            self._problems[running.place] = message

    def _engine_switched(self, *_: Any) -> None:
        """Nothing that the other engine made can be used with this one."""
        self._made.clear()
        self._problems.clear()
        for photo in self.photos:
            vars(photo).update(vars(Opened(photo.path, photo.face)))
        self.changed.emit()
        self.look_for_people()
        self._next()

    def _forget_some(self) -> None:
        needed = set(self.grid.cells)
        for place in [p for p in self._made if p not in needed][:max(0, len(self._made) - KEPT)]:
            del self._made[place]

    def _people_found(self, entries: list[Entry]) -> None:
        if entries != self.known or not self.looked:
            self.known, self.looked = entries, True
            self.people_changed.emit()

    # -- files

    def save_grid(self, path: Path) -> None:
        """Write the grid as it is now as one picture."""
        cells: list[list[Cell]] = [[place.name if place.kind == "words" else self.picture(place) for place in row]
                                   for row in self.grid.rows]
        captions = [[str(name)] for name in self.grid.captions]
        people = any(place.who.file for place in self.grid.cells)
        about = (tr("Physical buffers and global code of each photo, painted by each person's model.") if self.mode == SWAP else
                 tr("Physical buffers of one photo with the global code of another, {percent} % of the way.",
                    percent=round(100 * self.amount)))
        said = {"grid": self.mode, "columns": list(self.grid.columns), "rows": list(self.grid.captions), "blend": self.amount,
                "look": asdict(self.look)}

        def write(_engine: Any, _report: Any) -> Path:
            sheet = draw_grid(self.grid.columns, captions, cells, note=f"{about} {self.look.words(people)}")
            return save_image(sheet, path, request_json=said)
        self._put(EngineJob(write, tr("writing {name}", name=path.name)), self.saved.emit)

    def save_cell(self, place: Place, path: Path) -> None:
        """Write the picture of a cell, with the request that made it."""
        made = self._made.get(place)
        if made is not None and place.photo is not None:
            source = getattr(place.photo.session.photo, "image", None) if place.photo.session is not None else None
            self._put(EngineJob(lambda _engine, _report: save_image(made.picture, path, source=source,
                                                                  request_json=made.request.to_json()),
                              tr("writing {name}", name=path.name)), self.saved.emit)

    def file_name(self, place: Place | None) -> str:
        """What to call the file of a cell; None: of the grid."""
        if place is None or place.photo is None:
            return "people.png" if self.mode == SWAP else "mix.png"
        other = slug(place.who.name) if self.mode == SWAP else (place.code or place.photo).path.stem
        return f"{place.photo.path.stem}__{other}.png"
