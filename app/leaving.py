"""What stands between the user's wish to close the window and its end: exports that are being written, a training."""
from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.dialogs.quitting import ask_about_exports

if TYPE_CHECKING:
    from app.window import Window


class Leaving(QObject):
    """Belongs to a window. waiting: it closes as soon as the last export is written."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self.waiting = False
        window.exports.emptied.connect(self._emptied)

    def may_go(self) -> bool:
        """Whether the window may close now; else the user is asked, and it is closed again with the answer."""
        exports = self._window.exports
        if exports.count and not self.waiting:
            ask_about_exports(self._window, exports.text, self.wait, self.go)
        return not exports.count and self._window.people.may_close() and all(part.may_close() for part in self._window.parts)

    def wait(self) -> None:
        """Close as soon as the last export is written."""
        self.waiting = True
        self._emptied()

    def go(self) -> None:
        """Give up exports and close."""
        self._window.exports.forget()
        self._window.close()

    def stay(self) -> None:
        """Something went wrong, which the user has to see."""
        self.waiting = False

    def _emptied(self) -> None:
        if self.waiting and not self._window.exports.count:
            self._window.close()
