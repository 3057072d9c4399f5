"""Few-step sampling from seeded noise: which sampler suits a model, and one that forgives a model its mistakes.

A solver of the diffusion's ODE (`core.diffusion.dpm_solver`) reads each step's noise out of the network's own last estimate, so a
weak network's errors pile up until the picture breaks into grain. `renoise` keeps only the picture of each step and draws the
noise of the next level anew (multistep consistency sampling, Song et al. 2023, algorithm 1; DDIM with eta = 1 at its largest):
what the network sees is then noised as in training. What errors are left in the picture are more noise than its timestep says;
the network is told so (`shift`) and smooths them away instead of taking them for detail.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from core.diffusion import (
    TRAIN_STEPS,
    OnStep,
    clean_estimate,
    dpm_solver,
    full_schedule,
    predict,
    schedule_at,
    unit_noise,
)
from models.rig_model import NoisePredictor

METHODS = ("renoise", "dpm")
_LAST = 120  # timestep of a chain's last evaluation: what is smaller than its noise a weak network doesn't draw anyway


@dataclass(frozen=True)
class Sampler:
    """How a model is sampled from seeded noise. Raises ValueError for what can't be.

    method: 'renoise', or 'dpm' (DPM-Solver++(2M)) for a model strong enough for it. steps: the most evaluations that make its
    pictures better. shift: for 'renoise', see there. timesteps: where a few-step student was trained, descending; () for any.
    """

    method: str = "renoise"
    steps: int = 6
    shift: float = 1.4
    timesteps: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"the sampler is one of {', '.join(METHODS)}, not '{self.method}'")
        if not 1 <= self.steps <= 500 or not 0.5 <= self.shift <= 4:
            raise ValueError(f"a sampler has 1 to 500 steps and a shift of 0.5 to 4, not {self.steps} and {self.shift:g}")
        if self.timesteps and not (TRAIN_STEPS > self.timesteps[0] and self.timesteps[-1] >= 0
                                   and all(a > b for a, b in zip(self.timesteps, self.timesteps[1:], strict=False))):
            raise ValueError(f"timesteps fall from at most {TRAIN_STEPS - 1} to 0, not {self.timesteps}")

    @classmethod
    def of_card(cls, said: Mapping[str, Any]) -> Sampler:
        """What a model card says under 'sampler': any of method, steps and shift."""
        known = {name: said[name] for name in ("method", "steps", "shift") if name in said}
        return cls(**known)

    @classmethod
    def of_student(cls, said: Mapping[str, Any]) -> Sampler:
        """How a few-step student is sampled: at the timesteps it was trained for, told the truth about them."""
        chosen = tuple(int(t) for t in said["timesteps"])
        return cls("renoise", len(chosen), float(said.get("shift", 1.0)), chosen)

    def descending(self, steps: int) -> list[int]:
        """The timesteps of a picture in at most `steps` evaluations."""
        count = max(1, min(steps, self.steps))
        if self.timesteps:
            return list(self.timesteps[:count])
        return sampling_timesteps(count) if self.method == "dpm" else renoise_timesteps(count)


def sampling_timesteps(steps: int) -> list[int]:
    """`steps` timesteps from noise down to 20, denser toward the clean end, where detail is decided.

    Raises ValueError for fewer than 1 step or more than 500.
    """
    return _falling(steps, 20)


def renoise_timesteps(steps: int) -> list[int]:
    """`steps` timesteps from noise down to 120 for `renoise`. Raises ValueError for fewer than 1 step or more than 500."""
    return _falling(steps, _LAST)


def _falling(steps: int, last: int) -> list[int]:
    if not 1 <= steps <= 500:
        raise ValueError(f"{steps} steps, expected 1 to 500")
    left = [1 - k / max(steps - 1, 1) for k in range(steps)]
    spaced = [round(last + (TRAIN_STEPS - 1 - last) * share ** 1.5) for share in left]
    for k in range(steps - 2, -1, -1):  # where many steps crowd together, keep them apart
        spaced[k] = max(spaced[k], spaced[k + 1] + 1)
    return [min(t, TRAIN_STEPS - 1 - k) for k, t in enumerate(spaced)]


def renoise(network: NoisePredictor, noise: Tensor, timesteps: Sequence[int], condition: Tensor, code: Tensor | None, seed: int,
            shift: float = 1.0, on_step: OnStep | None = None) -> Tensor:
    """noise (B, 3, H, W) at the first of the descending timesteps -> picture (B, 3, H, W) in [-1, 1]: at each the network's
    picture, which gets fresh noise of `seed` for the next.

    shift: how many times the true noise-to-signal ratio the network is told, after the first step. It sees x rescaled to the
    timestep that has that ratio, so that the noise beyond the true one is taken for noise too. on_step(k, n, x0_estimate) after
    each of n steps.
    """
    bar, total = full_schedule().bar, len(timesteps)
    fresh = unit_noise((total - 1, *noise.shape), seed, noise) if total > 1 else noise
    x = noise
    for k, t in enumerate(timesteps):
        told = _shifted(t, shift) if k else t
        seen = (bar[told] / bar[t]) ** 0.5 * x
        x0 = clean_estimate(seen, predict(network, seen, told, condition, code), float(bar[told]), clip=True)
        if on_step is not None:
            on_step(k + 1, total, x0)
        if k + 1 < total:
            following = float(bar[timesteps[k + 1]])
            x = following ** 0.5 * x0 + (1 - following) ** 0.5 * fresh[k]
    return x0


def _shifted(t: int, shift: float) -> int:
    """The timestep whose noise-to-signal ratio is `shift` times that of t, or the nearest there is."""
    ratio = np.log(1 / full_schedule().bar - 1) / 2
    return int(np.abs(ratio - (ratio[t] + np.log(shift))).argmin()) if shift != 1 else int(t)


def sample(network: NoisePredictor, x0: Tensor, condition: Tensor, code: Tensor | None, steps: int = 10, seed: int = 0,
           strength: float = 1.0, sampler: Sampler | None = None, on_step: OnStep | None = None) -> Tensor:
    """A picture from seeded noise: float32 like x0 (B, 3, H, W), in about [-1, 1], in at most `steps` evaluations.

    strength in [0, 1]: 1 starts from noise alone; less keeps more of x0 (its large shapes first), 0 returns x0.
    """
    sampler = sampler or Sampler()
    chosen = sampler.descending(steps)
    kept = chosen[round((1 - strength) * len(chosen)):]
    if not kept:
        return x0.clone()
    bar = float(full_schedule().bar[kept[0]])
    noise = unit_noise(x0.shape, seed, x0)
    start = noise if strength >= 1 else bar ** 0.5 * x0 + (1 - bar) ** 0.5 * noise
    if sampler.method == "dpm":
        return dpm_solver(network, start, schedule_at(kept), condition, code, on_step)
    return renoise(network, start, kept, condition, code, seed + 1, sampler.shift, on_step)
