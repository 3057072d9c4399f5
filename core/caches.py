"""Caches that know their size: what was used longest ago goes first, and small machines keep less."""
from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np

K = TypeVar("K")
V = TypeVar("V")

MIB = 2**20
_SHARE = 64  # no cache holds more than this part of the machine's memory
_ASSUMED = 8 * 2**30  # bytes of memory where the system doesn't say


def allowance(most: int) -> int:
    """Bytes that a cache may hold: `most`, or less on a machine with little memory."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        memory = _ASSUMED
    return min(most, memory // _SHARE)


def weight(*values: object) -> int:
    """Bytes of the arrays and tensors in these values, each counted once; looks into dataclasses, what they cached, and plain
    containers."""
    return sum(_memory(list(values)).values())


def _memory(todo: list[Any]) -> dict[int, int]:
    """Bytes by place in memory."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            while isinstance(value.base, np.ndarray):
                value = value.base
            found[value.__array_interface__["data"][0]] = value.nbytes
        elif hasattr(value, "untyped_storage"):  # a tensor; the window counts too, and shall not wait for torch
            storage = value.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
        elif isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list | tuple):
            todo += value
        elif is_dataclass(value) and not isinstance(value, type):
            todo += getattr(value, "__dict__", {}).values() or (getattr(value, part.name) for part in fields(value))
    return found


class Newest(Generic[K, V]):
    """A mapping that keeps what was used last, up to a budget in bytes; the newest stays however large it is.

    budget: bytes. weigh: bytes of a value, as it is when it is put in.
    """

    def __init__(self, budget: int, weigh: Callable[[V], int] = weight) -> None:
        self.budget, self._weigh = budget, weigh
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.nbytes = 0

    def get(self, key: K) -> V | None:
        """The value of a key, used just now; None where there is none any more."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: K, value: V) -> V:
        """Keep a value as the newest, and return it."""
        if key in self._held:
            self.nbytes -= self._held.pop(key)[1]
        self._held[key] = value, self._weigh(value)
        self.nbytes += self._held[key][1]
        while self.nbytes > self.budget and len(self._held) > 1:
            self.nbytes -= self._held.popitem(last=False)[1][1]
        return value

    def clear(self) -> None:
        """Let go of everything."""
        self._held.clear()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[K]:
        return iter(self._held)
