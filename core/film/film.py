"""A film: a request and a timeline over it, and its frames on disk.

Every frame is one request, as a still is: the same seed and the same draws in each, and no frame knows of its neighbours, so that
only what changes moves, a frame can be looked at alone, and what was made before a stop is found again. Equal requests are one
file: where nothing moves, nothing is made twice.
"""
from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import __version__, paths
from core.cv import cv2
from core.errors import ParameterError, UserError
from core.files import atomic_write
from core.film.timeline import Timeline
from core.request import RenderRequest

if TYPE_CHECKING:
    from core.engine import Engine

FORMAT = 1
LEAST_SIDE, MAX_SIDE = 64, 3840
DEFAULT_SIDE = {"crop": 1024, "full": 1920}
_KEPT_DAYS, _KEPT_BYTES = 30, 4 * 2**30
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Film:
    """What determines every frame. request: the edit beneath, its photo, area ('crop' or 'full') and quality. side: the longer
    side of a frame, pixels; a smaller picture stays as it is. Raises ParameterError for a side out of range."""

    request: RenderRequest
    timeline: Timeline
    side: int = DEFAULT_SIDE["full"]
    made_from: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        check_side(self.side)

    @property
    def frames(self) -> int:
        """How many there are."""
        return self.timeline.frames

    def request_of(self, frame: int) -> RenderRequest:
        """The request of a frame, counted from 0."""
        time = self.timeline.time_of(frame)
        return replace(self.request, rig=self.timeline.rig_at(self.request.rig, time))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What names each frame's picture: equal keys are equal pictures."""
        return tuple(_key(self.request_of(frame), self.side) for frame in range(self.frames))

    def to_json(self) -> dict[str, Any]:
        """Plain values: what a film's file says of how it was made."""
        return {"format": FORMAT, "program": "DiffusionRig Studio", "version": __version__,
                "note": "Edited with AI: the face in this film was moved or relit by a diffusion model from a single photo.",
                "request": self.request.to_json(), "timeline": self.timeline.to_json(), "side": self.side,
                **({"made_from": dict(self.made_from)} if self.made_from else {})}


def check_side(side: int) -> None:
    """Raises ParameterError for a longer side that films can't have."""
    if not LEAST_SIDE <= side <= MAX_SIDE:
        raise ParameterError(f"The longer side of a film has {LEAST_SIDE} to {MAX_SIDE} pixels, not {side}.")


def _key(request: RenderRequest, side: int) -> str:
    text = json.dumps({"request": request.to_json(), "side": side, "version": __version__}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Frames:
    """Finished frames as PNG files in a folder, each under its key. folder: see `cache_folder`."""

    folder: Path

    def path(self, key: str) -> Path:
        """Where the frame of a key lies."""
        return self.folder / f"{key[:40]}.png"

    def missing(self, film: Film) -> list[int]:
        """The frames that are still to be made, each picture once, in their order."""
        known: set[str] = set()
        rows = []
        for frame, key in enumerate(film.keys):
            if key not in known and not self.path(key).is_file():
                rows.append(frame)
            known.add(key)
        return rows

    def write(self, key: str, picture: np.ndarray) -> Path:
        """Keep a frame (H, W, 3) uint8. Raises WriteError."""
        done, data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not done:
            raise UserError("A frame could not be packed as PNG.")
        return atomic_write(self.path(key), data.tobytes(), make_folder=True)

    def read(self, key: str) -> np.ndarray | None:
        """A frame that was kept (H, W, 3) uint8; None, and the file gone, where there is none or it can't be read."""
        path = self.path(key)
        with contextlib.suppress(OSError, cv2.error):
            picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
            if picture is not None:
                return np.ascontiguousarray(picture[..., ::-1])
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def cache_folder(film: Film) -> Path:
    """Where the frames of films of one photo lie."""
    return paths.cache_dir() / "films" / hashlib.sha256(film.request.photo.encode()).hexdigest()[:24]


def make_frame(engine: Engine, film: Film, frame: int, kept: Frames, cancelled: Callable[[], bool] | None = None,
               on_step: Callable[[int, int, Any], None] | None = None) -> np.ndarray:
    """A frame's picture (H, W, 3) uint8 of even size, from the folder or made and kept there.

    Raises Cancelled when `cancelled()` says so between steps, UserError with a message for the user.
    """
    key = film.keys[frame]
    known = kept.read(key)
    if known is not None:
        return known
    result = engine.render(film.request_of(frame), on_step, cancelled, measure=False)
    picture = fitted(result.image, film.side)
    kept.write(key, picture)
    return picture


def make_frames(engine: Engine, film: Film, kept: Frames, report: Report | None = None,
                cancelled: Callable[[], bool] | None = None) -> None:
    """Make all frames that are missing; report(done, all). What is made stays when it ends early."""
    missing = kept.missing(film)
    done = film.frames - len(missing)
    for number, frame in enumerate(missing):
        if report is not None:
            report(done + number, film.frames)
        make_frame(engine, film, frame, kept, cancelled)
    if report is not None:
        report(film.frames, film.frames)


def fitted(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture (H, W, 3) uint8 brought down to `side` pixels on its longer side, with even sides, as codecs of video want."""
    height, width = picture.shape[:2]
    scale = min(1.0, side / max(height, width))
    if scale < 1:
        picture = cv2.resize(picture, (max(2, round(width * scale)), max(2, round(height * scale))), interpolation=cv2.INTER_AREA)
    height, width = (length - length % 2 for length in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width])


def tidy(folder: Path | None = None, now: float | None = None) -> None:
    """Delete frames of films that nobody went on with for a month, and the oldest beyond some gigabytes."""
    folder = folder or paths.cache_dir() / "films"
    oldest = (time.time() if now is None else now) - _KEPT_DAYS * 86_400
    rows = []
    for path in folder.glob("*/*.png"):
        with contextlib.suppress(OSError):
            facts = path.stat()
            rows.append((facts.st_mtime, facts.st_size, path))
    total = 0
    for when, size, path in sorted(rows, reverse=True, key=lambda row: row[0]):
        total += size
        if when < oldest or total > _KEPT_BYTES:
            with contextlib.suppress(OSError):
                path.unlink()
    for part in folder.glob("*"):
        with contextlib.suppress(OSError):
            part.rmdir()  # only where it is empty
