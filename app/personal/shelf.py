"""The people on this computer as the window sees them: who is there, and what is being done to them."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.language import told, tr
from app.setup import head_title
from app.tasks import Chores
from core.people import shelf
from core.people.header import About
from core.people.shelf import Entry, NameTaken


class People:
    """The user's folder of people. Each method may take a while and raises UserError; for any thread."""

    def look(self) -> tuple[Entry, ...]:
        """Everybody who is there."""
        return tuple(shelf.listed())

    def rename(self, old: str, new: str) -> object:
        """See `core.people.shelf`, for the others too."""
        return shelf.rename(old, new)

    def export(self, name: str, file: Path) -> Path:
        """Write a copy of the person's file."""
        return shelf.export(name, file)

    def import_file(self, file: Path, name: str = "") -> str:
        """Check a file and take it in; returns the person's name."""
        return shelf.import_file(file, name)

    def delete(self, name: str) -> object:
        """Delete the person's file."""
        return shelf.delete(name)


@dataclass(frozen=True)
class _Taken:
    """An import that needs another name."""

    file: Path
    message: str


class PeopleShelf(QObject):
    """Does one thing at a time, never in the window's thread.

    changed: `entries` or `busy` is another. told(text): something was done. failed(text). name_taken(file, text): what was to be
    imported needs another name.
    """

    changed = Signal()
    name_taken = Signal(object, str)
    told = Signal(str)
    failed = Signal(str)

    def __init__(self, people: People, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._people = people
        self._chores = Chores(self)
        self._again = False
        self.known = False  # whether it has been looked at
        self.entries: tuple[Entry, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._chores.busy

    @property
    def running(self) -> bool:
        """Whether a thread of it lives."""
        return self._chores.running

    def entry_of(self, digest: str) -> Entry | None:
        """Who has this digest."""
        return next((entry for entry in self.entries if entry.digest == digest), None)

    def refresh(self) -> None:
        """Look at who is there; once more, if something is under way."""
        self._again = self.busy
        if not self.busy:
            self._do(lambda: None, tr("looking at the people"), lambda _: "")

    def rename(self, entry: Entry, name: str) -> None:
        """Give somebody another name."""
        self._do(lambda: self._people.rename(entry.name, name), tr("renaming {name}", name=entry.name), lambda _: "")

    def export(self, entry: Entry, file: Path) -> None:
        """Write a copy of somebody's file."""
        self._do(lambda: self._people.export(entry.name, file), tr("exporting {name}", name=entry.name),
                 lambda written: tr("Exported to {path}.", path=written))

    def import_file(self, file: Path, name: str = "") -> None:
        """Take in a person's file from elsewhere."""
        def work() -> str | _Taken:
            try:
                return self._people.import_file(file, name)
            except NameTaken as error:
                return _Taken(file, told(error))

        self._do(work, tr("importing {name}", name=file.name),
                 lambda taken: taken if isinstance(taken, _Taken) else tr("{name} was imported.", name=taken))

    def delete(self, entry: Entry) -> None:
        """Delete somebody's file."""
        self._do(lambda: self._people.delete(entry.name), tr("deleting {name}", name=entry.name),
                 lambda _: tr("{name} was deleted.", name=entry.name))

    def stop(self, timeout_ms: int = 8000) -> bool:
        """Wait for what is under way; False when it didn't end in time."""
        return self._chores.stop(timeout_ms)

    def _do(self, work: Callable[[], Any], doing: str, words: Callable[[Any], str | _Taken]) -> None:
        def run(_say: object, _cancelled: object) -> tuple[str | _Taken, tuple[Entry, ...]]:
            said = words(work())
            return said, self._people.look()

        if self._chores.start(run, doing, self._done, self._failed):
            self.changed.emit()

    def _done(self, outcome: tuple[str | _Taken, tuple[Entry, ...]]) -> None:
        said, self.entries = outcome
        self.known = True
        self.changed.emit()
        if isinstance(said, _Taken):
            self.name_taken.emit(said.file, said.message)
        elif said:
            self.told.emit(said)
        self._look_again()

    def _failed(self, message: str) -> None:
        self.changed.emit()
        self.failed.emit(message)
        self._look_again()

    def _look_again(self) -> None:
        if self._again:
            self.refresh()


def unfit(who: Entry | About, prior_digest: str, head: str) -> str:
    """Why a person can't be used with the model and head in use, in words; '' when they can. head: '' where none is known yet."""
    if who.prior_digest != prior_digest:
        prior = who.prior if isinstance(who, Entry) else who.prior_name
        return tr("{name} was learned with the model '{model}', which is not the one in use.", name=who.name, model=prior)
    if head and who.head != head:
        return tr("{name} was learned with the head {head}, which is not the one in use.", name=who.name,
                  head=head_title(who.head))
    return ""
