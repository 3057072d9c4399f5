"""The questions before something under way is ended: exports at closing, a training at any time."""
from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from app.language import tr


def ask_about_exports(parent: QWidget, text: str, wait: Callable[[], object], now: Callable[[], object]) -> None:
    """Let the user choose: quit when they are written, now without them, or stay."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, tr("Exports are being written"), f"{text}.", parent=parent)
    box.setInformativeText(tr("Quit when they are written, or now without them?"))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    later = box.addButton(tr("Quit when written"), QMessageBox.ButtonRole.AcceptRole)
    at_once = box.addButton(tr("Quit now"), QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(tr("Stay"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(later)

    def answered() -> None:
        if box.clickedButton() is later:
            wait()
        elif box.clickedButton() is at_once:
            now()

    box.finished.connect(answered)
    box.open()


def ask_stop(parent: QWidget, name: str, keep: Callable[[], object], finish: Callable[[], object] | None,
             discard: Callable[[], object], *, quitting: bool = False) -> None:
    """Let the user choose what becomes of a training. finish: None where there is nothing to finish yet."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, tr("Stop the training"), tr("{name} is still being learned.", name=name),
                      parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    later = box.addButton(tr("Keep for later"), QMessageBox.ButtonRole.AcceptRole)
    now = None if finish is None else box.addButton(tr("Finish now"), QMessageBox.ButtonRole.AcceptRole)
    gone = box.addButton(tr("Give up"), QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(tr("Stay") if quitting else tr("Go on"), QMessageBox.ButtonRole.RejectRole)
    lines = [tr("Keep for later: it is saved, and goes on another time from here.")]
    lines += [tr("Finish now: what it has learned so far becomes the person.")] if now is not None else []
    box.setInformativeText("\n".join([*lines, tr("Give up: what it has learned is deleted; your photos stay.")]))
    box.setDefaultButton(later)
    box.setEscapeButton(stay)

    def answered() -> None:
        pressed = box.clickedButton()
        if pressed is later:
            keep()
        elif pressed is gone:
            discard()
        elif finish is not None and pressed is now:
            finish()

    box.finished.connect(answered)
    box.open()
