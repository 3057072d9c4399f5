"""What this machine can train at once: number format, workers and batch, chosen so that memory is enough, and said plainly."""
from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from core import paths
from core.device import CPU_THREADS, pick_dtype
from core.errors import UserError
from core.personalize.presets import Phase
from core.prior import Prior
from models.config import DenoiserConfig
from models.rig_model import RigModel

_SLACK = 1.4  # what allocators and the batches that wait take beside what is counted
_SHARE = 0.8  # of the free memory that a run may take: the window and the system go on working
_REST = 0.35  # share of the activations that checkpointing still keeps: those of the largest stage, and every stage's input
GIB = 1 << 30


@dataclass(frozen=True)
class Fit:
    """How a step of a phase is done: `passes` passes of `batch` pictures, `workers` of them beside each other, each on one core.

    checkpointing: activations are computed again instead of kept. precision: 'bfloat16' or 'float32'. needed, free: bytes of
    memory; free 0: not known. said: all of it for people.
    """

    batch: int
    passes: int
    workers: int
    checkpointing: bool
    precision: str
    needed: int
    free: int
    said: str = ""


def fit(prior: Prior, phase: Phase, device: torch.device, precision: str, free: int | None = None) -> Fit:
    """The fastest way to take a phase's steps that memory allows; where none fits, the smallest, which is said.

    free: bytes; None asks the machine.
    """
    free = free_memory(device) if free is None else free
    each, fixed = _costs(prior.config, phase, precision)
    cores = CPU_THREADS if device.type == "cpu" else 1
    options = [(batch, workers, checkpointing) for checkpointing in ((False, True) if phase.kind == "denoiser" else (False,))
               for workers in range(min(cores, phase.batch), 0, -1)
               for batch in range(-(-phase.batch // workers), 0, -1) if phase.batch % batch == 0]
    found = None
    for batch, workers, checkpointing in options:
        needed = _SLACK * (fixed + workers * (batch * each * (_REST if checkpointing else 1) + _gradients(prior.config)))
        found = Fit(batch, phase.batch // batch, min(workers, phase.batch // batch), checkpointing, precision, int(needed), free)
        if not free or needed <= _SHARE * free:
            return replace(found, said=_words(found, phase, True))
    assert found is not None
    return replace(found, said=_words(found, phase, False))


def kept_or_new(kept: Mapping[str, Any] | None, prior: Prior, phase: Phase, device: torch.device, precision: str) -> Fit:
    """The fit that a run kept as plain values where memory still allows it, else a new one."""
    free = free_memory(device)
    if kept and set(kept) == {each.name for each in fields(Fit)} and (not free or kept["needed"] <= free):
        return Fit(**kept)
    return fit(prior, phase, device, precision, free)


def _words(found: Fit, phase: Phase, enough: bool) -> str:
    one = "1 photo" if found.batch == 1 else f"{found.batch} photos"
    how = f"{phase.batch} photos a step" + (f" in {found.passes} passes of {one}" if found.passes > 1 else "")
    beside = f", {found.workers} beside each other" if found.workers > 1 else ""
    again = ", computing activations again to save memory" if found.checkpointing else ""
    memory = f"about {found.needed / GIB:.1f} GB of memory"
    of_free = f" of {found.free / GIB:.1f} GB that are free" if found.free else ""
    text = f"{how}{beside}{again}, in {found.precision}: {memory}{of_free}"
    return text if enough else f"{text}. That may not be enough: close other programs, or take a smaller model"


def free_memory(device: torch.device) -> int:
    """Bytes that a run could take now; 0 where the system doesn't tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    with contextlib.suppress(OSError, ValueError, StopIteration, IndexError):
        with open("/proc/meminfo", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("MemAvailable")).split()[1]) * 1024
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 0


def _costs(config: DenoiserConfig, phase: Phase, precision: str) -> tuple[float, float]:
    """Bytes of a picture in a pass, and of a run without any."""
    weights = 4 * _parameters(config)
    kept = activations(config) / (2 if precision == "bfloat16" else 1)
    if phase.kind == "student":  # prior, student, mean and Adam's two; the prior and the critic look at every picture as well
        return 1.8 * kept, 5.3 * weights
    return kept, 4 * weights  # weights, mean and Adam's two


def _gradients(config: DenoiserConfig) -> float:
    return 4.0 * _parameters(config)


@lru_cache(maxsize=4)
def _parameters(config: DenoiserConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in RigModel(config).parameters())


@lru_cache(maxsize=4)
def activations(config: DenoiserConfig) -> int:
    """Bytes that a pass over one picture keeps for its gradient in 32-bit numbers, counted without computing it."""
    seen: dict[int, int] = {}
    total = 0

    def note(value: Tensor) -> Tensor:
        nonlocal total
        if id(value) not in seen and not isinstance(value, torch.nn.Parameter):
            kept.append(value)
            seen[id(value)] = 1
            total += value.numel() * value.element_size()
        return value

    kept: list[Tensor] = []
    with torch.device("meta"):
        model, side = RigModel(config), config.size
        inputs = (torch.empty(1, 3, side, side), torch.zeros(1, dtype=torch.long), torch.empty(1, 9, side, side),
                  torch.empty(1, config.code_width))
        with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
            model(*inputs)
    return total


def precision(prior: Prior, device: torch.device) -> str:
    """The faster number format for training here, by a short trial that is remembered: 'bfloat16' or 'float32'."""
    if device.type == "mps":
        return "float32"  # its short format is float16, which needs the loss scaled
    model = prior.build().to(device)
    side = prior.size

    def trial(dtype: torch.dtype) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        values = [torch.randn(1, count, side, side, generator=generator).to(device) for count in (3, 9)]
        code = torch.zeros(1, prior.config.code_width, device=device)
        with torch.enable_grad(), torch.autocast(device.type, torch.bfloat16, enabled=dtype != torch.float32):
            weights = list(model.denoisingUNet.requires_grad_(True).parameters())
            out = model(values[0], torch.tensor([500], device=device), values[1], code).float()
            torch.autograd.grad(out.square().mean(), weights)
        return out.detach()

    dtype = pick_dtype(device, trial, paths.cache_dir() / "network_timing.json", f"{prior.config.to_key()}|training")
    return "float32" if dtype == torch.float32 else "bfloat16"


def out_of_memory(error: Exception) -> UserError | None:
    """The error in words where it says that memory ran out."""
    with contextlib.suppress(AttributeError):
        if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in str(error):
            return UserError("There is not enough memory for this training. Close other programs and go on with the run, or take "
                             "a smaller model. What was saved is kept.")
    return None
