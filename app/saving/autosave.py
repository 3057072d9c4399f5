"""Keeping the document against a crash: a little after each change, beside the window, until it is saved or given up."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.language import tr
from app.saving.line import Line
from core.project import Project
from core.project.recovery import Keeper

DEBOUNCE_MS = 2000  # after the last change
MOST_MS = 30_000  # after the first change since the last write, however long the hand keeps moving
SIGN_MS = 60_000


class Autosave(QObject):
    """Belongs to one window. gather(): the document as it is, as (function that makes the project, name, path, steps); None while
    there is nothing to keep.

    failed(message): it could not be written; told once until it works again.
    """

    failed = Signal(str)

    def __init__(self, line: Line, gather: Callable[[], tuple[Callable[[], Project], str, Path | None, int] | None],
                 parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._line, self._gather = line, gather
        self.keeper = Keeper()
        self._queued = False
        self._told = False
        self._stale = False  # changed since the last write was gathered
        self.soon, self.late, self._sign = QTimer(self), QTimer(self), QTimer(self)
        for timer, wait in ((self.soon, DEBOUNCE_MS), (self.late, MOST_MS)):
            timer.setSingleShot(True)
            timer.setInterval(wait)
            timer.timeout.connect(self.keep)
        self._sign.setInterval(SIGN_MS)
        self._sign.timeout.connect(self._give_sign)
        self._sign.start()

    @property
    def kept(self) -> bool:
        """Whether everything that is to be kept is written."""
        return not (self._queued or self._stale or self.soon.isActive() or self.late.isActive())

    def touch(self) -> None:
        """Something changed."""
        self.soon.start()
        if not self.late.isActive():
            self.late.start()

    def keep(self) -> None:
        """Write now; with nothing to keep what was written goes."""
        self.soon.stop()
        self.late.stop()
        if self._queued:
            self._stale = True
            return
        self._stale = False
        gathered, keeper = self._gather(), self.keeper
        if gathered is None and keeper.folder is None:
            return
        self._queued = True
        if gathered is None:
            self._line.put(keeper.clear, tr("clearing the kept copy"), self._done, self._broke)
            return
        make, name, path, steps = gathered
        self._line.put(lambda: keeper.keep(make(), name, path, steps), tr("keeping a copy of your work"), self._done, self._broke)

    def stop(self) -> None:
        """The window goes, and all is saved or given up; nothing is under way any more."""
        for timer in (self.soon, self.late, self._sign):
            timer.stop()
        self.keeper.clear()

    def _done(self, _: Any) -> None:
        self._queued = self._told = False
        if self._stale:
            self.touch()

    def _broke(self, message: str) -> None:
        self._queued = False
        if not self._told:
            self._told = True
            self.failed.emit(message)
        self.late.start()

    def _give_sign(self) -> None:
        self.keeper.give_sign()
