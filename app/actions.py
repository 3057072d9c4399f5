"""Actions, menus and bars of the window: one table of names, keys and icons."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)

from app.canvas.stage import Mode
from app.theme import Theme


@dataclass
class Actions:
    """The window's actions by name, and their icons by name."""

    window: QMainWindow
    theme: Theme
    by_name: dict[str, QAction] = field(default_factory=dict)
    icons: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> QAction:
        return self.by_name[name]

    def add(self, name: str, text: str, run: Callable[..., object], keys: str = "", icon: str = "", *,
            check: bool | None = None, tip: str = "") -> QAction:
        """An action that calls `run`; with `check` a toggle that calls it with its state."""
        action = QAction(text, self.window)
        if keys:
            action.setShortcuts([QKeySequence(key) for key in keys.split("|")])
        if check is not None:
            action.setCheckable(True)
            action.setChecked(check)
            action.toggled.connect(run)
        else:
            action.triggered.connect(lambda _=False: run())
        shown = (tip or text).replace("…", "").replace("&", "").strip()
        action.setToolTip(f"{shown}  ({keys.split('|')[0]})" if keys else shown)
        self.by_name[name] = action
        if icon:
            self.icons[name] = icon
        self.window.addAction(action)
        return action

    def recolor(self) -> None:
        """Take the scheme's icons."""
        for name, icon in self.icons.items():
            self.by_name[name].setIcon(self.theme.icon(icon))

    def enable(self, names: tuple[str, ...], on: bool) -> None:
        """Enable or disable several."""
        for name in names:
            self.by_name[name].setEnabled(on)


def mode_actions(actions: Actions, run: Callable[[Mode], None]) -> QActionGroup:
    """The four views, on keys 1 to 4."""
    group = QActionGroup(actions.window)
    for i, mode in enumerate(Mode):
        action = actions.add(f"view-{i}", mode.value, lambda on, mode=mode: run(mode) if on else None, str(i + 1),
                             check=i == 0)
        group.addAction(action)
    return group


def fill_menus(actions: Actions) -> None:
    """File, Edit, View, Help."""
    bar = actions.window.menuBar()
    menus = (("&File", "open export - cancel-exports - quit"), ("&Edit", "undo redo - reset"),
             ("&View", "view-0 view-1 view-2 view-3 - split overlay ball inset whole - fit zoom-in zoom-out - "
                       "theme-system theme-light theme-dark"),
             ("&Help", "shortcuts about"))
    for title, names in menus:
        menu = bar.addMenu(title)
        for name in names.split():
            if name == "-":
                menu.addSeparator()
            else:
                menu.addAction(actions[name])


def button(action: QAction, *, text: bool = False, name: str = "") -> QToolButton:
    """A tool button for an action."""
    made = QToolButton()
    made.setDefaultAction(action)
    made.setIconSize(QSize(18, 18))
    made.setObjectName(name or ("" if text else "icon"))
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon if text else Qt.ToolButtonStyle.ToolButtonIconOnly)
    made.setAccessibleName(action.text().replace("&", "").replace("…", "").strip())
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setVisible(action.isVisible())
    action.visibleChanged.connect(lambda: made.setVisible(action.isVisible()))
    return made


def rule() -> QFrame:
    """A thin line between groups of buttons."""
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedSize(1, 20)
    return line


def _bar(name: str, height: int, spacing: int) -> tuple[QWidget, QHBoxLayout]:
    """An empty bar across the window, and its layout."""
    bar = QWidget()
    bar.setObjectName(name)
    bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    bar.setFixedHeight(height)
    layout = QHBoxLayout(bar)
    layout.setContentsMargins(10, 0, 10, 0)
    layout.setSpacing(spacing)
    return bar, layout


def top_bar(actions: Actions, theme_button: QToolButton) -> QWidget:
    """Open, export, undo; the views; the theme."""
    bar, layout = _bar("topBar", height=46, spacing=4)
    layout.addWidget(button(actions["open"], text=True))
    layout.addWidget(button(actions["export"], text=True))
    layout.addWidget(rule())
    layout.addWidget(button(actions["undo"]))
    layout.addWidget(button(actions["redo"]))
    layout.addStretch(1)
    layout.addWidget(segments(actions))
    layout.addStretch(1)
    layout.addWidget(button(actions["faces"], text=True))
    layout.addWidget(button(actions["reset"], text=True))
    layout.addWidget(theme_button)
    return bar


def segments(actions: Actions) -> QWidget:
    """The views as one control."""
    box = QWidget()
    layout = QHBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    count = len(Mode)
    for i in range(count):
        part = button(actions[f"view-{i}"], text=True, name="segment")
        part.setProperty("edge", "left" if i == 0 else "right" if i == count - 1 else "middle")
        layout.addWidget(part)
    return box


def foot_bar(actions: Actions, alpha: QSlider, zoom_label: QLabel) -> QWidget:
    """What lies over the picture, and zoom."""
    bar, layout = _bar("footBar", height=40, spacing=2)
    for name in ("split", "ball", "inset", "overlay"):
        layout.addWidget(button(actions[name], text=True))
    alpha.setObjectName("alpha")
    alpha.setFixedWidth(84)
    layout.addSpacing(4)
    layout.addWidget(alpha)
    layout.addStretch(1)
    layout.addWidget(button(actions["whole"], text=True))
    layout.addWidget(rule())
    layout.addWidget(button(actions["zoom-out"]))
    zoom_label.setFixedWidth(48)
    zoom_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    zoom_label.setObjectName("rowLabel")
    layout.addWidget(zoom_label)
    layout.addWidget(button(actions["zoom-in"]))
    layout.addWidget(button(actions["fit"]))
    bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return bar
