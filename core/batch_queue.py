"""The queue of the window: pictures to make one after another, of any number of batches, kept in a file against a crash.

What a picture is, how it is made, noted and reported is the batch's (`core.batch_plan`, `core.batch_make`, `core.batch_record`);
here is only their order and their state. No threads: whoever makes the pictures asks for the next one and says what became of it.
"""
from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core import paths
from core.batch_make import Settings
from core.batch_plan import NamedRig, Task
from core.batch_record import FAILED as ROW_FAILED
from core.batch_record import KEPT, LEFT, MADE, Journal, Row, row_of, write_report
from core.errors import ParameterError, UserError
from core.export_picture import ExportOptions
from core.files import atomic_write, read_file
from core.prepare_items import Item
from core.request import RenderRequest

log = logging.getLogger(__name__)

FORMAT = 1
WAITING, WORKING, DONE, FAILED, SKIPPED = "waiting", "working", "done", "failed", "skipped"
MOST = 20_000  # pictures in a queue
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Lot:
    """What the pictures of one batch share. face, aligned: how photos are opened. options: how pictures are written."""

    out: Path
    face: int | None = None
    aligned: bool = False
    options: ExportOptions = ExportOptions()

    @property
    def settings(self) -> Settings:
        """For `core.batch_make.Maker`."""
        return Settings(face=self.face, aligned=self.aligned, options=self.options)


@dataclass(eq=False)
class Entry:
    """One picture of the queue.

    state: WAITING, WORKING, DONE, FAILED or SKIPPED. prior: digest of the model that its key holds for. row: what became of it,
    None before. reason: why it failed or was skipped. step, steps: of its making.
    """

    task: Task
    lot: Lot
    prior: str
    state: str = WAITING
    row: Row | None = None
    reason: str = ""
    step: int = 0
    steps: int = 0

    def task_with(self, prior: str) -> Task:
        """The task, keyed for the model that makes it: a picture of another model counts as another one."""
        if prior == self.prior:
            return self.task
        return replace(self.task, key=hashlib.sha256(f"{self.task.key} {prior}".encode()).hexdigest()[:20])


@dataclass
class PictureQueue:
    """Entries in the order in which they are made. file: where it is kept; None: nowhere. told(entry): one has changed;
    told(None): the list has."""

    file: Path | None = None
    told: Callable[[Entry | None], object] = lambda entry: None
    entries: list[Entry] = field(default_factory=list)
    paused: bool = False
    _journals: dict[Path, Journal] = field(default_factory=dict, repr=False)

    # -- what there is

    def count(self, *states: str) -> int:
        """How many are in one of these states."""
        return sum(entry.state in states for entry in self.entries)

    @property
    def working(self) -> Entry | None:
        """The one that is being made."""
        return next((entry for entry in self.entries if entry.state == WORKING), None)

    @property
    def folders(self) -> list[Path]:
        """Where pictures go, the batch added last first."""
        return list(dict.fromkeys(entry.lot.out for entry in reversed(self.entries)))

    # -- changing it

    def add(self, tasks: Sequence[Task], lot: Lot, prior: str) -> list[Entry]:
        """Put pictures at the end; those that are there already, made of the same, are done at once. Returns the new entries.

        Raises ParameterError when there would be too many.
        """
        if len(self.entries) + len(tasks) > MOST:
            raise ParameterError(f"A queue holds at most {MOST:,} pictures. Take fewer photos or fewer edits.")
        again = {task.out for task in tasks}
        self.entries = [e for e in self.entries if e.task.out not in again or e.state == WORKING]
        there = {entry.task.out for entry in self.entries}
        new = [Entry(task, lot, prior) for task in tasks if task.out not in there]
        for entry in new:
            self._look_up(entry)
        self.entries += new
        self._changed(None)
        self._report({lot.out})
        return new

    def next(self) -> Entry | None:
        """The next one to make, now WORKING; None while one is being made, when it is paused, or nothing waits."""
        if self.paused or self.working is not None:
            return None
        entry = next((entry for entry in self.entries if entry.state == WAITING), None)
        if entry is not None:
            entry.state, entry.step, entry.steps, entry.reason = WORKING, 0, 0, ""
            self.told(entry)
        return entry

    def stepped(self, entry: Entry, step: int, steps: int) -> None:
        """How far it is."""
        entry.step, entry.steps = step, steps
        self.told(entry)

    def finished(self, entry: Entry, row: Row) -> None:
        """What became of the one that was being made."""
        entry.row, entry.reason = row, row.reason or row.note
        entry.state = DONE if row.status == MADE else FAILED
        if entry.state == DONE:
            try:
                self._journal(entry.lot.out).note(row)
            except OSError as error:
                log.warning("the journal in %s can't be written: %s", entry.lot.out, error)
        self._changed(entry)
        self._report({entry.lot.out})

    def failed(self, entry: Entry, reason: str) -> None:
        """It could not even be tried."""
        self.finished(entry, row_of(entry.task, ROW_FAILED, reason))

    def put_back(self, entry: Entry) -> None:
        """It was stopped in the middle and waits again."""
        if entry.state == WORKING:
            entry.state, entry.step = WAITING, 0
            self._changed(entry)

    def skip(self, entries: Iterable[Entry], reason: str = "") -> None:
        """Don't make these that wait or are being made."""
        for entry in entries:
            if entry.state in (WAITING, WORKING):
                entry.state, entry.reason = SKIPPED, reason
        self._changed(None)

    def retry(self, entries: Iterable[Entry]) -> None:
        """Make these that failed or were skipped, after all."""
        for entry in entries:
            if entry.state in (FAILED, SKIPPED):
                entry.state, entry.row, entry.reason = WAITING, None, ""
        self._changed(None)

    def remove(self, entries: Iterable[Entry]) -> None:
        """Take these off the list; files that are written stay, and what is being made goes on."""
        gone = {id(entry) for entry in entries if entry.state != WORKING}
        self.entries = [entry for entry in self.entries if id(entry) not in gone]
        self._changed(None)

    def move(self, entries: Iterable[Entry], by: int) -> None:
        """Earlier (by < 0) or later in the list, each past one neighbour; a large number is an end of the list."""
        chosen = {id(entry) for entry in entries}
        places = [i for i, entry in enumerate(self.entries) if id(entry) in chosen]
        if abs(by) > 1:
            rest = [entry for entry in self.entries if id(entry) not in chosen]
            taken = [self.entries[i] for i in places]
            self.entries = taken + rest if by < 0 else rest + taken
        else:
            for i in places if by < 0 else reversed(places):
                other = i + by
                if 0 <= other < len(self.entries) and id(self.entries[other]) not in chosen:
                    self.entries[i], self.entries[other] = self.entries[other], self.entries[i]
        self._changed(None)

    def pause(self, on: bool) -> None:
        """Begin no other picture, or go on."""
        self.paused = on
        self._changed(None)

    def _changed(self, entry: Entry | None) -> None:
        self.save()
        self.told(entry)

    # -- files

    def _journal(self, out: Path) -> Journal:
        return self._journals.setdefault(out, Journal(out))

    def _look_up(self, entry: Entry) -> None:
        row = self._journal(entry.lot.out).done(entry.task)
        if row is not None:
            entry.state, entry.row = DONE, replace(row, status=KEPT)

    def _report(self, folders: set[Path]) -> None:
        """The report of each folder, of all entries that go there. One that can't be written is logged: the pictures count."""
        for out in folders:
            rows = [entry.row or row_of(entry.task, LEFT, entry.reason) for entry in self.entries if entry.lot.out == out]
            try:
                if rows:
                    write_report(rows, out)
            except OSError as error:
                log.warning("%s", error)

    def save(self) -> None:
        """Write the list. A folder that can't be written is logged and otherwise ignored."""
        if self.file is None:
            return
        try:
            atomic_write(self.file, json.dumps(self._to_json()).encode(), make_folder=True)
        except OSError as error:
            log.warning("the queue can't be written: %s", error)

    def load(self) -> int:
        """Read what was left; returns how many wait. What was being made waits again, what is there is done."""
        if self.file is None:
            return 0
        try:
            if not self.file.exists():
                return 0
            plain = json.loads(read_file(self.file, _MOST_BYTES).decode("utf-8"))
            self.entries = _entries_of(plain)
            self.paused = bool(plain.get("paused", False))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError,
                UserError) as error:
            log.warning("the queue in %s can't be read (%s): it starts empty", self.file, error)
            _put_aside(self.file)
            return 0
        for entry in self.entries:
            if entry.state in (WAITING, DONE):
                entry.state = WAITING if entry.state == WAITING or not entry.task.out.is_file() else DONE
                self._look_up(entry)
        self.told(None)
        return self.count(WAITING)

    def _to_json(self) -> dict[str, Any]:
        """Lots and rigs are written once, and named by their place."""
        lots = list(dict.fromkeys(entry.lot for entry in self.entries))
        rigs = list({id(entry.task.rig): entry.task.rig for entry in self.entries}.values())
        lot_at, rig_at = {lot: i for i, lot in enumerate(lots)}, {id(rig): i for i, rig in enumerate(rigs)}
        return {
            "format": FORMAT, "paused": self.paused,
            "lots": [{"out": str(lot.out), "face": lot.face, "aligned": lot.aligned, "options": asdict(lot.options)}
                     for lot in lots],
            "rigs": [{"name": rig.name, "request": rig.request.to_json()} for rig in rigs],
            "entries": [{"photo": asdict(e.task.photo), "out": e.task.out.name, "key": e.task.key, "rig": rig_at[id(e.task.rig)],
                         "lot": lot_at[e.lot], "prior": e.prior, "state": WAITING if e.state == WORKING else e.state,
                         "reason": e.reason, "row": asdict(e.row) if e.row is not None else None} for e in self.entries],
        }


def queue_file() -> Path:
    """Where the window keeps its queue."""
    return paths.data_dir() / "queue.json"


def _entries_of(plain: dict[str, Any]) -> list[Entry]:
    """Raises one of many errors for a damaged list."""
    if plain["format"] != FORMAT:
        raise ValueError("it is of another version of the program")
    lots = [Lot(Path(lot["out"]), lot["face"], bool(lot["aligned"]), ExportOptions(**lot["options"])) for lot in plain["lots"]]
    rigs = [NamedRig(str(rig["name"]), RenderRequest.from_json(rig["request"])) for rig in plain["rigs"]]
    entries = []
    for row in plain["entries"]:
        lot = lots[row["lot"]]
        task = Task(Item(**row["photo"]), rigs[row["rig"]], lot.out / Path(row["out"]).name, str(row["key"]))
        state = row["state"] if row["state"] in (WAITING, DONE, FAILED, SKIPPED) else WAITING
        entries.append(Entry(task, lot, str(row["prior"]), state, Row(**row["row"]) if row["row"] else None, str(row["reason"])))
    return entries


def _put_aside(file: Path) -> None:
    try:
        os.replace(file, file.with_name(f"{file.stem}.bad{file.suffix}"))
    except OSError as error:
        log.warning("%s can't be put aside: %s", file, error)
