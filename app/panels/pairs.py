"""A row for what both sides of the face can do: one slider while they are chained, two when they are not."""
from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from app.document import Document
from app.language import tr, within
from app.panels.slider import ROW_HEIGHT, ParameterRow
from app.theme import Theme
from core.rig import Parameter, Value

GUTTER = 14  # left of every label, where a pair has its chain
_CHAIN = QSize(13, 26)


class PairRow(QWidget):
    """The sliders of a left and a right parameter.

    whole: the parameter that moves both, where there is one; what is set in it counts for both sides, and sides that are alike
    are told as the whole. linked: whether the user wants one slider; where the sides differ two are shown all the same.
    labels: of both, of left and of right. chained(left name, linked): the user pressed the chain.
    """

    chained = Signal(str, bool)

    def __init__(self, theme: Theme, document: Document, sides: tuple[Parameter, Parameter], labels: tuple[str, str, str], *,
                 whole: Parameter | None = None, linked: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._document = theme, document
        self._whole = whole.name if whole is not None else ""
        self._names = (sides[0].name, sides[1].name)
        self.names = (*self._names, self._whole) if self._whole else self._names  # the parameters it stands for
        self.linked = linked
        self._label = labels[0]
        self._wanted = (True, True)
        self._alike = True
        self._icon = ""
        self._shown: object = None
        self.both = ParameterRow(theme, whole or sides[0], labels[0], gutter=GUTTER)
        self.left, self.right = (ParameterRow(theme, side, label, gutter=GUTTER)
                                 for side, label in zip(sides, labels[1:], strict=True))
        if whole is None:
            self.both.label.set_tip("\n".join(self._names))
        self.chain = QToolButton(self)
        self.chain.setObjectName("chain")
        self.chain.setFixedSize(_CHAIN)
        self.chain.setIconSize(QSize(11, 11))
        self.chain.clicked.connect(self._press_chain)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        for row, label in zip(self.rows, labels, strict=True):
            column.addWidget(row)
            row.began.connect(partial(self._begin, label))
            row.moved.connect(partial(self._move, row))
            row.ended.connect(document.end)
            row.reset_asked.connect(partial(self._reset, row, label))
        self._arrange()

    @property
    def rows(self) -> tuple[ParameterRow, ParameterRow, ParameterRow]:
        """The sliders: both, left, right."""
        return self.both, self.left, self.right

    @property
    def together(self) -> bool:
        """Whether one slider shows for both sides."""
        return self.linked and self._alike

    # -- showing

    def show_values(self, values: dict[str, Value], edited: set[str]) -> None:
        """Show where both sides stand."""
        state = tuple((values.get(name), name in edited) for name in self.names)
        if state == self._shown:  # most are, in every frame of a drag
            return
        self._shown = state
        left, right = self._totals(values)
        self._alike = abs(left - right) < 1e-9
        whole = self._whole in edited
        self.both.show_value(left, 0.0, whole or bool(edited.intersection(self._names)))
        for row, name, value in zip((self.left, self.right), self._names, (left, right), strict=True):
            row.show_value(value, 0.0, name in edited or whole)
        self._arrange()

    def _totals(self, values: dict[str, Value]) -> tuple[float, float]:
        """Where left and right stand, with what is set for both."""
        low, high = self.both.parameter.low, self.both.parameter.high
        whole = values.get(self._whole, 0.0)
        left, right = (min(max(float(values.get(name, 0.0)) + float(whole), low), high)  # type: ignore[arg-type]
                       for name in self._names)
        return left, right

    def show_only(self, left: bool, right: bool) -> None:
        """For a filter: which sides fit. One alone is shown on its own."""
        self._wanted = (left, right)
        self._arrange()
        self.setVisible(left or right)

    def _arrange(self) -> None:
        left, right = self._wanted
        together = self.together and left == right
        self.both.setVisible(together and left)
        self.left.setVisible(not together and left)
        self.right.setVisible(not together and right)
        self.chain.setVisible(left and right)
        icon = "link" if together else "unlink"
        if self._icon != icon:
            self._icon = icon
            self._tell_chain(together)
            self.recolor()
        self._place()

    def _tell_chain(self, together: bool) -> None:
        name = within(self._label)
        self.chain.setAccessibleName(tr("Left and right of {name} apart", name=name) if together else
                                     tr("Left and right of {name} together", name=name))
        self.chain.setToolTip(tr("Left and right move together. Press to move them apart.") if together else
                              tr("Left and right move apart. Press to move them together."))

    def _place(self) -> None:
        height = ROW_HEIGHT if self.both.isVisibleTo(self) else 2 * ROW_HEIGHT + 1
        self.chain.move(0, (height - _CHAIN.height()) // 2)
        self.chain.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The chain stays beside the sliders."""
        super().resizeEvent(event)
        self._place()

    def recolor(self) -> None:
        """Take the scheme's icons."""
        colors = self._theme.colors
        self.chain.setIcon(self._theme.icon(self._icon, colors.faint if self._icon == "link" else colors.accent))
        self.both.recolor()  # the panel knows the others

    # -- changing

    def _begin(self, label: str, _name: str) -> None:
        self._document.begin(label)

    def _move(self, row: ParameterRow, _name: str, value: float) -> None:
        self._set(row, value)

    def _reset(self, row: ParameterRow, label: str, _name: str) -> None:
        self._set(row, 0.0, tr("Reset {name}", name=within(label)))

    def _set(self, row: ParameterRow, value: float, label: str = "") -> None:
        left, right = self._totals(self._document.values())
        sides = (value, value) if row is self.both else (value, right) if row is self.left else (left, value)
        self._document.update(self._told(*sides), label or row.label.text())

    def _told(self, left: float, right: float) -> dict[str, Value | None]:
        """What to set for the sides to stand so."""
        if self._whole and left == right:
            return {self._whole: left or None, **dict.fromkeys(self._names)}
        told: dict[str, Value | None] = {name: value or None for name, value in zip(self._names, (left, right), strict=True)}
        return {**told, self._whole: None} if self._whole else told

    def _press_chain(self) -> None:
        self.linked = not self.together
        self.chained.emit(self._names[0], self.linked)
        left, right = self._totals(self._document.values())
        if self.linked and left != right:
            both = (left + right) / 2
            self._document.update(self._told(both, both), tr("Link {name}", name=within(self._label)))
        self._arrange()
