"""The comparison: it takes the canvas's place until it is left."""
from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.compare.caption import Caption
from app.compare.legend import Legend
from app.compare.pane import Camera, Pane
from app.compare.slots import LETTERS, Slots
from app.language import tr
from app.panels.choice import choice
from app.picture import to_image
from app.theme import Theme
from core.difference import painted


class Layout(Enum):
    """How pictures are compared."""

    TWO = "two"
    FOUR = "four"
    SPLIT = "split"
    FLICKER = "flicker"
    DIFFERENCE = "difference"


_MODES = (("two", "Two", "Side by side  (1)"), ("four", "Four", "Four side by side  (2)"),
          ("split", "Split", "One over the other, with a line to drag  (3)"),
          ("flicker", "Flicker", "One at a time in the same place: X or a click changes over  (4)"),
          ("difference", "Difference", "Where they differ, and how much  (5)"))
_ARROWS = {Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
_PAN = 40.0


class CompareView(QWidget):
    """Two or four pictures. left: Escape, or its button. export_asked: a file of it is wanted. dropped(place, QMimeData)."""

    left = Signal()
    export_asked = Signal()
    dropped = Signal(int, object)

    def __init__(self, theme: Theme, slots: Slots) -> None:
        super().__init__()
        self._theme, self.slots = theme, slots
        self.mode = Layout.TWO
        self.flickered = False
        self.camera = Camera(self)
        self.panes = [Pane(theme, self.camera) for _ in LETTERS]
        self.captions = [Caption(theme, slots, place) for place in range(len(LETTERS))]
        self.legend = Legend(theme)
        self.modes: dict[str, QToolButton] = {}
        self.swap = self._icon_button(tr("Swap A and B"), "X")
        self.zoom = QLabel()
        self.export = QPushButton(tr("Export …"))
        self.leave = QPushButton(tr("Done"))
        self._lay_out()
        self._connect()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Comparison"))
        self.set_mode(Layout.TWO)
        self._recolor()

    @staticmethod
    def _icon_button(name: str, key: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName("icon")
        button.setIconSize(QSize(18, 18))
        button.setToolTip(f"{name}  ({key})")
        button.setAccessibleName(name)
        return button

    def _lay_out(self) -> None:
        bar = QWidget()
        bar.setObjectName("compareBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        line = QHBoxLayout(bar)
        line.setContentsMargins(10, 5, 10, 5)
        line.setSpacing(8)
        line.addWidget(choice(_MODES, self.modes, lambda name: self.set_mode(Layout(name))))
        line.addWidget(self.swap)
        line.addStretch(1)
        self.zoom.setObjectName("rowLabel")
        self.export.setToolTip(tr("Write the comparison as one picture  (Ctrl+S)"))
        self.leave.setToolTip(tr("Back to the picture  (Esc)"))
        for part in (self.zoom, self.export, self.leave):
            line.addWidget(part)
        self.grid = QGridLayout()
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setSpacing(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addLayout(self.grid, 1)
        column.addWidget(self.legend)

    def _connect(self) -> None:
        self.swap.clicked.connect(self.change_over)
        self.export.clicked.connect(self.export_asked)
        self.leave.clicked.connect(self.left)
        self.slots.changed.connect(self._changed)
        self.legend.changed.connect(self._refresh)
        self.camera.changed.connect(self._show_zoom)
        self._theme.changed.connect(self._recolor)
        for place, pane in enumerate(self.panes):
            pane.dropped.connect(lambda data, place=place: self.dropped.emit(place, data))
            pane.clicked.connect(self._clicked)

    # -- what is shown

    def set_mode(self, mode: Layout) -> None:
        """Compare in another way."""
        self.mode = mode
        self.modes[mode.value].setChecked(True)
        self.flickered = False
        for part in (*self.panes, *self.captions):
            self.grid.removeWidget(part)
            part.hide()
        many = mode in (Layout.TWO, Layout.FOUR)
        count = 4 if mode is Layout.FOUR else 2
        for place in range(count):
            row = 2 * (place // 2)
            if many or place == 0:
                self.grid.addWidget(self.panes[place], row, place % 2, 1, 1 if many else 2)
                self.panes[place].show()
            self.grid.addWidget(self.captions[place], row + 1, place % 2)
            self.captions[place].show()
        for row in range(4):
            self.grid.setRowStretch(row, 1 if row % 2 == 0 and row < 2 * ((count + 1) // 2) else 0)
        for col in range(2):
            self.grid.setColumnStretch(col, 1)
        self.legend.setVisible(mode is Layout.DIFFERENCE)
        self._refresh()

    def _changed(self, _place: int) -> None:
        if self.isVisible():
            self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """What changed meanwhile."""
        super().showEvent(event)
        self._refresh()

    def _refresh(self) -> None:
        for caption in self.captions:
            caption.refresh()
        images = [to_image(pixels) if pixels is not None else None for pixels in
                  (self.slots.pixels(place) if place < 2 or self.mode is Layout.FOUR else None for place in range(4))]
        first = self.panes[0]
        if self.mode in (Layout.TWO, Layout.FOUR):
            for pane, image, letter in zip(self.panes, images, LETTERS, strict=True):
                pane.show_images(image, letters=(letter, ""))
        elif self.mode is Layout.SPLIT:
            first.show_images(images[0], images[1], ("A", "B"))
        elif self.mode is Layout.FLICKER:
            first.show_images(images[1 if self.flickered else 0], letters=("B" if self.flickered else "A", ""))
        else:
            found = self.slots.difference
            self.legend.show_difference(found)
            first.show_images(to_image(painted(found.levels, self.legend.scale_for(found))) if found is not None else None)
        for place, pane in enumerate(self.panes):
            pane.setAccessibleName(f"{LETTERS[place]}: {self.slots.name(self.slots.sources[place])}")
        if self.mode is Layout.DIFFERENCE:
            first.setAccessibleName(self.legend.words.text())

    def change_over(self) -> None:
        """A and B swap places; in the flicker view the other one shows."""
        if self.mode is Layout.FLICKER:
            self.flickered = not self.flickered
            self._refresh()
        else:
            self.slots.swap()

    def _clicked(self) -> None:
        if self.mode is Layout.FLICKER:
            self.change_over()

    def _show_zoom(self) -> None:
        pixels = self.slots.pixels(0)
        if pixels is not None:
            self.zoom.setText(f"{100 * self.camera.view.rect.width() / pixels.shape[1]:.0f} %")

    def _recolor(self) -> None:
        self.swap.setIcon(self._theme.icon("swap"))
        for caption in self.captions:
            caption.refresh()

    # -- keys

    def event(self, event: QEvent) -> bool:
        """Its own keys come before the window's while it has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._does(event):
            event.accept()
            return True
        return super().event(event)

    def _does(self, event: QKeyEvent) -> bool:
        key, bare = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if bare == Qt.KeyboardModifier.ControlModifier:
            return key in (Qt.Key.Key_S, Qt.Key.Key_0, Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus)
        return bare in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier) and (
            key in (Qt.Key.Key_Escape, Qt.Key.Key_X, Qt.Key.Key_0, Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus)
            or Qt.Key.Key_1 <= key <= Qt.Key.Key_5 or key in _ARROWS)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """1 to 5 choose the view, X swaps, + - 0 zoom, arrows move, Ctrl+S exports, Escape leaves."""
        key = Qt.Key(event.key())
        if not self._does(event):
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Escape:
            self.left.emit()
        elif key == Qt.Key.Key_X:
            self.change_over()
        elif key == Qt.Key.Key_S:
            self.export_asked.emit()
        elif key == Qt.Key.Key_0:
            self.camera.fit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.camera.zoom(1.25)
        elif key == Qt.Key.Key_Minus:
            self.camera.zoom(0.8)
        elif key in _ARROWS:
            self.camera.pan(QPointF(*_ARROWS[key]) * _PAN)
        else:
            self.set_mode(list(Layout)[key - Qt.Key.Key_1])
