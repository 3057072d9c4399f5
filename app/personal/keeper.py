"""Slow work with an album, beside the window: reading it from disk, judging it anew, writing it. One after another."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.language import tr
from app.tasks import Task

if TYPE_CHECKING:
    from core.album.album import Album
    from core.album.facts import Someone


class Keeper(QObject):
    """loaded(Album): one was read or judged anew. failed(message): that, or writing, did not work. changed: `busy` is another."""

    loaded = Signal(object)
    failed = Signal(str)
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: deque[tuple[Callable[[], Album | None], str]] = deque()
        self._task: Task | None = None
        self._coming = 0

    @property
    def busy(self) -> bool:
        """Whether another album is on its way; writing is not, as nothing waits for it."""
        return self._coming > 0

    def load(self, folder: Path) -> None:
        """Read the album in a folder."""
        self._coming += 1
        self._put(lambda: _loaded(folder), tr("reading the album"))

    def of_person(self, album: Album, person: Someone) -> None:
        """Judge an album as that of another person seen in it, and write it: the thumbnails become those of the other faces."""
        self._coming += 1
        self._put(lambda: _of_person(album, person), tr("judging the album anew"))

    def save(self, album: Album) -> None:
        """Write what was overruled."""
        self._put(lambda: album.save(), tr("writing the album"))

    def stop(self) -> None:
        """Finish all that waits, and wait for it."""
        waiting, self._waiting = self._waiting, deque()
        if self._task is not None:
            self._task.wait()
        for work, _doing in waiting:
            work()

    def _put(self, work: Callable[[], Album | None], doing: str) -> None:
        self._waiting.append((work, doing))
        if self._task is None:
            self._next()
        self.changed.emit()

    def _next(self) -> None:
        self._task = None
        if self._waiting:
            work, doing = self._waiting.popleft()
            task = self._task = Task(lambda say, cancelled: work(), doing, self)
            task.done.connect(self._done)
            task.failed.connect(self._failed)
            task.finished.connect(self._next)
            task.finished.connect(task.deleteLater)
            task.start()

    def _done(self, album: Album | None) -> None:
        if album is not None:
            self._coming = max(0, self._coming - 1)
            self.loaded.emit(album)
            self.changed.emit()

    def _failed(self, message: str) -> None:
        self._coming = 0  # what comes after it says so itself
        self.failed.emit(message)
        self.changed.emit()


def _loaded(folder: Path) -> Album:
    from core.album.album import Album

    return _ready(Album.load(folder))


def _of_person(album: Album, person: Someone) -> Album:
    other = _ready(album.with_person(person.photo, person.face))
    other.save()
    return other


def _ready(album: Album) -> Album:
    """The album with all worked out that it works out when it is first asked."""
    for _ in (album.held_out(), album.coverage, album.advice):
        pass
    return album
