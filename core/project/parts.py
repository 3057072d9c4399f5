"""The parts of a project as plain values, and back, checked."""
from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.assets.problems import Unfit
from core.errors import UserError
from core.people.header import MAX_IDENTITY, About
from core.people.names import MAX_NAME, visible
from core.project.plain import path_of, rows, table, take
from core.project.project import NamedModel, NamedPhoto
from core.request import RenderRequest

MAX_FACE = 1000
_SIZE = (8, 8192)
_LARGEST = 100.0  # of an identity coefficient
_DIGEST = re.compile(r"[0-9a-f]{64}")
_VIEW = re.compile(r"[a-z_]{1,40}")


def request_of(plain: Any) -> RenderRequest:
    """The request of `RenderRequest.to_json`. Raises Unfit."""
    try:
        return RenderRequest.from_json(table(plain, "its request"))
    except Unfit:
        raise
    except (UserError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise Unfit(f"its edit is damaged ({visible(' '.join(str(error).split()))[:160].rstrip('.')})") from error


def plain_photo(photo: NamedPhoto, entry: str | None) -> dict[str, Any]:
    """entry: the one that holds the photo itself."""
    return {"name": photo.name, "path": str(photo.path) if photo.path is not None else None, "sha256": photo.sha256,
            "pixels": photo.pixels, "digest": photo.digest, "face": photo.face, "file": entry}


def photo_of(plain: Any) -> NamedPhoto:
    """Without the photo itself. Raises Unfit."""
    row = table(plain, "the name of its photo")
    name = re.split(r"[/\\]", take(row, "name", str, ""))[-1] or "photo"
    face = take(row, "face", int, 0)
    if not 0 <= face <= MAX_FACE:
        raise Unfit(f"it names face {face} of a photo")
    sha256, pixels = take(row, "sha256", str, ""), take(row, "pixels", str, "")
    if any(digest and not _DIGEST.fullmatch(digest) for digest in (sha256, pixels)):
        raise Unfit("a digest of its photo is damaged")
    return NamedPhoto(name, path_of(row, "path"), sha256, pixels, take(row, "digest", str, ""), face)


def plain_person(person: About) -> dict[str, Any]:
    """What is needed of a person who may not be there, without the facts of the training."""
    return {"name": person.name, "prior": {"digest": person.prior_digest, "name": person.prior_name}, "licence": person.licence,
            "head": person.head, "size": person.size, "identity": list(person.identity), "digest": person.digest}


def person_of(plain: Any) -> About:
    """Raises Unfit."""
    row = table(plain, "a person")
    prior = table(row.get("prior"), "a person's model")
    identity = tuple(float(v) for v in rows(row.get("identity"), "a person's identity", MAX_IDENTITY) if type(v) in (int, float))
    size, name = take(row, "size", int, 256), take(row, "name", str, "")
    if len(identity) != len(row["identity"]) or any(abs(v) > _LARGEST for v in identity) or not _SIZE[0] <= size <= _SIZE[1]:
        raise Unfit("a person in it is damaged")
    if not name or len(name) > MAX_NAME:
        raise Unfit("a person in it has no name")
    return About(take(row, "digest", str, ""), name, take(prior, "digest", str, ""), take(prior, "name", str, ""),
                 take(row, "licence", str, ""), take(row, "head", str, ""), size, identity, {})


def plain_model(model: NamedModel) -> dict[str, Any]:
    """All of it."""
    return dict(vars(model))


def model_of(plain: Any) -> NamedModel:
    """Raises Unfit."""
    row = table(plain or {}, "the name of its model")
    return NamedModel(take(row, "name", str, ""), take(row, "digest", str, ""), take(row, "head", str, ""),
                      take(row, "estimator", str, ""), take(row, "prior", str, "") or None)


def view_of(plain: Any) -> dict[str, bool | int | float | str]:
    """What the window showed: only single values under plain names; the rest is left out."""
    if not isinstance(plain, Mapping):
        return {}
    return {name: value for name, value in list(plain.items())[:100] if _VIEW.fullmatch(name)
            and (isinstance(value, bool | int | float) or isinstance(value, str) and len(value) <= 200)}


def suffix_of(name: str) -> str:
    """The ending that a photo's entry gets."""
    ending = Path(name).suffix.lower()
    return ending if re.fullmatch(r"\.[a-z0-9]{1,5}", ending) else ""
