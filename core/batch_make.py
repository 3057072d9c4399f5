"""Making the pictures of a batch, one by one: with an engine of its own in a worker of the command, or with the window's."""
from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.batch_plan import Task
from core.batch_record import FAILED, MADE, Row, row_of
from core.edit_arguments import CopyFrom
from core.edit_command import copied
from core.errors import Cancelled, ParameterError, PhotoError, UserError
from core.export import read_request
from core.export_picture import ExportOptions, write_result

if TYPE_CHECKING:
    from core.engine import Engine
    from core.session import Session

TRIES = 2


@dataclass(frozen=True)
class Settings:
    """What every worker needs: the engine's options, the file of a person, blocks to copy from other photos, how photos are
    opened, and how pictures are written."""

    prior: str | None = None
    person: str | None = None
    head: str | None = None
    estimator: str | None = None
    rasterizer: str = "numba"
    copies: tuple[CopyFrom, ...] = ()
    face: int | None = None
    aligned: bool = False
    options: ExportOptions = ExportOptions()


class Maker:
    """Makes pictures with one engine; the photo that was opened last stays open for its next rig.

    engine: one that is there already; None: one of its own. watch: what `Engine.render` takes (on_step, cancelled). picture: the
    crop that was made last.
    """

    def __init__(self, settings: Settings, engine: Engine | None = None, **watch: Any) -> None:
        """Raises AssetError when the model, the head or their files can't be used."""
        self.settings = settings
        if engine is None:
            from core.engine import Engine as Own  # loads torch

            engine = Own(prior=settings.prior, head=settings.head, estimator=settings.estimator, rasterizer=settings.rasterizer)
        self.engine = engine
        self.picture: Any = None
        self._watch = watch
        self._opened: tuple[Any, Session] | None = None
        if settings.person:
            self.engine.take_person(settings.person)

    def __call__(self, task: Task) -> Row:
        """Make and write one picture; what goes wrong is in the row. Raises Cancelled."""
        started = time.perf_counter()
        row = row_of(task, FAILED)
        for tries in range(1, TRIES + 1):
            try:
                made = replace(self._make(task, row), tries=tries)
                return replace(made, seconds=round(time.perf_counter() - started, 3))
            except Cancelled:
                raise
            except (PhotoError, ParameterError) as error:  # would be the same again
                return replace(row, reason=str(error), tries=tries)
            except UserError as error:
                row = replace(row, reason=str(error), tries=tries)
            except Exception as error:  # one odd photo must not end the batch
                row = replace(row, reason=f"something went wrong ({type(error).__name__}: {' '.join(str(error).split())})",
                              tries=tries)
            self._opened = None
        return replace(row, seconds=round(time.perf_counter() - started, 3))

    def _make(self, task: Task, row: Row) -> Row:
        """Make and write the picture; the row with what is known of it then."""
        if task.out.exists() and read_request(task.out) is None:
            raise UserError(f"There is another file {task.out.name} already. Choose another folder for --out, or take it away.")
        session = self._open(task)
        rig = copied(self.engine, task.rig.request.rig, self.settings.copies, self.settings.aligned)
        request = replace(task.rig.request, photo=session.digest, rig=rig, prior=self.engine.prior.digest)
        result = self.engine.render(request, **self._watch)
        self.picture = result.crop
        note = write_result(session.photo, result, task.out, self.settings.options, model=self.engine.prior.name)
        person = self.engine.person(request.person).name if request.person else ""
        return replace(row, status=MADE, identity_distance=result.identity_distance, person=person, note=note)

    def _open(self, task: Task) -> Session:
        """The photo of a task; opened again only for another photo."""
        photo = task.photo.container, task.photo.member
        if self._opened is None or self._opened[0] != photo:
            source = task.photo.read() if task.photo.member else Path(task.photo.container)
            self._opened = photo, self.engine.open(source, self.settings.face, aligned=self.settings.aligned)
        return self._opened[1]
