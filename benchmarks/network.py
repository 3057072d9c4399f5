"""How long one evaluation of the denoiser takes, against the published 256 network as it ships (float32, NCHW), in one run.

python benchmarks/network.py [--repeat N] [--threads N] [--compact-only]
"""
from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import torch  # noqa: E402

from models.config import DenoiserConfig
from models.rig_model import EpsilonNetwork, RigModel


def _network(config: DenoiserConfig, dtype: torch.dtype, channels_last: bool = True) -> EpsilonNetwork:
    model = RigModel(config).to(dtype)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return EpsilonNetwork(model)


def _milliseconds(work: Callable[[], object], repeat: int) -> float:
    work()
    times = []
    for _ in range(repeat):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times)


def _evaluation(network: EpsilonNetwork, batch: int, side: int) -> Callable[[], object]:
    x, condition = torch.randn(batch, 3, side, side), torch.randn(batch, 9, side, side)
    t, code = torch.full((batch,), 500), torch.randn(batch, network.config.code)
    return lambda: network(x, t, condition, code)


def _training_step(config: DenoiserConfig, batch: int, side: int) -> Callable[[], object]:
    model = RigModel(config).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    x, condition, t = torch.randn(batch, 3, side, side), torch.randn(batch, 9, side, side), torch.full((batch,), 500)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            out = model(x, t, condition, model.encode(x))
        out.float().square().mean().backward()

    return step


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compact-only", action="store_true", help="leave the full-size network out (it needs 3 s a step)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    compact, reference = DenoiserConfig.compact(), DenoiserConfig.reference(256)
    rows: list[tuple[str, float, int]] = []
    if not args.compact_only:
        few = max(1, args.repeat // 3)
        plain = EpsilonNetwork(RigModel(reference))
        plain._cast = lambda x: x.contiguous()  # type: ignore[method-assign] # as the reference ships: NCHW
        rows.append(("reference 256, float32, NCHW", _milliseconds(_evaluation(plain, 1, 256), few), 1))
        for dtype in (torch.float32, torch.bfloat16):
            network = _network(reference, dtype)
            rows.append((f"reference 256, {str(dtype)[6:]}, channels last", _milliseconds(_evaluation(network, 1, 256), few), 1))
    for dtype in (torch.float32, torch.bfloat16):
        network = _network(compact, dtype)
        for batch in (1, 4):
            rows.append((f"compact 256, {str(dtype)[6:]}, batch {batch}",
                         _milliseconds(_evaluation(network, batch, 256), args.repeat), batch))
    for side, batch in ((128, 12), (256, 8)):
        rows.append((f"compact, training step at {side}, batch {batch}",
                     _milliseconds(_training_step(compact, batch, side), max(2, args.repeat // 2)), batch))
    print(f"{'what':<48}{'ms':>9}{'ms an image':>13}{'ratio':>8}")
    for name, spent, batch in rows:
        print(f"{name:<48}{spent:>9.0f}{spent / batch:>13.0f}{rows[0][1] / (spent / batch):>8.1f}")
    for name, config in (("compact", compact), ("reference 256", reference)):
        with torch.device("meta"):
            model = RigModel(config)
        counts = [sum(p.numel() for p in part.parameters()) / 1e6 for part in (model.denoisingUNet, model.encoder)]
        print(f"{name}: denoiser {counts[0]:.1f} M parameters, encoder {counts[1]:.1f} M")


if __name__ == "__main__":
    main()
