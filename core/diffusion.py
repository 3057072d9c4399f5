"""Diffusion: schedules, samplers and inversion as plain functions over any `NoisePredictor`.

Schedules are float64 (spec section 5). A sampler is one function of network, noise, schedule and on_step; randomness comes from
one seeded generator per call, made on the CPU, so that device and batch size never change a picture.

Sources: DDPM (Ho et al. 2020), DDIM (Song et al. 2020), respacing (Nichol & Dhariwal 2021), DPM-Solver++(2M) (Lu et al. 2022),
P2 weighting (Choi et al. 2022), edit-friendly DDPM inversion (Huberman-Spiegelglas et al., CVPR 2024).
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from models.rig_model import NoisePredictor
from models.schedule import alphas_bar

TRAIN_STEPS = 1000
OnStep = Callable[[int, int, Tensor], None]


# -- schedules --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Schedule:
    """A subset of the training timesteps and the tables that samplers need, all float64.

    timesteps (n,): ascending, what the network is told. bar (n,): alphabar at them.
    """

    timesteps: np.ndarray
    bar: np.ndarray

    def __len__(self) -> int:
        return len(self.timesteps)

    @cached_property
    def bar_before(self) -> np.ndarray:
        """alphabar one step cleaner; 1 before the first."""
        return np.append(1.0, self.bar[:-1])

    @cached_property
    def bar_after(self) -> np.ndarray:
        """alphabar one step noisier; 0 after the last."""
        return np.append(self.bar[1:], 0.0)

    @cached_property
    def betas(self) -> np.ndarray:
        """1 - alphabar ratio of neighbouring steps."""
        return 1 - self.bar / self.bar_before

    @cached_property
    def posterior_variance(self) -> np.ndarray:
        """Variance of q(x_{t-1} | x_t, x_0)."""
        return self.betas * (1 - self.bar_before) / (1 - self.bar)

    @cached_property
    def posterior_mean(self) -> tuple[np.ndarray, np.ndarray]:
        """Factors of x_0 and x_t in the mean of q(x_{t-1} | x_t, x_0)."""
        clean = self.betas * np.sqrt(self.bar_before) / (1 - self.bar)
        noisy = (1 - self.bar_before) * np.sqrt(1 - self.betas) / (1 - self.bar)
        return clean, noisy

    @cached_property
    def large_variance(self) -> np.ndarray:
        """The reference's ancestral variance: beta, but the posterior's second value at the first step."""
        second = self.posterior_variance[1] if len(self) > 1 else self.betas[0]
        return np.append(second, self.betas[1:])

    @cached_property
    def snr(self) -> np.ndarray:
        """Signal to noise ratio alphabar / (1 - alphabar)."""
        return self.bar / (1 - self.bar)


def full_schedule(name: str = "linear") -> Schedule:
    """All training timesteps 0..999."""
    return schedule_at(np.arange(TRAIN_STEPS), name)


def schedule_at(chosen: Sequence[int] | np.ndarray, name: str = "linear") -> Schedule:
    """The schedule that visits only the chosen timesteps (any order, repetitions dropped)."""
    kept = np.unique(np.asarray(chosen, np.int64))
    return Schedule(kept, alphas_bar(name, TRAIN_STEPS).numpy()[kept])


def respaced(spacing: str, name: str = "linear") -> Schedule:
    """The schedule for 'ddimN' (smallest stride with exactly N steps), 'N', or 'N,M,...' (steps in equal parts).

    Raises ValueError for a spacing that is impossible.
    """
    if spacing.startswith("ddim"):
        count = int(spacing[4:])
        for gap in range(1, TRAIN_STEPS + 1):
            if len(range(0, TRAIN_STEPS, gap)) == count:
                return schedule_at(np.arange(0, TRAIN_STEPS, gap), name)
        raise ValueError(f"no whole stride over {TRAIN_STEPS} timesteps gives {count} steps")
    chosen: list[int] = []
    counts = [int(part) for part in spacing.split(",")]
    start = 0
    for i, count in enumerate(counts):
        length = TRAIN_STEPS // len(counts) + (i < TRAIN_STEPS % len(counts))
        if not 1 <= count <= length:
            raise ValueError(f"{count} steps can't be placed in {length} timesteps")
        stride = (length - 1) / (count - 1) if count > 1 else 1.0
        chosen += [start + round(k * stride) for k in range(count)]
        start += length
    return schedule_at(chosen, name)


def timesteps(steps: int, top: int = TRAIN_STEPS - 1) -> list[int]:
    """`steps` timesteps from `top` down, evenly spaced, the last one a spacing above 0: what few-step sampling uses.

    Unlike 'ddimN' the first is pure noise. Raises ValueError for fewer than 1 step or more than top + 1.
    """
    if not 1 <= steps <= top + 1:
        raise ValueError(f"{steps} steps, expected 1 to {top + 1}")
    return [round((top + 1) * (steps - k) / steps) - 1 for k in range(steps)]


def p2_weight(snr: Tensor, gamma: float = 1.0, k: float = 1.0) -> Tensor:
    """Weight of the squared noise error at each SNR: 1 / (k + SNR)^gamma. With k = gamma = 1 it equals 1 - alphabar."""
    return 1 / (k + snr) ** gamma


def add_noise(x0: Tensor, noise: Tensor, t: Tensor, bar: Tensor) -> Tensor:
    """x_t = sqrt(alphabar_t) x0 + sqrt(1 - alphabar_t) noise; t (B,), bar the table (1000,)."""
    at = bar.to(x0)[t].view(-1, 1, 1, 1)
    return at.sqrt() * x0 + (1 - at).sqrt() * noise


def velocity(x0: Tensor, noise: Tensor, t: Tensor, bar: Tensor) -> Tensor:
    """Target of velocity prediction (Salimans & Ho 2022): sqrt(alphabar) noise - sqrt(1 - alphabar) x0."""
    return add_noise(noise, -x0, t, bar)


# -- samplers ---------------------------------------------------------------------------------------------------------------


def unit_noise(shape: Sequence[int], seed: int | torch.Generator, like: Tensor) -> Tensor:
    """float32 unit noise, drawn on the CPU whatever the device of `like`, where it goes."""
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32).to(like.device)


def clean_estimate(x: Tensor, eps: Tensor, bar: float, clip: bool) -> Tensor:
    """The picture that x would be without the noise eps."""
    x0 = bar ** -0.5 * x - (1 / bar - 1) ** 0.5 * eps
    return x0.clamp(-1, 1) if clip else x0


def predict(network: NoisePredictor, x: Tensor, t: int, condition: Tensor, code: Tensor | None) -> Tensor:
    """The noise in x (B, 3, H, W), all at timestep t, where x lies."""
    return network(x, torch.full((x.shape[0],), int(t), dtype=torch.int64, device=x.device), condition, code).to(x)


def guided(network: NoisePredictor, weight: float, reference: Tensor | None, reference_code: Tensor | None) -> NoisePredictor:
    """A predictor that goes beyond what buffers and code ask for: eps_ref + weight (eps - eps_ref), with eps_ref under the
    buffers `reference` (1, 9, H, W) and `reference_code` (Ho & Salimans 2022). Both are evaluated as one batch; weight 1, or no
    reference, gives the network itself."""
    if weight == 1.0 or reference is None:
        return network

    def predictor(x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
        count = x.shape[0]
        first = code if reference_code is None else reference_code
        codes = None if code is None or first is None else torch.cat([a.expand(count, -1) for a in (first, code)])
        buffers = torch.cat([a.to(x).expand(count, -1, -1, -1) for a in (reference, condition)])
        own, eps = network(torch.cat([x, x]), t.expand(count).repeat(2), buffers, codes).chunk(2)
        return own + weight * (eps - own)
    return predictor


def ddim(network: NoisePredictor, noise: Tensor, schedule: Schedule, condition: Tensor, code: Tensor | None, eta: float = 0.0,
         step_noise: Callable[[int], Tensor] | None = None, on_step: OnStep | None = None, clip: bool = True) -> Tensor:
    """DDIM (spec section 5): noise (B, 3, H, W) at the schedule's last timestep -> picture in about [-1, 1].

    step_noise(k) gives the unit noise of step k, needed for eta > 0. on_step(k, n, x0_estimate) after each of n steps, k from 1.
    """
    x, total = noise, len(schedule)
    for k, i in enumerate(reversed(range(total))):
        bar, before = float(schedule.bar[i]), float(schedule.bar_before[i])
        x0 = clean_estimate(x, predict(network, x, schedule.timesteps[i], condition, code), bar, clip)
        eps = (bar ** -0.5 * x - x0) / (1 / bar - 1) ** 0.5
        sigma = eta * ((1 - before) / (1 - bar) * (1 - bar / before)) ** 0.5
        x = before ** 0.5 * x0 + (1 - before - sigma ** 2) ** 0.5 * eps
        if sigma > 0 and step_noise is not None:
            x = x + sigma * step_noise(k)
        if on_step is not None:
            on_step(k + 1, total, x0)
    return x


def ancestral(network: NoisePredictor, noise: Tensor, schedule: Schedule, condition: Tensor, code: Tensor | None,
              step_noise: Callable[[int], Tensor], on_step: OnStep | None = None, clip: bool = True) -> Tensor:
    """DDPM sampling with the reference's large fixed variance. Arguments as in `ddim`."""
    x, total = noise, len(schedule)
    clean, noisy = schedule.posterior_mean
    for k, i in enumerate(reversed(range(total))):
        x0 = clean_estimate(x, predict(network, x, schedule.timesteps[i], condition, code), float(schedule.bar[i]), clip)
        x = float(clean[i]) * x0 + float(noisy[i]) * x
        if i:
            x = x + float(schedule.large_variance[i]) ** 0.5 * step_noise(k)
        if on_step is not None:
            on_step(k + 1, total, x0)
    return x


def ddim_reverse(network: NoisePredictor, x0: Tensor, schedule: Schedule, condition: Tensor, code: Tensor | None,
                 clip: bool = True) -> Tensor:
    """The deterministic DDIM step run the other way: picture -> noise. Only a strong model gives its photo back."""
    x = x0
    for i in range(len(schedule)):
        bar, after = float(schedule.bar[i]), float(schedule.bar_after[i])
        estimate = clean_estimate(x, predict(network, x, schedule.timesteps[i], condition, code), bar, clip)
        eps = (bar ** -0.5 * x - estimate) / (1 / bar - 1) ** 0.5
        x = after ** 0.5 * estimate + (1 - after) ** 0.5 * eps
    return x


def dpm_solver(network: NoisePredictor, noise: Tensor, schedule: Schedule, condition: Tensor, code: Tensor | None,
               on_step: OnStep | None = None, clip: bool = True) -> Tensor:
    """DPM-Solver++(2M): second order, one evaluation a step. Arguments as in `ddim`."""
    x, total = noise, len(schedule)
    before_last: tuple[Tensor, float] | None = None
    for k, i in enumerate(reversed(range(total))):
        bar, before = float(schedule.bar[i]), float(schedule.bar_before[i])
        x0 = clean_estimate(x, predict(network, x, schedule.timesteps[i], condition, code), bar, clip)
        blended = x0
        if i and before_last is not None:
            here, there = _log_snr(bar), _log_snr(before)
            ratio = (here - before_last[1]) / (there - here)
            blended = x0 + (x0 - before_last[0]) / (2 * ratio)
        # exp(-h) of the solver's step, written in sigmas and alphas so that the last step (sigma 0) is exact
        shrink = ((1 - before) / (1 - bar)) ** 0.5
        x = shrink * x + (before ** 0.5 - shrink * bar ** 0.5) * blended
        before_last = (x0, _log_snr(bar))
        if on_step is not None:
            on_step(k + 1, total, x0)
    return x


def _log_snr(bar: float) -> float:
    return float(0.5 * np.log(bar / (1 - bar)))


# -- edit-friendly inversion --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Inversion:
    """A photo as the noises of a DDPM chain under its own buffers. Step k runs from timesteps[k] (descending) to the next.

    x0 (1, 3, H, W); states (n, 3, H, W): x at each timestep, each with noise of its own; residuals (n, 3, H, W): what must be
    added to the network's mean so that the chain meets the next state exactly; estimates (n, 3, H, W): the network's x0.
    """

    timesteps: tuple[int, ...]
    schedule: Schedule
    x0: Tensor
    states: Tensor
    residuals: Tensor
    estimates: Tensor

    def sigma(self, step: int) -> float:
        """Standard deviation of the chain's noise at a step; 0 at the last."""
        return float(self.schedule.posterior_variance[len(self.timesteps) - 1 - step]) ** 0.5

    def mean(self, step: int, x: Tensor, x0: Tensor) -> Tensor:
        """The chain's mean after a step from x with the estimate x0."""
        i = len(self.timesteps) - 1 - step
        clean, noisy = self.schedule.posterior_mean
        return float(clean[i]) * x0 + float(noisy[i]) * x

    def bar(self, step: int) -> float:
        """alphabar at a step's timestep."""
        return float(self.schedule.bar[len(self.timesteps) - 1 - step])


def invert(network: NoisePredictor, x0: Tensor, condition: Tensor, code: Tensor | None, steps: Sequence[int], seed: int = 0,
           batch: int = 4, on_step: OnStep | None = None) -> Inversion:
    """Noises that lead a DDPM chain back to x0 (1, 3, H, W) under the given buffers (1, 9, H, W) and code.

    Every state gets noise of its own (the edit-friendly choice), so all evaluations are independent and run `batch` at a time.
    steps: timesteps, descending. The last step's variance is 0: its residual is kept as it is, so that the chain is exact.
    on_step(done, n, estimates) may raise Cancelled.
    """
    schedule = schedule_at(steps)
    descending = tuple(int(t) for t in schedule.timesteps[::-1])
    total = len(descending)
    x0 = x0.float()
    bar = torch.tensor(schedule.bar[::-1].copy(), dtype=torch.float32, device=x0.device).view(-1, 1, 1, 1)
    states = bar.sqrt() * x0 + (1 - bar).sqrt() * unit_noise((total, *x0.shape[1:]), seed, x0)
    told = torch.tensor(descending)
    parts = []
    for at in range(0, total, batch):
        part = slice(at, at + batch)
        eps = network(states[part], told[part], condition, code).to(states)
        # clipped as in the samplers: at the noisiest steps rounding alone moves an unclipped estimate visibly
        parts.append((bar[part] ** -0.5 * states[part] - (1 / bar[part] - 1).sqrt() * eps).clamp(-1, 1))
        if on_step is not None:
            on_step(min(at + batch, total), total, parts[-1])
    estimates = torch.cat(parts)
    chain = Inversion(descending, schedule, x0, states, torch.empty(0), estimates)
    following = torch.cat([states[1:], x0])
    residuals = torch.stack([following[k] - chain.mean(k, states[k], estimates[k]) for k in range(total)])
    return Inversion(descending, schedule, x0, states, residuals, estimates)


def edit(network: NoisePredictor, inversion: Inversion, condition: Tensor, code: Tensor | None, skip: int = 0,
         repaint: Tensor | None = None, repaint_from: int = TRAIN_STEPS, seed: int = 0, guidance: float = 1.0,
         reference: Tensor | None = None, reference_code: Tensor | None = None, on_step: OnStep | None = None) -> Tensor:
    """The inverted photo under other buffers and another code: (1, 3, H, W) float32. The same ones give it back exactly.

    skip: how many of the first (noisiest) steps are left out; the more, the closer the result stays. All of them: x0 itself.
    repaint (1, 1, H, W) in [0, 1]: where 1, fresh noise takes the place of the photo's, at timesteps up to `repaint_from`, so
    that the network paints freely there. guidance, reference, reference_code: see `guided`; 1 is off.
    on_step(k, n, x0_estimate) after each step; it may raise Cancelled.
    """
    total = len(inversion.timesteps)
    skip = max(0, min(skip, total))
    if skip == total:
        return inversion.x0.clone()
    ask = guided(network, guidance, reference, code if reference_code is None else reference_code)
    generator = torch.Generator().manual_seed(seed + 1)
    x = inversion.states[skip:skip + 1]
    for k in range(skip, total):
        t = inversion.timesteps[k]
        x0 = clean_estimate(x, predict(ask, x, t, condition, code), inversion.bar(k), clip=True)
        residual = inversion.residuals[k:k + 1]
        if repaint is not None:
            fresh = inversion.sigma(k) * unit_noise(x.shape, generator, x)
            if t <= repaint_from:
                residual = torch.lerp(residual, fresh, repaint.to(x))
        x = inversion.mean(k, x, x0) + residual
        if on_step is not None:
            # the photo plus what the other buffers changed so far: sharp, where the network's own estimate is soft
            shown = inversion.x0 + x0 - inversion.estimates[k:k + 1]
            on_step(k - skip + 1, total - skip, shown)
    return x
