"""Shards: .npz files of prepared pictures, as JPEG bytes, FaceCode arrays and quality facts."""
from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core import estimators
from core.codes import FaceCode
from core.cv import cv2
from core.errors import PhotoError, UserError
from core.files import atomic_save
from core.prepare_items import VERSION

JPEG_QUALITY = 95
FIELDS = ("identity", "expression", "pose", "neck", "jaw", "eyes", "albedo", "camera", "box", "light")
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, eq=False)
class Prepared:
    """One usable picture: its aligned crop as JPEG, its code, and facts about the fit."""

    name: str
    jpeg: bytes
    code: FaceCode
    facts: dict[str, float]


def encode_jpeg(pixels: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as JPEG bytes without colour subsampling."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return out.getvalue()


def decode_jpeg(data: bytes | np.ndarray) -> np.ndarray:
    """JPEG bytes -> (H, W, 3) uint8 RGB. Raises PhotoError when they are damaged."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise PhotoError("A picture in a shard is damaged. Prepare the data again.")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def write_shard(path: Path, pictures: Sequence[Prepared], refused: Sequence[tuple[str, str]], head: str, size: int,
                estimator: str = estimators.FIT, group: str = "", keys: Sequence[str] = ()) -> None:
    """Write pictures, and (name, reason) of those refused, to an .npz at once; equal arguments give equal bytes.

    group: the folder or container they come from; keys: what decides each picture, by which another run knows it again.
    Raises WriteError.
    """
    arrays: dict[str, np.ndarray] = {
        "names": np.array([p.name for p in pictures], dtype=np.str_),
        "jpeg": np.frombuffer(b"".join(p.jpeg for p in pictures), np.uint8),
        "ends": np.cumsum([len(p.jpeg) for p in pictures]).astype(np.int64),
        "about": np.array(json.dumps(
            {"version": VERSION, "head": head, "estimator": estimator, "size": size, "refused": list(refused), "group": group}))}
    if keys:
        arrays["keys"] = np.array(keys, dtype=np.str_)
    for field in FIELDS if pictures else ():
        arrays[f"code_{field}"] = np.stack([getattr(p.code, field) for p in pictures])
    for fact in pictures[0].facts if pictures else ():
        arrays[f"fact_{fact}"] = np.array([p.facts[fact] for p in pictures], np.float32)
    atomic_save(path, lambda file: np.savez(file, **arrays), make_folder=True)  # type: ignore[arg-type]


def shard_about(path: Path) -> dict[str, Any]:
    """version, head, estimator, size, group, refused and count of a shard. Raises UserError when it is damaged."""
    try:
        with np.load(path) as shard:
            return {"group": "", **json.loads(str(shard["about"])), "count": len(shard["names"])}
    except _DAMAGED as error:
        raise UserError(f"{path} is damaged. Delete it and run 'main.py prepare' again.") from error


def shard_facts(paths: Iterable[Path]) -> dict[str, np.ndarray]:
    """The quality facts of all pictures of whole shards: name -> (N,) float32."""
    found: dict[str, list[np.ndarray]] = {}
    for path in paths:
        with np.load(path) as shard:
            for name in shard.files:
                if name.startswith("fact_"):
                    found.setdefault(name[5:], []).append(shard[name])
    return {name: np.concatenate(values) for name, values in found.items()}


class Known:
    """Pictures in shards that are there already, by key: what moved to another shard is copied, not done again."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Damaged shards hold nothing."""
        self._places: dict[str, tuple[Path, int]] = {}
        self._open: tuple[Path, dict[str, Any]] | None = None
        for path in paths:
            try:
                with np.load(path) as shard:
                    keys = shard["keys"] if "keys" in shard.files else ()
                    self._places.update({str(key): (path, index) for index, key in enumerate(keys)})
            except _DAMAGED:
                continue

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def get(self, key: str) -> Prepared | None:
        """The picture of that key, None where it is not there or its shard is damaged."""
        if key not in self._places:
            return None
        path, index = self._places[key]
        try:
            if self._open is None or self._open[0] != path:
                with np.load(path) as shard:
                    self._open = path, {name: shard[name] for name in shard.files}
            arrays = self._open[1]
            ends = arrays["ends"]
            code = FaceCode(json.loads(str(arrays["about"]))["head"], **{name: arrays[f"code_{name}"][index] for name in FIELDS})
            jpeg = arrays["jpeg"][ends[index - 1] if index else 0:ends[index]].tobytes()
            facts = {name[5:]: float(values[index]) for name, values in arrays.items() if name.startswith("fact_")}
            return Prepared(str(arrays["names"][index]), jpeg, code, facts)
        except _DAMAGED:
            return None
