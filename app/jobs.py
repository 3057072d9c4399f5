"""What the worker is asked for, and the box in which the window leaves it.

Live edits go through a mailbox of size one, where the newest request replaces the one that waits. Photos to open, other engines,
personal models, exports and pieces of longer work queue and are never dropped.
"""
from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from weakref import WeakSet

from app.setup import Setup
from core.codes import FaceCode
from core.photo import LoadedImage, load_image
from core.request import RenderRequest


@dataclass(frozen=True)
class OpenJob:
    """Open a photo; `face` None takes the largest face. data: the file's bytes, where they come with a project; `path` is then
    only where the file was."""

    path: Path
    face: int | None = None
    data: bytes | None = field(default=None, repr=False)

    def source(self) -> Path | LoadedImage:
        """What the engine is to open. Raises PhotoError for bytes that are no picture."""
        return self.path if self.data is None else replace(load_image(self.data), path=self.path)


@dataclass(frozen=True)
class CopyJob:
    """Open another photo to copy `block` of its fitted code."""

    path: Path
    block: str


@dataclass(frozen=True)
class ExportJob:
    """Render at settled quality and write `path`; `options` are passed to the writer as keywords.

    engine: what the request was made for; it stays alive until the file is written, whatever is switched to. photos: the sessions
    of the photos that it needs, which an engine forgets when nobody holds them.
    """

    request: RenderRequest
    path: Path
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    number: int = 0
    engine: Any = field(default=None, compare=False)
    photos: tuple[Any, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class SwitchJob:
    """Build another engine and open the present photo with it. copied: (digest, path) of photos that blocks were copied from."""

    setup: Setup
    copied: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True, eq=False)
class Switched:
    """Another engine. session: the open photo with it, None without one. codes: the copied photos' codes by digest, as far as
    they could be opened again."""

    engine: Any
    session: Any = None
    codes: dict[str, FaceCode] = field(default_factory=dict)


@dataclass(frozen=True)
class PersonJob:
    """Make a personal model ready for pictures. source: the person's file, or the name."""

    source: Path | str


@dataclass(frozen=True, eq=False)
class EngineJob:
    """A small piece of longer work (a cell of a grid, a frame of a film, a picture of a batch), done when nothing else waits:
    `make(engine, report)` runs in the worker's thread.

    make calls report(value) between its steps: it lets the live picture by, raises Cancelled where the job is to end, and hands a
    value that is not None to the window. what: what it does, for messages ("making ...").
    """

    make: Callable[[Any, Callable[[Any], None]], Any]
    what: str = "making a picture of the grid"


@dataclass(frozen=True)
class LiveJob:
    """Render the picture on screen."""

    request: RenderRequest


QueuedJob = OpenJob | CopyJob | SwitchJob | PersonJob
Job = QueuedJob | ExportJob | LiveJob | EngineJob


class Inbox:
    """What waits for the worker. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._photos: deque[QueuedJob] = deque()
        self._exports: deque[ExportJob] = deque()
        self._work: deque[EngineJob] = deque()
        self._preview: RenderRequest | None = None
        self._settle: RenderRequest | None = None
        self._interrupted = False
        self._cancelled: set[int] = set()
        self._cancelled_work: WeakSet[EngineJob] = WeakSet()
        self.closing = False

    def put_preview(self, request: RenderRequest) -> None:
        """The newest edit: replaces the waiting one and ends a settle pass that runs."""
        with self._lock:
            self._preview, self._settle, self._interrupted = request, None, True

    def put_settle(self, request: RenderRequest) -> None:
        """The picture to settle when nothing newer waits."""
        with self._lock:
            self._settle = request

    def put_photo(self, job: QueuedJob) -> None:
        """A photo to open, or an engine to switch to; both also end a settle pass: that picture is about to go. Or a photo or a
        person that the edit may take something of later."""
        with self._lock:
            self._photos.append(job)
            if not isinstance(job, CopyJob | PersonJob):
                self._preview = self._settle = None
                self._interrupted = True

    def put_export(self, job: ExportJob) -> None:
        """A picture to write. Exports run in order and only `cancel_export` or closing ends one."""
        with self._lock:
            self._exports.append(job)

    def put_work(self, job: EngineJob) -> None:
        """A piece of longer work: its turn comes when nothing else waits."""
        with self._lock:
            self._work.append(job)

    def stop_settling(self) -> None:
        """End the settle pass, and take the waiting one out."""
        with self._lock:
            self._settle, self._interrupted = None, True

    def drop_live(self) -> None:
        """Nothing of the picture on screen is to be made."""
        with self._lock:
            self._preview, self._settle, self._interrupted = None, None, True

    def cancel_export(self, number: int) -> None:
        """End the export of that number, waiting or running."""
        with self._lock:
            self._cancelled.add(number)

    def cancel_work(self, job: EngineJob) -> None:
        """End a piece of longer work, waiting or running."""
        with self._lock:
            self._cancelled_work.add(job)

    def needs(self, engine: Any) -> bool:
        """Whether an export that waits was made for this engine."""
        with self._lock:
            return any(job.engine is engine for job in self._exports)

    def take(self, *, quick: bool = False) -> Job | None:
        """The next job: photos, the newest edit, exports, settling, longer work. quick: only the first two."""
        with self._lock:
            if self.closing:
                return None
            if self._photos:
                return self._photos.popleft()
            if self._preview is not None:
                request, self._preview = self._preview, None
                return LiveJob(request)
            if quick:
                return None
            if self._exports:
                return self._exports.popleft()
            if self._settle is not None:
                request, self._settle = self._settle, None
                self._interrupted = False
                return LiveJob(request)
            return self._work.popleft() if self._work else None

    def take_switch(self) -> SwitchJob | None:
        """The first switch that waits: all that can be done as long as there is no engine."""
        with self._lock:
            job = None if self.closing else next((j for j in self._photos if isinstance(j, SwitchJob)), None)
            if job is not None:
                self._photos.remove(job)
            return job

    def close(self) -> None:
        """Take nothing more, and end what runs at its next step."""
        self.closing = True

    def is_cancelled(self, job: Job) -> bool:
        """Whether the running job must stop at its next step."""
        if self.closing:
            return True
        if isinstance(job, ExportJob):
            return job.number in self._cancelled
        if isinstance(job, EngineJob):
            return job in self._cancelled_work
        return isinstance(job, LiveJob) and job.request.quality == "settled" and self._interrupted
