"""A person's mean shape over an album of photos (spec section 6), and the small file that keeps it."""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import AssetError, PhotoError
from core.files import atomic_write, read_file
from core.people.names import visible
from core.photo import SUFFIXES

if TYPE_CHECKING:
    from core.engine import Engine

FORMAT = 1
MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class MeanIdentity:
    """identity: the coefficients (K,) as numbers. head: the model they belong to. photos: how many they are the mean of."""

    identity: tuple[float, ...]
    head: str
    photos: int


def of_folder(engine: Engine, folder: Path, aligned: bool = False, say: Callable[[str], None] = lambda _: None) -> MeanIdentity:
    """The mean over all photos of a folder in which a face is found; say(text) hears which are left out and why.

    aligned: see `Engine.open`. Raises PhotoError when no photo can be used.
    """
    from core.reference import mean_identity  # loads torch: not for `edit --help`

    codes = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES):
        try:
            codes.append(engine.open(path, aligned=aligned).code)
        except PhotoError as error:
            say(f"left out: {error}")
    if not codes:
        raise PhotoError(f"There is no usable photo in {folder}, so no mean identity can be made of it.")
    return MeanIdentity(tuple(float(v) for v in mean_identity(codes)), engine.head.name, len(codes))


def save(mean: MeanIdentity, file: Path) -> None:
    """Write a mean identity as JSON. Raises UserError when it can't be written."""
    plain = {"format": FORMAT, "head": mean.head, "photos": mean.photos, "identity": list(mean.identity)}
    atomic_write(file, json.dumps(plain, indent=1).encode())


def load(file: Path, head: str) -> MeanIdentity:
    """Read what `save` wrote. Raises AssetError when it is something else or belongs to another head."""
    try:
        plain = json.loads(read_file(file, MAX_BYTES, AssetError))
        version, owner = plain["format"], plain["head"]
        mean = MeanIdentity(tuple(float(v) for v in plain["identity"]), str(owner), int(plain["photos"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise AssetError(f"{file} is not a mean identity. Make one with "
                         "'--mean-identity FOLDER --save-mean-identity FILE'.") from error
    version, owner = (visible(str(said))[:40] for said in (version, owner))
    if version != str(FORMAT) or not mean.identity or not np.isfinite(mean.identity).all():
        raise AssetError(f"{file} is damaged, or was written by another version of this program (format {version}).")
    if owner != head:
        raise AssetError(f"{file} is a mean identity of the '{owner}' head and can't be used with the '{head}' head.")
    return mean
