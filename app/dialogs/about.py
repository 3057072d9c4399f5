"""The About and Shortcuts boxes."""
from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.theme import pixmap

SHORTCUTS = (
    ("Ctrl+O", "Open a photo"), ("Ctrl+E", "Export"), ("Ctrl+M", "Models and heads"),
    ("Ctrl+P", "Personalize from an album"), ("Ctrl+G", "People and photos in a grid"),
    ("Ctrl+Z", "Undo"), ("Ctrl+Shift+Z", "Redo"),
    ("Ctrl+R", "Reset all"), ("Space (hold)", "Show the original; drag to pan"),
    ("1, 2, 3, 4", "Photo, normals, albedo, rendered"),
    ("S", "Split line"), ("H", "Lay the head over the photo"), ("L", "Light ball"), ("I", "Live head in the corner"),
    ("W", "Whole photo or face crop"), ("Ctrl+0", "Fit"), ("Ctrl++, Ctrl+−", "Zoom"), ("Wheel", "Zoom; on the ball: strength"),
    ("Arrows", "Step the slider that has the focus"), ("Double click", "Reset a slider"), ("Ctrl+Q", "Quit"),
)
ABOUT = ("Rigs a portrait photo: a 3D head is fitted to it; light, expression, jaw and pose are dragged; a diffusion model "
         "makes the photo of it.\n\nEverything runs on this computer. No photo leaves it.")


class _Box(QDialog):
    def __init__(self, title: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(26, 22, 26, 18)
        self.column.setSpacing(16)

    def finish(self) -> None:
        """The close button, at the end."""
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(close)
        self.column.addLayout(line)


class ShortcutsDialog(_Box):
    """All keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Keyboard and mouse", parent)
        grid = QGridLayout()
        grid.setHorizontalSpacing(26)
        grid.setVerticalSpacing(7)
        half = (len(SHORTCUTS) + 1) // 2
        for i, (keys, what) in enumerate(SHORTCUTS):
            column = 2 * (i // half)
            label = QLabel(what)
            label.setObjectName("rowLabel")
            grid.addWidget(QLabel(keys), i % half, column)
            grid.addWidget(label, i % half, column + 1)
        self.column.addLayout(grid)
        self.finish()


class AboutDialog(_Box):
    """What this is."""

    def __init__(self, details: str, parent: QWidget | None = None) -> None:
        super().__init__("About DiffusionRig Studio", parent)
        line = QHBoxLayout()
        line.setSpacing(20)
        icon = QLabel()
        icon.setPixmap(pixmap("app", "", 72, self.devicePixelRatioF()))
        icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        text = QVBoxLayout()
        name = QLabel("DiffusionRig Studio")
        name.setObjectName("heading")
        body, note = QLabel(ABOUT), QLabel(details)
        note.setObjectName("note")
        for label in (body, note):
            label.setWordWrap(True)
            label.setMinimumWidth(360)
        for label in (name, body, note):
            text.addWidget(label)
        line.addWidget(icon)
        line.addLayout(text, 1)
        self.column.addLayout(line)
        self.finish()
