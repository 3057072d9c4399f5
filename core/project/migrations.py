"""Older formats of project files, brought up to the present one step by step. Each step is a pure function of plain values."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.assets.problems import Unfit
from core.people.names import visible
from core.project.plain import rows, table

FORMAT = 1
_REQUEST = ("seed", "steps", "strength", "guidance", "noise", "method", "hold_background")


def migrated(plain: Mapping[str, Any]) -> dict[str, Any]:
    """What a project's text says, in the present format. Raises Unfit for a newer one, and for one that has no version."""
    version = plain.get("format")
    if type(version) is not int or version < 0:
        raise Unfit("it does not say which format it has")
    if version > FORMAT:
        app = plain.get("app")
        by = f"version {visible(app)[:20]}, " if isinstance(app, str) else ""
        raise Unfit(f"it was written by a newer version of this program ({by}format {str(version)[:20]}; known is {FORMAT}). "
                    "Open it with that version")
    current = dict(plain)
    for step in range(version, FORMAT):
        current = MIGRATIONS[step](current)
        current["format"] = step + 1
    return current


def _from_0(plain: dict[str, Any]) -> dict[str, Any]:
    """Format 0 (before the first release): one flat table, with the photo as 'photo.*' and the history as rigs with seeds."""
    photo = plain.pop("photo", None)
    place = plain.pop("photo_path", None)
    face = plain.pop("face", 0)
    common = {name: plain.pop(name) for name in _REQUEST if name in plain}
    request = {"photo": "", "rig": plain.pop("rig", {"values": {}}), **common}
    snapshots = []
    for row in rows(plain.pop("history", []), "the history", 10_000):
        old = table(row, "the history")
        snapshots.append({"picture": old.get("file"), "pinned": old.get("pinned", False), "name": old.get("name", ""),
                          "request": {**request, "rig": old.get("rig", {"values": {}}), "seed": old.get("seed", 0)}})
    name = place.replace("\\", "/").rsplit("/", 1)[-1] if isinstance(place, str) else "photo"
    named = {"name": name, "path": place, "face": face, "file": photo}
    return {**plain, "photo": named if photo or place else None, "request": request, "snapshots": snapshots}


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {0: _from_0}
