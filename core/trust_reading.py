"""What a settled picture shows of what was asked for, as it is told to the user (`core.trust` finds it)."""
from __future__ import annotations

from dataclasses import dataclass

from core.identity import SAME_PERSON

BEYOND = 2.5  # of a limit: more than an edit that landed badly


@dataclass(frozen=True)
class Measured:
    """One thing that was asked for, and what the picture shows of it.

    kind: 'yaw', 'pitch', 'roll' (degrees of change), 'light' (degrees between the main light asked for, 0, and the one found), or
    the name of an expression's control (landmark scores, 0 to 1; as they are, not as a change). limit: error up to which it
    counts as there.
    """

    kind: str
    asked: float
    found: float
    limit: float

    @property
    def error(self) -> float:
        """How far off, in its unit."""
        return abs(self.asked - self.found)

    @property
    def good(self) -> bool:
        """Whether it is there."""
        return self.error <= self.limit


@dataclass(frozen=True)
class Reading:
    """What a picture shows. face: whether one was found. identity: dlib's distance to the photo's person; None where it can't be
    told. measures: what was asked for, the worst (in units of its limit) first."""

    face: bool
    identity: float | None
    measures: tuple[Measured, ...] = ()

    @property
    def same_person(self) -> bool:
        """Whether a face recogniser takes both for one person; True where it can't be told."""
        return self.identity is None or self.identity < SAME_PERSON

    @property
    def off(self) -> tuple[Measured, ...]:
        """What did not come out as asked, the worst first."""
        return tuple(m for m in self.measures if not m.good)

    @property
    def beyond(self) -> bool:
        """Whether the edit asks more of this photo than the model holds."""
        return not self.face or not self.same_person or any(m.error > BEYOND * m.limit for m in self.measures)
