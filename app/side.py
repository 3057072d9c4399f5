"""The right-hand side: all panels in one scrolling column."""
from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.document import Document
from app.panels.appearance import AppearancePanel
from app.panels.face import ExpressionPanel, JawPanel, PosePanel
from app.panels.light import LightPanel
from app.panels.person import PersonPanel
from app.panels.section import Section
from app.settings import Settings
from app.theme import Theme

WIDTH = (358, 620)


class Side(QScrollArea):
    """Light, Expression, Jaw, Pose, Appearance, Person."""

    def __init__(self, theme: Theme, document: Document, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.light = LightPanel(theme, document)
        self.expression = ExpressionPanel(theme, document)
        self.jaw = JawPanel(theme, document)
        self.pose = PosePanel(theme, document)
        self.appearance = AppearancePanel(theme, document)
        self.person = PersonPanel(theme, document)
        self.panels: tuple[Section, ...] = (self.light, self.expression, self.jaw, self.pose, self.appearance, self.person)
        body = QWidget()
        body.setObjectName("sideBody")
        body.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 12)
        column.setSpacing(0)
        for i, panel in enumerate(self.panels):
            if i:
                column.addWidget(_rule())
            panel.set_open(panel.title in settings.open_sections)
            panel.toggled.connect(self._remember)
            column.addWidget(panel)
        column.addStretch(1)
        self.setObjectName("side")
        self.setWidget(body)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(WIDTH[0])
        self.setMaximumWidth(WIDTH[1])

    def set_usable(self, on: bool) -> None:
        """Without a photo nothing can be set; people can be learned all the same."""
        for panel in self.panels:
            panel.body.setEnabled(on or panel is self.person)

    def _remember(self) -> None:
        self._settings.open_sections = tuple(panel.title for panel in self.panels if panel.opened)


def _rule() -> QFrame:
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedHeight(1)
    return line
