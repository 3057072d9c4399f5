"""What a batch makes: every rig on every photo, each picture with a name and a key that says when it has to be made anew."""
from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.edit_arguments import parse_value
from core.errors import ParameterError, UserError
from core.head.base import HeadModel
from core.light_command import EnvironmentFile, with_environment
from core.people.names import visible
from core.people.shelf import find_digest
from core.prepare_items import Item, find_items
from core.presets import with_presets
from core.project import SUFFIX as PROJECT
from core.project import read_project
from core.reopen import plain_edit
from core.request import RenderRequest
from core.rig import Value, apply

PATTERN = "{photo}__{edit}"  # of names of pictures
PLAIN_RIG = "edit"  # what the changes of the command line are called where there is no rig file


_ANY_PLACE = re.compile(r"\{(\w*)\}")
_PLACES = re.compile(r"\{(photo|edit|number)\}")


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
    """The edit in a file: a rig or a whole request as JSON, an `edit --report`, plain {name: value}, an exported picture, or a
    project.

    A whole request brings its own seed, steps, noise, strength and person; for the others they are the draft's. size is the
    draft's, and so is the person where it has one.
    Raises UserError for anything else.
    """
    plain = read_project(path).request.to_json() if path.suffix.lower() == PROJECT else plain_edit(path)
    try:
        if isinstance(plain.get("request"), dict):
            plain = plain["request"]
        if "rig" in plain:
            found = RenderRequest.from_json(plain)
            request = replace(found, photo="", prior="", size=draft.size, quality="settled")
            if draft.person is not None:
                request = replace(request, person=draft.person, identity=draft.identity)
        else:
            plain = plain if isinstance(plain.get("values"), dict) else {"values": plain}
            values = {name: parse_value(name, v) if isinstance(v, str) else v for name, v in plain["values"].items()}
            request = replace(draft, rig=RenderRequest.from_json({"rig": {**plain, "values": values}}).rig)
    except UserError as error:
        raise ParameterError(f"{visible(str(path))}: {visible(str(error))} A rig is JSON as in {{\"light.azimuth\": 60}}, a "
                             "request as 'main.py edit --report' writes it, or a picture that this program exported.") from error
    if request.person not in (None, draft.person) and find_digest(request.person) is None:
        raise UserError(f"{path} was made with the model of a person who is not here. Import that person with 'main.py people "
                        "import', or give another one with --person.")
    if request.rig.copied("appearance"):
        raise UserError(f"{path} takes the appearance from another photo, which it only names. Give that photo with "
                        "--copy appearance:PHOTO2 and leave the block out of the file.")
    return request


def rigs_of(files: Iterable[Path], changes: Mapping[str, Value], draft: RenderRequest, head: HeadModel,
            wanted: Sequence[tuple[str, str, float]] = (), environment: EnvironmentFile | None = None) -> list[NamedRig]:
    """The rigs of files, and of folders of files, each with the presets `wanted` (see `core.presets.with_presets`), the
    `environment` and then `changes` laid over it; without files those alone.

    Raises UserError for a file that is no rig, and names and values that this head has not.
    """
    paths = [path for file in files for path in (_in_folder(file) if file.is_dir() else [file])]
    found = [(path.stem, read_rig(path, draft)) for path in paths] or [(PLAIN_RIG, draft)]
    again = Counter(name for name, _ in found)
    twice = [name for name, count in again.items() if count > 1]
    if twice:
        raise UserError(f"Two rigs are called '{twice[0]}', so their pictures would have the same name. Rename one of them.")
    rigs = []
    for name, request in found:
        rig = with_environment(with_presets(head, request.rig, wanted), environment)
        request = replace(request, rig=rig.update(changes))
        try:
            apply(request.rig, head, head.zero_code())
        except ParameterError as error:
            raise ParameterError(f"The rig '{name}': {error}" if paths else str(error)) from error
        rigs.append(NamedRig(name, request))
    return rigs


def _in_folder(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.json"))
    if not found:
        raise UserError(f"{visible(str(folder))} is a folder without rigs (.json). Choose another one, or the files themselves.")
    return found


def plan(sources: Sequence[Path], rigs: Sequence[NamedRig], out: Path, ending: str, decides: Mapping[str, Any],
         pattern: str = PATTERN) -> list[Task]:
    """A task for every photo and rig, photo after photo.

    ending: of the pictures, as '.png'. decides: what else the pictures depend on, as plain values. pattern: of their names:
    {photo}, {edit} and {number} stand for themselves.

    Photos in `out` itself are left out: they are what earlier batches made. Raises UserError when there is no photo, or two
    pictures would have the same name.
    """
    inside = os.path.join(os.path.abspath(out), "")
    photos = {(item.container, item.member): item for item in find_items([os.path.abspath(source) for source in sources])
              if not item.container.startswith(inside)}
    if not photos:
        raise UserError(f"All photos named are in {out}, where the results go. Choose another folder for --out.")
    again = Counter(item.name.lower() for item in photos.values())  # some disks know no capitals
    tasks, taken = list[Task](), set[str]()
    for item in photos.values():
        place = hashlib.sha256(f"{item.container}:{item.member}".encode()).hexdigest()[:6]
        photo = item.name if again[item.name.lower()] == 1 else f"{item.name}-{place}"
        facts = os.stat(item.container)
        own = [item.container, item.member, facts.st_size, facts.st_mtime_ns]
        for rig in rigs:
            text = json.dumps([own, rig.request.to_json(), dict(decides)], sort_keys=True)
            key = hashlib.sha256(text.encode()).hexdigest()[:20]
            name = file_name(pattern, photo, rig.name, len(tasks) + 1)
            if name.lower() in taken:
                raise UserError(f"Two pictures would be called '{name}'. Put {{photo}} and {{edit}} into the name, or "
                                "{number}.")
            taken.add(name.lower())
            tasks.append(Task(item, rig, Path(out) / f"{name}{ending}", key))
    return tasks


def file_name(pattern: str, photo: str, edit: str, number: int) -> str:
    """A picture's name without its ending. Raises UserError for a pattern that gives none, or one that is a path."""
    values = {"photo": photo, "edit": edit, "number": f"{number:04d}"}
    unknown = set(_ANY_PLACE.findall(pattern)) - set(values)
    if unknown:
        raise UserError(f"'{pattern}' names {{{visible(min(unknown))}}}, which there is not. "
                        "Use {photo}, {edit} and {number}.")
    name = _PLACES.sub(lambda found: values[found[1]], pattern).strip()
    if not name.strip(". ") or any(mark in name for mark in "/\\\0:"):
        raise UserError(f"'{pattern}' gives no file name ('{name}'). Use letters, {{photo}}, {{edit}} and {{number}}.")
    return name
