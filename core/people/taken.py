"""The people an engine paints with: read once, checked, kept while they are new, and read again when they are asked for later."""
from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from core.backends import Backend
from core.errors import AssetError, UserError
from core.head.base import HeadModel
from core.model import Model
from core.people.names import visible
from core.people.person import Person, read_person
from core.people.shelf import find_digest, find_person
from core.prior import Prior

KEPT = 3


class Taken:
    """People of one prior and head. At most `KEPT` are held with their networks; of the others only the place is remembered."""

    def __init__(self, prior: Prior, head: HeadModel, backend: Backend) -> None:
        self._prior, self._head, self._backend, self._singly = prior, head, backend, False
        self._models: OrderedDict[str, Model] = OrderedDict()
        self._places: dict[str, tuple[Path, str]] = {}  # digest -> file, name
        self._marks: dict[Path, tuple[tuple[int, ...], str]] = {}  # file -> its size and times when it was read, digest

    def use(self, backend: Backend, singly: bool) -> None:
        """Build networks in another way from now on (see `core.memory`); those that are there are let go of."""
        self._backend, self._singly = backend, singly
        self._models.clear()

    def take(self, name_or_path: str | Path) -> Person:
        """The person of a name or file, ready to paint with; one whose file did not change is not read again.

        Raises AssetError when there is none, or the file can't be used with this prior and head.
        """
        path = find_person(name_or_path).absolute()
        mark, digest = self._marks.get(path, (None, ""))
        if digest in self._models and mark == _mark(path):
            self._models.move_to_end(digest)
            return self._person(digest)
        return self._read(path)

    def person(self, digest: str) -> Person:
        """The person of a digest: one that was taken before, or is on the shelf. Raises UserError when it is neither."""
        self.model(digest)
        return self._person(digest)

    def model(self, digest: str) -> Model:
        """The model of a person, as `person`."""
        if digest not in self._models:
            self._again(digest)
        self._models.move_to_end(digest)
        return self._models[digest]

    def _person(self, digest: str) -> Person:
        person = self._models[digest].person
        assert person is not None
        return person

    def _again(self, digest: str) -> None:
        """Read a person that was let go of, or that only a request names."""
        path, name = self._places.get(digest, (None, ""))
        if path is None or not path.is_file():
            found = find_digest(digest)  # it may have been renamed
            if found is None:
                raise UserError(f"The file of '{name}', {path}, is no longer there. Choose the person again." if path else
                                f"There is no person '{visible(digest)[:12]}' here. Import that person first.")
            path = found
        if self._read(path).digest != digest:
            raise UserError(f"{path} has changed since '{name}' was chosen. Choose the person again.")

    def _read(self, path: Path) -> Person:
        mark = _mark(path)
        person = read_person(path)
        person.check(self._prior)
        if person.identity and len(person.identity) != self._head.identity_size:
            raise AssetError(f"The mean identity of '{person.name}' has {len(person.identity)} numbers, but the "
                             f"'{self._head.name}' head takes {self._head.identity_size}. Use the head '{person.head}'.")
        model = self._models.pop(person.digest, None) or Model(self._prior, self._backend, person, self._singly)
        model.person = person  # the same weights, perhaps under another name
        self._models[person.digest] = model
        self._places[person.digest] = path, person.name
        self._marks[path] = mark, person.digest
        while len(self._models) > KEPT:
            self._models.popitem(last=False)
        return person


def _mark(path: Path) -> tuple[int, ...]:
    """Changes when a file does; () where it can't be asked."""
    try:
        facts = path.stat()
    except OSError:
        return ()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino
