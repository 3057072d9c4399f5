"""Reading files from outside, and writing files so that a reader finds the old one or the new one, never a part."""
from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from core.errors import UserError

_GONE = "the disk does not answer: it may be unplugged or damaged. Check it, or choose another folder"
_BUSY = "it is in use by another program. Close it there, or choose another name"
_REASONS = {
    errno.ENOSPC: "the disk is full. Free some space, or choose another folder",
    errno.EDQUOT: "your disk quota is used up. Free some space, or choose another folder",
    errno.EFBIG: "the file is too large for this disk. Choose another folder",
    errno.EACCES: "there is no permission to write there. Choose another folder",
    errno.EPERM: "there is no permission to write there. Choose another folder",
    errno.EROFS: "the disk can only be read. Choose another folder",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
    errno.EISDIR: "there is a folder of that name. Choose another name",
    errno.EEXIST: "there is a file where a folder should be. Choose another folder",
    errno.ENOTDIR: "a part of its path is a file, not a folder. Choose another folder",
    errno.ELOOP: "it is a link that leads back to itself. Choose the file itself",
    errno.ENOENT: "its folder does not exist. Make it first, or choose another folder",
    errno.EIO: _GONE, errno.ENXIO: _GONE, errno.ENODEV: _GONE, errno.ESTALE: _GONE, errno.EHOSTDOWN: _GONE,
    errno.EBUSY: _BUSY, errno.ETXTBSY: _BUSY,
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


def atomic_save(path: str | Path, write: Callable[[BinaryIO], object], *, make_folder: bool = False,
                check: Callable[[Path], object] | None = None, backup: Path | None = None) -> Path:
    """As `atomic_write`, for content that `write(file)` streams into an open binary file.

    check: reads the finished file back before it takes the name, and raises where it is not good. backup: what was there before
    gets that name, where it can. Errors of `write` and `check` that are not OSError pass through, after the temporary file is
    gone.
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
        if check is not None:
            check(Path(temporary))
        os.chmod(temporary, _mode(target))
        if backup is not None:
            _keep(target, backup)
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except WriteError:  # of `check`
        raise
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


def read_file(path: str | Path, most: int, kind: type[UserError] = UserError) -> bytes:
    """All of a file from outside, at most `most` bytes. Raises `kind`, with the name and what to do, when there is none, it is no
    plain file (a pipe or a device could be read for ever), it is empty, too large, or may not be read."""
    path = Path(path)
    check_file(path, most, kind)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise kind(f"{path} can't be read ({reason(error)}).") from error
    if not data:
        raise kind(f"{path} is empty. Copy or save it again.")
    return data


def check_file(path: Path, most: int, kind: type[UserError] = UserError) -> None:
    """For readers of their own: see `read_file`."""
    try:
        facts = path.stat()
    except FileNotFoundError as error:
        raise kind(f"There is no file {path}. Check the name.") from error
    except OSError as error:
        raise kind(f"{path} can't be read ({reason(error)}).") from error
    if stat.S_ISDIR(facts.st_mode):
        raise kind(f"{path} is a folder. Choose one file in it.")
    if not stat.S_ISREG(facts.st_mode):
        raise kind(f"{path} is no plain file, but a pipe or a device. Choose a file.")
    if facts.st_size > most:
        raise kind(f"{path} has {facts.st_size / 2**20:.0f} MiB, more than the {most / 2**20:.3g} MiB that can be opened.")


def reason(error: OSError) -> str:
    """Why the system refused, and what to do, as the end of a sentence."""
    if getattr(error, "winerror", None) in (32, 33):  # Windows' sharing and lock violations come as EACCES
        return _BUSY
    known = _REASONS.get(error.errno) if error.errno is not None else None
    return known or (error.strerror or str(error) or "unknown error").rstrip(".").lower()


def _keep(old: Path, backup: Path) -> None:
    """Give a file a second name, in place of whatever had it; the first one is there all the time. What can't be done is left."""
    with contextlib.suppress(OSError):
        if not old.is_file():
            return
        handle, aside = tempfile.mkstemp(prefix=".", suffix=".part", dir=backup.parent)
        os.close(handle)
        try:
            os.unlink(aside)
            try:
                os.link(old, aside)
            except OSError:  # a disk without links
                shutil.copy2(old, aside)
            os.replace(aside, backup)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(aside)


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
