"""`main.py edit FILE.drig`: a project's picture without the window, with the same bits as the window's export."""
from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import AssetError, UserError
from core.people.names import visible
from core.people.shelf import find_digest, installed_priors
from core.photo import LoadedImage, load_image
from core.project.file import read_project
from core.project.places import find_same
from core.project.project import NamedPhoto, Project, ProjectError
from core.reopen import Reopened
from core.rig import Rig

if TYPE_CHECKING:
    from core.engine import Engine


@dataclass(frozen=True, eq=False)
class Begun:
    """A project that `edit` begins with. arguments: with what they leave open taken from it. found: as of any file that holds an
    edit. source: its photo, for the engine."""

    arguments: argparse.Namespace
    found: Reopened
    source: Path | LoadedImage
    project: Project

    def with_copies(self, engine: Engine, rig: Rig) -> Rig:
        """Open the photos whose appearance the rig copies; returns it, naming them as they are opened here.

        Raises ProjectError where one is gone.
        """
        for copy in rig.copies:
            if copy.block != "appearance" or engine.knows(copy.photo):
                continue
            unknown = NamedPhoto(copy.label or "another photo", digest=copy.photo)
            photo = next((one for one in self.project.copies if one.digest == copy.photo), unknown)
            session = engine.open(_source(photo, self.found.file), photo.face)
            if session.digest != copy.photo and not photo.sha256 and not photo.pixels:
                raise _gone(photo, self.found.file)
            rig = rig.copy(replace(copy, photo=session.digest))
        return rig


def begin(arguments: argparse.Namespace) -> Begun:
    """Read the project in place of the photo. Raises UserError where something that its picture needs is not here."""
    path: Path = arguments.photo
    project = read_project(path)
    given, request, model = argparse.Namespace(**vars(arguments)), project.request, project.model
    if project.photo is None:
        raise ProjectError(f"{visible(str(path))} has no photo. Open it in the window and choose one.")
    if given.person is None and request.person is not None:
        given.person = find_digest(request.person)
        if given.person is None:
            who = f"'{project.person.name}'" if project.person is not None else "a person"
            raise AssetError(f"{visible(str(path))} was made with the model of {who}, who is not here. Import that person with "
                             "'main.py people import', or give another one with --person.")
    if given.prior is None and given.person is None:
        file = model.prior if model.prior is not None and Path(model.prior).is_file() else None
        given.prior = installed_priors().get(model.digest or request.prior) or file
    given.head = given.head or model.head or None
    given.estimator = given.estimator or model.estimator or None
    given.face = project.photo.face if given.face is None else given.face
    found = Reopened(path, replace(request, photo=project.photo.digest), visible(project.photo.name), face=given.face,
                     model=visible(model.name))
    return Begun(given, found, _source(project.photo, path), project)


def _source(photo: NamedPhoto, project: Path) -> Path | LoadedImage:
    """The photo: its file where that is the same still, else the project's own copy. Raises ProjectError."""
    try:
        file = find_same(photo, [project.absolute().parent])
    except UserError:
        file = None
    if file is not None:
        return file
    if photo.data is None:
        raise _gone(photo, project)
    return replace(load_image(photo.data), path=photo.path)


def _gone(photo: NamedPhoto, project: Path) -> ProjectError:
    where = f" It was {visible(str(photo.path))}." if photo.path is not None else ""
    return ProjectError(f"{visible(str(project))} needs the photo '{visible(photo.name)}', which was not found.{where} Put it "
                        "back, or open the project in the window and show where it is.")
