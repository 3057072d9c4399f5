"""Where the network runs: the device, and the number format that is fastest there."""
from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

log = logging.getLogger(__name__)

NEEDED_GAIN = 0.8  # share of float32's time that a 16-bit format may take at most to be worth its error
LARGEST_ERROR = 0.03  # of the network's output; benchmarks/precision.py tells what that means in a picture
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


def short_dtypes(device: torch.device) -> tuple[torch.dtype, ...]:
    """The 16-bit formats worth a try on a device, the better one first."""
    if device.type == "cuda":
        return (torch.bfloat16,) if torch.cuda.is_bf16_supported() else (torch.float16,)
    return (torch.float16,) if device.type == "mps" else (torch.bfloat16,)


def pick_dtype(device: torch.device, trial: Callable[[torch.dtype], Tensor | None], cache: Path | None, key: str) -> torch.dtype:
    """float32 or the device's 16-bit format, by a short trial: `trial(dtype)` does one network step and returns its output.

    The short format must be clearly faster, and its output within `LARGEST_ERROR` of float32's; NaN in the output, or a step that
    the device can't do, rules it out. The winner is remembered in `cache` under `key`, the machine and the torch version, so
    that equal requests run in equal precision and give equal pictures: a timing alone could fall either way on a busy machine.
    """
    name = machine_key(key, device)
    known = remembered(cache)
    short = short_dtypes(device)[0]
    if name in known:
        return short if known[name] == plain_dtype(short) else torch.float32
    dtype = _decide(trial, short, device)
    remember(cache, name, plain_dtype(dtype))
    return dtype


def machine_key(key: str, device: torch.device) -> str:
    """What a timing holds for: the network `key` on this processor, device and torch, under today's error limit."""
    return f"{key}|{device.type}|{platform.machine()}|{_cpu_name()}|{torch.__version__}|error {LARGEST_ERROR}"


def _decide(trial: Callable[[torch.dtype], Tensor | None], short: torch.dtype, device: torch.device) -> torch.dtype:
    try:
        times, error = _best_times(trial, short, device)
    except RuntimeError as problem:
        log.warning("the network can't run in %s here (%s), taking float32", plain_dtype(short), str(problem).splitlines()[0])
        return torch.float32
    faster, exact = times[short] < NEEDED_GAIN * times[torch.float32], error <= LARGEST_ERROR  # False for NaN
    log.info("network step: float32 %.0f ms, %s %.0f ms with relative error %.4f (%s)", 1e3 * times[torch.float32],
             plain_dtype(short), 1e3 * times[short], error, "taken" if faster and exact else "float32 stays")
    if faster and not exact:
        log.warning("%s would be faster, but its output is off by %.1f %%: taking float32", plain_dtype(short), 100 * error)
    return short if faster and exact else torch.float32


def plain_dtype(dtype: torch.dtype) -> str:
    """A number format's name without torch's: 'float32'."""
    return str(dtype).removeprefix("torch.")


def _best_times(trial: Callable[[torch.dtype], Tensor | None], short: torch.dtype, device: torch.device, rounds: int = 5,
                enough: float = 1.5) -> tuple[dict[torch.dtype, float], float]:
    """Best seconds of each format, measured in turn, so that a busy moment hits both; and the short one's relative error.

    On a CPU it is processor time that counts, which other programs hardly change: the choice is kept for good.
    """
    clock = time.perf_counter if device.type != "cpu" else time.process_time
    times = {torch.float32: float("inf"), short: float("inf")}
    outputs: dict[torch.dtype, Tensor | None] = {}

    def step(dtype: torch.dtype) -> float:
        start = clock()
        output = trial(dtype)
        outputs[dtype] = None if output is None else output.detach().cpu().double()  # waits until a GPU is done
        return clock() - start

    for dtype in times:
        times[dtype] = step(dtype)
    error = relative_error(outputs[short], outputs[torch.float32])
    begin = time.perf_counter()  # the first step also loads and builds
    for _ in range(rounds if times[short] < 3 * times[torch.float32] else 0):  # emulated: a step can take seconds
        for dtype in times:
            times[dtype] = min(times[dtype], step(dtype))
        if time.perf_counter() - begin > enough:
            break
    return times, error


def relative_error(found: Tensor | None, exact: Tensor | None) -> float:
    """|found - exact| / |exact| over all values; 0 where there is nothing to compare, NaN where a value is no number."""
    if found is None or exact is None or not exact.any():
        return 0.0
    return float(torch.linalg.vector_norm(found - exact) / torch.linalg.vector_norm(exact))


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line for line in lines if line.startswith("flags")), "")
        found = "+".join(f for f in ("avx512_bf16", "amx_bf16") if f in flags)
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "") + found
    except OSError:
        return platform.processor()


def remembered(cache: Path | None) -> dict[str, str]:
    """What was measured before, by `machine_key`; empty where there is nothing or nothing readable."""
    try:
        known = json.loads(cache.read_text()) if cache else {}
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def remember(cache: Path | None, name: str, value: str) -> None:
    """Keep one choice beside the others; a cache that can't be written is only warned of."""
    if cache is None:
        return
    from core.files import atomic_write
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(cache, json.dumps({**remembered(cache), name: value}, indent=1).encode())
    except OSError as error:
        log.warning("can't remember the timing in %s: %s", cache, error)
