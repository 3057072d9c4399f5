"""Training of a generic prior (Stage 1, spec section 6): resumable at any step, on any device, logged as CSV with sample sheets.

Batch, noise and timesteps of a step depend only on the seed and the step's number, so a run that was stopped and resumed takes
the same steps as one that was not.
"""
from __future__ import annotations

import argparse
import csv
import math
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core import paths
from core.device import pick_device
from core.diffusion import add_noise, p2_weight, velocity
from core.errors import UserError
from core.files import atomic_save, atomic_write
from core.head import load_head
from core.train_config import TrainConfig
from core.train_data import Example, Maker, Shards, ahead, batches, is_held_back, person_key
from models.checkpoint import CheckpointError, Description, load, to_bytes
from models.rig_model import RigModel
from models.schedule import alphas_bar

STATE_VERSION = 1
LICENCE = "CC-BY 4.0; trained on the pictures that the model card names"
LOG_FIELDS = ("step", "samples", "seconds", "loss", "loss_noisy", "loss_middle", "loss_clean", "gradient", "rate",
              "images_per_second", "held_back_loss")


# -- one step ---------------------------------------------------------------------------------------------------------------


def loss_of(model: nn.Module, bar: Tensor, x0: Tensor, condition: Tensor, code: Tensor, t: Tensor, noise: Tensor,
            prediction: str = "epsilon", weighting: str = "none", gamma: float = 1.0, k: float = 1.0,
            pixels: Tensor | None = None) -> Tensor:
    """Loss of each picture (B,): mean over pixels of weight * (target - output)^2 (spec section 5).

    x0 (B, 3, H, W) in [-1, 1], condition (B, 9, H, W), code (B, Z), t (B,), noise like x0, bar the table alphabar (1000,).
    weighting: 'none', 'p2' (gamma, k), 'min_snr' (Hang et al. 2023, 5, in the form for the network's prediction) or 'capped':
    velocity as it is, but no more than SNR 5 counts, because fine noise can't be told from a picture and few-step sampling
    never asks. pixels (B, 1, H, W): weights over the picture.
    """
    noisy = add_noise(x0, noise, t, bar)
    wanted = noise if prediction == "epsilon" else velocity(x0, noise, t, bar)
    error = (wanted - model(noisy, t, condition, code).float()) ** 2
    if pixels is not None:
        error = error * pixels
    each = error.mean((1, 2, 3))
    snr = (bar / (1 - bar)).to(x0)[t]
    if weighting == "p2":
        return each * p2_weight(snr, gamma, k)
    if weighting == "capped":
        return each * (5 / snr).clamp(max=1)
    if weighting == "min_snr":
        return each * snr.clamp(max=5) / (snr + (prediction == "velocity"))
    return each


@dataclass(frozen=True, eq=False)
class Batch:
    """Tensors of some examples on the training device."""

    photo: Tensor
    view: Tensor
    condition: Tensor
    coverage: Tensor

    @classmethod
    def of(cls, examples: list[Example], device: torch.device) -> Batch:
        """Stack examples; pictures go in channels_last."""
        def put(name: str) -> Tensor:
            stacked = torch.from_numpy(np.stack([getattr(e, name) for e in examples]))
            return stacked.to(device, memory_format=torch.channels_last)

        return cls(put("photo"), put("code_view"), put("condition"), put("coverage"))


def draw_timesteps(count: int, bias: float, generator: torch.Generator) -> Tensor:
    """Timesteps (count,) in 0..999, one from each of `count` equal parts of the range; bias favours noisy ones."""
    u = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    t = (1000 * u ** (1 / (1 + bias))).long().clamp(0, 999)
    return t[torch.randperm(count, generator=generator)]


# -- trainer ----------------------------------------------------------------------------------------------------------------


class Trainer:
    """Model, optimiser, running mean of the weights, and the count of steps: all that a run's state file holds."""

    def __init__(self, config: TrainConfig, device: torch.device, workers: int = 1) -> None:
        """workers: batches of one step (of its `accumulate`) that run beside each other, each on one core."""
        torch.manual_seed(config.seed)
        self.config, self.device, self.workers = config, device, workers
        self._threads: ThreadPoolExecutor | None = None
        self.model = _placed(RigModel(config.network), device).train()
        self.parameters = list(self.model.parameters())
        self.mean = {key: value.detach().clone() for key, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.parameters, config.rate, betas=(0.9, config.beta2),
                                           weight_decay=config.weight_decay, fused=device.type in ("cpu", "cuda"))
        self.bar = alphas_bar(config.network.schedule, config.network.steps).float().to(device)
        self.step = 0
        self.samples = 0
        self.history: list[dict[str, Any]] = []

    def rate(self) -> float:
        """Learning rate of the coming step."""
        config = self.config
        warm = min(1.0, (self.step + 1) / config.warmup) if config.warmup else 1.0
        left = 1 - (1 - config.decay_to) * min(1.0, self.step / max(config.steps, 1))
        return config.rate * warm * left

    def _draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """What is random in a part of a step: timesteps, noise, and which pictures keep their global code."""
        side = self.config.side
        return (draw_timesteps(count, self.config.timestep_bias, generator),
                torch.randn((count, 3, side, side), generator=generator),
                (torch.rand(count, 1, generator=generator) >= self.config.drop_code).float())

    def _part(self, examples: list[Example], drawn: tuple[Tensor, Tensor, Tensor],
              seed: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Loss of each picture, and the gradients, of one batch."""
        config, device = self.config, self.device
        batch = Batch.of(examples, device)
        t, noise, kept = (value.to(device) for value in drawn)
        pixels = 1 + config.face_weight * batch.coverage if config.face_weight else None
        if self.workers == 1:
            torch.manual_seed(seed)  # dropout
        with torch.autocast(device.type, torch.bfloat16):
            code = self.model.encode(batch.view) * kept
            each = loss_of(self.model, self.bar, batch.photo, batch.condition, code, t, noise,
                           config.network.prediction, config.weighting, pixels=pixels)
        return each.detach(), torch.autograd.grad(each.mean() / config.accumulate, self.parameters)

    def train_step(self, incoming: Iterator[list[Example]]) -> dict[str, float]:
        """One optimiser step; returns what the log shows. Raises UserError when the loss is no number any more."""
        config, seed = self.config, self.config.seed * 1_000_003 + self.step
        generator = torch.Generator().manual_seed(seed)
        rate = self.rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        drawn = [self._draw(config.batch, generator) for _ in range(config.accumulate)]
        jobs = [(next(incoming), draw, seed) for draw in drawn]
        if self.workers > 1:
            parts = list(self._pool().map(self._part, *zip(*jobs, strict=True)))
        else:
            parts = [self._part(*job) for job in jobs]
        for parameter, *gradients in zip(self.parameters, *(part[1] for part in parts), strict=True):
            parameter.grad = gradients[0] if len(gradients) == 1 else torch.stack(gradients).sum(0)
        norm = nn.utils.clip_grad_norm_(self.parameters, config.clip)
        if not torch.isfinite(norm):
            raise UserError(f"Training went wrong at step {self.step}: the loss is not a number. Resume with a lower rate.")
        self.optimiser.step()
        self.step += 1
        self.samples += config.batch * config.accumulate
        self._follow()
        losses = _by_time(torch.cat([part[0] for part in parts]), torch.cat([draw[0] for draw in drawn]))
        return {"gradient": float(norm), "rate": rate, **losses}

    def _pool(self) -> ThreadPoolExecutor:
        """Threads that each run one batch of a step on one core.

        On a busy machine this is many times faster than kernels split over cores, which wait for the slowest at every layer.
        The order in which batch statistics move is then not fixed.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.workers, "train", torch.set_num_threads, (1,))
        return self._threads

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the running mean of the weights; counters and batch statistics are taken as they are."""
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step)) if self.config.ema else 0.0
        state = self.model.state_dict()
        floating = [key for key, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.mean[key] for key in floating], [state[key] for key in floating], 1 - decay)
        for key in state.keys() - set(floating):
            self.mean[key].copy_(state[key])

    def mean_model(self, dtype: torch.dtype = torch.float32) -> RigModel:
        """A copy of the model with the running mean, in eval mode."""
        model = RigModel(self.config.network)
        model.load_state_dict(self.mean)
        return _placed(model.to(dtype), self.device).eval()

    def save(self, path: Path) -> None:
        """Write everything needed to go on, at once."""
        state = {"version": STATE_VERSION, "config": self.config.to_json(), "model": self.model.state_dict(), "mean": self.mean,
                 "optimiser": self.optimiser.state_dict(), "step": self.step, "samples": self.samples, "history": self.history}
        atomic_save(path, lambda file: torch.save(state, file), make_folder=True)  # type: ignore[arg-type]

    @classmethod
    def resume(cls, path: Path, device: torch.device, config: TrainConfig | None = None, workers: int = 1) -> Trainer:
        """Go on from a state file, with its own configuration unless one is given. Raises UserError when it can't be used."""
        state = read_state(path)
        trainer = cls(config or TrainConfig.from_json(state["config"]), device, workers)
        try:
            trainer.model.load_state_dict(state["model"])
            trainer.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{path} holds another network than the configuration says. Name its own with --config.") from error
        trainer.mean = {key: value.to(device) for key, value in state["mean"].items()}
        trainer.step, trainer.samples, trainer.history = state["step"], state["samples"], state["history"]
        return trainer

    def start_from(self, path: Path) -> None:
        """Take weights (the running mean, of a state file, or an exported model) as the start of a new run. Raises UserError."""
        try:
            if path.suffix == ".safetensors":
                checkpoint = load(path)
                weights, before = checkpoint.build().state_dict(), checkpoint.description.card.get("phases", [])
            else:
                state = read_state(path)
                weights, before = state["mean"], [*state["history"], _phase(state["config"], state["step"], state["samples"])]
            self.model.load_state_dict(weights)
        except (CheckpointError, RuntimeError, OSError) as error:
            raise UserError(f"Training can't start from {path}: {error}") from error
        self.history = before
        self.mean = {key: value.detach().clone() for key, value in self.model.state_dict().items()}

    def description(self, shards: dict[str, int] | None = None) -> Description:
        """What an export says about itself. shards: pictures by source."""
        phases = [*self.history, _phase(self.config.to_json(), self.step, self.samples)]
        card: dict[str, Any] = {"samples_seen": sum(p["samples"] for p in phases), "phases": phases,
                                "precision": "bfloat16 autocast"}
        if shards is not None:
            card["pictures"] = shards
        return Description(self.config.network, self.config.name, self.config.head, LICENCE, card)

    def export(self, path: Path, shards: dict[str, int] | None = None) -> None:
        """Write the running mean as a prior (.safetensors)."""
        atomic_write(path, to_bytes(self.mean, self.description(shards)), make_folder=True)


def _placed(model: RigModel, device: torch.device) -> RigModel:
    return model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def read_state(path: Path) -> dict[str, Any]:
    """A state file's content. Raises UserError when it is missing, damaged, or of another version."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}). Check the path.") from error
    except Exception as error:  # torch.load has no error class of its own
        raise UserError(f"{path} is damaged or not a training state. Take an older one.") from error
    if not isinstance(state, dict) or state.get("version") != STATE_VERSION:
        raise UserError(f"{path} is not a training state of this version.")
    return state


def _phase(config: dict[str, Any], step: int, samples: int) -> dict[str, Any]:
    return {"name": config["name"], "side": config["size"] or config["network"]["size"], "steps": step, "samples": samples,
            "batch": config["batch"] * config["accumulate"], "rate": config["rate"], "mix": config["mix"]}


def _by_time(each: Tensor, t: Tensor) -> dict[str, float]:
    def mean(chosen: Tensor) -> float:
        return float(each[chosen].mean()) if chosen.any() else math.nan

    return {"loss": float(each.mean()), "loss_noisy": mean(t >= 667), "loss_middle": mean((t >= 333) & (t < 667)),
            "loss_clean": mean(t < 333)}


# -- run --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """How long and how often. minutes, steps: whichever comes first; 0 minutes: no limit. The others count steps or minutes."""

    minutes: float = 0.0
    steps: int = 0
    save_minutes: float = 3.0
    log_every: int = 20
    sheet_every: int = 0
    check_every: int = 200
    export: Path | None = None


def train(trainer: Trainer, data: Shards, held_back: Shards | None, out: Path, plan: Plan,
          say: Callable[[str], None] = print) -> None:
    """Train until the plan says stop, or SIGTERM or Ctrl-C comes; leaves out/state.pt, out/log.csv and out/sheets/.

    Raises UserError when a file can't be written or the loss diverges; the last saved state stays usable.
    """
    head = load_head(trainer.config.head)
    maker = Maker(data, head, trainer.config.side, trainer.config.augment)
    source = ahead(batches(maker, data.odds(trainer.config.mix), trainer.config.batch, trainer.config.seed,
                           trainer.step * trainer.config.accumulate))
    log = _Log(out / "log.csv", trainer)
    check = _Check(held_back, head, trainer) if held_back is not None and len(held_back) else None
    stop = _StopSignal()
    begun = saved = time.monotonic()
    last = plan.steps or trainer.config.steps

    def keep() -> None:
        trainer.save(out / "state.pt")
        if plan.export is not None:
            trainer.export(plan.export, data.sources())

    try:
        while trainer.step < last and not stop.asked and not (plan.minutes and time.monotonic() - begun > 60 * plan.minutes):
            log.add(trainer.train_step(source))
            if plan.check_every and trainer.step % plan.check_every == 0 and check is not None:
                log.held_back = check.loss()
            if trainer.step % plan.log_every == 0:
                say(log.write())
            if plan.sheet_every and trainer.step % plan.sheet_every == 0 and check is not None:
                from core.train_sheet import write_sheet

                model = trainer.mean_model(torch.bfloat16)
                write_sheet(out / "sheets" / f"{trainer.samples:09d}.png", model, check.examples(), head)
            if time.monotonic() - saved > 60 * plan.save_minutes:
                keep()
                saved = time.monotonic()
    finally:
        source.close()  # type: ignore[attr-defined]
        stop.restore()
    keep()
    say(f"stopped at step {trainer.step}, {trainer.samples} samples seen; state in {out / 'state.pt'}")


class _StopSignal:
    """Turns SIGTERM and the first Ctrl-C into a request to stop after the present step."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._before[number] = signal.signal(number, self._ask)
            except ValueError:  # not in the main thread
                return

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
        signal.signal(number, self._before[number])

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


class _Log:
    """Running means since the last line, appended to a CSV."""

    def __init__(self, path: Path, trainer: Trainer) -> None:
        self.path, self.trainer, self.held_back = path, trainer, math.nan
        self._values: list[dict[str, float]] = []
        self._begun = self._since = time.monotonic()

    def add(self, values: dict[str, float]) -> None:
        self._values.append(values)

    def write(self) -> str:
        """Append a line; returns it for people."""
        now, config = time.monotonic(), self.trainer.config
        speed = len(self._values) * config.batch * config.accumulate / max(now - self._since, 1e-9)
        row: dict[str, Any] = {key: _nanmean([v[key] for v in self._values]) for key in self._values[0]}
        row.update(step=self.trainer.step, samples=self.trainer.samples, seconds=round(now - self._begun, 1),
                   images_per_second=speed, held_back_loss=self.held_back)
        self._values, self._since = [], now
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, LOG_FIELDS)
            if fresh:
                writer.writeheader()
            writer.writerow({key: f"{row[key]:.6g}" if isinstance(row[key], float) else row[key] for key in LOG_FIELDS})
        return (f"step {row['step']} samples {row['samples']} loss {row['loss']:.4f} (noisy {row['loss_noisy']:.4f} middle "
                f"{row['loss_middle']:.4f} clean {row['loss_clean']:.4f}) held back {self.held_back:.4f} {speed:.1f} images/s")


def _nanmean(values: list[float]) -> float:
    kept = [v for v in values if not math.isnan(v)]
    return sum(kept) / len(kept) if kept else math.nan


class _Check:
    """Loss of the running mean on pictures that are held back, always with the same noise and timesteps."""

    COUNT = 24

    def __init__(self, shards: Shards, head: Any, trainer: Trainer) -> None:
        self.shards, self.trainer = shards, trainer
        self.maker = Maker(shards, head, trainer.config.side, replace(trainer.config.augment, flip=0, relight=0))

    def examples(self, count: int = 4) -> list[tuple[Example, Any]]:
        """Pictures with their codes, for a sample sheet, spread over the set."""
        chosen = np.linspace(0, len(self.shards) - 1, min(count, len(self.shards))).astype(int)
        return [(self.maker.plain(int(i)), self.shards.code(int(i))) for i in chosen]

    @torch.inference_mode()
    def loss(self) -> float:
        model, config = self.trainer.mean_model(), self.trainer.config
        generator, total = torch.Generator().manual_seed(0), 0.0
        examples = [example for example, _ in self.examples(self.COUNT)]
        for at in range(0, len(examples), 8):
            batch = Batch.of(examples[at:at + 8], self.trainer.device)
            t = draw_timesteps(len(batch.photo), 0.0, generator).to(self.trainer.device)
            noise = torch.randn(batch.photo.shape, generator=generator).to(batch.photo)
            with torch.autocast(self.trainer.device.type, torch.bfloat16):
                each = loss_of(model, self.trainer.bar, batch.photo, batch.condition, model.encode(batch.view).float(), t, noise,
                               config.network.prediction)
            total += float(each.sum())
        return total / len(examples)


# -- command ----------------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `main.py train`."""
    parser.add_argument("--config", metavar="FILE", help="training configuration (resources/configs); not needed with --resume")
    parser.add_argument("--data", action="append", default=[], metavar="DIR", help="folder of 'prepare'; may be given again")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--init", metavar="FILE", help="start from an exported model, or from the state.pt of another run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--minutes", type=float, default=0.0, help="time limit")
    parser.add_argument("--steps", type=int, default=0, help="stop at this step (default: the configuration's)")
    parser.add_argument("--export", metavar="FILE", help="write the model there each time the state is saved; alone: only that")
    parser.add_argument("--exclude", metavar="DIR", help="hold back the people whose pictures (by name) are in this folder")
    parser.add_argument("--sheet-every", type=int, default=0, metavar="N", help="sample sheet every N steps")
    parser.add_argument("--save-minutes", type=float, default=3.0, help="minutes between saved states (default 3)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best present)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of each worker (default: all)")
    parser.add_argument("--workers", type=int, default=1,
                        help="batches of a step that run beside each other; with --threads 1 best on a busy CPU")


def run(args: argparse.Namespace) -> int:
    """`main.py train`: returns the exit status."""
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        device = pick_device(args.device)
    except ValueError as error:
        raise UserError(str(error)) from error
    out, state = Path(args.out), Path(args.out) / "state.pt"
    given = TrainConfig.load(args.config) if args.config else None
    if args.resume:
        trainer = Trainer.resume(state, device, given, args.workers)
    else:
        if given is None:
            raise UserError(f"Name a training configuration with --config (see {paths.RESOURCES / 'configs'}).")
        if state.exists():
            raise UserError(f"{out} already holds a run. Go on with --resume, or choose another --out.")
        trainer = Trainer(given, device, args.workers)
        if args.init:
            trainer.start_from(Path(args.init))
    if args.export and not args.data:
        trainer.export(Path(args.export))
        return 0
    data, held_back = _load_data(args, trainer.config)
    print(f"{len(data)} pictures, {len(held_back) if held_back else 0} held back; on {device}", flush=True)
    plan = Plan(args.minutes, args.steps, args.save_minutes, sheet_every=args.sheet_every,
                export=Path(args.export) if args.export else None)
    train(trainer, data, held_back, out, plan, say=lambda line: print(line, flush=True))
    return 0


def _load_data(args: argparse.Namespace, config: TrainConfig) -> tuple[Shards, Shards | None]:
    people = frozenset(person_key(p.stem) for p in Path(args.exclude).iterdir()) if args.exclude else frozenset()

    def held(name: str) -> bool:
        return is_held_back(name, config.hold_back, people)

    data = Shards(args.data, config.head, lambda name: not held(name))
    try:
        return data, Shards(args.data, config.head, held)
    except UserError:
        return data, None
