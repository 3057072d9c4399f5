"""An album for measuring: the photos of one person that a model has not learned from, and what the others say of the person."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core import compose
from core.errors import UserError
from core.evaluate.fits import SIZE, Refused
from core.evaluate.photos import Listed
from core.evaluate.picture_measures import embedding
from core.evaluate.subjects import Judge, Subject
from core.photo import load_image
from core.prepare import Item

if TYPE_CHECKING:
    from core.album import Album, AlbumPhoto
    from core.people.header import About
    from core.prior import Prior

_FILE = "album.json"


@dataclass(frozen=True, eq=False)
class Kept:
    """The photos to measure on. subjects: those kept out, as aligned crops; refused: those of them that can't be read.

    own: the embedding (128,) of each photo by name, None where none is found. mean: of each photo by name, the mean embedding of
    the album's other photos, without all those kept out while any others are left. others: how many photos that mean is of.
    """

    subjects: list[Subject]
    refused: list[Refused]
    own: dict[str, np.ndarray | None]
    mean: dict[str, np.ndarray | None]
    others: int


def open_album(source: Path, folder: Path, prior: Prior, say: Callable[[str], object] = print) -> Album:
    """The album of a folder of photos, read into `folder`; or the one that was read already, where `source` is an album's folder
    (of a training run, say). Raises UserError when there is no such folder or no person in it."""
    if not source.is_dir():
        raise UserError(f"{source} is no folder. Name a folder with photos of the person.")
    from core.album import Album, read_album

    if (source / _FILE).is_file():
        return Album.load(source)
    say(f"reading the photos of {source}")
    album = read_album([source], folder, prior, lambda *_: None, lambda: False)
    if not album.used:
        raise UserError(f"No photo in {source} shows a person well enough. 'main.py personalize {source} --check' says why.")
    return album


def held_out(album: Album, people: Sequence[About], patterns: Sequence[str]) -> list[AlbumPhoto]:
    """The photos to measure on: those that `patterns` name (names or files, * and ? allowed), else those that every person's card
    names as held out. Raises UserError for one that is not there or can't be used."""
    wanted = list(patterns)
    if not wanted:
        said = [_names(person, "held_out") for person in people]
        wanted = sorted(set.intersection(*said))
        if not wanted:
            names = " and ".join(person.name for person in people)
            raise UserError(f"No photo was held out of the training of {names}. Name photos that it has not seen with "
                            "--held-out; '*' means all of the album.")
    found: list[AlbumPhoto] = []
    for pattern in wanted:
        matched = [p for p in album.photos if fnmatch(p.name, pattern) or fnmatch(Path(p.path).name, pattern)]
        usable = [p for p in matched if p.code is not None and p.used]
        if not usable:
            reason = "; ".join(r.text for p in matched for r in p.reasons) or "it can't be used"
            raise UserError(f"The album's photo '{pattern}' can't be measured on: {reason}" if matched else
                            f"The album has no photo '{pattern}'. It has: {', '.join(p.name for p in album.photos)}.")
        found += [p for p in usable if p not in found]
    return found


def trained_on(people: Sequence[About], photos: Sequence[AlbumPhoto]) -> list[str]:
    """Names of photos to measure on that a person was trained on, as far as the cards tell: one without a list of its album's
    photos may have been trained on any that it does not say was held out."""
    def unseen(person: About, name: str) -> bool:
        album = _names(person, "names")
        return name in _names(person, "held_out") or bool(album) and name not in album

    return [photo.name for photo in photos if not all(unseen(person, photo.name) for person in people)]


def _names(person: About, key: str) -> set[str]:
    found = person.card.get("photos", {}).get(key)
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()


def open_kept(album: Album, photos: Sequence[AlbumPhoto], judge: Judge) -> Kept:
    """Read the crops of the photos to measure on, and who the album's photos show. Raises UserError when none can be read."""
    crops = {photo.name: crop_of(album, photo) for photo in album.used}
    own = {name: embedding(crop, judge.finder) for name, crop in crops.items()}
    found = [judge.of_crop(Listed(Item(str(p.path)), "album", p.name), crops[p.name]) for p in photos]
    subjects = [entry for entry in found if isinstance(entry, Subject)]
    refused = [entry for entry in found if isinstance(entry, Refused)]
    if not subjects:
        raise UserError(f"No face is found in the crops of the photos to measure on ({', '.join(p.name for p in photos)}).")
    kept = {photo.name for photo in photos}
    others = [name for name in own if name not in kept]
    mean = {name: _mean([own[other] for other in others or own if other != name]) for name in (s.name for s in subjects)}
    return Kept(subjects, refused, own, mean, len(others or own) - (not others))


def crop_of(album: Album, photo: AlbumPhoto) -> np.ndarray:
    """A photo's aligned crop (SIZE, SIZE, 3) uint8. Raises PhotoError where the album's folder has lost it."""
    pixels = load_image(album.crop_file(photo.name)).pixels
    if pixels.shape[0] == SIZE:
        return pixels
    return compose.to_uint8(compose.resize(pixels.astype(np.float32), SIZE))


def _mean(embeddings: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [e for e in embeddings if e is not None]
    return np.asarray(np.mean(known, 0)) if known else None
