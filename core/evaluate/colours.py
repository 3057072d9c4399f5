"""Does a personal model shift colours? What its pictures' colours are beside the photos', and beside the default prior's."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.cv import cv2
from core.evaluate.fits import SIZE
from core.evaluate.making import Picture
from core.evaluate.measures import face_mask
from core.evaluate.picture_measures import colour_shift, drift, drift_error
from core.evaluate.report import Rows
from core.evaluate.subjects import Case, Judge
from core.motion import motion_field
from core.motion_masks import grid
from core.render.buffers import render_buffers

STILL_PIXELS = 1.0  # what the mesh moves by less stays where it is
_EDGE = 5  # pixels around what moves that are left out, too


@dataclass(frozen=True, eq=False)
class Shift:
    """A picture's mean colour less its photo's: (3,) CIE Lab, NaN where there is none. what: the pictures it is counted with."""

    what: str
    row: str
    photo: str
    seed: int
    edit: str
    lab: np.ndarray


@dataclass(frozen=True)
class Cast:
    """A colour cast: its size and standard error in units of CIE Lab (NaN where it can't be told), from so many photos."""

    size: float
    error: float
    photos: int

    def verdict(self, most: float) -> str:
        """Whether it is below `most`: 'yes', 'NO', or that so few photos can't tell."""
        if self.size < most:
            return "yes"
        few = "1 photo" if self.photos == 1 else f"{self.photos} photos"
        return "NO" if self.size - self.error >= most else f"can't be told from {few}"

    def __str__(self) -> str:
        return "-" if np.isnan(self.size) else f"{self.size:.2f}" + ("" if np.isnan(self.error) else f" ± {self.error:.2f}")


def still_skin(judge: Judge, case: Case) -> np.ndarray:
    """(SIZE, SIZE) bool: the part of the photo's face that an edit neither moves nor uncovers, by the fitted head."""
    subject, wanted = case.subject, case.wanted(judge)
    inside = face_mask(subject.face.points, SIZE)
    if not case.edit.values and not case.edit.blocks:
        return inside
    before = render_buffers(judge.head, subject.code, SIZE)
    after = render_buffers(judge.head, wanted, SIZE, recentre_from=subject.code)
    field = motion_field(judge.head, subject.code, wanted, before, after)
    away = np.linalg.norm(field.fetch - grid(SIZE), axis=2)
    moved = ((away > STILL_PIXELS) | (field.uncovered > 0)).astype(np.uint8)
    return inside & (cv2.dilate(moved, np.ones((2 * _EDGE + 1,) * 2, np.uint8)) == 0)


def edited_shifts(what: str, judge: Judge, pictures: Sequence[Picture]) -> list[Shift]:
    """The shifts of edited pictures on the skin that stays where it is."""
    masks: dict[int, np.ndarray] = {}
    found = []
    for picture in pictures:
        case = picture.case
        if id(case) not in masks:
            masks[id(case)] = still_skin(judge, case)
        lab = np.full(3, np.nan) if picture.pixels is None else colour_shift(picture.pixels, case.subject.crop, masks[id(case)])
        found.append(Shift(what, picture.row.name, case.subject.name, getattr(picture.row, "seed", 0), case.edit.name, lab))
    return found


def cast(shifts: Sequence[Shift]) -> Cast:
    """The cast that shifts share: over photos, each the mean of its own (seeds and edits of one photo are no news of others)."""
    by_photo: dict[str, list[np.ndarray]] = {}
    for shift in shifts:
        if np.isfinite(shift.lab).all():
            by_photo.setdefault(shift.photo, []).append(shift.lab)
    means = [np.asarray(np.mean(own, 0)) for own in by_photo.values()]
    return Cast(drift(means), drift_error(means), len(means))


def of_row(shifts: Sequence[Shift], what: str, row: str) -> Cast:
    """The cast of a row's pictures."""
    return cast([shift for shift in shifts if (shift.what, shift.row) == (what, row)])


def beside(shifts: Sequence[Shift], what: str, before: str, after: str) -> Cast:
    """The cast of a row's pictures less those of another row, pair by pair of equal photo, seed and edit."""
    first = {(s.photo, s.seed, s.edit): s.lab for s in shifts if (s.what, s.row) == (what, before)}
    return cast([Shift(what, after, s.photo, s.seed, s.edit, s.lab - first[s.photo, s.seed, s.edit]) for s in shifts
                 if (s.what, s.row) == (what, after) and (s.photo, s.seed, s.edit) in first])


def table(shifts: Sequence[Shift], pairs: Sequence[tuple[str, str]]) -> Rows:
    """A line for each kind of pictures and row: against the photo, and against the default prior's. pairs: (before, after)."""
    rows = [["pictures", "row", "photos", "drift from the photo", "drift from the default prior"]]
    partner = {after: before for before, after in pairs}
    for what, row in dict.fromkeys((s.what, s.row) for s in shifts):
        own = of_row(shifts, what, row)
        other = str(beside(shifts, what, partner[row], row)) if row in partner else "-"
        rows.append([what, row, str(own.photos), str(own), other])
    return rows
