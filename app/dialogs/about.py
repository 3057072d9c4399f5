"""The About box."""
from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.language import tr
from app.theme import pixmap

ABOUT = ("Rigs a portrait photo: a 3D head is fitted to it; light, expression, jaw and pose are dragged; a diffusion model "
         "makes the photo of it.\n\nEverything runs on this computer. No photo leaves it.")


class AboutDialog(QDialog):
    """What this is."""

    def __init__(self, details: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About DiffusionRig Studio"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(26, 22, 26, 18)
        column.setSpacing(16)
        line = QHBoxLayout()
        line.setSpacing(20)
        icon = QLabel()
        icon.setPixmap(pixmap("app", "", 72, self.devicePixelRatioF()))
        icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        text = QVBoxLayout()
        name = QLabel(tr("DiffusionRig Studio"))
        name.setObjectName("heading")
        body, note = QLabel(tr(ABOUT)), QLabel(details)
        note.setObjectName("note")
        for label in (body, note):
            label.setWordWrap(True)
            label.setMinimumWidth(360)
        for label in (name, body, note):
            text.addWidget(label)
        line.addWidget(icon)
        line.addLayout(text, 1)
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        column.addLayout(line)
        column.addWidget(close, alignment=Qt.AlignmentFlag.AlignRight)
