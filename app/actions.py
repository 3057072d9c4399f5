"""Actions, menus and bars of the window: one table of names, keys and icons."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QResizeEvent
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
from app.language import tr
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
        action = actions.add(f"view-{i}", tr(mode.value), lambda on, mode=mode: run(mode) if on else None, str(i + 1),
                             check=i == 0)
        group.addAction(action)
    return group


# What each menu holds, by name of action ("-": a line). Names that no part of the window has added are left out, and lines at the
# ends and beside another line too.
MENUS = (
    ("&File", "open recent recover - save save-as embed - export reopen batch - cancel-exports - models - quit"),
    ("&Edit", "undo redo - copy-rig paste-rig paste-parts - reset neutral"),
    ("&Light", "light-presets environment - add-lamp cast-shadow"),
    ("F&ace", "face-presets copy-face webcam turn-head"),
    ("&Person", "personalize people - swap"),
    ("&Motion", "timeline play add-key auto-key - turntable sweep around idle unfold - film-from-voice film-from-video - film - "
                "clear-timeline"),
    ("&View", "view-0 view-1 view-2 view-3 - split overlay ball inset whole - history compare variations - "
              "fit zoom-in zoom-out - theme-system theme-light theme-dark language"),
    ("&Help", "help first-minute shortcuts - about"),
)


def fill_menus(actions: Actions) -> None:
    """The menu bar, of the actions that there are by now; a menu without any is left out."""
    bar = actions.window.menuBar()
    for title, names in MENUS:
        groups = [[name for name in group.split() if name in actions.by_name] for group in names.split(" - ")]
        groups = [group for group in groups if group]
        if not groups:
            continue
        menu = bar.addMenu(tr(title))
        for i, group in enumerate(groups):
            if i:
                menu.addSeparator()
            menu.addActions([actions[name] for name in group])


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


class Bar(QWidget):
    """A bar across the window. Where it is too narrow for their words, its buttons show their icons alone; where it is too narrow
    even for those, what is `spare` (reached in other ways too) gives way."""

    def __init__(self, name: str, height: int, spacing: int) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(height)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(10, 0, 10, 0)
        self.row.setSpacing(spacing)
        self.spare: tuple[QWidget, ...] = ()
        self._foldable: list[QToolButton] = []
        self._full = 0  # width that the words need
        self._icons = 0  # width that the icons need, with what is spare

    def add(self, action: QAction) -> None:
        """A button with icon and words."""
        self.add_button(button(action, text=True))

    def add_button(self, made: QToolButton) -> None:
        """A button that has icon and words."""
        self._foldable.append(made)
        self.row.addWidget(made)

    def minimumSizeHint(self) -> QSize:
        """Wide enough for the icons."""
        words = sum(made.sizeHint().width() - 34 for made in self._foldable if not made.isHidden() and not self._folded)
        spare = sum(part.sizeHint().width() + self.row.spacing() for part in self.spare if not part.isHidden())
        return QSize(max(0, super().minimumSizeHint().width() - max(0, words) - spare), self.height())

    @property
    def _folded(self) -> bool:
        return bool(self._foldable) and self._foldable[0].toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold or unfold the words."""
        super().resizeEvent(event)
        if not self._folded:
            self._full = self.row.minimumSize().width()
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if event.size().width() < self._full else \
            Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        for made in self._foldable:
            made.setToolButtonStyle(style)
        if self._folded and not any(part.isHidden() for part in self.spare):
            self._icons = self.row.minimumSize().width()
        for part in self.spare:
            part.setVisible(not self._folded or event.size().width() >= self._icons)


def top_bar(actions: Actions, theme_button: QToolButton) -> QWidget:
    """Open, export, personalize, undo; the views; the theme."""
    bar = Bar("topBar", height=46, spacing=4)
    bar.add(actions["open"])
    bar.add(actions["export"])
    bar.add(actions["personalize"])
    for part in (rule(), button(actions["undo"]), button(actions["redo"])):
        bar.row.addWidget(part)
    bar.row.addStretch(1)
    bar.row.addWidget(segments(actions))
    bar.row.addStretch(1)
    bar.add(actions["faces"])
    bar.add(actions["reset"])
    bar.row.addWidget(theme_button)
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
    bar = Bar("footBar", height=40, spacing=2)
    for name in ("split", "ball", "inset", "turn-head", "overlay"):  # the slider after it is the overlay's
        bar.add(actions[name])
    alpha.setObjectName("alpha")
    alpha.setFixedWidth(84)
    bar.row.addSpacing(4)
    bar.row.addWidget(alpha)
    bar.row.addStretch(1)
    bar.add(actions["whole"])
    zoom_label.setFixedWidth(48)
    zoom_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    zoom_label.setObjectName("rowLabel")
    for part in (rule(), button(actions["zoom-out"]), zoom_label, button(actions["zoom-in"]), button(actions["fit"])):
        bar.row.addWidget(part)
    bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return bar
