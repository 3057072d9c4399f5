"""What all panels share: rows of the rig's parameters, wired to the document."""
from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QWidget

from app.document import Document
from app.panels.section import Section, clear_layout
from app.panels.slider import ParameterRow
from app.theme import Theme
from core.rig import Parameter


class Panel(Section):
    """A section whose rows edit the document.

    `prefixes`: the parameter names that its reset button resets.
    """

    prefixes: tuple[str, ...] = ()

    def __init__(self, theme: Theme, document: Document, title: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, title, parent=parent)
        self.document = document
        self.sliders: dict[str, ParameterRow] = {}
        self._head: object = None
        self.reset_asked.connect(self._reset_all)
        document.opened.connect(self._photo_opened)
        document.changed.connect(self.refresh)
        theme.changed.connect(self._recolor_all)

    def build(self, table: dict[str, Parameter]) -> None:
        """Make the rows for a head's parameters; called when a photo with another head is opened."""

    def refresh(self) -> None:
        """Show the document's values; rows touch only what differs from what they show."""
        if not self.document.session:
            return
        values, base = self.document.values(), self.document.base_values()
        edited = {name for name, _ in self.document.rig.values}
        for name, row in self.sliders.items():
            value, zero = values.get(name), base.get(name)
            if isinstance(value, float) and isinstance(zero, float):
                row.show_value(value, zero, name in edited)
        self.reset.setVisible(self.edited())

    def edited(self) -> bool:
        """Whether the rig sets anything of this panel."""
        return any(name.startswith(self.prefixes) for name, _ in self.document.rig.values)

    def make_row(self, parameter: Parameter, label: str = "") -> ParameterRow:
        """A row wired to the document."""
        row = ParameterRow(self._theme, parameter, label)
        document = self.document
        row.began.connect(lambda name: document.begin(parameter.label))
        row.moved.connect(lambda name, value: document.set(name, value))
        row.ended.connect(document.end)
        row.reset_asked.connect(lambda name: document.set(name, None, f"Reset {parameter.label.lower()}"))
        self.sliders[parameter.name] = row
        return row

    def add_rows(self, table: dict[str, Parameter], names: Iterable[str], section: Section | None = None) -> None:
        """Rows for those of `names` that the head has."""
        for name in names:
            if name in table:
                (section or self).add(self.make_row(table[name]))

    def clear(self) -> None:
        """Take all rows away."""
        self.sliders.clear()
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
        self.document.update(dict.fromkeys(names), f"Reset {self.title.lower()}")

    def _recolor_all(self) -> None:
        for section in (self, *self.findChildren(Section)):
            section.recolor()
        for row in self.sliders.values():
            row.recolor()
