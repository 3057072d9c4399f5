"""Saving: the document as a project, written beside the window, and what waits for it."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog

from app.dialogs.kinds import kinds
from app.language import tr
from app.saving import state
from app.saving.asking import ask_over
from app.saving.photos import HeldPhoto
from core.project import SUFFIX, Project, write_project

if TYPE_CHECKING:
    from app.projects import Projects

TOLD_MS = 4000  # that a message about a file saved stays
Then = Callable[[], object] | None


class Writing(QObject):
    """Belongs to the window's projects."""

    def __init__(self, projects: Projects) -> None:
        super().__init__(projects)
        self._projects = projects
        self._count = 0
        self._then: list[Callable[[], object]] = []

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self._count > 0

    def after(self, then: Callable[[], object]) -> None:
        """Do it when all is written; not at all when that fails."""
        self._then.append(then)

    def ask(self, suggested: Path, then: Then = None) -> None:
        """Let the user choose the name."""
        window = self._projects.window
        path, _ = QFileDialog.getSaveFileName(window, tr("Save project"), str(suggested), kinds((tr("Projects"), (SUFFIX,))))
        if not path:
            return
        chosen = Path(path)
        if chosen.suffix.lower() != SUFFIX:
            chosen = chosen.with_name(chosen.name + SUFFIX)
            if chosen.exists() and not ask_over(window, chosen):
                return
        self.write(chosen, then)

    def write(self, path: Path, then: Then = None) -> None:
        """Write the document as it is now. then: what follows."""
        projects, window = self._projects, self._projects.window
        window.document.end()
        edit = window.document.edit if projects.pending is None else None
        marks, make, first = projects.marks_now(), self.maker(window.settings.embed_photo), path != projects.path
        opened = projects.opened_count
        self._count += 1
        if then is not None:
            self.after(then)

        def written(_: Path) -> None:
            self._count -= 1
            if opened == projects.opened_count:  # else another document is open by now
                projects.written(path, edit, marks)
            if first:
                self._tell(path)
            if not self._count:
                waiting, self._then = self._then, []
                for run in waiting:
                    run()

        def failed(message: str) -> None:
            self._count -= 1
            self._then.clear()  # nothing that would lose the work
            window.leaving.stay()
            window.banner.say(message, button=tr("Save as …"), run=projects.save_as)

        projects.line.put(lambda: write_project(path, make()), f"saving {path.name}", written, failed)

    def _tell(self, path: Path) -> None:
        """Where it is, for a while; later the status line says whether it is saved."""
        banner = self._projects.window.banner
        text = tr("Saved as {path}", path=path)
        banner.say(text, "info")
        QTimer.singleShot(TOLD_MS, banner, lambda: banner.hide() if banner.text == text else None)

    def maker(self, embed: bool, most: int | None = None) -> Callable[[], Project]:
        """The document as it is now, as a function that makes the project of it, in a thread. most: pictures of the history that
        are neither pinned nor named."""
        projects, window = self._projects, self._projects.window
        if projects.pending is not None:
            return partial(_same, projects.pending.project)
        photo, loaded, document = projects.photo, projects.loaded, window.document
        assert photo is not None
        edit, snapshots = document.edit, state.newest(window.history.snapshots(), most)
        copies = projects.slots.copies
        known = [copies[digest] for digest in state.pictures_needed(edit, snapshots) if digest in copies]
        model = projects.slots.model or state.model_of(window.engine, window.models.switching.setup)
        picture = projects.picture if projects.picture is not None else photo.crop
        project = Project(state.request_of(document), None, edit.person, edit.timeline, model, (), snapshots,
                          state.view_of(window), picture, other=loaded.project.other if loaded is not None else {})

        def make() -> Project:
            named = tuple(one.named(embed) if isinstance(one, HeldPhoto) else one for one in known)
            return replace(project, photo=photo.named(embed), copies=named)
        return make


def _same(project: Project) -> Project:
    return project
