"""The page of the first start: what stays on this computer, whose consent is needed, how exports say that they were edited."""
from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.language import tr
from app.settings import Settings
from app.theme import Theme, pixmap
from core import paths

WIDTH = 560


class Welcome(QDialog):
    """tour_asked: the guided first minute is wanted. Closing it in any way counts as read."""

    tour_asked = Signal()

    def __init__(self, theme: Theme, settings: Settings, credentials: bool, parent: QWidget | None = None) -> None:
        """credentials: whether exports can carry Content Credentials here."""
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle(tr("Welcome"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(30, 26, 30, 22)
        column.setSpacing(18)
        title = QLabel(tr("Welcome to DiffusionRig Studio"))
        title.setObjectName("heading")
        column.addWidget(title)
        for icon, head, text in self._facts():
            column.addLayout(self._fact(theme, icon, head, text))
        self.mark = QCheckBox(tr("Say in exported pictures that they were edited with AI"))
        self.mark.setToolTip(tr("Adds Content Credentials to each export, which programs and websites can show. You can choose "
                                "anew at every export."))
        self.mark.setChecked(settings.export_credentials and credentials)
        self.mark.setEnabled(credentials)
        if not credentials:
            self.mark.setText(tr("Content Credentials are not installed here; exports still say so in their description"))
        self.mark.toggled.connect(self._set_mark)
        column.addWidget(self.mark)
        column.addLayout(self._buttons())
        self.setFixedWidth(WIDTH)
        settings.welcomed = True
        settings.save()

    def _facts(self) -> tuple[tuple[str, str, str], ...]:
        return (
            ("photo", tr("Everything stays on this computer"),
             tr("Photos are opened, fitted and painted here; none is sent anywhere. Settings, learned people and copies against "
                "a crash are in {folder}. Deleting that folder deletes them.", folder=str(paths.data_dir()))),
            ("person", tr("A person's face needs that person's consent"),
             tr("Learning a person from an album asks you to state that you have it, and keeps your statement in the person's "
                "file. Don't make pictures that deceive or hurt people.")),
            ("export", tr("Exports say what they are"),
             tr("The edit itself travels in the picture's metadata, so that it can be opened again; the place where the photo "
                "was taken does not.")))

    def _fact(self, theme: Theme, icon: str, head: str, text: str) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(16)
        picture = QLabel()
        picture.setPixmap(pixmap(icon, theme.colors.accent, 26, self.devicePixelRatioF()))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(3)
        title, body = QLabel(head), QLabel(text)
        title.setObjectName("cardTitle")
        body.setObjectName("rowLabel")
        body.setTextFormat(Qt.TextFormat.PlainText)
        body.setWordWrap(True)
        body.setFixedWidth(WIDTH - 110)
        words.addWidget(title)
        words.addWidget(body)
        line.addWidget(picture)
        line.addLayout(words, 1)
        return line

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        start, tour = QPushButton(tr("Start")), QPushButton(tr("Show me around (one minute)"))
        tour.setDefault(True)
        start.setAutoDefault(False)
        start.clicked.connect(self.accept)
        tour.clicked.connect(self.tour_asked)
        tour.clicked.connect(self.accept)
        line.addWidget(start)
        line.addStretch(1)
        line.addWidget(tour)
        return line

    def _set_mark(self, on: bool) -> None:
        self._settings.export_credentials = on
        self._settings.save()
