"""Exported pictures and reports open again as edits: what is in the file, which photo it belongs to, and what of it is gone.

The files may come from anybody: everything in them is checked (`RenderRequest.from_json`), nothing in them is run, and a path
that a file names is only looked at.
"""
from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ParameterError, UserError
from core.export import MADE_FROM, SUFFIXES, read_record
from core.files import check_file, read_file
from core.people.names import visible
from core.people.shelf import find_digest, installed_priors
from core.photo import MAX_FILE_BYTES
from core.project.places import find_photo
from core.request import RenderRequest

MAX_JSON = 32 << 20
_LONGEST = 1000  # of a name or path in a file
_KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "yes or no", type(None): "nothing"}


@dataclass(frozen=True)
class Reopened:
    """An edit found in a file.

    file: where it was. request: the edit; its `photo` is the source photo's digest. photo: that photo's name, '' where the file
    doesn't say. path: where it lay, of reports ('' for pictures: they name no folders). face, aligned: how it was opened. model:
    the prior's name.
    """

    file: Path
    request: RenderRequest
    photo: str = ""
    path: str = ""
    face: int | None = None
    aligned: bool = False
    model: str = ""

    @property
    def shown_photo(self) -> str:
        """What to call the source photo."""
        return f"'{self.photo}'" if self.photo else "the photo it was made from"

    def find_photo(self) -> Path | None:
        """A file that may be the source photo: where it was last seen, beside this file, or where the report says. The digest of
        what is opened tells whether it is."""
        hints = [self.file.parent, *([Path(self.path)] if self.path else [])]
        found = find_photo(self.request.photo, self.photo, hints if self.photo else hints[1:])
        return found if found is None or not _same(found, self.file) else None

    @property
    def person_missing(self) -> bool:
        """Whether it was made with the model of a person who is not on the shelf."""
        return self.request.person is not None and find_digest(self.request.person) is None


def plain_edit(path: Path) -> dict[str, Any]:
    """The JSON of an edit: of a JSON file, or out of a picture that was exported. Raises UserError where there is none."""
    if path.suffix.lower() in SUFFIXES:
        check_file(path, MAX_FILE_BYTES)
        found = read_record(path)
        if found is None:
            raise UserError(f"{visible(str(path))} holds no edit: it is no picture that this program exported, or its metadata "
                            "were taken out.")
        if found.get("too_long"):
            raise UserError(f"The edit of {visible(str(path))} was too long for its metadata. Use the report, or export as PNG "
                            "or TIFF.")
        return found
    try:
        plain = json.loads(read_file(path, MAX_JSON).decode("utf-8"))
    except (ValueError, RecursionError, OverflowError) as error:
        raise UserError(f"{visible(str(path))} is no JSON ({visible(str(error))[:120]}). Write the rig anew.") from error
    if not isinstance(plain, dict):
        raise UserError(f"{visible(str(path))} is no rig: it holds {_KINDS.get(type(plain), 'something else')}, not names and "
                        "values.")
    return plain


def read_edit(path: Path) -> Reopened:
    """The edit in an exported picture, a report of `main.py edit`, or a request as JSON. Raises UserError that says what is
    wrong."""
    plain = plain_edit(path)
    report = isinstance(plain.get("request"), dict)
    about = plain.get("photo") if report else plain.get(MADE_FROM)
    about = about if isinstance(about, dict) else {}
    model = plain.get("model")
    named = model.get("name") if report and isinstance(model, dict) else about.get("model")
    request = plain["request"] if report else plain
    if "rig" not in request:
        raise UserError(f"{visible(str(path))} holds no edit that could be opened: a rig alone belongs to no photo. Lay it over "
                        "one with 'main.py batch --rig', or in the window's queue.")
    try:
        found = RenderRequest.from_json(request)
    except ParameterError as error:
        raise ParameterError(f"{visible(str(path))}: {visible(str(error))}") from error
    where = _text(about.get("path" if report else "photo"))
    return Reopened(path, found, re.split(r"[/\\]", where)[-1], where if report else "", _face(about.get("face")),
                    about.get("aligned") is True, _text(named))


def completed(arguments: argparse.Namespace, found: Reopened) -> argparse.Namespace:
    """The arguments of `main.py edit --from` with what they leave open taken from the file: photo, face, person and model.

    Raises UserError when the photo, or the model of the person, is not here.
    """
    given = argparse.Namespace(**vars(arguments))
    if given.photo is None:
        given.photo = found.find_photo()
        if given.photo is None:
            raise UserError(f"{found.file} was made from {found.shown_photo}, which was not found. Name the photo: edit --from "
                            f"{found.file} PHOTO")
    given.face = found.face if given.face is None else given.face
    given.aligned = given.aligned or found.aligned
    if given.person is None and found.request.person is not None:
        given.person = find_digest(found.request.person)
        if given.person is None:
            raise UserError(f"{found.file} was made with the model of a person who is not here. Import that person with 'main.py "
                            "people import', or give another one with --person.")
    elif given.prior is None and given.person is None:
        given.prior = installed_priors().get(found.request.prior)
    return given


def differences(found: Reopened, photo: str, prior: str, model: str) -> list[str]:
    """Why the picture won't be the same again, in words. photo, prior: digests of what is used; model: the prior's name."""
    words = []
    if photo != found.request.photo:
        words.append(f"this is not {found.shown_photo} that {found.file.name} was made from: its edit is laid over this photo")
    if prior != found.request.prior:
        words.append(f"{found.file.name} was made with the model '{found.model or found.request.prior[:12]}', which is not in "
                     f"use; the picture of '{model}' will differ")
    return words


def holds_edit(path: Path) -> bool:
    """Whether a file is a picture or a report with an edit that belongs to a photo; looks no farther than the metadata."""
    if path.suffix.lower() not in (*SUFFIXES, ".json"):
        return False
    try:
        return bool(read_edit(path).request.photo)
    except UserError:
        return False


def _text(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST and value.isprintable() else ""


def _face(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1000 else None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
