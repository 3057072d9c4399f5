"""From folders, tars and photos to shards: aligned crops with their face codes, ready for training.

A shard is an .npz of up to `SHARD` pictures: JPEG bytes, FaceCode arrays and quality facts. Its name is a digest of what went
in, so preparing again does only what is missing; a run that was stopped goes on where it was. Workers do slices of a shard, and
this process puts them together, so no more than a few shards are in memory whatever the number of pictures.
"""
from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import util
from pathlib import Path
from typing import Any

import numpy as np

from core import cluster as workplace
from core import estimators
from core.errors import NoFaceError, UserError
from core.head import load_head
from core.head.base import HeadModel
from core.photo import SUFFIXES, UNNAMED
from core.prepare_items import Chunk, Item, SourceGone, archive_group, chunks, find_items, mark_same
from core.prepare_report import summary, write_report
from core.prepare_shards import FIELDS, Known, Prepared, decode_jpeg, encode_jpeg, shard_about, write_shard

__all__ = ["FIELDS", "PICTURES", "Item", "Prepared", "as_aligned", "decode_jpeg", "encode_jpeg", "find_items", "head_digest",
           "prepare", "prepare_one", "shard_about", "write_shard"]
PICTURES = SUFFIXES
_SLICE = 16  # pictures that a worker does at a time: few enough that progress shows and a lost worker costs little
# How far an aligned crop's own landmarks may be from the framing of spec section 1, as shares of the crop's side.
_SHIFT, _SCALE = 0.06, 0.15

Outcome = Prepared | tuple[str, str]  # a picture, or (name, reason) of one that can't be used


def head_digest(head: HeadModel) -> str:
    """What a head does with codes, as a short text: codes of another version of it would mean other faces."""
    code = head.zero_code()
    other = code.replace(identity=np.ones_like(code.identity), expression=np.full_like(code.expression, 0.5))
    shapes = np.stack([head.vertices_of(code), head.vertices_of(other)])
    return hashlib.sha256(np.round(shapes, 6).tobytes() + head.faces.tobytes()).hexdigest()[:16]


# -- one picture ------------------------------------------------------------------------------------------------------------


def prepare_one(item: Item, size: int, head: Any, finder: Any, estimate: estimators.Estimator | None = None,
                aligned: bool = False) -> Prepared:
    """The aligned crop of a picture at size x size, and its fit. estimate: finds the code (see `core.estimators`).

    A square picture that already has the framing of spec section 1 is kept as it is; aligned: every square picture is. Raises
    PhotoError (NoFaceError) when it can't be used.
    """
    from core.photo import Photo, load_image
    from core.rig import pose_degrees

    data = item.read()
    image = load_image(data)
    if aligned and image.pixels.shape[0] == image.pixels.shape[1]:
        photo = Photo.aligned_already(image, finder)
    else:
        photo = _already(image, finder) or Photo.open(image, None, finder)
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


def _already(image: Any, finder: Any) -> Any:
    """As `as_aligned`, but None where its quick look finds no face: in a square snapshot it may be small."""
    try:
        return as_aligned(image, finder)
    except NoFaceError:
        return None


# -- workers ----------------------------------------------------------------------------------------------------------------


def make_worker(head_name: str, estimator: str, size: int, aligned: bool) -> Callable[[Sequence[Item]], list[Outcome]]:
    """What turns pictures into outcomes, with the head, the landmark model and the estimator loaded."""
    from core.landmarks import FaceFinder

    head, finder, estimate = load_head(head_name), FaceFinder(), estimators.get(estimator, head_name, size)
    # the landmark model must be closed before the interpreter takes its threads down
    util.Finalize(None, finder.close, exitpriority=10)

    def outcome(item: Item) -> Outcome:
        if item.same_as:
            return item.name, f"The same picture as {item.same_as}."
        try:
            return prepare_one(item, size, head, finder, estimate, aligned)
        except SourceGone:
            raise
        except MemoryError:
            return item.name, "It does not fit into memory."
        except UserError as error:
            return item.name, str(error).replace(UNNAMED, item.name)
        except Exception as error:  # one odd picture of a hundred thousand must not end the run
            return item.name, f"It can't be fitted ({type(error).__name__}: {' '.join(str(error).split())})."
    return lambda items: [outcome(item) for item in items]


@dataclass(frozen=True)
class _Slice:
    """Pictures of one shard for a worker: their places in it, and the pictures."""

    chunk: Chunk
    places: tuple[int, ...]

    @property
    def items(self) -> list[Item]:
        return [self.chunk.items[place] for place in self.places]


@dataclass
class _Job:
    """One run: slices go out, outcomes come in, and a shard is written as soon as it is whole."""

    known: Known
    write: Callable[[Chunk, list[Outcome]], None]
    parts: dict[str, dict[int, Outcome]] = field(default_factory=dict)

    def slices(self, missing: Iterable[Chunk]) -> Iterator[_Slice]:
        """What is left to do of each shard once pictures of earlier shards are taken over."""
        for chunk in missing:
            found = {place: picture for place, key in enumerate(chunk.keys) if (picture := self.known.get(key))}
            left = [place for place in range(len(chunk.items)) if place not in found]
            self.take(chunk, found)
            for at in range(0, len(left), _SLICE):
                yield _Slice(chunk, tuple(left[at:at + _SLICE]))

    def take(self, chunk: Chunk, outcomes: Mapping[int, Outcome]) -> None:
        """Outcomes by place. Raises WriteError when the shard is whole and can't be written."""
        parts = self.parts.setdefault(chunk.file, {})
        parts.update(outcomes)
        if len(parts) == len(chunk.items):
            self.write(chunk, [parts[place] for place in range(len(parts))])
            del self.parts[chunk.file]


class _Work:
    """What a worker is made of: `make_worker` on slices, whose pictures alone travel."""

    def __init__(self, *arguments: Any) -> None:
        self._do = make_worker(*arguments)

    def __call__(self, part: _Slice) -> list[Outcome]:
        return self._do(part.items)


# -- the whole --------------------------------------------------------------------------------------------------------------


def prepare(sources: Iterable[str | Path], out: str | Path, size: int = 256, head: str = "open", workers: int | None = 2,
            say: Any = print, estimator: str | None = None, aligned: bool = False, cluster: str | None = None) -> dict[str, Any]:
    """Turn pictures into shards in `out`; returns and writes the report (out/report.json and, to read, out/report.txt).

    say(line): progress. estimator: how codes are found (None: the head's default). aligned: take square pictures whole.
    workers, cluster: see `core.cluster.spread`. Shards of an earlier state of the same folders are replaced.
    Raises UserError; unusable pictures don't stop it, they are listed in the report.
    """
    folder = Path(out)
    estimator = estimator or estimators.names(head)[0]
    estimators.get(estimator, head, size)  # says at once what is missing
    workplace.check(cluster)
    decides = f"{head} {head_digest(load_head(head))}" + (f" {estimator}" if estimator != estimators.FIT else "")
    places = [Path(os.path.abspath(source)) for source in sources]  # workers may be elsewhere
    todo = list(chunks(mark_same(find_items(places)), size, decides + (" aligned" if aligned else "")))
    there = _there(folder, {"head": head, "size": size, "estimator": estimator}, {chunk.file for chunk in todo})
    missing = [chunk for chunk in todo if chunk.file not in there]
    known = Known(folder / name for name in sorted(there))
    keys = [key for chunk in missing for key in chunk.keys]
    copied = sum(key in known for key in keys)
    say(f"{len(todo)} shards, {len(todo) - len(missing)} of them ready; {len(keys) - copied} pictures to do"
        + (f", {copied} taken over from earlier shards" if copied else ""))

    def write(chunk: Chunk, outcomes: list[Outcome]) -> None:
        done = [(o, key) for o, key in zip(outcomes, chunk.keys, strict=True) if isinstance(o, Prepared)]
        refused = [o for o in outcomes if isinstance(o, tuple)]
        write_shard(folder / chunk.file, [o for o, _ in done], refused, head, size, estimator, chunk.group, [k for _, k in done])

    _run(_Job(known, write), missing, (head, estimator, size, aligned), len(keys) - copied, workers, cluster, say)
    _drop_replaced(folder, there, todo, places)
    return write_report(folder)


def _there(folder: Path, kind: dict[str, Any], wanted: set[str]) -> set[str]:
    """Names of the whole shards in the folder. Raises UserError where other shards are damaged, or of another kind."""
    names = set()
    for path in sorted(folder.glob("*.npz")):
        try:
            about = shard_about(path)
        except UserError:
            if path.name not in wanted:
                raise
            continue  # it is made again
        other = [f"{what} {about[what]}" for what, value in kind.items() if about[what] != value]
        if other:
            raise UserError(f"{folder} holds shards made with {', '.join(other)}. Choose another folder for --out.")
        names.add(path.name)
    return names


def _run(job: _Job, missing: Sequence[Chunk], made_of: tuple[Any, ...], total: int, workers: int | None, cluster: str | None,
         say: Callable[[str], None]) -> None:
    started, seen, used = time.monotonic(), 0, 0

    def pass_over(parts: Iterable[_Slice]) -> list[_Slice]:
        nonlocal seen, used
        lost = []
        with closing(workplace.spread(_Work, made_of, parts, workers, cluster)) as results:
            for part, outcomes in results:
                if isinstance(outcomes, workplace.Lost):
                    lost.append(part)
                    continue
                job.take(part.chunk, dict(zip(part.places, outcomes, strict=True)))
                seen, used = seen + len(outcomes), used + sum(isinstance(o, Prepared) for o in outcomes)
                rate = seen / (time.monotonic() - started)
                say(f"{seen}/{total} pictures, {used} used, {rate:.1f}/s, about {workplace.span((total - seen) / rate)} left")
        return lost

    singles = [_Slice(part.chunk, (place,)) for part in pass_over(job.slices(missing)) for place in part.places]
    for part in pass_over(singles):  # alone now, so that only the picture that kills its worker is refused
        job.take(part.chunk, {part.places[0]: (part.items[0].name, "The program that read it died each time.")})


def _drop_replaced(folder: Path, there: set[str], todo: Sequence[Chunk], sources: Sequence[Path]) -> None:
    """Delete shards of the same sources in an earlier state, whose pictures would be there twice."""
    wanted = {chunk.file for chunk in todo}
    folders = [os.path.join(os.path.abspath(source), "") for source in sources if source.is_dir()]
    archives = {archive_group(source) for source in sources}
    for name in sorted(there - wanted):
        group = shard_about(folder / name)["group"]
        if group in archives or any(os.path.join(group, "").startswith(one) for one in folders if group):
            (folder / name).unlink()


# -- command ----------------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `main.py prepare`."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folder, tar, zip or picture")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the shards")
    parser.add_argument("--size", type=int, default=256, help="side of the crops, pixels (default 256)")
    parser.add_argument("--head", default="open", help="head model to fit (default open)")
    parser.add_argument("--estimator", help="how codes are found: fit, or deca for the flame head (default: the head's)")
    parser.add_argument("--aligned", action="store_true",
                        help="take every square picture whole (default: only those framed as in FFHQ; others are aligned)")
    workplace.add_workers(parser)


def run(args: argparse.Namespace) -> int:
    """`main.py prepare`: returns the exit status."""
    report = prepare(args.sources, args.out, args.size, args.head, args.workers, estimator=args.estimator, aligned=args.aligned,
                     cluster=args.cluster)
    print(summary(report))
    for entry in report["refused"][:10]:
        print(f"refused {entry['name']}: {entry['reason']}", file=sys.stderr)
    print(f"all of it is in {Path(args.out) / 'report.json'}")
    return 0 if report["pictures"] else 1
