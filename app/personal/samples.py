"""The pictures that a training makes on the way: the newest, and the way back through earlier ones."""
from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QImageReader, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.language import tr
from app.personal.progress import Sample
from app.theme import Theme

NOTHING_YET = "Pictures appear here while it trains."


class Sheet(QWidget):
    """A picture, as large as it fits; text in its place where there is none."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.image = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """A fair part of a page."""
        return QSize(380, 300)

    def minimumSizeHint(self) -> QSize:
        """Faces can still be told."""
        return QSize(220, 160)

    def show_image(self, image: QImage) -> None:
        """Another picture."""
        self.image = image
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The picture, scaled for the screen's own pixels."""
        painter = QPainter(self)
        if self.image.isNull():
            painter.setPen(QColor(self._theme.colors.faint))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), NOTHING_YET)
            return
        size = self.image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        ratio = self.devicePixelRatioF()
        # scaled once and well: the painter's own filter makes large reductions coarse
        picture = self.image.scaled(size * ratio, mode=Qt.TransformationMode.SmoothTransformation)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        painter.drawImage(QRectF(left, top, size.width(), size.height()), picture)


class Samples(QFrame):
    """Sample sheets with a stepper. The newest is shown, until the user goes back to an earlier one."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curve")
        self._theme = theme
        self._samples: tuple[Sample, ...] = ()
        self._at = -1  # -1 stands for the newest, whichever that is
        self._shown: Sample | None = None
        self.title, self.where, self.caption = QLabel(tr("Pictures")), QLabel(), QLabel()
        self.title.setObjectName("curveTitle")
        self.where.setObjectName("note")
        self.caption.setObjectName("note")
        self.caption.setWordWrap(True)
        self.sheet = Sheet(theme)
        self.back, self.forth = QToolButton(), QToolButton()
        for button, name in ((self.back, tr("Earlier pictures")), (self.forth, tr("Later pictures"))):
            button.setObjectName("icon")
            button.setIconSize(QSize(16, 16))
            button.setToolTip(name)
            button.setAccessibleName(name)
        self._lay_out()
        self.back.clicked.connect(lambda: self._go(-1))
        self.forth.clicked.connect(lambda: self._go(1))
        theme.changed.connect(self._recolor)
        self._recolor()
        self.caption.hide()
        self._show()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self.title)
        head.addStretch(1)
        for widget in (self.where, self.back, self.forth):
            head.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 5, 8, 10)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.sheet, 1)
        column.addWidget(self.caption)

    def show_samples(self, samples: Sequence[Sample]) -> None:
        """All there are so far, the newest last."""
        if tuple(samples) != self._samples:
            self._samples = tuple(samples)
            if self._at >= len(self._samples) - 1:
                self._at = -1
            self._show()

    def _go(self, by: int) -> None:
        last = len(self._samples) - 1
        at = (last if self._at < 0 else self._at) + by
        self._at = -1 if at >= last else max(0, at)
        self._show()

    def _show(self) -> None:
        count = len(self._samples)
        at = count - 1 if self._at < 0 else self._at
        self.back.setEnabled(at > 0)
        self.forth.setEnabled(0 <= at < count - 1)
        step = self._samples[at].step if count else 0
        newest = tr("Step {step}, newest", step=step) if at == count - 1 else tr("Step {step}", step=step)
        self.where.setText(newest if count else "")
        sample = self._samples[at] if count else None
        if sample != self._shown:
            self._shown = sample
            self.caption.setText(sample.caption if sample else "")
            self.caption.setVisible(bool(self.caption.text()))
            reader = QImageReader(str(sample.file) if sample else "")
            self.sheet.show_image(reader.read() if sample and reader.canRead() else QImage())

    def _recolor(self) -> None:
        self.back.setIcon(self._theme.icon("chevron-left"))
        self.forth.setIcon(self._theme.icon("chevron-right"))
        self.sheet.update()
