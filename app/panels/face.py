"""The Expression, Jaw and Pose panels."""
from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.document import Document
from app.names import OTHER, UNIT_GROUPS, short_label, spoken, unit_part
from app.panels.base import Panel
from app.panels.section import Section
from app.panels.slider import ParameterRow
from app.theme import Theme
from core.rig import Parameter

LIST_HEIGHT = 330  # of a long list without parts, such as FLAME's modes: it scrolls in its own box


class ExpressionPanel(Panel):
    """Expression: everyday names, and all units under them, by part of the face, with a filter.

    A head without everyday names (FLAME has 50 numbered modes) shows the list alone, opened.
    """

    prefixes = ("expression.",)

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, "Expression", parent)
        self.units: Section | None = None
        self.filter = QLineEdit()
        self.parts: dict[str, QWidget] = {}
        self._rows_of: dict[str, list[ParameterRow]] = {}
        self._nothing = QLabel()

    def build(self, table: dict[str, Parameter]) -> None:
        """Everyday rows, then the units, folded."""
        mine = [row for row in table.values() if row.name.startswith("expression.")]
        units = [row for row in mine if row.group != "Expression"]
        everyday = [row for row in mine if row.group == "Expression"] if units else []
        units = units or mine
        self.add_rows(table, [row.name for row in everyday])
        what = "expression units" if everyday else "expression modes"
        self.units = Section(self._theme, f"All {what} ({len(units)})", minor=True, opened=not everyday)
        self.units.add(self._filter_field("smile left" if everyday else units[0].label.lower() if units else ""))
        self._nothing = QLabel("Nothing here has that name.")
        self._nothing.setObjectName("note")
        self._nothing.hide()
        self.units.add(self._nothing)
        self._add_parts(units)
        self.units.toggled.connect(lambda _: self.refresh())
        self.add(self.units)
        self.setVisible(bool(mine))

    def _filter_field(self, example: str) -> QLineEdit:
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(f"Filter, for example: {example}")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Filter expression units")
        self.filter.addAction(self._theme.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.filter.textChanged.connect(self._filter)
        return self.filter

    def _add_parts(self, units: list[Parameter]) -> None:
        assert self.units is not None
        parts = {row.name: unit_part(row.name.removeprefix("expression.")) for row in units}
        titles = [title for title in (*(title for title, _ in UNIT_GROUPS), OTHER) if title in parts.values()]
        self._rows_of = {title: [] for title in titles}
        for row in units:
            self._rows_of[parts[row.name]].append(self.make_row(row, short_label(row, parts[row.name])))
        self.parts = {title: _scrolled(rows) if titles == [OTHER] else self._part(title, rows)
                      for title, rows in self._rows_of.items()}
        for part in self.parts.values():
            self.units.add(part)

    def _part(self, title: str, rows: list[ParameterRow]) -> Section:
        part = Section(self._theme, title, minor=True, opened=True)
        for row in rows:
            part.add(row)
        return part

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        found = False
        for title, rows in self._rows_of.items():
            fits = [all(word in f"{spoken(row.parameter.name)} {row.parameter.label}".lower() for word in words) for row in rows]
            for row, shown in zip(rows, fits, strict=True):
                row.setVisible(shown)
            self.parts[title].setVisible(any(fits))
            found = found or any(fits)
        self._nothing.setVisible(not found)


def _scrolled(rows: list[ParameterRow]) -> QScrollArea:
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


class JawPanel(Panel):
    """Jaw: open, side, forward."""

    prefixes = ("jaw.",)

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, "Jaw", parent)

    def build(self, table: dict[str, Parameter]) -> None:
        """The jaw's rows."""
        self.add_rows(table, [row.name for row in table.values() if row.group == "Jaw"])
        self.setVisible(bool(self.sliders))


class PosePanel(Panel):
    """Pose: how the head turns, and where the eyes look."""

    prefixes = ("pose.", "eyes.")

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, "Pose", parent)

    def build(self, table: dict[str, Parameter]) -> None:
        """Head first, then eyes."""
        self.add_rows(table, [row.name for row in table.values() if row.group == "Pose"])
        for row in table.values():
            if row.group == "Eyes":
                label = row.label if "eye" in row.label.lower() else f"Eyes {row.label.lower()}"
                self.add(self.make_row(row, label))
