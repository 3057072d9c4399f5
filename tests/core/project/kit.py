"""A small project with everything in it, and the zip of it."""
from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.codes import FaceCode
from core.film.timeline import Key, Timeline, Track
from core.people.header import About
from core.project import NamedModel, NamedPhoto, Project, Snapshot, write_project
from core.request import RenderRequest
from core.rig import Copy, Rig


def picture(seed: int = 0, side: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)


def jpeg(seed: int = 0, size: tuple[int, int] = (40, 30)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)).save(file, "JPEG")
    return file.getvalue()


def code(seed: int = 0) -> FaceCode:
    rng = np.random.default_rng(seed)
    return FaceCode("open", rng.normal(size=6), rng.normal(size=5), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(2),
                    rng.normal(size=3), np.array([8.0, 0, 0]), np.array([1, 0.5, 0.5]), rng.normal(size=(9, 3)))


def person(letter: str = "a") -> About:
    return About(64 * letter, "Anna", 64 * "b", "faces", "CC0", "open", 256, (0.5, 0.25), {})


def rig() -> Rig:
    made = Rig().update({"light.azimuth": -40.0, "expression.smile": 0.1, "light.color": (1.0, 0.9, 0.8)})
    return made.copy(Copy("appearance", code(1), 64 * "c", "other.jpg", 0.5)).copy(Copy("light", code(2), 64 * "d", "third.jpg"))


def project(**changes: Any) -> Project:
    who = person()
    request = RenderRequest("p" * 64, rig(), seed=7, steps=12, prior=64 * "b", person=64 * "a", identity=(0.5, 0.25))
    snapshots = (Snapshot(request, picture(1), True, "Soft", 1000.5, 0.25, who),
                 Snapshot(RenderRequest("p" * 64, Rig().set("pose.yaw", 10), prior=64 * "b"), picture(2), made=1001.0))
    values: dict[str, Any] = {
        "request": request, "photo": NamedPhoto("me.jpg", Path("/photos/me.jpg"), "", "e" * 64, "p" * 64, 1, jpeg()),
        "person": who, "timeline": Timeline(2.0, 24.0, (Track("pose.yaw", (Key(0, 0.0), Key(2, 20.0))),)),
        "model": NamedModel("faces", 64 * "b", "open", "fit"), "snapshots": snapshots, "picture": picture(3, 64),
        "copies": (NamedPhoto("other.jpg", Path("/photos/other.jpg"), "", "f" * 64, 64 * "c", 0, jpeg(5)),),
        "view": {"mode": "albedo", "whole": True, "split": 0.25}, "other": {"future": {"kept": [1, 2]}}}
    return Project(**{**values, **changes})


def written(folder: Path, made: Project | None = None) -> Path:
    return write_project(folder / "one.drig", made or project())


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def packed(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The file with its project.json changed; `change` may return another document."""
    files = entries(path)
    plain = json.loads(files["project.json"])
    other = change(plain)
    files["project.json"] = json.dumps(plain if other is None else other).encode()
    return packed(path, files)
