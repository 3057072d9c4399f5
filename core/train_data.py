"""Training pictures from shards: buffers rendered on the fly, and variations that keep photo and buffers in agreement."""
from __future__ import annotations

import copy
import hashlib
import json
import queue
import re
import struct
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from core import compose
from core.codes import FaceCode
from core.errors import UserError
from core.head.base import HeadModel
from core.prepare_shards import FIELDS, decode_jpeg
from core.render.buffers import Buffers, render_batch, render_buffers
from core.render.numba_raster import Workspace
from core.train_config import Augment
from core.train_light import other_light, relit

Item = TypeVar("Item")
_KEPT_PIXELS = 1 << 23  # of all pictures together, 64 bytes each


@dataclass(frozen=True, eq=False)
class Example:
    """One training picture, float32.

    photo (3, S, S) in [-1, 1]; code_view (3, S, S): what the global encoder sees; condition (9, S, S); coverage (1, S, S).
    code: the parameters that the buffers show, mirroring left out.
    """

    photo: np.ndarray
    code_view: np.ndarray
    condition: np.ndarray
    coverage: np.ndarray
    code: FaceCode


class Pictures(Protocol):
    """Training pictures with their codes: `Shards`, or those of an album (`core.album`)."""

    names: list[str]

    def __len__(self) -> int: ...

    def photo(self, index: int) -> np.ndarray:
        """(S, S, 3) uint8, aligned."""

    def code(self, index: int) -> FaceCode:
        """The fitted parameters of a picture."""

    def odds(self, mix: dict[str, float]) -> np.ndarray:
        """Probability (N,) of each picture, see `Shards.odds`."""

    def facts(self) -> dict[str, Any]:
        """What a card says of them."""


def person_key(name: str) -> str:
    """What names of the same person's pictures have in common, as far as a name tells: 'londonsmile_039-08' -> 'london_039'."""
    source, underscore, rest = name.lower().partition("_")
    # one or two digits count a person's pictures ('-08'); three number the pictures of a figure ('-008'), each of somebody else
    return re.sub(r"(neutral|smil(e|ing))$", "", source) + underscore + re.sub(r"-\d{1,2}$", "", rest)


def is_held_back(name: str, share: float, people: frozenset[str] = frozenset()) -> bool:
    """Whether a picture is kept out of training: by a hash of its person, so always the same ones, or because of `people`."""
    key = person_key(name)
    return key in people or int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) < share * 2 ** 32


def people_of(folder: str | Path | None) -> frozenset[str]:
    """The people whose pictures, by their names, are in a folder; none for None. Raises UserError when it can't be read."""
    try:
        return frozenset(person_key(path.stem) for path in Path(folder).iterdir()) if folder else frozenset()
    except OSError as error:
        raise UserError(f"{folder} can't be read ({error.strerror}). Check the path.") from error


class Shards:
    """The pictures of some shards that pass the filters: names and codes in memory, JPEG bytes read when asked for.

    Raises UserError when there are none, when they belong to another head, or a shard is damaged.
    """

    def __init__(self, folders: Iterable[str | Path], head: str, keep: Callable[[str], bool] = lambda name: True,
                 largest_error: float = 0.0, identity: np.ndarray | None = None, mean_identity: bool = False) -> None:
        """keep(name): filter. largest_error: pictures whose landmarks fit worse are left out (0: none are).

        identity (K,): put in place of each picture's own; mean_identity: that is the mean of them all (spec section 6).
        """
        self.head = head
        self._files = [path for folder in folders for path in sorted(Path(folder).glob("*.npz"))]
        found = [part for number, path in enumerate(self._files) if (part := self._read(number, path, keep, largest_error))]
        if not found:
            raise UserError("No training pictures were found. Run 'main.py prepare' first, and name its folder with --data.")
        self.names: list[str] = [name for names, _, _ in found for name in names]
        self._where = np.concatenate([where for _, where, _ in found])
        self.codes: dict[str, np.ndarray] = {key: np.concatenate([codes[key] for *_, codes in found]) for key in FIELDS}
        self._put_identity(identity, mean_identity)

    def _read(self, number: int, path: Path, keep: Callable[[str], bool],
              largest: float) -> tuple[list[str], np.ndarray, dict[str, np.ndarray]] | None:
        """Names, places (file number, offset, length) and codes of a shard's usable pictures; None when it has none."""
        try:
            with np.load(path) as shard:
                about = json.loads(str(shard["about"]))
                if about["head"] != self.head:
                    raise UserError(f"{path} was prepared for the head '{about['head']}', not '{self.head}'. Prepare it again.")
                names = shard["names"].tolist()
                right = np.array([keep(name) for name in names], bool)
                if largest > 0 and names:
                    right &= shard["fact_landmark_error"] <= largest
                if not right.any():
                    return None
                ends = shard["ends"]
                begins = np.concatenate([[0], ends[:-1]])
                where = np.stack([np.full(len(names), number), begins + _offset(path, shard.zip, "jpeg.npy"), ends - begins], 1)
                codes = {key: shard[f"code_{key}"][right] for key in FIELDS}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} is damaged. Delete it and run 'main.py prepare' again.") from error
        return [name for name, right_one in zip(names, right, strict=True) if right_one], where[right], codes

    def _put_identity(self, identity: np.ndarray | None, mean: bool) -> None:
        self.identity: np.ndarray | None = self.codes["identity"].mean(0) if mean else identity
        if self.identity is not None:
            self.codes["identity"] = np.broadcast_to(self.identity, self.codes["identity"].shape)

    def part(self, keep: Callable[[str], bool], identity: np.ndarray | None = None, mean_identity: bool = False) -> Shards:
        """Those of these pictures whose names pass, without reading the files again. Raises UserError when there are none."""
        chosen = np.array([keep(name) for name in self.names], bool)
        if not chosen.any():
            raise UserError("Every picture is held back. Prepare more pictures, or lower hold_back.")
        other = copy.copy(self)
        other.names = [name for name, right in zip(self.names, chosen, strict=True) if right]
        other._where = self._where[chosen]
        other.codes = {key: values[chosen] for key, values in self.codes.items()}
        other._put_identity(self.identity if identity is None else identity, mean_identity)
        return other

    def __len__(self) -> int:
        return len(self.names)

    @property
    def groups(self) -> list[str]:
        """The name of the shard that each picture lies in."""
        return [self._files[number].stem for number in self._where[:, 0]]

    def photo(self, index: int) -> np.ndarray:
        """(S, S, 3) uint8. Raises UserError when its shard has gone or is damaged."""
        number, offset, length = (int(v) for v in self._where[index])
        try:
            with self._files[number].open("rb", buffering=0) as file:
                file.seek(offset)
                return decode_jpeg(file.read(length))
        except OSError as error:
            raise UserError(f"{self._files[number]} can't be read any more ({error.strerror}).") from error

    def code(self, index: int) -> FaceCode:
        """The fitted parameters of a picture."""
        return FaceCode(self.head, **{name: values[index] for name, values in self.codes.items()})

    def facts(self) -> dict[str, Any]:
        """What a model card says of these pictures: their count by source, and the identity put in place of their own."""
        own = {} if self.identity is None else {"mean_identity": [float(value) for value in self.identity]}
        return {"pictures": self.sources(), **own}

    def sources(self) -> dict[str, int]:
        """Pictures by source: the part of the name before the first underscore."""
        return dict(Counter(name.split("_")[0] for name in self.names))

    def odds(self, mix: dict[str, float]) -> np.ndarray:
        """Probability (N,) of each picture so that groups (shard name prefixes) come up in proportion to `mix`."""
        if not mix:
            return np.full(len(self), 1 / len(self))
        odds, groups = np.zeros(len(self)), self.groups
        for prefix, weight in mix.items():
            members = np.array([group.startswith(prefix) for group in groups])
            if members.any():
                odds[members] = weight / members.sum()
        if not odds.any():
            raise UserError(f"No prepared picture belongs to {', '.join(mix)} (the 'mix' of the configuration).")
        return odds / odds.sum()


def _offset(path: Path, archive: zipfile.ZipFile, member: str) -> int:
    """Where the numbers of an .npz member begin in the file. Raises ValueError when they are compressed."""
    info = archive.getinfo(member)
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member} is compressed")
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)  # lengths of the name and of the extra field end the 30 bytes of the local header
        name, extra = struct.unpack("<HH", file.read(4))
        file.seek(name + extra, 1)
        major, minor = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if (major, minor) == (1, 0) else np.lib.format.read_array_header_2_0
        read(file)
        return file.tell()


class Maker:
    """Examples from shards: decodes, cuts, mirrors, relights and renders. One per thread.

    rasterizer: what draws the buffers ('torch': a batch at once, on a GPU where there is one).
    """

    def __init__(self, shards: Pictures, head: HeadModel, size: int, augment: Augment, rasterizer: str = "numba") -> None:
        self.shards, self.head, self.size, self.augment, self.rasterizer = shards, head, size, augment, rasterizer
        self._workspace = Workspace()
        # a few pictures that are never varied are made once: a GPU takes a step on an album in less time than their buffers
        unvaried = augment == Augment() and len(shards) * size * size < _KEPT_PIXELS
        self._kept: dict[int, Example] | None = {} if unvaried else None

    def plain(self, index: int) -> Example:
        """A picture as it is."""
        return self._make(self.shards.photo(index), self.shards.code(index), None)

    def varied(self, index: int, rng: np.random.Generator) -> Example:
        """A picture with the variations drawn from rng."""
        return self._make(self.shards.photo(index), self.shards.code(index), rng)

    def varied_batch(self, indices: Sequence[int], rng: np.random.Generator, rows: slice = slice(None)) -> list[Example]:
        """Pictures with variations, their buffers drawn together. Each has a generator of its own, seeded from rng.

        rows: which of them are made; the others' generators are passed over, so that a batch can be made in slices.
        """
        own = [np.random.default_rng(seed) for seed in rng.integers(0, 2**63, len(indices))[rows]]
        indices = indices[rows]
        if self._kept is not None:
            self._kept.update({i: self.plain(i) for i in indices if i not in self._kept})
            return [self._kept[i] for i in indices]
        photos = [self.shards.photo(i) for i in indices]
        cuts = [self._cut(photo, self.shards.code(i), r) for photo, i, r in zip(photos, indices, own, strict=True)]
        drawn = render_batch(self.head, [code for _, code in cuts], self.size, self.rasterizer)
        return [self._finish(photo, *cut, found, r) for photo, cut, found, r in zip(photos, cuts, drawn, own, strict=True)]

    def _make(self, photo: np.ndarray, code: FaceCode, rng: np.random.Generator | None) -> Example:
        own = photo
        if rng is not None:
            photo, code = self._cut(photo, code, rng)
        found = render_buffers(self.head, code, self.size, self.rasterizer, workspace=self._workspace)
        return self._finish(own, photo, code, found, rng)

    def _finish(self, own: np.ndarray, photo: np.ndarray, code: FaceCode, found: Buffers,
                rng: np.random.Generator | None) -> Example:
        """The example of a cut photo, its code and its buffers; own: the photo before the cut."""
        picture = compose.resize(photo.astype(np.float32), self.size)
        rendered, normal, albedo = found.rendered.copy(), found.normal.copy(), found.albedo.copy()
        coverage = found.coverage.copy()
        view = picture
        if rng is not None:
            if rng.random() < self.augment.relight:
                after = other_light(code.light, rng)
                picture, rendered = relit(picture, rendered, normal, albedo, coverage, code.light, after)
                code = code.replace(light=after)
            gains = self._gains(rng)
            code = code.replace(light=code.light * gains)
            picture = np.clip(picture * gains, 0, 255)
            rendered *= gains
            if rng.random() < 0.5:  # else it was the light that changed, not the skin
                albedo *= gains
            if rng.random() < self.augment.flip:
                picture, rendered, albedo, coverage = picture[:, ::-1], rendered[:, ::-1], albedo[:, ::-1], coverage[:, ::-1]
                normal = normal[:, ::-1] * np.array([-1, 1, 1], np.float32)
            view = self._view(own, rng) if self.augment.independent_code else picture
        condition = np.concatenate([image.transpose(2, 0, 1) for image in (rendered, normal, albedo)])
        return Example(compose.to_model(picture), compose.to_model(view), np.ascontiguousarray(condition, np.float32),
                       np.ascontiguousarray(coverage, np.float32)[None], code)

    def _cut(self, photo: np.ndarray, code: FaceCode, rng: np.random.Generator) -> tuple[np.ndarray, FaceCode]:
        """A smaller square of the photo, and the code whose face box follows it exactly."""
        side = photo.shape[0]
        kept = side - int(rng.integers(0, int(self.augment.zoom * side) + 1))
        x, y = (int(v) for v in rng.integers(0, side - kept + 1, 2))
        size, cx, cy = (float(v) * side for v in code.box)
        box = np.array([size, cx - x, cy - y]) / kept
        return photo[y:y + kept, x:x + kept], code.replace(box=box)

    def _gains(self, rng: np.random.Generator) -> np.ndarray:
        return np.exp(rng.normal(0, self.augment.gain) + rng.normal(0, self.augment.colour, 3)).astype(np.float32)

    def _view(self, photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        side = photo.shape[0]
        kept = side - int(rng.integers(0, int(self.augment.zoom * side) + 1))
        x, y = (int(v) for v in rng.integers(0, side - kept + 1, 2))
        view = compose.resize(photo[y:y + kept, x:x + kept].astype(np.float32), self.size) * self._gains(rng)
        return np.clip(view[:, ::-1] if rng.random() < 0.5 else view, 0, 255)


def batches(maker: Maker, odds: np.ndarray, batch: int, seed: int, first: int,
            rows: slice = slice(None)) -> Iterator[list[Example]]:
    """Batches number first, first + 1, ... without end. Each depends only on (seed, number), so training resumes exactly.

    rows: the slice of every batch that is made.
    """
    number = first
    while True:
        rng = np.random.default_rng([seed, number])
        yield maker.varied_batch([int(i) for i in rng.choice(len(odds), batch, p=odds)], rng, rows)
        number += 1


def ahead(source: Iterator[Item], depth: int = 3) -> Iterator[Item]:
    """The same items (batches), made in a thread beside the training step. Errors of the source are raised here."""
    ready: queue.Queue[Item | BaseException] = queue.Queue(depth)
    stop = threading.Event()

    def work() -> None:
        try:
            for item in source:
                while not stop.is_set():
                    try:
                        ready.put(item, timeout=0.2)
                        break
                    except queue.Full:
                        continue
                if stop.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 (handed to the consumer)
            ready.put(error)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join(5)
