"""Writing files so that a reader finds the old one or the new one, never a part: every write goes through here."""
from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from core.errors import UserError

_REASONS = {
    errno.ENOSPC: "the disk is full. Free some space, or choose another folder",
    errno.EDQUOT: "your disk quota is used up. Free some space, or choose another folder",
    errno.EFBIG: "the file is too large for this disk. Choose another folder",
    errno.EACCES: "there is no permission to write there. Choose another folder",
    errno.EPERM: "there is no permission to write there. Choose another folder",
    errno.EROFS: "the disk can only be read. Choose another folder",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
    errno.EISDIR: "there is a folder of that name. Choose another name",
    errno.ENOTDIR: "a part of its path is a file, not a folder. Choose another folder",
    errno.ENOENT: "its folder does not exist. Make it first, or choose another folder",
}


class WriteError(UserError, OSError):
    """A file that could not be written; also an OSError, for callers that can do without the file."""


def atomic_write(path: str | Path, data: bytes, *, make_folder: bool = False) -> Path:
    """Write `data` to `path` at once, and return the path.

    The bytes go to a hidden file beside it, onto the disk, and only then take the name; on any failure the old file stays
    as it was and nothing is left behind. A symbolic link is written through, an existing file keeps its permissions.
    make_folder: make missing folders above it. Raises WriteError (a UserError) naming the path and the reason.
    """
    return atomic_save(path, lambda file: file.write(data), make_folder=make_folder)


def atomic_save(path: str | Path, write: Callable[[BinaryIO], object], *, make_folder: bool = False) -> Path:
    """As `atomic_write`, for content that `write(file)` streams into an open binary file.

    Errors of `write` that are not OSError pass through, after the temporary file is gone.
    """
    shown = Path(path)
    temporary: str | None = None
    try:
        target = Path(os.path.realpath(shown))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
        with open(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise WriteError(f"Could not write {shown}: {reason(error)}.") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    return shown


def atomic_adopt(finished: Path, target: Path) -> Path:
    """Give a finished file on the same disk the name `target` at once, with missing folders made. Raises WriteError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with finished.open("rb+") as file:
            os.fsync(file.fileno())
        os.chmod(finished, _mode(target))
        os.replace(finished, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise WriteError(f"Could not write {target}: {reason(error)}.") from error
    return target


def reason(error: OSError) -> str:
    """Why the system refused, and what to do, as the end of a sentence."""
    known = _REASONS.get(error.errno) if error.errno is not None else None
    return known or (error.strerror or str(error) or "unknown error").rstrip(".").lower()


def _mode(target: Path) -> int:
    """Permissions for the new file: those of the file it replaces, else what the user's umask gives."""
    with contextlib.suppress(OSError):
        return target.stat().st_mode & 0o777
    return 0o666 & ~_UMASK


def _sync_folder(folder: Path) -> None:
    """Make the new name itself last through a power cut, where the system allows it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read_umask() -> int:
    """The process's umask. It can only be read by setting it, so once at import, before there are threads."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_UMASK = _read_umask()
