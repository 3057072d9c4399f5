"""From folders, tars and photos to shards: aligned crops with their face codes, ready for training.

A shard is an .npz of up to `SHARD` pictures: JPEG bytes, FaceCode arrays and quality facts. Its name is a digest of what went
in, so preparing again does only what is missing; a run that was stopped goes on where it was.
"""
from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context, util
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from core import estimators
from core.codes import FaceCode
from core.cv import cv2
from core.errors import PhotoError, UserError
from core.files import atomic_save, atomic_write
from core.head import load_head
from core.head.base import HeadModel

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
VERSION = 1
SHARD = 128
JPEG_QUALITY = 95
FIELDS = ("identity", "expression", "pose", "neck", "jaw", "eyes", "albedo", "camera", "box", "light")
# How far an aligned crop's own landmarks may be from the framing of spec section 1, as shares of the crop's side.
_SHIFT, _SCALE = 0.06, 0.15


@dataclass(frozen=True)
class Item:
    """One picture to prepare: a file, or a member of a tar."""

    container: str
    member: str = ""

    @property
    def name(self) -> str:
        """The picture's name without folder and ending."""
        return PurePosixPath(self.member or self.container).stem

    def read(self) -> bytes:
        """Its bytes. Raises PhotoError when it can't be read."""
        try:
            if not self.member:
                return Path(self.container).read_bytes()
            file = _opened(self.container).extractfile(self.member)
            assert file is not None
            return file.read()
        except (OSError, tarfile.TarError, KeyError) as error:
            raise PhotoError(f"{self.name} can't be read: {error}") from error


@dataclass(frozen=True, eq=False)
class Prepared:
    """One usable picture: its aligned crop as JPEG, its code, and facts about the fit."""

    name: str
    jpeg: bytes
    code: FaceCode
    facts: dict[str, float]


# -- finding ----------------------------------------------------------------------------------------------------------------


def find_items(sources: Iterable[str | Path]) -> list[Item]:
    """All pictures in folders (searched through), tars and single files, sorted within each.

    Raises UserError for a source that does not exist or that is no picture.
    """
    items: list[Item] = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            items += [Item(str(p)) for p in sorted(path.rglob("*")) if p.suffix.lower() in PICTURES]
        elif path.is_file() and tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                names = sorted(m.name for m in tar if m.isfile() and m.name.lower().endswith(PICTURES))
            items += [Item(str(path), name) for name in names]
        elif path.is_file() and path.suffix.lower() in PICTURES:
            items.append(Item(str(path)))
        else:
            raise UserError(f"{source} is neither a folder, nor a tar, nor a picture. Check the path.")
    if not items:
        raise UserError("No pictures were found there. Name a folder or a tar with photos in it.")
    return items


def head_digest(head: HeadModel) -> str:
    """What a head does with codes, as a short text: codes of another version of it would mean other faces."""
    code = head.zero_code()
    other = code.replace(identity=np.ones_like(code.identity), expression=np.full_like(code.expression, 0.5))
    shapes = np.stack([head.vertices_of(code), head.vertices_of(other)])
    return hashlib.sha256(np.round(shapes, 6).tobytes() + head.faces.tobytes()).hexdigest()[:16]


def _chunks(items: Sequence[Item], size: int, head: str) -> Iterator[tuple[str, list[Item]]]:
    """Shard file name and items. The name holds what decides the content; a container counts by size and time of change.

    head: its name and digest, and the estimator's name where it is not the plain fit.
    """
    stamps: dict[str, str] = {}
    groups: dict[str, list[Item]] = {}
    for item in items:
        group = item.container if item.member else str(Path(item.container).parent)
        groups.setdefault(group, []).append(item)
    for group, members in groups.items():
        for at in range(0, len(members), SHARD):
            part = members[at:at + SHARD]
            for item in part:
                if item.container not in stamps:
                    facts = os.stat(item.container)
                    stamps[item.container] = f"{facts.st_size}:{facts.st_mtime_ns}"
            text = json.dumps([VERSION, size, head, [(i.container, i.member, stamps[i.container]) for i in part]])
            yield f"{Path(group).stem}-{at // SHARD:05d}-{hashlib.sha256(text.encode()).hexdigest()[:10]}.npz", part


@lru_cache(maxsize=2)
def _opened(container: str) -> tarfile.TarFile:
    """A tar kept open, because finding a member means reading all headers."""
    return tarfile.open(container)


# -- one picture ------------------------------------------------------------------------------------------------------------

_tools: dict[str, Any] = {}


def _start_worker(head: str, estimator: str, size: int) -> None:
    """What a process needs once: the head, the landmark model and the estimator."""
    from core.landmarks import FaceFinder

    finder = FaceFinder()
    # the landmark model must be closed before the interpreter takes its threads down
    util.Finalize(None, finder.close, exitpriority=10)
    _tools.update(head=load_head(head), finder=finder, estimate=estimators.get(estimator, head, size))


def prepare_one(item: Item, size: int, head: Any, finder: Any, estimate: estimators.Estimator | None = None) -> Prepared:
    """The aligned crop of a picture at size x size, and its fit. estimate: finds the code (see `core.estimators`).

    A square picture that already has the framing of spec section 1 is kept as it is. Raises PhotoError (NoFaceError) when it
    can't be used.
    """
    from core.photo import Photo, load_image
    from core.rig import pose_degrees

    data = item.read()
    image = load_image(data)
    photo = as_aligned(image, finder) or Photo.open(image, None, finder)
    crop = photo.crop(size)
    fit = (estimate or estimators.get(None, head.name, size))(head, photo)
    pixels = image.pixels
    kept = data[:2] == b"\xff\xd8" and pixels.shape[:2] == (size, size) and np.array_equal(crop, pixels)
    facts = {
        "landmark_error": float(fit.landmark_error), "light_residual": float(fit.light_residual),
        "eye_distance": float(photo.face.eye_distance), "yaw": pose_degrees(fit.code.pose)[0],
        "brightness": float(crop.mean() / 255)}
    return Prepared(item.name, data if kept else encode_jpeg(crop), fit.code, facts)


def as_aligned(image: Any, finder: Any) -> Any:
    """The Photo of a square picture that already has the framing of spec section 1, kept as it is; None for any other.

    Raises NoFaceError when there is no face in it.
    """
    from core.align import Alignment
    from core.landmarks import points68
    from core.photo import Photo

    height, width = image.pixels.shape[:2]
    if height != width:
        return None
    photo = Photo.aligned_already(image, finder)
    own = Alignment.from_points68(points68(photo.face.points))
    shift = np.abs(np.asarray(own.centre) - width / 2).max() / width
    return photo if shift < _SHIFT and abs(own.side / width - 1) < _SCALE else None


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


# -- shards -----------------------------------------------------------------------------------------------------------------


def write_shard(path: Path, pictures: Sequence[Prepared], refused: Sequence[tuple[str, str]], head: str, size: int,
                estimator: str = estimators.FIT) -> None:
    """Write pictures, and (name, reason) of those refused, to an .npz at once. Raises WriteError."""
    arrays: dict[str, np.ndarray] = {
        "names": np.array([p.name for p in pictures], dtype=np.str_),
        "jpeg": np.frombuffer(b"".join(p.jpeg for p in pictures), np.uint8),
        "ends": np.cumsum([len(p.jpeg) for p in pictures]).astype(np.int64),
        "about": np.array(json.dumps(
            {"version": VERSION, "head": head, "estimator": estimator, "size": size, "refused": list(refused)}))}
    for field in FIELDS if pictures else ():
        arrays[f"code_{field}"] = np.stack([getattr(p.code, field) for p in pictures])
    for fact in pictures[0].facts if pictures else ():
        arrays[f"fact_{fact}"] = np.array([p.facts[fact] for p in pictures], np.float32)
    atomic_save(path, lambda file: np.savez(file, **arrays), make_folder=True)  # type: ignore[arg-type]


def _prepare_chunk(path: Path, items: Sequence[Item], size: int, head_name: str,
                   estimator: str) -> tuple[int, list[tuple[str, str]]]:
    done: list[Prepared] = []
    refused: list[tuple[str, str]] = []
    for item in items:
        try:
            done.append(prepare_one(item, size, _tools["head"], _tools["finder"], _tools["estimate"]))
        except (UserError, ValueError, np.linalg.LinAlgError) as error:
            refused.append((item.name, str(error)))
    write_shard(path, done, refused, head_name, size, estimator)
    return len(done), refused


def shard_about(path: Path) -> dict[str, Any]:
    """version, head, estimator, size, refused and count of a shard. Raises UserError when it is damaged."""
    try:
        with np.load(path) as shard:
            return {**json.loads(str(shard["about"])), "count": len(shard["names"])}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged. Delete it and run 'main.py prepare' again.") from error


def prepare(sources: Iterable[str | Path], out: str | Path, size: int = 256, head: str = "open", workers: int = 2,
            say: Any = print, estimator: str | None = None) -> dict[str, Any]:
    """Turn pictures into shards in `out`; returns and writes the report (out/report.json).

    workers: processes. say(line): progress. estimator: how codes are found (None: the head's default). Raises UserError; unusable
    pictures don't stop it, they are listed in the report.
    """
    folder = Path(out)
    estimator = estimator or estimators.names(head)[0]
    estimators.get(estimator, head, size)  # says at once what is missing
    decides = f"{head} {head_digest(load_head(head))}" + (f" {estimator}" if estimator != estimators.FIT else "")
    chunks = list(_chunks(find_items(sources), size, decides))
    missing = [(folder / name, part) for name, part in chunks if not (folder / name).exists()]
    total = sum(len(part) for _, part in missing)
    say(f"{len(chunks)} shards, {len(chunks) - len(missing)} of them ready; {total} pictures to do")
    started, seen, used = time.monotonic(), 0, 0
    if missing:
        with ProcessPoolExecutor(max(1, min(workers, len(missing))), get_context("spawn"), _start_worker,
                                 (head, estimator, size)) as pool:
            jobs = {pool.submit(_prepare_chunk, path, part, size, head, estimator): len(part) for path, part in missing}
            for job in as_completed(jobs):
                count, _ = job.result()
                seen, used = seen + jobs[job], used + count
                rate = seen / (time.monotonic() - started)
                say(f"{seen}/{total} pictures, {used} used, {rate:.1f}/s, about {(total - seen) / rate / 60:.0f} min left")
    return _report([folder / name for name, _ in chunks], folder)


def _report(shards: Sequence[Path], folder: Path) -> dict[str, Any]:
    abouts = [shard_about(path) for path in shards]
    refused = [entry for about in abouts for entry in about["refused"]]
    report = {
        "shards": [path.name for path in shards], "pictures": sum(about["count"] for about in abouts),
        "bytes": sum(path.stat().st_size for path in shards), "refused": [{"name": n, "reason": r} for n, r in refused]}
    atomic_write(folder / "report.json", json.dumps(report, indent=1).encode(), make_folder=True)
    return report


# -- command ----------------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `main.py prepare`."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folder, tar or picture")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the shards")
    parser.add_argument("--size", type=int, default=256, help="side of the crops, pixels (default 256)")
    parser.add_argument("--head", default="open", help="head model to fit (default open)")
    parser.add_argument("--estimator", help="how codes are found: fit, or deca for the flame head (default: the head's)")
    parser.add_argument("--workers", type=int, default=max(1, min(os.cpu_count() or 1, 8)), help="processes")


def run(args: argparse.Namespace) -> int:
    """`main.py prepare`: returns the exit status."""
    report = prepare(args.sources, args.out, args.size, args.head, args.workers, estimator=args.estimator)
    print(f"{report['pictures']} pictures in {len(report['shards'])} shards, {report['bytes'] / 2**20:.0f} MiB, in {args.out}")
    for entry in report["refused"][:10]:
        print(f"refused {entry['name']}: {entry['reason']}", file=sys.stderr)
    if report["refused"]:
        print(f"{len(report['refused'])} refused; all of them are in {Path(args.out) / 'report.json'}", file=sys.stderr)
    return 0 if report["pictures"] else 1
