"""Reading an album: every photo loaded, its faces found, aligned, fitted and made comparable; nothing is read twice."""
from __future__ import annotations

import io
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from core import estimators, identity
from core.album.album import Album
from core.album.facts import ReadPhoto, SeenFace
from core.album.judge import alone
from core.album.measure import look, measure
from core.align import Alignment
from core.assets.digests import file_digest
from core.cv import cv2
from core.errors import AssetError, PhotoError, UserError
from core.files import WriteError, atomic_write
from core.head import load_head
from core.landmarks import FaceFinder, points68, problem
from core.photo import MAX_FILE_BYTES, SUFFIXES, LoadedImage, Photo, load_image
from core.prepare import find_items, head_digest

if TYPE_CHECKING:
    from core.album.facts import AlbumPhoto
    from core.head.base import HeadModel
    from core.landmarks import DetectedFace
    from core.prior import Prior

THUMB = 168  # px
_THUMB_ROOM = 1.25  # side of a thumbnail, in sides of the aligned square
_MOST_FACES = 16
_KEEP_EVERY = 8.0  # seconds, for small albums: what a crash may cost
_LONGEST_NAME = 80

OnPhoto = Callable[[int, int, "AlbumPhoto | None", str], None]


def read_album(sources: Sequence[Path], folder: Path, prior: Prior, on_photo: OnPhoto = lambda *_: None,
               cancelled: Callable[[], bool] = lambda: False) -> Album:
    """Read the photos among `sources` (files, and folders with all they hold) into an album kept in `folder`.

    prior: says which head the faces are fitted with, and the crops' size. on_photo(done, total, photo, text): progress; photo is
    the newest, judged by itself, its thumbnail written. cancelled(): asked before each photo; what was read by then is the album,
    and `complete` is False. Photos that the folder's album already knows, by the bytes of their files, are not read again, and
    what the user decided about them stays. A file that can't be used is an entry with its reason.
    Raises PhotoError when there is no photo at all, AssetError when a model that is needed is missing, WriteError.
    """
    files = _files(sources)
    on_photo(0, len(files), None, "Looking at the photos")
    with _Reader(folder, prior.head, prior.size) as reader:
        before = _before(folder, prior, reader.about_head)
        known = {photo.digest: photo for photo in before.read if _is_whole(photo, folder)} if before else {}
        read: list[ReadPhoto] = []
        first: dict[str, str] = {}
        saved = time.monotonic()
        for number, (name, file) in enumerate(_named(files)):
            if cancelled():
                break
            digest = _digest(file)
            if digest in first:
                photo = replace(known[digest], name=name, path=file, faces=(), problem="", same_as=first[digest])
            elif digest in known:
                photo = replace(known[digest], name=name, path=file)
            else:
                photo = reader.read(name, file, digest)
            if digest:
                first.setdefault(digest, name)
                known[digest] = photo if not photo.same_as else known[digest]
            read.append(photo)
            if time.monotonic() - saved > _KEEP_EVERY * (1 + len(read) / 100):
                _album(folder, prior, reader.about_head, read, before, False).keep()
                saved = time.monotonic()
            on_photo(number + 1, len(files), alone(photo, prior.size), file.name)
        album = _album(folder, prior, reader.about_head, read, before, len(read) == len(files))
    album.save()
    return album


def _album(folder: Path, prior: Prior, about_head: str, read: Sequence[ReadPhoto], before: Album | None, complete: bool) -> Album:
    """The album of what was read, with what the user decided about photos that are still there."""
    main, choices = None, {}
    if before:
        same = {(photo.name, photo.digest) for photo in read} & {(photo.name, photo.digest) for photo in before.read}
        kept = {name for name, _ in same}
        choices = {name: choice for name, choice in before.choices.items() if name in kept}
        main = before.main if before.main and before.main[0] in kept else None
    return Album(folder, prior.head, prior.size, tuple(read), choices, main, complete, about_head)


def _before(folder: Path, prior: Prior, about_head: str) -> Album | None:
    """What was read into the folder before, if it was for the same head and size."""
    try:
        album = Album.load(folder)
    except AssetError:
        return None
    return album if (album.head, album.size, album.about_head) == (prior.head, prior.size, about_head) else None


def _is_whole(photo: ReadPhoto, folder: Path) -> bool:
    """Whether nothing of it has to be read again. What could not be read is tried anew."""
    files = [photo.crop_file(folder, i) for i, face in enumerate(photo.faces) if face.embedding is not None]
    return bool(photo.digest) and not photo.problem and not photo.same_as and all(file.is_file() for file in files)


# -- files ------------------------------------------------------------------------------------------------------------------


def _files(sources: Sequence[Path]) -> list[Path]:
    """All photos meant, each once; single files whatever they are. Raises PhotoError when there are none."""
    found: list[Path] = []
    for source in (Path(os.path.abspath(source)) for source in sources):
        if not source.is_dir():
            if not source.exists() and source.suffix.lower() not in SUFFIXES:
                raise PhotoError(f"There is no folder or file {source}. Check the name.")
            found.append(source)
            continue
        try:
            found += [path for item in find_items([source]) if _is_shown(path := Path(item.container), source)]
        except UserError:  # a folder without pictures among others that have some
            continue
    if not found:
        raise PhotoError(f"There are no photos in {', '.join(str(source) for source in sources) or 'nothing'}. Choose a folder "
                         "with JPEG, PNG, WebP, TIFF or HEIC files, or the files themselves.")
    return list(dict.fromkeys(found))


def _is_shown(path: Path, source: Path) -> bool:
    """Not in a hidden folder, where programs keep thumbnails and what was deleted."""
    return not any(part.startswith(".") for part in path.relative_to(source).parts)


def _named(files: Sequence[Path]) -> list[tuple[str, Path]]:
    """Each file with a name that is unique here, can be a file's name anywhere, and depends on nothing but the files."""
    plain = [re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", file.stem)[:_LONGEST_NAME].strip(" .") or "photo" for file in files]
    often = Counter(name.casefold() for name in plain)
    full = [name if often[name.casefold()] == 1 else f"{name}-{_digest(file)[:6] or 'x'}"
            for name, file in zip(plain, files, strict=True)]
    count: Counter[str] = Counter()
    named = []
    for name, file in zip(full, files, strict=True):
        count[name.casefold()] += 1
        number = count[name.casefold()]
        named.append((name if number == 1 else f"{name}-{number}", file))
    return named


def _digest(file: Path) -> str:
    """sha256 of a file's bytes; '' for what can't be read or is too large to be opened."""
    try:
        return file_digest(file) if file.is_file() and file.stat().st_size <= MAX_FILE_BYTES else ""
    except OSError:
        return ""


# -- one photo --------------------------------------------------------------------------------------------------------------


class _Reader:
    """Head, estimator and landmark model, each loaded when the first photo needs it."""

    def __init__(self, folder: Path, head: str, size: int) -> None:
        self.folder, self.size = folder, size
        self.head: HeadModel = load_head(head)
        self.about_head = head_digest(self.head)
        self._estimate = estimators.get(None, head, size)
        self._finder: FaceFinder | None = None

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._finder is not None:
            self._finder.close()

    def read(self, name: str, file: Path, digest: str) -> ReadPhoto:
        """A file with its faces, crops and thumbnails written. Raises AssetError and WriteError only."""
        photo = ReadPhoto(name, file, digest)
        try:
            image = load_image(file)
        except PhotoError as error:
            return replace(photo, problem=str(error))
        height, width = image.pixels.shape[:2]
        try:
            weight, faces = file.stat().st_size, self._faces(image)
        except (AssetError, WriteError):
            raise
        except MemoryError:
            return replace(photo, size=(width, height), problem=f"{file.name} does not fit into memory. Make it smaller.")
        except Exception as error:  # one odd picture must not end the import of an album
            return replace(photo, size=(width, height), problem=f"{file.name} can't be used: looking for faces in it failed "
                                                                f"({type(error).__name__}: {error}).")
        photo = replace(photo, size=(width, height), pixels=image.digest, faces=tuple(seen for seen, _ in faces),
                        bytes=weight)
        shown = None
        for index, (_, found) in enumerate(faces):
            if found is not None:
                atomic_write(photo.crop_file(self.folder, index), _encoded(found.crop(self.size), "PNG"), make_folder=True)
                atomic_write(photo.thumb_file(self.folder, index), _encoded(_thumb(found), "JPEG"))
                shown = index if shown is None else shown
        if shown is None:
            atomic_write(photo.thumb_file(self.folder, None), _encoded(_middle(image.pixels), "JPEG"), make_folder=True)
        atomic_write(self.folder / "thumbs" / f"{name}.jpg", photo.thumb_file(self.folder, shown).read_bytes(), make_folder=True)
        return photo

    def _faces(self, image: LoadedImage) -> list[tuple[SeenFace, Photo | None]]:
        if self._finder is None:
            self._finder = FaceFinder()
        found = self._finder.everyone(image.pixels)
        return [self._face(image, found, index) for index in range(min(len(found), _MOST_FACES))]

    def _face(self, image: LoadedImage, found: Sequence[DetectedFace], index: int) -> tuple[SeenFace, Photo | None]:
        coarse = found[index]
        fault = problem(coarse, image.pixels.shape)
        if fault:
            return SeenFace(coarse.box, fault), None
        assert self._finder is not None
        try:
            fine = self._finder.refine(image.pixels, coarse)
            photo = Photo(image, tuple(found), index, fine, Alignment.from_points68(points68(fine.points)))
            fit = self._estimate(self.head, photo)
            embedding = identity.embedding(image.pixels, fine.points)
        except (PhotoError, ValueError, np.linalg.LinAlgError) as error:
            return SeenFace(coarse.box, f"can't be fitted ({error})."), None
        return SeenFace(fine.box, "", embedding, fit.code, measure(photo, fit), look(photo)), photo


def _thumb(photo: Photo) -> np.ndarray:
    """(168, 168, 3) uint8: the face with some room around it, upright as the photo is."""
    centre, half = np.array(photo.alignment.centre), _THUMB_ROOM / 2 * photo.alignment.side
    height, width = photo.pixels.shape[:2]
    half = min(half, width / 2, height / 2)
    x, y = (float(np.clip(c, half, end - half)) for c, end in zip(centre, (width, height), strict=True))
    return _square(photo.pixels, x, y, half)


def _middle(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    return _square(pixels, width / 2, height / 2, min(height, width) / 2)


def _square(pixels: np.ndarray, x: float, y: float, half: float) -> np.ndarray:
    x0, y0 = max(int(x - half), 0), max(int(y - half), 0)
    side = max(int(2 * half), 1)
    part = pixels[y0:y0 + side, x0:x0 + side]
    interpolation = cv2.INTER_AREA if side > THUMB else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(part), (THUMB, THUMB), interpolation=interpolation))


def _encoded(pixels: np.ndarray, form: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **({"quality": 88} if form == "JPEG" else {"compress_level": 3}))
    return out.getvalue()
