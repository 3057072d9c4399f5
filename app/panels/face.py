"""The Expression, Jaw and Pose panels."""
from __future__ import annotations

import re

from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from app.document import Document
from app.panels.base import Panel
from app.panels.section import Section
from app.theme import Theme
from core.rig import Parameter

UNIT_GROUPS = (("Brows", "brow"), ("Eyes", "eye"), ("Cheeks and nose", ("cheek", "nose")), ("Mouth", "mouth"),
               ("Jaw and tongue", ("jaw", "tongue")))


class ExpressionPanel(Panel):
    """Expression: everyday names, and all units under them, by part of the face, with a filter."""

    prefixes = ("expression.",)

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, "Expression", parent)
        self.units: Section | None = None
        self.filter = QLineEdit()
        self.parts: dict[str, Section] = {}
        self._nothing = QLabel()

    def build(self, table: dict[str, Parameter]) -> None:
        """Everyday rows, then the units, folded."""
        everyday = [row.name for row in table.values() if row.group == "Expression"]
        units = [row for row in table.values() if row.name.startswith("expression.") and row.group != "Expression"]
        self.add_rows(table, everyday)
        self.units = Section(self._theme, f"All expression units ({len(units)})", minor=True, opened=not everyday)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter, for example: smile left")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Filter expression units")
        self.filter.addAction(self._theme.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.filter.textChanged.connect(self._filter)
        self.units.add(self.filter)
        self._nothing = QLabel("No unit has that name.")
        self._nothing.setObjectName("note")
        self._nothing.hide()
        self.units.add(self._nothing)
        self._add_parts(units)
        self.units.toggled.connect(lambda _: self.refresh())
        self.add(self.units)

    def _add_parts(self, units: list[Parameter]) -> None:
        self.parts = {}
        assert self.units is not None
        for row in units:
            title = _part(row.name.removeprefix("expression."))
            if title not in self.parts:
                self.parts[title] = Section(self._theme, title, minor=True, opened=True)
        order = [title for title, _ in UNIT_GROUPS if title in self.parts] + ["Other"] * ("Other" in self.parts)
        for title in order:
            self.units.add(self.parts[title])
        for row in units:
            part = _part(row.name.removeprefix("expression."))
            self.parts[part].add(self.make_row(row, short_label(row, part)))

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        found = False
        for part in self.parts.values():
            some = False
            for row in part.body.findChildren(QWidget):
                name = getattr(getattr(row, "parameter", None), "name", None)
                if name is not None:
                    fits = all(word in spoken(name).lower() for word in words)
                    row.setVisible(fits)
                    some = some or fits
            part.setVisible(some)
            found = found or some
        self._nothing.setVisible(not found)


class JawPanel(Panel):
    """Jaw: open, side, forward."""

    prefixes = ("jaw.",)

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, document, "Jaw", parent)

    def build(self, table: dict[str, Parameter]) -> None:
        """The jaw's rows."""
        self.add_rows(table, [row.name for row in table.values() if row.group == "Jaw"])


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


def _part(unit: str) -> str:
    return next((title for title, start in UNIT_GROUPS if unit.startswith(start)), "Other")


def spoken(name: str) -> str:
    """'expression.mouthSmileLeft' -> 'Mouth smile left'."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", name.rsplit(".", 1)[-1]).lower()
    return words[:1].upper() + words[1:]


def short_label(row: Parameter, part: str) -> str:
    """A unit's label under its part's heading: 'Smile left' under Mouth."""
    text = spoken(row.name)
    first = {"Brows": "Brow ", "Eyes": "Eye ", "Mouth": "Mouth "}.get(part, "")
    if first and text.startswith(first):
        rest = text[len(first):]
        return rest[:1].upper() + rest[1:]
    return text
