"""How like the opened photo's person a picture is: dlib's distance between the two faces."""
from __future__ import annotations

from collections import OrderedDict

import numpy as np

from core.errors import UserError
from core.landmarks import DetectedFace, FaceFinder
from core.session import Session

_KEPT = 16  # photos whose face is remembered; 512 bytes each


class Likeness:
    """finder: finds the faces of pictures. Belongs to one thread."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._own: OrderedDict[str, np.ndarray | None] = OrderedDict()

    def distance(self, session: Session, crop: np.ndarray, face: DetectedFace | None = None) -> float | None:
        """The distance (see `core.identity`) between an opened photo's face and that of a picture (N, N, 3) uint8; None where it
        can't be told. face: the picture's, where it was found already."""
        try:
            from core import identity  # loads dlib, so only when a picture settles
            if session.digest not in self._own:
                self._own[session.digest] = self._embedding(session.native)
                while len(self._own) > _KEPT:
                    self._own.popitem(last=False)
            source, result = self._own[session.digest], self._embedding(crop, face)
        except UserError:
            return None
        return None if source is None or result is None else float(identity.distance(source, result))

    def _embedding(self, crop: np.ndarray, face: DetectedFace | None = None) -> np.ndarray | None:
        from core import identity
        faces = [face] if face is not None else self._finder.detect(crop)
        return identity.embedding(crop, faces[0].points) if faces else None
