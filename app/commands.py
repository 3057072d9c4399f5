"""Undo: one step stores what it changed, before and after, and nothing else."""
from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QUndoCommand

from core.rig import Copy

if TYPE_CHECKING:
    from app.document import Document
    from app.edit import Edit

Change = tuple[Any, Any]


@dataclass(frozen=True)
class Difference:
    """What differs between two edits: (before, after) by name; None stands for "not set".

    values, copies: of the rig. rig: its other fields. appearance: its fields. edit: the other fields of the edit, whatever they
    are.
    """

    values: dict[str, Change] = field(default_factory=dict)
    copies: dict[str, Change] = field(default_factory=dict)
    rig: dict[str, Change] = field(default_factory=dict)
    appearance: dict[str, Change] = field(default_factory=dict)
    edit: dict[str, Change] = field(default_factory=dict)

    @classmethod
    def between(cls, before: Edit, after: Edit) -> Difference:
        """The difference that leads from one edit to the other."""
        return cls(_differing(dict(before.rig.values), dict(after.rig.values)),
                   _differing({c.block: c for c in before.rig.copies}, {c.block: c for c in after.rig.copies}),
                   _differing(_others(before.rig, "values", "copies"), _others(after.rig, "values", "copies")),
                   _differing(_others(before.appearance), _others(after.appearance)),
                   _differing(_others(before, "rig", "appearance"), _others(after, "rig", "appearance")))

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def reversed(self) -> Difference:
        """The way back."""
        return Difference(**{part: {name: (new, old) for name, (old, new) in changes.items()}
                             for part, changes in vars(self).items()})

    def applied(self, edit: Edit) -> Edit:
        """The edit with this difference applied; what it doesn't name stays."""
        rig = edit.rig.update(_news(self.values))
        for block, copy in _news(self.copies).items():
            rig = rig.copy(copy) if isinstance(copy, Copy) else rig.drop_copy(block)
        return replace(edit, rig=replace(rig, **_news(self.rig)), appearance=replace(edit.appearance, **_news(self.appearance)),
                       **_news(self.edit))


def _differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Change]:
    names = {**before, **after}
    return {n: (before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)}


def _others(thing: Any, *names: str) -> dict[str, Any]:
    return {part.name: getattr(thing, part.name) for part in fields(thing) if part.name not in names}


def _news(changes: dict[str, Change]) -> dict[str, Any]:
    return {name: new for name, (_, new) in changes.items()}


class EditCommand(QUndoCommand):
    """One undo step. The change has been made when the command is pushed, so the first redo does nothing."""

    def __init__(self, document: Document, label: str, difference: Difference) -> None:
        super().__init__(label)
        self._document = document
        self._difference = difference
        self._fresh = True

    def redo(self) -> None:
        """Make the change again."""
        if self._fresh:
            self._fresh = False
            return
        self._document.apply_difference(self._difference)

    def undo(self) -> None:
        """Take the change back."""
        self._document.apply_difference(self._difference.reversed())
