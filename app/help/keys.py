"""All keys and what the mouse does: made from the window's own table of actions, so that none is missing."""
from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QLabel, QLineEdit, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.actions import MENUS, Actions
from app.language import tr
from app.room import resize_within

HELD = (("Space", "Show the photo as it was, as long as it is held; drag to pan"),)
MOUSE = (
    ("Drag on the head", "Turn it; with Shift or the right button: tilt it"),
    ("Drag on the ball", "Move the lamp; right-click for more lamps, colour and shadow"),
    ("Wheel on the ball", "Strength of the lamp; with Shift: softness"),
    ("Keys on the ball", "Tab or 1 to 4 choose a lamp, arrows move it, + and − its strength, Insert adds one, Delete removes it"),
    ("Wheel", "Zoom; over a slider: a step"),
    ("Double click", "Put a slider, a lamp or the split line back; on the picture: fit it"),
    ("Arrows", "A step of the slider, lamp or key that has the focus; with Shift a small one"),
    ("Drop", "A photo or project to open it, on a panel to copy from it; a light map on the Light panel"),
)


class KeysDialog(QDialog):
    """A list that can be filtered."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keyboard and mouse"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        resize_within(self, 560, 620)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 18, 22, 16)
        column.setSpacing(12)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(tr("Filter, for example: light"))
        self.filter.setAccessibleName(tr("Filter keys"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._filter)
        self._rows: list[tuple[QLabel, QLabel]] = []
        body = QWidget()
        self._grid = QGridLayout(body)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        for title, rows in self._groups(actions):
            self._add_group(title, rows)
        self._grid.setRowStretch(self._grid.rowCount(), 1)
        area = QScrollArea()
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setAccessibleName(tr("Keys"))
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        column.addWidget(self.filter)
        column.addWidget(area)
        column.addWidget(close, alignment=Qt.AlignmentFlag.AlignRight)

    @staticmethod
    def _groups(actions: Actions) -> list[tuple[str, list[tuple[str, str]]]]:
        groups = []
        for title, names in MENUS:
            rows = [(_keys(action.shortcuts()), actions.titles[name]) for name in names.split()
                    if (action := actions.by_name.get(name)) is not None and action.shortcuts()]
            groups.append((_plain(tr(title)), rows))
        listed = {name for _, names in MENUS for name in names.split()}
        others = [(_keys(action.shortcuts()), actions.titles[name]) for name, action in actions.by_name.items()
                  if name not in listed and action.shortcuts()]
        groups.append((tr("More"), others + [(tr(keys), tr(what)) for keys, what in HELD]))
        groups.append((tr("Mouse"), [(tr(keys), tr(what)) for keys, what in MOUSE]))
        return [(title, rows) for title, rows in groups if rows]

    def _add_group(self, title: str, rows: list[tuple[str, str]]) -> None:
        head = QLabel(title)
        head.setObjectName("cardTitle")
        self._grid.addWidget(head, self._grid.rowCount(), 0, 1, 2)
        for keys, what in rows:
            at = self._grid.rowCount()
            left, right = QLabel(keys), QLabel(what)
            right.setObjectName("rowLabel")
            right.setWordWrap(True)
            left.setAlignment(Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(left, at, 0)
            self._grid.addWidget(right, at, 1)
            self._rows.append((left, right))

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for left, right in self._rows:
            fits = all(word in f"{left.text()} {right.text()}".lower() for word in words)
            left.setVisible(fits)
            right.setVisible(fits)


def _keys(shortcuts: list[QKeySequence]) -> str:
    return ", ".join(key.toString(QKeySequence.SequenceFormat.NativeText) for key in shortcuts)


def _plain(text: str) -> str:
    return text.replace("&", "").replace("…", "").strip()
