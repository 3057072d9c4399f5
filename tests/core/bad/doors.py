"""Every place at which a file from outside comes in: how it is opened, and how a good one is made."""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.settings import Settings
from core import credentials, mean_identity, paths, presets
from core.batch_plan import NamedRig, Task, rigs_of
from core.batch_queue import PictureQueue
from core.batch_record import JOURNAL, MADE, Journal, Row
from core.cv import cv2
from core.environment import read_environment
from core.errors import ParameterError
from core.export import encode, read_request, save_image
from core.files import read_file
from core.film import clip
from core.film.files import read_timeline
from core.head import load_head
from core.people import shelf
from core.people.person import read_person
from core.photo import load_image
from core.prepare_items import Item, find_items
from core.prior import load_prior
from core.project import NamedPhoto, Project, Snapshot, read_project, recovery, write_project
from core.project.places import find_photo
from core.project.rig_text import MAX_TEXT, RigText, from_text, to_text
from core.reopen import read_edit
from core.request import RenderRequest
from core.rig import Rig
from tests.core.film.made import pictures, save_sound, save_video, vowel
from tests.tiny import save_tiny_prior


@dataclass(frozen=True)
class Door:
    """name, ending: of the files. open: what the program does with a path; a UserError or an answer are both fine, anything
    else is a defect. good(folder): a good file's path; None where there is none to spoil. plain: a good file as JSON values,
    where that is what it holds, and as_file(path, values): writes them. lenient: it says "nothing there" (None) of a bad file."""

    name: str
    ending: str
    open: Callable[[Path], Any]
    good: Callable[[Path], Path] | None = None
    plain: Callable[[], Any] | None = None
    as_file: Callable[[Path, Any], None] | None = None
    lenient: bool = False


RIG = Rig().update({"light.azimuth": 40.0, "light.color": (1.0, 0.8, 0.6), "pose.yaw": 5.0, "expression.smile": 0.4})
REQUEST = RenderRequest("ab" * 32, RIG, seed=3, steps=4)


def _picture(ending: str, **options: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
        exif = Image.Exif()
        exif[0x010F], exif[0x0112] = "Camera", 6
        path = folder / f"good{ending}"
        Image.fromarray(pixels).save(path, exif=exif, **options)
        return path
    return make


def _exported(folder: Path) -> Path:
    return save_image(np.zeros((16, 16, 3), np.uint8), folder / "good.png", request_json=REQUEST.to_json())


def _request_file(path: Path, plain: Any) -> None:
    save_image(np.zeros((8, 8, 3), np.uint8), path, request_json=plain)


def _json_file(path: Path, plain: Any) -> None:
    path.write_bytes(json.dumps(plain).encode())


def _written(plain: Callable[[], Any]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "good.json"
        _json_file(path, plain())
        return path
    return make


@cache
def _prior_bytes() -> bytes:
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        return save_tiny_prior(Path(folder) / "tiny.safetensors").read_bytes()


def _prior(folder: Path) -> Path:
    path = folder / "good.safetensors"
    path.write_bytes(_prior_bytes())
    return path


def _preset_plain() -> Any:
    return {"format": 1, "kind": "expression", "name": "Grin", "values": {"expression.smile": 0.6, "jaw.open": 0.1}}


def _identity_plain() -> Any:
    size = load_head("open").identity_size
    return {"format": 1, "head": "open", "photos": 3, "identity": [0.5] * size}


def _environment(ending: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / f"good{ending}"
        pixels = np.random.default_rng(0).random((16, 32, 3), np.float32)
        if ending == ".exr":
            openexr = pytest.importorskip("OpenEXR")
            openexr.File({"compression": openexr.ZIP_COMPRESSION}, {"RGB": pixels}).write(str(path))
        else:
            path.write_bytes(cv2.imencode(ending, pixels)[1].tobytes())
        return path
    return make


def _archive(ending: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import tarfile
        import zipfile
        picture = _picture(".png")(folder)
        path = folder / f"good{ending}"
        if ending == ".zip":
            with zipfile.ZipFile(path, "w") as packed:
                packed.write(picture, "one.png")
        else:
            with tarfile.open(path, "w") as packed_tar:
                packed_tar.add(picture, "one.png")
        return path
    return make


def _report_plain() -> dict[str, Any]:
    return {"format": 1, "request": REQUEST.to_json(), "photo": {"path": "/photos/me.jpg", "face": 0, "aligned": False},
            "model": {"name": "compact"}}


@cache
def _signed_bytes() -> bytes:
    return credentials.signed(encode(np.zeros((16, 16, 3), np.uint8), "PNG", request="{}"), "PNG", {"summary": "made"})


def _signed(folder: Path) -> Path:
    path = folder / "good.png"
    path.write_bytes(_signed_bytes())
    return path


def _read_queue(path: Path) -> int | None:
    return PictureQueue(path).load() or None


def _clip(ending: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / f"good{ending}"
        if ending == ".wav":
            return save_sound(path, vowel("a", 0.1))
        return save_video(path, pictures(3), codec="libvpx" if ending == ".webm" else "libx264")
    return make


def _timeline_plain() -> dict[str, Any]:
    return {"format": 1, "duration": 2.0, "fps": 24.0, "sound": "voice.wav", "tracks": [
        {"name": "jaw.open", "keys": [[0.0, 0.0, "linear"], [1.0, 0.5, "smooth"]]},
        {"name": "light.color", "keys": [[0.0, [1.0, 0.5, 0.2], "hold"]]}]}


def _read_items(path: Path) -> list[bytes]:
    return [item.read() for item in find_items([path])]


def _read_rig(path: Path) -> Any:
    return rigs_of([path], {}, REQUEST, load_head("open"))


def _project(folder: Path) -> Path:
    photo = NamedPhoto("me.png", Path("/photos/me.png"), data=_picture(".png")(folder).read_bytes())
    pixels = np.zeros((16, 16, 3), np.uint8)
    return write_project(folder / "good.drig", Project(REQUEST, photo, snapshots=(Snapshot(REQUEST, pixels),), picture=pixels))


def _project_plain() -> Any:
    import tempfile
    import zipfile
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(_project(Path(folder))) as archive:
        return json.loads(archive.read("project.json"))


def _project_file(path: Path, plain: Any) -> None:
    import zipfile
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("project.json", json.dumps(plain))


def _read_left(path: Path) -> Project:
    """The file as what a crash left."""
    folder = path.parent / f"left of {path.stem}"
    folder.mkdir(exist_ok=True)
    (folder / "project.json").unlink(missing_ok=True)
    (folder / "project.json").symlink_to(path)
    return recovery.Left(folder, "me", None, 0.0).read()


def _find_place(path: Path) -> Path | None:
    """The file as the list of where photos are."""
    file = paths.data_dir() / "places.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.symlink_to(path)
    return find_photo("ab")


def _read_settings(path: Path) -> Settings:
    """The file as the window's settings. What is wrong is never told, only defaulted: types and ranges must be right."""
    folder = path.parent / f"settings of {path.stem}"
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").unlink(missing_ok=True)
    (folder / "settings.json").symlink_to(path)
    found = Settings.load(folder)
    for name, value in vars(Settings()).items():
        assert type(getattr(found, name)) is type(value), name
    return found


def _settings_plain() -> Any:
    return {"version": 1, **asdict(Settings())}


def _read_journal(path: Path) -> Row | None:
    """The file as a batch's journal."""
    folder = path.parent / f"journal of {path.stem}"
    folder.mkdir(exist_ok=True)
    (folder / JOURNAL).unlink(missing_ok=True)
    (folder / JOURNAL).symlink_to(path)
    out = folder / "me.png"
    out.touch()
    return Journal(folder).done(Task(Item("/photos/me.jpg"), NamedRig("warm", REQUEST), out, "1"))


def _row_plain() -> Any:
    return asdict(Row("me.jpg", "warm", "me.png", MADE, key="1"))


def _paste(path: Path) -> RigText:
    """The file as a text on the clipboard."""
    return from_text(read_file(path, MAX_TEXT, ParameterError).decode("utf-8", "replace"))


def _rig_text(folder: Path) -> Path:
    path = folder / "good.txt"
    path.write_text(to_text(RigText(RIG, {"seed": 3}, "me.jpg")))
    return path


def _places_plain() -> Any:
    return {"format": 1, "photos": {"ab": ["/photos/me.jpg", 1795400000]}}


DOORS: tuple[Door, ...] = (
    Door("photo.jpg", ".jpg", load_image, _picture(".jpg", quality=90)),
    Door("photo.png", ".png", load_image, _picture(".png")),
    Door("photo.webp", ".webp", load_image, _picture(".webp", quality=80)),
    Door("photo.tif", ".tif", load_image, _picture(".tif", compression="tiff_lzw")),
    Door("photo.bmp", ".bmp", load_image, _picture(".bmp")),
    Door("prior", ".safetensors", load_prior, _prior),
    Door("person", ".safetensors", read_person, _prior),
    Door("person to import", ".safetensors", shelf.import_file, _prior),
    Door("rig", ".json", _read_rig, _written(REQUEST.to_json), REQUEST.to_json, _json_file),
    Door("picture with a rig", ".png", _read_rig, _exported, REQUEST.to_json, _request_file),
    Door("record of a picture", ".png", read_request, _exported, lenient=True),
    Door("report of an edit", ".json", read_edit, _written(_report_plain), _report_plain, _json_file),
    Door("picture to open again", ".png", read_edit, _exported, REQUEST.to_json, _request_file),
    Door("credentials", ".png", credentials.read, _signed, lenient=True),
    Door("queue", ".json", _read_queue, _written(lambda: {"format": 1, "lots": [], "rigs": [], "entries": []}), lenient=True),
    Door("project", ".drig", read_project, _project, _project_plain, _project_file),
    Door("left by a crash", ".json", _read_left, _written(_project_plain), _project_plain, _json_file),
    Door("places", ".json", _find_place, _written(_places_plain), _places_plain, _json_file, lenient=True),
    Door("settings", ".json", _read_settings, _written(_settings_plain), _settings_plain, _json_file, lenient=True),
    Door("journal of a batch", ".jsonl", _read_journal, _written(_row_plain), _row_plain, _json_file, lenient=True),
    Door("rig to paste", ".txt", _paste, _rig_text, lambda: json.loads(to_text(RigText(RIG, {"seed": 3}, "me.jpg"))), _json_file),
    Door("preset", ".json", presets.import_file, _written(_preset_plain), _preset_plain, _json_file),
    Door("mean identity", ".json", lambda path: mean_identity.load(path, "open"), _written(_identity_plain), _identity_plain,
         _json_file),
    Door("environment.hdr", ".hdr", read_environment, _environment(".hdr")),
    Door("environment.exr", ".exr", read_environment, _environment(".exr")),
    Door("environment.jpg", ".jpg", read_environment, _picture(".jpg", quality=90)),
    Door("timeline", ".json", read_timeline, _written(_timeline_plain), _timeline_plain, _json_file),
    Door("timeline of a film", ".mp4", read_timeline),
    Door("video.mp4", ".mp4", lambda path: list(clip.pictures(path)), _clip(".mp4")),
    Door("video.webm", ".webm", lambda path: list(clip.pictures(path)), _clip(".webm")),
    Door("sound.wav", ".wav", clip.sound, _clip(".wav")),
    Door("archive of photos", ".zip", _read_items, _archive(".zip")),
    Door("tar of photos", ".tar", _read_items, _archive(".tar")),
)
