"""Pictures of the history in bounded memory: the newest as pixels, older ones as PNG files in a folder of this run."""
from __future__ import annotations

import logging
import tempfile
import threading
import weakref
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core.cv import cv2
from core.project.snapshot import Snapshot

log = logging.getLogger(__name__)

BUDGET = 64 << 20  # bytes of pixels; a face crop has 0.2 to 3 MiB
_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class Picture:
    """One picture, as pixels or as a file. Its file goes when nobody holds the picture any more. For any thread."""

    def __init__(self, pixels: np.ndarray | None) -> None:
        self._pixels = pixels
        self._file: Path | None = None
        self._lock = threading.Lock()
        self.nbytes = pixels.nbytes if pixels is not None else 0

    @classmethod
    def stored(cls, snapshot: Snapshot, folder: Path | None) -> Picture:
        """A picture that is a PNG file already, as those of projects are."""
        made = cls(None)
        return made if made._keep(snapshot.png, folder) else cls(snapshot.picture)

    def pixels(self) -> np.ndarray | None:
        """(S, S, 3) uint8; None where the file is gone or damaged, or never could be written."""
        with self._lock:
            if self._pixels is not None:
                return self._pixels
            data = self._read()
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        return None if found is None else np.ascontiguousarray(found[..., ::-1])

    def png(self, folder: Path | None) -> bytes | None:
        """The picture as a PNG file's content, kept in `folder` (None: nowhere) for the next time; None where it is gone."""
        with self._lock:
            data = self._read()
            if data is None and self._pixels is not None:
                data = _encoded(self._pixels)
                self._keep(data, folder)
            return data

    def to_disk(self, folder: Path | None) -> bool:
        """Hold a file in place of the pixels; False, with all as it was, where none can be written."""
        with self._lock:
            pixels, there = self._pixels, self._file is not None
        if pixels is not None and not there:
            data = _encoded(pixels)  # takes a while, and the window may want the picture meanwhile
            with self._lock:
                there = self._file is not None or self._keep(data, folder)
        with self._lock:
            if there:
                self._pixels = None
            return self._pixels is None

    def forget(self) -> None:
        """Give up the pixels where they are in memory."""
        with self._lock:
            self._pixels = None

    @property
    def in_memory(self) -> bool:
        """Whether it costs memory."""
        return self._pixels is not None

    def _read(self) -> bytes | None:
        if self._file is None:
            return None
        try:
            return self._file.read_bytes()
        except OSError as error:
            log.warning("a picture of the history is gone: %s", error)
            return None

    def _keep(self, data: bytes, folder: Path | None) -> bool:
        if folder is None:
            return False
        file = folder / f"{id(self):x}-{len(data)}.png"
        try:
            file.write_bytes(data)  # not at once and safely: it need not outlive the program, and nobody else reads this folder
            self._file = file
        except OSError as error:
            _unlink(file)  # a part of it, on a disk that is full as it is
            log.warning("a picture of the history stays in memory: %s", error)
            return False
        weakref.finalize(self, _unlink, self._file).atexit = False
        return True


class Keeper:
    """Keeps about `budget` bytes of pixels in memory, for moments twice that. The oldest go to disk.

    Where the disk can't be written, pictures that may be made again (`vital` is False) are given up instead; the others stay.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._refused = False
        self._held: OrderedDict[int, weakref.ref[Picture]] = OrderedDict()
        self._writer: ThreadPoolExecutor | None = None
        self._writing: dict[int, Future[None]] = {}

    def keep(self, pixels: np.ndarray) -> Picture:
        """A picture of these pixels (S, S, 3) uint8, which nobody may change any more."""
        picture = Picture(pixels)
        self._held[id(picture)] = weakref.ref(picture)
        return picture

    def keep_file(self, snapshot: Snapshot) -> Picture:
        """The picture of a snapshot out of a project."""
        picture = Picture.stored(snapshot, self.folder)
        self._held[id(picture)] = weakref.ref(picture)
        return picture

    def trim(self, vital: set[int]) -> None:
        """Bring memory down to the budget; files are written beside the window's thread (`wait`).

        vital: ids of pictures that must not be lost.
        """
        held = [(key, picture) for key, ref in self._held.items() if (picture := ref()) is not None and picture.in_memory]
        self._held = OrderedDict((key, weakref.ref(picture)) for key, picture in held)
        self._writing = {key: future for key, future in self._writing.items() if not future.done()}
        over = sum(picture.nbytes for _, picture in held) - self.budget
        folder = self.folder if over > 0 else None
        for key, picture in held:
            if over <= 0:
                break
            over -= picture.nbytes
            if key not in self._writing:
                if self._writer is None:
                    self._writer = ThreadPoolExecutor(1, "history")
                self._writing[key] = self._writer.submit(_put_away, picture, folder, id(picture) in vital)
        for future in self._writing.values():
            if self.in_memory <= 2 * self.budget:
                break
            future.result()  # they come faster than the disk takes them, as when a project is opened

    def wait(self) -> None:
        """Until what `trim` began is done."""
        for future in self._writing.values():
            future.result()

    @property
    def in_memory(self) -> int:
        """Bytes of pixels in memory."""
        found = (ref() for ref in self._held.values())
        return sum(picture.nbytes for picture in found if picture is not None and picture.in_memory)

    @property
    def folder(self) -> Path | None:
        """The folder of this run, made when it is first needed; None where there can be none."""
        if self._folder is None and not self._refused:
            try:
                self._folder = tempfile.TemporaryDirectory(prefix="diffusionrig-history-", ignore_cleanup_errors=True)
            except OSError as error:
                self._refused = True
                log.warning("no folder for older pictures of the history: %s", error)
        return Path(self._folder.name) if self._folder is not None else None

    def close(self) -> None:
        """Take the folder away."""
        if self._writer is not None:
            self._writer.shutdown(cancel_futures=True)
            self._writer = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _put_away(picture: Picture, folder: Path | None, vital: bool) -> None:
    if not picture.to_disk(folder) and not vital:
        picture.forget()


def _encoded(pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]), _FAST)
    if not done:
        raise ValueError("the picture could not be encoded")
    return data.tobytes()


def _unlink(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s stays behind: %s", file, error)
