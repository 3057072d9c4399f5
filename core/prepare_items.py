"""Which pictures there are to prepare, which of them are the same, and into which shards they go."""
from __future__ import annotations

import errno
import hashlib
import json
import os
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import PhotoError, UserError
from core.photo import MAX_FILE_BYTES, SUFFIXES

VERSION = 1
SHARD = 128
_TAIL = 4096  # bytes at a file's end that tell nearly all pictures of the same size apart
_LOST_DISK = (errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV)


class SourceGone(PhotoError):
    """A source that was there when the pictures were listed can't be reached now: no fault of the picture."""


@dataclass(frozen=True)
class Item:
    """One picture to prepare: a file, or a member of a tar or zip.

    offset, size: where a member's bytes lie in a tar that is not compressed (offset -1: not known), and how many there are.
    same_as: the name of an earlier picture with the same bytes, or ''.
    """

    container: str
    member: str = ""
    offset: int = -1
    size: int = -1
    same_as: str = ""

    @property
    def name(self) -> str:
        """The picture's name without folder and ending."""
        return PurePosixPath(self.member or self.container).stem

    def read(self) -> bytes:
        """Its bytes. Raises PhotoError when they can't be read or are too many, SourceGone when the disk or folder is away."""
        if self.size > MAX_FILE_BYTES:
            raise PhotoError(f"{self.name} has {self.size / 2**20:.0f} MiB; at most {MAX_FILE_BYTES >> 20} can be opened.")
        return self._bytes(0, None)

    def tail(self) -> bytes:
        """The last bytes, for comparing. Raises as `read`."""
        if self.member and self.offset < 0 or self.size < 0:
            return self.read()[-_TAIL:]
        return self._bytes(max(0, self.size - _TAIL), min(self.size, _TAIL))

    def _bytes(self, start: int, count: int | None) -> bytes:
        try:
            if self.member and self.offset < 0:
                return _member(self.container, self.member)
            with open(self.container, "rb") as file:
                file.seek(max(0, self.offset) + start)
                return file.read(count if count is not None else self.size if self.member else -1)
        except OSError as error:
            place = Path(self.container) if self.member else Path(self.container).parent
            if error.errno in _LOST_DISK or not place.exists():
                raise SourceGone(f"{place} can't be reached any more. Nothing done so far is lost: make it available (on every "
                                 "machine of a cluster at the same path) and start again.") from error
            raise PhotoError(f"{self.name} can't be read ({error.strerror or error}).") from error
        except (tarfile.TarError, zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, EOFError) as error:
            raise PhotoError(f"{self.name} can't be read: it is damaged in its archive ({error}). Pack it again.") from error


def _member(container: str, member: str) -> bytes:
    opened = _opened(container, os.stat(container).st_mtime_ns)
    if isinstance(opened, zipfile.ZipFile):
        return opened.read(member)
    file = opened.extractfile(member)
    if file is None:
        raise KeyError(member)
    return file.read()


@lru_cache(maxsize=2)
def _opened(container: str, _changed: int) -> Any:
    """A zip or compressed tar kept open, because finding a member means reading all names."""
    return zipfile.ZipFile(container) if zipfile.is_zipfile(container) else tarfile.open(container)


# -- finding ----------------------------------------------------------------------------------------------------------------


def find_items(sources: Iterable[str | Path]) -> list[Item]:
    """All pictures in folders (searched through), tars, zips and single files, sorted within each; hidden files are left out.

    Raises UserError for a source that does not exist or that is no picture.
    """
    items: list[Item] = []
    for source in sources:
        path = Path(source)
        try:
            if path.is_dir():
                items += [Item(str(p), size=p.stat().st_size) for p in sorted(path.rglob("*"))
                          if _is_picture(p.name) and p.is_file()]
            elif path.is_file() and zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    items += sorted((Item(str(path), m.filename, size=m.file_size) for m in archive.infolist()
                                     if not m.is_dir() and _is_picture(m.filename)), key=lambda item: item.member)
            elif path.is_file() and tarfile.is_tarfile(path):
                items += _in_tar(path)
            elif path.is_file() and _is_picture(path.name):
                items.append(Item(str(path), size=path.stat().st_size))
            else:
                raise UserError(f"{source} is neither a folder, nor a tar or zip, nor a picture. Check the path.")
        except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
            raise UserError(f"{source} is damaged or cut short ({error}). Copy or download it again.") from error
        except OSError as error:
            raise UserError(f"{source} can't be read ({error.strerror or error}). Check that you may open it.") from error
    if not items:
        raise UserError("No pictures were found there. Name a folder or a tar with photos in it.")
    return items


def _in_tar(path: Path) -> list[Item]:
    """Members with their places, so that nobody has to read all headers again; of a compressed tar in its own order."""
    items: list[Item] = []
    try:
        plain = tarfile.open(path, "r:")
    except tarfile.TarError:
        plain = None
    with plain or tarfile.open(path) as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # a data set's hundred thousand headers need no place in memory
            if member.isreg() and not member.issparse() and _is_picture(member.name):
                items.append(Item(str(path), member.name, member.offset_data if plain else -1, member.size))
    return sorted(items, key=lambda item: item.member) if plain else items


def _is_picture(name: str) -> bool:
    plain = PurePosixPath(name).name
    return not plain.startswith(".") and plain.lower().endswith(SUFFIXES)


def mark_same(items: Sequence[Item]) -> list[Item]:
    """The items, those with the same bytes as an earlier one marked. Few are read whole: size and last bytes must agree first."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        groups[(item.size,)].append(index)
    for look in (Item.tail, Item.read):
        finer: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for key, indices in groups.items():
            for index in indices if len(indices) > 1 else ():
                finer[(*key, _digest_of(items[index], look))].append(index)
        groups = finer
    marked = list(items)
    for key, indices in groups.items():
        for index in indices[1:] if key[-1] else ():
            marked[index] = replace(items[index], same_as=items[indices[0]].name)
    return marked


def _digest_of(item: Item, look: Any) -> str:
    """'' for what can't be read: the workers say why."""
    try:
        return hashlib.sha256(look(item)).hexdigest()
    except PhotoError:
        return ""


# -- shards -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chunk:
    """What goes into one shard. file: its name. group: the folder (its full path), or `archive_group`. keys: what decides each
    picture, as a digest."""

    file: str
    group: str
    items: tuple[Item, ...]
    keys: tuple[str, ...]


def chunks(items: Sequence[Item], size: int, decides: str) -> Iterator[Chunk]:
    """Shards to be: up to `SHARD` pictures of one folder or container. A container counts by size and time of change.

    decides: what else the content depends on, as text: head and its digest, estimator.
    """
    stamps: dict[str, str] = {}
    groups: dict[str, list[Item]] = {}
    for item in items:
        group = item.container if item.member else str(Path(item.container).parent)
        groups.setdefault(group, []).append(item)
    for group, members in groups.items():
        for at in range(0, len(members), SHARD):
            part = members[at:at + SHARD]
            facts = [_facts(item, stamps) for item in part]
            digest = _digest([VERSION, size, decides, facts], 10)
            place = archive_group(group) if part[0].member else os.path.abspath(group)
            yield Chunk(f"{Path(group).stem}-{at // SHARD:05d}-{digest}.npz", place, tuple(part),
                        tuple(_digest([VERSION, size, decides, fact], 20) for fact in facts))


def archive_group(path: str | Path) -> str:
    """`Chunk.group` of an archive's members: told apart from a folder even after it is gone."""
    return f"archive:{os.path.abspath(path)}"


def _facts(item: Item, stamps: dict[str, str]) -> list[str]:
    if item.container not in stamps:
        found = os.stat(item.container)
        stamps[item.container] = f"{found.st_size}:{found.st_mtime_ns}"
    return [item.container, item.member, stamps[item.container], *([f"as {item.same_as}"] if item.same_as else [])]


def _digest(plain: Any, length: int) -> str:
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:length]
