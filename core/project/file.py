"""Project files: a zip of project.json, the photo, and the pictures of the history with their requests.

| entry | holds |
|---|---|
| project.json | the document: request (rig, seed ...), photo and model by name and digest, timeline, view, snapshots |
| photos/SHA256.ext | the photo's file as it was, and those of copied appearances |
| snapshots/ID.png, .json | one picture of the history, and its request |
| thumbnail.jpg | how the picture looked, for lists of projects |

The same entries in a folder are what a crash leaves (`core.project.recovery`). Files are untrusted: see `core.project.archive`
for what is refused at once. A picture of the history or an embedded photo that is damaged is left out with a note, so that it
can't take the rest with it.
"""
from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import core
from core.assets.problems import Unfit
from core.errors import UserError
from core.files import WriteError, atomic_save, check_file
from core.people.names import visible
from core.photo import MAX_FILE_BYTES, load_image
from core.project.archive import MAX_TOTAL, FolderSource, Source, opened, words
from core.project.entries import MAIN, THUMBNAIL, Entries, entries_of
from core.project.migrations import migrated
from core.project.parts import model_of, person_of, photo_of, request_of, view_of
from core.project.plain import parse, rows, table, take
from core.project.project import NamedPhoto, Project, ProjectError
from core.project.snapshot import Snapshot, StoredSnapshot

MAX_TEXT = 64 << 20
MAX_REQUEST = 8 << 20
MAX_PICTURE = 64 << 20
MAX_SNAPSHOTS = 5000
_KNOWN = {"format", "app", "saved", "photo", "request", "person", "people", "timeline", "model", "copies", "snapshots", "view"}
_ODD = (UserError, Unfit, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)
T = TypeVar("T")


def write_project(path: str | Path, project: Project) -> Path:
    """Write a project file at once, and return its path. What was there before stays as FILE~ beside it.

    The new file is read back, each byte of it, before it takes the name. Takes as long as the photo is large: not for the
    window's thread. Raises WriteError, and ProjectError where what was written can't be read back; the file is then as it was.
    """
    path = Path(path)
    entries = entries_of(replace(project, saved=time.time(), app=core.__version__))

    def write(file: Any) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, data in entries.files.items():
                archive.writestr(name, data, zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED)

    return atomic_save(path, write, check=partial(_check, path, entries), backup=path.with_name(path.name + "~"))


def read_project(path: str | Path) -> Project:
    """The project in a file. Raises ProjectError that says what is wrong and what to do."""
    path = Path(path)
    check_file(path, MAX_TOTAL, ProjectError)
    with refusals(path), opened(path) as source:
        return _read(source)


def read_folder(folder: Path) -> Project:
    """The project whose entries lie in a folder. Raises ProjectError."""
    with refusals(folder):
        return _read(FolderSource(folder))


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Within it, what is wrong with a project becomes a ProjectError that names the file and what to do."""
    shown = visible(str(path))
    backup = path.with_name(path.name + "~")
    try:
        yield
    except Unfit as error:
        aside = f"; the version before it is {visible(backup.name)}" if not path.name.endswith("~") and backup.is_file() else ""
        raise ProjectError(f"{shown} can't be opened as a project: {error}{aside}.") from error
    except OSError as error:
        raise ProjectError(f"{shown} can't be read ({words(error)}).") from error
    except MemoryError as error:
        raise ProjectError(f"{shown} does not fit into memory. Close other programs and open it again.") from error


def _check(path: Path, entries: Entries, written: Path) -> None:
    """Raises ProjectError unless the file holds what was to be written, and reads as a project."""
    try:
        with opened(written) as source:
            for name, data in entries.files.items():
                if source.read(name, len(data)) != data:
                    raise Unfit(f"'{name}' came back different")
            _document(source)
    except Unfit as error:
        raise ProjectError(f"{visible(str(path))} was not saved: what was written could not be read back ({error}). The disk "
                           "may be damaged; save to another one.") from error
    except OSError as error:
        raise WriteError(f"Could not write {path}: {words(error)}.") from error


def _document(source: Source) -> dict[str, Any]:
    plain = table(parse(source.read(MAIN, MAX_TEXT), "its text"), "its text")
    plain = migrated(plain)
    request_of(plain.get("request"))
    return plain


def _read(source: Source) -> Project:
    if MAIN not in source.names():
        raise Unfit("it is no project of this program")
    plain = _document(source)
    notes: list[str] = []
    rows_of_people = table(plain.get("people", {}), "the list of people").values()
    found = [_lenient(notes, "a person", partial(person_of, row)) for row in rows_of_people]
    people = {person.digest: person for person in found if person is not None}
    photo = _with_data(source, plain["photo"], notes) if plain.get("photo") is not None else None
    copies = [_with_data(source, row, notes) for row in rows(plain.get("copies", []), "the list of photos", 64)]
    snapshots = [_lenient(notes, f"picture {number} of the history", partial(_snapshot, source, row, people))
                 for number, row in enumerate(rows(plain.get("snapshots", []), "the history", MAX_SNAPSHOTS), 1)]
    return Project(
        request_of(plain.get("request")), photo, people.get(take(plain, "person", str, "")),
        _lenient(notes, "the timeline", lambda: _timeline(plain.get("timeline"))), model_of(plain.get("model")),
        tuple(copy for copy in copies if copy is not None), tuple(one for one in snapshots if one is not None),
        view_of(plain.get("view")), _lenient([], "the thumbnail", lambda: load_image(source.read(THUMBNAIL, 1 << 20)).pixels),
        take(plain, "saved", float, 0.0), take(plain, "app", str, ""), tuple(notes),
        {name: value for name, value in plain.items() if name not in _KNOWN})


def _with_data(source: Source, row: Any, notes: list[str]) -> NamedPhoto | None:
    """A photo that the project names, with its file where that is in the project and undamaged."""
    photo = _lenient(notes, "the name of a photo", lambda: photo_of(row))
    if photo is None or not isinstance(row.get("file"), str):
        return photo

    def data() -> bytes:
        found = source.read(row["file"], MAX_FILE_BYTES)
        if photo.sha256 and hashlib.sha256(found).hexdigest() != photo.sha256:
            raise Unfit("it is not what it was")
        return found

    return replace(photo, data=_lenient(notes, f"the copy of {visible(photo.name)}", data))


def _snapshot(source: Source, row: Any, people: dict[str, Any]) -> Snapshot:
    plain = table(row, "it")
    request = plain.get("request")
    if isinstance(request, str):
        request = parse(source.read(request, MAX_REQUEST), "its request")
    distance = take(plain, "distance", float, -1.0)
    return StoredSnapshot(
        source.read(take(plain, "picture", str, ""), MAX_PICTURE), request=request_of(request),
        pinned=take(plain, "pinned", bool, False), name=take(plain, "name", str, ""), made=take(plain, "made", float, 0.0),
        distance=distance if distance >= 0 else None, person=people.get(take(plain, "person", str, "")))


def _timeline(plain: Any) -> Any:
    if plain is None:
        return None
    from core.film.timeline import Timeline

    return Timeline.from_json(plain)


def _lenient(notes: list[str], what: str, make: Callable[[], T]) -> T | None:
    """What `make` returns; None with a note where it can't be had."""
    try:
        return make()
    except _ODD as error:
        said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        notes.append(f"{what[0].upper()}{what[1:]} was left out: {visible(said)[:200]}.")
        return None
