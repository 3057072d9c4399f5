"""The question at closing while exports are being written."""
from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget


def ask_about_exports(parent: QWidget, text: str, wait: Callable[[], object], now: Callable[[], object]) -> None:
    """Let the user choose: quit when they are written, now without them, or stay."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, "Exports are being written", f"{text}.", parent=parent)
    box.setInformativeText("Quit when they are written, or now without them?")
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    later = box.addButton("Quit when written", QMessageBox.ButtonRole.AcceptRole)
    at_once = box.addButton("Quit now", QMessageBox.ButtonRole.DestructiveRole)
    box.addButton("Stay", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(later)

    def answered() -> None:
        if box.clickedButton() is later:
            wait()
        elif box.clickedButton() is at_once:
            now()

    box.finished.connect(answered)
    box.open()
