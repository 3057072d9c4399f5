"""The environment in the Light panel: a map of the surroundings that lights the face, turned with the mouse."""
from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.canvas.paint import font, smooth
from app.language import tr
from app.personal.labels import label, tip
from app.theme import Theme

HEIGHT = 84
KEY_STEP = 5.0  # degrees; with Shift 1


class Strip(QWidget):
    """The panorama as it lies around the head: its middle is at the camera, its left end and its right end meet behind the head,
    and what is on the left lights the left side of the picture. Dragged sideways it turns.

    pressed, turned(by, degrees since the press), released: a drag. stepped(by): a key. reset_asked: a double click.
    """

    pressed = Signal()
    turned = Signal(float)
    released = Signal()
    stepped = Signal(float)
    reset_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._image: QImage | None = None
        self._turn = 0.0
        self._held: float | None = None
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setToolTip(tr("The environment: drag sideways to turn it about the head. Left here is left in the picture.\n"
                           "Double click turns it back. On the light ball the right button turns it too."))
        self.setAccessibleName(tr("Environment"))

    def show_map(self, image: QImage | None, turn: float) -> None:
        """A panorama, its middle column at the camera and its left the picture's left, and how far it is turned, degrees."""
        if image is not self._image or turn != self._turn:
            self._image, self._turn = image, turn
            self.setAccessibleDescription(tr("Turned by {turn}°", turn=round(turn)))
            self.update()

    def sizeHint(self) -> QSize:
        """As wide as the panel."""
        return QSize(240, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The panorama twice where it wraps, a mark at the camera, words at the sides."""
        colors = self._theme.colors
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        path = QPainterPath()
        path.addRoundedRect(box, 7, 7)
        painter.setClipPath(path)
        painter.fillRect(box, QColor(colors.raised))
        if self._image is not None:
            ratio = self.devicePixelRatioF()
            shift = round(self._turn / 360 * box.width() * ratio) / ratio % box.width()
            image = smooth(self._image, box.width() * ratio)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # it would leave a seam
            for left in (shift, shift - box.width()):
                painter.drawImage(box.translated(left, 0), image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._marks(painter, box)
        painter.setClipping(False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colors.accent if self.hasFocus() else colors.border), 1.6 if self.hasFocus() else 1))
        painter.drawPath(path)
        painter.end()

    def _marks(self, painter: QPainter, box: QRectF) -> None:
        middle = box.center().x()
        for x, color in ((middle + 1, QColor(0, 0, 0, 110)), (middle, QColor(255, 255, 255, 220))):
            painter.setPen(QPen(color, 1.2))
            painter.drawLine(QPointF(x, box.bottom() - 9), QPointF(x, box.bottom()))
        painter.setFont(font(10))
        for text, share in ((tr("left"), 0.25), (tr("camera"), 0.5), (tr("right"), 0.75)):
            line = QRectF(box.left() + share * box.width() - 40, box.bottom() - 24, 80, 14)
            for dx, color in ((1, QColor(0, 0, 0, 170)), (0, QColor(255, 255, 255, 230))):
                painter.setPen(color)
                painter.drawText(line.translated(dx, dx), Qt.AlignmentFlag.AlignCenter, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = event.position().x()
            self.pressed.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """It turns as far as it is pulled: its width is a whole turn."""
        if self._held is not None:
            self.turned.emit((event.position().x() - self._held) / max(1, self.width()) * 360)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._held is not None and event.button() == Qt.MouseButton.LeftButton:
            self._held = None
            self.released.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """As it was taken in."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset_asked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows turn it, Home turns it back."""
        step = 1.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else KEY_STEP
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.stepped.emit(step if event.key() == Qt.Key.Key_Right else -step)
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset_asked.emit()
        else:
            super().keyPressEvent(event)


class EnvironmentBox(QWidget):
    """Ways to take in surroundings; once there are some, the strip with their name, and below it the rows that are put in.

    import_asked, photo_asked, remove_asked: the buttons.
    """

    import_asked = Signal()
    photo_asked = Signal()
    remove_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.strip = Strip(theme)
        self.name = label("rowLabel")
        self.note = label("note", tr("An environment map lights the face: HDR, EXR or a panorama. Drop one here."), wrap=True)
        self.load, self.photo = QPushButton(tr("Environment map …")), QPushButton(tr("From a photo …"))
        self.remove = QToolButton()
        self.load.setToolTip(tr("Light the face with an HDR or EXR environment map, or any panorama"))
        self.photo.setToolTip(tr("Take over the light of a face in another photo"))
        self.photo.setAccessibleName(tr("Light from another photo"))
        self.remove.setObjectName("rowReset")
        self.remove.setIconSize(QSize(14, 14))
        self.remove.setToolTip(tr("Take the environment away: back to the photo's own light"))
        self.remove.setAccessibleName(tr("Remove environment"))
        self.rows = QVBoxLayout()
        self._own = QWidget()
        self._lay_out()
        self.load.clicked.connect(self.import_asked)
        self.photo.clicked.connect(self.photo_asked)
        self.remove.clicked.connect(self.remove_asked)
        theme.changed.connect(self.recolor)
        self.recolor()
        self.show_environment("", None, 0.0)

    def _lay_out(self) -> None:
        head, buttons = QHBoxLayout(), QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.name, 1)
        head.addWidget(self.remove)
        buttons.setSpacing(6)
        for button in (self.load, self.photo):
            button.setObjectName("wide")
            button.setMinimumWidth(40)
            buttons.addWidget(button, 1)
        inside = QVBoxLayout(self._own)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(2)
        inside.addLayout(head)
        inside.addWidget(self.strip)
        inside.addSpacing(2)
        inside.addLayout(self.rows)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 4)
        column.setSpacing(6)
        column.addWidget(self._own)
        column.addLayout(buttons)
        column.addWidget(self.note)

    def show_environment(self, name: str, image: QImage | None, turn: float) -> None:
        """The environment in use; '' for none."""
        there = bool(name)
        if self._own.isVisibleTo(self) != there:
            self._own.setVisible(there)
            self.note.setVisible(not there)
            self.load.setText(tr("Another map …") if there else tr("Environment map …"))
        if self.name.text() != name:
            self.name.setText(name)
            self.name.setToolTip(tip(name))
        self.strip.show_map(image, turn)

    def recolor(self) -> None:
        """Take the scheme's icons."""
        self.load.setIcon(self._theme.icon("environment"))
        self.photo.setIcon(self._theme.icon("photo"))
        self.remove.setIcon(self._theme.icon("close"))


def wrapped(degrees: float) -> float:
    """The angle in [-180, 180)."""
    return math.remainder(degrees, 360.0)
