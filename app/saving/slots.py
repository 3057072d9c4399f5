"""Empty slots: what an edit names and is not there. It is looked for, held as long as the edit may need it, and asked for."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from app.dialogs.kinds import kinds, photos
from app.jobs import CopyJob, EngineJob, OpenJob
from app.language import tr
from app.saving.asking import ask_about_another
from app.saving.line import Line
from app.saving.photos import HeldPhoto
from app.saving.slot_bar import COPY, MODEL, PERSON, PHOTO, Slot, SlotBar
from app.saving.state import pictures_needed
from app.setup import Setup
from core.errors import UserError
from core.people.header import read_about
from core.project import NamedModel, NamedPhoto
from core.project.places import find_same, is_same
from core.rig import Copy

if TYPE_CHECKING:
    from app.window import Window



@dataclass(frozen=True)
class _Asked:
    """A copied photo that is looked for or being opened. sure: the file is known to be the same picture; else digests tell."""

    digest: str
    sure: bool


class Slots(QObject):
    """Belongs to a window. bar: shows them. copies: the copied photos that are known, by digest.

    photo_found(path): a file for the photo itself was chosen. photo_removed: it is given up.
    """

    photo_found = Signal(object)
    photo_removed = Signal()

    def __init__(self, window: Window, line: Line) -> None:
        super().__init__(window)
        self._window, self._line = window, line
        self.bar = SlotBar(window.theme)
        self.copies: dict[str, HeldPhoto | NamedPhoto] = {}
        self.model: NamedModel | None = None  # what the project was made with, where it is another than the one in use
        self._photo: NamedPhoto | None = None
        self._held: dict[str, Any] = {}  # sessions: the engine forgets what nobody holds
        self._asked: dict[EngineJob, _Asked] = {}
        self._looked: set[str] = set()
        self._doubtful: set[str] = set()  # people that a project named
        self._taken: set[str] = set()
        worker = window.thread_of_engine.worker
        worker.copied.connect(self._copied)  # before the window puts it into the edit
        worker.made.connect(self._made)
        worker.failed.connect(self._failed)
        worker.person_taken.connect(self._person_taken)
        self.bar.find_asked.connect(self.find)
        self.bar.remove_asked.connect(self.remove)

    def connect_all(self) -> None:
        """Once the window has all its parts."""
        window = self._window
        window.add_bar(self.bar)
        window.document.changed.connect(self.refresh)
        window.people.shelf.changed.connect(self.refresh)

    def begin(self, copies: tuple[NamedPhoto, ...] = (), person: str = "", model: NamedModel | None = None) -> None:
        """Another document. What a project says of the photos, the person and the model it was made with."""
        self.copies = {photo.digest: photo for photo in copies}
        self._doubtful |= {person} if person else set()
        self._looked.clear()
        needed = pictures_needed(self._window.document.edit)
        self._held = {digest: session for digest, session in self._held.items() if digest in needed}
        self._photo, self.model = None, model
        self._fit_model()
        self.refresh()

    def miss_photo(self, photo: NamedPhoto | None) -> None:
        """The photo itself is missing; None: no longer."""
        self._photo = photo
        self.show()

    def engine_changed(self) -> None:
        """What the engine before held is gone with it."""
        self._held.clear()
        self._asked.clear()
        self._looked.clear()
        self.refresh()

    @property
    def held(self) -> tuple[Any, ...]:
        """The sessions of the photos that the edit copies pixels of."""
        return tuple(self._held.values())

    # -- what is missing

    def refresh(self) -> None:
        """Look at the edit: ask for what it needs, and set aside what can't be had."""
        document = self._window.document
        needed = pictures_needed(document.edit)
        for digest, copy in needed.items():
            if digest not in self._held and digest not in self._looked:
                self._looked.add(digest)
                self._look(digest, copy)
        person = document.edit.person
        absent = {digest for digest in needed if digest not in self._held}
        absent |= {person.digest} if person is not None and self._is_absent(person.digest) else set()
        document.set_absent(frozenset(absent))
        self.show()

    def _is_absent(self, person: str) -> bool:
        return person in self._doubtful - self._taken and self._window.people.shelf.entry_of(person) is None

    def show(self) -> None:
        """The bar, as things are now."""
        document, asked = self._window.document, {one.digest for one in self._asked.values()}
        slots = [Slot(PHOTO, self._photo.name, _folder(self._photo.path))] if self._photo is not None else []
        engine = self._window.engine
        if self.model is not None and engine is not None and self._window.models.switching.loading is None:
            if self._is_in_use(self.model):
                self.model = None
            else:
                slots.append(Slot(MODEL, self.model.name or tr("an unknown one"), digest=self.model.digest))
        person = document.edit.person
        if person is not None and self._is_absent(person.digest) and self._window.people.shelf.known:
            slots.append(Slot(PERSON, person.name, digest=person.digest))
        for digest, copy in pictures_needed(document.edit).items():
            if digest not in self._held and digest not in asked and document.session is not None and digest in self._looked:
                known = self.copies.get(digest)
                slots.append(Slot(COPY, copy.label or (known.name if known else tr("another photo")),
                                  _folder(known.path) if known else "", digest))
        self.bar.show_slots(slots)

    # -- copied photos

    def _copied(self, job: CopyJob, session: Any) -> None:
        self._hold(session)

    def _hold(self, session: Any) -> None:
        self._held[session.digest] = session
        self.copies[session.digest] = HeldPhoto(session)

    def _look(self, digest: str, copy: Copy) -> None:
        """Find the file, in a thread, and have the engine open it."""
        known = self.copies.get(digest)
        photo = known.named(True) if isinstance(known, HeldPhoto) else known or NamedPhoto(copy.label, digest=digest)
        hints = self._hints()
        looking = EngineJob(lambda _engine, _report: None)
        asked = _Asked(digest, bool(photo.sha256 or photo.pixels))
        self._asked[looking] = asked  # no slot yet

        def found(path: Path | None) -> None:
            self._asked.pop(looking, None)
            if path is not None:
                self._open(asked, OpenJob(path, photo.face))
            elif photo.data is not None:
                self._open(asked, OpenJob(photo.path or Path(photo.name), photo.face, photo.data))
            self.refresh()

        self._line.put(partial(find_same, photo, hints), tr("looking for {name}", name=photo.name), found,
                           lambda _message: found(None))

    def _hints(self) -> list[Path]:
        session = self._window.document.session
        own = session.photo.path if session is not None else None
        return [*([own.parent] if own is not None else []), Path(self._window.settings.folder or ".")]

    def _open(self, asked: _Asked, source: OpenJob) -> None:
        job = EngineJob(lambda engine, _report: engine.open(source.source(), source.face), f"reading {source.path.name}")
        self._asked[job] = asked
        self._window.thread_of_engine.put(job)

    def _made(self, job: EngineJob, session: Any) -> None:
        asked = self._asked.pop(job, None)
        if asked is None:
            return
        if session.digest == asked.digest or asked.sure:
            self._hold(session)
        if session.digest != asked.digest and asked.sure:  # the same picture; where its face lies was measured anew
            self._window.document.substitute(asked.digest, session.digest)
            self.copies.pop(asked.digest, None)
        self.refresh()

    def _failed(self, job: Any, _message: str) -> None:
        if isinstance(job, EngineJob) and self._asked.pop(job, None) is not None:
            self.refresh()

    # -- people and models

    def _person_taken(self, _job: Any, person: Any) -> None:
        self._taken.add(person.digest)
        self.refresh()

    def _is_in_use(self, model: NamedModel) -> bool:
        engine = self._window.engine
        prior, head = getattr(engine, "prior", None), getattr(engine, "head", None)
        return model.digest in ("", getattr(prior, "digest", "")) and model.head in ("", getattr(head, "name", ""))

    def _fit_model(self) -> None:
        """Load the model that the project was made with, if it is here."""
        window, model = self._window, self.model
        if model is None or window.engine is None or self._is_in_use(model):
            return
        wanted = Setup(model.prior, model.head or None, model.estimator or None)
        now = window.models.switching.setup
        if (model.prior, model.head) != (now.prior, getattr(window.engine.head, "name", "")):
            window.models.switching.ask(wanted)

    # -- finding and removing

    def find(self, slot: Slot) -> None:
        """Let the user show where it is."""
        window = self._window
        if slot.kind == MODEL:
            window.models.open_dialog()
        elif slot.kind == PERSON:
            path, _ = QFileDialog.getOpenFileName(window, tr("Find {name}", name=slot.name), window.settings.people_folder,
                                                  kinds((tr("People"), (".safetensors",))))
            if path:
                self._try_person(slot, Path(path))
        else:
            path, _ = QFileDialog.getOpenFileName(window, tr("Find {name}", name=slot.name), window.settings.folder, photos())
            if path:
                self._try_photo(slot, Path(path))

    def try_photo(self, path: Path, other: Callable[[], object]) -> None:
        """A photo is opened or dropped while one is missing: it takes the empty place, if it is the one; else `other` is done."""
        wanted = self._photo

        def looked(same: bool) -> None:
            if same and wanted is self._photo:
                self.photo_found.emit(path)
            else:
                other()

        self._line.put(lambda: wanted is not None and bool(wanted.sha256 or wanted.pixels) and is_same(path, wanted),
                       tr("looking at {name}", name=path.name), looked, lambda _message: looked(False))

    def _try_photo(self, slot: Slot, path: Path) -> None:
        known = self._photo if slot.kind == PHOTO else self.copies.get(slot.digest)
        wanted = known.named(False) if isinstance(known, HeldPhoto) else known or NamedPhoto(slot.name, digest=slot.digest)
        other: Callable[[], object] = partial(self._window.copy_from, path, "appearance")
        use: Callable[[], object] = partial(self._open, _Asked(slot.digest, True), OpenJob(path, wanted.face))
        if slot.kind == PHOTO:
            use = other = partial(self.photo_found.emit, path)
        elif not wanted.sha256 and not wanted.pixels:
            use = other

        def looked(same: bool) -> None:
            if same:
                use()
                self.show()
                return
            ask_about_another(self._window, tr("{file} is another picture than {name}.", file=path.name, name=slot.name),
                              tr("The edit was made for the one that is missing."), other, lambda: self.find(slot))

        self._line.put(partial(is_same, path, wanted), tr("looking at {name}", name=path.name), looked, self._window.banner.say)

    def _try_person(self, slot: Slot, path: Path) -> None:
        window = self._window
        try:
            about = read_about(path)
        except UserError as error:
            window.banner.say(str(error))
            return
        if about.digest == slot.digest:
            window.people.use(path)
        else:
            ask_about_another(window, tr("{file} holds another model than the one of {name}.", file=path.name, name=slot.name),
                              tr("Its name is {name}. Pictures will look different.", name=about.name),
                              lambda: window.people.use(path), lambda: self.find(slot))

    def remove(self, slot: Slot) -> None:
        """Go on without it; what was of the edit can be undone."""
        document = self._window.document
        if slot.kind == PHOTO:
            self.photo_removed.emit()
        elif slot.kind == MODEL:
            self.model = None
            self.show()
        elif slot.kind == PERSON:
            document.set_person(None)
        else:
            document.drop_copy("appearance")


def _folder(path: Path | None) -> str:
    return tr("in {folder}", folder=path.parent) if path is not None else ""
