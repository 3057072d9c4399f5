"""`main.py evaluate landing`: do edits land where they were asked to? Requested against measured, on real photos.

Every photo is edited by the values of `EDITS`, and the pictures are read again: turns by the landmark model's own head matrix and
by this project's fit, expressions by the landmark model's scores, light by the fit and by the brightness of the two cheeks, the
person by a re-identification network. `--fit FILE` writes the table that `core.landing` uses from the same photos.
"""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core import compose, identity
from core import light as lighting
from core.errors import UserError
from core.evaluate import command, making, report
from core.evaluate.landing_table import fit_table
from core.evaluate.making import Picture
from core.evaluate.report import Rows, finite, mean, percentile
from core.evaluate.rows import WARP, Made, Row, add_rows, opened_rows
from core.evaluate.subjects import Case, Edit, Judge, Subject, cases_of, open_subjects, select
from core.files import atomic_write
from core.landing import HALVES, TURNS, UNITS, asked_score
from core.landing_photo import head_turn, score
from core.landmarks import FaceFinder
from core.render.buffers import render_buffers
from core.request import RenderRequest
from core.rig import Value

COUNT = 10
# What is asked for: (name, values); each is measured by the controls it sets.
_TURNS = [("pose.yaw", float(v)) for v in (-25, -15, 15, 25)] + [("pose.pitch", float(v)) for v in (-10, 10)]
_FACES = [("jaw.open", 0.3), ("jaw.open", 0.6), ("jaw.open", 0.75), ("expression.smile", 0.4), ("expression.smile", 0.8),
          ("expression.smile_left", 0.6), ("expression.smile_right", 0.6), ("expression.blink", 1.0)]
_LIGHTS: list[dict[str, Value]] = [{"light.azimuth": -60.0}, {"light.azimuth": 60.0},
                                   {"light.azimuth": 35.0, "light.elevation": 45.0}]
_MIXED: dict[str, Value] = {"pose.yaw": 18.0, "jaw.open": 0.4, "expression.smile": 0.5, "light.azimuth": -45.0}
_ALONE: list[dict[str, Value]] = [{name: value} for name, value in (*_TURNS, *_FACES)]
ALL = [*_ALONE, *_LIGHTS, _MIXED]
_SCORED = (*UNITS, *HALVES, "expression.blink")
GROUPS = {"yaw": "pose.yaw", "pitch": "pose.pitch", "jaw": "jaw.open", "smile": "expression.smile", "blink": "expression.blink",
          "smile-left": HALVES[0], "smile-right": HALVES[1],
          "light": "light.azimuth"}
# (measure, what its error is, asked for at most)
ASKED = (("pose.yaw", "yaw, mean of landmark model and fit, degrees", 4.0),
         ("pose.yaw matrix", "yaw, landmark model, degrees", 4.0),
         ("pose.yaw fit", "yaw, this project's fit, degrees", 4.0), ("pose.pitch", "pitch, mean of both, degrees", None),
         ("jaw.open", "jaw score", 0.15), ("expression.smile", "smile score", 0.15), (HALVES[0], "smile score, left only", 0.15),
         (HALVES[1], "smile score, right only", 0.15), ("expression.blink", "blink score", None),
         ("light.direction", "direction of the main light, degrees", 15.0), ("light.stops", "cheeks' balance, stops", None))


def edit_name(values: dict[str, Value]) -> str:
    """'pose.yaw=20 jaw.open=0.4'."""
    return " ".join(f"{name}={value:g}" for name, value in values.items())  # type: ignore[str-format]


EDITS = [Edit(edit_name(values), (), tuple(values.items())) for values in ALL]


@dataclass(frozen=True, eq=False)
class Landed:
    """One picture read again. asked, found: by measure, as changes from the photo (scores: as they are; light.direction: 0 and
    the angle between the lamp asked for and the one found). person: distance of the embeddings, NaN where one found no face."""

    row: str
    photo: str
    edit: str
    asked: dict[str, float] = field(default_factory=dict)
    found: dict[str, float] = field(default_factory=dict)
    person: float = float("nan")


class Started:
    """A row of starting pictures: what the photo's own pixels give before a network has seen them."""

    name = "starting picture"
    about = "the photo moved and relit as the default prior gets it; no network"

    def __init__(self, made: Made) -> None:
        self.engine = made.engine

    def make(self, case: Case) -> np.ndarray:
        """See `core.evaluate.rows.Row.make`."""
        session = self.engine.open(case.subject.png, aligned=True)
        return self.engine.render(RenderRequest(session.digest, case.edit.rig([]), strength=0.0, size="crop")).crop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate landing`."""
    command.add_photos(parser, making.kept_back_help())
    command.add_report(parser)
    add_rows(parser)
    parser.set_defaults(count=COUNT, noise=["inverted"])
    parser.add_argument("--edits", nargs="+", choices=sorted(GROUPS), help="only edits of these (default all)")
    parser.add_argument("--starts-only", action="store_true", help="measure starting pictures only, without the network: quick")
    parser.add_argument("--fit", type=Path, metavar="FILE", help="write the table of core.landing (resources/landing.json) from "
                        "these photos: how meshes read, and what the default prior leaves of it")


def run(args: argparse.Namespace) -> int:
    """Make, read, compare, write the report, print the first table. Returns the exit status."""
    making.prepare_report(args.report)
    with FaceFinder() as finder:
        judge = Judge(finder)
        subjects, refused = open_subjects(select(args), judge)
        cases = cases_of(subjects, chosen(args.edits))
        with opened_rows(args, judge, (WARP,)) as rows:
            made = next((row for row in rows if isinstance(row, Made)), None)
            if made is not None:
                rows.insert(rows.index(made), Started(made))
                rows = [row for row in rows if not (args.starts_only and isinstance(row, Made))]
            pictures = making.make_all(rows, cases)
            lines = making.heading("Do edits land where they were asked to?", args, judge, subjects, refused, rows)
            landed = [measure(judge, picture) for picture in pictures]
            if args.fit:
                if made is None or args.starts_only:
                    raise UserError("--fit needs a row of the default prior. Leave --rows and --starts-only out.")
                sessions = [made.engine.open(subject.png, aligned=True) for subject in subjects]
                kept = {name: kept_share(landed, name, made.name) for name in (*TURNS, *UNITS)}
                table = fit_table(judge.head, sessions, finder, kept)
                atomic_write(args.fit, table)
        write_sheets(args.report, judge, pictures)
    main = summary(landed)
    tables = [("table", "Error: what was found less what was asked, mean and 95th percentile of its size", main),
              ("by_edit", "By edit: asked, found (mean), mean size of the error", by_edit(landed)),
              ("person", f"The same person: distance of embeddings, share below {identity.SAME_PERSON}", people(landed))]
    making.write_report(args.report, [*lines, *_NOTES], tables, refused)
    report.write_csv(args.report / "pictures.csv", picture_rows(landed))
    print(report.markdown(main))
    print(f"\nThe report is {args.report / 'REPORT.md'}")
    return 0


_NOTES = [
    "Turns are changes from what the same estimator reads of the photo. An expression's slider asks for a share of the room that",
    "the photo's own score leaves up to the slider's end; on a face at rest that is the slider's value. Stops: log2 of the",
    "brightness of the cheek on the picture's right over the left one's, against the rendered head's. 'warp and quotient' moves",
    "the mesh by just what the slider says, without `core.landing` and without a network.", ""]


def chosen(groups: Sequence[str] | None) -> list[Edit]:
    """The edits that set something of `groups`; None: all."""
    names = {GROUPS[group] for group in groups or GROUPS}
    return [edit for edit in EDITS if names & {name for name, _ in edit.values}]


def measure(judge: Judge, picture: Picture) -> Landed:
    """A row's picture, read again."""
    case = picture.case
    asked = asked_of(judge, case)
    seen = judge.look(picture.pixels) if picture.pixels is not None else None
    if seen is None or picture.pixels is None:
        return Landed(picture.row.name, case.subject.name, case.edit.name, asked)
    code, face = seen
    size = len(picture.pixels)
    found: dict[str, float] = {}
    for name in dict(case.edit.values):
        if name in TURNS:
            axis = TURNS.index(name)
            turns = [after[axis] - before[axis] for before, after in zip(
                head_turn(judge.head, case.subject.face, len(case.subject.crop)), head_turn(judge.head, face, size), strict=True)]
            found |= {name: float(np.mean(turns)), f"{name} matrix": float(turns[0]), f"{name} fit": float(turns[1])}
        elif name in _SCORED:
            found[name] = score(face, name)
    if "light.direction" in asked:
        wanted = lighting.decompose(case.wanted(judge).whole_light).direction
        cosine = float(wanted @ lighting.decompose(code.light).direction)
        found["light.direction"] = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
        if not set(TURNS) & set(dict(case.edit.values)):
            points = case.subject.face.points
            found["light.stops"] = side_balance(picture.pixels, points) - side_balance(case.subject.crop, points)
    person = person_distance(case.subject, picture, face.points)
    return Landed(picture.row.name, case.subject.name, case.edit.name, asked, found, person)


def asked_of(judge: Judge, case: Case) -> dict[str, float]:
    """What should be found, by measure."""
    asked: dict[str, float] = {}
    controls = judge.head.controls()
    for name, value in case.edit.values:
        if name in TURNS:
            asked |= dict.fromkeys((name, f"{name} matrix", f"{name} fit"), float(value))  # type: ignore[arg-type]
        elif name in _SCORED:
            asked[name] = asked_score(score(case.subject.face, name), float(value), controls[name].high)  # type: ignore[arg-type]
        elif name.startswith("light."):
            asked["light.direction"] = 0.0
    if "light.direction" in asked and not set(TURNS) & set(dict(case.edit.values)):
        size, points = len(case.subject.crop), case.subject.face.points
        before, after = (render_buffers(judge.head, code, size).rendered for code in (case.subject.code, case.wanted(judge)))
        asked["light.stops"] = side_balance(255 * after, points) - side_balance(255 * before, points)
    return asked


def side_balance(crop: np.ndarray, points: np.ndarray) -> float:
    """log2 of the mean brightness of the cheek on the picture's right over the left one's. crop (S, S, 3), 0..255; points
    (478, 2) in its pixels."""
    luma = np.clip(crop, 0, 255).astype(np.float64) @ (0.2126, 0.7152, 0.0722)
    scale = float(np.hypot(*(points[263] - points[33]))) * 0.12

    def patch(index: int) -> float:
        x, y = points[index]
        rows = slice(max(int(y - scale), 0), int(y + scale) + 1)
        return max(float(luma[rows, max(int(x - scale), 0):int(x + scale) + 1].mean()), 1.0)
    return float(np.log2(patch(425) / patch(205)))


def person_distance(subject: Subject, picture: Picture, points: np.ndarray) -> float:
    """Distance of the photo's and the picture's embeddings."""
    assert picture.pixels is not None
    before, after = identity.embedding(subject.crop, subject.face.points), identity.embedding(picture.pixels, points)
    return float("nan") if before is None or after is None else float(identity.distance(before, after))


def kept_share(landed: Sequence[Landed], name: str, row: str) -> float:
    """Share that a row's pictures have of the starting pictures' reading of a control, over the edits of it alone."""
    def changes(of: str) -> dict[tuple[str, str], float]:
        return {(item.photo, item.edit): item.found[name] for item in landed
                if item.row == of and name in item.found and len(item.asked) <= 3}

    start, final = changes(Started.name), changes(row)
    both = sorted(start.keys() & final.keys())
    if name in UNITS:  # scores are as they are: photos at rest begin near 0
        both = [key for key in both if start[key] > 0.2]
    x, y = np.array([start[k] for k in both]), np.array([final[k] for k in both])
    return float(np.clip((x @ y) / max(x @ x, 1e-9), 0.7, 1.1)) if len(both) else 1.0


def errors(landed: Sequence[Landed], row: str, name: str) -> np.ndarray:
    """Found less asked of one measure, over a row's pictures in which it was found."""
    return finite([item.found[name] - item.asked[name] for item in landed if item.row == row and name in item.found])


def row_names(landed: Sequence[Landed]) -> list[str]:
    """The rows in order."""
    return list(dict.fromkeys(item.row for item in landed))


def summary(landed: Sequence[Landed]) -> Rows:
    """A line for each row and measure."""
    rows: Rows = [["row", "measure", "pictures", "bias", "mean error", "95 %", "asked", "within"]]
    for row in row_names(landed):
        for name, title, limit in ASKED:
            values = errors(landed, row, name)
            if len(values):
                size = np.abs(values)
                rows.append([row, title, str(len(values)), f"{values.mean():+.2f}", f"{size.mean():.2f}",
                             f"{percentile(size, 95):.2f}", "" if limit is None else f"{limit:g}",
                             "" if limit is None else f"{mean(size <= limit):.0%}"])
        missed = sum(1 for item in landed if item.row == row and not item.found)
        rows.append([row, "pictures without a face", str(missed), *[""] * 5])
    return rows


def by_edit(landed: Sequence[Landed]) -> Rows:
    """A line for each row, edit and measure."""
    rows: Rows = [["row", "edit", "measure", "asked", "found", "mean error"]]
    for row in row_names(landed):
        for edit in dict.fromkeys(item.edit for item in landed):
            part = [item for item in landed if item.row == row and item.edit == edit]
            for name, _, _ in ASKED:
                pairs = np.array([(item.asked[name], item.found[name]) for item in part if name in item.found])
                if len(pairs):
                    rows.append([row, edit, name, *(f"{v:.2f}" for v in pairs.mean(0)),
                                 f"{np.abs(pairs[:, 1] - pairs[:, 0]).mean():.2f}"])
    return rows


def people(landed: Sequence[Landed]) -> Rows:
    """A line for each row: is it the same person?"""
    rows: Rows = [["row", "pictures", "mean distance", "95 %", "largest", f"share below {identity.SAME_PERSON}"]]
    for row in row_names(landed):
        values = finite([item.person for item in landed if item.row == row])
        if len(values):
            rows.append([row, str(len(values)), f"{values.mean():.3f}", f"{percentile(values, 95):.3f}", f"{values.max():.3f}",
                         f"{mean(values < identity.SAME_PERSON):.1%}"])
    return rows


def picture_rows(landed: Sequence[Landed]) -> Rows:
    """Every picture and measure, for a CSV."""
    rows: Rows = [["row", "photo", "edit", "measure", "asked", "found", "person"]]
    for item in landed:
        rows += [[item.row, item.photo, item.edit, name, f"{value:.4f}", f"{item.found.get(name, float('nan')):.4f}",
                  f"{item.person:.4f}"] for name, value in item.asked.items()]
    return rows


def write_sheets(folder: Path, judge: Judge, pictures: Sequence[Picture]) -> None:
    """landing.png: a line a photo, a column an edit, of the last row that has a network (else of the last row)."""
    from core.evaluate import sheets

    rows: list[Row] = list(dict.fromkeys(picture.row for picture in pictures))
    shown = [p for p in pictures if p.row is rows[-1]]
    names = list(dict.fromkeys(p.case.edit.name for p in shown))
    cell = 160
    lines = [sheets.words(["photo", *names], cell)]
    for subject in dict.fromkeys(p.case.subject for p in shown):
        own = [p for p in shown if p.case.subject is subject]
        cells = [subject.crop, *(p.pixels if p.pixels is not None else np.zeros_like(subject.crop) for p in own)]
        lines.append(np.concatenate([sheets.small(compose.to_uint8(c.astype(np.float32)), cell) for c in cells], 1))
    sheets.write_png(folder / "landing.png", np.concatenate(lines))
