"""What the webcam sees, and which parts of the face the photo takes from it."""
from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.language import tr
from app.panels.face_tools import PART_NAMES
from app.picture import to_image
from app.theme import Theme

_HEIGHT = 150


class Preview(QWidget):
    """The small picture with the landmarks in it, mirrored as in a mirror."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._image: QImage | None = None
        self._points: Any = None
        self._share = 0.0
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("What the camera sees"))

    def show_look(self, look: Any) -> None:
        """A newer picture; None for none."""
        self._image = to_image(look.picture) if look is not None else None
        self._points = look.points if look is not None else None
        self._share = look.sight.rest if look is not None else 0.0
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as the panel."""
        return QSize(220, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Picture, dots, and how much of the resting face is there."""
        colors = self._theme.colors
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self.rect()), 7, 7)
        painter.setClipPath(frame)
        painter.fillRect(self.rect(), QColor(colors.raised))
        if self._image is not None:
            scale = max(self.width() / self._image.width(), self.height() / self._image.height())
            box = QRectF(0, 0, self._image.width() * scale, self._image.height() * scale)
            box.moveCenter(QRectF(self.rect()).center())
            painter.drawImage(box, self._image)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(255, 255, 255, 190))
            for x, y in self._points if self._points is not None else ():
                painter.drawEllipse(QPointF(box.x() + x * box.width(), box.y() + y * box.height()), 0.9, 0.9)
            if self._share < 1:
                painter.setBrush(QColor(colors.accent))
                painter.drawRect(QRectF(0, self.height() - 4, self.width() * self._share, 4))
        painter.end()


class WebcamView(QWidget):
    """Shown while the photo follows.

    parts_chosen(parts). rest_asked: take the face at rest anew. stop_asked.
    """

    parts_chosen = Signal(object)
    rest_asked = Signal()
    stop_asked = Signal()

    def __init__(self, theme: Theme, parts: tuple[str, ...], on: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.preview = Preview(theme)
        self.said = QLabel()
        self.said.setObjectName("note")
        self.said.setWordWrap(True)
        self.parts: dict[str, QToolButton] = {}
        boxes = QGridLayout()
        boxes.setSpacing(4)
        for i, part in enumerate(parts):
            self.parts[part] = self._part(part, part in on)
            boxes.addWidget(self.parts[part], i // 3, i % 3)
        again, stop = QPushButton(tr("At rest now")), QPushButton(tr("Stop"))
        again.setToolTip(tr("Look relaxed and press: what your face does from there on counts"))
        stop.setToolTip(tr("Keep the expression as it is now"))
        again.clicked.connect(self.rest_asked)
        stop.clicked.connect(self.stop_asked)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(again, 1)
        buttons.addWidget(stop, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 6)
        column.setSpacing(6)
        column.addWidget(self.preview)
        column.addWidget(self.said)
        column.addLayout(boxes)
        column.addLayout(buttons)
        self.hide()

    def _part(self, part: str, on: bool) -> QToolButton:
        button = QToolButton()
        button.setObjectName("tool")
        button.setText(tr(PART_NAMES[part]))
        button.setCheckable(True)
        button.setChecked(on)
        button.setToolTip(tr("Whether the photo follows this"))
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.toggled.connect(self._choose)
        return button

    def _choose(self) -> None:
        self.parts_chosen.emit(tuple(part for part, button in self.parts.items() if button.isChecked()))

    def set_running(self, on: bool) -> None:
        """Show or hide it."""
        self.preview.show_look(None)
        self.setVisible(on)
