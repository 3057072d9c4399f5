"""numpy's .npz files in pieces: names, shapes and places first, then only the part that is wanted; no pickled object is read."""
from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from core.assets.problems import Unfit, listed

MAX_VALUES = 1 << 30


def header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first index varies fastest, and dtype of the .npy data that begins here. Raises Unfit."""
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise Unfit("it is no numpy array, or a damaged one") from error
    return shape, fortran, dtype


class Npz:
    """An .npz file: `shapes` of its arrays by name; `slabs` streams one."""

    def __init__(self, path: Path) -> None:
        """Raises Unfit when it is damaged, or not such a file."""
        try:
            self._archive = zipfile.ZipFile(path)
            entries = self._archive.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise Unfit("it is cut short or damaged, or no .npz file") from error
        odd = [e.filename for e in entries if not e.filename.endswith(".npy") or set(e.filename) & set("/\\:")]
        if odd:
            raise Unfit(f"it is an archive with {listed(odd)} in it, and no file of numpy arrays")
        self._entries = {entry.filename.removesuffix(".npy"): entry for entry in entries}
        headers = {name: self._header(name) for name in self._entries}
        self.shapes = {name: shape for name, (shape, _, _) in headers.items()}
        self.is_fortran_order = {name: fortran for name, (_, fortran, _) in headers.items()}

    def _header(self, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
        entry = self._entries[name]
        with self._open(entry) as stream:
            shape, fortran, dtype = header(stream)
            if dtype.kind not in "fiub":  # objects are pickled: never read, and no matter while nobody asks for them
                return shape, fortran, dtype
            wanted = stream.tell() + math.prod(shape) * dtype.itemsize
        if math.prod(shape) > MAX_VALUES or entry.file_size != wanted:
            raise Unfit(f"its entry '{name}' says it has shape {shape}, but has {entry.file_size:,} bytes, expected {wanted:,}")
        return shape, fortran, dtype

    def _open(self, entry: zipfile.ZipInfo) -> IO[bytes]:
        try:
            return self._archive.open(entry)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:  # RuntimeError: it has a password
            raise Unfit("it is damaged") from error

    def slabs(self, name: str) -> Iterator[np.ndarray]:
        """An array's pieces along its first index (along the last where that varies slowest), each with the first axis gone.

        `is_fortran_order` tells which; the axes of a piece are then in reverse order. Raises Unfit when the file ends too early.
        """
        shape, fortran, dtype = self._header(name)
        if dtype.kind not in "fiub":
            raise Unfit(f"its entry '{name}' holds objects, expected numbers")
        outer, *inner = reversed(shape) if fortran else shape
        with self._open(self._entries[name]) as stream:
            header(stream)
            for _ in range(outer):
                yield np.frombuffer(_exactly(stream, math.prod(inner) * dtype.itemsize), dtype).reshape(inner)

    def array(self, name: str) -> np.ndarray:
        """A whole array; for small ones."""
        whole = np.stack(list(self.slabs(name)))
        return whole.T if self.is_fortran_order[name] else whole


def _exactly(stream: IO[bytes], count: int) -> bytes:
    try:
        data = stream.read(count)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise Unfit("it is damaged (its checksum differs)") from error
    if len(data) != count:
        raise Unfit("it is cut short")
    return data


def read_plain(path: Path) -> dict[str, Any]:
    """All arrays of one of our own .npz files."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
