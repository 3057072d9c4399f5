"""The guided first minute: a bubble beside each thing that matters, which goes on when the thing was tried, or with Next."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal, SignalInstance
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.language import tr

if TYPE_CHECKING:
    from app.window import Window

BUBBLE_WIDTH = 300
GAP = 14
MARGIN = 8


@dataclass(frozen=True)
class Step:
    """title, text: in English, for `tr`. place(window): what it is about, in the window's coordinates; an empty one for the
    middle. done(window): the signal that says it was tried; None waits for Next. prepare(window): brings it into view."""

    title: str
    text: str
    place: Callable[[Window], QRect]
    done: Callable[[Window], SignalInstance] | None = None
    prepare: Callable[[Window], None] | None = None


def _of(widget: QWidget, window: Window, part: QRect | None = None) -> QRect:
    area = part if part is not None else widget.rect()
    return QRect(widget.mapTo(window, area.topLeft()), area.size()) if widget.isVisible() else QRect()


def _canvas_part(window: Window) -> QRect:
    box = window.canvas.rect()
    return _of(window.canvas, window, QRect(box.width() // 4, box.height() // 5, box.width() // 2, box.height() * 3 // 5))


STEPS = (
    Step("Move the light", "Drag the lamp on the ball over the picture. Right-click there for more lamps, colours and shadows.",
         lambda w: _of(w.canvas.ball, w), lambda w: w.document.undo_stack.indexChanged),
    Step("Turn the head", "Drag on the face itself. The picture follows at once and is refined when you let go.",
         _canvas_part, lambda w: w.document.undo_stack.indexChanged),
    Step("Change the expression", "Click a face, or move the sliders: drag, scroll, type a number. A double click puts one back. "
         "Hold Space to see the photo as it was.", lambda w: _of(w.side, w), lambda w: w.document.undo_stack.indexChanged,
         lambda w: w.side.show_section(w.side.expression)),
    Step("Nothing is lost", "Every finished picture waits down here. Click one to go back to it; Ctrl+Z takes back each step.",
         lambda w: _of(w.bottom, w)),
    Step("Take it with you", "Export writes the picture at the photo's full size; Ctrl+S keeps everything as a project. F1 opens "
         "help at any time.", lambda w: QRect(0, w.menuBar().height(), 300, 46)),
)


class Tour(QWidget):
    """Lies over the window, dims what is not meant, and lets the mouse through to what is. ended: it is over."""

    ended = Signal()

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._at = -1
        self._waits: SignalInstance | None = None
        self.bubble = Bubble(window)
        self.bubble.next.clicked.connect(self.go_on)
        self.bubble.leave.clicked.connect(self.end)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.installEventFilter(self)
        self.setGeometry(window.rect())
        self.show()
        self.raise_()
        self.go_on()

    @property
    def step(self) -> Step:
        """The step that shows."""
        return STEPS[self._at]

    def go_on(self) -> None:
        """The next step, or the end."""
        self._forget()
        self._at += 1
        if self._at >= len(STEPS):
            self.end()
            return
        if self.step.prepare is not None:
            self.step.prepare(self._window)
        if self.step.done is not None:
            self._waits = self.step.done(self._window)
            self._waits.connect(self._tried)
        count = tr("{number} of {count}", number=self._at + 1, count=len(STEPS))
        self.bubble.show_step(tr(self.step.title), tr(self.step.text), count, last=self._at == len(STEPS) - 1)
        self._place()

    def _tried(self, *_: Any) -> None:
        if not self._window.document.in_gesture:
            self.bubble.praise()
            self._forget()

    def _forget(self) -> None:
        if self._waits is not None:
            self._waits.disconnect(self._tried)
            self._waits = None

    def end(self) -> None:
        """Take it away."""
        self._forget()
        self._window.removeEventFilter(self)
        self.bubble.deleteLater()
        self.hide()
        self.deleteLater()
        self.ended.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size; Escape ends it."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self.setGeometry(self._window.rect())
            self._place()
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.end()
            return True
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        if not 0 <= self._at < len(STEPS):
            return
        target, size = self.step.place(self._window), self.bubble.sizeHint()
        room = self.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        centre = target.center() if not target.isEmpty() else room.center()
        below = QPoint(centre.x() - size.width() // 2, target.bottom() + GAP)
        choices = [QPoint(target.left() - size.width() - GAP, centre.y() - size.height() // 2), below,
                   QPoint(target.right() + GAP, centre.y() - size.height() // 2),
                   QPoint(centre.x() - size.width() // 2, target.top() - size.height() - GAP)]
        choices = [QPoint(min(max(point.x(), room.left()), room.right() + 1 - size.width()), point.y()) if along else point
                   for point, along in zip(choices, (False, True, False, True), strict=True)]
        fits = [point for point in choices if room.contains(QRect(point, size))]
        corner = fits[0] if fits and not target.isEmpty() else QPoint(room.center().x() - size.width() // 2, room.top() + 60)
        self.bubble.setGeometry(QRect(corner, size))
        self.bubble.raise_()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Dim everything but the target."""
        if not 0 <= self._at < len(STEPS):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        target = QRectF(self.step.place(self._window)).adjusted(-4, -4, 4, 4)
        whole, hole = QPainterPath(), QPainterPath()
        whole.addRect(QRectF(self.rect()))
        hole.addRoundedRect(target, 10, 10)
        painter.fillPath(whole - hole, QColor(0, 0, 0, 110))
        painter.setPen(QPen(QColor("#ffb547"), 2))
        painter.drawPath(hole)
        painter.end()


class Bubble(QWidget):
    """What a step says, with its buttons."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.setObjectName("notice")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.title, self.text, self.count = QLabel(), QLabel(), QLabel()
        self.title.setObjectName("noticeTitle")
        self.count.setObjectName("note")
        self.text.setWordWrap(True)
        self.text.setFixedWidth(BUBBLE_WIDTH - 36)
        self.next, self.leave = QPushButton(), QPushButton(tr("End"))
        self.next.setObjectName("primary")
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(8)
        line = QHBoxLayout()
        line.addWidget(self.count, 1)
        line.addWidget(self.leave)
        line.addWidget(self.next)
        for part in (self.title, self.text):
            column.addWidget(part)
        column.addLayout(line)
        self.setFixedWidth(BUBBLE_WIDTH)
        self.show()

    def show_step(self, title: str, text: str, count: str, last: bool) -> None:
        """Another step. last: Next ends it."""
        self.title.setText(title)
        self.text.setText(text)
        self.count.setText(count)
        self.next.setText(tr("Done") if last else tr("Next"))
        self.leave.setVisible(not last)
        self.setAccessibleName(f"{title}. {text}")
        self.next.setFocus()
        self.adjustSize()

    def praise(self) -> None:
        """It was tried."""
        self.count.setText(tr("That's it."))
        self.next.setFocus()
