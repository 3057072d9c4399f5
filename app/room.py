"""Windows that fit on the screen they open on."""
from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

FRAME = (0, 40)  # pixels that a title bar may take


def resize_within(window: QWidget, width: int, height: int) -> None:
    """Give a window this size, or what its screen has room for; never less than it needs."""
    free = window.screen().availableGeometry().size() - QSize(*FRAME)
    window.resize(QSize(width, height).boundedTo(free).expandedTo(window.minimumSizeHint().expandedTo(window.minimumSize())))
