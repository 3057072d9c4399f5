"""An album on disk whose photos nobody had to read, and a child process that tells what a reading would."""
from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from app.personal.process import EventProcess
from core.album.album import Album
from core.album.facts import ReadPhoto, SeenFace
from core.codes import FaceCode

FACTS = {"side": 400.0, "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "smile": 0.1, "jaw": 0.0, "blink_left": 0.0, "blink_right": 0.0,
         "azimuth": 10.0, "elevation": 20.0, "lamp": 1.0, "brightness": 120.0, "dark": 0.0, "sides": 1.2, "blur": 0.8,
         "eyes_left": 1.0, "eyes_right": 1.0, "eyes_colour": 1.0, "confidence": 1.0, "landmark_error": 0.01, "detail": 40.0,
         "light_residual": 0.02}
SIZE = (320, 240)


@dataclass(frozen=True)
class Made:
    """A photo to make. who: number of the person in it, -1: nobody. facts: other than `FACTS`."""

    name: str
    who: int = 0
    facts: tuple[tuple[str, float], ...] = ()


def ordinary(good: int = 8) -> list[Made]:
    """So many good photos of one person, a soft one, a small one, two of a stranger, and one without a face."""
    return [*(Made(f"good{i}", 0, (("yaw", 10.0 * (i - 3)),)) for i in range(good)), Made("soft", 0, (("blur", 1.8),)),
            Made("small", 0, (("side", 30.0),)), Made("other", 1), Made("other2", 1), Made("empty", -1)]


def write_album(folder: Path, photos: Sequence[Made]) -> Album:
    """The photos, their thumbnails and the album, all in `folder`."""
    (folder / "photos").mkdir(parents=True)
    (folder / "faces").mkdir()
    read = [_photo(folder, number, made) for number, made in enumerate(photos)]
    album = Album(folder / "album", "open", 256, tuple(read))
    for photo, made in zip(read, photos, strict=True):
        picture = Image.new("RGB", (168, 168), _color(made.who))
        for face in range(len(photo.faces)):
            for file in (photo.thumb_file(album.folder, face), photo.crop_file(album.folder, face)):
                file.parent.mkdir(parents=True, exist_ok=True)
                picture.save(file)
    album.save()
    return album


def _color(who: int) -> tuple[int, int, int]:
    return ((180, 120, 90), (90, 120, 180))[who] if who >= 0 else (90, 90, 90)


def _photo(folder: Path, number: int, made: Made) -> ReadPhoto:
    path = folder / "photos" / f"{made.name}.jpg"
    Image.new("RGB", SIZE, _color(made.who)).save(path)
    digest = f"{number:064x}"
    faces = () if made.who < 0 else (_face(number, made),)
    return ReadPhoto(made.name, path, digest, SIZE, "", faces, digest)


def _face(number: int, made: Made) -> SeenFace:
    random = np.random.default_rng(number)
    embedding = np.zeros(128, np.float32)
    embedding[made.who] = 1.0
    embedding += random.normal(0, 0.01, 128).astype(np.float32)
    three = np.zeros(3)
    code = FaceCode("open", np.zeros(4), np.zeros(3), three, three, three, np.zeros(2), np.zeros(2), np.array([1.0, 0, 0]),
                    np.array([1, 0.5, 0.5]), np.zeros((9, 3)))
    look = random.integers(0, 255, (32, 32)).astype(np.uint8)
    return SeenFace((100.0, 40.0, 220.0, 190.0), embedding=embedding, code=code, facts=FACTS | dict(made.facts), look=look)


@dataclass
class Child:
    """A child process in place of the program. script: what it runs; its arguments are in the file `arguments`, a list a run."""

    folder: Path
    script: str = ""

    @property
    def arguments(self) -> list[list[str]]:
        """Of each run so far."""
        file = self.folder / "arguments.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def make(self) -> EventProcess:
        """What the dialog takes."""
        file = self.folder / "child.py"
        file.write_text(f"import json, sys\n"
                        f"with open({str(self.folder / 'arguments.jsonl')!r}, 'a') as file:\n"
                        f"    file.write(json.dumps(sys.argv[1:]) + chr(10))\n"
                        f"def tell(**event):\n    print(json.dumps(event), flush=True)\n{self.script}")
        return EventProcess([sys.executable, str(file)])


def reading(album: Album, name: str = "Ada", upto: int | None = None, then: str = "") -> str:
    """A script that tells of the album's photos one by one. upto: only of so many; then: what it does after."""
    photos = [replace(photo, choice=None) for photo in album.photos][:upto]
    lines = [f"tell(event='opened', run={str(album.folder.parent)!r}, name={name!r}, album={str(album.folder)!r})",
             f"tell(event='reading', done=0, total={len(album.photos)}, name='', path=None, verdict='', reasons=[], thumb=None)"]
    for number, photo in enumerate(photos):
        thumb = album.thumb(photo.name)
        event = {"event": "reading", "done": number + 1, "total": len(album.photos), "name": photo.name, "path": str(photo.path),
                 "verdict": photo.verdict, "reasons": [reason.to_json() for reason in photo.reasons],
                 "thumb": str(thumb) if thumb else None}
        lines.append(f"tell(**{event!r})")
    if upto is None:
        lines.append(f"tell(event='album', **{album.counts!r}, folder={str(album.folder)!r})")
    return "\n".join([*lines, then, ""])
