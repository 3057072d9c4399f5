"""Several processes that take the same training steps as one: started by torchrun, joined by torch.distributed.

Every process holds the whole model. A step's work is cut so that its result is the one that a single process would have found:
by whole passes where `accumulate` can be shared out evenly (each pass keeps its own batch statistics), else by slices of every
batch, whose batch statistics are then those of all slices together.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from core.errors import UserError
from core.train_config import TrainConfig

PATIENCE = timedelta(minutes=30)  # the others wait this long while the first process saves or draws a sheet


@dataclass(frozen=True)
class Share:
    """What one process does of a step: which of its passes, which rows of each batch, and in how many slices a batch is cut."""

    parts: range
    rows: slice
    slices: int = 1


class Group:
    """The processes of a run. `Group()` is one process alone, for which nothing here costs anything.

    rank: number of this process, 0 is the one that writes files. count: of all of them. device: what tensors are exchanged on.
    own: whether `leave` ends torch's process group, because it was begun here.
    """

    def __init__(self, rank: int = 0, count: int = 1, device: torch.device | None = None, own: bool = False) -> None:
        self.rank, self.count, self.device, self.own = rank, count, device or torch.device("cpu"), own

    @classmethod
    def joined(cls, device: torch.device) -> Group:
        """The group that torchrun started this process in, or one alone. Raises UserError when the others can't be reached."""
        count, own = int(os.environ.get("WORLD_SIZE", "1")), not dist.is_initialized()
        if count == 1:
            return cls(0, 1, device)
        try:
            if own:
                dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
        except (RuntimeError, ValueError) as error:
            raise UserError("The other processes of this training can't be reached. Start it with torchrun, the same "
                            f"--nnodes and --rdzv-endpoint on every machine ({error}).") from error
        return cls(dist.get_rank(), count, device, own)

    def share(self, config: TrainConfig) -> Share:
        """This process's part of every step. Raises UserError when a step can't be cut evenly."""
        if config.accumulate % self.count == 0:
            each = config.accumulate // self.count
            return Share(range(self.rank * each, (self.rank + 1) * each), slice(None))
        if config.batch % self.count == 0:
            rows = config.batch // self.count
            return Share(range(config.accumulate), slice(self.rank * rows, (self.rank + 1) * rows), self.count)
        raise UserError(f"{self.count} processes can't share a step of {config.accumulate} x {config.batch} pictures evenly. Set "
                        f"accumulate or batch to a multiple of {self.count} (--set batch=N).")

    # -- exchanges ------------------------------------------------------------------------------------------------------------

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace float tensors by their sums over the processes, in one exchange."""
        if self.count > 1 and tensors:
            flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
            self._exchange(dist.all_reduce, flat)
            for tensor, summed in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
                tensor.copy_(summed.view(tensor.shape))

    def gather(self, tensor: Tensor) -> Tensor:
        """The tensors of all processes, all of one shape, one after another along the first axis."""
        if self.count == 1:
            return tensor
        there = tensor.to(self.device).contiguous()
        found = [torch.empty_like(there) for _ in range(self.count)]
        self._exchange(dist.all_gather, found, there)
        return torch.cat(found).to(tensor.device)

    def largest(self, *values: float) -> tuple[float, ...]:
        """Each value's largest over the processes: how they agree to stop, and on how much of the time is over."""
        if self.count == 1:
            return values
        found = torch.tensor(values, dtype=torch.float64 if self.device.type != "mps" else torch.float32, device=self.device)
        self._exchange(dist.all_reduce, found, op=dist.ReduceOp.MAX)
        return tuple(found.tolist())

    def same_start(self, model: nn.Module, facts: Mapping[str, Any]) -> None:
        """Give all processes the first one's weights. Raises UserError when `facts` (configuration, step, ...) differ."""
        if self.count == 1:
            return
        found: list[Any] = [None] * self.count
        self._exchange(dist.all_gather_object, found, dict(facts))
        differing = [name for name in facts if any(other[name] != found[0][name] for other in found)]
        if differing:
            raise UserError(f"The processes of this training differ in {', '.join(differing)}. Give every machine the same "
                            "arguments, the same prepared data and the same run folder.")
        for value in model.state_dict().values():
            self._exchange(dist.broadcast, value, 0)

    def leave(self) -> None:
        """End the exchange with the others."""
        if self.own:
            dist.destroy_process_group()

    def _exchange(self, what: Callable[..., object], *given: Any, **options: Any) -> None:
        try:
            what(*given, **options)
        except RuntimeError as error:
            raise UserError("Another process of this training has ended; its own message says why. The last saved state is "
                            "usable: start them all again with --resume.") from error

    # -- batch statistics -------------------------------------------------------------------------------------------------------

    def share_norms(self, network: nn.Module) -> None:
        """Let batch normalisation in train mode see the slices of all processes as one batch, on any device."""
        for module in _norms(network):
            module.forward = partial(_normalised, module, self)  # type: ignore[method-assign]

    def norms(self, network: nn.Module) -> list[Tensor]:
        """Copies of the running means and variances of a network's batch normalisation, for `merge_norms`."""
        return [] if self.count == 1 else [value.clone() for module in _norms(network) for value in _running(module)]

    @torch.no_grad()
    def merge_norms(self, network: nn.Module, before: Sequence[Tensor], passes: int) -> None:
        """Running statistics as if one process had made all passes in their order. passes: those that each process made.

        A pass takes r to (1 - m) r + m s. So n passes add a term of their own to (1 - m)^n r, and later passes shrink it alike.
        """
        if self.count == 1:
            return
        moved = [(value, (1 - _momentum(module)) ** passes) for module in _norms(network) for value in _running(module)]
        later = self.count - 1 - self.rank
        added = [(value - keep * old) * keep ** later for (value, keep), old in zip(moved, before, strict=True)]
        self.add(added)
        for (value, keep), old, term in zip(moved, before, added, strict=True):
            value.copy_(keep ** self.count * old + term)
        for module in _norms(network):
            if module.num_batches_tracked is not None:
                module.num_batches_tracked += passes * (self.count - 1)


def _norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def _running(module: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert module.running_mean is not None and module.running_var is not None
    return module.running_mean, module.running_var


def _momentum(module: nn.BatchNorm2d) -> float:
    assert module.momentum is not None
    return module.momentum


class _Sum(torch.autograd.Function):
    """Sum over the processes; so is its gradient, because every process's loss depends on every process's part."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:  # type: ignore[override]
        ctx.group = group
        total = x.clone()
        group.add([total])
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        total = gradient.clone()
        ctx.group.add([total])
        return total, None


def _normalised(module: nn.BatchNorm2d, group: Group, x: Tensor) -> Tensor:
    """`nn.BatchNorm2d` of x (B, C, H, W) over the batches of all processes, which are of one size."""
    if not module.training:
        return nn.BatchNorm2d.forward(module, x)
    wide = x.float()
    count = wide.numel() // wide.shape[1] * group.count
    mean = _Sum.apply(wide.sum((0, 2, 3)), group) / count
    centred = wide - mean[:, None, None]
    variance = _Sum.apply(centred.square().sum((0, 2, 3)), group) / count
    with torch.no_grad():
        running_mean, running_variance = _running(module)
        running_mean.lerp_(mean, _momentum(module))
        running_variance.lerp_(variance * count / max(count - 1, 1), _momentum(module))
        if module.num_batches_tracked is not None:
            module.num_batches_tracked += 1
    scale = module.weight * (variance + module.eps).rsqrt()
    return (centred * scale[:, None, None] + module.bias[:, None, None]).to(x.dtype)
