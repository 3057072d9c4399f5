"""Noise schedules of the diffusion process (DDPM, Ho et al. 2020; cosine: Nichol & Dhariwal 2021), in float64."""
from __future__ import annotations

import math

import torch

SCHEDULES = ("linear", "cosine")


def betas(name: str = "linear", steps: int = 1000) -> torch.Tensor:
    """Variances beta_t, t = 0 .. steps-1: a float64 tensor (steps,).

    'linear' runs from 1e-4 to 0.02 at 1000 steps (scaled to keep the total noise at other counts); 'cosine' is
    squared-cosine alphabar with beta clipped at 0.999. Raises ValueError for another name.
    """
    if name == "linear":
        scale = 1000 / steps
        return torch.linspace(scale * 1e-4, scale * 0.02, steps, dtype=torch.float64)
    if name == "cosine":
        def bar(u: float) -> float:
            return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

        values = [min(1 - bar((i + 1) / steps) / bar(i / steps), 0.999) for i in range(steps)]
        return torch.tensor(values, dtype=torch.float64)
    raise ValueError(f"unknown noise schedule {name!r}, expected one of {', '.join(SCHEDULES)}")


def alphas_bar(name: str = "linear", steps: int = 1000) -> torch.Tensor:
    """Cumulative products alphabar_t of 1 - beta: a float64 tensor (steps,), falling from about 1 to about 0."""
    return torch.cumprod(1 - betas(name, steps), 0)
