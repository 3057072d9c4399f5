"""Projects: saving, opening, autosaving and getting back what a crash left."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFileDialog

from app.dialogs.kinds import kinds
from app.edit import Edit
from app.jobs import OpenJob
from app.language import tr
from app.parts import Part
from app.rig_clipboard import RigClipboard
from app.saving import state
from app.saving.asking import ask_about_changes
from app.saving.autosave import Autosave
from app.saving.drops import Drops
from app.saving.line import Line
from app.saving.photos import HeldPhoto
from app.saving.reading import Loaded, Reading
from app.saving.recent import Recent
from app.saving.recovering import Recovering
from app.saving.slots import Slots
from app.saving.taking import take
from app.saving.writing import Writing
from core import paths
from core.photo import SUFFIXES
from core.project import SUFFIX, NamedPhoto, Project, ProjectError, read_project
from core.project.places import note_photo
from core.project.project import is_project
from core.project.recovery import Left

if TYPE_CHECKING:
    from app.window import Window

TITLE = "DiffusionRig Studio"
KEPT_PICTURES = 60  # of the history, against a crash: the newest, and all that are pinned or named


class Projects(Part):
    """Belongs to a window. changed: the document's name, or whether it is saved, is another."""

    changed = Signal()

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.line = Line(self)
        self.autosave = Autosave(self.line, self._to_keep, self)
        self.recent = Recent(window.settings, window)
        self.slots = Slots(window, self.line)
        self.recovering = Recovering(self)
        self.drops = Drops(window)
        self.reading = Reading(self)
        self.writing = Writing(self)
        self.rigs = RigClipboard(window)
        self.path: Path | None = None
        self.loaded: Loaded | None = None  # what the document came from
        self.pending: Loaded | None = None  # a project whose photo is missing
        self.opened_count = 0  # of documents that were open in this window
        self.photo: HeldPhoto | None = None
        self.picture: Any = None  # the last that was made, (S, S, 3) uint8
        self.marks: tuple[Any, ...] = ()  # of the history, as they were saved
        self._marked = False  # whether the history's are others now
        self._shown = ("", False, "")
        self._given_up = False
        a = window.actions_by_name
        a.add("save", tr("&Save project"), self.save, "Ctrl+S", tip=tr("Save the project: photo, edit and history"))
        a.add("save-as", tr("Save project &as …"), self.save_as, "Ctrl+Shift+S", tip=tr("Save the project under another name"))
        a.add("embed", tr("Keep the &photo in the project"), self._set_embed, check=window.settings.embed_photo,
              tip=tr("A project then opens on any computer; without, it only knows where the photo is"))
        a.by_name["recent"] = self.recent.menu.menuAction()
        a["save"].setEnabled(False)
        a["save-as"].setEnabled(False)

    def connect_all(self) -> None:
        """Once the window has all its parts and widgets."""
        window = self.window
        self.slots.connect_all()
        self.slots.photo_found.connect(self._photo_found)
        self.slots.photo_removed.connect(self._photo_removed)
        self.recent.chosen.connect(self.take)
        self.autosave.failed.connect(self._not_kept)
        window.document.opened.connect(self._opened)
        window.document.changed.connect(self._edited)
        window.document.modified_changed.connect(self._show_name)
        window.history.changed.connect(self._history_changed)
        window.live.shown.connect(self._note_picture)
        self.drops.taken.connect(self.take)

    # -- what it is called, and whether it is saved

    @property
    def name(self) -> str:
        """Of the project, else of the photo; '' without either."""
        if self.path is not None:
            return self.path.name
        if self.pending is not None and self.pending.project.photo is not None:
            return self.pending.project.photo.name
        return self.photo.name if self.photo is not None else ""

    @property
    def modified(self) -> bool:
        """Whether work would be lost."""
        if self.pending is not None:
            return not self.pending.saved
        window = self.window
        return window.document.session is not None and (
            window.document.modified or self._marked)

    def marks_now(self) -> tuple[Any, ...]:
        """What the user did to the history."""
        return state.marks_of(self.window.history.snapshots())

    def _show_name(self, *_: Any) -> None:
        window, name, modified = self.window, self.name, self.modified
        if self.path is not None:
            words = tr("{name}, not saved", name=name) if modified else tr("{name}, saved", name=name)
        else:
            words = tr("Not saved") if modified else ""
        if (name, modified, words) != self._shown:
            self._shown = (name, modified, words)
            window.setWindowTitle(f"{name}[*] — {TITLE}" if name else TITLE)
            window.setWindowModified(modified)
            window.status.set_saved(words)
            self.changed.emit()

    def guard(self, then: Callable[[], object], doing: str) -> None:
        """Do it when no work is lost by it: at once, or when it is saved or given up. doing: what it is, 'Closing' for one."""
        if self.writing.busy:
            self.writing.after(lambda: self.guard(then, doing))
        elif self.modified:
            ask_about_changes(self.window, self.name, doing, lambda: self.save(then), then)
        else:
            then()

    # -- opening

    def ask_open(self) -> None:
        """Let the user choose a photo or a project."""
        path, _ = QFileDialog.getOpenFileName(self.window, tr("Open photo or project"), self.window.settings.folder,
                                              kinds((tr("Photos and projects"), (SUFFIX, *sorted(SUFFIXES))),
                                                    (tr("Projects"), (SUFFIX,)), (tr("Photos"), sorted(SUFFIXES)),
                                                    everything=True))
        if path:
            self.take(Path(path))

    def take(self, path: Path | str, face: int | None = None) -> None:
        """A file that was dropped, chosen or named: see `app.saving.taking`."""
        take(self.window, Path(path), face)

    def open(self, path: Path, face: int | None = None) -> None:
        """Open it; the present document stays until it is there."""
        if is_project(path):
            self.reading.read(lambda: read_project(path), path)
        else:
            self.window.open_photo(path, face)

    def other_face(self, index: int) -> None:
        """Another face of the photo, as a new document."""
        session, loaded = self.window.document.session, self.loaded
        data = loaded.project.photo.data if loaded is not None and loaded.found is None and loaded.project.photo else None
        if session is not None and session.photo.path is not None:
            self.guard(lambda: self.window.open_photo(session.photo.path, index, data), tr("Going to another face"))

    def restore(self, left: Left) -> None:
        """Open what a crash left; it is this window's from then on."""
        def read() -> Project:
            project = left.read()
            if not self.autosave.keeper.adopt(left):
                raise ProjectError(tr("Another window has restored this already."))
            return project

        self.reading.read(read, left.path, saved=False)

    def wait_for_photo(self, loaded: Loaded) -> None:
        """The project is open, its photo is an empty slot."""
        window = self.window
        window.close_photo(state.edit_of(loaded.project))
        self.opened_count += 1
        self.photo, self.pending, self.loaded, self.path = None, loaded, loaded, loaded.path
        self.picture = loaded.project.picture
        self.slots.begin()
        self.slots.miss_photo(loaded.project.photo or NamedPhoto(tr("of this project")))
        window.history.load(loaded.project.snapshots)
        window.history.shelf.open(loaded.project.photo.digest if loaded.project.photo is not None else "")
        self._tell_notes(loaded.project)
        self._after_opening(loaded.path)

    def _photo_found(self, path: Path) -> None:
        if self.pending is not None:
            self.reading.ask(replace(self.pending, found=path), path)

    def _photo_removed(self) -> None:
        def close() -> None:
            self.pending = self.loaded = self.path = None
            self.slots.begin()
            self._show_name()
            self.autosave.keep()
        self.guard(close, tr("Closing {name}", name=self.name))

    def edit_for(self, job: OpenJob) -> tuple[Edit | None, bool]:
        """For the window: the edit that a photo just opened starts with (None: a new one), and whether it is saved."""
        loaded = self.reading.taken(job)
        return (state.edit_of(loaded.project), loaded.saved) if loaded is not None else (None, True)

    def _opened(self) -> None:
        """The document is there, not yet shown; not when only its head is another one."""
        fresh = self.reading.fresh()
        if fresh is None:
            return
        job, loaded = fresh
        window, session = self.window, self.window.document.session
        self.opened_count += 1
        self.pending, self.loaded, self.path = None, loaded, loaded.path if loaded is not None else None
        self.photo, self.picture = HeldPhoto(session, job.data), None
        if loaded is not None:
            project = loaded.project
            window.history.load(project.snapshots)
            self.slots.begin(project.copies, project.person.digest if project.person is not None else "", project.model)
            state.show_view(window, project.view)
            self._tell_notes(project)
            self.loaded = replace(loaded, project=replace(project, snapshots=(), picture=None))  # the history has them
        else:
            self.slots.begin()
        self.marks, self._marked = self.marks_now(), False
        if job.data is None:
            self.line.put(partial(note_photo, session.digest, job.path), tr("noting where the photo is"), _nothing, _nothing)
        self._after_opening(self.path or job.path)

    def _after_opening(self, path: Path | None) -> None:
        a = self.window.actions_by_name
        a["save"].setEnabled(True)
        a["save-as"].setEnabled(True)
        if path is not None and not path.is_relative_to(paths.RESOURCES):
            self.recent.note(path)
            self.keep_settings()
        self._show_name()
        self.autosave.touch()

    def keep_settings(self) -> None:
        """Write them now: the list of recent files is not to be lost with the program."""
        self.line.put(self.window.settings.save, tr("writing the settings"), _nothing, _nothing)

    def _tell_notes(self, project: Project) -> None:
        if project.notes:
            rest = tr(" And {count} more.", count=len(project.notes) - 3) if len(project.notes) > 3 else ""
            QTimer.singleShot(0, self, lambda: self.window.banner.say(" ".join(project.notes[:3]) + rest))

    # -- saving

    def save(self, then: Callable[[], object] | None = None) -> None:
        """Save under the present name, or ask for one. then: what follows when it is written."""
        if self.path is None:
            self.save_as(then)
        else:
            self.writing.write(self.path, then)

    def save_as(self, then: Callable[[], object] | None = None) -> None:
        """Save under a name that the user gives."""
        if self.name:
            folder = self.path.parent if self.path is not None else Path(self.window.settings.folder or ".")
            self.writing.ask(folder / f"{Path(self.name).stem}{SUFFIX}", then)

    def written(self, path: Path, edit: Edit | None, marks: tuple[Any, ...]) -> None:
        """This edit with these marks of the history is in a file now; None: a project whose photo is missing."""
        self.path = path
        if edit is not None:
            self.window.document.mark_saved(edit)
            self.marks, self._marked = marks, self.marks_now() != marks
        elif self.pending is not None:
            self.pending = replace(self.pending, path=path, saved=True)
        self.recent.note(path)
        self.window.settings.folder = str(path.parent)
        self.keep_settings()
        self._show_name()
        self.autosave.keep()

    def _set_embed(self, on: bool) -> None:
        self.window.settings.embed_photo = on

    # -- keeping against a crash

    def _edited(self) -> None:
        if self.window.document.session is not None:
            self._show_name()
            self.autosave.touch()

    def _history_changed(self) -> None:
        self._marked = self.marks_now() != self.marks
        self._edited()

    def _note_picture(self, result: Any) -> None:
        self.picture = result.crop

    def _to_keep(self) -> tuple[Callable[[], Project], str, Path | None, int] | None:
        if not self.modified:
            return None
        make = self.writing.maker(True, KEPT_PICTURES)
        return make, self.name, self.path, self.window.document.undo_stack.index()

    def _not_kept(self, message: str) -> None:
        self.window.banner.say(tr("A copy against a crash can't be kept: {reason}", reason=message), button=tr("Save as …"),
                               run=self.save_as)

    # -- the window

    def photo_usable(self, on: bool) -> None:
        """Rigs can be copied and pasted."""
        self.rigs.usable(on)

    def engine_changed(self, engine: Any) -> None:
        """Copied photos are to be opened with it too."""
        self.slots.engine_changed()

    def may_close(self) -> bool:
        """False while the user is asked, or something is being saved; the window is closed again then."""
        if self._given_up:
            return True
        if not self.writing.busy and not self.modified:
            return True
        self.guard(self.close_anyway, tr("Closing"))
        return False

    def close_anyway(self) -> None:
        """Close the window; what isn't saved is given up."""
        self._given_up = True
        self._given_up = self.window.close()

    def stop(self) -> bool:
        """The window closes, and all is saved or given up."""
        ended = self.line.stop()
        if ended:
            self.autosave.stop()
        return ended


def _nothing(_: Any) -> None:
    """For those who don't want to hear."""
