"""The document: an opened photo and the edit of it. The one place that the widgets read from and write to.

Every change goes through `change` or, for drags, through `begin`, `change` ... `end`; either way it becomes one undo
step that stores only the difference. Widgets listen to `changed` and never hold values of their own.

What the edit makes of the photo is read from its base, `app.edited`.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoStack

from app.carry import clamped
from app.commands import Difference, EditCommand
from app.edit import Appearance, Edit
from app.edited import Edited
from app.language import tr, within
from app.names import block_name, plain
from core.codes import FaceCode
from core.environment import Environment
from core.head.parts import PARTS, belongs
from core.light_rig import LIGHT_PREFIXES
from core.people.header import About
from core.request import RenderRequest
from core.rig import Copy, Rig, Value

if TYPE_CHECKING:
    from core.film.timeline import Timeline

FOLLOW_MS = 50


class Document(Edited):
    """An opened photo (`session`) and its edit.

    opened: a photo was opened, everything is new. changed: the edit is another one. followed: as `changed`, but in a drag at most
    every FOLLOW_MS, and when it ends: for all that is not the picture, which so comes first. modified_changed(on): whether it
    holds changes that are not saved.
    """

    opened = Signal()
    changed = Signal()
    followed = Signal()
    modified_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self.auto_key = False
        self._gesture: tuple[str, Edit] | None = None
        self._saved: Edit | None = self._edit
        self._was_modified = False
        self._following = QTimer(self)
        self._following.setSingleShot(True)
        self._following.setInterval(FOLLOW_MS)
        self._following.timeout.connect(self.followed)

    @property
    def modified(self) -> bool:
        """Whether the edit is another one than was saved or opened. Undone back to that, it isn't."""
        return self._edit != self._saved

    @property
    def in_gesture(self) -> bool:
        """Whether a drag is under way."""
        return self._gesture is not None

    @property
    def gesture(self) -> str:
        """The label of the drag that is under way; '' while there is none."""
        return self._gesture[0] if self._gesture is not None else ""

    def set_time(self, time: float | None) -> None:
        """Show another moment of the timeline. No step of its own: what is edited stays the same."""
        if time == self._time:
            return
        self.end()
        before, self._time = self.rig, time
        if self.rig != before:
            self._tell_changed()

    def open(self, session: Any, edit: Edit | None = None, *, saved: bool = True) -> None:
        """Take another photo; the edit and its history start anew.

        edit: what to start from, as it was saved; None: nothing, but how pictures are made, and whose they are, stays. saved:
        whether that is written anywhere; else it counts as modified.
        """
        self._take(session)
        self._edit = edit or Edit(appearance=self.appearance, person=self._edit.person)
        self._codes.clear()
        self.undo_stack.clear()
        self._saved = self._edit if saved else None
        self.opened.emit()
        self._tell_changed()
        self._tell_modified()

    def switch(self, session: Any, codes: Mapping[str, FaceCode]) -> None:
        """The same photo fitted with another head. The edit and its history stay; codes: those of copied photos, by digest."""
        self.end()
        self._take(session)
        self._codes.update({(digest, code.head): code for digest, code in codes.items()})
        self.opened.emit()
        self._tell_changed()

    def _take(self, session: Any) -> None:
        self.session = session
        self._time = None
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
        if self._following.isActive():
            self._following.stop()
            self.followed.emit()
        self._push(label, before, self._edit)

    def restore(self, wanted: RenderRequest | Edit, label: str, person: About | None = None) -> None:
        """Take over the rig, the appearance and the person of a picture that was made, or a whole edit, as one step.

        person: whose model made the picture of a request; None where it is the present person, or the model alone.
        """
        self.end()
        if isinstance(wanted, RenderRequest):
            known = [who for who in (person, self._edit.person) if who is not None and who.digest == wanted.person]
            wanted = replace(self._edit, rig=wanted.rig, appearance=Appearance.of(wanted), person=known[0] if known else None)
            self._time = None  # it is a still
        self._change(label, wanted)

    def set_timeline(self, timeline: Timeline | None, label: str) -> None:
        """Other keyframes; None for none."""
        self._change(label, replace(self._edit, timeline=timeline))

    def set_absent(self, digests: frozenset[str]) -> None:
        """These people and copied photos, by digest, can't be had now: what names them is set aside until they are back."""
        if digests != self._absent:
            self._absent = digests
            self._fitted = None
            self._tell_changed()

    def substitute(self, old: str, new: str) -> None:
        """A copied photo has another digest than it had: no change of the edit, only of how it names the photo."""
        def renamed(edit: Edit) -> Edit:
            copies = tuple(replace(copy, photo=new) if copy.photo == old else copy for copy in edit.rig.copies)
            return replace(edit, rig=replace(edit.rig, copies=copies))

        self._edit, self._saved = renamed(self._edit), renamed(self._saved) if self._saved is not None else None
        self._tell_changed()

    def close(self, edit: Edit) -> None:
        """No photo is open; its edit waits for it."""
        self._take(None)
        self._edit = self._saved = edit
        self.undo_stack.clear()
        self._tell_modified()

    def mark_saved(self, edit: Edit) -> None:
        """`edit` was written; the document may have gone on meanwhile."""
        self._saved = edit
        self._tell_modified()

    def set(self, name: str, value: Value | None, label: str = "") -> None:
        """Set one parameter, clamped to its range; None resets it."""
        self.update({name: value}, label)

    def update(self, values: Mapping[str, Value | None], label: str = "") -> None:
        """Set or reset several parameters as one step. At a moment of the timeline, what has keyframes (with `auto_key` anything)
        gets one there; the rest changes the edit beneath."""
        clamped = {name: self._clamp(name, value) for name, value in values.items()}
        timeline, plain = self._keyed(clamped)
        self._change(label or self._label(clamped), replace(self._edit, rig=self._edit.rig.update(plain), timeline=timeline))

    def _keyed(self, values: Mapping[str, Value | None]) -> tuple[Timeline | None, dict[str, Value | None]]:
        """The timeline with keyframes of these values at the moment that is shown, and the values that get none."""
        timeline = self._edit.timeline
        if self._time is None or timeline is None:
            return timeline, dict(values)
        plain = dict(values)
        for name, value in values.items():
            if timeline.track(name) is None and (not self.auto_key or value is None):
                continue
            del plain[name]
            timeline = timeline.keyed(name, self._time, self.base_values()[name] if value is None else value)
        return timeline, plain

    def copy(self, source: Copy) -> None:
        """Take a block from another photo. What was set by hand in that block gives way."""
        rig, block = self._edit.rig.copy(source), source.block
        for part in PARTS if block == "expression" else ():
            rig = rig.drop_copy(part)
        owned = {"light": LIGHT_PREFIXES, "pose": ("pose.",)}.get(block, ("\0",))
        face = block in ("expression", *PARTS)
        mine = [name for name, _ in rig.values if name.startswith(owned) or face and belongs(name, block)]
        rig = rig.under(None) if block == "light" else rig
        self._change(tr("Copy {block}", block=within(block_name(source.block))),
                     replace(self._edit, rig=rig.update(dict.fromkeys(mine))))

    def drop_copy(self, block: str) -> None:
        """Give up the block taken from another photo."""
        self._change(tr("Remove copied {block}", block=within(block_name(block))),
                     replace(self._edit, rig=self._edit.rig.drop_copy(block)))

    def set_environment(self, environment: Environment | None, changes: Mapping[str, Value | None], label: str) -> None:
        """Put the face under another light from all around, None for the photo's own, and set or reset values with it. It takes
        the place of a light copied from another photo."""
        clamped = {name: self._clamp(name, value) for name, value in changes.items()}
        rig = self._edit.rig.update(clamped).under(environment)
        self._change(label, replace(self._edit, rig=rig.drop_copy("light") if environment is not None else rig))

    def set_appearance(self, **changes: Any) -> None:
        """Change how the picture is made; the names are those of `Appearance`."""
        label = tr(plain(next(iter(changes))))
        self._change(label, replace(self._edit, appearance=replace(self.appearance, **changes)))

    def set_person(self, person: About | None) -> None:
        """Make pictures with a personal model, or with the model alone."""
        self._change(tr("Person {name}", name=person.name) if person is not None else tr("No person"),
                     replace(self._edit, person=person))

    def reset_all(self) -> None:
        """Back to the photo as it is."""
        self._change(tr("Reset all"), replace(self._edit, rig=Rig()))

    def _change(self, label: str, edit: Edit) -> None:
        if edit == self._edit:
            return
        before, self._edit = self._edit, edit
        if self._gesture is None:
            self._push(label, before, edit)
        self._tell_modified()
        self._tell_changed()

    def _push(self, label: str, before: Edit, after: Edit) -> None:
        difference = Difference.between(before, after)
        if difference:
            self.undo_stack.push(EditCommand(self, label, difference))

    def apply_difference(self, difference: Difference) -> None:
        """For undo commands: apply a difference without making a step."""
        edit = difference.applied(self._edit)
        if edit != self._edit:
            self._edit = edit
            self._tell_modified()
            self._tell_changed()

    def _tell_changed(self) -> None:
        self.changed.emit()
        if self._gesture is None:
            self._following.stop()
            self.followed.emit()
        elif not self._following.isActive():
            self._following.start()

    def _tell_modified(self) -> None:
        if self.modified is not self._was_modified:
            self._was_modified = self.modified
            self.modified_changed.emit(self._was_modified)

    def _clamp(self, name: str, value: Value | None) -> Value | None:
        row = self.parameters().get(name)
        return value if row is None or value is None else clamped(row, value)

    def _label(self, values: Mapping[str, Any]) -> str:
        rows = self.parameters()
        names = [tr(rows[name].label) for name in values if name in rows]
        return names[0] if len(names) == 1 else tr("Edit")
