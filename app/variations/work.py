"""Which pictures a grid of variations holds, and how they come about in the engine's thread. No widgets."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject

from app.grid_work import GridWork, Running
from app.history.words import parameter_name
from app.jobs import EngineJob
from app.live import lean
from app.worker import WorkerThread
from core.export import save_image
from core.grids import draw_grid
from core.people.header import About
from core.request import RenderRequest
from core.rig import Parameter
from core.variations import Axis, in_rows, plan, row_of, said_of, sheet_note, sheet_of, value_words

KEPT = 200 << 20  # bytes of pictures; a face crop has 0.2 to 3 MiB


@dataclass(frozen=True)
class Place:
    """One place of the grid: a request and its words, or nothing."""

    kind: str = ""
    name: str = ""
    request: RenderRequest | None = None


@dataclass(frozen=True)
class Grid:
    """See `app.grid_work.Shown`."""

    columns: tuple[str, ...] = ()
    captions: tuple[str | tuple[str, ...], ...] = ()
    rows: tuple[tuple[Place, ...], ...] = ()
    cells: tuple[Place, ...] = ()


class VariationWork(GridWork):
    """The grid of one edit over one or two axes.

    base: the settled request that is varied; person: whose model it names. table: the parameters of the head.
    """

    def __init__(self, worker: WorkerThread, parent: QObject | None = None) -> None:
        super().__init__(worker, parent)
        self.grid: Grid = Grid()
        self.base: RenderRequest | None = None
        self.person: About | None = None
        self.axes: tuple[Axis, ...] = ()
        self.table: Mapping[str, Parameter] = {}
        self.shown: RenderRequest | None = None
        self._made: OrderedDict[RenderRequest, Any] = OrderedDict()
        self._problems: dict[RenderRequest, str] = {}

    def begin(self, base: RenderRequest | None, person: About | None, table: Mapping[str, Parameter]) -> None:
        """Vary another edit; None: none."""
        if base is None or self.base is None or base.photo != self.base.photo or base.prior != self.base.prior:
            self._made.clear()
        self.base, self.person, self.table = base, person, table
        self._plan()

    def set_axes(self, axes: Sequence[Axis]) -> None:
        """Vary something else; none: nothing is made."""
        if tuple(axes) != self.axes:
            self.axes = tuple(axes)
            self._plan()

    def show(self, request: RenderRequest | None) -> None:
        """Mark the place whose picture the edit in the window is."""
        if request != self.shown:
            before, self.shown = self.shown, request
            for place in self.grid.cells:
                if place.request in (before, request):
                    self.place_changed.emit(place)

    def go_on(self) -> None:
        """Make what is missing, and try again what failed."""
        self.stopped = False
        self._problems.clear()
        self._next()

    def _plan(self) -> None:
        before = self.grid
        self.grid = self._laid_out()
        wanted = {place.request for place in self.grid.cells}
        if self._running is not None and self._running.place.request not in wanted:
            self._cancel()
        if self.grid != before:
            self._run = object()
            self._problems = {request: text for request, text in self._problems.items() if request in wanted}
            self.changed.emit()
        self._next()

    def _laid_out(self) -> Grid:
        if self.base is None or not self.axes:
            return Grid()
        words = [tuple(f"{parameter_name(axis.name)} {value_words(value, row_of(axis.name, self.table).unit)}"
                       for value in axis.values) for axis in self.axes]
        requests = plan(self.base, *self.axes)
        if len(self.axes) > 1:
            rows = tuple(tuple(Place("cell", f"{words[0][j]}, {words[1][i]}", one) for j, one in enumerate(row))
                         for i, row in enumerate(requests))
            return Grid(words[0], words[1], rows, tuple(place for row in rows for place in row))
        cells = tuple(Place("cell", name, one) for name, one in zip(words[0], requests[0], strict=True))
        wide = in_rows(len(cells))
        chunks = [cells[i:i + wide] for i in range(0, len(cells), wide)]
        rows = tuple(chunk + (Place(),) * (wide - len(chunk)) for chunk in chunks)
        return Grid(("",) * wide, tuple(tuple(place.name for place in chunk) for chunk in chunks), rows, cells)

    # -- what there is

    def result(self, place: Place) -> Any | None:
        """The settled result of a place; None where there is none yet."""
        return self._made.get(place.request) if place.request is not None else None

    def picture(self, place: Place) -> np.ndarray | None:
        """Its face crop (S, S, 3) uint8."""
        result = self.result(place)
        return result.crop if result is not None else None

    def problem(self, place: Place) -> str:
        """Why a place stays empty."""
        return self._problems.get(place.request, "") if place.request is not None else ""

    def is_chosen(self, place: Place) -> bool:
        """Whether the edit in the window is this one."""
        return place.request is not None and place.request == self.shown

    # -- making it

    def _wanted(self) -> Running | None:
        place = next((p for p in self.grid.cells if p.request not in self._made and not self.problem(p)), None)
        if place is None or place.request is None:
            return None
        return Running(EngineJob(partial(_paint, place.request), f"making {place.name}"), place)

    def _took(self, running: Running, result: Any) -> None:
        self._made[result.request] = lean(result)
        self._made.move_to_end(result.request)
        needed = {place.request for place in self.grid.cells}
        total = sum(made.crop.nbytes for made in self._made.values())
        for request in [request for request in self._made if request not in needed]:
            if total <= KEPT:
                break
            total -= self._made.pop(request).crop.nbytes

    def _missed(self, running: Running, message: str) -> None:
        self._problems[running.place.request] = message

    # -- its file

    def save(self, path: Path, photo: str) -> None:
        """Write the grid as it is now as one picture."""
        if self.base is None or not self.axes:
            return
        pictures = iter([self.picture(place) for place in self.grid.cells])
        made = [[next(pictures) for _ in row] for row in plan(self.base, *self.axes)]
        names = [parameter_name(axis.name) for axis in self.axes]
        axes, table, base = self.axes, self.table, self.base

        def write(_engine: Any, _report: Callable[[Any], None]) -> Path:
            sheet = draw_grid(*sheet_of(axes, made, table, names), note=sheet_note(axes, table, photo))
            return save_image(sheet, path, request_json=said_of(base, axes))
        self._put(EngineJob(write, f"writing {path.name}"), self.saved.emit)


def _paint(request: RenderRequest, engine: Any, report: Callable[[Any], None]) -> Any:
    """In the engine's thread: the settled result of a request. Raises Cancelled between two steps."""
    return engine.render(request, on_step=lambda *_: report(None))
