"""`main.py evaluate reinference`: do pictures show what was asked for? (DiffusionRig, CVPR 2023, Table 1)

Another photo's light, expression or pose is put on a photo, and the estimator reads the picture that comes of it. What it
finds is compared with what was asked for, as the paper does: the root mean square error of the parameters, by block.
"""
from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from core import estimators
from core.codes import FaceCode
from core.cv import cv2
from core.evaluate import command, making, report
from core.evaluate.making import Picture
from core.evaluate.report import Rows
from core.evaluate.rows import COMPOSITE, NOTHING, WARP, add_rows, opened_rows
from core.evaluate.subjects import Edit, Judge, Subject, cases_of, open_subjects, select
from core.head.base import HeadModel
from core.landmarks import FaceFinder

EDITS = {edit.name: edit for edit in (Edit("light", ("light",)), Edit("expression", ("expression",)), Edit("pose", ("pose",)),
                                      Edit("all", ("light", "expression", "pose")))}
BLOCKS = ("light", "shape", "expression", "pose")
FLOOR = "noise floor"
_FLOOR_ABOUT = "the photo itself, moved by 2 pixels, enlarged by 2 % and saved as JPEG of quality 80, against its own parameters"
MISSING = 2.0  # the mean face is a good guess: by itself it would beat a bad picture in which a wrong face is found
COUNT = 12


@dataclass(frozen=True)
class Errors:
    """Asked for against found, of one picture. light, shape, expression, pose: RMSE over the parameters of the block.

    light_share: the light's error as a share of its size. shape_mm, expression_mm: RMS distance of the face's landmarks, of the
    identity alone and with the expression. turn: degrees between the two poses. found: whether there was a face.
    """

    light: float
    shape: float
    expression: float
    pose: float
    light_share: float
    shape_mm: float
    expression_mm: float
    turn: float
    found: bool


@dataclass(frozen=True, eq=False)
class Measured:
    """A row's errors on one case."""

    row: str
    photo: str
    edit: str
    errors: Errors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate reinference`."""
    command.add_photos(parser, making.kept_back_help())
    command.add_report(parser)
    add_rows(parser)
    parser.set_defaults(count=COUNT)
    parser.add_argument("--estimator", choices=(estimators.FIT, estimators.DECA), default=estimators.FIT,
                        help="what reads the pictures: 'fit' (default), or 'deca' where DECA's and FLAME's files were imported")
    parser.add_argument("--edits", nargs="+", choices=sorted(EDITS), default=["light", "expression", "pose"],
                        help="what is copied from other photos (default light, expression and pose, each alone)")


def run(args: argparse.Namespace) -> int:
    """Make, read, compare, write the report, print the first table. Returns the exit status."""
    making.prepare_report(args.report)
    with FaceFinder() as finder:
        judge = Judge(finder, args.estimator)
        subjects, refused = open_subjects(select(args), judge)
        cases = cases_of(subjects, [EDITS[name] for name in args.edits])
        with opened_rows(args, judge, (NOTHING, COMPOSITE, WARP)) as rows:
            pictures = making.make_all(rows, cases)
            lines = making.heading("Do pictures show what was asked for?", args, judge, subjects, refused, rows)
        measured = [measure(judge, picture) for picture in pictures]
        measured += [floor(judge, subject) for subject in subjects]
        making.write_sheet(args.report / "reinference.png", judge, pictures)
    main = table(measured, BLOCKS)
    tables = [("table", "Table 1: RMSE of parameters, asked for against found", main),
              ("units", "The same in units of the face", table(measured, ("light_share", "shape_mm", "expression_mm", "turn"))),
              ("by_edit", "What was asked to change, by edit (shape: must stay)", by_edit(measured)),
              ("found", "Table 1 without pictures in which no face was found", table(measured, BLOCKS, penalty=False))]
    making.write_report(args.report, [*lines[:-1], f"- **{FLOOR}**: {_FLOOR_ABOUT}", "", *_NOTES], tables, refused)
    report.write_csv(args.report / "pictures.csv", picture_rows(measured))
    print(report.markdown(main))
    print(f"\nThe report is {args.report / 'REPORT.md'}")
    return 0


_NOTES = [
    "Smaller is better. Light, shape and expression: coefficients as the head has them; pose: radians of the axis-angle vector.",
    "RMSE over all pictures of a row, edited block or not, as in the paper; 'by edit' has the edited block alone. **A picture in",
    "which no face is found counts as twice as wrong as the mean face in plain light, turned to the front** (the last table",
    "leaves it out; 'faces' says how often one was found). The noise floor is the error of reading one photo twice: nothing does",
    "better.", ""]


def measure(judge: Judge, picture: Picture) -> Measured:
    """The errors of a row's picture."""
    found = judge.read(picture.pixels) if picture.pixels is not None else None
    errors = compare(judge.head, picture.case.wanted(judge), found)
    return Measured(picture.row.name, picture.case.subject.name, picture.case.edit.name, errors)


def floor(judge: Judge, subject: Subject) -> Measured:
    """What reading the same photo again costs."""
    return Measured(FLOOR, subject.name, "", compare(judge.head, subject.code, judge.read(jittered(subject.crop))))


def jittered(crop: np.ndarray) -> np.ndarray:
    """A crop (S, S, 3) uint8 moved by 2 pixels, enlarged by 2 % and saved as JPEG of quality 80."""
    side = crop.shape[0]
    moved = cv2.warpAffine(crop, cv2.getRotationMatrix2D((side / 2 - 2.0, side / 2 + 2.0), 0.0, 1.02), (side, side),
                           flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    out = io.BytesIO()
    Image.fromarray(moved).save(out, "JPEG", quality=80)
    return np.asarray(Image.open(out).convert("RGB"))


def compare(head: HeadModel, wanted: FaceCode, seen: FaceCode | None) -> Errors:
    """Errors of the code found against the one asked for; None: no face, `MISSING` times the error of the head's zero code."""
    found = head.zero_code() if seen is None else seen
    # DECA's pose is the head's turn and the jaw's; the program's own head has its jaw among the expression units
    pose = ("pose", "jaw") if head.name == "flame" else ("pose",)

    def error(*fields: str) -> float:
        return float(np.sqrt(np.mean((wanted.vector(fields).astype(np.float64) - found.vector(fields)) ** 2)))

    asked = np.asarray(wanted.whole_light, np.float64)
    light = np.linalg.norm(asked - found.light) / max(float(np.linalg.norm(asked)), 1e-9)
    apart = [_points(head, a) - _points(head, b) for a, b in (
        (_still(head, wanted, False), _still(head, found, False)), (_still(head, wanted, True), _still(head, found, True)))]
    millimetres = [1e3 * float(np.sqrt((away**2).sum(1).mean())) for away in apart]
    poses = [Rotation.from_rotvec(np.asarray(code.pose, np.float64)) for code in (wanted, found)]
    turn = float(np.degrees((poses[0].inv() * poses[1]).magnitude()))
    k = MISSING if seen is None else 1.0
    return Errors(k * error("light"), k * error("identity"), k * error("expression"), k * error(*pose), k * float(light),
                  k * millimetres[0], k * millimetres[1], k * turn, seen is not None)


def _still(head: HeadModel, code: FaceCode, expression: bool) -> FaceCode:
    still = head.zero_code().replace(identity=code.identity)
    return still.replace(expression=code.expression, jaw=code.jaw) if expression else still


def _points(head: HeadModel, code: FaceCode) -> np.ndarray:
    return np.asarray(head.landmarks68(head.vertices_of(code), code.pose), np.float64)


def table(measured: Sequence[Measured], columns: Sequence[str], penalty: bool = True) -> Rows:
    """A line for each row with the root mean square of its errors over all pictures, or those with a face (no penalty)."""
    rows = [["row", "pictures", "faces", *(_TITLES.get(name, name) for name in columns)]]
    for name, part in _by_row(measured).items():
        counted = [m.errors for m in part if penalty or m.errors.found]
        values = (rms([getattr(e, column) for e in counted]) for column in columns)
        share = np.mean([m.errors.found for m in part])
        rows.append([name, str(len(part)), f"{share:.0%}", *("-" if np.isnan(v) else f"{v:.4f}" for v in values)])
    return rows


_TITLES = {"light_share": "light, share", "shape_mm": "shape, mm", "expression_mm": "shape and expression, mm", "turn": "pose, °"}


def by_edit(measured: Sequence[Measured]) -> Rows:
    """A line for each row with the error of the block that each edit changed."""
    edits = [e for e in EDITS if any(m.edit == e for m in measured)]
    wanted = [(e, block) for e in edits for block in (EDITS[e].blocks or ())] + [("", "shape")]
    rows = [["row", *(f"{block} of '{e}'" if e else block for e, block in wanted)]]
    for name, part in _by_row(measured).items():
        values = [rms([getattr(m.errors, block) for m in part if e in ("", m.edit) or not m.edit]) for e, block in wanted]
        rows.append([name, *("-" if np.isnan(v) else f"{v:.4f}" for v in values)])
    return rows


def picture_rows(measured: Sequence[Measured]) -> Rows:
    """Every picture's errors, for the CSV file."""
    names = [name for name in Errors.__dataclass_fields__ if name != "found"]
    return [["row", "photo", "edit", "found", *names]] + [
        [m.row, m.photo, m.edit, str(int(m.errors.found)), *(f"{getattr(m.errors, n):.5f}" for n in names)] for m in measured]


def rms(values: Sequence[float]) -> float:
    """Root mean square, NaN of nothing."""
    return float(np.sqrt(np.mean(np.square(values)))) if values else float("nan")


def _by_row(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    groups: dict[str, list[Measured]] = {}
    for entry in measured:
        groups.setdefault(entry.row, []).append(entry)
    return groups
