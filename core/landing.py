"""Edits that land where they are asked to: from what a slider says to what the mesh must do for the picture to read so.

A mesh turned by 25 degrees reads as 18 to 21, on its render as on a photo moved along with it, and a jaw unit of 0.6 as a score
of 0.4: the landmark model reads everything toward the usual face. Faces differ in how much: a beard hides a jaw, a small mouth
smiles less. What a user asks for is what is to be seen, so each control has a curve, mesh value -> reading, and
the rig's value is put through its inverse. Where a photo is open the curve is the photo's own (`core.landing_photo`), held
near the usual one; else it is the usual one of `resources/landing.json`, whose `kept` says what a network leaves of a motion.
At 0 nothing changes, and heads without such a table are edited as before.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from core import paths
from core.errors import AssetError

if TYPE_CHECKING:
    from core.codes import FaceCode
    from core.head.base import Control, HeadModel

# Written by: main.py evaluate landing FOLDER --report DIR --fit resources/landing.json
TABLE_FILE = paths.RESOURCES / "landing.json"
TURNS = ("pose.yaw", "pose.pitch")
UNITS = ("jaw.open", "expression.smile")
# Half a smile reads weaker than a whole one. A photo is not looked at for these: they go by the usual curve.
HALVES = ("expression.smile_left", "expression.smile_right")
# How far a photo's own curve may ask for more or less than the usual one: where a reading fails (glasses, a hand, a painted face)
# no face is to be pulled out of shape for it.
NEAR = {"pose.yaw": 0.18, "pose.pitch": 0.25, "jaw.open": 0.4, "expression.smile": 0.4}
MOST_UNIT = 1.15  # of an expression unit: beyond, the open mouth's corners crease
# Of a unit's way beside what the slider says. The model sees no smile below a unit of 0.4 and then all of it; a slider that
# gave 0.4 for its first step would jump.
MOST_GAIN = 2.0


@dataclass(frozen=True)
class Curve:
    """What a mesh value reads as: both rising from 0. mesh, reading: knots of one side, degrees or units, without the 0."""

    mesh: tuple[float, ...]
    reading: tuple[float, ...]

    def reads(self, value: float) -> float:
        """The reading of a mesh value >= 0; beyond the last knot it goes on at slope 1."""
        return _along(value, (0.0, *self.mesh), (0.0, *self._rising()))

    def asks(self, reading: float) -> float:
        """The least mesh value >= 0 that reads so."""
        return _along(reading, (0.0, *self._rising()), (0.0, *self.mesh))

    def _rising(self) -> tuple[float, ...]:
        steps = np.maximum.accumulate(np.maximum(self.reading, 0)) + 1e-4 * np.arange(1, len(self.reading) + 1)
        return tuple(float(v) for v in steps)


def _along(value: float, knots: tuple[float, ...], values: tuple[float, ...]) -> float:
    return float(np.interp(value, knots, values)) + max(0.0, value - knots[-1])


@dataclass(frozen=True)
class Table:
    """The usual curves of one head. curves: by control and side ('pose.yaw+'); kept: share of a reading that a finished picture
    has of its starting picture's, by control."""

    head: str
    curves: Mapping[str, Curve]
    kept: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"head": self.head, "kept": {name: round(v, 3) for name, v in self.kept.items()},
                "curves": {name: {"mesh": [round(v, 3) for v in c.mesh], "reading": [round(v, 3) for v in c.reading]}
                           for name, c in self.curves.items()}}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Table:
        """The table written by `to_json`."""
        curves = {name: Curve(tuple(c["mesh"]), tuple(c["reading"])) for name, c in plain["curves"].items()}
        return cls(plain["head"], curves, dict(plain["kept"]))


@lru_cache(maxsize=1)
def usual() -> Table:
    """The table that ships. Raises AssetError when it can't be read."""
    try:
        return Table.from_json(json.loads(TABLE_FILE.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AssetError(f"{TABLE_FILE} can't be read ({error}). Install the program again.") from error


def key_of(name: str, value: float) -> str:
    """The curve a value belongs to: 'pose.yaw+', 'pose.yaw-'; a unit only rises."""
    return name + ("-" if value < 0 else "+")


def strongest(control: Control) -> tuple[int, ...]:
    """Rows of a control's units with the largest gain: those its score is read from."""
    top = max(gain for _, gain in control.weights)
    return tuple(row for row, gain in control.weights if gain == top)


def asked_score(score: float, value: float, high: float) -> float:
    """The score a slider value asks for on a face that scores `score`: a share of the room up to the slider's end `high`, as
    units are changed (`core.head.units`); a negative value takes that share of the photo's own away."""
    if value < 0:
        return score * (1 + max(value, -1.0))
    return score + min(value / high, 1.0) * max(high - score, 0.0)


@dataclass(frozen=True)
class Own:
    """A photo's own reading of one control: score of the photo as it is (0 for a turn), and the curve of the change; None where
    it could not be read."""

    score: float
    curve: Curve | None


Measure = Callable[[str], Own]


@dataclass(frozen=True, eq=False)
class Landing:
    """The way from slider values to the mesh for one photo. table: the usual curves. measure: gives a photo's own by key (see
    `key_of`); None where there is no photo to look at."""

    table: Table
    measure: Measure | None = None

    def turned(self, name: str, value: float) -> float:
        """Degrees by which the mesh turns for a turn asked for."""
        if not value or key_of(name, value) not in self.table.curves:
            return value
        asked = abs(value) / self.table.kept.get(name, 1.0)
        return float(np.copysign(self._solve(name, value, asked, self._own(name, value)), value))

    def gain(self, head: HeadModel, code: FaceCode, control: Control, value: float, trust: bool = True) -> float:
        """Factor on a control's value and on its units' ends, so that the face reads as asked; 1 where there is no curve.

        trust: whether the code's expression is the photo's, so that the photo's own curve says something of it."""
        if value <= 0 or control.name not in (*UNITS, *HALVES) or key_of(control.name, value) not in self.table.curves:
            return 1.0
        now = float(np.mean([code.expression[row] for row in strongest(control)]))
        own = self._own(control.name, value) if trust else None
        score = own.score if own is not None else now
        asked = (asked_score(score, value, control.high) - score) / self.table.kept.get(control.name, 1.0)
        after = now + self._solve(control.name, value, asked, own, now)
        share = min(value / control.high, 1.0)
        plain = share * max(control.high - now, 0.0)
        after = min(after, MOST_UNIT, now + MOST_GAIN * plain)
        return float(max(now + (after - now) / share, 1e-3) / control.high)

    def read_ahead(self) -> None:
        """Look at the photo for every control now, so that none is looked at in the middle of a drag."""
        if self.measure is not None:
            for key in self.table.curves:
                if key[:-1] not in HALVES:
                    self.measure(key)

    def _own(self, name: str, value: float) -> Own | None:
        return self.measure(key_of(name, value)) if self.measure is not None and name not in HALVES else None

    def _solve(self, name: str, value: float, asked: float, own: Own | None, now: float = 0.0) -> float:
        """Mesh change that reads as `asked`, near what is usual. now: where the unit stands, for curves that begin there."""
        curve = self.table.curves[key_of(name, value)]
        common = curve.asks(curve.reads(now) + asked) - now if now else curve.asks(asked)
        if own is None or own.curve is None:
            return common
        near = NEAR[name]
        return float(np.clip(own.curve.asks(asked), common * (1 - near), common * (1 + near)))


def of_head(head: HeadModel, measure: Measure | None = None) -> Landing | None:
    """The landing of edits on faces of a head, or None for one that has no table."""
    table = usual() if TABLE_FILE.is_file() else None
    return Landing(table, measure) if table is not None and table.head == head.name else None
