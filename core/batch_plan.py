"""What a batch makes: every rig on every photo, each picture with a name and a key that says when it has to be made anew."""
from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.edit_command import parse_value
from core.errors import ParameterError, UserError
from core.export import SUFFIXES, read_request
from core.head.base import HeadModel
from core.people.shelf import find_digest
from core.prepare_items import Item, find_items
from core.request import RenderRequest
from core.rig import Rig, Value, apply

PLAIN_RIG = "edit"  # what the changes of the command line are called where there is no rig file


@dataclass(frozen=True)
class NamedRig:
    """An edit and how it is made: a request without photo and prior. name: for file names and reports."""

    name: str
    request: RenderRequest


@dataclass(frozen=True)
class Task:
    """One picture to make. out: where it goes. key: digest of everything that decides it."""

    photo: Item
    rig: NamedRig
    out: Path
    key: str

    @property
    def shown(self) -> str:
        """The photo as it is named in reports."""
        return f"{self.photo.container}:{self.photo.member}" if self.photo.member else self.photo.container


def read_rig(path: Path, draft: RenderRequest) -> RenderRequest:
    """The edit in a file: a rig or a whole request as JSON, an `edit --report`, plain {name: value}, or an exported picture.

    A whole request brings its own seed, steps, noise, strength and person; for the others they are the draft's. size is the
    draft's, and so is the person where it has one.
    Raises UserError for anything else.
    """
    plain = _json_of(path)
    try:
        if isinstance(plain.get("request"), dict):
            plain = plain["request"]
        if "rig" in plain:
            found = RenderRequest.from_json({"photo": "", **plain})
            request = replace(found, photo="", prior="", size=draft.size, quality="settled")
            if draft.person is not None:
                request = replace(request, person=draft.person, identity=draft.identity)
        else:
            plain = plain if isinstance(plain.get("values"), dict) else {"values": plain}
            values = {name: parse_value(name, v) if isinstance(v, str) else v for name, v in plain["values"].items()}
            rig = Rig.from_json({**plain, "values": values})
            request = replace(draft, rig=rig)
    except UserError as error:
        raise ParameterError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is no rig ({' '.join(str(error).split())}). A rig is JSON as in {{\"light.azimuth\": 60}}, a "
                        "request as 'main.py edit --report' writes it, or a picture that this program exported.") from error
    if request.person not in (None, draft.person) and find_digest(request.person) is None:
        raise UserError(f"{path} was made with the model of a person who is not here. Import that person with 'main.py people "
                        "import', or give another one with --person.")
    if request.rig.copied("appearance"):
        raise UserError(f"{path} takes the appearance from another photo, which it only names. Give that photo with "
                        "--copy appearance:PHOTO2 and leave the block out of the file.")
    return request


def _json_of(path: Path) -> dict[str, Any]:
    if path.suffix.lower() in SUFFIXES:
        found = read_request(path)
        if found is None:
            raise UserError(f"{path} holds no edit: it is no picture that this program exported, or its metadata were taken out.")
        return found
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror or error}). Check the name.") from error
    except ValueError as error:
        raise UserError(f"{path} is no JSON ({error}). Write the rig anew.") from error
    if not isinstance(plain, dict):
        raise UserError(f"{path} is no rig: it holds a {type(plain).__name__}, not names and values.")
    return plain


def rigs_of(files: Iterable[Path], changes: Mapping[str, Value], draft: RenderRequest, head: HeadModel) -> list[NamedRig]:
    """The rigs of files, and of folders of files, each with `changes` laid over it; without files the changes alone.

    Raises UserError for a file that is no rig, and names and values that this head has not.
    """
    paths = [path for file in files for path in (sorted(file.glob("*.json")) if file.is_dir() else [file])]
    found = [(path.stem, read_rig(path, draft)) for path in paths] or [(PLAIN_RIG, draft)]
    again = Counter(name for name, _ in found)
    twice = [name for name, count in again.items() if count > 1]
    if twice:
        raise UserError(f"Two rigs are called '{twice[0]}', so their pictures would have the same name. Rename one of them.")
    rigs = []
    for name, request in found:
        request = replace(request, rig=request.rig.update(changes))
        try:
            apply(request.rig, head, head.zero_code())
        except ParameterError as error:
            raise ParameterError(f"The rig '{name}': {error}" if paths else str(error)) from error
        rigs.append(NamedRig(name, request))
    return rigs


def plan(sources: Sequence[Path], rigs: Sequence[NamedRig], out: Path, ending: str, decides: Mapping[str, Any]) -> list[Task]:
    """A task for every photo and rig, photo after photo.

    ending: of the pictures, as '.png'. decides: what else the pictures depend on, as plain values.

    Photos in `out` itself are left out: they are what earlier batches made. Raises UserError when there is no photo.
    """
    inside = os.path.join(os.path.abspath(out), "")
    photos = {(item.container, item.member): item for item in find_items([os.path.abspath(source) for source in sources])
              if not item.container.startswith(inside)}
    if not photos:
        raise UserError(f"All photos named are in {out}, where the results go. Choose another folder for --out.")
    again = Counter(item.name.lower() for item in photos.values())  # some disks know no capitals
    tasks = []
    for item in photos.values():
        place = hashlib.sha256(f"{item.container}:{item.member}".encode()).hexdigest()[:6]
        name = item.name if again[item.name.lower()] == 1 else f"{item.name}-{place}"
        facts = os.stat(item.container)
        own = [item.container, item.member, facts.st_size, facts.st_mtime_ns]
        for rig in rigs:
            text = json.dumps([own, rig.request.to_json(), dict(decides)], sort_keys=True)
            key = hashlib.sha256(text.encode()).hexdigest()[:20]
            tasks.append(Task(item, rig, Path(out) / f"{name}__{rig.name}{ending}", key))
    return tasks
