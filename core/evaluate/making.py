"""What the kinds that make pictures share: the loop over rows and cases, the report's heading, and the sheet of all rows."""
from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.evaluate import report, sheets
from core.evaluate.fits import Refused
from core.evaluate.rows import Row, edited_by
from core.evaluate.subjects import TEST_PHOTOS, Case, Judge, Subject, test_photos
from core.files import atomic_write
from core.prepare import head_digest

SHEET_ROWS = 16
_EVERY = 30.0  # seconds between two lines of progress


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that a row made of a case; None where it could make none, with the reason in `problem`."""

    row: Row
    case: Case
    pixels: np.ndarray | None
    problem: str = ""


def make_all(rows: Sequence[Row], cases: Sequence[Case], say: Callable[[str], object] = print) -> list[Picture]:
    """Every case by every row, row by row, with a line of progress now and then."""
    found: list[Picture] = []
    start = last = time.monotonic()
    total = len(rows) * len(cases)
    for row in rows:
        for case in cases:
            try:
                found.append(Picture(row, case, row.make(case)))
            except UserError as error:
                found.append(Picture(row, case, None, str(error)))
            now = time.monotonic()
            if now - last > _EVERY:
                last = now
                say(f"{len(found)} of {total} pictures ({row.name}), {now - start:.0f} s")
    return found


def prepare_report(folder: Path) -> None:
    """Write a first REPORT.md, so that a folder that can't be written to is found out before the work, not after it."""
    atomic_write(folder / "REPORT.md", b"Being measured.\n", make_folder=True)


def heading(title: str, args: argparse.Namespace, judge: Judge, subjects: Sequence[Subject], refused: Sequence[Refused],
            rows: Sequence[Row]) -> list[str]:
    """The report's first lines: with what it was made, on which photos, and what every row is."""
    sources = ", ".join(f"{name} {count}" for name, count in sorted(Counter(s.listed.source for s in subjects).items()))
    if args.kept_back:
        folder = test_photos(args)
        extra = f" or shown in the folder '{folder.name}'" if folder else ""
        who = f"people kept out of the priors' training by a hash of their names{extra}"
    else:
        who = "chosen whether or not a prior was trained on them (--kept-back takes only others)"
    people = len({s.listed.person for s in subjects})
    return [f"# {title}", "", *report.made_with(report.command_line(), f"{judge.head.name} {head_digest(judge.head)}"),
            f"- faces read by: the estimator '{judge.name}'",
            f"- photos: {len(subjects)} of {people} people ({sources}), {len(refused)} refused; {who}",
            "- every photo is an aligned crop of 256 pixels; all rows start from the same pixels", "",
            *(f"- **{row.name}**: {row.about}" for row in rows), ""]


def write_report(folder: Path, lines: Sequence[str], tables: Sequence[tuple[str, str, report.Rows]],
                 refused: Sequence[Refused] = ()) -> None:
    """REPORT.md, and each table as CSV. tables: (name of the CSV file, title, rows); lines: what stands above them."""
    text = [*lines]
    for name, title, rows in tables:
        text += [f"## {title}", "", report.markdown(rows), ""]
        report.write_csv(folder / f"{name}.csv", rows)
    if refused:
        text += ["## Refused", "", *(f"- {entry.photo.name}: {entry.reason}" for entry in refused), ""]
    atomic_write(folder / "REPORT.md", "\n".join(text).encode(), make_folder=True)


def write_sheet(path: Path, judge: Judge, pictures: Sequence[Picture], count: int = SHEET_ROWS, cell: int = 168,
                note: Callable[[Picture], str] | None = None) -> None:
    """A PNG with a line for each case, spread over all of them: the photo, the first one copied from, what is asked for as a
    render, and every row's picture. note: a few words on a picture, for the line above; they stand in the pictures' order."""
    by_case: dict[int, list[Picture]] = {}
    for picture in pictures:
        by_case.setdefault(id(picture.case), []).append(picture)
    groups = list(by_case.values())
    chosen = groups if len(groups) <= count else [groups[round(i * (len(groups) - 1) / (count - 1))] for i in range(count)]
    copied = any(group[0].case.donors for group in chosen)
    names = ["photo", *(["copied from"] if copied else []), "asked for", *(picture.row.name for picture in chosen[0])]
    lines = [sheets.words(names, cell)]
    for group in chosen:
        case = group[0].case
        asked = edited_by(case, judge)
        shown = np.clip(np.where(asked.coverage[..., None] > 0, asked.rendered, 0), 0, 1) * 255
        blank = np.zeros_like(case.subject.crop)
        cells = [case.subject.crop, *([case.donors[0].crop if case.donors else blank] if copied else []), shown.astype(np.uint8)]
        cells += [blank if p.pixels is None else p.pixels for p in group]
        strip = np.concatenate([sheets.small(c, cell) for c in cells], 1)
        said = "   ".join(["", *(note(p) for p in group)]) if note else ""
        lines.append(sheets.captioned(strip, f"{case.subject.name[:40]}: {case.edit.name}{said}"))
    sheets.write_png(path, np.concatenate(lines))


def kept_back_help() -> str:
    """What --kept-back means for kinds that judge priors."""
    return f"only people kept out of training: by the hash of 'main.py train', and those shown in --test-photos ({TEST_PHOTOS})"
