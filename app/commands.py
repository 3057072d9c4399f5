"""Undo: one step stores the parameters it changed, before and after, and nothing else."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QUndoCommand

from core.rig import Copy

if TYPE_CHECKING:
    from app.document import Document, Edit

Change = tuple[Any, Any]


@dataclass(frozen=True)
class Difference:
    """What differs between two edits: (before, after) by name; None stands for "not set"."""

    values: dict[str, Change]
    copies: dict[str, Change]
    appearance: dict[str, Change]
    person: dict[str, Change] = field(default_factory=dict)  # under "person", or empty

    @classmethod
    def between(cls, before: Edit, after: Edit) -> Difference:
        """The difference that leads from one edit to the other."""
        return cls(_differing(dict(before.rig.values), dict(after.rig.values)),
                   _differing({c.block: c for c in before.rig.copies}, {c.block: c for c in after.rig.copies}),
                   _differing(vars(before.appearance), vars(after.appearance)),
                   _differing({"person": before.person}, {"person": after.person}))

    def __bool__(self) -> bool:
        return bool(self.values or self.copies or self.appearance or self.person)

    def reversed(self) -> Difference:
        """The way back."""
        return Difference(*({name: (new, old) for name, (old, new) in part.items()}
                            for part in (self.values, self.copies, self.appearance, self.person)))

    def applied(self, edit: Edit) -> Edit:
        """The edit with this difference applied; what it doesn't name stays."""
        rig = edit.rig.update({name: new for name, (_, new) in self.values.items()})
        for block, (_, copy) in self.copies.items():
            rig = rig.copy(copy) if isinstance(copy, Copy) else rig.drop_copy(block)
        look = replace(edit.appearance, **{name: new for name, (_, new) in self.appearance.items()})
        return replace(edit, rig=rig, appearance=look, **{name: new for name, (_, new) in self.person.items()})


def _differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Change]:
    names = {**before, **after}
    return {n: (before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)}


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
