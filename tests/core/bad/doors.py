"""Every place at which a file from outside comes in: how it is opened, and how a good one is made."""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core import mean_identity, presets
from core.batch_plan import rigs_of
from core.export import read_request, save_image
from core.head import load_head
from core.people import shelf
from core.people.person import read_person
from core.photo import load_image
from core.prepare_items import find_items
from core.prior import load_prior
from core.request import RenderRequest
from core.rig import Rig
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


def _read_items(path: Path) -> list[bytes]:
    return [item.read() for item in find_items([path])]


def _read_rig(path: Path) -> Any:
    return rigs_of([path], {}, REQUEST, load_head("open"))


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
    Door("preset", ".json", presets.import_file, _written(_preset_plain), _preset_plain, _json_file),
    Door("mean identity", ".json", lambda path: mean_identity.load(path, "open"), _written(_identity_plain), _identity_plain,
         _json_file),
    Door("archive of photos", ".zip", _read_items, _archive(".zip")),
    Door("tar of photos", ".tar", _read_items, _archive(".tar")),
)
