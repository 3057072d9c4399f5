"""The field that invites photos, and a layout for the chips below it."""
from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLayout, QLayoutItem, QPushButton, QVBoxLayout, QWidget

from app.language import tr
from app.personal.album_view import counted
from app.personal.labels import label
from app.theme import Theme, pixmap

INVITATION = "Drop photos of one person here"
ADVICE = ("15 to 25 photos are best: other sides of the face, other expressions, other light.\nOther people in them do no harm; "
          "blurred or hidden faces are found and left out.")


class DropField(QFrame):
    """The large field that invites photos; it lights up while some are held over the dialog."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._lit = False
        self.mark = QLabel()
        self.mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title = label("heading", tr(INVITATION))
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.folder, self.files = QPushButton(tr("Choose a folder …")), QPushButton(tr("Choose photos …"))
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addStretch(1)
        for button in (self.folder, self.files):
            button.setAutoDefault(False)
            line.addWidget(button)
        line.addStretch(1)
        advice = label("note", tr(ADVICE))
        advice.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 22)
        column.setSpacing(12)
        column.addStretch(1)
        column.addWidget(self.mark)
        column.addWidget(self.title)
        column.addLayout(line)
        column.addWidget(advice)
        column.addStretch(1)
        theme.changed.connect(self._recolor)
        self._recolor()

    def count(self, photos: int) -> None:
        """How many photos are chosen so far."""
        self.title.setText(tr("{photos} chosen. Drop more, or read them.", photos=counted(photos)) if photos else tr(INVITATION))

    def light(self, lit: bool) -> None:
        """Photos are held over the dialog, or not any more."""
        self._lit = lit
        self._recolor()

    def _recolor(self) -> None:
        colors = self._theme.colors
        self.mark.setPixmap(pixmap("faces", colors.accent if self._lit else colors.dim, 44, self.devicePixelRatioF()))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A dashed frame."""
        colors = self._theme.colors
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.accent if self._lit else colors.groove), 1.5, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(colors.panel))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 14, 14)
        painter.end()


class Flow(QLayout):
    """Lays chips out in lines, as words are."""

    def __init__(self, gap: int = 8) -> None:
        super().__init__()
        self._items: list[QLayoutItem] = []
        self._gap = gap

    def addItem(self, item: QLayoutItem) -> None:
        """Qt's."""
        self._items.append(item)

    def count(self) -> int:
        """Qt's."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Qt's."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Qt's."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        """It does."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Of all lines."""
        return self._place(QRect(0, 0, width, 0), False)

    def sizeHint(self) -> QSize:
        """As small as can be."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        """Of the largest chip."""
        sizes = [item.minimumSize() for item in self._items]
        return QSize(max((s.width() for s in sizes), default=0), max((s.height() for s in sizes), default=0))

    def setGeometry(self, rect: QRect) -> None:
        """Place them."""
        super().setGeometry(rect)
        self._place(rect, True)

    def _place(self, rect: QRect, really: bool) -> int:
        x, y, tall = rect.x(), rect.y(), 0
        for item in self._items:
            size = item.sizeHint()
            if x > rect.x() and x + size.width() > rect.right() + 1:
                x, y, tall = rect.x(), y + tall + self._gap, 0
            if really:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + self._gap
            tall = max(tall, size.height())
        return y + tall - rect.y()
