"""Project: the saved document, as values. How it is written is `core.project.file`."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import UserError
from core.people.header import About
from core.project.snapshot import Snapshot
from core.request import RenderRequest

if TYPE_CHECKING:
    from core.film.timeline import Timeline

SUFFIX = ".drig"


def is_project(path: Path) -> bool:
    """Whether a file is opened as a project, by its name: also the version before it, whose name ends in ~."""
    return path.name.lower().rstrip("~").endswith(SUFFIX)


class ProjectError(UserError):
    """A project that can't be read or written."""


@dataclass(frozen=True, eq=False)
class NamedPhoto:
    """A photo that a project names, and the photo itself where the project holds it.

    name: its file name. path: where it was, None where it came without a file. sha256: of the file's bytes, pixels: of its pixels
    (`LoadedImage.digest`), digest: of pixels and face (`Session.digest`); '' where that isn't known. face: which one. data: the
    file's bytes; None where they are not in the project.
    """

    name: str
    path: Path | None = None
    sha256: str = ""
    pixels: str = ""
    digest: str = ""
    face: int = 0
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class NamedModel:
    """The model that a project was made with. name, digest: of the prior. head, estimator: in use with it. prior: the name or
    file that loads it; None for the one that ships."""

    name: str = ""
    digest: str = ""
    head: str = ""
    estimator: str = ""
    prior: str | None = None


@dataclass(frozen=True, eq=False)
class Project:
    """Everything of a document that is worth keeping.

    request: of its picture, settled and in full size: rig, seed and how the picture is made. photo: None before one was opened.
    person: whose model the request names. copies: the photos that blocks of the rig were copied from. view: what the window
    showed (plain values). picture: how it looked, (S, S, 3) uint8, for thumbnails. saved: seconds since 1970, app: by which
    version; 0 and '' before it is written. notes: what could not be read, in words. other: what a file held that this version
    doesn't know.
    """

    request: RenderRequest
    photo: NamedPhoto | None = None
    person: About | None = None
    timeline: Timeline | None = None
    model: NamedModel = NamedModel()
    copies: tuple[NamedPhoto, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    view: Mapping[str, Any] = field(default_factory=dict)
    picture: np.ndarray | None = field(default=None, repr=False)
    saved: float = 0.0
    app: str = ""
    notes: tuple[str, ...] = ()
    other: Mapping[str, Any] = field(default_factory=dict)
