"""How long the network alone takes, beside the published 256 network as it ships (float32, NCHW), on any device.

    python benchmarks/network.py [--device cuda] [--only full|compact] [--repeat N] [--threads N] [--no-training]

It needs torch and numpy only. Weights are seeded: they don't change the time. A picture is 20 DDIM steps of the full-size
network, 10 of the compact one; on a CPU one evaluation is timed and multiplied, on a GPU the whole chain is timed.
Asked of an H200-class GPU: a full-size picture in at most 150 ms, at least 30 compact ones a second.
"""
from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import torch  # noqa: E402

from core.device import pick_device, plain_dtype, short_dtypes  # noqa: E402
from core.diffusion import ddim, respaced  # noqa: E402
from models.config import DenoiserConfig  # noqa: E402
from models.fast import FastNetwork  # noqa: E402
from models.graphed import GraphedNetwork  # noqa: E402
from models.rig_model import EpsilonNetwork, RigModel  # noqa: E402

FULL_STEPS, COMPACT_STEPS = 20, 10
SIDE = 256


class Plain(EpsilonNetwork):
    """The network as it is published: NCHW, one operation after the other."""

    def _cast(self, x: torch.Tensor) -> torch.Tensor:
        return x.to(self.device, self.dtype).contiguous()


@dataclass(frozen=True)
class Row:
    """milliseconds of an evaluation of `batch` pictures and of one picture (0: not asked)."""

    what: str
    evaluation: float
    picture: float = 0.0


def milliseconds(work: Callable[[], object], repeat: int, device: torch.device, warm: bool = True) -> float:
    """Median wall time of work(), which may leave the device busy; where `warm`, after one that doesn't count."""
    def done() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    if warm:
        work()
    times = []
    for _ in range(repeat):
        begun = done()
        work()
        times.append(done() - begun)
    return 1e3 * statistics.median(times)


def network(kind: type[EpsilonNetwork], config: DenoiserConfig, dtype: torch.dtype, device: torch.device) -> EpsilonNetwork:
    """A seeded network on the device."""
    torch.manual_seed(0)
    model = RigModel(config).to(device, dtype)
    return kind(model if kind is Plain else model.to(memory_format=torch.channels_last))  # type: ignore[call-overload]


def asked(net: EpsilonNetwork, batch: int) -> tuple[torch.Tensor, ...]:
    """Noise, condition and code on the network's device."""
    drawn = (torch.randn(batch, 3, SIDE, SIDE), torch.randn(1, 9, SIDE, SIDE), torch.randn(1, net.config.code_width))
    return tuple(values.to(net.device) for values in drawn)


def measured(what: str, net: EpsilonNetwork, repeat: int, steps: int, batch: int = 1) -> Row:
    """One network's row: an evaluation, and a picture in `steps`."""
    noise, condition, code = asked(net, batch)
    t = torch.full((batch,), 500, device=net.device)
    evaluation = milliseconds(lambda: net(noise, t, condition, code), repeat, net.device)
    if net.device.type == "cpu":
        return Row(what, evaluation, steps * evaluation / batch)
    schedule = respaced(f"ddim{steps}")
    chain = milliseconds(lambda: ddim(net, noise, schedule, condition, code), repeat, net.device)
    return Row(what, evaluation, chain / batch)


def kinds(device: torch.device) -> Iterator[tuple[str, type[EpsilonNetwork], torch.dtype]]:
    """What is compared: the published arithmetic first, then ours."""
    short = short_dtypes(device)[0]
    yield "float32, NCHW: the reference", Plain, torch.float32
    for dtype in (torch.float32, short):
        yield f"{plain_dtype(dtype)}, rearranged", FastNetwork, dtype
    if device.type == "cuda":
        yield f"{plain_dtype(short)}, CUDA graphs", GraphedNetwork, short


def full(device: torch.device, repeat: int) -> Iterator[Row]:
    """The published 256 network."""
    for name, kind, dtype in kinds(device):
        yield measured(f"full size, {name}", network(kind, DenoiserConfig.reference(SIDE), dtype, device), repeat, FULL_STEPS)


def compact(device: torch.device, repeat: int) -> Iterator[Row]:
    """The layout of the prior that ships."""
    for name, kind, dtype in kinds(device):
        net = network(kind, DenoiserConfig.compact(SIDE), dtype, device)
        for batch in (1, 4):
            if batch == 1 or kind is not Plain:
                yield measured(f"compact, {name}, {batch} at once", net, repeat, COMPACT_STEPS, batch)


def training(device: torch.device, repeat: int, with_full: bool) -> Iterator[Row]:
    """Forward and backward of both: the published network as it ships, ours as core.trainer runs it."""
    if with_full:
        spent = training_step(DenoiserConfig.reference(SIDE), 1, device, 1)
        yield Row("training step, full size, float32, NCHW, a picture", spent)
    batch = 8
    spent = training_step(DenoiserConfig.compact(SIDE), batch, device, repeat)
    yield Row(f"training step, compact, {batch} at once, a picture", spent / batch)


def training_step(config: DenoiserConfig, batch: int, device: torch.device, repeat: int) -> float:
    """Milliseconds of a training step without its optimiser: the full-size network as published, others in bfloat16.

    The full-size network's first step on a CPU counts: it takes so long that what it loads and builds doesn't.
    """
    ours = config.patch > 1
    model = RigModel(config).to(device).train()
    if ours:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x, condition = (torch.randn(batch, channels, SIDE, SIDE, device=device) for channels in (3, 9))
    t = torch.full((batch,), 500, device=device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=ours):
            out = model(x, t, condition, model.encode(x))
        out.float().square().mean().backward()

    return milliseconds(step, repeat, device, warm=ours or device.type != "cpu")


def machine(device: torch.device) -> str:
    """What was measured on, in words."""
    threads = f"{torch.get_num_threads()} CPU threads with {torch.backends.cpu.get_cpu_capability()}"
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else threads
    return f"{platform.system()} {platform.machine()}, {where}, torch {torch.__version__}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best present)")
    parser.add_argument("--only", choices=("full", "compact"))
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-training", action="store_true", help="leave the training steps out")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = pick_device(args.device)
    few = args.repeat if device.type != "cpu" else max(1, args.repeat // 3)
    print(machine(device))
    print(f"{'what':<62}{'ms':>9}{'ms a picture':>14}{'pictures/s':>12}", flush=True)
    for rows in (full(device, few) if args.only != "compact" else (), compact(device, args.repeat) if args.only != "full" else (),
                 training(device, few, args.only != "compact") if not args.no_training else ()):
        for row in rows:
            picture = f"{row.picture:>14.0f}{1e3 / row.picture:>12.2f}" if row.picture else ""
            print(f"{row.what:<62}{row.evaluation:>9.1f}{picture}", flush=True)
    for name, config in (("full size", DenoiserConfig.reference(SIDE)), ("compact", DenoiserConfig.compact(SIDE))):
        with torch.device("meta"):
            model = RigModel(config)
        counts = [sum(p.numel() for p in part.parameters()) / 1e6 for part in (model.denoisingUNet, model.encoder)]
        print(f"{name}: denoiser {counts[0]:.1f} M parameters, encoder {counts[1]:.1f} M")


if __name__ == "__main__":
    main()
