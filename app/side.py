"""The right-hand side: all panels in one scrolling column."""
from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.document import Document
from app.panels.appearance import AppearancePanel
from app.panels.face import ExpressionPanel, EyesPanel, JawPanel, PosePanel
from app.panels.jump import HEIGHT, JumpBar
from app.panels.light import LightPanel
from app.panels.person import PersonPanel
from app.panels.section import Section
from app.settings import SECTIONS, Settings
from app.theme import Theme

WIDTH = (361, 620)


class Side(QScrollArea):
    """Light, Expression, Jaw, Eyes, Pose, Appearance, Person; above them, a bar with their names leads to each."""

    def __init__(self, theme: Theme, document: Document, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.light = LightPanel(theme, document, settings)
        self.expression = ExpressionPanel(theme, document, settings)
        self.jaw = JawPanel(theme, document)
        self.eyes = EyesPanel(theme, document, settings)
        self.pose = PosePanel(theme, document)
        self.appearance = AppearancePanel(theme, document)
        self.person = PersonPanel(theme, document)
        self.panels: tuple[Section, ...] = (self.light, self.expression, self.jaw, self.eyes, self.pose,
                                             self.appearance, self.person)
        body = QWidget()
        body.setObjectName("sideBody")
        body.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 12)
        column.setSpacing(0)
        for i, panel in enumerate(self.panels):
            if i:
                column.addWidget(_rule())
            panel.toggled.connect(self._remember)
            column.addWidget(panel)
        column.addStretch(1)
        self._fold(settings.open_sections)
        self.setObjectName("side")
        self.setWidget(body)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(WIDTH[0])
        self.setMaximumWidth(WIDTH[1])
        self.jump = JumpBar(self.panels, self)
        self.setViewportMargins(0, HEIGHT, 0, 0)
        self.jump.asked.connect(self.show_section)
        self.verticalScrollBar().valueChanged.connect(self._mark)
        self.jump.mark(self.light)

    def show_section(self, section: Section) -> None:
        """Unfold a section and bring it to the top of the column, as far as there is column below it."""
        section.set_open(True)
        QTimer.singleShot(0, self, lambda: self._bring(section))  # one that was folded has its height only then

    def _bring(self, section: Section) -> None:
        self.verticalScrollBar().setValue(section.y())
        self.jump.mark(section)

    def _mark(self, at: int) -> None:
        """The section at the upper edge is the one that is seen."""
        begun = [panel for panel in self.panels if panel.y() <= at + 40]
        self.jump.mark(begun[-1] if begun else self.light)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The bar stays as wide as the column."""
        super().resizeEvent(event)
        self.jump.setGeometry(1, 0, self.width() - 1, HEIGHT)

    def set_usable(self, on: bool) -> None:
        """Without a photo nothing can be set; people can be learned all the same."""
        for panel in self.panels:
            panel.body.setEnabled(on or panel is self.person)

    def _fold(self, opened: tuple[str, ...]) -> None:
        """As they were left; names that are none (earlier versions kept those of the language in use) stand for all."""
        known = set(opened) <= set(SECTIONS)
        for name, panel in zip(SECTIONS, self.panels, strict=True):
            panel.set_open(name in opened or not known)

    def _remember(self) -> None:
        self._settings.open_sections = tuple(name for name, panel in zip(SECTIONS, self.panels, strict=True) if panel.opened)


def _rule() -> QFrame:
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedHeight(1)
    return line
