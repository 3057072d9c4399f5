"""Whose album it is, where several people come up in it more than once."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from app.language import tr
from app.panels.section import clear_layout
from app.personal.album_view import counted, face_file, people_of
from app.personal.labels import label
from app.personal.thumbs_view import rounded

if TYPE_CHECKING:
    from core.album.album import Album
    from core.album.facts import Someone

SIDE = 40


class WhoIsMeant(QWidget):
    """A round picture for each person to choose from. chosen(Someone): another one is meant."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.group = QButtonGroup(self)
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(4)

    def show_album(self, album: Album, image: Callable[[Path | None], QImage | None]) -> None:
        """The people of an album; nothing where there is no choice. image: reads a thumbnail."""
        clear_layout(self._line)
        people = people_of(album)
        if len(people) < 2:
            return
        self._line.addWidget(label("rowLabel", tr("Who is meant?")))
        for person in people:
            self._line.addWidget(self._button(person, image(face_file(album, person))))

    def _button(self, person: Someone, image: QImage | None) -> QToolButton:
        button = QToolButton()
        button.setObjectName("face")
        button.setCheckable(True)
        button.setChecked(person.chosen)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setIconSize(QSize(SIDE, SIDE))
        if image is not None:
            button.setIcon(QIcon(rounded(image, SIDE, SIDE / 2, self.devicePixelRatioF())))
        text = tr("The person seen in {photos}", photos=counted(person.photos))
        button.setToolTip(text if person.chosen else f"{text}. {tr('Choose to make the album theirs.')}")
        button.setAccessibleName(text)
        # the album that comes of it replaces this button: not before its own click has ended
        button.clicked.connect(lambda: self.chosen.emit(person), Qt.ConnectionType.QueuedConnection)
        self.group.addButton(button)
        return button
