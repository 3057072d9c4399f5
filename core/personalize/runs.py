"""Run folders: what a training run keeps on disk, so that it can be watched, left, and gone on with after anything."""
from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import paths
from core.errors import UserError
from core.files import atomic_write, reason
from core.people.names import clean_name, same, slug

VERSION = 1
# reading: the album is being read; checked: it was, training has not begun; stopped: saved and left; the others say themselves
STATES = ("reading", "checked", "training", "paused", "stopped", "done", "failed")
_FILE = "run.json"


class RunError(UserError):
    """A run that can't be found, begun or gone on with."""


@dataclass(eq=False)
class Run:
    """A run folder. facts: the content of run.json; `save` writes it."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def begin(cls, name: str) -> Run:
        """The run of a person of that name: the unfinished one there is, or a new one, which is saved. Raises UserError."""
        name = clean_name(name)
        found = find(name)
        if found is not None:
            return found
        root, stem = folder_of_runs(), slug(name)
        taken = {path.name for path in root.iterdir()} if root.is_dir() else set()
        folder = root / next(each for k in range(1, 10_000) if (each := stem if k == 1 else f"{stem}-{k}") not in taken)
        run = cls(folder, {"version": VERSION, "name": name, "state": "reading", "created": now()})
        run.save()
        return run

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Read a run folder. Raises RunError when it holds none, or a damaged one."""
        try:
            facts = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            if facts["version"] != VERSION or facts["state"] not in STATES or not isinstance(facts["name"], str):
                raise ValueError("it was written by another version of this program")
        except OSError as error:
            raise RunError(f"{folder} holds no training run ({error.strerror or error}).") from error
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"The training run in {folder} is damaged: {error}. Delete the folder and begin again.") from error
        return cls(folder, facts)

    def save(self, **changes: Any) -> None:
        """Change facts and write run.json. Raises WriteError."""
        self.facts.update(changes, updated=now())
        atomic_write(self.folder / _FILE, json.dumps(self.facts, indent=1).encode(), make_folder=True)

    def discard(self) -> None:
        """Delete the folder with all that is in it. Raises RunError when it is being trained, or the system refuses."""
        with self.locked():
            pass
        try:
            shutil.rmtree(self.folder)
        except OSError as error:
            raise RunError(f"{self.folder} could not be deleted: {reason(error)}.") from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process, so that no second one trains it; a process that was killed holds nothing any more.

        Raises RunError when another process has it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as file:
            if not _lock(file.fileno()):
                raise RunError(f"'{self.name}' is being trained by another window or command already. Stop it there first.")
            yield

    @property
    def held(self) -> bool:
        """Whether a process works on it at this moment."""
        try:
            with (self.folder / "lock").open("a") as file:
                return not _lock(file.fileno())
        except OSError:  # no folder, or not ours to write in: nobody can hold it
            return False

    @property
    def name(self) -> str:
        """The person's."""
        return str(self.facts["name"])

    @property
    def state(self) -> str:
        """One of `STATES`. A run that was killed is still said to be 'training'."""
        return str(self.facts["state"])

    @property
    def preset(self) -> str:
        """Name of its settings; '' before training."""
        return str(self.facts.get("preset", ""))

    @property
    def step(self) -> int:
        """Steps done, as last saved."""
        return int(self.facts.get("step", 0))

    @property
    def steps(self) -> int:
        """Steps that it will have, as last estimated; 0 before training."""
        return int(self.facts.get("steps", 0))

    @property
    def photos(self) -> int:
        """Photos that it trains on, or would, as last counted."""
        return int(self.facts.get("photos", 0))

    @property
    def updated(self) -> str:
        """When it was last saved, ISO."""
        return str(self.facts.get("updated", ""))

    @property
    def album(self) -> Path:
        """Folder of the album that was read."""
        return self.folder / "album"

    @property
    def events(self) -> Path:
        """Every event as a line of JSON."""
        return self.folder / "events.jsonl"

    @property
    def draft(self) -> Path:
        """A person file of the newest weights; it need not exist yet."""
        return self.folder / "draft.safetensors"

    @property
    def samples(self) -> Path:
        """Folder of sample sheets."""
        return self.folder / "samples"

    def leave(self, keep: tuple[str, ...] = ("album", "samples", _FILE, "events.jsonl", "lock")) -> None:
        """Delete what only going on would need, once a run is done: states are ten times a person's size."""
        for path in self.folder.iterdir():
            if path.name not in keep:
                with contextlib.suppress(OSError):
                    path.unlink()


def folder_of_runs() -> Path:
    """Where run folders lie."""
    return paths.data_dir() / "training"


def every() -> list[Run]:
    """All runs that can be read, the latest first."""
    found = []
    for folder in sorted(folder_of_runs().glob("*/")):
        with contextlib.suppress(RunError):
            found.append(Run.open(folder))
    return sorted(found, key=lambda run: run.updated, reverse=True)


def runs() -> list[Run]:
    """The unfinished ones, the latest first."""
    return [run for run in every() if run.state != "done"]


def find(name: str) -> Run | None:
    """The unfinished run of a person of that name, or in a folder of that name."""
    return next((run for run in runs() if same(run.name, name) or run.folder.name == name), None)


def now() -> str:
    """This moment, ISO, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_events(path: Path) -> list[Mapping[str, Any]]:
    """The whole lines of an events file; none where there is no file."""
    found = []
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):  # a line that was cut by the power
                found.append(json.loads(line))
    return [event for event in found if isinstance(event, dict)]


def _lock(handle: int) -> bool:
    """Whether this process now holds an open file alone; given up when it is closed, and at the process's end."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
