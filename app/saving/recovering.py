"""The offer of what a crash left: at the start, and from the File menu."""
from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.language import tr
from app.saving.offer import RecoveryDialog
from core.project.recovery import Left, discard, left_behind

if TYPE_CHECKING:
    from app.projects import Projects


class Recovering(QObject):
    """Belongs to the window's projects."""

    def __init__(self, projects: Projects) -> None:
        super().__init__(projects)
        self._projects = projects
        self.dialog: RecoveryDialog | None = None
        projects.window.actions_by_name.add("recover", tr("&Unsaved work …"), self.show,
                                            tip=tr("What the program held when it ended unexpectedly"))

    def offer(self) -> bool:
        """At the start: ask, if there is anything. Whether there is."""
        left = left_behind()
        if left:
            self._open(left)
        return bool(left)

    def show(self) -> None:
        """On request."""
        if not self.offer():
            self._projects.window.banner.say(tr("There is no unsaved work: nothing was lost."), "info")

    def _open(self, left: tuple[Left, ...]) -> None:
        if self.dialog is not None:
            self.dialog.raise_()
            return
        window = self._projects.window
        self.dialog = RecoveryDialog(window.theme, left, window)
        self.dialog.restore_asked.connect(self._restore)
        self.dialog.discard_asked.connect(self._discard)
        self.dialog.destroyed.connect(self._gone)
        self.dialog.open()

    def _restore(self, left: Left) -> None:
        """One in this window; the others wait in the menu."""
        if self.dialog is not None:
            self.dialog.accept()
        self._projects.guard(lambda: self._projects.restore(left), tr("Restoring {name}", name=left.name))

    def _discard(self, left: Left) -> None:
        discard(left)
        if self.dialog is not None:
            self.dialog.drop(left)

    def _gone(self) -> None:
        self.dialog = None
