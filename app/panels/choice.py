"""A choice of few: buttons side by side of which one is down; a seed with its dice; and a row that gives a control its name."""
from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QSpinBox, QToolButton, QWidget

from app.language import tr
from app.panels.slider import LABEL_WIDTH

MAX_SEED = 2**31 - 1


def choice(choices: Sequence[tuple[str, str, str]], buttons: dict[str, QToolButton], choose: Callable[[str], None]) -> QWidget:
    """Two buttons or more of which one is down, filled into `buttons` by name. choices: name, label and tool tip of each, in
    plain English.
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
        button.setText(tr(label))
        button.setToolTip(tr(tip))
        button.setCheckable(True)
        button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
        button.clicked.connect(lambda _=False, name=name: choose(name))
        group.addButton(button)
        layout.addWidget(button, 1)
        buttons[name] = button
    return box


def seed_row(seed: QSpinBox, dice: QToolButton, choose: Callable[[int], object]) -> QWidget:
    """The two controls of a seed, set up and side by side. choose(seed) hears of one that was typed or drawn."""
    box = QWidget()
    layout = QHBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    seed.setRange(0, MAX_SEED)
    seed.lineEdit().setTextMargins(5, 0, 5, 0)
    seed.setKeyboardTracking(False)
    seed.setAccessibleName(tr("Seed"))
    seed.valueChanged.connect(choose)
    dice.setObjectName("icon")
    dice.setToolTip(tr("Another seed (another variation)"))
    dice.setAccessibleName(tr("Another seed"))
    dice.setIconSize(QSize(18, 18))
    dice.clicked.connect(lambda: seed.setValue(random.randrange(1, 100_000)))
    layout.addWidget(seed, 1)
    layout.addWidget(dice)
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
    label.setBuddy(field)
    layout.addWidget(label)
    layout.addWidget(field, 1)
    return row
