"""A choice of few: buttons side by side of which one is down, and a row that gives a control its name."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QToolButton, QWidget

from app.panels.slider import LABEL_WIDTH


def choice(choices: Sequence[tuple[str, str, str]], buttons: dict[str, QToolButton], choose: Callable[[str], None]) -> QWidget:
    """Two buttons or more of which one is down, filled into `buttons` by name. choices: name, label and tool tip of each.
    choose(name) hears of one that was pressed."""
    box = QWidget()
    layout = QHBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    group = QButtonGroup(box)
    for i, (name, label, tip) in enumerate(choices):
        button = QToolButton()
        button.setObjectName("segment")
        button.setProperty("edge", "left" if i == 0 else "right" if i == len(choices) - 1 else "middle")
        button.setProperty("narrow", True)
        button.setText(label)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
        button.clicked.connect(lambda _=False, name=name: choose(name))
        group.addButton(button)
        layout.addWidget(button, 1)
        buttons[name] = button
    return box


def labelled(text: str, field: QWidget) -> QWidget:
    """A row of a panel: what it is, and the control."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 2, 28, 2)
    layout.setSpacing(6)
    label = QLabel(text)
    label.setObjectName("rowLabel")
    label.setFixedWidth(LABEL_WIDTH)
    layout.addWidget(label)
    layout.addWidget(field, 1)
    return row
