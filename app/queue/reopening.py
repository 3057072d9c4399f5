"""Edits opened again from exported pictures and reports: the question, and the way to photo, person and rig."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.dialogs.kinds import kinds, photos
from app.language import tr
from app.names import block_name, full_name, listing
from core.errors import AssetError, UserError
from core.export import SUFFIXES as WRITTEN
from core.people.header import About, read_about
from core.people.shelf import find_digest
from core.photo import SUFFIXES
from core.reopen import Reopened, holds_edit, read_edit

if TYPE_CHECKING:
    from app.window import Window




class Reopening(QObject):
    """Belongs to a window. Nothing of the present edit is lost: what is opened in its place is asked for, as any photo is."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._pending: Reopened | None = None  # what to lay over the photo that is being opened

    def connect_all(self) -> None:
        """Once the window has its parts."""
        self._window.document.opened.connect(self._opened)
        self._window.thread_of_engine.worker.failed.connect(self._failed)

    def ask(self) -> None:
        """Let the user choose a picture or report."""
        window = self._window
        path, _ = QFileDialog.getOpenFileName(window, tr("Open the edit of a picture"), window.settings.export_folder,
                                              kinds((tr("Exported pictures and reports"), (*sorted(WRITTEN), ".json"))))
        if path:
            self.open(Path(path))

    def offers(self, path: Path) -> bool:
        """Whether a file that is opened or dropped holds an edit; the user is asked then what to do with it."""
        if not holds_edit(path):
            return False
        self.open(path)
        return True

    def open(self, path: Path) -> QMessageBox | None:
        """Ask what to do with the edit of a file; what it lacks is said. None where it holds none, which is said, too."""
        try:
            found = read_edit(path)
        except UserError as error:
            self._window.banner.say(str(error))
            return None
        session = self._window.document.session
        open_already = session is not None and session.digest == found.request.photo
        photo = session.photo.path if open_already else found.find_photo()
        box = _question(self._window, found, photo, session is not None and not open_already)
        box.buttons_run(lambda: self._open_source(found, photo), lambda: self._choose_source(found),
                        lambda: self._apply(found), lambda: self._open_photo(path, None, None))
        box.open()
        return box

    # -- ways

    def _open_source(self, found: Reopened, photo: Path | None) -> None:
        session = self._window.document.session
        if session is not None and session.digest == found.request.photo:
            self._apply(found)  # it is open already
            return
        if photo is None:
            self._choose_source(found)
            return
        self._open_photo(photo, found.face, found)

    def _choose_source(self, found: Reopened) -> None:
        window = self._window
        path, _ = QFileDialog.getOpenFileName(window, tr("Find {photo}", photo=found.photo or tr("the photo")),
                                              str(found.file.parent / found.photo), photos())
        if path:
            self._open_photo(Path(path), found.face, found)

    def _open_photo(self, path: Path, face: int | None, then: Reopened | None) -> None:
        """Open a photo where no change is lost by it, and then lay the edit over it."""
        def go() -> None:
            self._pending = then
            self._window.open_photo(path, face)

        self._window.projects.guard(go, tr("Opening {name}", name=path.name))

    def _opened(self) -> None:
        if self._pending is None:
            return
        found, self._pending = self._pending, None
        same = self._window.document.session.digest == found.request.photo
        self._apply(found, "" if same else tr("This is not {photo} that the picture was made from; its edit is laid over it.",
                                              photo=found.shown_photo))

    def _failed(self, job: Any, _message: str) -> None:
        if self._pending is not None and getattr(job, "path", None) is not None:
            self._pending = None

    def _apply(self, found: Reopened, note: str = "") -> None:
        """Take over rig, appearance and person as one step; what is missing is said."""
        window, notes = self._window, [note] if note else []
        request, person = found.request, self._person(found)
        if person is None and request.person is not None:
            notes.append(tr("The person whose model painted it is not here: the model alone paints it."))
            request = replace(request, person=None, identity=())
        prior = window.document.prior_digest
        if prior and request.prior and request.prior != prior:
            notes.append(tr("It was made with the model {model}, so the picture may differ.",
                            model=found.model or request.prior[:12]))
        window.document.restore(request, tr("Open the edit of {name}", name=found.file.name), person)
        if window.document.set_aside:
            notes.append(tr("The head in use lacks {names}.", names=listing(window.document.set_aside)))
        if notes:
            window.banner.say(" ".join(notes), "info")

    @staticmethod
    def _person(found: Reopened) -> About | None:
        if found.request.person is None:
            return None
        try:
            file = find_digest(found.request.person)
            return read_about(file) if file is not None else None
        except AssetError:
            return None


class Question(QMessageBox):
    """What to do with an edit that was found in a file."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(QMessageBox.Icon.NoIcon, tr("Open an edit"), "", parent=parent)
        self.setTextFormat(Qt.TextFormat.PlainText)  # names come from files
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.ways: list[Any] = []

    def buttons_run(self, *runs: Callable[[], object]) -> None:
        """What each button does, in the order in which they were added (None for one that isn't there)."""
        def answered() -> None:
            for button, run in zip(self.ways, runs, strict=True):
                if button is not None and self.clickedButton() is button:
                    run()

        self.finished.connect(answered)


def _question(parent: QWidget, found: Reopened, photo: Path | None, has_photo: bool) -> Question:
    box = Question(parent)
    box.setText(tr("{name} was made with DiffusionRig Studio. Open its edit?", name=found.file.name))
    edits = [full_name(name) for name, _ in found.request.rig.values] + [
        tr("{block} copied from another photo", block=block_name(copy.block)) for copy in found.request.rig.copies]
    lines = [tr("Edit: {names}", names=listing(edits, 8)) if edits else tr("Nothing is edited in it."),
             tr("Photo: {path}", path=photo) if photo is not None else
             tr("Photo: {name} was not found. Find it, or use the edit on another photo.",
                name=f"'{found.photo}'" if found.photo else tr("the photo it was made from"))]
    if found.person_missing:
        lines.append(tr("Person: the model that painted it is not here. Import it in People, or go on without."))
    box.setInformativeText("\n".join(lines))
    role = QMessageBox.ButtonRole
    source = box.addButton(tr("Open its edit"), role.AcceptRole) if photo is not None else None
    find = box.addButton(tr("Find the photo …"), role.AcceptRole) if photo is None else None
    apply = box.addButton(tr("Use it on the open photo"), role.ActionRole) if has_photo else None
    plain = None
    if found.file.suffix.lower() in SUFFIXES:
        plain = box.addButton(tr("Open the picture itself"), role.ActionRole)
    box.ways = [source, find, apply, plain]
    box.setEscapeButton(box.addButton(tr("Cancel"), role.RejectRole))
    first = source or find
    if first is not None:
        box.setDefaultButton(first)
    return box
