"""An album being read: the child process that does it, and what it said so far."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.language import told, tr
from app.personal.process import EventProcess
from app.personal.thumbs import Tile

SHORT = {"unreadable": "can't be read", "no-face": "no face found", "too-small": "face is small", "blurred": "blurred",
         "eyes-hidden": "eyes closed or hidden", "extreme-pose": "turned too far", "other-person": "another person",
         "doubtful": "same person?", "duplicate": "the same photo twice", "near-duplicate": "nearly the same as another",
         "bad-fit": "head could not be fitted", "dark": "half in the dark"}


class Reading(QObject):
    """`personalize SOURCES --name NAME --check` in a child process, one at a time.

    changed: done, total or what runs is another. came(Tile): a photo was read. finished(name, folder): the album of
    that person is there. failed(message). stopped: it was cancelled.
    """

    changed = Signal()
    came = Signal(object)
    finished = Signal(str, object)
    failed = Signal(str)
    stopped = Signal()

    def __init__(self, make_process: Callable[[], EventProcess], parent: QObject | None = None, prior: str | None = None) -> None:
        super().__init__(parent)
        self._make = make_process
        self._prior = [f"--prior={prior}"] if prior else []  # a training goes on with the model that the album was read for
        self._process: EventProcess | None = None
        self._cancelled = False
        self._message = ""
        self._album: Path | None = None
        self._began = 0.0
        self.name = ""
        self.done = self.total = 0
        self.photo = ""  # file name of the newest one

    @property
    def running(self) -> bool:
        """Whether a child reads."""
        return self._process is not None

    @property
    def left(self) -> float | None:
        """Seconds that it will still take; None where that isn't known yet."""
        took = time.monotonic() - self._began
        return took / self.done * (self.total - self.done) if self.done >= 3 and took > 1 else None

    def start(self, sources: Sequence[Path], name: str) -> None:
        """Read these files and folders as photos of a person of that name; without any, those of an interrupted reading."""
        if self._process is not None:
            return
        self.name, self.done, self.total, self.photo = name, 0, 0, ""
        self._cancelled, self._message, self._album = False, "", None
        process = self._process = self._make()
        process.setParent(self)
        process.told.connect(self._take)
        process.ended.connect(self._ended)
        # absolute paths, and '=': a file or a person may be called '--minutes'
        whose = [*(str(source.absolute()) for source in sources), f"--name={name}"] if sources else [f"--resume={name}"]
        process.start(["personalize", *whose, *self._prior, "--check", "--events"])
        self._began = time.monotonic()
        self.changed.emit()

    def cancel(self) -> None:
        """End it; what was read so far is not read again the next time."""
        if self._process is not None and not self._cancelled:
            self._cancelled = True
            self._process.send("cancel")
            self.changed.emit()

    @property
    def cancelled(self) -> bool:
        """Whether it is to end."""
        return self._cancelled

    def stop(self, timeout_ms: int = 4000) -> bool:
        """End it and wait; False when it had to be killed."""
        if self._process is None:
            return True
        self._cancelled = True
        self._process.send("cancel")
        return self._process.stop(timeout_ms)

    def _take(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "reading":
            if not self.done:
                self._began = time.monotonic()  # starting the program is not what a photo takes
            self.done, self.total = int(event.get("done", self.done)), int(event.get("total", self.total))
            tile = tile_of(event)
            if tile is not None:
                self.photo = tile.title
                self.came.emit(tile)
            self.changed.emit()
        elif kind == "opened":
            self.name = str(event.get("name") or self.name)
        elif kind == "album":
            self._album = Path(str(event["folder"]))
        elif kind == "failed":
            self._message = str(event.get("message", ""))

    def _ended(self, code: int, message: str) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self.changed.emit()
        if self._cancelled:
            self.stopped.emit()
        elif code == 0 and self._album is not None:
            self.finished.emit(self.name, self._album)
        else:
            self.failed.emit(self._message or message or tr("The album could not be read. Try again."))


def tile_of(event: Mapping[str, Any]) -> Tile | None:
    """A photo as a `reading` event tells it; None where the event is of no photo."""
    name = event.get("name")
    if not isinstance(name, str) or not name:
        return None
    verdict = str(event.get("verdict") or "accepted")
    path, thumb = event.get("path"), event.get("thumb")
    reasons = [(str(code), str(text)) for code, text in event.get("reasons") or ()]
    return Tile(name, Path(str(path)).name if path else name, verdict, short_words(code for code, _ in reasons),
                " ".join(told(text) for _, text in reasons), Path(thumb) if thumb else None, used=verdict != "refused",
                can_use=False, judged=False)


def short_words(codes: Iterable[str]) -> str:
    """Reasons in a few words, the first letter large: 'Blurred, other person'."""
    text = ", ".join(tr(SHORT[code]) if code in SHORT else code for code in codes if code)
    return text[:1].upper() + text[1:]
