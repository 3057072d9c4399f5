"""Opening projects: reading them beside the window, finding their photo, having the engine open it."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.jobs import OpenJob
from app.language import tr
from core.project import Project
from core.project.places import find_same

if TYPE_CHECKING:
    from app.projects import Projects


@dataclass(frozen=True, eq=False)
class Loaded:
    """A project that was read. path: its file, None where it was never saved. saved: whether the file holds this. found: where
    its photo is, None where that is nowhere but perhaps in the project."""

    project: Project
    path: Path | None
    saved: bool = True
    found: Path | None = None


class Reading(QObject):
    """Belongs to the window's projects. From asking for a project to the photo that is open with its edit."""

    def __init__(self, projects: Projects) -> None:
        super().__init__(projects)
        self._projects = projects
        self._asked: tuple[OpenJob, Loaded] | None = None
        self._fresh: tuple[OpenJob, Loaded | None] | None = None
        projects.window.thread_of_engine.worker.failed.connect(self._failed)

    def read(self, read: Callable[[], Project], path: Path | None, saved: bool = True) -> None:
        """Read a project in a thread, look for its photo, and open it. path, saved: see `Loaded`."""
        window = self._projects.window
        window.banner.hide()
        window.canvas.set_busy(tr("Opening {name} …", name=path.name if path is not None else tr("unsaved work")))

        def work() -> Loaded:
            project = read()
            photo = project.photo
            if photo is None:
                return Loaded(project, path, saved)
            return Loaded(project, path, saved, find_same(photo, [path.parent] if path is not None else []))

        self._projects.line.put(work, f"opening {path}", self._show, self._not_read)

    def _not_read(self, message: str) -> None:
        self._projects.window.canvas.set_busy("")
        self._projects.window.banner.say(message)

    def _show(self, loaded: Loaded) -> None:
        photo = loaded.project.photo
        if loaded.found is not None:
            self.ask(loaded, loaded.found)
        elif photo is not None and photo.data is not None:
            self.ask(loaded, photo.path or Path(photo.name), photo.data)
        else:
            self._projects.wait_for_photo(loaded)

    def ask(self, loaded: Loaded, path: Path, data: bytes | None = None) -> None:
        """Have the engine open a project's photo."""
        face = loaded.project.photo.face if loaded.project.photo is not None else None
        self._asked = (self._projects.window.open_photo(path, face, data), loaded)

    def taken(self, job: OpenJob) -> Loaded | None:
        """A photo is there: the project that it was opened for, None where it is only a photo."""
        loaded = self._asked[1] if self._asked is not None and self._asked[0] is job else None
        self._asked, self._fresh = None, (job, loaded)
        return loaded

    def fresh(self) -> tuple[OpenJob, Loaded | None] | None:
        """What the document was just opened with; None when only its head is another one. Said once."""
        fresh, self._fresh = self._fresh, None
        return fresh

    def _failed(self, job: Any, _message: str) -> None:
        """The photo of a project could not be opened; the window says why."""
        if self._asked is not None and job is self._asked[0]:
            loaded, self._asked = self._asked[1], None
            self._projects.wait_for_photo(loaded)
