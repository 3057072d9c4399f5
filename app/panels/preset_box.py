"""A panel's presets with the button that shows all of them, or the first rows."""
from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.language import tr
from app.panels.preset_grid import PresetGrid
from app.settings import Settings
from app.theme import Theme


class PresetBox(QWidget):
    """grid: the presets. button: unfolds them, which is remembered."""

    def __init__(self, theme: Theme, settings: Settings, kind: str, ask_text: str, icon: str,
                 parent: QWidget | None = None) -> None:
        """kind, ask_text, icon: see `PresetGrid`."""
        super().__init__(parent)
        self._theme, self._settings, self._name = theme, settings, f"presets {kind}"
        self.grid = PresetGrid(theme, kind, ask_text, icon)
        self.button = QToolButton()
        self.button.setObjectName("minorHead")
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setIconSize(QSize(14, 14))
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.button.setChecked(self._name in settings.open_parts)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.grid)
        column.addWidget(self.button)
        self.button.toggled.connect(self._fold)
        self.grid.changed.connect(self._show)
        theme.changed.connect(self._show)
        self._show()

    def _fold(self, opened: bool) -> None:
        self._settings.open_part(self._name, opened)
        self._show()

    def _show(self) -> None:
        opened = self.button.isChecked()
        if self.grid.folded == opened:
            self.grid.set_folded(not opened)
        self.button.setText(tr("Fewer presets") if opened else tr("All {count} presets", count=len(self.grid.presets)))
        self.button.setAccessibleName(self.button.text())
        self.button.setIcon(self._theme.icon("chevron-down" if opened else "chevron-right", self._theme.colors.dim))
