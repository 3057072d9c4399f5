"""One picture of the grid, large: go through its neighbours, compare it with the photo, save it."""
from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.language import tr
from app.picture import to_image
from app.swap import SwapWork
from app.swap_places import Place
from app.theme import Theme

_STEPS = {Qt.Key.Key_Left: QPoint(-1, 0), Qt.Key.Key_Right: QPoint(1, 0), Qt.Key.Key_Up: QPoint(0, -1),
          Qt.Key.Key_Down: QPoint(0, 1)}


class Sheet(QWidget):
    """A picture as large as there is room, on the canvas's grey."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.picture: QPixmap | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 200)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The picture in the middle; it is not enlarged more than four times."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.colors.canvas))
        if self.picture is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            most = 4 * max(self.picture.width(), self.picture.height())
            side = min(self.width(), self.height(), most) - 24
            area = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
            painter.drawPixmap(area, self.picture, QRectF(self.picture.rect()))
        painter.end()


class LargeView(QWidget):
    """A picture with its name. closed: back to the grid. save_asked(Place): its file is wanted.

    The arrow keys and buttons go to its neighbours, Space shows the photo as long as it is held, Escape goes back.
    """

    closed = Signal()
    save_asked = Signal(object)

    def __init__(self, theme: Theme, work: SwapWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._work = theme, work
        self.place: Place | None = None
        self.sheet = Sheet(theme)
        self.title = QLabel()
        self.title.setObjectName("sideTitle")
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.back = QPushButton(tr("Back to the grid"))
        self.save = QPushButton(tr("Save picture …"))
        self.before, self.after = self._arrow(tr("Picture before"), tr("Left")), self._arrow(tr("Next picture"), tr("Right"))
        self._lay_out()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.back.clicked.connect(self.closed)
        self.save.clicked.connect(lambda: self.save_asked.emit(self.place))
        self.before.clicked.connect(lambda: self._step(QPoint(-1, 0)))
        self.after.clicked.connect(lambda: self._step(QPoint(1, 0)))
        work.place_changed.connect(self._place_changed)
        theme.changed.connect(self._recolor)
        self._recolor()

    def _arrow(self, name: str, key: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName("icon")
        button.setIconSize(QSize(18, 18))
        button.setAccessibleName(name)
        button.setToolTip(f"{name}  ({key})")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _lay_out(self) -> None:
        for button in (self.back, self.save):
            button.setAutoDefault(False)
        hint = QLabel(tr("Hold Space to see the photo"))
        hint.setObjectName("note")
        line = QHBoxLayout()
        line.setSpacing(8)
        for part in (self.back, self.before, self.after, self.title):
            line.addWidget(part, 1 if part is self.title else 0)
        line.addWidget(hint)
        line.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 0)
        column.setSpacing(10)
        column.addLayout(line)
        column.addWidget(self.sheet, 1)

    def show_place(self, place: Place) -> None:
        """Show a place of the grid that has a picture."""
        self.place = place
        self.title.setText(place.name)
        self.title.setToolTip(place.name)
        self.save.setEnabled(place.kind == "cell")
        self.sheet.setAccessibleName(place.name)
        self._show(place)
        self.before.setEnabled(self._neighbour(QPoint(-1, 0)) is not None)
        self.after.setEnabled(self._neighbour(QPoint(1, 0)) is not None)

    def _show(self, place: Place) -> None:
        pixels = self._work.picture(place)
        self.sheet.picture = QPixmap.fromImage(to_image(pixels)) if pixels is not None else None
        self.sheet.update()

    def _place_changed(self, place: Place) -> None:
        if self.place is not None and self.isVisible():
            self.show_place(self.place)

    def _step(self, step: QPoint) -> None:
        place = self._neighbour(step)
        if place is not None:
            self.show_place(place)

    def _neighbour(self, step: QPoint) -> Place | None:
        """The nearest place with a picture in a direction."""
        rows = self._work.grid.rows
        at = next(((i, j) for i, row in enumerate(rows) for j, place in enumerate(row) if place == self.place), None)
        while at is not None:
            at = (at[0] + step.y(), at[1] + step.x())
            if not (0 <= at[0] < len(rows) and 0 <= at[1] < len(rows[at[0]])):
                return None
            place = rows[at[0]][at[1]]
            if self._work.picture(place) is not None:
                return place
        return None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Escape, and Space for the photo."""
        step = _STEPS.get(Qt.Key(event.key()))
        if step is not None:
            self._step(step)
        elif event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        elif event.key() == Qt.Key.Key_Space and self.place is not None and self.place.photo is not None:
            if not event.isAutoRepeat():
                self._show(Place("photo", photo=self.place.photo))
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Back to the picture."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat() and self.place is not None:
            self._show(self.place)
        else:
            super().keyReleaseEvent(event)

    def _recolor(self) -> None:
        self.before.setIcon(self._theme.icon("chevron-left"))
        self.after.setIcon(self._theme.icon("chevron-right"))
        self.sheet.update()
