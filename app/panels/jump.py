"""The names of all sections above their column, each a way to its own."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from app.language import tr
from app.panels.section import Section

HEIGHT = 34


class JumpBar(QWidget):
    """asked(section): it is to be shown. The section at the top of the column is marked."""

    asked = Signal(object)

    def __init__(self, sections: Sequence[Section], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sideHead")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(0)
        self.buttons: dict[Section, QToolButton] = {}
        for section in sections:
            made = QToolButton()
            made.setObjectName("jump")
            made.setText(section.title)
            made.setCheckable(True)
            made.setToolTip(tr("Show {section} at the top of the panels", section=section.title))
            made.setAccessibleName(tr("Go to {section}", section=section.title))
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.setMinimumWidth(0)
            made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            made.clicked.connect(partial(self._ask, section))
            self.buttons[section] = made
            row.addWidget(made)

    def mark(self, section: Section) -> None:
        """Say which one is seen."""
        for one, button in self.buttons.items():
            button.setChecked(one is section)

    def _ask(self, section: Section, _checked: bool = False) -> None:
        self.asked.emit(section)
