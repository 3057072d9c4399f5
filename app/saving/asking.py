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
    return _ask(parent, tr("Changes are not saved"), tr("Save the changes to {name}?", name=name),
                tr("{doing} without saving loses them.", doing=doing), (tr("&Save"), save), (tr("&Don't save"), drop))


def ask_about_another(parent: QWidget, text: str, detail: str, use: Run, again: Run) -> QMessageBox:
    """A chosen file is not the one that is missing: use it all the same, choose another one, or leave it."""
    return _ask(parent, tr("Another file"), text, detail, (tr("Choose &another …"), again), (tr("&Use it all the same"), use))


def _ask(parent: QWidget, title: str, text: str, detail: str, safe: tuple[str, Run], risky: tuple[str, Run]) -> QMessageBox:
    """Ask without stopping the window. safe, risky: a button's words and what it does, the first the default; Cancel and Escape
    do nothing."""
    box = _box(parent, title, text)
    box.setInformativeText(detail)
    first = box.addButton(safe[0], QMessageBox.ButtonRole.AcceptRole)
    other = box.addButton(risky[0], QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(first)
    box.setEscapeButton(box.addButton(tr("&Cancel"), QMessageBox.ButtonRole.RejectRole))

    def answered() -> None:
        if box.clickedButton() is first:
            safe[1]()
        elif box.clickedButton() is other:
            risky[1]()

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
