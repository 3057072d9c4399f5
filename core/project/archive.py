"""What a project is read from: entries by name, out of a zip or a folder. Both may come from anywhere and are checked first.

Nothing of a zip is ever unpacked to a file of its own name: entries are read into memory, within limits.
"""
from __future__ import annotations

import errno
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from core.assets.problems import Unfit
from core.files import reason
from core.people.names import visible

MAX_ENTRIES = 20_000
MAX_TOTAL = 4 << 30
MAX_RATIO = 200  # of what deflate made smaller; JSON of projects gets to about 15
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError, IndexError,
           UnicodeError, OverflowError)


class Source(Protocol):
    """Where entries are."""

    def names(self) -> set[str]:
        """All of them."""

    def read(self, name: str, limit: int) -> bytes:
        """One of at most `limit` bytes. Raises Unfit where it is larger, damaged or not there, OSError."""


class ZipSource:
    """An open zip. Raises Unfit for one that no project of this program looks like."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        found = archive.infolist()
        if len(found) > MAX_ENTRIES:
            raise Unfit(f"it has {len(found):,} entries, at most {MAX_ENTRIES:,} are possible")
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in found:
            if problem := _problem(entry):
                raise Unfit(f"the entry '{visible(entry.orig_filename)[:60]}' in it {problem}")
            if entry.filename in self._entries:
                raise Unfit(f"it holds '{visible(entry.filename)[:60]}' twice")
            self._entries[entry.filename] = entry
        if sum(entry.file_size for entry in found) > MAX_TOTAL:
            raise Unfit(f"it is larger than {MAX_TOTAL >> 30} GiB when it is unpacked")

    def names(self) -> set[str]:
        """See `Source`."""
        return set(self._entries)

    def read(self, name: str, limit: int) -> bytes:
        """See `Source`."""
        entry = self._entries.get(name)
        if entry is None:
            raise Unfit(f"it has no '{visible(name)[:60]}'")
        if entry.file_size > limit:
            raise Unfit(f"'{visible(name)[:60]}' in it has {entry.file_size:,} bytes, at most {limit:,} are possible")
        try:
            with self._archive.open(entry) as file:
                data = file.read(limit + 1)  # to the end, where the checksum is compared
        except _BROKEN as error:
            raise Unfit(f"'{visible(name)[:60]}' in it is damaged") from error
        except MemoryError as error:
            raise Unfit(f"'{visible(name)[:60]}' in it does not fit into memory") from error
        if len(data) != entry.file_size:
            raise Unfit(f"'{visible(name)[:60]}' in it is cut short")
        return data


class FolderSource:
    """A folder in the place of a zip."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> set[str]:
        """See `Source`."""
        return {path.relative_to(self._folder).as_posix() for path in self._folder.glob("**/*") if path.is_file()}

    def read(self, name: str, limit: int) -> bytes:
        """See `Source`."""
        if _bad_name(name):
            raise Unfit(f"'{visible(name)[:60]}' is no name of an entry")
        path = self._folder / name
        if not path.is_file():
            raise Unfit(f"it has no '{visible(name)[:60]}'")
        if path.stat().st_size > limit:
            raise Unfit(f"'{visible(name)[:60]}' in it is larger than {limit:,} bytes")
        return path.read_bytes()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """A project file's entries. Raises Unfit, and OSError where it can't be read."""
    if path.stat().st_size == 0:
        raise Unfit("it is empty")
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise Unfit("it is damaged, cut short, or no project at all") from error
    with archive:
        yield ZipSource(archive)


def words(error: OSError) -> str:
    """Why the system would not let a project be read."""
    return "there is no such file" if error.errno == errno.ENOENT else reason(error)


def _problem(entry: zipfile.ZipInfo) -> str:
    """What is wrong with an entry, as the end of a sentence; '' for nothing."""
    if _bad_name(entry.orig_filename):
        return "has a name that leads out of it"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link"
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if entry.compress_type not in _METHODS:
        return "is packed in a way that projects are not"
    if entry.file_size > MAX_RATIO * max(entry.compress_size, 1 << 10):
        return "unpacks to far more than it should"
    if entry.is_dir():
        return "is a folder"
    return ""


def _bad_name(name: str) -> bool:
    odd = len(name) > 200 or name != name.strip() or any(sign in name for sign in "\\:\0")
    return odd or any(part in ("", ".", "..") for part in name.split("/"))  # the first is empty in "/etc"
