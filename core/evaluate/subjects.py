"""The photos that pictures are made of, as aligned crops of one size, the judge that reads faces, and the edits asked for."""
from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from core import estimators
from core.codes import FaceCode
from core.errors import UserError
from core.evaluate.fits import SIZE, Refused
from core.evaluate.photos import Listed, choose, list_photos, unseen
from core.head import load_head
from core.landmarks import DetectedFace, FaceFinder
from core.photo import LoadedImage, Photo, load_image
from core.prepare import as_aligned
from core.rig import Copy, Rig, Value, apply

TEST_PHOTOS = "originals"  # folder in FOLDER whose people are kept out of training with `train --exclude`


@dataclass(frozen=True, eq=False)
class Subject:
    """A photo to edit. crop (SIZE, SIZE, 3) uint8: its aligned face; every maker of pictures starts from these pixels.

    code: its face as the judge reads it. face: the landmarks in the crop.
    """

    listed: Listed
    crop: np.ndarray
    code: FaceCode
    face: DetectedFace

    @property
    def name(self) -> str:
        """The photo's name."""
        return self.listed.name

    @cached_property
    def png(self) -> bytes:
        """The crop as a file."""
        out = io.BytesIO()
        Image.fromarray(self.crop).save(out, "PNG", compress_level=1)
        return out.getvalue()


class Judge:
    """Reads faces from pictures: landmarks and an estimator's code. estimator: 'fit' on the program's head, or 'deca' on FLAME.

    Raises AssetError where DECA's or FLAME's files were not imported.
    """

    def __init__(self, finder: FaceFinder, estimator: str = estimators.FIT) -> None:
        self.name, self.finder = estimator, finder
        self.head = load_head("flame" if estimator == estimators.DECA else "open")
        self._estimate = estimators.get(estimator, self.head.name, SIZE)

    def read(self, picture: np.ndarray) -> FaceCode | None:
        """The code of the largest face in an aligned crop (S, S, 3) uint8; None where no face is found or none fits."""
        found = self.look(picture)
        return found[0] if found else None

    def look(self, picture: np.ndarray) -> tuple[FaceCode, DetectedFace] | None:
        """The code and the landmarks, as in `read`."""
        try:
            photo = Photo.aligned_already(LoadedImage(np.ascontiguousarray(picture)), self.finder)
            return self._estimate(self.head, photo).code, photo.face
        except (UserError, ValueError, np.linalg.LinAlgError):
            return None

    def subject(self, listed: Listed) -> Subject | Refused:
        """A photo with its face aligned and read."""
        try:
            image = load_image(listed.item.read())
            photo = as_aligned(image, self.finder) or Photo.open(image, None, self.finder)
        except (UserError, ValueError) as error:
            return Refused(listed, str(error).replace("The picture", listed.name))
        return self.of_crop(listed, photo.crop(SIZE))

    def of_crop(self, listed: Listed, crop: np.ndarray) -> Subject | Refused:
        """A photo whose face is aligned already, crop (SIZE, SIZE, 3) uint8, read."""
        found = self.look(crop)
        return Subject(listed, crop, *found) if found else Refused(listed, "no face is found in its aligned crop")


@dataclass(frozen=True)
class Edit:
    """What is asked for: values of parameters, and blocks ('light', 'expression', 'pose') copied from other photos."""

    name: str
    blocks: tuple[str, ...] = ()
    values: tuple[tuple[str, Value], ...] = ()

    def rig(self, donors: Sequence[FaceCode]) -> Rig:
        """The edit as a rig. donors: the code that each block is copied from, fitted to the head of the photo to edit."""
        rig = Rig().update(dict(self.values))
        for block, code in zip(self.blocks, donors, strict=True):
            rig = rig.copy(Copy(block, code, ""))
        return rig


NO_EDIT = Edit("no edit")


@dataclass(frozen=True, eq=False)
class Case:
    """One picture to make: a photo, an edit, and the photos its blocks are copied from."""

    subject: Subject
    edit: Edit
    donors: tuple[Subject, ...] = ()

    def wanted(self, judge: Judge) -> FaceCode:
        """The code that the judge should find in the picture."""
        return apply(self.edit.rig([donor.code for donor in self.donors]), judge.head, self.subject.code)


def cases_of(subjects: Sequence[Subject], edits: Sequence[Edit]) -> list[Case]:
    """Every edit of every photo. Each block comes from another photo, always the same one. Raises UserError for a single photo
    with something to copy."""
    count = len(subjects)
    if count < 2 and any(edit.blocks for edit in edits):
        raise UserError("One photo alone has no other to copy light, expression or pose from. Take more (--count).")
    order = {"light": 0, "expression": 1, "pose": 2}
    found = []
    for i, subject in enumerate(subjects):
        for edit in edits:
            steps = (1 + order[block] * (count - 1) // 3 for block in edit.blocks)
            found.append(Case(subject, edit, tuple(subjects[(i + step) % count] for step in steps)))
    return found


def select(args: argparse.Namespace) -> list[Listed]:
    """The photos that FOLDER, --count, --kept-back, --test-photos and --skip mean. Raises UserError when there are none."""
    listed = list_photos(args.folder, args.skip)
    return choose(unseen(listed, test_photos(args)) if args.kept_back else listed, args.count)


def test_photos(args: argparse.Namespace) -> Path | None:
    """The folder of --test-photos, by default FOLDER/originals where there is one."""
    given: Path | None = args.test_photos
    if given is not None and not given.is_dir():
        raise UserError(f"{given} is no folder. Name the folder that 'main.py train --exclude' was given.")
    usual = args.folder / TEST_PHOTOS
    return given or (usual if usual.is_dir() else None)


def open_subjects(listed: Sequence[Listed], judge: Judge,
                  say: Callable[[str], object] = print) -> tuple[list[Subject], list[Refused]]:
    """Align and read every photo, in order."""
    found = [judge.subject(photo) for photo in listed]
    subjects = [entry for entry in found if isinstance(entry, Subject)]
    refused = [entry for entry in found if isinstance(entry, Refused)]
    if not subjects:
        raise UserError(f"None of the {len(listed)} photos could be used. The first: {refused[0].reason}")
    say(f"{len(subjects)} photos, {len(refused)} refused")
    return subjects, refused
