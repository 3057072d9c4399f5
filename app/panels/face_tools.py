"""What is done with a whole expression: taken away, copied from a photo, followed from the webcam."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal, SignalInstance
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from app.document import Document
from app.language import tr
from app.panels.section import clear_layout
from app.theme import Theme
from core.head.parts import PARTS

# What each part is called where something is done with it.
PART_NAMES = {"expression": "Whole expression", "mouth": "Mouth", "eyes": "Eyes", "brows": "Brows", "jaw": "Jaw",
              "pose": "Head pose", "face": "Face"}
COPIED = ("expression", *PARTS, "pose")


class FaceTools(QWidget):
    """Buttons over the sliders.

    neutral_asked(part): '' for all of them. copy_asked(block). drop_asked(block): the copy is to go. webcam_asked(on).
    video_asked: follow a video file.
    """

    neutral_asked = Signal(str)
    copy_asked = Signal(str)
    webcam_asked = Signal(bool)
    video_asked = Signal()
    drop_asked = Signal(str)

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._document = theme, document
        self.neutral, self.copy, self.webcam = QToolButton(), QToolButton(), QToolButton()
        self._icons = ((self.neutral, "neutral"), (self.copy, "copy"), (self.webcam, "webcam"))
        self._shown: list[tuple[str, str]] = []
        self._copies = QVBoxLayout()
        self._copies.setSpacing(0)
        self._set_up()
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        for column, (button, _) in enumerate(self._icons):
            grid.addWidget(button, 0, column)
            grid.setColumnStretch(column, 1)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(0, 4, 0, 4)
        column_layout.setSpacing(4)
        column_layout.addLayout(grid)
        column_layout.addLayout(self._copies)

    def _set_up(self) -> None:
        texts = (
            (self.neutral, tr("Neutral"), tr("Take the photo's own expression away. The arrow offers one part of the face.")),
            (self.copy, tr("Copy"), tr("Take over the expression of another photo, or of a part of its face. A photo can also be "
                                       "dropped on this panel.")),
            (self.webcam, tr("Webcam"), tr("Show an expression to your webcam: the photo follows. Nothing is recorded.")))
        for button, text, tip in texts:
            button.setObjectName("tool")
            button.setText(text)
            button.setAccessibleName(text)
            button.setToolTip(tip)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setIconSize(QSize(16, 16))
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
            button.setMinimumWidth(60)  # see `AppearancePanel`
        self.neutral.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.copy.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.webcam.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.webcam.setCheckable(True)
        self.webcam.setMenu(QMenu(self.webcam))
        self.webcam.menu().addAction(tr("Follow a video file …")).triggered.connect(lambda: self.video_asked.emit())
        self.neutral.clicked.connect(lambda: self.neutral_asked.emit(""))
        self.webcam.clicked.connect(self.webcam_asked)
        for button in (self.neutral, self.copy):
            button.setMenu(QMenu(button))

    def build(self, neutral: Sequence[str], copied: Sequence[str]) -> None:
        """Offer the parts that a head can tell apart: those that can be made neutral, and those that can be copied."""
        for menu, parts, signal, ending in ((self.neutral.menu(), neutral, self.neutral_asked, ""),
                                            (self.copy.menu(), copied, self.copy_asked, " …")):
            menu.clear()
            for part in parts:
                menu.addAction(tr(PART_NAMES[part]) + ending).triggered.connect(partial(_say, signal, part))
        self.recolor()

    def recolor(self) -> None:
        """Take the scheme's icons."""
        for button, icon in self._icons:
            button.setIcon(self._theme.icon(icon))

    def show_copies(self) -> None:
        """A line for every part that comes from another photo."""
        wanted = [(copy.block, copy.label) for copy in self._document.rig.copies if copy.block in COPIED]
        if self._shown == wanted:
            return
        self._shown = wanted
        clear_layout(self._copies)
        for block, label in wanted:
            self._copies.addWidget(self._copy_line(block, label))

    def _copy_line(self, block: str, label: str) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        part = tr(PART_NAMES[block])
        text = QLabel(tr("{part} from {photo}", part=part, photo=label or tr("another photo")))
        text.setObjectName("note")
        text.setTextFormat(Qt.TextFormat.PlainText)
        drop = QToolButton()
        drop.setObjectName("rowReset")
        drop.setIcon(self._theme.icon("close"))
        drop.setIconSize(QSize(14, 14))
        drop.setToolTip(tr("Use the photo's own again"))
        drop.setAccessibleName(tr("Remove the copy: {part}", part=part))
        drop.clicked.connect(partial(_say, self.drop_asked, block))
        row.addWidget(text, 1)
        row.addWidget(drop)
        return line


def _say(signal: SignalInstance, part: str, _checked: bool = False) -> None:
    signal.emit(part)
