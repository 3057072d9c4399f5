"""Photos as the window holds them for a project: the file's own bytes, read when they are first needed."""
from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.cv import cv2
from core.errors import PhotoError
from core.photo import MAX_FILE_BYTES, load_image
from core.project import NamedPhoto, ProjectError
from core.project.places import file_sha256


class HeldPhoto:
    """A photo that is open, and its file.

    session: the photo and face. data: the file's bytes where they came with a project; else they are read from the file, and
    where that is gone or another one by then, the pixels themselves are kept, which nothing can take away.
    """

    def __init__(self, session: Any, data: bytes | None = None) -> None:
        self.digest: str = session.digest
        self.face: int = session.face
        self._photo = session.photo
        self.path: Path | None = session.photo.path
        self.name = self.path.name if self.path is not None else "photo.png"
        self.crop = session.photo.crop(256)  # (256, 256, 3) uint8: how it looks, until there is a picture
        self._seen = _facts(self.path)
        self._checked: tuple[int, int] | None = None  # of a file that holds what `_named` does
        self._named: NamedPhoto | None = self._name(data) if data is not None else None
        self._lock = threading.Lock()

    def named(self, embed: bool) -> NamedPhoto:
        """As a project names it. embed: with its bytes, which are there anyway where the file isn't. May take a moment; for any
        thread. Raises ProjectError when even that is impossible."""
        with self._lock:
            if self._named is None:
                data = self._read()
                self._named = self._name(data) if data is not None else self._rescued()
            return self._named if embed or not self._is_on_disk(self._named) else replace(self._named, data=None)

    def _is_on_disk(self, named: NamedPhoto) -> bool:
        facts = _facts(self.path)
        if facts is None or self.path is None:
            return False
        if facts != self._checked:
            try:
                self._checked = facts if file_sha256(self.path) == named.sha256 else None
            except PhotoError:
                return False
        return facts == self._checked

    def _name(self, data: bytes) -> NamedPhoto:
        return NamedPhoto(self.name, self.path, hashlib.sha256(data).hexdigest(), self._pixels, self.digest, self.face, data)

    @property
    def _pixels(self) -> str:
        return str(getattr(getattr(self._photo, "image", None), "digest", ""))

    def _read(self) -> bytes | None:
        """The file, if it is still the one that was opened."""
        facts = _facts(self.path)
        if self.path is None or facts is None or facts[0] > MAX_FILE_BYTES:
            return None
        try:
            data = self.path.read_bytes()
            return data if facts == self._seen or load_image(data).digest == self._pixels else None
        except (OSError, PhotoError):
            return None

    def _rescued(self) -> NamedPhoto:
        """The file is gone or another one: the pixels, as they are in memory."""
        done, data = cv2.imencode(".png", np.ascontiguousarray(self._photo.pixels[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 3])
        if not done:
            raise ProjectError(f"{self.name} is no longer there, and its pixels can't be kept. Put the file back, then save.")
        return replace(self._name(data.tobytes()), name=f"{Path(self.name).stem}.png")


def _facts(path: Path | None) -> tuple[int, int] | None:
    """Size and time of change; None where there is no file."""
    try:
        found = path.stat() if path is not None else None
    except (OSError, ValueError):
        return None
    return (found.st_size, found.st_mtime_ns) if found is not None else None
