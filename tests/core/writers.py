"""Everything that writes files a user keeps: each as a function that writes the first or the second version into a folder."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from app.settings import Settings
from core import mean_identity, presets
from core.batch_plan import NamedRig, Task
from core.batch_queue import Lot, PictureQueue
from core.batch_record import MADE, row_of, write_report
from core.export import save_image
from core.export_buffers import save_buffers
from core.film.encode import write_film
from core.film.files import write_timeline
from core.film.film import Film, Frames
from core.film.timeline import Key, Timeline, Track
from core.head import load_head
from core.mesh_files import save_mesh
from core.people.person import write_person
from core.prepare_items import Item
from core.prior import Prior
from core.project import recovery, write_project
from core.render.buffers import Buffers
from core.request import RenderRequest
from core.rig import Rig
from tests.core.film.made import finished
from tests.core.people.kit import IDENTITY, changes_of, tiny_prior
from tests.core.project.kit import picture, project


@dataclass(frozen=True)
class Writer:
    """write(folder, version): writes version 1 or 2 there; other bytes for each, the same each time but where `varies`.

    quiet: what it keeps is no picture of the user's; a failure is logged and the program goes on. library: the bytes are written
    by a library, past Python.
    """

    name: str
    write: Callable[[Path, int], Any]
    quiet: bool = False
    varies: bool = False
    library: bool = False


def _request(version: int) -> RenderRequest:
    return RenderRequest("ab" * 32, Rig().set("pose.yaw", float(version)), seed=version)


def _picture(ending: str, **more: Any) -> Callable[[Path, int], Any]:
    return lambda folder, version: save_image(picture(version, 64), folder / f"a{ending}",
                                              request_json=_request(version).to_json(), **more)


def _signed(folder: Path, version: int) -> Any:
    return save_image(picture(version, 64), folder / "a.png", note={"summary": "made", "version": version})


def _mesh(name: str) -> Callable[[Path, int], Any]:
    def write(folder: Path, version: int) -> Any:
        head = load_head("open")
        code = head.zero_code()
        return save_mesh(folder / name, head, replace(code, pose=np.array([0.0, 0.1 * version, 0.0], np.float32)))
    return write


def _buffers(folder: Path, version: int) -> Any:
    values = np.random.default_rng(version).random((3, 24, 24, 3), np.float32)
    return save_buffers(Buffers(values[0], values[1], values[2], values[0, :, :, 0]), folder)


def _autosave(folder: Path, version: int) -> Any:
    keeper = recovery.Keeper(folder)
    keeper.folder = next((path for path in folder.iterdir() if path.is_dir()), None)
    keeper.keep(project(view={"round": version}), "me.jpg", None, version)


def _preset(folder: Path, version: int) -> Any:
    preset = presets.Preset("expression", "Grin", {"expression.smile": 0.1 * version})
    return presets.export(preset, folder / "grin.json")


@cache
def _prior() -> Prior:
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        return tiny_prior(Path(folder) / "tiny.safetensors")


def _person(folder: Path, version: int) -> Any:
    write_person(folder / "ann.safetensors", name="Ann", prior=_prior(), identity=IDENTITY, changes=changes_of(_prior(), version),
                 card={})


def _task(folder: Path, version: int) -> Task:
    return Task(Item("/photos/me.jpg"), NamedRig("warm", _request(version)), folder / "me.png", str(version))


def _report(folder: Path, version: int) -> Any:
    return write_report([row_of(_task(folder, version), MADE)] * version, folder)


def _queue(folder: Path, version: int) -> Any:
    queue = PictureQueue(folder / "queue.json")
    queue.add([_task(folder.parent / "out", version)] * version, Lot(folder.parent / "out"), "prior")


_films: dict[tuple[Path, str, int], tuple[Film, Frames]] = {}


def _film(name: str) -> Callable[[Path, int], Any]:
    def write(folder: Path, version: int) -> Any:
        made = [finished(folder.parent / f"frames {name} {count}", 4 + count) for count in (1, 2)] if version == 1 else []
        _films.update({(folder.parent, name, count): one for count, one in enumerate(made, 1)})  # made before anything breaks
        film, kept = _films[folder.parent, name, version]
        return write_film(folder / name, film, kept, signed=False)
    return write


def _frames(folder: Path, version: int) -> Any:
    Frames(folder).write("k" * 40, picture(version, 64))


def _identity(folder: Path, version: int) -> Any:
    size = load_head("open").identity_size
    mean = mean_identity.MeanIdentity((0.1 * version,) * size, "open", 3)
    return mean_identity.save(mean, folder / "mean.json")


WRITERS: tuple[Writer, ...] = (
    Writer("PNG", _picture(".png")), Writer("JPEG", _picture(".jpg")), Writer("TIFF", _picture(".tif")),
    Writer("WebP", _picture(".webp")), Writer("signed PNG", _signed, varies=True),
    Writer("mesh.glb", _mesh("head.glb")), Writer("mesh.obj", _mesh("head.obj")), Writer("buffers", _buffers),
    Writer("project", lambda folder, version: write_project(folder / "a.drig", project(view={"round": version})), varies=True),
    Writer("autosave", _autosave, varies=True),
    Writer("preset", _preset), Writer("person", _person), Writer("mean identity", _identity),
    Writer("settings", lambda folder, version: Settings(panel_width=320 + version).save(folder), quiet=True),
    Writer("queue", _queue, quiet=True), Writer("report", _report),
    Writer("timeline", lambda folder, version: write_timeline(folder / "t.json", Timeline(
        1.0, 24.0, (Track("jaw.open", (Key(0, 0.1 * version),)),)))),
    Writer("frame of a film", _frames),
    Writer("film.mp4", _film("film.mp4"), library=True), Writer("film.webm", _film("film.webm"), library=True),
    Writer("film.gif", _film("film.gif"), library=True), Writer("film as pictures", _film("pictures")),
)
