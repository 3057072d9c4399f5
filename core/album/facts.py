"""What an album knows: of each face that was found, of each file that was read, and of each photo once the person is known."""
from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.codes import FaceCode

ACCEPTED, WEAK, REFUSED = "accepted", "weak", "refused"
CODES = ("unreadable", "no-face", "too-small", "blurred", "eyes-hidden", "extreme-pose", "other-person", "duplicate",
         "near-duplicate", "bad-fit", "dark")
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Reason:
    """Why a photo is weak or refused. code: one of `CODES`; text: a sentence for the user."""

    code: str
    text: str

    def to_json(self) -> list[str]:
        """Plain strings."""
        return [self.code, self.text]


@dataclass(frozen=True, eq=False)
class SeenFace:
    """One face of a photo, as measured; nothing here depends on whose album it is.

    box: left, top, right, bottom in pixels of the upright photo. problem: why it can't be used at all (the end of a sentence that
    begins with 'The face'), or ''. The rest is there for usable faces only: embedding (128,) of the re-identification network;
    code: the fit; facts: see `core.album.measure`; look (32, 32) uint8: the aligned face in grey, small, by which near-duplicates
    are known.
    """

    box: Box
    problem: str = ""
    embedding: np.ndarray | None = None
    code: FaceCode | None = None
    facts: dict[str, float] = field(default_factory=dict)
    look: np.ndarray | None = None

    @property
    def area(self) -> float:
        """Of the box, square pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives them back."""
        plain: dict[str, Any] = {"box": [round(v, 2) for v in self.box], "problem": self.problem}
        if self.code is not None and self.embedding is not None and self.look is not None:
            plain |= {"embedding": [float(v) for v in self.embedding], "code": self.code.to_json(),
                      "facts": self.facts, "look": base64.b64encode(self.look.tobytes()).decode()}
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> SeenFace:
        """The face written by `to_json`. Raises ValueError, KeyError or TypeError for anything else."""
        left, top, right, bottom = (float(v) for v in plain["box"])
        box, problem = (left, top, right, bottom), str(plain["problem"])
        if "code" not in plain:
            return cls(box, problem)
        embedding = np.array(plain["embedding"], np.float32)
        look = np.frombuffer(base64.b64decode(plain["look"]), np.uint8).reshape(32, 32)
        if embedding.shape != (128,) or not np.isfinite(embedding).all():
            raise ValueError("not an embedding")
        return cls(box, problem, embedding, FaceCode.from_json(plain["code"]),
                   {str(k): float(v) for k, v in plain["facts"].items()}, look)


@dataclass(frozen=True, eq=False)
class ReadPhoto:
    """One file as read.

    name: unique in the album, a name for files. digest: sha256 of the file's bytes, '' when it could not be read. size: (width,
    height) of the upright picture, (0, 0) when unreadable. problem: why there are no faces to look at, or ''. faces: the largest
    first. pixels: digest of the decoded picture. bytes: of the file. same_as: name of an earlier file with the same bytes.
    """

    name: str
    path: Path
    digest: str
    size: tuple[int, int] = (0, 0)
    problem: str = ""
    faces: tuple[SeenFace, ...] = ()
    pixels: str = ""
    bytes: int = 0
    same_as: str = ""

    def crop_file(self, folder: Path, index: int) -> Path:
        """The aligned crop of a face: named by the photo's content, so that a photo that was renamed keeps it."""
        return folder / "faces" / f"{self.digest[:24]}-{index}.png"

    def thumb_file(self, folder: Path, index: int | None) -> Path:
        """The thumbnail of a face, or of the whole photo for None."""
        return folder / "faces" / f"{self.digest[:24]}-{'whole' if index is None else index}.jpg"

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives them back."""
        return {"name": self.name, "path": str(self.path), "digest": self.digest, "size": list(self.size),
                "problem": self.problem, "faces": [face.to_json() for face in self.faces], "pixels": self.pixels,
                "bytes": self.bytes, "same_as": self.same_as}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> ReadPhoto:
        """The photo written by `to_json`. Raises ValueError, KeyError or TypeError for anything else."""
        width, height = (int(v) for v in plain["size"])
        digest = str(plain["digest"])
        if digest.strip("0123456789abcdef"):
            raise ValueError("not a digest")
        return cls(str(plain["name"]), Path(plain["path"]), digest, (width, height), str(plain["problem"]),
                   tuple(SeenFace.from_json(face) for face in plain["faces"]), str(plain["pixels"]),
                   int(plain["bytes"]), str(plain["same_as"]))


@dataclass(frozen=True, eq=False)
class AlbumPhoto:
    """One photo of an album, judged.

    name: unique in the album. path: the file. digest: sha256 of its bytes. verdict: 'accepted', 'weak' or 'refused'; reasons:
    why. face: index of the person's face among `boxes` (of the likeliest one where the photo shows somebody else), None without a
    usable face. faces: how many were found. facts: numbers by name (see `core.album.measure`; 'distance' to the person's mean
    embedding), empty without a usable face. code: its fit. choice: what the user decided, None where nothing. doubtful: it may
    show another person, so it is used only when the user says so. size: (width, height) of the upright photo. boxes: left, top,
    right, bottom of each face.
    """

    name: str
    path: Path
    digest: str
    verdict: str
    reasons: tuple[Reason, ...] = ()
    face: int | None = None
    faces: int = 0
    facts: dict[str, float] = field(default_factory=dict)
    code: FaceCode | None = None
    choice: bool | None = None
    doubtful: bool = False
    size: tuple[int, int] = (0, 0)
    boxes: tuple[Box, ...] = ()

    @property
    def used(self) -> bool:
        """Whether the person's model learns from it: the user's choice, where there is a fit; else what the verdict says."""
        if self.code is None:
            return False
        return self.choice if self.choice is not None else self.verdict != REFUSED and not self.doubtful

    @property
    def box(self) -> Box | None:
        """The person's face in pixels of the upright photo: left, top, right, bottom."""
        return None if self.face is None else self.boxes[self.face]

    def to_json(self) -> dict[str, Any]:
        """What reports say of it, without the fit."""
        return {"name": self.name, "file": str(self.path), "verdict": self.verdict, "used": self.used,
                "reasons": [reason.to_json() for reason in self.reasons], "face": self.face, "faces": self.faces,
                "facts": {key: round(value, 4) for key, value in self.facts.items()}}


@dataclass(frozen=True)
class Someone:
    """A person seen in the album. photos: in how many, copies not counted; photo, face: the clearest example
    (`Album.with_person` takes them); box: of that face; names: of all photos that show this
    person. chosen: whether the album is of this person."""

    photos: int
    photo: str
    face: int
    box: Box
    names: tuple[str, ...]
    chosen: bool = False
