"""Distiller: a few-step student of a prior, and the step that trains it. Resumable at any step, as `core.trainer` is.

Few-step sampling adds fresh noise between evaluations (`core.sampling.renoise`), and so does training: the student walks its
own chain from noise and each of its pictures is compared with the photo, so it learns to mend its own errors, which a denoiser
trained on true noisy photos never sees. Compared how: pixels, features of the frozen prior, and a critic (`models.critic`).
"""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import UserError
from core.files import atomic_save
from core.train_config import PRECISIONS
from core.train_data import Example
from core.train_step import Batch
from core.trainer import STATE_VERSION, placed, read_state
from models import adapters, changes
from models.critic import Critic, levels
from models.rig_model import RigModel
from models.schedule import alphas_bar

# The critic's say away from the head, where nothing tells the network what to paint: more of it, and worms of texture grow there.
_BACKGROUND = 0.1


@dataclass(frozen=True)
class DistillConfig:
    """How a student is trained.

    timesteps: of its chain, descending; the first must be the noisiest. batch: pictures a worker walks at once; workers: how
    many do so beside each other, each on one core. rate, critic_rate: of Adam. ema: decay of the student's running mean.
    features: weight of the feature loss beside the mean absolute error. adversarial: the critic's gradient as a share of that of
    the other two; it comes in over `critic_ramp` steps from step `critic_from` on. cleanest, noisiest: timesteps between which
    the frozen prior looks at pictures. rank: of low-rank adapters (`models.adapters`) that are trained in place of the weights;
    0 for none. precision: 'bfloat16' autocast, or 'float32'. alternate: a step trains one timestep of the chain, drawn anew each
    time, and only walks to it, so that there are twice as many steps a minute. background: weight of what is compared away from
    the head (1 as on it), which nothing tells the network and which an album of few photos would only teach it by heart. colour:
    weight of the squared difference of the mean colours on the head, of each picture and channel. edges: weight of the mean
    absolute difference of the gradients, which keeps the seams of the network's patches from showing.
    """

    timesteps: tuple[int, ...] = (999, 400)
    batch: int = 2
    workers: int = 2
    rate: float = 2e-4
    critic_rate: float = 3e-4
    ema: float = 0.995
    features: float = 0.5
    adversarial: float = 0.7
    critic_from: int = 60
    critic_ramp: int = 200
    cleanest: int = 20
    noisiest: int = 250
    seed: int = 0
    rank: int = 0
    precision: str = "bfloat16"
    alternate: bool = False
    background: float = 1.0
    colour: float = 0.0
    edges: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "timesteps", tuple(self.timesteps))
        if not self.timesteps or any(a <= b for a, b in zip(self.timesteps, self.timesteps[1:], strict=False)):
            raise ValueError("timesteps must fall from one to the next")
        if not (self.timesteps[0] < 1000 and self.timesteps[-1] >= 0 and 0 <= self.cleanest < self.noisiest <= 1000):
            raise ValueError("timesteps go from 0 to 999")
        if min(self.batch, self.workers) < 1 or self.rank < 0 or self.precision not in PRECISIONS:
            raise ValueError(f"batch and workers are at least 1, rank at least 0, precision {' or '.join(PRECISIONS)}")
        if not 0 <= self.background <= 1:
            raise ValueError("background is between 0 and 1")


class Distiller:
    """The student, its running mean, its critic, their optimisers, and the count of steps."""

    def __init__(self, prior: RigModel, config: DistillConfig, device: torch.device, start: RigModel | None = None,
                 beside: int = 0) -> None:
        """prior: weights to look with, and to start from where `start`, a student that exists already, is None. beside: how many
        of the workers run at a time, where memory is short; 0 for all.

        Raises UserError where it does not predict velocity: noise predicted at the noisiest timestep says next to nothing of the
        picture."""
        if prior.config.prediction != "velocity":
            raise UserError("A student can only be made of a model that predicts velocity, not noise.")
        self.config, self.device, self.beside = config, device, beside or config.workers
        self.prior = placed(prior, device).requires_grad_(False).eval()
        self.student = placed(RigModel(prior.config), device).requires_grad_(False).eval()
        self.student.load_state_dict((start or self.prior).state_dict())
        torch.manual_seed(config.seed)
        self.network = self.student.denoisingUNet
        trained = (adapters.adapt(self.network, config.rank) if config.rank
                   else list(self.network.requires_grad_(True).parameters()))
        self.critic = Critic(prior.config).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = {key: value.detach().clone() for key, value in self.network.state_dict().items()}
        self.sides = [(each, torch.optim.Adam(each, rate, betas=(0.5, 0.99), fused=True))
                      for each, rate in ((trained, config.rate), (list(self.critic.parameters()), config.critic_rate))]
        self.bar = alphas_bar(prior.config.schedule, prior.config.steps).float().to(device)
        self.step = 0
        self._threads: ThreadPoolExecutor | None = None

    @property
    def samples(self) -> int:
        """Chains walked so far."""
        return self.step * self.config.batch * self.config.workers

    def train_step(self, incoming: Iterator[list[Example]]) -> dict[str, float]:
        """One step of student and critic; returns the mean losses, and without `alternate` those of each step of the chain too
        ('error0', ...).

        Raises UserError when a loss is no number any more.
        """
        config, first = self.config, (self.config.seed * 1_000_003 + self.step) * self.config.workers
        jobs = [(next(incoming), first + k) for k in range(config.workers)]
        if self.beside > 1:
            parts = list(self._pool().map(self._part, *zip(*jobs, strict=True)))
        else:
            parts = [self._part(*job) for job in jobs]
        for index, (parameters, optimiser) in enumerate(self.sides):
            for parameter, *found in zip(parameters, *(part[1][index] for part in parts), strict=True):
                # as in core.trainer: the fused optimiser needs a gradient to lie in memory as its parameter does
                parameter.grad = torch.empty_like(parameter).copy_(sum(found[1:], found[0]) / len(parts))
            if not torch.isfinite(nn.utils.clip_grad_norm_(parameters, 1.0)):
                raise UserError(f"Training went wrong at step {self.step}: the loss is not a number. Resume with a lower rate.")
            optimiser.step()
        self.step += 1
        decay = min(config.ema, (1 + self.step) / (10 + self.step))
        state = self.network.state_dict()
        torch._foreach_lerp_([self.mean[key] for key in state], list(state.values()), 1 - decay)
        return {name: sum(part[0][name] for part in parts) / len(parts) for name in parts[0][0]}

    def _pool(self) -> ThreadPoolExecutor:
        """Threads that each walk one batch on one core, as in `core.trainer`."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.beside, "distill", torch.set_num_threads, (1,))
        return self._threads

    def _part(self, examples: list[Example], seed: int) -> tuple[dict[str, float], tuple[list[Tensor], list[Tensor]]]:
        """Walk one batch down the chain: losses, and the gradients of student and critic."""
        config = self.config
        generator = torch.Generator().manual_seed(seed)
        batch = Batch.of(examples, self.device, self.prior.config)

        def noise() -> Tensor:
            drawn = torch.randn(batch.photo.shape, generator=generator)
            return drawn.to(self.device, memory_format=torch.channels_last)

        with torch.no_grad(), self._autocast():
            code = self.prior.encode(batch.view, batch.condition, batch.vector).float()
        said: dict[str, float] = {}
        gradients = tuple([torch.zeros_like(p) for p in parameters] for parameters, _ in self.sides)
        only = int(torch.randint(len(config.timesteps), (), generator=generator)) if config.alternate else None
        x, share = noise(), 1 / len(config.timesteps) if only is None else 1.0
        for k, t in enumerate(config.timesteps[:None if only is None else only + 1]):
            if only is not None and k < only:
                with torch.no_grad():
                    x = self._next(self._picture(x, t, batch.condition, code), k, noise())
                continue
            made = self._picture(x, t, batch.condition, code)
            out = made.detach().clamp(-1.2, 1.2).requires_grad_()
            look = torch.randint(config.cleanest, config.noisiest, (len(x),), generator=generator).to(self.device)
            losses, push, critic = self._judge(out, batch, code, look, noise())
            for totals, parts in ((gradients[0], torch.autograd.grad(made, self.sides[0][0], push * share)),
                                  (gradients[1], [value * share for value in critic])):
                torch._foreach_add_(totals, list(parts))
            for name, value in losses.items():
                said[name] = said.get(name, 0.0) + value * share
                if only is None:
                    said[f"{name}{k}"] = value
            if only is None and k + 1 < len(config.timesteps):
                x = self._next(out.detach(), k, noise())
        return said, (gradients[0], gradients[1])

    def _next(self, made: Tensor, k: int, noise: Tensor) -> Tensor:
        """What step k + 1 of the chain sees after step k made a picture."""
        after = self.bar[self.config.timesteps[k + 1]]
        return after.sqrt() * made.clamp(-1, 1) + (1 - after).sqrt() * noise

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16")

    def _picture(self, x: Tensor, t: int, condition: Tensor, code: Tensor) -> Tensor:
        """The picture that the student sees in x, from its velocity."""
        bar = self.bar[t]
        with self._autocast():
            velocity = self.student(x, torch.full((len(x),), t, device=self.device), condition, code)
        return bar.sqrt() * x - (1 - bar).sqrt() * velocity.float()

    def _judge(self, out: Tensor, batch: Batch, code: Tensor, look: Tensor,
               noise: Tensor) -> tuple[dict[str, float], Tensor, tuple[Tensor, ...]]:
        """Losses of the pictures `out`, the gradient that changes them, and that of the critic's parameters.

        look (B,): timesteps at which the prior sees photo and picture, both with the same noise.
        """
        config, photo, rendered = self.config, batch.photo, batch.condition[:, :3]
        at = self.bar[look].view(-1, 1, 1, 1)

        def seen(picture: Tensor) -> list[Tensor]:
            return levels(self.prior.denoisingUNet, at.sqrt() * picture + (1 - at).sqrt() * noise, look, batch.condition, code)

        with self._autocast():
            with torch.no_grad():
                real = seen(photo)
                scales = [value.float().std((2, 3), keepdim=True).mean(0, keepdim=True) + 1e-3 for value in real]
            fake, spread = seen(out), _spread(batch.coverage)
            area = config.background + (1 - config.background) * (2 * spread).clamp(max=1)
            off = (out - photo) * area
            error = (off.abs() * (1 + batch.coverage)).mean()
            edges = off.diff(dim=-1).abs().mean() + off.diff(dim=-2).abs().mean()
            features = torch.stack([(((a.float() - b.float()) / scale).abs() * F.adaptive_avg_pool2d(area, a.shape[-1])).mean()
                                    for a, b, scale in zip(fake, real, scales, strict=True)]).mean()
            cast = _mean_on(out - photo, batch.coverage).square().mean()
            loss = error + config.features * features + config.colour * cast + config.edges * edges
            wanted, = torch.autograd.grad(loss, out, retain_graph=True)
            fooled = torch.stack([score.float().mean() for score in self.critic(out, rendered, fake)]).sum()
            push, = torch.autograd.grad(-fooled, out)
            push = push * (_BACKGROUND + (1 - _BACKGROUND) * spread)
            told = zip(self.critic(photo, rendered, real), self.critic(out.detach(), rendered, [f.detach() for f in fake]),
                       strict=True)
            hinge = torch.stack([(1 - a.float()).relu().mean() + (1 + b.float()).relu().mean() for a, b in told]).sum()
            critic = torch.autograd.grad(hinge, self.sides[1][0])
        ramp = config.adversarial * min(1.0, max(0.0, (self.step - config.critic_from) / max(config.critic_ramp, 1)))
        push = wanted + ramp * wanted.norm() / push.norm().clamp(min=1e-8) * push
        losses = {"error": error, "features": features, "hinge": hinge, "fooled": fooled}
        return {name: float(value.detach()) for name, value in losses.items()}, push, critic

    # -- files ----------------------------------------------------------------------------------------------------------------

    def packed(self) -> dict[str, Tensor]:
        """The student's running mean as a file holds it (see `models.changes`)."""
        return changes.store_bytes(self.prior.state_dict(), self.weights(), changes.STUDENT)

    def weights(self) -> dict[str, Tensor]:
        """The running mean as a plain model's state dict without the encoder, which is the prior's; adapters are added to their
        weights."""
        return {f"denoisingUNet.{key}": value for key, value in adapters.merged(self.mean).items()}

    def facts(self) -> dict[str, Any]:
        """What the card says of the student."""
        return {**asdict(self.config), "timesteps": list(self.config.timesteps), "steps": self.step, "chains": self.samples}

    def save(self, path: Path) -> None:
        """Write everything needed to go on, at once."""
        state = {"version": STATE_VERSION, "config": {**asdict(self.config), "timesteps": list(self.config.timesteps)},
                 "step": self.step, "student": self.network.state_dict(), "mean": self.mean, "critic": self.critic.state_dict(),
                 "optimisers": [optimiser.state_dict() for _, optimiser in self.sides]}
        atomic_save(path, lambda file: torch.save(state, file), make_folder=True)  # type: ignore[arg-type]

    def resume(self, path: Path) -> None:
        """Go on from a state file; the rates are this configuration's. Raises UserError when it can't be used."""
        state = read_state(path)
        try:
            self.network.load_state_dict(state["student"])
            self.critic.load_state_dict(state["critic"])
            for (_, optimiser), saved in zip(self.sides, state["optimisers"], strict=True):
                rate = optimiser.param_groups[0]["lr"]
                optimiser.load_state_dict(saved)
                optimiser.param_groups[0]["lr"] = rate
        except (RuntimeError, ValueError, KeyError) as error:
            raise UserError(f"{path} is not the state of a student of this model.") from error
        self.mean = {key: value.to(self.device) for key, value in state["mean"].items()}
        self.step = int(state["step"])


def _mean_on(picture: Tensor, coverage: Tensor) -> Tensor:
    """Mean (B, 3) of a picture (B, 3, S, S) where the coverage (B, 1, S, S) is."""
    return (picture * coverage).sum((2, 3)) / coverage.sum((2, 3)).clamp(min=1.0)


def _spread(coverage: Tensor) -> Tensor:
    """Coverage (B, 1, S, S) averaged over a window of an eighth of the side, at a quarter of the size: fast."""
    small = F.avg_pool2d(coverage, 4)
    reach = small.shape[-1] // 16
    wide = F.avg_pool2d(small, 2 * reach + 1, 1, reach)
    return F.interpolate(wide, size=coverage.shape[-2:], mode="bilinear", align_corners=False)
