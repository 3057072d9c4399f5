"""From the window to a project and back: the edit, the view, how it looked."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.canvas.stage import Mode
from app.document import Document
from app.edit import Appearance, Edit
from app.setup import Setup
from core.project import NamedModel, Project, Snapshot
from core.request import RenderRequest
from core.rig import Copy

if TYPE_CHECKING:
    from app.window import Window


def request_of(document: Document) -> RenderRequest:
    """The request of all of the edit, what is set aside too. Needs a photo."""
    edit = document.edit
    return replace(document.request("settled", "full"), rig=edit.rig, person=edit.person.digest if edit.person else None,
                   identity=edit.person.identity if edit.person else ())


def edit_of(project: Project) -> Edit:
    """What undo starts from when a project is opened."""
    return Edit(project.request.rig, Appearance.of(project.request), project.person, project.timeline)


def model_of(engine: Any, setup: Setup) -> NamedModel:
    """The model in use, as a project names it."""
    prior, head = getattr(engine, "prior", None), getattr(engine, "head", None)
    return NamedModel(str(getattr(prior, "name", "")), str(getattr(prior, "digest", "")), str(getattr(head, "name", "")),
                      str(getattr(engine, "estimator", "")), setup.prior)


def view_of(window: Window) -> dict[str, Any]:
    """What the window shows, as far as it is worth coming back to."""
    canvas = window.canvas
    return {"mode": canvas.mode.name.lower(), "whole": canvas.whole, "overlay": canvas.overlay, "split": round(canvas.split, 4)}


def show_view(window: Window, view: Mapping[str, Any]) -> None:
    """Show that again; what is missing or odd is left as it is."""
    a, canvas = window.actions_by_name, window.canvas
    modes = [mode.name.lower() for mode in Mode]
    if view.get("mode") in modes:
        a[f"view-{modes.index(view['mode'])}"].setChecked(True)
    for name in ("whole", "overlay"):
        if isinstance(view.get(name), bool):
            a[name].setChecked(view[name])
    split = view.get("split")
    if isinstance(split, int | float) and 0 <= split <= 1:
        canvas.split = float(split)
        canvas.update()


def pictures_needed(edit: Edit, snapshots: Iterable[Snapshot] = ()) -> dict[str, Copy]:
    """The copied photos that pictures are made of, by digest: only an appearance needs the photo, the rest are numbers."""
    rigs = [edit.rig, *(snapshot.request.rig for snapshot in snapshots)]
    return {copy.photo: copy for rig in reversed(rigs) for copy in rig.copies if copy.block == "appearance"}


def newest(snapshots: tuple[Snapshot, ...], most: int | None) -> tuple[Snapshot, ...]:
    """All that are pinned or named, and the newest of the others; None: all of them."""
    if most is None:
        return snapshots
    others = [one for one in snapshots if not (one.pinned or one.name)]
    dropped = set(map(id, others[:-most]))
    return tuple(one for one in snapshots if id(one) not in dropped)


def marks_of(snapshots: Iterable[Snapshot]) -> tuple[tuple[RenderRequest, bool, str], ...]:
    """What the user did to the history; pictures that only came are no reason to ask about saving."""
    return tuple((one.request, one.pinned, one.name) for one in snapshots if one.pinned or one.name)
