"""Where photos were last seen: a small file of paths by digest, so that a picture or a project that names a photo finds it."""
from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from core import paths
from core.errors import PhotoError, UserError
from core.files import atomic_write, check_file, read_file, reason
from core.people.names import visible
from core.photo import MAX_FILE_BYTES, load_image
from core.project.project import NamedPhoto

log = logging.getLogger(__name__)

FORMAT = 1
MOST = 2000  # photos remembered; the ones not seen for longest go first
_MAX_FILE = 4 << 20
_lock = threading.Lock()


def note_photo(digest: str, path: Path) -> None:
    """Remember that the photo of `digest` (`Session.digest`: pixels and face) is the file `path`. For any thread.

    A folder that can't be written is logged and otherwise ignored.
    """
    with _lock:
        places = _read()
        shown = str(Path(path).absolute())
        places.pop(digest, None)
        places[digest] = (shown, round(time.time()))
        newest = dict(list(places.items())[-MOST:])
        plain = {"format": FORMAT, "photos": {key: [where, seen] for key, (where, seen) in newest.items()}}
        try:
            atomic_write(_file(), json.dumps(plain).encode(), make_folder=True)
        except OSError as error:
            log.warning("where photos are can't be remembered: %s", error)


def find_photo(digest: str, name: str = "", hints: Iterable[Path | str] = ()) -> Path | None:
    """A file that may be the photo of `digest`: where it was last seen, else one of the hints; None where there is none.

    hints: files, or folders in which a file of that `name` is looked for. The caller compares digests: another picture may have
    taken the place.
    """
    with _lock:
        noted = _read().get(digest)
    asked = [Path(noted[0])] if noted is not None else []
    for hint in map(Path, hints):
        asked += [hint, hint / Path(name).name] if Path(name).name else [hint]
    return next((path for path in asked if _is_file(path)), None)


def find_same(photo: NamedPhoto, folders: Iterable[Path] = ()) -> Path | None:
    """The file of a photo that a project names: where it was, where it was last seen, or under its name in one of the folders;
    None where no such file is the same picture. Takes a moment."""
    hints = [*([photo.path] if photo.path is not None else []), *(folder / Path(photo.name).name for folder in folders)]
    places = dict.fromkeys((*hints[:1], find_photo(photo.digest), *hints[1:]))
    for path in places:
        try:
            if path is not None and _is_file(path) and is_same(path, photo):
                return path
        except UserError:
            continue
    return None


def is_same(file: Path, wanted: NamedPhoto) -> bool:
    """Whether a file is the photo: the same bytes, or the same pixels; where nothing is known of them, any picture. Takes a
    moment. Raises PhotoError for no picture."""
    if wanted.sha256 and file_sha256(file) == wanted.sha256:
        return True
    pixels = load_image(file).digest
    return wanted.pixels == pixels if wanted.pixels else not wanted.sha256


def file_sha256(file: Path) -> str:
    """Of all its bytes, as hex. Raises PhotoError where it is no plain file, is too large for a photo, or can't be read."""
    check_file(file, MAX_FILE_BYTES, PhotoError)
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise PhotoError(f"{visible(str(file))} can't be read ({reason(error)}).") from error


def _file() -> Path:
    return paths.data_dir() / "places.json"


def _read() -> dict[str, tuple[str, float]]:
    """What is remembered, the photo seen last at the end; a damaged file counts as an empty one."""
    file = _file()
    if not file.exists():
        return {}
    try:
        photos = json.loads(read_file(file, _MAX_FILE).decode("utf-8"))["photos"]
        return {str(digest): (str(where), float(seen)) for digest, (where, seen) in photos.items()}
    except (UserError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        log.warning("where photos are can't be read: %s", error)
        return {}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no path can be called that
        return False
