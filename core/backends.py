"""What runs the network: torch in the format that is fastest here, or where they are installed and clearly faster, others."""
from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from core import exported, paths
from core.device import (
    CPU_THREADS,
    LARGEST_ERROR,
    NEEDED_GAIN,
    machine_key,
    pick_dtype,
    plain_dtype,
    relative_error,
    remember,
    remembered,
)
from models.fast import FastNetwork
from models.graphed import GraphedNetwork
from models.rig_model import EpsilonNetwork, RigModel

log = logging.getLogger(__name__)

_DTYPES = {plain_dtype(dtype): dtype for dtype in (torch.float32, torch.bfloat16, torch.float16)}


@dataclass(frozen=True)
class Backend:
    """Who evaluates the denoiser ('torch', or a name of `exported.RUNTIMES`), in which number format, where."""

    runtime: str
    dtype: torch.dtype
    device: torch.device

    def __str__(self) -> str:
        return f"{self.runtime} {plain_dtype(self.dtype)}"

    def network(self, model: RigModel, keep: bool = True) -> EpsilonNetwork:
        """A model (float32, on the CPU) as a `NoisePredictor`; the model may be changed by it and belongs to it from then on.

        keep: whether a file that another runtime needs of it is kept for the next time. A runtime that fails at this model makes
        way for torch, with a warning.
        """
        if self.runtime != "torch":
            try:
                return self._exported(model, keep)
            except (ImportError, OSError, RuntimeError) as problem:
                log.warning("%s can't run this model (%s), torch does", self, str(problem).splitlines()[0])
        model = model.to(self.device, self.dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return (GraphedNetwork if self.device.type == "cuda" else FastNetwork)(model)

    def _exported(self, model: RigModel, keep: bool) -> EpsilonNetwork:
        with ExitStack() as stack:
            folder = _folder() if keep else Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
            run = exported.load(self.runtime, exported.export(model, folder), self.dtype, CPU_THREADS)
        return exported.ExportedNetwork(model, run)


def pick_backend(build: Callable[[], RigModel], device: torch.device, cache: Path | None, key: str) -> Backend:
    """The fastest way to evaluate a network here, by a short timing with a limit on the error (see `core.device.pick_dtype`).

    build() makes the model anew (float32, on the CPU); key: what networks of its shape have in common. On a CPU the runtimes of
    `core.exported` that are installed are tried too and taken where they need at most `NEEDED_GAIN` of torch's processor time.
    The winner is remembered in `cache` for this network, machine and versions.
    """
    dtype = _pick_torch(build, device, cache, key)
    torchs = Backend("torch", dtype, device)
    if device.type != "cpu" or not (present := exported.runtimes()):
        return torchs
    name = machine_key(f"{key}|{'+'.join(_with_version(runtime) for runtime in present)}|{torchs}", device)
    known = {str(b): b for b in (torchs, *(Backend(r, d, device) for r in present for d in exported.RUNTIMES[r]))}
    found = known.get(remembered(cache).get(name, ""))
    if found is None:
        found = _fastest(build, torchs, [b for b in known.values() if b.runtime != "torch"])
        remember(cache, name, str(found))
    return found


def _pick_torch(build: Callable[[], RigModel], device: torch.device, cache: Path | None, key: str) -> torch.dtype:
    networks: dict[torch.dtype, EpsilonNetwork] = {}

    def trial(dtype: torch.dtype) -> torch.Tensor:
        if dtype not in networks:
            networks[dtype] = Backend("torch", dtype, device).network(build())
        side = networks[dtype].config.size
        noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
        return networks[dtype](noise, torch.tensor([500]), torch.zeros(1, 9, side, side), None)

    return pick_dtype(device, trial, cache, f"{key}|fast")


def _fastest(build: Callable[[], RigModel], torchs: Backend, others: list[Backend]) -> Backend:
    """The best of the others where it is clearly faster than torch and as exact, else torch."""
    model = build().eval()
    inputs = exported.inputs_of(model)
    x, t, condition, code = map(torch.from_numpy, inputs)
    network = torchs.network(build())
    with torch.inference_mode():
        exact = model(x, t, condition, code).double()
        best, limit = torchs, NEEDED_GAIN * exported.best_time(lambda: network.raw(x, t, condition, code.to(network.dtype)))
    log.info("network step: %s %.0f ms of processor time", torchs, 1e3 * limit / NEEDED_GAIN)
    try:
        file = exported.export(model, _folder())
    except (ImportError, OSError, RuntimeError) as problem:
        log.warning("the network can't be exported (%s), torch stays", str(problem).splitlines()[0])
        return torchs
    for other in others:
        trial = exported.try_out(other.runtime, file, other.dtype, inputs, CPU_THREADS)
        if trial is None:
            continue
        error = relative_error(torch.from_numpy(trial.output).double(), exact)
        taken = trial.seconds < limit and error <= LARGEST_ERROR  # False for NaN
        log.info("network step: %s %.0f ms with relative error %.4f", other, 1e3 * trial.seconds, error)
        if taken:
            best, limit = other, trial.seconds
    if best is torchs:
        file.unlink(missing_ok=True)
    return best


def _folder() -> Path:
    return paths.cache_dir() / "networks"


def _with_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
