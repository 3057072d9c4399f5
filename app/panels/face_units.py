"""All units of a head's expression: by part of the face, left and right in one row, with a filter."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.language import tr
from app.names import OTHER, UNIT_GROUPS, short_label, spoken, unit_part
from app.panels.pairs import GUTTER, PairRow
from app.panels.section import Section
from app.panels.slider import ParameterRow
from app.theme import Theme
from core.rig import Parameter

if TYPE_CHECKING:
    from app.panels.base import Panel

LIST_HEIGHT = 330  # of a long list without parts, such as FLAME's modes: it scrolls in its own box
LEFT, RIGHT = "Left", "Right"
Row = ParameterRow | PairRow


def indented(widget: QWidget, right: int = 0) -> QWidget:
    """The widget where labels begin, in a panel whose rows have a gutter. right: pixels left free on that side."""
    box = QWidget()
    line = QVBoxLayout(box)
    line.setContentsMargins(GUTTER, 2, right, 2)
    line.addWidget(widget)
    return box


class UnitsSection(Section):
    """The units of a panel's head, folded. make_pair(sides, labels): a row for both sides."""

    def __init__(self, theme: Theme, panel: Panel, units: list[Parameter], title: str, example: str, opened: bool,
                 make_pair: Callable[[tuple[Parameter, Parameter], tuple[str, str, str]], PairRow]) -> None:
        super().__init__(theme, title, minor=True, opened=opened, indent=GUTTER)
        self._panel, self._make_pair = panel, make_pair
        self.filter = QLineEdit()
        said = QLabel(tr("Nothing here has that name."))
        said.setObjectName("note")
        self._filter_field(tr("Filter, for example: {example}", example=example))
        self.add(indented(self.filter))
        self.nothing = indented(said)
        self.nothing.hide()
        self.add(self.nothing)
        self._words: dict[Row, tuple[str, ...]] = {}  # what each row's sides are found by
        self._rows_of: dict[str, list[Row]] = {}
        self._add_parts(units)

    def _filter_field(self, hint: str) -> None:
        self.filter.setPlaceholderText(hint)
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName(tr("Filter expression units"))
        self.filter.addAction(self._theme.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.filter.textChanged.connect(self._filter)

    def _add_parts(self, units: list[Parameter]) -> None:
        parts = {row.name: unit_part(row.name.removeprefix("expression.")) for row in units}
        titles = [title for title in (*(title for title, _ in UNIT_GROUPS), OTHER) if title in parts.values()]
        self._rows_of = {title: [] for title in titles}
        by_name = {row.name: row for row in units}
        twins = {row.name: by_name[other] for row in units if (other := _other_side(row.name)) in by_name}
        for row in units:
            if row.name in twins and row.name.endswith(LEFT):
                self._rows_of[parts[row.name]].append(self._pair(row, twins[row.name], parts[row.name]))
            elif row.name not in twins:
                made = self._panel.make_row(row, short_label(row, parts[row.name]), gutter=GUTTER)
                self._words[made] = (_words(row),)
                self._rows_of[parts[row.name]].append(made)
        self.parts = {title: _scrolled(rows) if titles == [OTHER] else self._part(title, rows)
                      for title, rows in self._rows_of.items()}
        for part in self.parts.values():
            self.add(part)

    def _pair(self, left: Parameter, right: Parameter, part: str) -> PairRow:
        sides = [short_label(row, part) for row in (left, right)]
        pair = self._make_pair((left, right), (sides[0].rsplit(" ", 1)[0], sides[0], sides[1]))
        self._words[pair] = (_words(left), _words(right))
        return pair

    def _part(self, title: str, rows: list[Row]) -> Section:
        part = Section(self._theme, tr(title), minor=True, opened=True, indent=GUTTER)
        for row in rows:
            part.add(row)
        return part

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        found = False
        for title, rows in self._rows_of.items():
            some = False
            for row in rows:
                fits = [all(word in known for word in words) for known in self._words[row]]
                if isinstance(row, PairRow):
                    row.show_only(fits[0], fits[1])
                else:
                    row.setVisible(fits[0])
                some = some or any(fits)
            self.parts[title].setVisible(some)
            found = found or some
        self.nothing.setVisible(not found)


def _other_side(name: str) -> str:
    """The unit's twin on the other side of the face; '' for one that has none. jawLeft and mouthLeft are ways, not sides."""
    for side, other in ((LEFT, RIGHT), (RIGHT, LEFT)):
        if name.endswith(side) and name.removesuffix(side).rsplit(".")[-1] not in ("jaw", "mouth"):
            return name.removesuffix(side) + other
    return ""


def _words(row: Parameter) -> str:
    return f"{spoken(row.name)} {row.label}".lower()


def _scrolled(rows: list[Row]) -> QScrollArea:
    """The rows in a box of limited height."""
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(0, 0, 4, 0)
    column.setSpacing(1)
    for row in rows:
        column.addWidget(row)
    column.addStretch(1)
    area = QScrollArea()
    area.setObjectName("rowList")
    area.setWidget(body)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFixedHeight(min(LIST_HEIGHT, body.sizeHint().height()))
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
