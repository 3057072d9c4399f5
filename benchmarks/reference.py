"""What a user waits for, against the reference implementation's arithmetic, in one run: `make bench`.

    python benchmarks/reference.py [--photo FILE] [--prior NAME] [--device cpu] [--rounds 2] [--no-training]

The reference's picture is 20 evaluations of the full-size 256 network in float32, NCHW, as it ships; one evaluation is timed and
multiplied (seeded weights take the same time; its face fit and its encoder are left out, in its favour). Ours is `Engine.render`
from the request to the finished picture, another light each time, the photo opened and fitted. All are timed in turn, so that a
busy moment hits all of them, and the best time of each counts. Processor time is what other programs change least.
Asked: the settled picture in at most 1/30 of the reference's time, the preview in at most 1/150.
"""
from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import torch  # noqa: E402

from benchmarks.network import FULL_STEPS, SIDE, Plain, asked, machine, network, training_step  # noqa: E402
from core.engine import Engine  # noqa: E402
from core.request import RenderRequest  # noqa: E402
from core.rig import Rig  # noqa: E402
from core.session import Session  # noqa: E402
from models.config import DenoiserConfig  # noqa: E402

WANTED = {"settled": 30, "preview": 150}  # times faster than the reference


@dataclass
class Best:
    """The least wall and processor seconds of something that is done several times; `times`: one picture is that many of it."""

    times: int = 1
    wall: float = float("inf")
    work: float = float("inf")

    def take(self, do: Callable[[], object], device: torch.device) -> None:
        """Do it once more."""
        begun, worked = time.perf_counter(), time.process_time()
        do()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        self.wall = min(self.wall, self.times * (time.perf_counter() - begun))
        self.work = min(self.work, self.times * (time.process_time() - worked))


def ours(engine: Engine, session: Session, qualities: tuple[str, ...]) -> dict[str, Callable[[], object]]:
    """What makes one more picture of each quality, never the same twice."""
    lights = count(1)

    def render(quality: str) -> object:
        rig = Rig().update({"light.azimuth": 20.0 + next(lights)})
        return engine.render(RenderRequest(session.digest, rig, quality=quality))

    return {quality: lambda quality=quality: render(quality) for quality in qualities}  # type: ignore[misc]


def line(what: str, best: Best, reference: Best, wanted: int | None = None) -> None:
    """Print one line of the table."""
    faster = reference.wall / best.wall
    verdict = "" if wanted is None else f"  asked {wanted}: {'met' if faster >= wanted else 'NOT met'}"
    print(f"{what:<52}{1e3 * best.wall:>9.0f}{faster:>8.1f}{reference.work / best.work:>12.1f}{verdict}", flush=True)


def pictures(photo: Path, prior: str | None, device_name: str | None, rounds: int) -> torch.device:
    """Time and print the pictures; the device they were made on."""
    engine = Engine(prior, device=device_name)
    device = engine.device
    makes = ours(engine, engine.open(photo), tuple(WANTED))
    plain = network(Plain, DenoiserConfig.reference(SIDE), torch.float32, device)
    noise, condition, code = asked(plain, 1)
    t = torch.tensor([500], device=device)
    reference, first, found = Best(FULL_STEPS), Best(), {quality: Best() for quality in WANTED}
    first.take(makes["settled"], device)
    plain(noise, t, condition, code)  # the first evaluation also loads and builds
    for _ in range(rounds):
        reference.take(lambda: plain(noise, t, condition, code), device)
        for quality, make in makes.items():
            found[quality].take(make, device)
    print(machine(device))
    print(f"model '{engine.prior.name}' in {str(engine.dtype).removeprefix('torch.')}, {photo.name}; "
          f"reference: one evaluation, best of {rounds}, times {FULL_STEPS}\n")
    print(f"{'what':<52}{'ms':>9}{'faster':>8}{'by CPU time':>12}")
    line(f"reference's picture, {FULL_STEPS} steps", reference, reference)
    line("settled picture", found["settled"], reference, WANTED["settled"])
    line("settled picture, the first of a photo", first, reference)
    line("preview", found["preview"], reference, WANTED["preview"])
    engine.close()
    return device


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, default=REPOSITORY / "resources" / "samples" / "astronaut.png")
    parser.add_argument("--prior", help="a file, or the name of an imported model (default: the one that ships)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best present)")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--no-training", action="store_true", help="leave the training steps out (about a minute)")
    args = parser.parse_args()
    device = pictures(args.photo, args.prior, args.device, args.rounds)
    if not args.no_training:
        slow = training_step(DenoiserConfig.reference(SIDE), 1, device, 1)
        fast = training_step(DenoiserConfig.compact(SIDE), 8, device, 2) / 8
        print(f"{'training step, a picture: reference, batch 1':<52}{slow:>9.0f}{1:>8.1f}")
        print(f"{'training step, a picture: compact, batch 8':<52}{fast:>9.0f}{slow / fast:>8.1f}")


if __name__ == "__main__":
    main()
