"""The scale of a difference map: which colour stands for how much, and the numbers in plain words."""
from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from app.canvas.paint import font
from app.compare.slots import in_plain_words
from app.language import tr
from app.picture import to_image
from app.theme import Theme
from core.difference import SCALES, Difference, painted


class Ramp(QWidget):
    """The colours from 0 to the scale's end, with numbers."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.scale = 255
        self._image = to_image(np.repeat(painted(np.linspace(0, 255, 256)[None], 255), 4, axis=0))
        self.setFixedSize(220, 34)
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ramp over numbers."""
        painter = QPainter(self)
        box = QRectF(12, 4, self.width() - 24, 10)
        painter.drawImage(box, self._image)
        painter.setPen(QColor(self._theme.colors.border))
        painter.drawRect(box)
        painter.setPen(QColor(self._theme.colors.dim))
        painter.setFont(font(11))
        last = f"{self.scale}" if self.scale == SCALES[-1] else tr("{number} and more", number=self.scale)
        for share, text in ((0.0, "0"), (0.5, f"{round(self.scale / 2)}"), (1.0, last)):
            width = 90.0
            flag = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)[round(2 * share)]
            left = (box.left(), box.center().x() - width / 2, box.right() - width)[round(2 * share)]
            painter.drawText(QRectF(left, 16, width, 16), flag | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


class Legend(QWidget):
    """Ramp, words, and the choice of the scale. changed: another scale is wanted."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("compareCaption")
        self.ramp = Ramp(theme)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.scales = QComboBox()
        self.scales.addItem(tr("Scale: automatic"), 0)
        for scale in SCALES:
            self.scales.addItem(tr("0 to {number}", number=scale), scale)
        self.scales.setAccessibleName(tr("Scale of the difference"))
        self.scales.setToolTip(tr("What yellow stands for, in levels of 255. A smaller number shows smaller differences."))
        self.scales.currentIndexChanged.connect(self.changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 10, 2)
        row.setSpacing(12)
        row.addWidget(self.ramp)
        row.addWidget(self.words, 1)
        row.addWidget(self.scales)

    def scale_for(self, found: Difference) -> int:
        """The scale that was chosen, else the one that fits."""
        return int(self.scales.currentData()) or found.scale

    def show_difference(self, found: Difference | None) -> None:
        """Say how much it is."""
        self.words.setText(in_plain_words(found) if found is not None else "")
        if found is not None:
            self.ramp.scale = self.scale_for(found)
            self.ramp.update()
