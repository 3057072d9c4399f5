"""The files that were opened last, as a menu."""
from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QWidget

from app.language import tr
from app.settings import Settings

MOST = 12


class Recent(QObject):
    """Projects and photos, the newest first, remembered in the settings. chosen(path): open it."""

    chosen = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self._settings = settings
        self.menu = QMenu(tr("Open &recent"), parent)
        self.menu.setToolTipsVisible(True)
        self.menu.menuAction().setToolTip(tr("Projects and photos that were open lately"))
        self.menu.aboutToShow.connect(self.fill)
        self._enable()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The newest first."""
        return tuple(Path(text) for text in self._settings.recent)

    def note(self, path: Path) -> None:
        """It was opened or saved."""
        text = str(path.absolute())
        rest = [one for one in self._settings.recent if one != text]
        self._settings.recent = (text, *rest)[:MOST]
        self._enable()

    def clear(self) -> None:
        """Forget them all."""
        self._settings.recent = ()
        self._enable()

    def _enable(self) -> None:
        self.menu.setEnabled(bool(self._settings.recent))
        self.menu.menuAction().setEnabled(bool(self._settings.recent))

    def fill(self) -> None:
        """The menu as of now: what is gone is greyed and says so."""
        self.menu.clear()
        for number, path in enumerate(self.paths, 1):
            there = _is_there(path)
            name = path.name.replace("&", "&&")
            key = f"&{number}  " if number < 10 else ""
            action = self.menu.addAction(f"{key}{name}" if there else tr("{name}  (no longer there)", name=f"{key}{name}"))
            action.setToolTip(str(path) if there else tr("{path} was moved, renamed or deleted, or its disk is not connected.",
                                                         path=path))
            action.setEnabled(there)
            action.triggered.connect(lambda _=False, path=path: self.chosen.emit(path))
        self.menu.addSeparator()
        self.menu.addAction(tr("&Clear this list")).triggered.connect(lambda _=False: self.clear())


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
