"""The tracks: names at the left, a ruler above, keys as diamonds, and the playhead over all."""
from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from app.language import tr
from app.names import full_name
from app.theme import Theme
from app.timeline.desk import Desk, Place
from app.timeline.paint import HEAD, LABELS, ROW, TracksPainter, said
from app.timeline.scale import LEAST, MOST, Scale, clock
from core.film.timeline import Track

_REACH = 7  # pixels beside a key that still hit it
_KEYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class TracksView(QAbstractScrollArea):
    """Shows a desk's timeline and edits it by mouse and keys.

    menu_asked(QPoint): the right button, globally. ready(): which frames can be played as pictures, for the ruler.
    """

    menu_asked = Signal(QPoint)

    def __init__(self, theme: Theme, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._desk = theme, desk
        self.ready: Callable[[], list[bool]] = list
        self.scale = Scale(LABELS, 120.0)
        self._fitted = True  # the whole film fills the width, until somebody zooms
        self._held = ""  # what the mouse holds: 'head', 'keys', 'box'
        self._pressed = QPointF()
        self._box: QRectF | None = None
        self._before: frozenset[Place] = frozenset()
        self.setObjectName("tracks")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(tr("Timeline tracks"))
        self.setAccessibleDescription(tr("Left and right move the playhead, with Ctrl from key to key; up and down change track"))
        self.row = 0
        desk.changed.connect(self._changed)
        desk.moved.connect(self.viewport().update)
        theme.changed.connect(self.viewport().update)
        self.horizontalScrollBar().valueChanged.connect(self._scrolled)
        self._changed()

    # -- what stands where

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks in their order on the page."""
        return self._desk.timeline.tracks

    @property
    def current(self) -> str:
        """The name of the track in the chosen row; '' where there is none."""
        return self.tracks[self.row].name if self.row < len(self.tracks) else ""

    def row_top(self, row: int) -> int:
        """Where a row begins."""
        return HEAD + row * ROW - self.verticalScrollBar().value()

    def key_place(self, row: int, time: float) -> QPointF:
        """The middle of a key."""
        return QPointF(self.scale.x(time), self.row_top(row) + ROW / 2)

    def key_under(self, at: QPointF) -> Place | None:
        """The key at a place of the screen."""
        row = self._row_at(at.y())
        if row is None or at.x() < LABELS:
            return None
        track = self.tracks[row]
        key = track.key_at(self.scale.time(at.x()), _REACH / self.scale.zoom)
        return (track.name, key.time) if key is not None else None

    def _row_at(self, y: float) -> int | None:
        if y < HEAD:
            return None
        row = int((y - HEAD + self.verticalScrollBar().value()) // ROW)
        return row if row < len(self.tracks) else None

    # -- zoom and scroll

    def fit(self) -> None:
        """The whole film fills the width."""
        self._fitted = True
        self._measure()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Zoom about a place of the screen; None: about the playhead."""
        if at is None:
            at = min(max(self.scale.x(self._desk.time), LABELS), self.viewport().width())
        time = self.scale.time(at)
        zoom = min(max(self.scale.zoom * factor, LEAST), MOST)
        self._fitted = False
        self.scale = Scale(LABELS, zoom, max(0.0, time - (at - LABELS) / zoom))
        self._measure()
        self.horizontalScrollBar().setValue(round(self.scale.start * zoom))

    def _measure(self) -> None:
        width = max(self.viewport().width() - LABELS - 40, 50)
        duration = self._desk.timeline.duration
        if self._fitted:
            self.scale = Scale(LABELS, min(max(width / duration, LEAST), MOST))
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setRange(0, max(0, round(duration * self.scale.zoom - width)))
        across.setPageStep(width)
        room = max(self.viewport().height() - HEAD, ROW)
        down.setRange(0, max(0, len(self.tracks) * ROW - room))
        down.setPageStep(room)
        down.setSingleStep(ROW)
        self.viewport().update()

    def _scrolled(self, value: int) -> None:
        self.scale = Scale(LABELS, self.scale.zoom, value / self.scale.zoom)
        self.viewport().update()

    def _changed(self) -> None:
        self.row = min(self.row, max(0, len(self.tracks) - 1))
        self._measure()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The film still fits, if it did."""
        super().resizeEvent(event)
        self._measure()

    def sizeHint(self) -> QSize:
        """Some rows."""
        return QSize(600, HEAD + 5 * ROW)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Everything anew: it is little."""
        TracksPainter(self, self._theme.colors, self._desk, self.ready(), self._box).paint(self.viewport())

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """On the ruler the playhead comes; a key is taken; elsewhere a box is drawn."""
        at, desk = event.position(), self._desk
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pressed, self._before = at, desk.chosen
        row = self._row_at(at.y())
        if row is not None:
            self.row = row
        if at.y() < HEAD and at.x() >= LABELS - 8:
            if event.button() == Qt.MouseButton.LeftButton:
                self._held = "head"
                desk.go(self.scale.time(at.x()))
            return
        key = self.key_under(at)
        many = bool(event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier))
        if key is not None:
            if many:
                desk.choose(desk.chosen ^ {key})
            elif key not in desk.chosen:
                desk.choose([key])
            if event.button() == Qt.MouseButton.LeftButton and key in desk.chosen:
                self._held = "keys"
        elif at.x() < LABELS and row is not None:
            name = self.tracks[row].name
            desk.choose((name, k.time) for k in self.tracks[row].keys)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._held = "box"
            if not many:
                desk.choose(())
                self._before = frozenset()
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """What is held follows."""
        at, desk = event.position(), self._desk
        away = at - self._pressed
        if self._held == "head":
            desk.go(self.scale.time(at.x()))
        elif self._held == "keys":
            if abs(away.x()) > 3:
                self._held = "moving"
                desk.begin_drag()
        elif self._held == "box" and (abs(away.x()) > 3 or abs(away.y()) > 3):
            self._box = QRectF(self._pressed, at).normalized()
            desk.choose(self._before | self._inside(self._box))
            self.viewport().update()
        if self._held == "moving":
            desk.drag(away.x() / self.scale.zoom, bool(event.modifiers() & Qt.KeyboardModifier.AltModifier))
        if not self._held:
            on_ruler = at.y() < HEAD and at.x() >= LABELS
            shape = Qt.CursorShape.SizeHorCursor if on_ruler or self.key_under(at) is not None else Qt.CursorShape.ArrowCursor
            self.viewport().setCursor(shape)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._held == "moving":
            self._desk.end_drag()
        elif self._held == "box" and self._box is None:
            self._desk.go(self.scale.time(self._pressed.x()))
        self._held, self._box = "", None
        self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """On a row: a key there, with the value that the track has then."""
        row, at = self._row_at(event.position().y()), event.position()
        if row is not None and at.x() >= LABELS and self.key_under(at) is None:
            self._desk.go(self.scale.time(at.x()))
            self._desk.add_keys([self.tracks[row].name])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu."""
        self.menu_asked.emit(event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl zoom, with Shift along the time, else down the tracks."""
        steps = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.25 ** steps, event.position().x())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or self.verticalScrollBar().maximum() == 0:
            bar = self.horizontalScrollBar()
            bar.setValue(round(bar.value() - 60 * (steps or event.angleDelta().x() / 120)))
        else:
            bar = self.verticalScrollBar()
            bar.setValue(round(bar.value() - ROW * steps))
        event.accept()

    def _inside(self, box: QRectF) -> frozenset[Place]:
        return frozenset((track.name, key.time) for row, track in enumerate(self.tracks) for key in track.keys
                         if box.contains(self.key_place(row, key.time)))

    # -- keys and words

    def event(self, event: QEvent) -> bool:
        """Keys of the page go before the window's; tool tips say what a key is."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._is_own(event):
            event.accept()
            return True
        return super().event(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """What stands under the mouse, in words."""
        if event.type() == QEvent.Type.ToolTip:
            at = event.pos()  # type: ignore[attr-defined]
            QToolTip.showText(event.globalPos(), self._words(QPointF(at)), self)  # type: ignore[attr-defined]
            return True
        return super().viewportEvent(event)

    def _words(self, at: QPointF) -> str:
        if at.y() < HEAD:
            return tr("Drag to move the playhead. The line below shows the frames that play as pictures.")
        place = self.key_under(at)
        if place is not None:
            track = self._desk.timeline.track(place[0])
            key = track.key_at(place[1]) if track is not None else None
            if key is not None:
                known = self._desk.document.parameters().get(place[0])
                value = said(key.value, known.unit if known is not None else "")
                return tr("{name} {value} at {time}. Drag to move, with Alt to copy.", name=full_name(place[0]), value=value,
                          time=clock(key.time))
        row = self._row_at(at.y())
        if row is None:
            return ""
        if at.x() < LABELS:
            return tr("{name}. Click to choose all its keys.", name=full_name(self.tracks[row].name))
        return tr("Double click to add a key")

    def _is_own(self, event: QKeyEvent) -> bool:
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        letters = (Qt.Key.Key_C, Qt.Key.Key_V, Qt.Key.Key_A)
        plain = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Up, Qt.Key.Key_Down)
        return event.key() in _KEYS or event.key() in plain or bool(control) and event.key() in letters

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The playhead, and the chosen keys."""
        desk, key, held = self._desk, event.key(), event.modifiers()
        control = bool(held & Qt.KeyboardModifier.ControlModifier)
        if key in _KEYS:
            way = _KEYS[Qt.Key(key)]
            if held & Qt.KeyboardModifier.AltModifier:
                desk.nudge(way)
            elif control:
                desk.to_key(way > 0)
            else:
                desk.step(way * (10 if held & Qt.KeyboardModifier.ShiftModifier else 1))
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            desk.delete()
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            desk.go(0.0 if key == Qt.Key.Key_Home else desk.timeline.duration)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.tracks:
            self.row = min(max(self.row + (1 if key == Qt.Key.Key_Down else -1), 0), len(self.tracks) - 1)
            self._tell_row()
        elif control and key == Qt.Key.Key_A:
            desk.choose((track.name, k.time) for track in self.tracks for k in track.keys)
        elif control and key == Qt.Key.Key_C:
            desk.copy()
        elif control and key == Qt.Key.Key_V:
            desk.paste()
        elif key == Qt.Key.Key_Menu:
            self.menu_asked.emit(self.viewport().mapToGlobal(self.key_place(self.row, desk.time).toPoint()))
        else:
            super().keyPressEvent(event)

    def _tell_row(self) -> None:
        top = self.row * ROW
        bar = self.verticalScrollBar()
        bar.setValue(min(max(bar.value(), top + ROW - bar.pageStep()), top))
        self.setAccessibleDescription(full_name(self.current))
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The row that the keys mean shows."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """It no longer does."""
        super().focusOutEvent(event)
        self.viewport().update()
