"""Labels and tool tips for texts that may hold anything: names of files and people are never read as markup."""
from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy


def label(kind: str, text: str = "", *, wrap: bool = False) -> QLabel:
    """A label of the style sheet's kind ('heading', 'rowLabel', 'note', 'cardTitle', ...); wrap: over several lines."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setObjectName(kind)
    if wrap:
        made.setWordWrap(True)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    return made


def tip(text: str) -> str:
    """A tool tip that shows the text as it is."""
    return f"<qt>{html.escape(text)}</qt>" if "<" in text else text
