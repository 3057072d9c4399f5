"""Where edits for the queue come from: the present one, presets, the history, and files."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.document import Document
from app.language import tr
from core import presets
from core.batch_plan import NamedRig, read_rig
from core.people.names import slug
from core.people.shelf import Entry as PersonEntry
from core.project.snapshot import Snapshot
from core.request import RenderRequest
from core.rig import Rig

if TYPE_CHECKING:
    from core.head.base import HeadModel

PRESENT, HISTORY, FILES = "present", "history", "files"
GROUPS = {PRESENT: "This edit", HISTORY: "Pictures of the history", "light": "Light", "expression": "Expression",
          "rig": "Edits you saved", FILES: "From files"}


@dataclass(frozen=True)
class Offered:
    """An edit that can be ticked. group: a key of GROUPS. title: as shown; name: for file names. shot: the picture of the history
    that it made."""

    group: str
    title: str
    name: str
    request: RenderRequest
    shot: Snapshot | None = None

    @property
    def rig(self) -> NamedRig:
        """For the batch."""
        return NamedRig(self.name, self.request)


def plain_request(document: Document) -> RenderRequest:
    """How pictures are made now, without an edit and a photo."""
    person = document.person
    whose = {"person": person.digest, "identity": person.identity} if person is not None else {}
    return RenderRequest(photo="", **vars(document.appearance), **whose)  # type: ignore[arg-type]


def offered(document: Document, history: Iterable[Snapshot], head: HeadModel | None) -> list[Offered]:
    """Everything that can be ticked, group by group."""
    found = []
    plain = plain_request(document)
    if document.session is not None and document.rig != Rig():
        path = document.session.photo.path
        title = tr("The edit of {photo} as it is now", photo=path.name) if path is not None else tr("The edit as it is now")
        found.append(Offered(PRESENT, title, "edit", replace(plain, rig=document.rig)))
    others = [shot for shot in history if shot.request.rig not in (Rig(), document.rig)]
    for number, shot in enumerate(reversed(others), 1):
        if shot.name or shot.pinned or number <= 3:  # the others are steps on the way
            title = shot.name or (tr("Pinned picture") if shot.pinned else tr("The picture before") if number == 1 else
                                  tr("{number} pictures before", number=number))
            found.append(Offered(HISTORY, title, slug(shot.name) if shot.name else f"history-{number}",
                                 replace(shot.request, photo="", prior="", size="full", quality="settled"), shot))
    if head is not None:
        for kind in ("rig", "light", "expression"):
            for preset in presets.presets(kind, head):
                rig = Rig().update(preset.changes(Rig()))
                found.append(Offered(kind, preset.name, slug(preset.name), replace(plain, rig=rig)))
    return found


def from_file(path: Path, document: Document) -> Offered:
    """The edit in a rig, report, picture or project file. Raises UserError that names the file and says what is wrong."""
    return Offered(FILES, path.name, slug(path.stem), read_rig(path, plain_request(document)))


def painted_by(rig: NamedRig, person: PersonEntry | None, identity: tuple[float, ...]) -> NamedRig:
    """The edit painted by another person's model; None: by the model alone."""
    digest = person.digest if person is not None else None
    return replace(rig, request=replace(rig.request, person=digest, identity=identity if person is not None else ()))


def unlike(rigs: Iterable[NamedRig]) -> list[NamedRig]:
    """The edits with names that differ, however they are written: a second 'edit' becomes 'edit-2'."""
    taken, made = set[str](), []
    for rig in rigs:
        name, number = rig.name, 2
        while name.lower() in taken:
            name, number = f"{rig.name}-{number}", number + 1
        taken.add(name.lower())
        made.append(replace(rig, name=name))
    return made
