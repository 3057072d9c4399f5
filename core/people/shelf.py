"""The shelf of people: the files in the user's folder by their names. Lists and finds without reading any weights."""
from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from core import paths
from core.assets.digests import file_digest
from core.assets.store import prior_files
from core.errors import AssetError
from core.files import atomic_write, reason
from core.people.header import About, read_about, refusals
from core.people.names import clean_name, same, slug, visible

SUFFIX = ".safetensors"


class NameTaken(AssetError):
    """There is somebody of that name already."""


@dataclass(frozen=True)
class Entry:
    """One file on the shelf.

    name: as shown. file: where it is. mib: its size. problem: why it can't be used now, in words; '' when it can. The others are
    what the file says of itself (see `About`; prior is the prior's name), empty where it can't be read.
    """

    name: str
    file: Path
    mib: float
    problem: str = ""
    digest: str = ""
    prior: str = ""
    prior_digest: str = ""
    licence: str = ""
    head: str = ""
    size: int = 0
    photos: int = 0
    preset: str = ""
    created: str = ""
    consent: str = ""


def listed() -> list[Entry]:
    """Everybody on the shelf, by name. What can't be used is there too, with its problem."""
    entries = [_entry(file) for file in _files()]
    return sorted(entries, key=lambda entry: (entry.name.casefold(), entry.file.name))


def find_person(name_or_path: str | Path) -> Path:
    """The file of a person: by name (capitals don't matter), by the name of the file on the shelf, or any file by its path.

    Raises AssetError that lists the known people.
    """
    text = str(name_or_path)
    entries = listed()
    found = [entry.file for entry in entries if same(entry.name, text)] or [e.file for e in entries if e.file.stem == text]
    if len(found) > 1:
        raise AssetError(f"There are {len(found)} people of the name '{visible(text)}': "
                         f"{', '.join(str(file) for file in found)}. Give the file of the one you mean.")
    if found:
        return found[0]
    try:
        if Path(text).is_file():
            return Path(text)
    except (OSError, ValueError):  # no path can be called that
        pass
    known = [entry.name for entry in entries if not entry.problem]
    listing = f"Known people: {', '.join(known)}." if known else f"There are none in {paths.people_dir()} yet."
    raise AssetError(f"There is no person '{visible(text)}'. {listing}")


def find_digest(digest: str) -> Path | None:
    """The file on the shelf that holds the person of a digest."""
    return next((entry.file for entry in listed() if entry.digest == digest), None)


def person_file(name: str) -> Path:
    """Where a new person of that name goes; nothing is written. Raises NameTaken when there is one of the name already."""
    return _free_file(clean_name(name), None)


def rename(old: str, new: str) -> Path:
    """Give a person on the shelf another name, and return its file. Raises AssetError, WriteError."""
    from core.people.person import read_person, renamed  # loads torch

    file, name = _own(old), clean_name(new)
    target = _free_file(name, file)
    renamed(read_person(file), name, target)
    if target != file:
        _delete(file)
    return target


def export(name: str, file: Path) -> Path:
    """Write a copy of a person's file, and return its path; a folder gets a file named after the person.

    Raises AssetError when the person's file is damaged, WriteError.
    """
    from core.people.person import read_person  # loads torch

    source, target = _own(name), export_target(name, file)
    read_person(source)
    with refusals(source):
        data = source.read_bytes()
    return atomic_write(target, data)


def export_target(name: str, file: Path) -> Path:
    """The file that `export` writes. Raises AssetError when there is no such person."""
    if file.is_dir():
        return file / f"{slug(read_about(_own(name)).name)}{SUFFIX}"
    return file if file.suffix else file.with_suffix(SUFFIX)


def import_file(file: Path, name: str | None = None) -> str:
    """Check a person's file from elsewhere, put a copy on the shelf, and return the name it has there.

    name: what to call it; None for its own name. Nothing is ever replaced. Raises AssetError when anything is wrong with the file
    or the prior it belongs to is not installed, NameTaken when there is somebody of that name, WriteError.
    """
    from core.head import load_head
    from core.people.person import read_person, renamed  # loads torch
    from core.prior import load_prior

    about = read_about(file)
    prior = load_prior(prior_of(about))
    person = read_person(file)
    person.build(prior)
    person.build_student(prior)
    wanted = load_head(person.head).identity_size
    if person.identity and len(person.identity) != wanted:
        raise AssetError(f"{visible(str(file))} can't be used as a person: its mean identity has {len(person.identity)} numbers, "
                         f"but the '{person.head}' head takes {wanted}. Get the file again, or choose another one.")
    shown = clean_name(name or person.name)
    there = find_digest(person.digest)
    if there is not None:
        raise AssetError(f"This person is here already, as '{read_about(there).name}'.")
    renamed(person, shown, _free_file(shown, None))
    return shown


def delete(name: str) -> Path:
    """Delete a person's file from the shelf, and return where it was. Raises AssetError."""
    file = _own(name)
    _delete(file)
    return file


def prior_of(about: About) -> Path:
    """The installed prior that a person belongs to. Raises AssetError naming it when it is not installed."""
    found = installed_priors().get(about.prior_digest)
    if found is None:
        raise AssetError(f"'{about.name}' {_unplaced(about)} Put that model's file into {paths.priors_dir()}, or make the person "
                         "anew with a model that is there.")
    return found


def installed_priors() -> dict[str, Path]:
    """The prior that ships and those in the user's folder, by digest."""
    found = {}
    for path in (*prior_files().values(), paths.default_prior()):
        try:
            facts = path.stat()
            found[_digest_of(path, facts.st_size, facts.st_mtime_ns)] = path
        except OSError:
            continue
    return found


@functools.lru_cache(maxsize=32)
def _digest_of(path: Path, size: int, changed: int) -> str:
    return file_digest(path)


def _files() -> list[Path]:
    return [path for path in sorted(paths.people_dir().glob(f"*{SUFFIX}")) if not path.name.startswith(".") and path.is_file()]


def _entry(file: Path) -> Entry:
    try:
        mib = file.stat().st_size / (1 << 20)
        about = read_about(file)
    except OSError as error:
        return Entry(visible(file.stem), file, 0.0, f"can't be read ({reason(error)})")
    except AssetError as error:
        return Entry(visible(file.stem), file, mib, str(error))
    return Entry(about.name, file, mib, "" if about.prior_digest in installed_priors() else _unplaced(about), about.digest,
                 about.prior_name, about.prior_digest, about.licence, about.head, about.size, about.photos,
                 str(about.card.get("preset", "")), about.created, about.consent)


def _unplaced(about: About) -> str:
    return f"was made with the model '{about.prior_name}' ({about.prior_digest[:12]}), which is not installed here."


def _own(name: str) -> Path:
    """A person's file that is on the shelf. Raises AssetError for any other."""
    file = find_person(name)
    if file.parent.resolve() != paths.people_dir().resolve():
        raise AssetError(f"{visible(str(file))} is not one of your people. Import it first.")
    return file


def _free_file(name: str, own: Path | None) -> Path:
    """A file for a name that nobody has; own: the file of the person that is renamed, which may stay where it is."""
    entries = [entry for entry in listed() if entry.file != own]
    if any(same(entry.name, name) for entry in entries):
        raise NameTaken(f"There is a person '{name}' already. Choose another name.")
    if own is not None and own.stem.casefold() == slug(name).casefold():
        return own
    taken, stem, number = {entry.file.stem.casefold() for entry in entries}, slug(name), 2
    while stem.casefold() in taken:
        stem, number = f"{slug(name)}-{number}", number + 1
    return paths.people_dir() / f"{stem}{SUFFIX}"


def _delete(file: Path) -> None:
    try:
        os.unlink(file)
    except OSError as error:
        raise AssetError(f"{file} can't be deleted: {reason(error)}.") from error
