"""What all panels share: rows of the rig's parameters, wired to the document."""
from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from PySide6.QtWidgets import QWidget

from app.document import Document
from app.language import tr, within
from app.panels.pairs import PairRow
from app.panels.section import Section, clear_layout
from app.panels.slider import ParameterRow
from app.theme import Theme
from core import rig as rigs
from core.codes import FaceCode
from core.rig import Parameter, Rig

Ranges = dict[str, tuple[float, float]]


@lru_cache(maxsize=4)
def _ranges(head: Any, code: FaceCode) -> Ranges:
    return rigs.photo_ranges(head, code)


def _reset_words(label: str) -> str:
    return tr("Reset {name}", name=within(tr(label)))


class Panel(Section):
    """A section whose rows edit the document.

    `prefixes`: the parameter names that its reset button resets.
    """

    prefixes: tuple[str, ...] = ()

    def __init__(self, theme: Theme, document: Document, title: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, title, parent=parent)
        self.document = document
        self.sliders: dict[str, ParameterRow] = {}
        self.pairs: list[PairRow] = []
        self._paired: set[str] = set()  # what they stand for
        self._ranges: Ranges = {}
        self._head: object = None
        self.reset_asked.connect(self._reset_all)
        document.opened.connect(self._photo_opened)
        document.followed.connect(self.refresh)
        theme.changed.connect(self._recolor_all)

    def build(self, table: dict[str, Parameter]) -> None:
        """Make the rows for a head's parameters; called when a photo with another head is opened."""

    def refresh(self) -> None:
        """Show the document's values; rows touch only what differs from what they show."""
        if not self.document.session:
            return
        values, base = self.document.values(), self.document.base_values()
        edited = {name for name, _ in self.document.rig.values}
        keyed = self.document.keyed
        self._show_room()
        for pair in self.pairs:
            pair.show_values(values, edited)
        for name, row in self.sliders.items():
            row.set_keyed(name in keyed)
            value, zero = values.get(name), base.get(name)
            if name not in self._paired and isinstance(value, float) and isinstance(zero, float):
                row.show_value(value, zero, name in edited)
        self.reset.setVisible(self.edited())

    def _show_room(self) -> None:
        """Mark which part of the sliders still shows on this photo."""
        document = self.document
        if document.in_gesture:  # it would take longer than a frame
            return
        taken = {name: value for name, value in document.rig.values if name.startswith("neutral.")}
        code = rigs.apply(Rig(copies=document.rig.copies).update(taken), document.session.head, document.session.code)
        ranges = _ranges(document.session.head, code)
        if ranges is not self._ranges:
            self._ranges = ranges
            for row in (*self.sliders.values(), *(pair.both for pair in self.pairs)):
                if row.parameter.name in ranges:
                    row.set_room(*ranges[row.parameter.name])

    def edited(self) -> bool:
        """Whether the rig sets anything of this panel."""
        return any(name.startswith(self.prefixes) for name, _ in self.document.rig.values)

    def make_row(self, parameter: Parameter, label: str = "", gutter: int = 0) -> ParameterRow:
        """A row wired to the document. gutter: see `ParameterRow`."""
        row = ParameterRow(self._theme, parameter, label, gutter=gutter)
        document = self.document
        row.began.connect(lambda name: document.begin(tr(parameter.label)))
        row.moved.connect(lambda name, value: document.set(name, value))
        row.ended.connect(document.end)
        row.reset_asked.connect(lambda name: document.set(name, None, _reset_words(parameter.label)))
        self.sliders[parameter.name] = row
        return row

    def make_pair(self, sides: tuple[Parameter, Parameter], labels: tuple[str, str, str], whole: Parameter | None = None,
                  linked: bool = True) -> PairRow:
        """A row for both sides of the face, wired to the document; see `PairRow`."""
        pair = PairRow(self._theme, self.document, sides, labels, whole=whole, linked=linked)
        self.sliders |= {sides[0].name: pair.left, sides[1].name: pair.right, **({whole.name: pair.both} if whole else {})}
        self.pairs.append(pair)
        self._paired.update(pair.names)
        return pair

    def add_rows(self, table: dict[str, Parameter], names: Iterable[str], section: Section | None = None) -> None:
        """Rows for those of `names` that the head has."""
        for name in names:
            if name in table:
                (section or self).add(self.make_row(table[name]))

    def clear(self) -> None:
        """Take all rows away."""
        self.sliders.clear()
        self.pairs.clear()
        self._paired.clear()
        self._ranges = {}
        clear_layout(self.rows)

    def _photo_opened(self) -> None:
        head = self.document.session.head
        if head is not self._head:
            self._head = head
            self.clear()
            self.build(self.document.parameters())
        self.refresh()

    def _reset_all(self) -> None:
        names = [name for name, _ in self.document.rig.values if name.startswith(self.prefixes)]
        self.document.update(dict.fromkeys(names), tr("Reset {name}", name=within(self.title)))

    def _recolor_all(self) -> None:
        for section in (self, *self.findChildren(Section)):
            section.recolor()
        for row in self.sliders.values():
            row.recolor()
        for pair in self.pairs:
            pair.recolor()
