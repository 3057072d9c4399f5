"""`main.py batch`: one rig over many photos, many rigs over one photo, or both.

Every picture is written at once under its final name and noted in a journal beside it, so a batch that was stopped or killed
goes on where it was. A photo that fails is tried once more and then reported; the others go on.
"""
from __future__ import annotations

import argparse
import csv
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import cluster as workplace
from core.batch_plan import Task, plan, rigs_of
from core.cli import DEFECT, INTERRUPTED, OK
from core.edit_command import CopyFrom, add_edit_arguments, copied, draft, parse_values, prior_given
from core.errors import ParameterError, PhotoError, UserError
from core.export import SUFFIXES, read_request, save_image
from core.files import atomic_write
from core.people.shelf import find_person

if TYPE_CHECKING:
    from core.engine import Engine
    from core.session import Session

JOURNAL, REPORT_JSON, REPORT_CSV = ".batch.jsonl", "report.json", "report.csv"
MADE, KEPT, FAILED, LEFT = "made", "kept", "failed", "not begun"
TRIES = 2
_LOCAL_THREADS = 2  # of the network on a processor, so fewer workers than processors are the fastest


@dataclass(frozen=True)
class Row:
    """What became of one picture. status: made now, kept from before, failed, or not begun. seconds, identity_distance: of its
    making; None where there is none. person: whose model made it; '' for the prior itself."""

    photo: str
    rig: str
    output: str
    status: str
    reason: str = ""
    seconds: float | None = None
    identity_distance: float | None = None
    tries: int = 0
    person: str = ""
    key: str = ""


@dataclass(frozen=True)
class Settings:
    """What every worker needs: the engine's options, the file of a person, blocks to copy from other photos, and how photos are
    opened."""

    prior: str | None
    person: str | None
    head: str | None
    estimator: str | None
    rasterizer: str
    copies: tuple[CopyFrom, ...]
    face: int | None
    aligned: bool


# -- workers ----------------------------------------------------------------------------------------------------------------


class Maker:
    """Makes pictures with one engine; the photo that was opened last stays open for its next rig."""

    def __init__(self, settings: Settings) -> None:
        """Raises AssetError when the model, the head or their files can't be used."""
        from core.engine import Engine

        self.settings = settings
        self.engine: Engine = Engine(prior=settings.prior, head=settings.head, estimator=settings.estimator,
                                     rasterizer=settings.rasterizer)
        self._opened: tuple[Any, Session] | None = None
        if settings.person:
            self.engine.take_person(settings.person)

    def __call__(self, task: Task) -> Row:
        started = time.perf_counter()
        row = Row(task.shown, task.rig.name, task.out.name, FAILED, key=task.key)
        for tries in range(1, TRIES + 1):
            try:
                made = replace(self._make(task, row), tries=tries)
                return replace(made, seconds=round(time.perf_counter() - started, 3))
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
        result = self.engine.render(request)
        save_image(result.image, task.out, source=session.photo.image, request_json=request.to_json())
        person = self.engine.person(request.person).name if request.person else ""
        return replace(row, status=MADE, identity_distance=result.identity_distance, person=person)

    def _open(self, task: Task) -> Session:
        """The photo of a task; opened again only for another photo."""
        photo = task.photo.container, task.photo.member
        if self._opened is None or self._opened[0] != photo:
            source = task.photo.read() if task.photo.member else Path(task.photo.container)
            self._opened = photo, self.engine.open(source, self.settings.face, aligned=self.settings.aligned)
        return self._opened[1]


# -- the whole --------------------------------------------------------------------------------------------------------------


def batch(tasks: Sequence[Task], settings: Settings, out: Path, workers: int | None = None, cluster: str | None = None,
          say: Callable[[str], object] = print, stop: Callable[[], bool] = lambda: False) -> list[Row]:
    """Make what is missing, note it, and write the report; returns a row for every task, in their order.

    workers, cluster, stop: see `core.cluster.spread`. Raises UserError when nothing can be made at all.
    """
    journal = _Journal(out)
    rows = {task.out.name: replace(done, status=KEPT) for task in tasks if (done := journal.done(task))}
    missing = [task for task in tasks if task.out.name not in rows]
    say(f"{len(tasks)} pictures, {len(rows)} of them there; {len(missing)} to make")
    write_report(_in_order(tasks, rows), out)  # a folder that can't be written is found out before the work
    started = time.monotonic()
    try:
        with closing(workplace.spread(Maker, (settings,), missing, workers or _default_workers(cluster), cluster, stop)) as found:
            for count, (task, result) in enumerate(found, 1):
                row = result if isinstance(result, Row) else Row(
                    task.shown, task.rig.name, task.out.name, FAILED, result.reason, tries=workplace.ATTEMPTS, key=task.key)
                rows[row.output] = row
                journal.note(row)
                left = (time.monotonic() - started) / count * (len(missing) - count)
                say(f"{count}/{len(missing)} {row.output}: {_told(row)}, about {workplace.span(left)} left")
    finally:
        write_report(_in_order(tasks, rows), out)
    return _in_order(tasks, rows)


def _in_order(tasks: Sequence[Task], rows: Mapping[str, Row]) -> list[Row]:
    return [rows.get(task.out.name, Row(task.shown, task.rig.name, task.out.name, LEFT, key=task.key)) for task in tasks]


def _told(row: Row) -> str:
    if row.status == FAILED:
        return f"failed: {row.reason}"
    return f"{row.seconds:.1f} s" + (f", identity {row.identity_distance:.2f}" if row.identity_distance is not None else "")


def _default_workers(cluster: str | None) -> int | None:
    return None if cluster else max(1, min((os.cpu_count() or 1) // _LOCAL_THREADS, 4))


class _Journal:
    """A line for every picture that was finished. A line that was cut short by a kill is as if it were not there."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / JOURNAL
        self._rows: dict[str, Row] = {}
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except OSError:
            lines = []
        for line in lines:
            try:
                row = Row(**json.loads(line))
                self._rows[row.output] = row
            except (ValueError, TypeError):
                continue

    def done(self, task: Task) -> Row | None:
        """The row of a picture that is there and was made of the same."""
        row = self._rows.get(task.out.name)
        return row if row and row.status == MADE and row.key == task.key and task.out.is_file() else None

    def note(self, row: Row) -> None:
        """Append a row. Raises OSError."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write("\n" * (file.tell() > 0) + json.dumps(asdict(row)))  # the break first: what was cut short stays apart
            file.flush()
            os.fsync(file.fileno())


def write_report(rows: Sequence[Row], out: Path) -> None:
    """report.json and report.csv. Raises WriteError."""
    plain = [{name: value for name, value in asdict(row).items() if name != "key"} for row in rows]
    counts = {status: sum(row.status == status for row in rows) for status in (MADE, KEPT, FAILED, LEFT)}
    atomic_write(out / REPORT_JSON, json.dumps({"format": 1, "counts": counts, "pictures": plain}, indent=1).encode(),
                 make_folder=True)
    text = io.StringIO()
    table = csv.DictWriter(text, list(plain[0]))
    table.writeheader()
    table.writerows(plain)
    atomic_write(out / REPORT_CSV, text.getvalue().encode())


# -- command ----------------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `batch`."""
    parser.add_argument("photos", nargs="+", metavar="PHOTO", type=Path, help="photos, folders, tars or zips of photos")
    parser.add_argument("--out", required=True, metavar="DIR", type=Path, help="folder for the pictures and the report")
    parser.add_argument("--rig", metavar="FILE|DIR", dest="rigs", action="extend", nargs="+", default=[], type=Path,
                        help="edits to make: JSON as in {\"light.azimuth\": 60}, the request of 'edit --report', a picture that "
                             "was exported, or a folder of JSON files; --set and --copy are laid over each of them")
    parser.add_argument("--format", choices=sorted({suffix[1:] for suffix in SUFFIXES}), default="png",
                        help="of the pictures (default: png)")
    add_edit_arguments(parser)
    workplace.add_workers(parser)


def run(args: argparse.Namespace) -> int:
    """`main.py batch`: returns the exit status, 0 only when every picture is there."""
    workplace.check(args.cluster)
    plain = draft(args)
    head, digest = _model(args)
    rigs = rigs_of(args.rigs, parse_values(head, args.values), plain, head)
    copies = tuple(copy._replace(photo=Path(os.path.abspath(copy.photo))) for copy in args.copies)
    person = os.path.abspath(find_person(args.person)) if args.person else None
    settings = Settings(_full(prior_given(args)), person, args.head, args.estimator, args.rasterizer, copies, args.face,
                        args.aligned)
    taken = [[copy.block, str(copy.photo), copy.amount, _stamp(copy.photo)] for copy in copies]
    decides = {**asdict(settings), "prior": digest, "person": plain.person, "copies": taken}
    out = Path(os.path.abspath(args.out))
    tasks = plan(args.photos, rigs, out, f".{args.format}", decides)
    with _interruptible() as stopped:
        rows = batch(tasks, settings, out, args.workers, args.cluster, stop=stopped)
    return _close(rows, out, stopped())


def _model(args: argparse.Namespace) -> tuple[Any, str]:
    """The head that rigs are checked with, and the prior's digest. Raises AssetError."""
    from core.head import load_head
    from core.prior import load_prior  # loads torch, so only once the arguments make sense

    prior = load_prior(prior_given(args))
    return load_head(args.head or prior.head), prior.digest


def _full(prior: str | Path | None) -> str | None:
    """A file's full path, because workers may be elsewhere; an imported model's name as it is."""
    return os.path.abspath(prior) if prior and Path(prior).exists() else str(prior) if prior else None


def _stamp(path: Path) -> list[int]:
    try:
        facts = path.stat()
    except OSError as error:
        raise PhotoError(f"There is no photo {path} to copy from ({error.strerror}). Check the name.") from error
    return [facts.st_size, facts.st_mtime_ns]


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Within it, the first Ctrl-C asks to stop after the present pictures, and the second stops at once."""
    asked: list[int] = []

    def ask(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        print("stopping after the pictures that are begun; Ctrl-C again stops at once", file=sys.stderr, flush=True)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


def _close(rows: Sequence[Row], out: Path, stopped: bool) -> int:
    failed = [row for row in rows if row.status == FAILED]
    left = sum(row.status == LEFT for row in rows)
    there = sum(row.status in (MADE, KEPT) for row in rows)
    print(f"{there} of {len(rows)} pictures are in {out}; the report is {out / REPORT_CSV}")
    for row in failed[:10]:
        print(f"failed {row.output}: {row.reason}", file=sys.stderr)
    if left:
        print(f"{left} not begun; the same command goes on with them", file=sys.stderr)
    if stopped:
        return INTERRUPTED
    return DEFECT if failed or left else OK

