"""The user's own files as the window sees them: what is there, what is being imported, what came of it."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.language import tr
from app.library import Item, Library, Shelf
from app.tasks import Chores


@dataclass(frozen=True)
class Outcome:
    """What an import came to. text: all of it, to read and copy. summary: in one line. good: whether anything was found."""

    text: str
    summary: str
    good: bool


class Importing(QObject):
    """Looks at the library, imports and removes, one thing at a time and never in the window's thread.

    changed: `shelf` or `busy` is another. said(line): what the import does. finished(Outcome): an import ended.
    failed(message): looking or removing did.
    """

    changed = Signal()
    said = Signal(str)
    finished = Signal(object)
    failed = Signal(str)

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._chores = Chores(self)
        self._chores.said.connect(self.said)
        self.shelf = Shelf()
        self.folder: Path | None = None  # that is being imported
        self.outcome: Outcome | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._chores.busy

    @property
    def running(self) -> bool:
        """Whether a thread of it lives."""
        return self._chores.running

    def refresh(self) -> None:
        """Look at what is there; `changed` tells when it is known."""
        if self._chores.start(lambda say, cancelled: self._library.look(), tr("looking at the imported files"), self._looked,
                              self._look_failed):
            self.changed.emit()

    def import_folder(self, folder: Path) -> bool:
        """Import what a folder holds; False while another import runs."""
        if self.busy:
            return False
        self.folder, self.outcome = folder, None
        self._chores.start(lambda say, cancelled: self._library.import_folder(folder, say, cancelled),
                           tr("importing {name}", name=folder), self._imported, self._import_failed, self._import_stopped)
        self.changed.emit()
        return True

    def remove(self, item: Item) -> None:
        """Delete what was stored of an item."""
        if self._chores.start(lambda say, cancelled: self._without(item), tr("removing {name}", name=item.title), self._looked,
                              self._look_failed):
            self.changed.emit()

    def _without(self, item: Item) -> Shelf:
        self._library.remove(item)
        return self._library.look()

    def cancel(self) -> None:
        """End the import at its next step."""
        self._chores.cancel()

    def stop(self, timeout_ms: int = 8000) -> bool:
        """End everything and wait; False when it didn't stop in time."""
        return self._chores.stop(timeout_ms)

    def _looked(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.changed.emit()

    def _look_failed(self, message: str) -> None:
        self.failed.emit(message)
        self.changed.emit()

    def _imported(self, report: Any) -> None:
        self._end_import(outcome_of(report))

    def _import_stopped(self) -> None:
        self._end_import(Outcome(tr("Cancelled. What was stored before stays."), tr("The import was cancelled."), False))

    def _import_failed(self, message: str) -> None:
        self._end_import(Outcome(message, message, False))

    def _end_import(self, outcome: Outcome) -> None:
        self.folder, self.outcome = None, outcome
        self.refresh()
        self.finished.emit(outcome)


def outcome_of(report: Any) -> Outcome:
    """An `ImportReport` in words."""
    found = [f"✓ {asset.what}\n   {asset.file}" for asset in report.found]
    wrong = [f"✗ {problem}" for problem in report.problems]
    notes = [f"· {note}" for note in getattr(report, "notes", ())]
    parts = [part for part in ("\n".join(found), "\n".join(wrong), "\n".join(notes)) if part]
    if not found and not wrong:
        parts.insert(0, tr("Nothing that can be imported was found in this folder."))
    counts = [tr("{count} imported", count=len(found)) if found else "",
              tr("{count} not usable", count=len(wrong)) if wrong else ""]
    summary = ", ".join(filter(None, counts)) or tr("nothing found")
    return Outcome("\n\n".join(parts), summary[:1].upper() + summary[1:] + ".", bool(found))
