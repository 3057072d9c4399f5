"""What number formats do to the network's output and to the picture: `python benchmarks/precision.py`.

    python benchmarks/precision.py [--device cpu] [--full-steps 3] [--steps 20] [--only full|compact] [--photo FILE]

Two networks. The full-size 256 one has weights made from its key names (the recipe of ../shared/parity), or from a seed where
that folder is absent: its arithmetic is the published network's, but it paints noise. The shipped compact prior paints the photo.
For each format: time a step, the relative error of the predicted noise against float32 at several timesteps, and the picture of a
DDIM sample (eta 0) from the same noise: PSNR, largest and mean difference in 8-bit steps. A format whose first step takes over a
minute, or that the device can't do, is left with that word.
"""
from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402
import torch  # noqa: E402

from benchmarks.network import Plain  # noqa: E402
from core import compose  # noqa: E402
from core.device import LARGEST_ERROR, pick_device, relative_error  # noqa: E402
from core.diffusion import ddim, respaced  # noqa: E402
from models.config import DenoiserConfig  # noqa: E402
from models.fast import FastNetwork  # noqa: E402
from models.rig_model import EpsilonNetwork, RigModel  # noqa: E402

FORMATS = ((torch.float32, True), (torch.float32, False), (torch.bfloat16, True), (torch.float16, True))  # dtype, channels last
TIMES = (50, 450, 950)
PATIENCE = 60.0  # seconds


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a network is asked: noise (1, 3, S, S), condition (1, 9, S, S), the encoder's photo (1, 3, S, S)."""

    noise: torch.Tensor
    condition: torch.Tensor
    photo: torch.Tensor


def network(model: RigModel, dtype: torch.dtype, last: bool, device: torch.device) -> EpsilonNetwork:
    """A copy of the model in that format."""
    copy = RigModel(model.config)
    copy.load_state_dict(model.state_dict())
    copy = copy.to(device, dtype)
    return FastNetwork(copy.to(memory_format=torch.channels_last)) if last else Plain(copy)  # type: ignore[call-overload]


def sample(net: EpsilonNetwork, inputs: Inputs, steps: int) -> np.ndarray:
    """(S, S, 3) uint8: a DDIM sample."""
    code = net.encode(inputs.photo)
    picture = ddim(net, inputs.noise, respaced(f"ddim{steps}"), inputs.condition, code)
    return compose.to_uint8(compose.from_model(picture[0].float().cpu().numpy()))


def rows(model: RigModel, inputs: Inputs, steps: int, device: torch.device) -> Iterator[list[str]]:
    """The cells of each format."""
    exact: list[torch.Tensor] = []
    picture = np.zeros(0, np.uint8)
    for dtype, last in FORMATS:
        cells = [str(dtype).removeprefix("torch."), "channels last" if last else "NCHW"]
        try:
            net = network(model, dtype, last, device)
            code = net.encode(inputs.photo)
            found: list[torch.Tensor] = []
            spent: list[float] = []
            for t in TIMES:
                begun = time.perf_counter()
                found.append(net(inputs.noise, torch.tensor([t]), inputs.condition, code).cpu())
                spent.append(time.perf_counter() - begun)
                if spent[0] > PATIENCE:
                    break
            if spent[0] > PATIENCE:
                yield [*cells, f"{spent[0]:.0f} s a step: left"]
                continue
            made = sample(net, inputs, steps)
        except RuntimeError as error:
            yield [*cells, f"not here: {str(error).splitlines()[0]}"]
            continue
        if not exact:
            exact, picture = found, made
        errors = [f"{relative_error(a, b):.1e}" for a, b in zip(found, exact, strict=True)]
        yield [*cells, f"{1e3 * min(spent):.0f}", *errors, *difference(made, picture)]


def difference(picture: np.ndarray, exact: np.ndarray) -> list[str]:
    """PSNR in dB, largest and mean difference of two pictures in 8-bit steps."""
    gap = np.abs(picture.astype(float) - exact.astype(float))
    if not gap.any():
        return ["same", "0", "0"]
    return [f"{10 * np.log10(255**2 / (gap**2).mean()):.1f}", f"{gap.max():.0f}", f"{gap.mean():.2f}"]


def shared() -> Path:
    """The folder of reference numbers and photos; may be absent."""
    return Path(os.environ.get("DIFFUSIONRIG_SHARED") or REPOSITORY.parent / "shared")


def full_model() -> tuple[RigModel, str]:
    """The full-size 256 network and where its weights come from."""
    config = DenoiserConfig.reference(256)
    if (shared() / "parity" / "recipe.py").is_file():
        from tests.models.parity import recipe_model

        return recipe_model(shared(), config), "recipe weights"
    generator = torch.Generator().manual_seed(0)
    model = RigModel(config).eval()
    for values in model.parameters():
        spread = (3 / values[0].numel()) ** 0.5 if values.ndim > 1 else 0.05
        centre = float(values.ndim == 1 and bool(values.any()))  # 1 for the norms' gains
        values.data = (2 * torch.rand(values.shape, generator=generator) - 1) * spread + centre
    return model, "seeded weights (no ../shared here)"


def seeded(side: int) -> Inputs:
    """Inputs without a face."""
    generator = torch.Generator().manual_seed(1)

    def uniform(channels: int) -> torch.Tensor:
        return 2 * torch.rand(1, channels, side, side, generator=generator) - 1

    return Inputs(torch.randn(1, 3, side, side, generator=generator), uniform(9), uniform(3))


def of_photo(path: Path) -> tuple[RigModel, Inputs]:
    """The shipped prior and what it is asked for a photo as it is."""
    from core.engine import Engine

    engine = Engine(device="cpu")
    session = engine.open(path)
    condition = torch.from_numpy(session.buffers.condition().copy())[None]
    photo = torch.from_numpy(compose.to_model(session.crop))[None]
    noise = torch.randn(1, 3, session.size, session.size, generator=torch.Generator().manual_seed(2))
    model = engine.prior.build()
    engine.close()
    return model, Inputs(noise, condition, photo)


def table(title: str, model: RigModel, inputs: Inputs, steps: int, device: torch.device) -> None:
    """Print one network's table."""
    head = ["format", "layout", "ms a step", *(f"error at t={t}" for t in TIMES), f"PSNR dB, DDIM-{steps}", "largest", "mean"]
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for cells in rows(model, inputs, steps, device):
        print(f"| {' | '.join([*cells, *[''] * (len(head) - len(cells))])} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best present)")
    parser.add_argument("--full-steps", type=int, default=2, help="DDIM steps of the full-size network (20: as published)")
    parser.add_argument("--steps", type=int, default=20, help="DDIM steps of the compact prior")
    parser.add_argument("--only", choices=("full", "compact"))
    parser.add_argument("--photo", type=Path, default=REPOSITORY / "resources" / "samples" / "astronaut.png")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = pick_device(args.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    print(f"{platform.system()} {platform.machine()}, {name}, torch {torch.__version__}, "
          f"{torch.backends.cpu.get_cpu_capability()}, {args.threads} threads; a format whose error is over {LARGEST_ERROR} "
          "is never picked")
    if args.only != "compact":
        model, weights = full_model()
        table(f"Full-size 256 network, {weights}", model, seeded(256), args.full_steps, device)
    if args.only != "full":
        model, inputs = of_photo(args.photo)
        table(f"Shipped compact prior, {args.photo.name}", model, inputs, args.steps, device)


if __name__ == "__main__":
    main()
