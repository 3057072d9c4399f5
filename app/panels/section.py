"""A collapsible part of the right-hand side: header with chevron and reset, body with rows."""
from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.language import tr, within
from app.settings import Settings
from app.theme import Theme


def clear_layout(layout: QLayout) -> None:
    """Take all widgets out of a layout, and delete them."""
    while layout.count():
        item = layout.takeAt(0)
        widget = item.widget() if item else None
        if widget is not None:
            widget.hide()
            widget.deleteLater()


class Section(QWidget):
    """A titled part that folds. `minor` ones sit inside others, with a smaller header and no reset.

    toggled(open): it was folded or unfolded by hand. reset_asked: its reset button.
    """

    toggled = Signal(bool)
    reset_asked = Signal()

    def __init__(self, theme: Theme, title: str, *, minor: bool = False, opened: bool = True, indent: int = 0,
                 parent: QWidget | None = None) -> None:
        """indent: of the header of a minor one, whose rows bring their own."""
        super().__init__(parent)
        self._theme = theme
        self.title = title
        self.head = QToolButton()
        self.head.setObjectName("minorHead" if minor else "sectionHead")
        self.head.setText(title)
        self.head.setCheckable(True)
        self.head.setChecked(opened)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setIconSize(QSize(14, 14))
        self.head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.head.setAccessibleName(title)
        self.reset = QToolButton()
        self.reset.setObjectName("rowReset")
        self.reset.setIconSize(QSize(14, 14))
        self.reset.setFixedSize(22, 22)
        self.reset.setToolTip(tr("Reset {name}", name=within(title)))
        self.reset.setAccessibleName(tr("Reset {name}", name=title))
        self.reset.setVisible(False)
        self.note = QLabel()
        self.note.setObjectName("note")
        self.body = QWidget()
        self.rows = QVBoxLayout(self.body)
        self.rows.setContentsMargins(*((0, 0, 0, 6) if minor else (14, 0, 10, 12)))
        self.rows.setSpacing(1)
        self._lay_out(minor, indent)
        self.body.setVisible(opened)
        self.head.toggled.connect(self._fold)
        self.reset.clicked.connect(self.reset_asked)
        self.recolor()

    def _lay_out(self, minor: bool, indent: int) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(*((indent, 2, 0, 0) if minor else (6, 6, 10, 4)))
        line.setSpacing(4)
        line.addWidget(self.head, 1)
        line.addWidget(self.note)
        line.addWidget(self.reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(line)
        column.addWidget(self.body)

    @property
    def opened(self) -> bool:
        """Whether the body shows."""
        return self.head.isChecked()

    def add(self, widget: QWidget) -> None:
        """Put a row at the end of the body."""
        self.rows.addWidget(widget)

    def set_open(self, opened: bool) -> None:
        """Fold or unfold."""
        self.head.setChecked(opened)

    def remember(self, settings: Settings, name: str) -> None:
        """Fold as it was left the last time; name: of this part in `Settings.open_parts`."""
        self.set_open(name in settings.open_parts)
        self.toggled.connect(lambda opened: settings.open_part(name, opened))

    def recolor(self) -> None:
        """Take the scheme's icons."""
        self.head.setIcon(self._theme.icon("chevron-down" if self.opened else "chevron-right", self._theme.colors.dim))
        self.reset.setIcon(self._theme.icon("reset"))

    def _fold(self, opened: bool) -> None:
        self.body.setVisible(opened)
        self.recolor()
        self.toggled.emit(opened)
