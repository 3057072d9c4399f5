"""The photos that are open: the newest few, and those whose session somebody still holds."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

from core.errors import PhotoError, UserError
from core.landmarks import FaceFinder
from core.photo import LoadedImage, Photo, load_image
from core.session import Session

KEPT = 8


class Opened:
    """make(photo): a new session, with its face fitted. finder: finds the faces of photos. Belongs to one thread."""

    def __init__(self, make: Callable[[Photo], Session], finder: FaceFinder) -> None:
        self._make, self._finder = make, finder
        self._newest: OrderedDict[str, Session] = OrderedDict()
        self._held: WeakValueDictionary[str, Session] = WeakValueDictionary()

    def open(self, source: str | Path | bytes | LoadedImage, face: int | None, aligned: bool) -> Session:
        """See `Engine.open`."""
        photo = self._aligned(source) if aligned else Photo.open(source, face, self._finder)
        return self.keep(self._held.get(photo.digest) or self._make(photo))

    def knows(self, digest: str) -> bool:
        """See `Engine.knows`."""
        return digest in self._held

    def session(self, digest: str) -> Session:
        """See `Engine.session`."""
        session = self._held.get(digest)
        if session is None:
            raise UserError("This photo is no longer open. Open it again.")
        return self.keep(session)

    def keep(self, session: Session) -> Session:
        """Count a session as the newest, and return it."""
        self._held[session.digest] = self._newest[session.digest] = session
        self._newest.move_to_end(session.digest)
        while len(self._newest) > KEPT:
            self._newest.popitem(last=False)
        return session

    def _aligned(self, source: str | Path | bytes | LoadedImage) -> Photo:
        photo = Photo.aligned_already(source if isinstance(source, LoadedImage) else load_image(source), self._finder)
        height, width = photo.pixels.shape[:2]
        if height != width:
            raise PhotoError(f"{photo.image.name} has {width} x {height} pixels, but an aligned face is square. "
                             "Open it as a plain photo, which finds and aligns its face.")
        return photo
