"""The raw light coefficients as a table: nine terms of the harmonics by three colours."""
from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.document import Document
from app.language import tr
from app.panels.slider import Number
from core.rig import Parameter, Value

TERMS = ("1", "x", "y", "z", "xy", "xz", "yz", "x²−y²", "3z²−1")


class Coefficients(QWidget):
    """A number for each; one that is typed takes the place of the light's own."""

    def __init__(self, document: Document, table: Mapping[str, Parameter], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.numbers: dict[str, Number] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setSpacing(4)
        for column, name in enumerate((tr("Red"), tr("Green"), tr("Blue")), 1):
            grid.addWidget(_heading(name), 0, column)
        for k, term in enumerate(TERMS):
            grid.addWidget(_heading(term, Qt.AlignmentFlag.AlignLeft), k + 1, 0)
            for column, channel in enumerate("rgb", 1):
                grid.addWidget(self._number(table[f"sh.{k}.{channel}"], term), k + 1, column)
        grid.setColumnStretch(0, 1)

    def _number(self, row: Parameter, term: str) -> Number:
        number = Number(row.low, row.high, row.step, "")
        number.setDecimals(3)
        number.setAccessibleName(tr("Coefficient {term} {channel}", term=term, channel=row.name[-1]))
        number.setToolTip(row.name)
        number.valueChanged.connect(lambda value, name=row.name: self._document.set(name, value,
                                                                                     tr("Coefficient {name}", name=name)))
        self.numbers[row.name] = number
        return number

    def show_values(self, values: Mapping[str, Value]) -> None:
        """Where they stand."""
        for name, number in self.numbers.items():
            number.show_value(float(values[name]))  # type: ignore[arg-type]
            number.setProperty("edited", self._document.is_set(name))


def _heading(text: str, align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignRight) -> QLabel:
    label = QLabel(text)
    label.setObjectName("note")
    label.setAlignment(align | Qt.AlignmentFlag.AlignVCenter)
    return label
