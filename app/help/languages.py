"""Choosing the language of the window."""
from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QTranslator
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QApplication, QMenu

from app import language
from app.language import tr

if TYPE_CHECKING:
    from app.window import Window


def take(choice: str, app: QApplication) -> None:
    """Use a language for everything that is made from now on, Qt's own buttons too. choice: see `app.language.use`."""
    code = language.use(choice)
    if code != language.ENGLISH:
        own = QTranslator(app)
        if own.load(QLocale(code), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
            app.installTranslator(own)


class Languages(QObject):
    """The action "language", with a menu of the languages there are. Belongs to a window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        action = window.actions_by_name.add("language", tr("&Language"), lambda: None)
        self.menu = QMenu(window)
        group = QActionGroup(self.menu)
        for code, name in {language.SYSTEM: tr("As the system"), **language.languages()}.items():
            entry = self.menu.addAction(name)
            entry.setCheckable(True)
            entry.setChecked(window.settings.language == code)
            entry.triggered.connect(lambda _=False, code=code: self._choose(code))
            group.addAction(entry)
        action.setMenu(self.menu)

    def _choose(self, code: str) -> None:
        if code != self._window.settings.language:
            self._window.settings.language = code
            self._window.settings.save()
            self._window.banner.say(tr("The language changes when the program is started again."), "info")
