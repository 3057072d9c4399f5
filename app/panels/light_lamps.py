"""The lamps in the Light panel: a line for each that is up, and the rows of the one in hand."""
from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.canvas.ball_paint import dark_on, lamp_color
from app.canvas.paint import font
from app.lamps import KEY, Lamps, is_behind, lamp_name, spoken
from app.language import tr, within
from app.theme import Theme
from core.light_rig import LAMPS, PlacedLamp

HEIGHT = 28


class LampLine(QAbstractButton):
    """One lamp: number in its colour, name, where it stands and how strong it is. Pressed, it takes the lamp in hand.

    arrow(by): the line below (1) or above (-1) is asked for. remove_asked: by Delete.
    """

    arrow = Signal(int)
    remove_asked = Signal()

    def __init__(self, theme: Theme, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.number = number
        self._lamp: PlacedLamp | None = None
        self.setCheckable(True)
        self.setFixedHeight(HEIGHT)
        self.setText(lamp_name(number))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def show_lamp(self, lamp: PlacedLamp) -> None:
        """How it stands now."""
        if lamp != self._lamp:
            self._lamp = lamp
            self.setAccessibleName(spoken(lamp))
            self.setToolTip(spoken(lamp))
            self.update()

    def sizeHint(self) -> QSize:
        """As wide as the panel."""
        return QSize(160, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Background where it is in hand, number, name, numbers."""
        lamp, colors = self._lamp, self._theme.colors
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked() or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.hover if self.isChecked() else colors.raised))
            painter.drawRoundedRect(self.rect(), 6, 6)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colors.accent), 1))
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 6, 6)
        if lamp is not None:
            self._paint_lamp(painter, lamp)
        painter.end()

    def _paint_lamp(self, painter: QPainter, lamp: PlacedLamp) -> None:
        colors, on = self._theme.colors, self.isEnabled()
        color = lamp_color(lamp.color)
        spot = self.rect().adjusted(7, 5, 0, -5)
        spot.setWidth(spot.height())
        painter.setPen(QPen(QColor(colors.lamp if self.isChecked() else colors.faint), 1.6,
                            Qt.PenStyle.DotLine if is_behind(lamp) else Qt.PenStyle.SolidLine))
        painter.setBrush(color)
        painter.drawEllipse(spot)
        painter.setFont(font(11, QFont.Weight.DemiBold))
        painter.setPen(QColor("#17181b" if dark_on(color) else "#ffffff"))
        painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, str(lamp.number))
        painter.setFont(font(13, QFont.Weight.Medium if self.isChecked() else QFont.Weight.Normal))
        painter.setPen(QColor((colors.text if self.isChecked() else colors.dim) if on else colors.faint))
        words = self.rect().adjusted(36, 0, -6, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.setFont(font(12, QFont.Weight.Normal))
        painter.setPen(QColor(colors.faint))
        cast = tr("shadow · ") if lamp.shadow > 0 else ""
        numbers = f"{cast}{lamp.azimuth:+.0f}°, {lamp.elevation:+.0f}° · {lamp.intensity:.2f}"
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, numbers)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go on, Delete removes."""
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.arrow.emit(1 if event.key() == Qt.Key.Key_Down else -1)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_asked.emit()
        else:
            super().keyPressEvent(event)


class LampList(QWidget):
    """The lamps that are up, with a way to put up another and to take each down."""

    def __init__(self, theme: Theme, lamps: Lamps, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._lamps = theme, lamps
        self.lines: dict[int, LampLine] = {}
        self.removes: dict[int, QToolButton] = {}
        self._boxes: dict[int, QWidget] = {}
        self.add = QToolButton()
        self.add.setText(tr("Add lamp"))
        self.add.setToolTip(tr("Put up another lamp (up to {count} in all). Right click on the light ball puts one up there.",
                               count=len(LAMPS) + 1))
        self.add.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.add.setIconSize(QSize(14, 14))
        self.add.setAccessibleName(tr("Add lamp"))
        self.add.clicked.connect(lambda: lamps.add())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(1)
        head = QHBoxLayout()
        title = QLabel(tr("Lamps"))
        title.setObjectName("rowLabel")
        head.addWidget(title, 1)
        head.addWidget(self.add)
        column.addLayout(head)
        for number in (KEY, *LAMPS):
            self._boxes[number] = self._line(number)
            column.addWidget(self._boxes[number])
        lamps.changed.connect(self.refresh)
        theme.changed.connect(self.recolor)
        self.recolor()
        self.refresh()

    def _line(self, number: int) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        line, remove = LampLine(self._theme, number), QToolButton()
        remove.setObjectName("rowReset")
        remove.setFixedSize(22, 22)
        remove.setIconSize(QSize(14, 14))
        remove.setToolTip(tr("Take this lamp down"))
        remove.setAccessibleName(tr("Remove {lamp}", lamp=within(lamp_name(number))))
        remove.clicked.connect(partial(self._remove, number))
        policy = remove.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        remove.setSizePolicy(policy)
        remove.setVisible(number != KEY)
        line.clicked.connect(partial(self._choose, number))
        line.arrow.connect(partial(self._go, number))
        line.remove_asked.connect(partial(self._remove, number))
        row.addWidget(line, 1)
        row.addWidget(remove)
        self.lines[number], self.removes[number] = line, remove
        return box

    def _choose(self, number: int, _on: bool = False) -> None:
        self._lamps.select(number)
        self.refresh()

    def _remove(self, number: int, _on: bool = False) -> None:
        self._lamps.remove(number)

    def _go(self, number: int, by: int) -> None:
        up = [lamp.number for lamp in self._lamps.all()]
        target = up.index(number) + by if number in up else -1
        if 0 <= target < len(up):
            self._lamps.select(up[target])
            self.lines[up[target]].setFocus(Qt.FocusReason.TabFocusReason)

    def refresh(self) -> None:
        """Show the lamps as they are."""
        lamps, selected = {lamp.number: lamp for lamp in self._lamps.all()}, self._lamps.selected
        for number, line in self.lines.items():
            self._boxes[number].setVisible(number == KEY or number in lamps)
            line.setChecked(number == selected)
            if number in lamps:
                line.show_lamp(lamps[number])
        self.add.setEnabled(self._lamps.can_add)

    def recolor(self) -> None:
        """Take the scheme's icons."""
        self.add.setIcon(self._theme.icon("plus"))
        for remove in self.removes.values():
            remove.setIcon(self._theme.icon("close"))
