"""Smiles against the truth: a neutral photo gets its smiling twin's expression, and is compared with that twin.

Both photos show one person in one light (the London pairs), so the real smiling photo says what the edit should have given.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.cv import cv2
from core.evaluate import report
from core.evaluate.fits import SIZE
from core.evaluate.making import Picture
from core.evaluate.measures import face_mask
from core.evaluate.pairs import smile_score
from core.evaluate.photos import Listed
from core.evaluate.picture_measures import embedding, identity_distance, perceptual, rmse
from core.evaluate.report import Rows
from core.evaluate.subjects import Case, Edit, Judge, Subject
from core.landmarks import DetectedFace, FaceFinder

SMILE = Edit("the smiling photo's expression", ("expression",))
# landmarks that an expression hardly moves: eye corners, the nose's bridge and tip
_STILL = (33, 133, 362, 263, 168, 6, 197, 195, 5, 4)


@dataclass(frozen=True)
class Truth:
    """A row's picture against the real smiling photo. colour: RMSE in the face, 0 to 255; perceptual: distance in the face;
    identity: distance of the re-identification network; smile: how far the smile's score is off. NaN where no face was found."""

    row: str
    person: str
    colour: float
    perceptual: float
    identity: float
    smile: float


def smile_cases(pairs: Sequence[tuple[Listed, Listed]], judge: Judge) -> list[Case]:
    """A case for each pair of which both photos can be used."""
    found = []
    for pair in pairs:
        neutral, smiling = (judge.subject(listed) for listed in pair)
        if isinstance(neutral, Subject) and isinstance(smiling, Subject):
            found.append(Case(neutral, SMILE, (smiling,)))
    return found


def against_truth(pictures: Sequence[Picture], finder: FaceFinder) -> list[Truth]:
    """Every row's pictures compared with the real photos."""
    real = {id(p.case): embedding(p.case.donors[0].crop, finder) for p in pictures}
    found = []
    for picture in pictures:
        case, truth = picture.case, picture.case.donors[0]
        if picture.pixels is None:
            found.append(Truth(picture.row.name, case.subject.listed.person, *[float("nan")] * 4))
            continue
        laid, valid = laid_over(picture.pixels, case.subject.face, truth.face)
        mask = face_mask(truth.face.points, SIZE) & valid
        faces = finder.detect(picture.pixels, thorough=False)
        smile = abs(smile_score(faces[0].blendshapes) - smile_score(truth.face.blendshapes)) if faces else float("nan")
        found.append(Truth(picture.row.name, case.subject.listed.person, rmse(laid, truth.crop, mask),
                           perceptual(laid, truth.crop, mask),
                           identity_distance(real[id(case)], embedding(picture.pixels, finder)), smile))
    return found


def laid_over(picture: np.ndarray, own: DetectedFace, other: DetectedFace) -> tuple[np.ndarray, np.ndarray]:
    """A picture (S, S, 3) moved, turned and scaled so that its photo's eyes and nose lie on the other photo's, and where it has
    pixels (S, S). The photo's landmarks are taken, not the picture's: all rows get the same change."""
    change, _ = cv2.estimateAffinePartial2D(own.points[list(_STILL)], other.points[list(_STILL)], method=cv2.LMEDS)
    side = picture.shape[0]
    moved = cv2.warpAffine(picture, change, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    valid = cv2.warpAffine(np.ones((side, side), np.float32), change, (side, side), flags=cv2.INTER_LINEAR)
    return moved, valid > 0.99


def table(found: Sequence[Truth]) -> Rows:
    """A line for each row, means over the people."""
    rows = [["row", "people", "colour in the face, RMSE", "perceptual, in the face", "identity", "smile score off by"]]
    for name in dict.fromkeys(f.row for f in found):
        part = [f for f in found if f.row == name]
        values = (report.mean(getattr(f, field) for f in part) for field in ("colour", "perceptual", "identity", "smile"))
        rows.append([name, str(len(part)), *("-" if np.isnan(v) else f"{v:.{d}f}" for v, d in zip(values, (1, 3, 3, 3),
                                                                                                  strict=True))])
    return rows
