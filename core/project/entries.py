"""A project as entries of a file: their names and bytes. Names follow from the contents, so that what is there need not be
written again."""
from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from core.cv import cv2
from core.project.migrations import FORMAT
from core.project.parts import plain_model, plain_person, plain_photo, suffix_of
from core.project.project import NamedPhoto, Project
from core.project.snapshot import Snapshot

log = logging.getLogger(__name__)

MAIN, THUMBNAIL = "project.json", "thumbnail.jpg"
THUMBNAIL_SIDE = 256


@dataclass(frozen=True, eq=False)
class Entries:
    """files: bytes by name. document: project.json as plain values."""

    files: Mapping[str, bytes]
    document: Mapping[str, Any]


def entries_of(project: Project, more: Mapping[str, Any] = MappingProxyType({})) -> Entries:
    """Everything of a project to be written, project.json last. Takes a moment: pictures are encoded.

    more: what else project.json is to say.
    """
    files: dict[str, bytes] = {}

    def put(photo: NamedPhoto) -> dict[str, Any]:
        if photo.data is None:
            return plain_photo(photo, None)
        digest = photo.sha256 or hashlib.sha256(photo.data).hexdigest()
        name = f"photos/{digest}{suffix_of(photo.name)}"
        files[name] = photo.data
        return plain_photo(replace(photo, sha256=digest), name)

    everybody = [project.person, *(snapshot.person for snapshot in project.snapshots)]
    document = {
        **project.other, "format": FORMAT, "app": project.app, "saved": project.saved,
        "photo": put(project.photo) if project.photo is not None else None, "request": project.request.to_json(),
        "person": project.person.digest if project.person is not None else None,
        "people": {person.digest: plain_person(person) for person in everybody if person is not None},
        "timeline": project.timeline.to_json() if project.timeline is not None else None, "model": plain_model(project.model),
        "copies": [put(photo) for photo in project.copies],
        "snapshots": [row for one in project.snapshots if (row := _put_snapshot(files, one)) is not None],
        "view": dict(project.view), **more}
    if project.picture is not None:
        side = min(THUMBNAIL_SIDE, project.picture.shape[0])
        small = cv2.resize(project.picture, (side, side), interpolation=cv2.INTER_AREA)
        files[THUMBNAIL] = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    files[MAIN] = json.dumps(document, indent=1, allow_nan=False).encode()
    return Entries(files, document)


def _put_snapshot(files: dict[str, bytes], snapshot: Snapshot) -> dict[str, Any] | None:
    """None where its picture can't be had: some come from a disk that may be full or gone."""
    try:
        picture, request = f"snapshots/{snapshot.key}.png", f"snapshots/{snapshot.key}.json"
        files[picture], files[request] = snapshot.png, snapshot.request_text
    except (ValueError, OSError) as error:
        log.warning("a picture of the history can't be kept: %s", error)
        return None
    return {"picture": picture, "request": request, "pinned": snapshot.pinned, "name": snapshot.name, "made": snapshot.made,
            "distance": snapshot.distance, "person": snapshot.person.digest if snapshot.person is not None else None}
