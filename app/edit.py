"""An edit as a value: what undo brings back, what a project holds."""
from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from core.people.header import About
from core.request import DEFAULT_REACH, DEFAULT_STEPS, RenderRequest
from core.rig import Rig

if TYPE_CHECKING:
    from core.film.timeline import Timeline


@dataclass(frozen=True)
class Appearance:
    """How the picture is made from the edit; the fields are those of RenderRequest."""

    method: str = "studio"
    noise: str = "inverted"
    seed: int = 0
    steps: int = DEFAULT_STEPS
    strength: float = 1.0
    guidance: float = 1.0
    hold_background: bool = True
    reach: float = DEFAULT_REACH

    @classmethod
    def of(cls, request: RenderRequest) -> Appearance:
        """How the picture of a request was made."""
        return cls(**{part.name: getattr(request, part.name) for part in fields(cls)})


@dataclass(frozen=True)
class Edit:
    """Everything that undo brings back."""

    rig: Rig = field(default_factory=Rig)
    appearance: Appearance = field(default_factory=Appearance)
    person: About | None = None
    timeline: Timeline | None = None
