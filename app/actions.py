"""Actions, menus and bars of the window: one table of names, keys and icons."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QEvent, QSize, Qt
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
from app.language import tr
from app.theme import Theme

WORDS, ICON = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly


@dataclass
class Actions:
    """The window's actions, their icons and their plain words, by name."""

    window: QMainWindow
    theme: Theme
    by_name: dict[str, QAction] = field(default_factory=dict)
    icons: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> QAction:
        return self.by_name[name]

    def add(self, name: str, text: str, run: Callable[..., object], keys: str = "", icon: str = "", *,
            check: bool | None = None, tip: str = "") -> QAction:
        """An action that calls `run`; with `check` a toggle that calls it with its state."""
        action = QAction(text, self.window)
        self.titles[name] = _plain(text)
        if keys:
            action.setShortcuts([QKeySequence(key) for key in keys.split("|")])
        if check is not None:
            action.setCheckable(True)
            action.setChecked(check)
            action.setIconVisibleInMenu(False)  # a mark says there that it is on, and not a colour alone
            action.toggled.connect(run)
        else:
            action.triggered.connect(lambda _=False: run())
        shown = _plain(tip or text)
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


def _plain(text: str) -> str:
    """An action's words without the marks for menus."""
    return text.replace("…", "").replace("&", "").strip()


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
    made.setToolButtonStyle(WORDS if text else ICON)
    made.setAccessibleName(_plain(action.text()))
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
    """A bar across the window. Where it is too narrow for all words, buttons show their icons alone, those added last first, but
    for those that `keep` their words; then what is `spare` (reached in other ways too) gives way, and at last those words."""

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
        self._kept: list[QToolButton] = []
        self._widths: dict[QToolButton, tuple[str, dict[Qt.ToolButtonStyle, int]]] = {}

    def add(self, action: QAction) -> None:
        """A button with icon and words."""
        self.add_button(button(action, text=True))

    def add_button(self, made: QToolButton, keep: bool = False) -> None:
        """A button that has icon and words. keep: its words stay the longest."""
        (self._kept if keep else self._foldable).append(made)
        self.row.addWidget(made)

    def minimumSizeHint(self) -> QSize:
        """Wide enough for the icons."""
        return QSize(self._rest() + sum(self._wide(made, ICON) for made in self._shown()), self.height())

    def _shown(self) -> list[QToolButton]:
        """What has words, the first to lose them first."""
        return [made for made in (*reversed(self._foldable), *reversed(self._kept)) if not made.isHidden()]

    def _rest(self) -> int:
        """Width of everything that never gives way."""
        giving = sum(made.sizeHint().width() for made in self._shown())
        giving += sum(self._spare_width(part) for part in self.spare if not part.isHidden())
        return self.row.minimumSize().width() - giving

    def _spare_width(self, part: QWidget) -> int:
        wanted = part.minimumSizeHint().expandedTo(part.minimumSize()).boundedTo(part.maximumSize())
        return wanted.width() + self.row.spacing()

    def _wide(self, made: QToolButton, style: Qt.ToolButtonStyle) -> int:
        """How wide a button is with its words, or with its icon alone. Measured once: trying a style makes the layout anew."""
        text, widths = self._widths.get(made, ("", {}))
        if text != made.text():
            present, widths = made.toolButtonStyle(), {}
            made.ensurePolished()
            for one in (WORDS, ICON):
                made.setToolButtonStyle(one)
                widths[one] = made.sizeHint().width()
            made.setToolButtonStyle(present)
            self._widths[made] = (made.text(), widths)
        return widths[style]

    def event(self, event: QEvent) -> bool:
        """Another width, or other parts: see what has room."""
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.Show):
            self._widths.clear()  # what was measured before had another style
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize, QEvent.Type.Show):
            self._fit()
        return super().event(event)

    def _fit(self) -> None:
        shown = self._shown()
        spare = sum(self._spare_width(part) for part in self.spare)
        over = self._rest() + spare + sum(self._wide(made, WORDS) for made in shown) - self.width()
        styles = {}
        for made in (made for made in shown if made not in self._kept):
            styles[made] = ICON if over > 0 else WORDS
            over -= self._wide(made, WORDS) - self._wide(made, ICON) if over > 0 else 0
        for part in self.spare:
            part.setHidden(over > 0)
        over -= spare if over > 0 else 0
        for made in (made for made in shown if made in self._kept):
            styles[made] = ICON if over > 0 else WORDS
            over -= self._wide(made, WORDS) - self._wide(made, ICON) if over > 0 else 0
        for made, style in styles.items():
            if made.toolButtonStyle() != style:
                made.setToolButtonStyle(style)


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
