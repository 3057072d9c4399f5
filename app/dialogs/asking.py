"""Small questions: a name to type, a word of leave."""
from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QLabel, QLineEdit, QMessageBox, QWidget

from app.language import tr


def ask_name(parent: QWidget, title: str, question: str, name: str, use: Callable[[str], object]) -> QInputDialog:
    """Let the user type a name; `use` hears of it. title: also the button's word. Neither text is read as markup."""
    box = QInputDialog(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    box.setLabelText(question)
    box.setTextValue(name)
    box.setOkButtonText(title)
    box.setCancelButtonText(tr("Cancel"))
    label, field = box.findChild(QLabel), box.findChild(QLineEdit)
    if label is not None:
        label.setTextFormat(Qt.TextFormat.PlainText)
    if field is not None:
        field.setMinimumWidth(280)
    box.textValueSelected.connect(use)
    box.open()
    return box


def ask_leave(parent: QWidget, title: str, question: str, more: str, then: Callable[[], object]) -> QMessageBox:
    """Do what can't be undone only if the user says so. title: also the word of the button that does it."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, question, parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(more)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    yes = box.addButton(title, QMessageBox.ButtonRole.DestructiveRole)
    keep = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.finished.connect(lambda _: then() if box.clickedButton() is yes else None)
    box.open()
    return box
