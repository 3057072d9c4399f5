"""PyTorch's files of weights, zip (since 1.6) and older, read without PyTorch: names, shapes and places first, values in pieces.

Layout (torch.serialization): a zip holds `NAME/data.pkl`, a pickle in which a storage is a persistent id, and the storages as
`NAME/data/KEY`, stored uncompressed. The older format is a row of pickles (magic number, version, system, object, storage keys)
followed by each storage: its count of values, then the values. Reading it this way needs a few MB, runs nothing, and takes no
PyTorch in the process that handles foreign files.
"""
from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from core.assets.pickles import PickleError, Reader, Record

MAGIC = 0x1950A86A20F9469CFC6C
MAX_PICKLE = 64 << 20
CHUNK = 8 << 20
_KINDS = {"Float": "<f4", "Double": "<f8", "Half": "<f2", "BFloat16": "bf16", "Long": "<i8", "Int": "<i4", "Short": "<i2",
          "Char": "i1", "Byte": "u1", "Bool": "u1"}


@dataclass(frozen=True)
class Storage:
    """A run of `count` values of `kind` (a numpy code, or 'bf16') under a key of the file."""

    kind: str
    key: str
    count: int

    @property
    def item(self) -> int:
        """Bytes a value."""
        return 2 if self.kind == "bf16" else np.dtype(self.kind).itemsize


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: a view of a storage, in values."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def is_dense(self) -> bool:
        """Whether its values lie one after the other, in order."""
        step, strides = 1, []
        for size in reversed(self.shape):
            strides.append(step)
            step *= size
        return all(size == 1 or given == wanted for size, given, wanted in
                   zip(self.shape, self.stride, reversed(strides), strict=True))


@dataclass
class TorchFile:
    """An open file of weights: `root`, the pickled object with `Record`s for tensors, and where each storage begins."""

    file: BinaryIO
    root: Any
    places: dict[str, int]
    sums: dict[str, int] = field(default_factory=dict)

    def values(self, tensor: Tensor) -> Iterator[np.ndarray]:
        """The values of a tensor in order, flat, in pieces. Raises PickleError when a checksum is wrong or the file ends."""
        if tensor.is_dense and tensor.count:
            yield from self._run(tensor.storage, tensor.offset, tensor.count)
        elif tensor.count:
            whole = np.concatenate(list(self._run(tensor.storage, 0, tensor.storage.count)))
            yield _view(whole, tensor).reshape(-1)

    def _run(self, storage: Storage, first: int, count: int) -> Iterator[np.ndarray]:
        item = storage.item
        self.file.seek(self.places[storage.key] + first * item)
        whole = first == 0 and count == storage.count and storage.key in self.sums
        left, found = count * item, 0
        while left:
            data = self.file.read(min(left, CHUNK // item * item))
            if not data:
                raise PickleError("it is cut short")
            found, left = (zlib.crc32(data, found) if whole else 0), left - len(data)
            yield _numbers(data, storage.kind)
        if whole and found != self.sums[storage.key]:
            raise PickleError(f"its part data/{storage.key} is damaged (the checksum differs)")


def _numbers(data: bytes, kind: str) -> np.ndarray:
    if kind == "bf16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, kind)


def _view(flat: np.ndarray, tensor: Tensor) -> np.ndarray:
    strides = [step * flat.itemsize for step in tensor.stride]
    return np.lib.stride_tricks.as_strided(flat[tensor.offset:], tensor.shape, strides).copy()


def tensor_of(value: Any) -> Tensor | None:
    """The tensor that a record describes, checked against its storage's bounds; None when it is no tensor. Raises PickleError."""
    if isinstance(value, Record) and value.kind == "torch._utils._rebuild_parameter" and value.arguments:
        value = value.arguments[0]
    if not isinstance(value, Record) or not value.kind.startswith("torch._utils._rebuild_tensor") or len(value.arguments) < 4:
        return None
    storage, offset, shape, stride = value.arguments[:4]
    if isinstance(storage, Record) and storage.kind == "torch.storage._load_from_bytes":
        return None
    plain = all(isinstance(n, int) and 0 <= n < 1 << 40 for part in (shape, stride) if isinstance(part, tuple) for n in part)
    if (not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(stride, tuple) or not plain
            or len(shape) != len(stride) or len(shape) > 8 or not isinstance(offset, int) or offset < 0):
        raise PickleError("a tensor in it is damaged")
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if math.prod(shape) > storage.count or (math.prod(shape) and last >= storage.count):
        raise PickleError(f"a tensor of shape {shape} in it reaches beyond its {storage.count:,} values")
    return Tensor(storage, offset, shape, stride)


def tensor_array(value: Record) -> np.ndarray:
    """The array of a tensor whose storage is pickled inside it (`torch.storage._load_from_bytes`). Raises PickleError."""
    storage = value.arguments[0] if value.arguments else None
    data = storage.arguments[0] if isinstance(storage, Record) and storage.arguments else None
    if not isinstance(data, bytes | memoryview):
        raise PickleError("a tensor in it has no values")
    inner = open_old(io.BytesIO(bytes(data)), len(data))
    tensor = tensor_of(Record(value.kind, (inner.root, *value.arguments[1:])))
    if tensor is None:
        raise PickleError("a tensor in it is damaged")
    return np.concatenate(list(inner.values(tensor)) or [np.zeros(0, np.float32)]).reshape(tensor.shape)


def open_torch(file: BinaryIO) -> TorchFile:
    """The content of an open file. Raises PickleError when it is damaged or no file of PyTorch."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(4)
    return open_zip(file, size) if start == b"PK\3\4" else open_old(file, size)


def open_zip(file: BinaryIO, size: int) -> TorchFile:
    """The zip format."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise PickleError("it is cut short or damaged: it begins as a PyTorch file, but has no end") from error
    found = [entry for entry in entries if entry.filename.endswith("/data.pkl") or entry.filename == "data.pkl"]
    if len(found) != 1:
        raise PickleError("it is a zip archive without PyTorch's data.pkl: unpack it")
    main, places, sums, sizes = found[0], {}, {}, {}
    prefix = main.filename.removesuffix("data.pkl") + "data/"
    for entry in [main, *(entry for entry in entries if entry.filename.startswith(prefix))]:
        key = "" if entry is main else entry.filename.removeprefix(prefix)
        places[key], sizes[key], sums[key] = _stored(file, size, entry), entry.file_size, entry.CRC
    if sizes[""] > MAX_PICKLE:
        raise PickleError(f"its table of tensors has {sizes['']:,} bytes, which no model needs")
    file.seek(places[""])
    root = Reader(memoryview(file.read(sizes[""])), 0, lambda identity: _within(_storage(identity), sizes)).run()
    return TorchFile(file, root, places, sums)


def _stored(file: BinaryIO, size: int, entry: zipfile.ZipInfo) -> int:
    """Where an entry's bytes begin; PyTorch never compresses them, so an archive bomb can't be among them."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise PickleError(f"its part {entry.filename} is compressed, as PyTorch never does")
    if not 0 <= entry.header_offset <= size:
        raise PickleError("it is damaged")
    file.seek(entry.header_offset)
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"PK\3\4":
        raise PickleError("it is damaged")
    place = entry.header_offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    if place + entry.file_size > size:
        raise PickleError("it is cut short")
    return place


def _storage(identity: Any) -> Storage:
    kind = getattr(identity[1], "text", "") if isinstance(identity, tuple) and len(identity) in (5, 6) else ""
    code = _KINDS.get(kind.removeprefix("torch.").removesuffix("Storage"))
    if code is None or identity[0] != "storage" or (len(identity) == 6 and identity[5] is not None):
        raise PickleError("it refers to something outside itself (a persistent id that is no storage)")
    _, _, key, _, count = identity[:5]
    if not isinstance(key, str) or not isinstance(count, int) or not 0 <= count < 1 << 40:
        raise PickleError("a storage in it is damaged")
    return Storage(code, key, count)


def _within(storage: Storage, sizes: dict[str, int]) -> Storage:
    if storage.key not in sizes or not storage.key:
        raise PickleError(f"its part data/{storage.key[:80]} is missing")
    if sizes[storage.key] != storage.count * storage.item:
        raise PickleError(f"its part data/{storage.key} has {sizes[storage.key]:,} bytes, "
                          f"expected {storage.count * storage.item:,}")
    return storage


def open_old(file: BinaryIO, size: int) -> TorchFile:
    """The format before 1.6, which some tools still write."""
    file.seek(0)
    reader = Reader(memoryview(file.read(MAX_PICKLE)))
    seen: dict[str, Storage] = {}

    def note(identity: Any) -> Storage:
        storage = _storage(identity)
        return seen.setdefault(storage.key, storage)

    if reader.run() != MAGIC:
        raise PickleError("it is no file of PyTorch's")
    version, system = reader.run(), reader.run()
    if version != 1001 or (isinstance(system, dict) and system.get("little_endian") is False):
        raise PickleError("it was written by a PyTorch of another kind")
    reader.persistent = note
    root = reader.run()
    reader.persistent = None
    keys, place, places = reader.run(), reader.position, {}
    for key in keys if isinstance(keys, list) else [None]:
        if not isinstance(key, str) or key not in seen or key in places:
            raise PickleError("its list of storages is damaged")
        file.seek(place)
        count = int.from_bytes(file.read(8), "little")
        places[key], place = place + 8, place + 8 + seen[key].count * seen[key].item
        if count != seen[key].count or place > size:
            raise PickleError("it is cut short" if place > size else "a storage in it has another size than it says")
    if set(seen) != set(places):
        raise PickleError("some of its storages are missing")
    return TorchFile(file, root, places)
