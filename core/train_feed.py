"""Batches on their way to the training step: made beside it by a thread or by processes, always in the same order."""
from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterable, Iterator

import torch
from torch.utils.data import DataLoader, Dataset

from core.errors import UserError
from core.head import load_head
from core.train_config import TrainConfig
from core.train_data import Maker, Pictures, ahead, batches
from core.train_group import Share
from core.train_step import Batch

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")  # loaders beside each other must not each take all cores
AHEAD = 3  # batches that each loader process makes before they are asked for


def feed(shards: Pictures, config: TrainConfig, rasterizer: str, loaders: int, step: int, share: Share,
         pinned: bool = False) -> Iterator[Batch]:
    """Batches (on the CPU) for the steps from number `step` on, those parts of them that `share` says.

    loaders: processes that make them; 0 is a thread of this one. Batches depend only on the seed and their number, so neither
    changes what comes. pinned: in memory that a GPU reads by itself. Raises UserError when a shard or a loader fails.
    """
    source = _Source(shards, config, rasterizer, share)
    order = _numbers(step, config.accumulate, share)
    if not loaders:
        return ahead(source[number].pin_memory() if pinned else source[number] for number in order)
    return _from_processes(source, order, loaders, pinned)


def _numbers(step: int, accumulate: int, share: Share) -> Iterator[int]:
    return (at * accumulate + part for at in itertools.count(step) for part in share.parts)


class _Source(Dataset[Batch]):
    """Batch by number. Heads and scratch memory are made where the batches are, not sent there."""

    def __init__(self, shards: Pictures, config: TrainConfig, rasterizer: str, share: Share) -> None:
        self.shards, self.config, self.rasterizer, self.share = shards, config, rasterizer, share
        self.odds = shards.odds(config.mix)
        self._maker: Maker | None = None

    def __getitem__(self, number: int) -> Batch:
        config = self.config
        if self._maker is None:
            self._maker = Maker(self.shards, load_head(config.head), config.side, config.augment, self.rasterizer)
        examples = next(batches(self._maker, self.odds, config.batch, config.seed, number, self.share.rows))
        return Batch.of(examples, torch.device("cpu"), config.network)


class _Guarded(Dataset["Batch | UserError"]):
    """A source whose errors are handed over like batches, so that their words reach the user as they are."""

    def __init__(self, source: _Source) -> None:
        self.source = source

    def __getitem__(self, number: int) -> Batch | UserError:
        try:
            return self.source[number]
        except UserError as error:
            return UserError(str(error))


def _start(number: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C asks the run to stop; its loaders end with it


def _from_processes(source: _Source, order: Iterable[int], loaders: int, pinned: bool) -> Iterator[Batch]:
    loader = DataLoader(_Guarded(source), batch_size=None, sampler=order, num_workers=loaders, prefetch_factor=AHEAD,
                        pin_memory=pinned, multiprocessing_context="spawn", worker_init_fn=_start)
    before = {name: os.environ.get(name) for name in _THREADS}
    try:
        os.environ.update(dict.fromkeys(_THREADS, "1"))  # read once, when numpy starts in a new process
        items = iter(loader)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    try:
        for item in items:
            if isinstance(item, UserError):
                raise item
            yield item
    except RuntimeError as error:
        raise UserError(f"A loader process ended ({error}). Train with fewer --loaders, or with more shared memory (/dev/shm).") \
            from error
