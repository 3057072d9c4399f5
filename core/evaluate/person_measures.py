"""What a personal model is worth, as tables: photos it has not seen that come back, and edits of them that stay the person."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluate import colours, report
from core.evaluate.colours import Shift
from core.evaluate.fits import SIZE
from core.evaluate.identities import Likeness
from core.evaluate.making import Picture
from core.evaluate.measures import face_mask
from core.evaluate.picture_measures import colour_shift, drift, embedding, identity_distance, perceptual
from core.evaluate.report import Rows
from core.evaluate.rows import DEFAULT, Made
from core.evaluate.subjects import NO_EDIT, Edit
from core.identity import SAME_PERSON
from core.landmarks import FaceFinder

EXPRESSIONS, TURNS, PITCHES, LIGHTS = "expression", "turn of 20°", "pitch of 15°", "light"
GROUPS: dict[str, tuple[Edit, ...]] = {
    EXPRESSIONS: tuple(Edit(f"{said} {value:g}", values=((name, value),)) for said, name, value in (
        ("smile", "expression.smile", 0.8), ("jaw", "jaw.open", 0.5), ("blink", "expression.blink", 1.0),
        ("brows", "expression.raise_brows", 0.9))),
    TURNS: tuple(Edit(f"yaw {value:+.0f}°", values=(("pose.yaw", value),)) for value in (-20.0, 20.0)),
    PITCHES: tuple(Edit(f"pitch {value:+.0f}°", values=(("pose.pitch", value),)) for value in (-15.0, 15.0)),
    LIGHTS: tuple(Edit(f"light {value:+.0f}°", values=(("light.azimuth", value),)) for value in (-60.0, 60.0))}
ASKED = {EXPRESSIONS: 1.0, TURNS: 0.99}  # share of edits that must stay the same person (the paper's Table 2)
DRIFT = 1.0  # units of CIE Lab


@dataclass(frozen=True, eq=False)
class Back:
    """An unedited photo against what came back of it.

    perceptual, face: distance of the whole crop, and inside the outline of the landmarks. identity, album: distance of the
    embedding to the photo's, and to the mean of the album's; NaN where no face was found. shift, face_shift: colour in CIE Lab.
    """

    row: str
    photo: str
    seed: int
    perceptual: float
    face: float
    identity: float
    album: float
    shift: np.ndarray
    face_shift: np.ndarray


MEASURES = {"perceptual": "perceptual, whole crop", "face": "perceptual, face", "identity": "identity, to the photo",
            "album": "identity, to the album"}


def measure(picture: Picture, finder: FaceFinder, own: Mapping[str, np.ndarray | None],
            mean: Mapping[str, np.ndarray | None]) -> Back:
    """What came back of a photo. own, mean: embeddings (128,) of the photo and of its album, by the photo's name."""
    row, subject, made = picture.row, picture.case.subject, picture.pixels
    assert isinstance(row, Made)
    if made is None:
        missing, nothing = float("nan"), np.full(3, np.nan)
        return Back(row.name, subject.name, row.seed, missing, missing, missing, missing, nothing, nothing)
    mask = face_mask(subject.face.points, SIZE)
    seen = embedding(made, finder)
    return Back(row.name, subject.name, row.seed, perceptual(subject.crop, made), perceptual(subject.crop, made, mask),
                identity_distance(own[subject.name], seen), identity_distance(mean[subject.name], seen),
                colour_shift(made, subject.crop), colour_shift(made, subject.crop, mask))


def table(found: Sequence[Back], seconds: Mapping[str, float]) -> Rows:
    """A line for each row: means over photos and seeds; drift: the colour cast that all its pictures share."""
    rows = [["row", "pictures", *MEASURES.values(), f"under {SAME_PERSON}", "drift, face", "drift, crop", "seconds"]]
    for name in dict.fromkeys(b.row for b in found):
        part = [b for b in found if b.row == name]
        rows.append([name, str(len(part)), *(number(report.mean(getattr(b, m) for b in part)) for m in MEASURES),
                     f"{np.mean([b.identity < SAME_PERSON for b in part]):.0%}", number(drift([b.face_shift for b in part]), 2),
                     number(drift([b.shift for b in part]), 2), number(seconds.get(name, float("nan")), 2)])
    return rows


@dataclass(frozen=True)
class Beside:
    """A measure of a person's row beside the default prior's on the same photos and seeds. better: share of the pictures."""

    before: float
    after: float
    better: float
    pictures: int


def beside(found: Sequence[Back], before: str, after: str, name: str) -> Beside:
    """Compare two rows by one of `MEASURES`, over the pictures that both have a value for."""
    first, second = ({(b.photo, b.seed): getattr(b, name) for b in found if b.row == row} for row in (before, after))
    both = np.array([(first[key], second[key]) for key in first.keys() & second.keys()]).reshape(-1, 2)
    both = both[np.isfinite(both).all(1)]
    return Beside(report.mean(both[:, 0]), report.mean(both[:, 1]), report.mean(both[:, 1] < both[:, 0]), len(both))


def compared(found: Sequence[Back], pairs: Sequence[tuple[str, str]]) -> Rows:
    """Each person's row beside the default prior's, picture by picture. pairs: (row before, row after)."""
    rows = [["row", "measure", "default prior", "person", "change", "better in"]]
    for before, after in pairs:
        for name, title in MEASURES.items():
            it = beside(found, before, after, name)
            rows.append([after, title, number(it.before), number(it.after),
                         "-" if np.isnan(it.after) else f"{it.after / max(it.before, 1e-9) - 1:+.0%}",
                         f"{round(it.better * it.pictures)} of {it.pictures}" if it.pictures else "-"])
    return rows


def criteria(found: Sequence[Back], edited: Sequence[Likeness], shifts: Sequence[Shift], names: Sequence[str],
             noises: Sequence[str]) -> Rows:
    """What a personal model must do and whether it does: better than the default prior from seeded noise, the same person after
    edits from inverted noise, and no colour cast in either. names: of the people's rows; noises: those of the rows."""
    rows = [["row", "what", "measured", "asked", "met"]]

    def add(row: str, what: str, measured: str, asked: str, met: bool) -> None:
        rows.append([row, what, measured, asked, "yes" if met else "NO"])

    for noise, person in ((noise, name) for noise in noises for name in names):
        before, after = f"{DEFAULT}, {noise}", f"{person}, {noise}"
        for name in ("perceptual", "identity") if noise != "inverted" else ():
            it = beside(found, before, after, name)
            add(after, MEASURES[name], number(it.after), f"< {number(it.before)}, the default prior's", it.after < it.before)
        for group, share in ASKED.items() if noise == "inverted" else ():
            part = grouped(edited, after, group)
            if part:
                passed = float(np.mean([likeness.passes for likeness in part]))
                add(after, f"same person after {group}", f"{passed:.1%} of {len(part)}", f">= {share:.0%}", passed >= share)
        for what in dict.fromkeys(shift.what for shift in shifts if shift.row == after):
            own = colours.of_row(shifts, what, after)
            rows.append([after, f"colour drift, CIE Lab: {what}", str(own),
                         f"< {DRIFT:g} (default prior: {colours.of_row(shifts, what, before)})", own.verdict(DRIFT)])
    return rows


def still_shifts(found: Sequence[Back]) -> list[Shift]:
    """The colours of faces that come back without an edit."""
    return [Shift(NO_EDIT.name, b.row, b.photo, b.seed, "", b.face_shift) for b in found]


def grouped(edited: Iterable[Likeness], row: str, group: str) -> list[Likeness]:
    """A row's edits of a group."""
    names = {edit.name for edit in GROUPS[group]}
    return [likeness for likeness in edited if likeness.row == row and likeness.edit in names]


def by_group(edited: Sequence[Likeness], to_album: Sequence[Likeness]) -> Rows:
    """A line for each row and group of edits: share that passes, distances to the photo, mean distance to the album."""
    rows = [["row", "edits", "pictures", f"under {SAME_PERSON}", "mean distance", "worst", "mean, to the album"]]
    for row in dict.fromkeys(likeness.row for likeness in edited):
        for group in GROUPS:
            part = grouped(edited, row, group)
            if part:
                values = report.finite(likeness.distance for likeness in part)
                away = report.mean(likeness.distance for likeness in grouped(to_album, row, group))
                rows.append([row, group, str(len(part)), f"{np.mean([p.passes for p in part]):.1%}", number(report.mean(values)),
                             number(report.percentile(values, 100)), number(away)])
    return rows


def number(value: float, digits: int = 3) -> str:
    """A number for a table, '-' for NaN."""
    return "-" if np.isnan(value) else f"{value:.{digits}f}"
