"""What an edit makes of the opened photo: the values where every slider stands, the code, the request of its picture.

The edit outlives a change of the head: what the present head lacks is set aside (`app.carry`) and comes back with a head that
has it. So does a person whose model is not the one in use.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.carry import carried, left_behind
from app.edit import Appearance, Edit
from core import rig as rigs
from core.codes import FaceCode
from core.light_rig import LIGHT_PREFIXES, light_values
from core.people.header import About
from core.request import RenderRequest
from core.rig import Parameter, Rig, Value

if TYPE_CHECKING:
    from core.film.timeline import Timeline


class Edited(QObject):
    """An opened photo (`session`; None without one) and its edit, to be read; `Document` changes them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session: Any = None
        self.prior_digest = ""
        self._edit = Edit()
        self._time: float | None = None
        self._moment: tuple[Edit, float, Rig] | None = None
        self._shown: tuple[Rig, dict[str, Value], FaceCode] | None = None
        self._base: tuple[Rig, FaceCode, dict[str, Value]] | None = None
        self._fitted: tuple[Rig, Rig] | None = None
        self._codes: dict[tuple[str, str], FaceCode] = {}
        self._absent: frozenset[str] = frozenset()

    @property
    def edit(self) -> Edit:
        """All of the edit, what is set aside too."""
        return self._edit

    @property
    def timeline(self) -> Timeline | None:
        """The keyframes; None without any."""
        return self._edit.timeline

    @property
    def time(self) -> float | None:
        """The moment of the timeline that is shown and edited, s; None: the edit as a still."""
        return self._time

    def _whole(self) -> Rig:
        """The edit of the face as it is shown: at a moment of the timeline, or as a still."""
        edit, time = self._edit, self._time
        if time is None or edit.timeline is None or not edit.timeline.tracks:
            return edit.rig
        if self._moment is None or self._moment[0] is not edit or self._moment[1] != time:
            self._moment = (edit, time, edit.timeline.rig_at(edit.rig, time))
        return self._moment[2]

    @property
    def rig(self) -> Rig:
        """The edit of the face, as far as its head can do it; at the moment of the timeline that is shown."""
        whole = self._whole()
        if self.session is None:
            return whole
        if self._fitted is None or self._fitted[0] is not whole:
            self._fitted = (whole, carried(whole, self.session.head, self._codes, self._absent))
        return self._fitted[1]

    @property
    def keyed(self) -> frozenset[str]:
        """Names that get a keyframe when they are changed now: those of tracks, at a moment of the timeline."""
        timeline = self._edit.timeline
        return frozenset(timeline.names()) if self._time is not None and timeline is not None else frozenset()

    @property
    def still_rig(self) -> Rig:
        """The edit of the face beneath the timeline, as far as its head can do it."""
        return self.rig if self._time is None else carried(self._edit.rig, self.session.head, self._codes, self._absent)

    @property
    def set_aside(self) -> list[str]:
        """Names of what the edit holds and can't be done now: the present head lacks it, or a copied photo is gone."""
        return left_behind(self._whole(), self.rig)

    @property
    def appearance(self) -> Appearance:
        """The edit of how the picture is made."""
        return self._edit.appearance

    @property
    def person(self) -> About | None:
        """Whose personal model makes the pictures; None for the model alone, while the person's own model isn't in use, and while
        the person is not there."""
        person = self._edit.person
        return person if person is not None and self._fits(person) else None

    @property
    def person_set_aside(self) -> About | None:
        """The person that the edit holds and the model in use can't make."""
        return self._edit.person if self.person is None else None

    def _fits(self, person: About) -> bool:
        return person.digest not in self._absent and person.prior_digest == self.prior_digest and (
            self.session is None or self.session.head.name == person.head)

    @property
    def absent(self) -> frozenset[str]:
        """Digests of people and copied photos that the edit names and that are not there (`set_absent`)."""
        return self._absent

    def parameters(self) -> dict[str, Parameter]:
        """The table of names for the opened photo's head; empty without a photo."""
        return rigs.parameters(self.session.head) if self.session else {}

    def code(self) -> FaceCode:
        """The edited face code. Needs a photo."""
        return self._look()[1]

    def values(self) -> dict[str, Value]:
        """Where every slider stands now: what was set, else what the photo and the other edits make of it."""
        return self._look()[0] if self.session else {}

    def base_values(self) -> dict[str, Value]:
        """Where every slider stands with nothing set: the zero marks."""
        if not self.session:
            return {}
        return self._stand()[1]

    def _stand(self) -> tuple[FaceCode, dict[str, Value]]:
        """What the sliders stand on: the code with copied blocks, and where each slider stands with nothing set."""
        base = self.rig.base()
        if self._base is None or self._base[0] != base:
            head = self.session.head
            code = rigs.apply(Rig(copies=base.copies), head, self.session.code)
            values = rigs.photo_values(head, code)
            if base.environment is not None:
                lights = light_values(code, dict(base.values), base.environment)
                values |= {name: value for name, value in lights.items() if not name.startswith("environment.")}
            self._base = (base, code, values)
        return self._base[1], self._base[2]

    def is_set(self, name: str) -> bool:
        """Whether the edit sets this parameter."""
        return self.rig.get(name) is not None

    def request(self, quality: str = "preview", size: str = "crop") -> RenderRequest:
        """The request for the picture as it is edited now. Needs a photo."""
        person = self.person
        whose = {"person": person.digest, "identity": person.identity} if person is not None else {}
        return RenderRequest(photo=self.session.digest, rig=self.rig, prior=self.prior_digest, size=size, quality=quality,
                             **vars(self.appearance), **whose)  # type: ignore[arg-type]

    def _look(self) -> tuple[dict[str, Value], FaceCode]:
        rig = self.rig
        if self._shown is None or self._shown[0] is not rig:
            copied, base = self._stand()
            code = rigs.apply(rig, self.session.head, self.session.code)
            touched = any(name.startswith(LIGHT_PREFIXES) for name, _ in rig.values)
            lights = light_values(copied, dict(rig.values), rig.environment) if touched else {}
            self._shown = (rig, {**base, **lights, **dict(rig.values)}, code)
        return self._shown[1], self._shown[2]
