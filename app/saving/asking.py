"""The questions of projects: changes that are not saved, and a file that is another than expected."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from app.language import tr

Run = Callable[[], object]


def ask_about_changes(parent: QWidget, name: str, doing: str, save: Run, drop: Run) -> QMessageBox:
    """Let the user choose: save first, go on without, or stay. doing: what comes then, 'Closing' for one."""
    box = _box(parent, tr("Changes are not saved"), tr("Save the changes to {name}?", name=name))
    box.setInformativeText(tr("{doing} without saving loses them.", doing=doing))
    first = box.addButton(tr("&Save"), QMessageBox.ButtonRole.AcceptRole)
    without = box.addButton(tr("&Don't save"), QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(tr("&Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(first)
    box.setEscapeButton(stay)

    def answered() -> None:
        if box.clickedButton() is first:
            save()
        elif box.clickedButton() is without:
            drop()

    box.finished.connect(answered)
    box.open()
    return box


def ask_about_another(parent: QWidget, text: str, detail: str, use: Run, again: Run) -> QMessageBox:
    """A chosen file is not the one that is missing: use it all the same, choose another one, or leave it."""
    box = _box(parent, tr("Another file"), text)
    box.setInformativeText(detail)
    anyway = box.addButton(tr("&Use it all the same"), QMessageBox.ButtonRole.DestructiveRole)
    other = box.addButton(tr("Choose &another …"), QMessageBox.ButtonRole.AcceptRole)
    leave = box.addButton(tr("&Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(other)
    box.setEscapeButton(leave)

    def answered() -> None:
        if box.clickedButton() is anyway:
            use()
        elif box.clickedButton() is other:
            again()

    box.finished.connect(answered)
    box.open()
    return box


def ask_over(parent: QWidget, path: Path) -> bool:
    """Whether a file that is there may be replaced; for names that were completed after the file dialog."""
    return QMessageBox.question(parent, tr("Replace"), tr("{path} is there already. Replace it?", path=path)) == (
        QMessageBox.StandardButton.Yes)


def _box(parent: QWidget, title: str, text: str) -> QMessageBox:
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)  # names come from files
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return box
