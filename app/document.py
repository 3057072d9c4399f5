"""The document: an opened photo and the edit of it. The one place that the widgets read from and write to.

Every change goes through `change` or, for drags, through `begin`, `change` ... `end`; either way it becomes one undo
step that stores only the difference. Widgets listen to `changed` and never hold values of their own.

The edit outlives a change of the head: what the present head lacks is set aside (`app.carry`) and comes back with a head that
has it. So does a person whose model is not the one in use.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from app.carry import carried, clamped, left_behind
from app.commands import Difference, EditCommand
from core import rig as rigs
from core.codes import FaceCode
from core.people.header import About
from core.request import DEFAULT_STEPS, RenderRequest
from core.rig import Copy, Parameter, Rig, Value


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


@dataclass(frozen=True)
class Edit:
    """Everything that undo brings back."""

    rig: Rig = field(default_factory=Rig)
    appearance: Appearance = field(default_factory=Appearance)
    person: About | None = None


class Document(QObject):
    """An opened photo (`session`) and its edit.

    opened: a photo was opened, everything is new. changed: the edit is another one.
    """

    opened = Signal()
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session: Any = None
        self.undo_stack = QUndoStack(self)
        self.prior_digest = ""
        self._edit = Edit()
        self._gesture: tuple[str, Edit] | None = None
        self._shown: tuple[Rig, dict[str, Value], FaceCode] | None = None
        self._base: tuple[tuple[Copy, ...], dict[str, Value]] | None = None
        self._fitted: tuple[Rig, Rig] | None = None
        self._codes: dict[tuple[str, str], FaceCode] = {}

    # -- what is

    @property
    def rig(self) -> Rig:
        """The edit of the face, as far as its head can do it."""
        whole = self._edit.rig
        if self.session is None:
            return whole
        if self._fitted is None or self._fitted[0] is not whole:
            self._fitted = (whole, carried(whole, self.session.head, self._codes))
        return self._fitted[1]

    @property
    def set_aside(self) -> list[str]:
        """Names of what the edit holds and the present head can't do."""
        return left_behind(self._edit.rig, self.rig)

    @property
    def appearance(self) -> Appearance:
        """The edit of how the picture is made."""
        return self._edit.appearance

    @property
    def person(self) -> About | None:
        """Whose personal model makes the pictures; None for the model alone, and while the person's own model isn't in use."""
        person = self._edit.person
        return person if person is not None and self._fits(person) else None

    @property
    def person_set_aside(self) -> About | None:
        """The person that the edit holds and the model in use can't make."""
        return self._edit.person if self.person is None else None

    def _fits(self, person: About) -> bool:
        return person.prior_digest == self.prior_digest and (self.session is None or self.session.head.name == person.head)

    @property
    def in_gesture(self) -> bool:
        """Whether a drag is under way."""
        return self._gesture is not None

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
        copies = self.rig.copies
        if self._base is None or self._base[0] != copies:
            code = rigs.apply(Rig(copies=copies), self.session.head, self.session.code)
            self._base = (copies, rigs.photo_values(self.session.head, code))
        return self._base[1]

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
            head, base = self.session.head, self.base_values()
            code = rigs.apply(rig, head, self.session.code)
            lights = {k: v for k, v in rigs.photo_values(head, code).items() if k.startswith(("light.", "sh."))}
            touched = any(name.startswith(("light.", "sh.")) for name, _ in rig.values)
            self._shown = (rig, {**base, **(lights if touched else {}), **dict(rig.values)}, code)
        return self._shown[1], self._shown[2]

    # -- changing it

    def open(self, session: Any) -> None:
        """Take another photo; the edit and its history start anew. How pictures are made, and whose they are, stays."""
        self._take(session)
        self._edit = Edit(appearance=self.appearance, person=self._edit.person)
        self._codes.clear()
        self.undo_stack.clear()
        self.opened.emit()
        self.changed.emit()

    def switch(self, session: Any, codes: Mapping[str, FaceCode]) -> None:
        """The same photo fitted with another head. The edit and its history stay; codes: those of copied photos, by digest."""
        self.end()
        self._take(session)
        self._codes.update({(digest, code.head): code for digest, code in codes.items()})
        self.opened.emit()
        self.changed.emit()

    def _take(self, session: Any) -> None:
        self.session = session
        self._gesture = self._shown = self._base = self._fitted = None

    def begin(self, label: str) -> None:
        """A drag starts: until `end`, changes are shown but make no undo step of their own."""
        self.end()
        self._gesture = (label, self._edit)

    def end(self) -> None:
        """The drag is over: what it changed becomes one undo step."""
        if self._gesture is None:
            return
        (label, before), self._gesture = self._gesture, None
        self._push(label, before, self._edit)

    def set(self, name: str, value: Value | None, label: str = "") -> None:
        """Set one parameter, clamped to its range; None resets it."""
        self.update({name: value}, label)

    def update(self, values: Mapping[str, Value | None], label: str = "") -> None:
        """Set or reset several parameters as one step."""
        clamped = {name: self._clamp(name, value) for name, value in values.items()}
        self._change(label or self._label(clamped), replace(self._edit, rig=self._edit.rig.update(clamped)))

    def copy(self, source: Copy) -> None:
        """Take a block from another photo. What was set by hand in that block gives way."""
        rig = self._edit.rig.copy(source)
        owned = {"light": ("light.", "sh."), "expression": ("expression.", "jaw."), "pose": ("pose.",)}
        mine = [name for name, _ in rig.values if name.startswith(owned.get(source.block, ("\0",)))]
        self._change(f"Copy {source.block}", replace(self._edit, rig=rig.update(dict.fromkeys(mine))))

    def drop_copy(self, block: str) -> None:
        """Give up the block taken from another photo."""
        self._change(f"Remove copied {block}", replace(self._edit, rig=self._edit.rig.drop_copy(block)))

    def set_appearance(self, **changes: Any) -> None:
        """Change how the picture is made; the names are those of `Appearance`."""
        label = next(iter(changes)).replace("_", " ").capitalize()
        self._change(label, replace(self._edit, appearance=replace(self.appearance, **changes)))

    def set_person(self, person: About | None) -> None:
        """Make pictures with a personal model, or with the model alone."""
        self._change(f"Person {person.name}" if person is not None else "No person", replace(self._edit, person=person))

    def reset_all(self) -> None:
        """Back to the photo as it is."""
        self._change("Reset all", replace(self._edit, rig=Rig()))

    def _change(self, label: str, edit: Edit) -> None:
        if edit == self._edit:
            return
        before, self._edit = self._edit, edit
        if self._gesture is None:
            self._push(label, before, edit)
        self.changed.emit()

    def _push(self, label: str, before: Edit, after: Edit) -> None:
        difference = Difference.between(before, after)
        if difference:
            self.undo_stack.push(EditCommand(self, label, difference))

    def apply_difference(self, difference: Difference) -> None:
        """For undo commands: apply a difference without making a step."""
        edit = difference.applied(self._edit)
        if edit != self._edit:
            self._edit = edit
            self.changed.emit()

    def _clamp(self, name: str, value: Value | None) -> Value | None:
        row = self.parameters().get(name)
        return value if row is None or value is None else clamped(row, value)

    def _label(self, values: Mapping[str, Any]) -> str:
        rows = self.parameters()
        names = [rows[name].label for name in values if name in rows]
        return names[0] if len(names) == 1 else "Edit"
