"""Image memory that is used again.

Fresh pages cost more than drawing: a 512 x 512 set of buffers is 16 MB, and touching it for the first time took 7 ms where the
rasterizer took 5. Arrays from here return their memory to the pool when the last view of them is gone, never earlier.
"""
from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

_KEPT = 12  # blocks of one size that are kept; a live session holds a few sets of buffers at a time
_BUDGET = 64 << 20  # bytes of free blocks; sizes follow the photos, and those of older ones go when another is asked for
_free: OrderedDict[int, list[np.ndarray]] = OrderedDict()  # by size, the one that was asked for last at the end
_lock = threading.Lock()


class _Lease:
    """Owns one block; numpy keeps it alive as the base of every view, and its end is the block's return."""

    def __init__(self, memory: np.ndarray) -> None:
        self._memory = memory

    @property
    def __array_interface__(self) -> dict:
        return self._memory.__array_interface__

    def __del__(self) -> None:
        # No lock here: the collector may run this inside `empty`. list.append is atomic.
        blocks = _free.get(self._memory.nbytes) if _free is not None else None  # None once the interpreter shuts down
        if blocks is not None and len(blocks) < _KEPT and _total() + self._memory.nbytes <= _BUDGET:
            blocks.append(self._memory)


def empty(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """An array with undefined values, on memory from the pool."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    with _lock:
        blocks = _free.setdefault(count, [])
        _free.move_to_end(count)
        if not blocks:
            _make_room(count)
    try:
        memory = blocks.pop()
    except IndexError:
        memory = np.empty(count, np.uint8)
    return np.asarray(_Lease(memory)).view(dtype).reshape(shape)


def _total() -> int:
    return sum(size * len(blocks) for size, blocks in list(_free.items()))


def _make_room(count: int) -> None:
    """Let go of the sizes asked for longest ago until another block of `count` bytes may come back."""
    total = _total() + count
    for size in list(_free)[:-1]:
        if total <= _BUDGET:
            break
        total -= size * len(_free.pop(size))
