"""When memory runs out: the ways of needing less of it, the mildest first."""
from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from core.backends import Backend
from core.device import short_dtypes
from core.errors import NO_MEMORY, UserError, ran_out
from models.rig_model import NoisePredictor

log = logging.getLogger(__name__)

SLACK = 64 << 20  # bytes
T = TypeVar("T")
_MALLOC_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
_floor = 0  # bytes that were held when memory was last given back


@dataclass(frozen=True)
class Saving:
    """A way of needing less memory. backend: who evaluates networks then, each picture of a batch on its own. words: what the
    user is told of it."""

    backend: Backend
    words: str


def savings(backend: Backend) -> Iterator[Saving]:
    """What to try one after another when memory ran out with `backend`: one picture at a time, half precision, the processor."""
    yield Saving(backend, "one step at a time, which takes a little longer")
    if backend.runtime == "torch" and backend.dtype == torch.float32:
        backend = replace(backend, dtype=short_dtypes(backend.device)[0])
        yield Saving(backend, "in half precision")
    if backend.device.type != "cpu":
        yield Saving(Backend("torch", torch.float32, torch.device("cpu")),
                     "on the processor instead of the graphics card, which takes much longer")


class Thrift:
    """Does things again with less and less memory until they fit. spare(saving): take up a way of needing less."""

    def __init__(self, backend: Backend, spare: Callable[[Saving], None]) -> None:
        self._left = savings(backend)
        self._spare = spare

    def run(self, make: Callable[[], T]) -> tuple[T, str]:
        """What `make` returns, and what the user is told of the memory that had to be saved, or ''.

        Raises UserError when nothing is left to spare.
        """
        saving: Saving | None = None
        while True:
            try:
                if saving is not None:
                    self._spare(saving)
                return make(), "" if saving is None else f"Memory ran out. Pictures are made {saving.words} from now on."
            except Exception as error:
                if not ran_out(error):
                    raise
                log.warning("memory ran out: %s", error)
            # here, and not in the handler: the error holds on to everything that did not fit
            saving = next(self._left, None)
            if saving is None:
                raise UserError(NO_MEMORY)


class Singly:
    """A `NoisePredictor` that evaluates the pictures of a batch one by one, with the same result."""

    def __init__(self, network: NoisePredictor) -> None:
        self._network = network

    def __call__(self, x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
        times = t.expand(len(x))
        each = [slice(k, k + 1) for k in range(len(x))]
        return torch.cat([self._network(x[one], times[one], condition if len(condition) == 1 else condition[one],
                                        code if code is None or len(code) == 1 else code[one]) for one in each])


def release() -> None:
    """Give memory that nobody uses any more back to the system and the device."""
    gc.collect()
    trim()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def trim() -> None:
    """Give the system back what the allocator holds of freed memory, once the process has grown by `SLACK` since it was last
    done: with glibc there would soon be hundreds of MiB between the arrays that are still in use. Takes about 10 ms, without the
    interpreter; fresh pages cost about as much again where memory is taken anew."""
    global _floor
    if _MALLOC_TRIM is not None and resident() > _floor + SLACK:
        _MALLOC_TRIM(0)
        _floor = resident()


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system doesn't say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
