"""Driving a photo by a video: the face in each picture is read, and what it does is put on the photo's own face as keyframes.

What counts is how the driver's face differs from its own neutral picture, so that another person's features stay theirs. Two
readings of that difference are taken. The landmark model's expression scores know a smile or a shut eye as people do them, but
hardly see a change that is only one of shape. A fit of the head to the landmarks, with identity and what it missed in the neutral
picture held, sees the shape. Where both agree in direction the larger one counts; measured on pairs of photos of one person,
neutral and smiling, that brings the landmarks nearest (see resources/docs/films.md). The more the head is turned against the
neutral picture, the less the fit counts: landmarks of a turned head are off by more, and read as expressions that nobody made.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.film import curves
from core.film.clip import ClipError
from core.film.timeline import Timeline
from core.fit_model import FitModel, fit_model
from core.fit_solve import Seen, Settings, Solution, State, solve, start
from core.rig import parameters, pose_degrees

if TYPE_CHECKING:
    from core.head.base import HeadModel
    from core.landmarks import DetectedFace, FaceFinder
    from core.session import Session

_HELD, _LOOSE = 0.01, 0.15  # deviations of identity and of units about the scores, of the fit to a driver's picture
_SETTINGS = Settings(pair=0.3, steps=5)
_SIDE = 512
_SHAPE_TURN = 12.0  # degrees of turn at which the fit counts for e^-1
_LEAST_ROOM = 0.05  # of a unit: where less is left, a share of it would say nothing
_LEAST = {"expression.": 0.04, "jaw.": 0.03, "pose.": 0.8, "eyes.": 1.0}  # tracks that move less are left out
_TOLERANCE = {"expression.": 0.015, "jaw.": 0.015, "pose.": 0.25, "eyes.": 0.5}
_LONGEST_BLUR = 0.5  # s of smoothing at 1
_BLINKS = ("eyeBlink", "eyeWide", "eyeSquint")  # as fast as anything a face does: smoothed half as long
Report = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of a video's pictures, one each `1 / fps` seconds; None where none was found."""

    fps: float
    faces: tuple[DetectedFace | None, ...]

    @property
    def seen(self) -> np.ndarray:
        """(N,) bool."""
        return np.array([face is not None for face in self.faces])

    @property
    def first(self) -> int:
        """The first picture with a face."""
        return int(self.seen.argmax())


@dataclass(frozen=True, eq=False)
class Performance:
    """What a driver's face does, against its neutral picture. units (N, E): changes of the head's units `names`; jaw (N,): change
    of the jawOpen score; turn (N, 3): yaw, pitch, roll and gaze (N, 2): yaw, pitch, degrees."""

    fps: float
    names: tuple[str, ...]
    units: np.ndarray
    jaw: np.ndarray
    turn: np.ndarray
    gaze: np.ndarray

    @classmethod
    def of(cls, reader: Reader, rows: np.ndarray, fps: float = 25.0) -> Performance:
        """What a reader read, (N, E + 6)."""
        count = len(reader.names)
        return cls(fps, reader.names, rows[:, :count], rows[:, count], rows[:, count + 1:count + 4], rows[:, count + 4:])


@dataclass(frozen=True)
class Amounts:
    """How much of a performance is taken: 1 as it is, 0 nothing, up to 2. smoothing: 0 to 1. eyes: lids and gaze."""

    mouth: float = 1.0
    brows: float = 1.0
    eyes: float = 1.0
    pose: float = 1.0
    smoothing: float = 0.4


def read_faces(finder: FaceFinder, pictures: Iterable[tuple[float, np.ndarray]], fps: float, name: str = "The video",
               report: Report | None = None, total: int = 0) -> Faces:
    """The largest face of every picture, and after the first one the one that is nearest to where it was.

    report(done, total) may raise Cancelled. Raises ClipError when hardly any picture shows a face.
    """
    faces: list[DetectedFace | None] = []
    last: DetectedFace | None = None
    for _, picture in pictures:
        found = finder.detect(picture, thorough=last is None and len(faces) % 10 == 0)
        if last is None:
            face = found[0] if found else None
        else:
            middle, reach = last.points.mean(0), 1.5 * last.scale
            near = [f for f in found if np.linalg.norm(f.points.mean(0) - middle) < reach]
            face = min(near, key=lambda f: float(np.linalg.norm(f.points.mean(0) - middle)), default=None)
        last = face or last
        faces.append(face)
        if report is not None:
            report(len(faces), max(total, len(faces)))
    seen = sum(face is not None for face in faces)
    if seen < max(2, 0.2 * len(faces)):
        raise ClipError(f"{name} shows a face in {seen} of {len(faces)} pictures, too few to follow. Use a video in which one "
                        "face is seen from the front, large and all the time.")
    return Faces(fps, tuple(faces))


def perform(head: HeadModel, faces: Faces, neutral: int | None = None, report: Report | None = None) -> Performance:
    """What the faces do, against the picture `neutral` (None: the first with a face), fitted with a head.

    Raises ClipError when the neutral picture shows no face, AssetError for a head without landmarks.
    """
    neutral = faces.first if neutral is None else neutral
    if not 0 <= neutral < len(faces.faces) or faces.faces[neutral] is None:
        raise ClipError("There is no face in the picture that was chosen as the neutral one. Choose another moment.")
    reader = Reader.of(head, faces.faces[neutral])  # type: ignore[arg-type]
    rows = []
    for i, face in enumerate(faces.faces):
        rows.append(reader.read(face) if face is not None else np.zeros(len(reader.names) + 6))
        if report is not None:
            report(i + 1, len(faces.faces))
    return Performance.of(reader, curves.filled(np.array(rows), faces.seen), faces.fps)


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads faces against a neutral one, some milliseconds each (`Reader.of(head, neutral).read(face)`).

    own: the neutral's fit; missed (3, L): what it missed, in the head's frame, in eye distances; turn (2,): the landmark model's
    yaw and pitch of it.
    """

    model: FitModel
    face: DetectedFace
    seen: Seen
    own: Solution
    missed: np.ndarray
    turn: np.ndarray

    @classmethod
    def of(cls, head: HeadModel, face: DetectedFace) -> Reader:
        """A reader with this neutral face. Raises AssetError for a head without landmarks."""
        model, face = fit_model(head), _sized(face)
        seen = Seen.of(model, face.points, face.depth, face.blendshapes)
        own = solve(model, [seen])[0]
        flat = np.concatenate([seen.target[:2] - own.places, np.zeros((1, len(model.ids)))]) / seen.span
        deviation = model.deviation.copy()
        deviation[model.identity], deviation[model.units] = _HELD, _LOOSE
        return cls(replace(model, deviation=deviation), face, seen, own, own.state.turn.T @ flat,
                   face.turn)

    @property
    def names(self) -> tuple[str, ...]:
        """The head's units that are read."""
        return self.model.names

    def read(self, face: DetectedFace) -> np.ndarray:
        """Changes: units (E,), jawOpen score, yaw, pitch, roll, gaze yaw and pitch, in one row; 0 for the neutral face itself."""
        return self._raw(face) - self._rest

    @cached_property
    def _rest(self) -> np.ndarray:
        return self._raw(self.face)

    def _raw(self, face: DetectedFace) -> np.ndarray:
        model, own, face = self.model, self.own.state, _sized(face)
        seen = Seen.of(model, face.points, face.depth, face.blendshapes)
        expected = own.x.copy()
        scores = (seen.expected - self.seen.expected)[model.units]
        expected[model.units] = np.clip(own.x[model.units] + scores, model.low[model.units], model.high[model.units])
        seen = replace(seen, expected=expected)
        begin = start(model, seen)
        target = seen.target - (begin.turn @ self.missed * seen.span) * [[1], [1], [0]]
        found = solve(model, [replace(seen, target=target)], _SETTINGS,
                      [State(begin.turn, begin.scale, begin.shift, expected)])[0].state
        shape = (found.x - own.x)[model.units]
        plain = np.array([face.blendshapes.get(n, 0.0) - self.face.blendshapes.get(n, 0.0) for n in model.names])
        jaw = face.blendshapes.get("jawOpen", 0.0) - self.face.blendshapes.get("jawOpen", 0.0)
        fitted = np.array(pose_degrees(_rotvec(found.turn))) - pose_degrees(_rotvec(own.turn))
        seen_turn = face.turn - self.turn
        turn = np.array([*((fitted[:2] + seen_turn) / 2), fitted[2]])
        both = np.where((np.abs(plain) > np.abs(shape)) & (plain * shape > 0), plain, shape)
        units = plain + np.exp(-float(turn[:2] @ turn[:2]) / _SHAPE_TURN**2) * (both - plain)
        gaze = np.degrees((found.x - own.x)[model.eyes])
        return np.concatenate([units, [jaw], turn, gaze])


def retarget(performance: Performance, session: Session, amounts: Amounts | None = None,
             fps: float | None = None) -> Timeline:
    """A performance as keyframes for a photo. fps: of the film (None: of the reading). Every value is within its slider's range.

    A change of an expression becomes the same change of this face, where it has the room for it (`core.head.units`).
    """
    times = np.arange(len(performance.jaw)) / performance.fps
    tracks = []
    for name, effect, values in _moves(performance, session, amounts or Amounts()):
        kind = name.partition(".")[0] + "."
        made = curves.track(name, times, values, effect, _TOLERANCE[kind], _LEAST[kind])
        if made is not None:
            tracks.append(made)
    return Timeline(len(times) / performance.fps, fps or performance.fps, tuple(tracks))


def slider_values(performance: Performance, session: Session, amounts: Amounts) -> dict[str, np.ndarray]:
    """The performance as values (N,) of the photo's sliders, by name, smoothed over time and within their ranges."""
    return {name: values for name, _, values in _moves(performance, session, amounts)}


def _moves(performance: Performance, session: Session, amounts: Amounts) -> Iterable[tuple[str, np.ndarray, np.ndarray]]:
    """(control, what it changes on this face (N,), the slider's values for that (N,)) of everything that was read.

    A slider takes a share of the room that is left, and going back a share of what the photo shows: a change that the face has no
    room for is no change.
    """
    table = parameters(session.head)
    blur = amounts.smoothing * _LONGEST_BLUR
    for name, change, gain in _controls(performance, amounts):
        row = table.get(name)
        if row is None or not gain:
            continue
        soft = (curves.smoothed(change[:, None], performance.fps, blur / 2, brief=True) if _blinks(name) else
                curves.smoothed(change[:, None], performance.fps, blur))[:, 0] * gain
        if row.unit == "°":
            soft = np.clip(soft, row.low, row.high)
            yield name, soft, soft
            continue
        now = _now(name, session)
        room, own = max(row.high - now, _LEAST_ROOM), max(now, _LEAST_ROOM)
        effect = np.clip(soft, -max(now, 0.0), max(row.high - now, 0.0))
        yield name, effect, np.clip(np.where(effect > 0, effect / room * row.high, effect / own), row.low, row.high)


def _controls(performance: Performance, amounts: Amounts) -> Iterable[tuple[str, np.ndarray, float]]:
    """(control, change (N,), gain) of everything that was read."""
    yield "jaw.open", performance.jaw, amounts.mouth
    unit = dict(zip(performance.names, performance.units.T, strict=True))
    if "jawLeft" in unit and "jawRight" in unit:
        yield "jaw.side", unit["jawLeft"] - unit["jawRight"], amounts.mouth
    if "jawForward" in unit:
        yield "jaw.forward", unit["jawForward"], amounts.mouth
    for name, change in unit.items():
        if not name.startswith("jaw"):
            yield f"expression.{name}", change, _gain(name, amounts)
    for i, axis in enumerate(("yaw", "pitch", "roll")):
        yield f"pose.{axis}", performance.turn[:, i], amounts.pose
    for i, axis in enumerate(("yaw", "pitch")):
        yield f"eyes.{axis}", performance.gaze[:, i], amounts.eyes


def _gain(unit: str, amounts: Amounts) -> float:
    return amounts.brows if unit.startswith("brow") else amounts.eyes if unit.startswith("eye") else amounts.mouth


def _blinks(name: str) -> bool:
    return name.removeprefix("expression.").startswith(_BLINKS)


def _now(name: str, session: Session) -> float:
    """How much of a control the photo itself shows."""
    if name == "jaw.open":  # its slider goes by what the landmark model reads (core.landing)
        return float(session.photo.face.blendshapes.get("jawOpen", 0.0))
    unit = name.removeprefix("expression.")
    names: Sequence[str] = session.head.expression_names
    return float(session.code.expression[names.index(unit)]) if unit in names else 0.0


def _sized(face: DetectedFace) -> DetectedFace:
    """The face as in a picture of one size, so that every length means the same."""
    low = face.points.min(0)
    factor = 0.5 * _SIDE / max(float((face.points.max(0) - low).max()), 1.0)
    return face.moved(factor, 0.25 * _SIDE - low * factor)


def _rotvec(turn: np.ndarray) -> np.ndarray:
    from core.cv import cv2

    return np.asarray(cv2.Rodrigues(np.asarray(turn, np.float64))[0].ravel())
