"""Help: pages that open offline, all keys, the page of the first start, the guided first minute, languages."""
from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog

from app.help.keys import KeysDialog
from app.help.languages import Languages
from app.help.pages import HelpDialog
from app.help.tour import Tour
from app.help.welcome import Welcome
from app.language import tr
from app.parts import Part
from core import credentials

if TYPE_CHECKING:
    from app.window import Window


class Help(Part):
    """Belongs to a window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.languages = Languages(window)
        self.tour: Tour | None = None
        self._dialogs: dict[str, QDialog] = {}
        a = window.actions_by_name
        a.add("help", tr("&Help"), self.open_help, "F1", tip=tr("Help, without a network"))
        a.add("first-minute", tr("The guided &first minute"), self.start_tour)
        a.add("shortcuts", tr("&Keyboard and mouse"), self.open_keys, "Shift+F1|Ctrl+?")

    def photo_usable(self, on: bool) -> None:
        """The tour is about a photo."""
        self.window.actions_by_name["first-minute"].setEnabled(on)

    def greet(self) -> None:
        """At the first start: the welcome page."""
        if self.window.settings.welcomed:
            return
        page = Welcome(self.window.theme, self.window.settings, credentials.problem() == "", self.window)
        page.tour_asked.connect(self.start_tour)
        self._show("welcome", page)

    def open_help(self) -> None:
        """The pages."""
        self._open("help")

    def open_keys(self) -> None:
        """Keys and mouse."""
        self._open("keys")

    def dialog(self, name: str) -> QDialog | None:
        """An open dialog: 'help', 'keys' or 'welcome'."""
        return self._dialogs.get(name)

    def _open(self, name: str) -> None:
        if name not in self._dialogs:
            self._show(name, HelpDialog(self.window) if name == "help" else KeysDialog(self.window.actions_by_name, self.window))
        dialog = self._dialogs[name]
        dialog.raise_()
        dialog.activateWindow()

    def _show(self, name: str, dialog: QDialog) -> None:
        self._dialogs[name] = dialog
        dialog.destroyed.connect(lambda: self._dialogs.pop(name, None))
        dialog.show()

    def start_tour(self) -> None:
        """The guided first minute; waits for a photo."""
        if self.window.document.session is None:
            self.window.document.opened.connect(self._photo_came)
        elif self.tour is None:
            self.window.set_mode(type(self.window.canvas.mode).PHOTO)
            self.window.bottom.show_page("history")
            self.tour = Tour(self.window)
            self.tour.ended.connect(self._tour_over)

    def _photo_came(self) -> None:
        self.window.document.opened.disconnect(self._photo_came)
        self.start_tour()

    def _tour_over(self) -> None:
        self.tour = None

    def stop(self) -> bool:
        """Close what is open."""
        if self.tour is not None:
            self.tour.end()
        for dialog in list(self._dialogs.values()):
            dialog.close()
        return True
