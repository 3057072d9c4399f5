"""What is kept against a crash: one folder for each window that runs, with its project in it, and who owns it.

The owner stands in the name of a file, ``owner-PID-START-HOST``: taking over what a dead process left is renaming that file,
which only one of several can do. A process is known by its number and the moment it began, because numbers are used again.

A picture or a photo is written once, under a name that follows from its contents, and project.json last and at once: whenever the
process is killed, the folder holds the document as it was at the last or the last but one write.
"""
from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from core import paths
from core.errors import UserError
from core.files import WriteError, atomic_write, read_file, reason
from core.project.entries import MAIN, THUMBNAIL, entries_of
from core.project.file import MAX_TEXT, read_folder
from core.project.project import Project

log = logging.getLogger(__name__)

SESSION = "session"  # what project.json says of the window itself
ELSEWHERE_S = 300.0  # a process of another machine (a shared home) counts as alive for so long after its last sign
_OWNER = re.compile(r"owner-(\d{1,10})-(\w{0,40})-(\w{8})")
_ID = re.compile(r"[0-9a-f]{32}")
_COLLECTED = ("photos", "snapshots")


@dataclass(frozen=True)
class Left:
    """What a window that is no more left behind. folder: where. name: of the photo or project. path: the project's file, None for
    one that was never saved. changed: when it was last kept, seconds since 1970. steps: how many undo steps it had."""

    folder: Path
    name: str
    path: Path | None
    changed: float
    steps: int = 0

    @property
    def thumbnail(self) -> Path:
        """A small JPEG of how it looked; it may be missing."""
        return self.folder / THUMBNAIL

    def read(self) -> Project:
        """The document. Raises ProjectError."""
        return read_folder(self.folder)


class Keeper:
    """The folder of one window. Nothing is written before there is something to keep. For one thread at a time."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or paths.data_dir() / "recovery"
        self.folder: Path | None = None

    def keep(self, project: Project, name: str, path: Path | None, steps: int) -> None:
        """Write the document as it is now; see `Left` for the rest. Raises WriteError."""
        session = {"name": name, "path": str(path) if path is not None else None, "changed": time.time(), "steps": steps}
        entries = entries_of(project, {SESSION: session})
        folder = self._own()
        for entry, data in entries.files.items():
            target = folder / entry
            if entry == MAIN or entry == THUMBNAIL or not target.is_file():
                atomic_write(target, data, make_folder=True)
        self.give_sign()
        for part in _COLLECTED:
            for file in (folder / part).glob("*"):
                if f"{part}/{file.name}" not in entries.files:
                    _forget(file)

    def give_sign(self) -> None:
        """The window lives; asked for now and then, for computers that can't see its process."""
        with contextlib.suppress(OSError):
            if self.folder is not None:
                os.utime(self.folder / _me())

    def adopt(self, left: Left) -> bool:
        """Take over what another window left, in place of this one's folder. False when another window was faster."""
        if not _claim(left.folder):
            return False
        old, self.folder = self.folder, left.folder
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
        return True

    def clear(self) -> None:
        """Everything is saved, or nobody wants it: nothing need be kept."""
        folder, self.folder = self.folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _own(self) -> Path:
        if self.folder is None or not self.folder.is_dir():
            number = uuid.uuid4().hex
            new = self._root / f".{number}"
            try:
                new.mkdir(parents=True)
                (new / _me()).touch()
                self.folder = new.rename(self._root / number)  # never there without an owner
            except OSError as error:
                raise WriteError(f"Could not write {self._root}: {reason(error)}.") from error
        return self.folder


def left_behind(root: Path | None = None) -> tuple[Left, ...]:
    """What windows left that are no more, the newest first. Folders with nothing in them are cleared away."""
    found = []
    root = root or paths.data_dir() / "recovery"
    for unfinished in root.glob(".*"):  # killed between two lines of `_own`
        with contextlib.suppress(OSError):
            if time.time() - unfinished.stat().st_mtime > ELSEWHERE_S:
                shutil.rmtree(unfinished, ignore_errors=True)
    for folder in _folders(root):
        if _alive(folder):
            continue
        left = _look(folder)
        if left is not None:
            found.append(left)
        elif _claim(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return tuple(sorted(found, key=lambda left: -left.changed))


def discard(left: Left) -> None:
    """Delete it for good, unless another window has taken it over."""
    if _claim(left.folder):
        shutil.rmtree(left.folder, ignore_errors=True)


def _folders(root: Path) -> list[Path]:
    try:
        return [path for path in root.iterdir() if _ID.fullmatch(path.name) and path.is_dir()]
    except OSError:
        return []


def _look(folder: Path) -> Left | None:
    try:
        main = folder / MAIN
        if not main.exists():
            return None
        session = json.loads(read_file(main, MAX_TEXT)).get(SESSION)
        said = session if isinstance(session, dict) else {}
        name, path, steps = said.get("name"), said.get("path"), said.get("steps")
        return Left(folder, name if isinstance(name, str) and name else "photo", Path(path) if isinstance(path, str) else None,
                    main.stat().st_mtime, steps if isinstance(steps, int) else 0)
    except (UserError, OSError, ValueError, AttributeError, RecursionError) as error:
        log.warning("what a crash left in %s can't be read: %s", folder, error)
        return Left(folder, "damaged", None, 0.0)


def _forget(file: Path) -> None:
    try:
        file.unlink()
    except OSError as error:
        log.warning("%s can't be deleted: %s", file, error)


# -- who owns a folder


def _owner_file(folder: Path) -> Path | None:
    with contextlib.suppress(OSError):
        return next((path for path in folder.iterdir() if _OWNER.fullmatch(path.name)), None)
    return None


def _alive(folder: Path) -> bool:
    owner = _owner_file(folder)
    if owner is None:
        return False
    match = _OWNER.fullmatch(owner.name)
    assert match is not None
    if match[3] != _host():
        with contextlib.suppress(OSError):
            return time.time() - owner.stat().st_mtime < ELSEWHERE_S
        return True
    pid = int(match[1])
    return _runs(pid) and match[2] in ("", began(pid))


def _claim(folder: Path) -> bool:
    """Become the owner of a folder whose owner is dead; False when it lives, or another was faster."""
    owner = _owner_file(folder)
    if owner is not None and owner.name == _me():
        return True
    if _alive(folder):
        return False
    try:
        if owner is not None:
            os.rename(owner, folder / _me())
        else:
            with open(folder / _me(), "x"):
                pass
    except OSError:
        return False
    return True


def _me() -> str:
    return f"owner-{os.getpid()}-{began(os.getpid())}-{_host()}"


def _host() -> str:
    """Names where process numbers count: the computer, and the container in it."""
    space = ""
    with contextlib.suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


def _runs(pid: int) -> bool:
    if sys.platform == "win32":
        return began(pid) != ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def began(pid: int) -> str:
    """A sign of when a process began, '' where that can't be had: with the number it names a process for good."""
    if sys.platform == "linux":
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        except OSError:
            return ""
        state, *rest = text.rpartition(")")[2].split()
        return "" if state in "ZX" else f"{boot}{rest[18]}"
    if sys.platform == "win32":
        return _began_on_windows(pid)
    try:
        done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return hashlib.sha256(done.stdout.strip().encode()).hexdigest()[:16] if done.stdout.strip() else ""


def _began_on_windows(pid: int) -> str:
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return ""
    try:
        times = [ctypes.c_ulonglong() for _ in range(4)]
        ended = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(ended))
        done = kernel.GetProcessTimes(handle, *(ctypes.byref(part) for part in times))
        return f"{times[0].value:x}" if done and ended.value == 259 else ""  # STILL_ACTIVE
    finally:
        kernel.CloseHandle(handle)
