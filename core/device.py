"""Where the network runs: the device, and the number format that is fastest there."""
from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

log = logging.getLogger(__name__)

CPU_THREADS = 2  # more only pays on large networks, and starves the window's thread on small machines


def pick_device(name: str | None = None) -> torch.device:
    """The named device, or the best present: CUDA, then MPS, then CPU.

    Raises ValueError when the named one is not there.
    """
    if name:
        device = torch.device(name)
        present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        if not present.get(device.type, False):
            raise ValueError(f"This machine has no {device.type} device.")
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def pick_dtype(device: torch.device, trial: Callable[[torch.dtype], None], cache: Path | None, key: str) -> torch.dtype:
    """float32 or bfloat16, by a short timing of `trial` (one network step in that format).

    The winner is remembered in `cache` under `key`, the machine and the torch version, so that equal requests run in
    equal precision and give equal pictures: a timing alone could fall either way on a busy machine.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type != "cpu":
        return torch.float32
    name = f"{key}|{platform.machine()}|{_cpu_name()}|{torch.__version__}"
    known = _read(cache)
    if name in known:
        return torch.bfloat16 if known[name] == "bfloat16" else torch.float32
    times = _best_times(trial)
    # bfloat16 must win clearly: it costs a relative error of about 0.01
    dtype = torch.bfloat16 if times[torch.bfloat16] < 0.8 * times[torch.float32] else torch.float32
    log.info("network step: float32 %.0f ms, bfloat16 %.0f ms, taking %s",
             1e3 * times[torch.float32], 1e3 * times[torch.bfloat16], dtype)
    known[name] = str(dtype).removeprefix("torch.")
    _write(cache, known)
    return dtype


def _best_times(trial: Callable[[torch.dtype], None], rounds: int = 5, enough: float = 1.5) -> dict[torch.dtype, float]:
    """Best seconds of each format, measured in turn, so that a busy moment hits both."""
    times = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    for dtype in times:
        start = time.perf_counter()
        trial(dtype)
        times[dtype] = time.perf_counter() - start
    if times[torch.bfloat16] > 3 * times[torch.float32]:  # emulated: a step can take seconds, once is enough
        return times
    begin = time.perf_counter()
    for _ in range(rounds):
        for dtype in times:
            start = time.perf_counter()
            trial(dtype)
            times[dtype] = min(times[dtype], time.perf_counter() - start)
        if time.perf_counter() - begin > enough:
            break
    return times


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line for line in lines if line.startswith("flags")), "")
        found = "+".join(f for f in ("avx512_bf16", "amx_bf16") if f in flags)
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "") + found
    except OSError:
        return platform.processor()


def _read(cache: Path | None) -> dict[str, str]:
    try:
        known = json.loads(cache.read_text()) if cache else {}
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(cache: Path | None, known: dict[str, str]) -> None:
    if cache is None:
        return
    from core.files import atomic_write
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(cache, json.dumps(known, indent=1).encode())
    except OSError as error:
        log.warning("can't remember the timing in %s: %s", cache, error)
