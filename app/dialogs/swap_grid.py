"""A grid of pictures: a button for each, which fills as the pictures are made."""
from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QGridLayout, QLabel, QScrollArea, QWidget

from app.grid_work import GridWork, Place, Shown
from app.language import tr
from app.picture import to_image
from app.theme import Theme, pixmap

SIDES = (92, 232)  # of a picture, pixels; it is as large as the columns leave room for
_LARGE, _SEEN = 420, 104  # of a grid that is to be seen whole: most, and least before it scrolls
_GAP, _MARGIN = 8, 16
_ROUND = 6.0
_ARROWS = {Qt.Key.Key_Left: QPoint(-1, 0), Qt.Key.Key_Right: QPoint(1, 0), Qt.Key.Key_Up: QPoint(0, -1),
           Qt.Key.Key_Down: QPoint(0, 1)}


class PictureButton(QAbstractButton):
    """One picture of the grid, or the place where it is going to be. moved(QPoint): an arrow key, as columns and rows."""

    moved = Signal(QPoint)

    def __init__(self, theme: Theme, work: GridWork, place: Place, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._work, self.place = theme, work, place
        self._shown: tuple[int, int, float] | None = None
        self._pixmap: QPixmap | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.refresh()

    def refresh(self) -> None:
        """Show what the place holds now."""
        problem = self._work.problem(self.place)
        there = self._work.picture(self.place) is not None
        self.setToolTip(f"{self.place.name}\n{problem}" if problem else self.place.name)
        state = "" if there else ": " + (problem or (tr("being made") if self._work.is_running(self.place) else tr("waiting")))
        self.setAccessibleName(self.place.name + state + (tr(", in use") if self._work.is_chosen(self.place) else ""))
        self.setCursor(Qt.CursorShape.PointingHandCursor if there else Qt.CursorShape.ArrowCursor)
        self.update()

    def sizeHint(self) -> QSize:
        """Whatever it was fixed to."""
        return self.minimumSize()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The picture, rounded; the frame tells the focus, the mouse and what is being made."""
        colors = self._theme.colors
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        path = QPainterPath()
        path.addRoundedRect(area, _ROUND, _ROUND)
        picture = self._fitting(round(area.width()))
        running = self._work.is_running(self.place)
        if picture is None:
            painter.fillPath(path, QColor(colors.panel))
            self._paint_state(painter, area, running)
        else:
            painter.setClipPath(path)
            painter.drawPixmap(area, picture, QRectF(picture.rect()))
            painter.setClipping(False)
        chosen = self._work.is_chosen(self.place)
        lit = chosen or self.hasFocus() or self.underMouse()
        edge = colors.accent if lit or running else colors.border
        painter.setPen(QPen(QColor(edge), 3.0 if chosen else 2.0 if self.hasFocus() else 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        if chosen:  # told without colour too
            side = 22
            mark = QRectF(area.right() - side - 6, area.top() + 6, side, side)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.accent))
            painter.drawEllipse(mark)
            tick = pixmap("check", colors.on_accent, side - 6, self.devicePixelRatioF())
            painter.drawPixmap(mark.topLeft() + QPoint(3, 3), tick)
        painter.end()

    def _paint_state(self, painter: QPainter, area: QRectF, running: bool) -> None:
        colors = self._theme.colors
        if self._work.problem(self.place):
            side = 22
            painter.drawPixmap(area.center() - QPoint(side // 2, side // 2), pixmap("warning", colors.warn, side,
                                                                                   self.devicePixelRatioF()))
        elif running:
            painter.setPen(QColor(colors.accent))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "…")

    def _fitting(self, side: int) -> QPixmap | None:
        """The picture at the size it is drawn in, scaled once."""
        pixels = self._work.picture(self.place)
        if pixels is None:
            return None
        ratio = self.devicePixelRatioF()
        key = (id(pixels), side, ratio)
        if self._shown != key:
            image = to_image(pixels).scaled(QSize(1, 1) * round(side * ratio), Qt.AspectRatioMode.KeepAspectRatioByExpanding,
                                            Qt.TransformationMode.SmoothTransformation)
            self._shown, self._pixmap = key, QPixmap.fromImage(image)
        return self._pixmap

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to the neighbours, Return and Space show the picture large."""
        step = _ARROWS.get(Qt.Key(event.key()))
        if step is not None:
            self.moved.emit(step)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class GridView(QScrollArea):
    """Names, pictures and what they are of. picked(Place): a picture was clicked.

    whole: all rows are to be seen at once where that leaves the pictures large enough.
    """

    picked = Signal(object)

    def __init__(self, theme: Theme, work: GridWork, parent: QWidget | None = None, *, whole: bool = False) -> None:
        super().__init__(parent)
        self._theme, self._work, self._whole = theme, work, whole
        self.buttons: dict[Any, PictureButton] = {}
        self._at: dict[tuple[int, int], PictureButton] = {}
        self._words: list[tuple[QLabel, str]] = []
        self._columns = 0
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # or the pictures' size would make it come and go
        self.setAccessibleName(tr("Grid of pictures"))
        work.changed.connect(self.rebuild)
        work.place_changed.connect(self._place_changed)
        theme.changed.connect(self._recolor)
        self.rebuild()

    @property
    def stops(self) -> list[PictureButton]:
        """The pictures in the order that Tab goes through: row by row."""
        return [button for _, button in sorted(self._at.items(), key=lambda item: item[0][::-1])]

    def rebuild(self) -> None:
        """The grid has other places."""
        focused = next((place for place, button in self.buttons.items() if button.hasFocus()), None)
        grid = self._work.grid
        body = QWidget()
        body.setObjectName("listBody")
        layout = QGridLayout(body)
        layout.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        layout.setHorizontalSpacing(_GAP)
        layout.setVerticalSpacing(4)
        self.buttons, self._at, self._words, self._columns = {}, {}, [], len(grid.columns)
        for j, name in enumerate(grid.columns):
            layout.addWidget(self._label(name, "gridHead"), 0, j)
        self._fill(layout, grid)
        if self._whole:
            layout.setAlignment(Qt.AlignmentFlag.AlignCenter)
        else:
            layout.setRowStretch(2 * len(grid.rows) + 1, 1)
            layout.setColumnStretch(len(grid.columns), 1)
        self.setWidget(body)
        self._resize()
        if focused in self.buttons:
            self.buttons[focused].setFocus()

    def _fill(self, layout: QGridLayout, grid: Shown) -> None:
        for i, (row, caption) in enumerate(zip(grid.rows, grid.captions, strict=True)):
            for j, place in enumerate(row):
                if place.kind == "words":
                    label = QLabel(place.name)
                    label.setObjectName("note")
                    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
                    layout.addWidget(label, 2 * i + 1, j, 1, 2)
                elif place.kind:
                    layout.addWidget(self._button(place, j, i), 2 * i + 1, j)
            for j, words in enumerate((caption,) if isinstance(caption, str) else caption):
                if words:
                    layout.addWidget(self._label(words, "note"), 2 * i + 2, j)

    def _button(self, place: Place, column: int, row: int) -> PictureButton:
        button = PictureButton(self._theme, self._work, place)
        button.clicked.connect(lambda: self.picked.emit(place) if self._work.picture(place) is not None else None)
        button.moved.connect(lambda step: self._go(column + step.x(), row + step.y()))
        self.buttons.setdefault(place, button)
        self._at[column, row] = button
        return button

    def _label(self, text: str, name: str) -> QLabel:
        label = QLabel(text)
        label.setObjectName(name)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setToolTip(text)
        self._words.append((label, text))
        return label

    def _go(self, column: int, row: int) -> None:
        button = self._at.get((column, row))
        if button is not None:
            button.setFocus(Qt.FocusReason.TabFocusReason)
            self.ensureWidgetVisible(button, _MARGIN, _MARGIN)

    def _place_changed(self, place: Place) -> None:
        for button in self._at.values():
            if button.place == place:
                button.refresh()

    def _recolor(self) -> None:
        for button in self._at.values():
            button.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The pictures fill the width."""
        super().resizeEvent(event)
        self._resize()

    def _resize(self) -> None:
        columns = max(1, self._columns)
        room = self.viewport().width() - 2 * _MARGIN - (columns - 1) * _GAP
        side = min(SIDES[1] if not self._whole else _LARGE, max(SIDES[0], room // columns))
        if self._whole and self._at:
            rows = 1 + max(row for _, row in self._at)
            words = self.fontMetrics().height() + 10
            high = (self.viewport().height() - 2 * _MARGIN - words) // rows - words
            side = min(side, max(high, _SEEN))
        for button in self._at.values():
            if button.width() != side or button.minimumWidth() != side:
                button.setFixedSize(side, side)
        for label, text in self._words:
            label.setFixedWidth(side)
            label.setText(label.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, side))
