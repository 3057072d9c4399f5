"""Colours, fonts, icons and the style sheet, for the light and the dark scheme.

A photo tool keeps its surroundings neutral grey, so that colours in the picture are judged fairly; the one accent is
blue, and amber marks light.
"""
from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

RESOURCES = Path(__file__).resolve().parent.parent / "resources"


@dataclass(frozen=True)
class Colors:
    """Names of the scheme's colours, as '#rrggbb'."""

    window: str
    panel: str
    raised: str
    hover: str
    border: str
    canvas: str
    text: str
    dim: str
    faint: str
    off: str
    accent: str
    accent_hover: str
    on_accent: str
    groove: str
    handle: str
    lamp: str
    good: str
    warn: str
    bad: str
    banner: str
    badge: str
    on_badge: str


DARK = Colors(window="#1c1d20", panel="#222327", raised="#2c2e33", hover="#373a40", border="#34363c",
              canvas="#141517", text="#e8e9ec", dim="#a4a8b0", faint="#90959f", off="#757a84", accent="#5b98fa",
              accent_hover="#76a9fb", on_accent="#0c111b", groove="#3a3d44", handle="#f1f2f4", lamp="#ffb547",
              good="#4cc38a", warn="#f2b24b", bad="#f2726a", banner="#3a2a29", badge="#101114", on_badge="#f2f3f5")
LIGHT = Colors(window="#ececee", panel="#f7f7f8", raised="#ffffff", hover="#e7e8eb", border="#d7d8dc",
               canvas="#d2d3d6", text="#1d1f23", dim="#5a5f69", faint="#666b75", off="#7f848e", accent="#2563d2",
               accent_hover="#1f59c0", on_accent="#ffffff", groove="#cfd1d6", handle="#ffffff", lamp="#e08a00",
               good="#177548", warn="#945800", bad="#c4352b", banner="#fbe9e7", badge="#17181b", on_badge="#f2f3f5")


class Theme(QObject):
    """The scheme in use. `choice` is 'system', 'light' or 'dark'; `changed` is emitted when the colours change."""

    changed = Signal()

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.choice = choice
        self.colors = DARK
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)

    @property
    def dark(self) -> bool:
        """Whether the dark scheme is in use."""
        return self.colors is DARK

    def set(self, choice: str) -> None:
        """Follow the system, or stay light or dark."""
        self.choice = choice
        self.apply()

    def toggle(self) -> None:
        """From dark to light and back."""
        self.set("light" if self.dark else "dark")

    def apply(self) -> None:
        """Put palette and style sheet onto the application."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        dark = self.choice == "dark" or self.choice == "system" and _system_is_dark()
        self.colors = DARK if dark else LIGHT
        app.setPalette(_palette(self.colors))
        sheet = _style_sheet(self.colors)
        if app.styleSheet() != sheet:  # Qt styles every widget anew, even for the same one
            app.setStyleSheet(sheet)
        self.changed.emit()

    def _system_changed(self) -> None:
        if self.choice == "system":
            self.apply()

    def icon(self, name: str, color: str | None = None) -> QIcon:
        """The named icon in the scheme's text colour; crisp at one, two and three device pixels."""
        return _icon(name, color, self.colors)


def _system_is_dark() -> bool:
    # a system that doesn't tell gets the dark scheme: what photo tools start with
    return QGuiApplication.styleHints().colorScheme() != Qt.ColorScheme.Light


@lru_cache(maxsize=512)
def _icon(name: str, color: str | None, c: Colors) -> QIcon:
    """See `Theme.icon`; drawn once, as there is one beside every slider."""
    icon = QIcon()
    for mode, shade in ((QIcon.Mode.Normal, color or c.dim), (QIcon.Mode.Active, color or c.text),
                        (QIcon.Mode.Disabled, c.groove)):
        for ratio in (1, 2, 3):
            icon.addPixmap(pixmap(name, shade, 18, ratio), mode)
    for ratio in (1, 2, 3):
        icon.addPixmap(pixmap(name, color or c.accent, 18, ratio), QIcon.Mode.Normal, QIcon.State.On)
        icon.addPixmap(pixmap(name, color or c.accent, 18, ratio), QIcon.Mode.Active, QIcon.State.On)
    return icon


@lru_cache(maxsize=512)
def pixmap(name: str, color: str, size: int, ratio: float) -> QPixmap:
    """The SVG icon `name` drawn in `color` at `size` logical pixels."""
    source = (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
    renderer = QSvgRenderer(QByteArray(source.encode()))
    side = round(size * ratio)
    image = QPixmap(QSize(side, side))
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    image.setDevicePixelRatio(ratio)
    return image


def load_fonts() -> None:
    """Make the bundled font the application's; the system's own stays where it can't be loaded."""
    ids = [QFontDatabase.addApplicationFont(str(p)) for p in sorted((RESOURCES / "style/fonts").glob("*.otf"))]
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    if any(i >= 0 for i in ids):
        font = QFont("Inter")
        font.setPixelSize(13)
        app.setFont(font)


def _style_sheet(colors: Colors) -> str:
    text = (RESOURCES / "style" / "studio.qss").read_text(encoding="utf-8")
    for name, value in sorted(asdict(colors).items(), key=lambda item: -len(item[0])):
        text = text.replace(f"@{name}", value)
    scheme = "dark" if colors is DARK else "light"
    return text.replace("@icons", (RESOURCES / "style" / scheme).as_posix())


def _palette(c: Colors) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for names, color in (((role.Window,), c.window), ((role.Base, role.AlternateBase), c.raised),
                         ((role.Button,), c.raised), ((role.WindowText, role.Text, role.ButtonText), c.text),
                         ((role.Highlight, role.Accent, role.Link), c.accent), ((role.HighlightedText,), c.on_accent),
                         ((role.PlaceholderText,), c.faint), ((role.ToolTipBase,), c.badge),
                         ((role.ToolTipText,), c.on_badge)):
        for name in names:
            palette.setColor(name, QColor(color))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(c.off))
    return palette
