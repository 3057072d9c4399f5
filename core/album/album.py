"""An album of one person: its photos judged, what the user decided about them, and what a training takes from it."""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.album import coverage as covering
from core.album import hold
from core.album.facts import REFUSED, WEAK, AlbumPhoto, ReadPhoto, Someone
from core.album.judge import Choice, Judged, judge
from core.album.mean import robust_mean
from core.album.pictures import Pictures
from core.errors import AssetError, ParameterError
from core.files import atomic_write

FORMAT = 1
FILE = "album.json"
_RIVAL = 0.6  # of the person's photos: seen in so many, another one may be whose album it is


@dataclass(frozen=True, eq=False)
class Album:
    """Photos of one person, in a folder of their own.

    folder: holds album.json, crops/NAME.png (aligned, `size` pixels), thumbs/NAME.jpg and faces/ (the same of every face). head:
    the head model of the fits; size: side of the crops. read: the files as read, in order. choices: what the user decided, by
    name. main: a face of the person, told by the user; None: the person in most photos. complete: all photos were read. An album
    does not change: `overruled` and `with_person` give another one.
    """

    folder: Path
    head: str
    size: int
    read: tuple[ReadPhoto, ...]
    choices: dict[str, bool] = field(default_factory=dict)
    main: Choice | None = None
    complete: bool = True
    about_head: str = ""
    _judged: Judged | None = None

    @cached_property
    def judged(self) -> Judged:
        """Verdicts and people, the user's choices left out."""
        return self._judged or judge(self.read, self.size, self.main)

    @cached_property
    def photos(self) -> tuple[AlbumPhoto, ...]:
        """All photos, in the order of reading."""
        return tuple(replace(photo, choice=self.choices.get(photo.name)) for photo in self.judged.photos)

    @cached_property
    def used(self) -> tuple[AlbumPhoto, ...]:
        """The photos to learn from."""
        return tuple(photo for photo in self.photos if photo.used)

    def photo(self, name: str) -> AlbumPhoto:
        """One photo. Raises ParameterError when there is none of that name."""
        for photo in self.photos:
            if photo.name == name:
                return photo
        raise ParameterError(f"There is no photo '{name}' in the album. It has: {', '.join(p.name for p in self.photos[:30])}.")

    @property
    def counts(self) -> dict[str, int]:
        """How many photos are accepted, weak and refused, and how many are used."""
        verdicts = [photo.verdict for photo in self.photos]
        return {name: verdicts.count(name) for name in ("accepted", WEAK, REFUSED)} | {"used": len(self.used)}

    @property
    def people(self) -> tuple[Someone, ...]:
        """Everybody who was recognised, the one in most photos first."""
        return self.judged.people

    @cached_property
    def identity(self) -> np.ndarray:
        """The person's mean identity (K,) float32 over the used photos (`core.album.mean`). Raises PhotoError without any."""
        return self.identity_of([photo.name for photo in self.used])

    def identity_of(self, names: Sequence[str]) -> np.ndarray:
        """The mean identity over the named photos. Raises PhotoError without any."""
        faces = [(photo, seen) for photo, seen in self._faces() if photo.name in names]
        weights = [(0.5 if photo.verdict != "accepted" else 1.0) * max(photo.facts["confidence"], 0.01) for photo, _ in faces]
        return robust_mean([seen.code.identity for _, seen in faces if seen.code is not None], weights)

    @cached_property
    def coverage(self) -> covering.Coverage:
        """How the photos cover poses, expressions and light."""
        return covering.coverage(self.photos)

    @cached_property
    def advice(self) -> tuple[str, ...]:
        """Sentences for the user: whether another person may be meant, and which photos would help most."""
        return (*self._rivals(), *covering.advice(self.photos, self.size))

    def _rivals(self) -> list[str]:
        own = next((someone for someone in self.people if someone.chosen), None)
        if own is None or self.main is not None:
            return []
        if own.photos == 1:
            others = len(self.people) - 1
            return [f"No face comes up twice, so it is a guess that the album is of the person in {own.photo}. "
                    "Choose the person if it is somebody else."] if others else []
        rivals = [someone for someone in self.people if not someone.chosen and someone.photos >= max(2, _RIVAL * own.photos)]
        return [f"Two people are seen about equally often: one in {own.photos} photos, as in {own.photo}, one in {other.photos}, "
                f"as in {other.photo}. The album is taken to be of the first; choose the person if that is wrong."
                for other in rivals[:1]]

    def overruled(self, name: str, choice: bool | None) -> Album:
        """The album with a photo included (True), left out (False), or as the verdict says (None).

        Raises ParameterError when there is no such photo, or none of its faces can be learned from.
        """
        if choice and self.photo(name).code is None:
            why = " ".join(reason.text for reason in self.photo(name).reasons)
            raise ParameterError(f"{name} can't be included: {why}")
        self.photo(name)
        choices = {key: value for key, value in self.choices.items() if key != name}
        return replace(self, choices=choices if choice is None else choices | {name: choice}, _judged=self.judged)

    def with_person(self, name: str, face: int | None = None) -> Album:
        """The album judged anew as that of the person with this face in this photo; nothing is read again. face: its index, None
        for the largest usable one. What the user decided before about other photos is forgotten: it was about somebody else.

        Raises ParameterError when there is no such photo or face.
        """
        self.photo(name)
        faces = {i for photo in self.read if photo.name == name for i, seen in enumerate(photo.faces)
                 if seen.embedding is not None}
        if not faces or face is not None and face not in faces:
            raise ParameterError(f"{name} has no face{'' if face is None else f' number {face}'} that can be recognised.")
        return replace(self, main=(name, min(faces) if face is None else face), choices={}, _judged=None)

    def held_out(self, count: int | None = None) -> tuple[str, ...]:
        """Names of used photos to keep out of the training and measure with; None: 1 to 4 by the album's size."""
        return hold.held_out(self.used, count)

    def pictures(self, names: Sequence[str] | None = None, identity: np.ndarray | None = None) -> Pictures:
        """Training pictures of the named photos (None: all used ones), with the album's mean identity in place, or another.

        Raises ParameterError for an unknown name or a photo without a usable face, UserError when there are none.
        """
        chosen = self.used if names is None else [self.photo(name) for name in names]
        found = []
        for photo in chosen:
            if photo.code is None:
                raise ParameterError(f"{photo.name} has no face that can be learned from.")
            found.append((photo.name, self.crop_file(photo.name), photo.code))
        return Pictures([n for n, *_ in found], [f for _, f, _ in found], [c for *_, c in found],
                        self.identity if identity is None else identity)

    def crop_file(self, name: str) -> Path:
        """The aligned crop of the person's face in a photo."""
        return self.folder / "crops" / f"{name}.png"

    def thumb(self, name: str) -> Path | None:
        """The photo's thumbnail, or None where there is none (the file could not be read)."""
        file = self.folder / "thumbs" / f"{name}.jpg"
        return file if file.is_file() else None

    # -- keeping it ---------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write album.json, and crops and thumbnails of the faces that are the person's. Raises WriteError."""
        self.keep([photo.to_json() for photo in self.photos])
        originals = {photo.name: photo for photo in self.read}
        for photo, read in zip(self.photos, self.read, strict=True):
            source = originals.get(read.same_as, read)
            if photo.face is not None:
                _copy(read.crop_file(self.folder, photo.face), self.crop_file(photo.name))
            _copy(source.thumb_file(self.folder, self._shown(source, photo.face)),
                  self.folder / "thumbs" / f"{photo.name}.jpg")

    def keep(self, report: Sequence[dict[str, Any]] = ()) -> None:
        """Write album.json alone, so that nothing has to be read again. report: the verdicts, for people who look into the file.
        Raises WriteError."""
        plain = {"format": FORMAT, "head": self.head, "about_head": self.about_head, "size": self.size,
                 "complete": self.complete, "main": self.main, "choices": self.choices,
                 "photos": [photo.to_json() for photo in self.read], "report": list(report)}
        atomic_write(self.folder / FILE, json.dumps(plain).encode(), make_folder=True)

    @classmethod
    def load(cls, folder: Path) -> Album:
        """The album saved in a folder. Raises AssetError when there is none, or it is damaged or of another version."""
        file = Path(folder) / FILE
        try:
            plain: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if plain["format"] != FORMAT:
                raise AssetError(f"{file} was written by another version of this program. Read the album again.")
            main = plain["main"]
            album = cls(Path(folder), str(plain["head"]), int(plain["size"]),
                        tuple(ReadPhoto.from_json(photo) for photo in plain["photos"]),
                        {str(name): bool(choice) for name, choice in plain["choices"].items()},
                        None if main is None else (str(main[0]), int(main[1])), bool(plain["complete"]),
                        str(plain["about_head"]))
            names = [photo.name for photo in album.photos]
        except OSError as error:
            raise AssetError(f"{file} can't be read ({error.strerror or error}). Read the album again.") from error
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise AssetError(f"{file} is damaged ({error}). Read the album again.") from error
        if len(set(names)) != len(names) or any("/" in name or "\\" in name for name in names):
            raise AssetError(f"{file} is damaged (names). Read the album again.")
        return album

    def _faces(self) -> list[tuple[AlbumPhoto, Any]]:
        return [(photo, read.faces[photo.face]) for photo, read in zip(self.photos, self.read, strict=True)
                if photo.face is not None]

    @staticmethod
    def _shown(read: ReadPhoto, face: int | None) -> int | None:
        usable = [i for i, seen in enumerate(read.faces) if seen.embedding is not None]
        return face if face is not None else usable[0] if usable else None


def _copy(source: Path, target: Path) -> None:
    """`source`'s bytes under the name `target`, where it has them and `target` is another."""
    if source.is_file():
        data = source.read_bytes()
        if not target.is_file() or target.read_bytes() != data:
            atomic_write(target, data, make_folder=True)
