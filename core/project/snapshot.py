"""Snapshot: one settled picture of the history, with everything that made it."""
from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from core.cv import cv2
from core.people.header import About
from core.photo import load_image
from core.request import RenderRequest

SMALL = 256
MAX_SIDE = 4096
_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # a third larger than the best, in a tenth of the time


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A picture that was made, and the request that makes it again.

    request: of the settled picture. picture: (S, S, 3) uint8, its face crop. pinned: clearing the history leaves it. name: given
    by the user, '' for none. made: seconds since 1970. distance: identity distance, None where it was not measured. person: whose
    personal model made it; None for the model alone.
    """

    request: RenderRequest
    picture: np.ndarray = field(repr=False)
    pinned: bool = False
    name: str = ""
    made: float = 0.0
    distance: float | None = None
    person: About | None = None

    @cached_property
    def png(self) -> bytes:
        """The picture as a PNG file. Takes about 10 ms the first time; for any thread."""
        done, data = cv2.imencode(".png", np.ascontiguousarray(self.picture[..., ::-1]), _FAST)
        if not done:
            raise ValueError("the picture could not be encoded")
        return data.tobytes()

    @cached_property
    def request_text(self) -> bytes:
        """The request as JSON."""
        return json.dumps(self.request.to_json(), allow_nan=False).encode()

    @cached_property
    def small(self) -> np.ndarray:
        """The picture at SMALL pixels a side at most, (s, s, 3) uint8."""
        return _small(self.picture)

    @cached_property
    def key(self) -> str:
        """Names picture and request in a file; equal for equal ones."""
        return hashlib.sha256(self.png + self.request_text).hexdigest()[:32]


class StoredSnapshot(Snapshot):
    """A snapshot out of a file: its picture was read once, to see that it is one, and is read again when it is asked for."""

    def __init__(self, png: bytes, **facts: Any) -> None:
        """facts: the other fields. Raises PhotoError for a PNG file that can't be read, ValueError for one that is not square."""
        for part in fields(Snapshot):
            if part.name != "picture":
                object.__setattr__(self, part.name, facts.get(part.name, part.default))
        self.__dict__["png"] = png
        pixels = self.picture
        if pixels.shape[0] != pixels.shape[1] or pixels.shape[0] > MAX_SIDE:
            raise ValueError(f"its picture has {pixels.shape[1]} x {pixels.shape[0]} pixels")
        self.__dict__["small"] = _small(pixels)

    @property
    def picture(self) -> np.ndarray:  # type: ignore[override]
        """(S, S, 3) uint8; takes a moment."""
        return load_image(self.png).pixels


def _small(pixels: np.ndarray) -> np.ndarray:
    side = min(SMALL, *pixels.shape[:2])
    return cv2.resize(np.ascontiguousarray(pixels), (side, side), interpolation=cv2.INTER_AREA)
