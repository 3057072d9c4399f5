"""Following a face from picture to picture, as a webcam sees it: what it does becomes values of a photo's sliders, at once.

The first moments show the face at rest; what it does beyond that is what counts (`core.film.drive`). Each value passes a filter
that is slow while it rests and quick while it moves.
"""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.film.drive import Amounts, Performance, Reader, slider_values
from core.head.parts import FOLLOWED, belongs

if TYPE_CHECKING:
    from core.landmarks import DetectedFace, FaceFinder
    from core.session import Session

REST = 10  # pictures of the face at rest
_STILL = 0.06  # of the face's size: it may move so far between two pictures and still count as at rest
_LOST = 5  # pictures without the face after which it is looked for thoroughly


@dataclass(frozen=True, eq=False)
class Sight:
    """What was made of one picture. face: None where none was found. rest: share (0..1) of the resting pictures that are there;
    1 once it follows. values: of the sliders, by name; None until then, and while there is no face."""

    face: DetectedFace | None
    rest: float
    values: Mapping[str, float] | None = None


class LiveFace:
    """Follows the largest face. Belongs to one thread. groups: which parts' values are given; may be changed at any time."""

    def __init__(self, session: Session, finder: FaceFinder, groups: Sequence[str] = FOLLOWED) -> None:
        """session: of the photo that follows. finder: closed by whoever made it."""
        self.session = session
        self.groups = tuple(groups)
        self._finder = finder
        self._resting: list[DetectedFace] = []
        self._reader: Reader | None = None
        self._missed = _LOST
        self._filter = OneEuro()

    def rest(self) -> None:
        """Take the face at rest anew."""
        self._resting, self._reader, self._filter = [], None, OneEuro()

    def see(self, picture: np.ndarray, time: float) -> Sight:
        """The next picture (H, W, 3) uint8 RGB, taken at `time`, seconds. Raises AssetError for a head without landmarks."""
        found = self._finder.detect(picture, thorough=self._missed == _LOST)
        if not found:
            self._missed = self._missed + 1 if self._missed < 4 * _LOST else 0
            return Sight(None, self._share)
        self._missed = 0
        face = found[0]
        if self._reader is None:
            self._settle(face)
            return Sight(face, self._share)
        read = Performance.of(self._reader, self._reader.read(face)[None])
        values = {name: float(value[0]) for name, value in slider_values(read, self.session, Amounts(smoothing=0.0)).items()}
        smooth = self._filter.smooth(values, time)
        return Sight(face, 1.0, {name: value for name, value in smooth.items() if self._wanted(name)})

    @property
    def _share(self) -> float:
        return 1.0 if self._reader is not None else len(self._resting) / REST

    def _settle(self, face: DetectedFace) -> None:
        """Collect the face at rest; one that moves begins again."""
        if self._resting:
            away = np.linalg.norm(face.points - self._resting[-1].points, axis=1).mean()
            if away > _STILL * face.scale:
                self._resting = []
        self._resting.append(face)
        if len(self._resting) == REST:
            self._reader = Reader.of(self.session.head, _mean(self._resting))

    def _wanted(self, name: str) -> bool:
        return any(name.startswith("pose.") if group == "pose" else belongs(name, group) for group in self.groups)


def _mean(faces: Sequence[DetectedFace]) -> DetectedFace:
    """The mean of one face's pictures; its turn is the middle one's."""
    names = faces[0].blendshapes
    return replace(faces[len(faces) // 2], points=np.mean([face.points for face in faces], 0).astype(np.float32),
                   depth=np.mean([face.depth for face in faces], 0).astype(np.float32),
                   blendshapes={name: float(np.mean([face.blendshapes[name] for face in faces])) for name in names})


class OneEuro:
    """The 1 euro filter (Casiez, Roussel & Vogel 2012) for named values: jitter goes while they rest, lag while they move.

    Degrees and units are brought to one measure first: 20 degrees are a unit.
    """

    least, slope, derivative = 1.6, 1.1, 1.5  # Hz, per (unit / s), Hz

    def __init__(self) -> None:
        self._time = -math.inf
        self._last: dict[str, tuple[float, float]] = {}  # value and speed

    def smooth(self, values: Mapping[str, float], time: float) -> dict[str, float]:
        """Values at `time`, s, from those and all before. Times that don't rise give the last ones again."""
        step = time - self._time
        if not self._last or not math.isfinite(step):
            self._time, self._last = time, {name: (value, 0.0) for name, value in values.items()}
        elif step > 0:
            self._time = time
            self._last = {name: self._next(name, value, step) for name, value in values.items()}
        return {name: self._last[name][0] for name in values if name in self._last}

    def _next(self, name: str, value: float, step: float) -> tuple[float, float]:
        before, speed = self._last.get(name, (value, 0.0))
        unit = 20.0 if name.startswith(("pose.", "eyes.")) else 1.0
        share = _share(self.derivative, step)
        speed += share * ((value - before) / (step * unit) - speed)
        share = _share(self.least + self.slope * abs(speed), step)
        return before + share * (value - before), speed


def _share(cutoff: float, step: float) -> float:
    return 1 / (1 + 1 / (2 * math.pi * cutoff * step))
