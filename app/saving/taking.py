"""Where a file belongs that was dropped on the window, chosen or named at the start: photos and projects are opened, the rest
goes to the part of the window that it is for."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.language import tr
from app.lighting import MAPS
from app.timeline.reading import VIDEO, VOICE
from core.film import clip
from core.people.shelf import SUFFIX as PERSON
from core.photo import SUFFIXES as PHOTOS
from core.project.project import is_project

if TYPE_CHECKING:
    from app.window import Window


def take(window: Window, path: Path, face: int | None = None) -> None:
    """Open a photo or a project, when nothing is lost by it; for an exported picture the user is asked whether its edit is meant.
    Environment maps, clips and people's files go where they belong; without a photo, maps and clips are refused like any file.
    """
    other = _place(window, path.suffix.lower())
    if other is not None:
        other(path)
        return
    projects = window.projects

    def opening() -> None:
        projects.guard(lambda: projects.open(path, face), tr("Opening {name}", name=path.name))

    if projects.pending is not None and not is_project(path):
        projects.slots.try_photo(path, opening)
    elif is_project(path) or face is not None or not window.queue.offers(path):
        opening()


def _place(window: Window, ending: str) -> Callable[[Path], object] | None:
    """What takes files of that ending; None for the document itself."""
    if ending == PERSON:
        return window.people.import_file
    if window.document.session is None:
        return None
    if ending in MAPS:
        return window.lighting.import_environment
    if ending in clip.SUFFIXES and ending not in PHOTOS:
        return lambda path: window.motion.ask_source(VIDEO if ending in clip.VIDEO_SUFFIXES else VOICE, path)
    return None
