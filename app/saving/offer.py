"""What a crash left, offered at the next start: a list with pictures; each can be restored or given up, and all can wait."""
from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QDateTime, QLocale, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.language import tr
from app.picture import to_image
from app.theme import Theme, pixmap
from core.errors import UserError
from core.photo import load_image
from core.project.recovery import Left

SIDE = 72


class RecoveryDialog(QDialog):
    """Lists what was left. restore_asked(left), discard_asked(left)."""

    restore_asked = Signal(object)
    discard_asked = Signal(object)

    def __init__(self, theme: Theme, left: Sequence[Left], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Unsaved work"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(560)
        self._theme = theme
        self.rows: dict[Left, QWidget] = {}
        title = QLabel(tr("The program ended before this was saved"))
        title.setObjectName("heading")
        text = QLabel(tr("Nothing is deleted until you say so. What is not restored now is offered again."))
        text.setObjectName("note")
        text.setWordWrap(True)
        self._list = QVBoxLayout()
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(8)
        for one in left:
            self.rows[one] = self._row(one)
            self._list.addWidget(self.rows[one])
        self._list.addStretch(1)
        inside = QWidget()
        inside.setLayout(self._list)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumHeight(min(3, len(left)) * (SIDE + 32))
        self.later = QPushButton(tr("Later"))
        self.later.setToolTip(tr("Leave it; it is in the File menu, and offered again at the next start  (Esc)"))
        self.later.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.later)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 16)
        column.setSpacing(10)
        column.addWidget(title)
        column.addWidget(text)
        column.addSpacing(4)
        column.addWidget(area, 1)
        column.addLayout(foot)
        if self.rows:
            next(iter(self.rows.values())).findChild(QPushButton, "primary").setFocus()  # type: ignore[union-attr]

    def drop(self, left: Left) -> None:
        """It is no longer there; with the last one the dialog closes."""
        row = self.rows.pop(left, None)
        if row is not None:
            self._list.removeWidget(row)
            row.deleteLater()
        if not self.rows:
            self.accept()

    def _row(self, left: Left) -> QWidget:
        row = QFrame()
        row.setObjectName("card")
        picture, name, detail = QLabel(), QLabel(left.name), QLabel(words_of(left))
        picture.setFixedSize(QSize(SIDE, SIDE))
        picture.setPixmap(self._picture(left))
        name.setObjectName("cardTitle")
        for label in (name, detail):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        detail.setObjectName("note")
        restore, discard = QPushButton(tr("Restore")), QPushButton(tr("Discard"))
        restore.setObjectName("primary")
        restore.setAccessibleName(tr("Restore {name}", name=left.name))
        restore.setToolTip(tr("Open it as it was; it can be saved then"))
        discard.setAccessibleName(tr("Discard {name}", name=left.name))
        discard.setToolTip(tr("Delete this copy for good. The photo, and what was saved before, stay."))
        for button in (restore, discard):
            button.setAutoDefault(button is restore)
        restore.clicked.connect(lambda: self.restore_asked.emit(left))
        discard.clicked.connect(lambda: self._discard(left, discard))
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addStretch(1)
        words.addWidget(name)
        words.addWidget(detail)
        words.addStretch(1)
        line = QHBoxLayout(row)
        line.setContentsMargins(10, 10, 14, 10)
        line.setSpacing(14)
        line.addWidget(picture)
        line.addLayout(words, 1)
        line.addWidget(discard)
        line.addWidget(restore)
        return row

    def _discard(self, left: Left, button: QPushButton) -> None:
        """Only the second press deletes: the first one asks, where the hand is."""
        if button.objectName() == "danger":
            self.discard_asked.emit(left)
            return
        button.setObjectName("danger")
        button.setText(tr("Delete for good?"))
        button.style().unpolish(button)
        button.style().polish(button)

    def _picture(self, left: Left) -> QPixmap:
        ratio = self.devicePixelRatioF()
        try:
            image = to_image(load_image(left.thumbnail).pixels)
        except UserError:
            return pixmap("photo", self._theme.colors.dim, SIDE // 2, ratio)
        return _rounded(image, SIDE, ratio)


def words_of(left: Left) -> str:
    """When it was changed, how much, and which file it belongs to."""
    parts = [tr("Last changed {when}", when=ago(left.changed))] if left.changed else []
    if left.steps:
        parts.append(tr("one step") if left.steps == 1 else tr("{count} steps", count=left.steps))
    where = tr("Changes to {path}", path=left.path) if left.path is not None else tr("Never saved")
    return f"{', '.join(parts)}\n{where}" if parts else where


def ago(moment: float) -> str:
    """A moment of the past in words."""
    minutes = round((time.time() - moment) / 60)
    if minutes < 1:
        return tr("just now")
    if minutes < 60:
        return tr("one minute ago") if minutes == 1 else tr("{count} minutes ago", count=minutes)
    when = QDateTime.fromSecsSinceEpoch(int(moment))
    clock = QLocale().toString(when.time(), QLocale.FormatType.ShortFormat)
    if when.date() == QDateTime.currentDateTime().date():
        return tr("today at {time}", time=clock)
    return tr("{date} at {time}", date=QLocale().toString(when.date(), QLocale.FormatType.ShortFormat), time=clock)


def _rounded(image: QImage, side: int, ratio: float) -> QPixmap:
    size = round(side * ratio)
    filled = image.scaled(size, size, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation)
    made = QPixmap(size, size)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    path = QPainterPath()
    path.addRoundedRect(0, 0, size, size, 6 * ratio, 6 * ratio)
    painter.setClipPath(path)
    painter.drawImage((size - filled.width()) // 2, (size - filled.height()) // 2, filled)
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made
