"""`main.py evaluate identity`: is it the same person after an edit? (DiffusionRig, CVPR 2023, Table 2)

The re-identification network compares the photo with the edited picture, edit by edit; closer than 0.6 is the same person.
"""
from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluate import command, making, report
from core.evaluate.making import Picture
from core.evaluate.picture_measures import embedding, identity_distance
from core.evaluate.report import Rows
from core.evaluate.rows import COMPOSITE, WARP, add_rows, opened_rows
from core.evaluate.subjects import Case, Edit, Judge, Subject, cases_of, open_subjects, select
from core.identity import SAME_PERSON
from core.landmarks import FaceFinder

STRANGERS = "another person"
TURNS = (10.0, 20.0)
SMILE = 0.8
COUNT = 12


@dataclass(frozen=True)
class Likeness:
    """Distance of a row's picture to its photo; NaN where no face was found in it."""

    row: str
    photo: str
    edit: str
    distance: float

    @property
    def passes(self) -> bool:
        """Whether it is the same person; a picture without a face is not."""
        return bool(self.distance < SAME_PERSON)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate identity`."""
    command.add_photos(parser, making.kept_back_help())
    command.add_report(parser)
    add_rows(parser)
    parser.set_defaults(count=COUNT)


def run(args: argparse.Namespace) -> int:
    """Make, compare, write the report, print the first table. Returns the exit status."""
    making.prepare_report(args.report)
    with FaceFinder() as finder:
        judge = Judge(finder)
        subjects, refused = open_subjects(select(args), judge)
        own = {subject.name: embedding(subject.crop, finder) for subject in subjects}
        with opened_rows(args, judge, (COMPOSITE, WARP), held=True) as rows:
            pictures = making.make_all(rows, cases(subjects))
            lines = making.heading("Is it the same person?", args, judge, subjects, refused, rows)
        found = likenesses(pictures, own, finder)
        found += strangers(subjects, own)
        making.write_sheet(args.report / "identity.png", judge, pictures)
    main = table(found)
    lines += [f"Distance of dlib's re-identification network between photo and edited picture; under {SAME_PERSON} is the same",
              "person. A picture in which no face is found does not pass, and has no part in mean and worst.",
              f"'{STRANGERS}': every photo against the next one, for scale.", ""]
    making.write_report(args.report, lines, [("table", "Table 2: re-identification", main),
                                             ("by_edit", "Share that passes (mean distance), by edit", by_edit(found))], refused)
    report.write_csv(args.report / "pictures.csv", [["row", "photo", "edit", "distance"]] + [
        [f.row, f.photo, f.edit, f"{f.distance:.4f}"] for f in found])
    print(report.markdown(main))
    print(f"\nThe report is {args.report / 'REPORT.md'}")
    return 0


def likenesses(pictures: Sequence[Picture], own: Mapping[str, np.ndarray | None], finder: FaceFinder) -> list[Likeness]:
    """Every picture against what `own` holds for its photo: an embedding (128,), None where there is none."""
    return [Likeness(p.row.name, p.case.subject.name, p.case.edit.name, identity_distance(
        own[p.case.subject.name], None if p.pixels is None else embedding(p.pixels, finder))) for p in pictures]


def cases(subjects: Sequence[Subject]) -> list[Case]:
    """Another photo's light and expression, a smile, and turns to either side in turn."""
    found = []
    copied = [Edit("light", ("light",)), Edit("expression", ("expression",))] if len(subjects) > 1 else []
    both = iter(cases_of(subjects, copied))
    for i, subject in enumerate(subjects):
        found += [next(both) for _ in copied]
        found.append(Case(subject, Edit(f"smile {SMILE:g}", values=(("expression.smile", SMILE),))))
        found += [Case(subject, Edit(f"turn {turn:.0f}°", values=(("pose.yaw", turn if i % 2 else -turn),))) for turn in TURNS]
    return found


def strangers(subjects: Sequence[Subject], own: dict[str, np.ndarray | None]) -> list[Likeness]:
    """Every photo against the next one of another person."""
    found = []
    for i, subject in enumerate(subjects):
        others = [s for s in (*subjects[i + 1:], *subjects[:i]) if s.listed.person != subject.listed.person]
        if others:
            found.append(Likeness(STRANGERS, subject.name, "", identity_distance(own[subject.name], own[others[0].name])))
    return found


def table(found: Sequence[Likeness]) -> Rows:
    """A line for each row: share that passes, distances, share with a face."""
    rows = [["row", "pictures", "faces", f"under {SAME_PERSON}", "mean distance", "95 %", "worst"]]
    for name, part in _grouped(found).items():
        values = report.finite(p.distance for p in part)
        numbers = (report.mean(values), report.percentile(values, 95), report.percentile(values, 100))
        rows.append([name, str(len(part)), f"{len(values) / len(part):.0%}", f"{np.mean([p.passes for p in part]):.1%}",
                     *("-" if np.isnan(v) else f"{v:.3f}" for v in numbers)])
    return rows


def by_edit(found: Sequence[Likeness]) -> Rows:
    """A line for each row, a column for each edit."""
    edits = list(dict.fromkeys(f.edit for f in found if f.edit))
    rows = [["row", *edits]]
    for name, part in _grouped([f for f in found if f.edit]).items():
        groups = [[p for p in part if p.edit == edit] for edit in edits]
        rows.append([name, *(f"{np.mean([p.passes for p in g]):.0%} ({report.mean(p.distance for p in g):.3f})" for g in groups)])
    return rows


def _grouped(found: Sequence[Likeness]) -> dict[str, list[Likeness]]:
    groups: dict[str, list[Likeness]] = {}
    for entry in found:
        groups.setdefault(entry.row, []).append(entry)
    return groups
