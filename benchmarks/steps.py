"""What few denoising steps cost and give, against a chain of 50: pictures from seeded noise, and edits with inverted noise.

    python benchmarks/steps.py [FOLDER] [--count 4] [--prior FILE] [--long 50] [--sheet FILE.png]

FOLDER holds photos that the model has not seen. Seeded: every sampler's picture of the photo's own buffers, its root mean square
distance on the face (scale 0..1) to the photo and to DDIM's long chain, and dlib's identity distance to the photo. Edits: each
photo lit from a side; PSNR on the face to the long chain's edit, and PSNR of the whole crop when nothing is edited. Seconds are
those of the network's part, best of a photo's runs, mean over photos; other programs on the machine count in.
"""
from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from benchmarks._photos import default_photos  # noqa: E402
from core import compose  # noqa: E402
from core.conditioning import code_of  # noqa: E402
from core.diffusion import ddim, edit, invert, schedule_at, timesteps, unit_noise  # noqa: E402
from core.edit import PREVIEW_TIMESTEP, Painter, prepare_start  # noqa: E402
from core.engine import Engine  # noqa: E402
from core.errors import UserError  # noqa: E402
from core.request import RenderRequest  # noqa: E402
from core.rig import Rig  # noqa: E402
from core.sampling import Sampler, renoise, renoise_timesteps, sample  # noqa: E402
from core.session import Session  # noqa: E402
from models.rig_model import NoisePredictor  # noqa: E402

LAMP = {"light.azimuth": 60.0, "light.elevation": 20.0, "light.intensity": 1.2}
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif")


class Subject:
    """A photo with what every row needs of it."""

    def __init__(self, engine: Engine, session: Session) -> None:
        request = RenderRequest(session.digest, Rig().update(LAMP))
        start = prepare_start(session, engine.edited_code(session, request.rig), request)

        def put(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values)[None].to(engine.device)

        self.session, self.start = session, start
        self.photo, self.condition = put(compose.to_model(session.crop)), put(session.buffers.condition())
        self.picture, self.own, self.target = (put(compose.to_model(start.picture)), put(start.own.condition()),
                                               put(start.target.condition()))
        self.code = code_of(engine.network, self.photo, session.buffers, session.code)
        self.face = put(session.buffers.coverage)[None]

    def error(self, a: Tensor, b: Tensor) -> float:
        """Root mean square difference of two pictures on the face, scale 0..1."""
        square = ((a.clamp(-1, 1) - b.clamp(-1, 1)) / 2) ** 2 * self.face
        return float((square.sum() / (3 * self.face.sum())).sqrt())


def seeded_rows(painter: Painter, long: int) -> Iterator[tuple[str, int, Callable[[Subject], Tensor]]]:
    """(name, evaluations, the picture of a subject) of each way from seeded noise; DDIM's long chain first."""
    network = painter.network

    def chain(steps: int) -> Callable[[Subject], Tensor]:
        return lambda s: ddim(network, unit_noise(s.photo.shape, 0, s.photo), schedule_at(timesteps(steps)), s.condition, s.code)

    def few(steps: int, shift: float) -> Callable[[Subject], Tensor]:
        return lambda s: renoise(network, unit_noise(s.photo.shape, 0, s.photo), renoise_timesteps(steps), s.condition, s.code, 1,
                                 shift)

    yield f"DDIM, {long} steps", long, chain(long)
    yield "DDIM, 10 steps", 10, chain(10)
    solver = Sampler("dpm", 10)
    yield "DPM-Solver++(2M), 10 steps", 10, partial(_sampled, network, sampler=solver, steps=10)
    for steps, shift in ((1, 1.0), (4, 1.0), (4, 1.4), (6, 1.4), (10, 1.4)):
        yield f"renoise, {steps} steps, shift {shift:g}", steps, few(steps, shift)
    if painter.student is not None:
        student, sampler = painter.student, painter.sampler
        for steps in range(1, sampler.steps + 1):
            yield (f"student, {steps} step{'s' if steps > 1 else ''}", steps,
                   partial(_sampled, student, sampler=sampler, steps=steps))


def _sampled(network: NoisePredictor, s: Subject, sampler: Sampler, steps: int) -> Tensor:
    return sample(network, s.photo, s.condition, s.code, steps, sampler=sampler)


def edit_rows(painter: Painter, long: int) -> Iterator[tuple[str, int, Callable[[Subject, bool], Tensor]]]:
    """(name, evaluations, the edit of a subject, or with False its picture unedited) of each chain; the longest first."""
    def chain(network: NoisePredictor, steps: list[int]) -> Callable[[Subject, bool], Tensor]:
        def run(s: Subject, edited: bool) -> Tensor:
            before, after = (s.own, s.target) if edited else (s.condition, s.condition)
            inversion = invert(network, s.picture if edited else s.photo, before, s.code, steps)
            return edit(network, inversion, after, s.code)
        return run

    for steps in (long, 12, 10, 8, 6, 4, 2):
        yield f"{steps} + {steps} steps", 2 * steps, chain(painter.network, timesteps(steps))
    for t in sorted({950, PREVIEW_TIMESTEP, 700}, reverse=True):
        yield f"one step at {t}", 2, chain(painter.network, [t])
    if painter.student is not None:
        yield f"student, one step at {painter.sampler.timesteps[0]}", 2, chain(painter.student, [painter.sampler.timesteps[0]])
    yield "none: moved and relit only", 0, lambda s, edited: s.picture if edited else s.photo


def identity_distance(engine: Engine, subject: Subject, picture: Tensor) -> float:
    """dlib's distance between the photo and a picture; NaN where either shows no face it can find."""
    found = engine.likeness.distance(subject.session, _pixels(picture))
    return float("nan") if found is None else found


def _pixels(picture: Tensor) -> np.ndarray:
    return compose.to_uint8(compose.from_model(picture[0].float().cpu().numpy()))


def _timed(work: Callable[[], Tensor], repeats: int) -> tuple[Tensor, float]:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        picture = work().cpu()
        best = min(best, time.perf_counter() - start)
    return picture, best


def _psnr(error: float) -> float:
    return float(-20 * np.log10(max(error, 1e-5)))


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=default_photos(), help="photos (default: the test photos)")
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--prior")
    parser.add_argument("--long", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--sheet", type=Path, help="write the seeded pictures there, a row a photo, after it")
    options = parser.parse_args()
    engine = Engine(options.prior)
    photos = sorted(p for p in options.folder.iterdir() if p.suffix.lower() in SUFFIXES)
    subjects = []
    for path in photos[::max(1, len(photos) // options.count)][:options.count]:
        try:
            subjects.append(Subject(engine, engine.open(path)))
        except UserError as error:
            print(f"{path.name} left out: {error}", file=sys.stderr)
    if not subjects:
        print(f"no usable photo in {options.folder}", file=sys.stderr)
        return 2
    print(f"{engine.prior.name}, {engine.backend}, {len(subjects)} photos, long chain {options.long} steps\n")
    sheet = [[_pixels(s.photo)] for s in subjects]
    print(f"{'from seeded noise':<36}{'evaluations':>12}{'seconds':>9}{'to photo':>10}{'to long':>9}{'identity':>10}")
    first: list[Tensor] = []
    for name, evaluations, make in seeded_rows(engine.painter, options.long):
        made = [_timed(partial(make, s), options.repeats) for s in subjects]
        pictures = [picture.to(s.photo) for s, (picture, _) in zip(subjects, made, strict=True)]
        first = first or pictures
        for cells, picture in zip(sheet, pictures, strict=True):
            cells.append(_pixels(picture))
        numbers = np.array([(seconds, s.error(picture, s.photo), s.error(picture, far), identity_distance(engine, s, picture))
                            for s, picture, far, (_, seconds) in zip(subjects, pictures, first, made, strict=True)])
        seconds, photo, far, identity = np.nanmean(numbers, 0)
        print(f"{name:<36}{evaluations:>12}{seconds:>9.2f}{photo:>10.3f}{far:>9.3f}{identity:>10.2f}", flush=True)
    print(f"\n{'lit from a side, inverted noise':<36}{'evaluations':>12}{'seconds':>9}{'PSNR to long':>14}{'PSNR unedited':>15}")
    first = []
    for name, evaluations, change in edit_rows(engine.painter, options.long):
        made = [_timed(partial(change, s, True), options.repeats) for s in subjects]
        pictures = [picture.to(s.photo) for s, (picture, _) in zip(subjects, made, strict=True)]
        first = first or pictures
        to_long = np.mean([_psnr(s.error(p, f)) for s, p, f in zip(subjects, pictures, first, strict=True)])
        still = np.mean([_psnr(float(((change(s, False).clamp(-1, 1) - s.photo) / 2).square().mean().sqrt())) for s in subjects])
        print(f"{name:<36}{evaluations:>12}{np.mean([t for _, t in made]):>9.2f}{to_long:>14.1f}{still:>15.1f}", flush=True)
    if options.sheet is not None:
        from PIL import Image
        Image.fromarray(np.concatenate([np.concatenate(cells, 1) for cells in sheet])).save(options.sheet)
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
