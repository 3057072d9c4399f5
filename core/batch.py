"""`main.py batch`: one rig over many photos, many rigs over one photo, or both.

Every picture is written at once under its final name and noted in a journal beside it, so a batch that was stopped or killed
goes on where it was. A photo that fails is tried once more and then reported; the others go on.
"""
from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core import cluster as workplace
from core.batch_make import Maker, Settings
from core.batch_plan import PATTERN, Task, plan, rigs_of
from core.batch_record import FAILED, KEPT, LEFT, MADE, REPORT_CSV, Journal, Row, row_of, write_report
from core.cli import DEFECT, INTERRUPTED, OK
from core.edit_arguments import add_edit_arguments, parse_values
from core.edit_command import draft, prior_given
from core.errors import PhotoError
from core.export import SUFFIXES
from core.export_picture import check_depth, options_of
from core.people.shelf import find_person

_LOCAL_THREADS = 2  # of the network on a processor, so fewer workers than processors are the fastest


# -- the whole --------------------------------------------------------------------------------------------------------------


def batch(tasks: Sequence[Task], settings: Settings, out: Path, workers: int | None = None, cluster: str | None = None,
          say: Callable[[str], object] = print, stop: Callable[[], bool] = lambda: False) -> list[Row]:
    """Make what is missing, note it, and write the report; returns a row for every task, in their order.

    workers, cluster, stop: see `core.cluster.spread`. Raises UserError when nothing can be made at all.
    """
    journal = Journal(out)
    rows = {task.out.name: replace(done, status=KEPT) for task in tasks if (done := journal.done(task))}
    missing = [task for task in tasks if task.out.name not in rows]
    say(f"{len(tasks)} pictures, {len(rows)} of them there; {len(missing)} to make")
    write_report(_in_order(tasks, rows), out)  # a folder that can't be written is found out before the work
    started = time.monotonic()
    try:
        with closing(workplace.spread(Maker, (settings,), missing, workers or _default_workers(cluster), cluster, stop)) as found:
            for count, (task, result) in enumerate(found, 1):
                row = result if isinstance(result, Row) else row_of(task, FAILED, result.reason, workplace.ATTEMPTS)
                rows[row.output] = row
                journal.note(row)
                left = (time.monotonic() - started) / count * (len(missing) - count)
                say(f"{count}/{len(missing)} {row.output}: {_told(row)}, about {workplace.span(left)} left")
    finally:
        write_report(_in_order(tasks, rows), out)
    return _in_order(tasks, rows)


def _in_order(tasks: Sequence[Task], rows: Mapping[str, Row]) -> list[Row]:
    return [rows.get(task.out.name, row_of(task, LEFT)) for task in tasks]


def _told(row: Row) -> str:
    if row.status == FAILED:
        return f"failed: {row.reason}"
    return f"{row.seconds:.1f} s" + (f", identity {row.identity_distance:.2f}" if row.identity_distance is not None else "")


def _default_workers(cluster: str | None) -> int | None:
    return None if cluster else max(1, min((os.cpu_count() or 1) // _LOCAL_THREADS, 4))


# -- command ----------------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `batch`."""
    parser.add_argument("photos", nargs="+", metavar="PHOTO", type=Path, help="photos, folders, tars or zips of photos")
    parser.add_argument("--out", required=True, metavar="DIR", type=Path, help="folder for the pictures and the report")
    parser.add_argument("--rig", metavar="FILE|DIR", dest="rigs", action="extend", nargs="+", default=[], type=Path,
                        help="edits to make: JSON as in {\"light.azimuth\": 60}, the request of 'edit --report', a picture that "
                             "was exported, a project, or a folder of JSON files; --set and --copy are laid over each of them")
    parser.add_argument("--format", choices=sorted({suffix[1:] for suffix in SUFFIXES}), default="png",
                        help="of the pictures (default: png)")
    parser.add_argument("--name", metavar="PATTERN", default=PATTERN,
                        help=f"of the pictures, of {{photo}}, {{edit}} and {{number}} (default: {PATTERN})")
    add_edit_arguments(parser)
    workplace.add_workers(parser)


def run(args: argparse.Namespace) -> int:
    """`main.py batch`: returns the exit status, 0 only when every picture is there."""
    workplace.check(args.cluster)
    check_depth(args.bits, Path(f"pictures.{args.format}"))
    plain = draft(args)
    head, digest = _model(args)
    rigs = rigs_of(args.rigs, parse_values(head, args.values), plain, head, args.presets, args.environment)
    copies = tuple(copy._replace(photo=Path(os.path.abspath(copy.photo))) for copy in args.copies)
    person = os.path.abspath(find_person(args.person)) if args.person else None
    settings = Settings(_full(prior_given(args)), person, args.head, args.estimator, args.rasterizer, copies, args.face,
                        args.aligned, options_of(args))
    taken = [[copy.block, str(copy.photo), copy.amount, _stamp(copy.photo)] for copy in copies]
    decides = {**asdict(settings), "prior": digest, "person": plain.person, "copies": taken}
    out = Path(os.path.abspath(args.out))
    tasks = plan(args.photos, rigs, out, f".{args.format}", decides, args.name)
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

