"""The lower part of the Files page: start an import, see it run, read and copy what came of it."""
from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.importing import Importing, Outcome
from app.language import tr

INVITATION = ("Choose the folder that holds your own licensed files, or drop it here. They are checked and converted; "
              "nothing leaves this computer.")


class ImportView(QWidget):
    """Shows an Importing. folder_asked: the user wants to choose a folder."""

    folder_asked = Signal()

    def __init__(self, importing: Importing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._importing = importing
        self.text = QLabel(tr(INVITATION))
        self.text.setObjectName("note")
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.start = QPushButton(tr("Import files …"))
        self.stop = QPushButton(tr("Cancel import"))
        self.copy = QPushButton(tr("Copy text"))
        for button in (self.start, self.stop, self.copy):
            button.setAutoDefault(False)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Import under way"))
        self.result = QPlainTextEdit()
        self.result.setReadOnly(True)
        self.result.setTabChangesFocus(True)
        self.result.setAccessibleName(tr("What the import found"))
        self.result.setFixedHeight(132)
        self._lay_out()
        self.start.clicked.connect(self.folder_asked)
        self.stop.clicked.connect(self._cancel)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.result.toPlainText()))
        importing.changed.connect(self._show)
        importing.said.connect(self._say)
        importing.finished.connect(self._finished)
        self._finished(importing.outcome)
        self._show()

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.text, 1)
        for button in (self.copy, self.stop, self.start):
            line.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.result)
        column.addWidget(self.bar)
        column.addLayout(line)

    def _show(self) -> None:
        running = self._importing.folder is not None
        self.bar.setVisible(running)
        self.stop.setVisible(running)
        self.stop.setEnabled(running)
        self.start.setVisible(not running)
        self.copy.setVisible(not running and bool(self.result.toPlainText()))
        if running:
            self.result.hide()
            self._say(tr("Looking through {folder} …", folder=self._importing.folder))

    def _say(self, line: str) -> None:
        if self._importing.folder is not None:
            self.text.setText(line)

    def _cancel(self) -> None:
        self.stop.setEnabled(False)
        self.text.setText(tr("Stopping …"))
        self._importing.cancel()

    def _finished(self, outcome: Outcome | None) -> None:
        self.result.setPlainText(outcome.text if outcome else "")
        self.result.setVisible(outcome is not None)
        self.text.setText(outcome.summary if outcome else tr(INVITATION))
        self._show()
