"""The photos that are open: the newest few within a budget, and those whose session somebody still holds."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

from core.caches import MIB, allowance
from core.errors import PhotoError, UserError
from core.landmarks import FaceFinder
from core.photo import LoadedImage, Photo, load_image
from core.session import Session

KEPT = 8
_IN_USE = 2  # the photo that is edited, and one that it takes its appearance from
_BUDGET = 128 * MIB  # of a photo of 1 megapixel an edit works out 60


class Opened:
    """make(photo): a new session, with its face fitted. finder: finds the faces of photos. budget: bytes that all of them may
    take; older ones first lose what was worked out of them, then go. Belongs to one thread."""

    def __init__(self, make: Callable[[Photo], Session], finder: FaceFinder, budget: int | None = None) -> None:
        self._make, self._finder = make, finder
        self._budget = allowance(_BUDGET) if budget is None else budget
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
        if next(reversed(self._newest), None) != session.digest:
            self._held[session.digest] = self._newest[session.digest] = session
            self._newest.move_to_end(session.digest)
            self._trim()
        return session

    def _trim(self) -> None:
        total = 0
        for place, (digest, session) in enumerate(reversed(list(self._newest.items()))):
            if place >= KEPT or place >= _IN_USE and total + session.nbytes > self._budget:
                session.forget()
            total += session.nbytes
            if place >= KEPT or place >= _IN_USE and total > self._budget:
                del self._newest[digest]

    def _aligned(self, source: str | Path | bytes | LoadedImage) -> Photo:
        photo = Photo.aligned_already(source if isinstance(source, LoadedImage) else load_image(source), self._finder)
        height, width = photo.pixels.shape[:2]
        if height != width:
            raise PhotoError(f"{photo.image.name} has {width} x {height} pixels, but an aligned face is square. "
                             "Open it as a plain photo, which finds and aligns its face.")
        return photo
