"""What stands under a compared picture: which it is, what it changes, and the menu to choose another one."""
from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.compare.slots import LETTERS, LIVE, ORIGINAL, Slots, Source
from app.elided import Elided
from app.language import tr
from app.theme import Theme


class Caption(QWidget):
    """Belongs to one place of Slots."""

    def __init__(self, theme: Theme, slots: Slots, place: int) -> None:
        super().__init__()
        self._theme, self._slots, self._place = theme, slots, place
        self.setObjectName("compareCaption")
        self.choose = QToolButton()
        self.choose.setObjectName("swatch")
        self.choose.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.choose.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.choose.setIconSize(QSize(20, 20))
        self.choose.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.choose.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.choose.setMaximumWidth(230)
        self.menu = QMenu(self.choose)
        self.menu.setObjectName("compareMenu")
        self.menu.aboutToShow.connect(self._fill)
        self.choose.setMenu(self.menu)
        self.words, self.likeness = Elided(), Elided()
        self.words.setObjectName("note")
        self.likeness.setObjectName("note")
        lines = QVBoxLayout()
        lines.setSpacing(0)
        lines.addWidget(self.words)
        lines.addWidget(self.likeness)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 10, 4)
        row.setSpacing(8)
        row.addWidget(self.choose)
        row.addLayout(lines, 1)
        self.refresh()

    def refresh(self) -> None:
        """Show what the place holds now."""
        source = self._slots.sources[self._place]
        letter, name = LETTERS[self._place], self._slots.name(source)
        metrics = self.choose.fontMetrics()
        self.choose.setText(f"{letter}  ·  {metrics.elidedText(name, Qt.TextElideMode.ElideRight, 150)}".replace("&", "&&"))
        self.choose.setIcon(self._icon(source))
        self.choose.setToolTip(tr("{name}\nClick to compare with another picture, or drop one of the history here", name=name))
        self.choose.setAccessibleName(tr("Picture {letter}: {name}", letter=letter, name=name))
        words = self._slots.words(source)
        self.words.setText(words)
        distance = self._slots.distance(source)
        self.likeness.setText(tr("Identity distance {number}", number=f"{distance:.2f}") if distance is not None else "")
        self.likeness.setVisible(distance is not None)

    def _icon(self, source: Source) -> QIcon:
        if source.item is not None:
            return QIcon(QPixmap.fromImage(source.item.thumb))
        return self._theme.icon("photo" if source.kind == ORIGINAL else "flicker")

    def _fill(self) -> None:
        self.menu.clear()
        for source in self._slots.choices():
            name = self._slots.name(source)
            action = self.menu.addAction(self._icon(source), self.fontMetrics().elidedText(
                name, Qt.TextElideMode.ElideRight, 300).replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(source == self._slots.sources[self._place])
            action.triggered.connect(lambda _=False, source=source: self._slots.put(self._place, source))
            if source.kind == LIVE:
                self.menu.addSeparator()
