"""One training step's arithmetic: loss, timesteps, and batches as tensors (spec sections 5 and 6)."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.conditioning import face_vectors
from core.diffusion import add_noise, p2_weight, velocity
from core.train_data import Example
from models.config import DenoiserConfig


def loss_of(model: nn.Module, bar: Tensor, x0: Tensor, condition: Tensor, code: Tensor, t: Tensor, noise: Tensor,
            prediction: str = "epsilon", weighting: str = "none", gamma: float = 1.0, k: float = 1.0,
            pixels: Tensor | None = None, shaken: Tensor | None = None) -> Tensor:
    """Loss of each picture (B,): mean over pixels of weight * (target - output)^2 (spec section 5).

    x0 (B, 3, H, W) in [-1, 1], condition (B, 9, H, W), code (B, Z), t (B,), noise like x0, bar the table alphabar (1000,).
    weighting: 'none', 'p2' (gamma, k), 'min_snr' (Hang et al. 2023, 5, in the form for the network's prediction) or 'capped':
    velocity as it is, but no more than SNR 5 counts, because fine noise can't be told from a picture and few-step sampling
    never asks. pixels (B, 1, H, W): weights over the picture. shaken, like noise: what x_t is made with while the target stays
    that of `noise` (input perturbation; Ning et al. 2023, algorithm 1).
    """
    noisy = add_noise(x0, noise if shaken is None else shaken, t, bar)
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
    vector: Tensor | None

    @classmethod
    def of(cls, examples: list[Example], device: torch.device, network: DenoiserConfig) -> Batch:
        """Stack examples; pictures go in channels_last. network: says which numbers of the face codes it takes."""
        def put(name: str) -> Tensor:
            return torch.from_numpy(np.stack([getattr(e, name) for e in examples]))

        return cls(put("photo"), put("code_view"), put("condition"), put("coverage"),
                   face_vectors(network, [e.code for e in examples])).to(device)

    def to(self, device: torch.device) -> Batch:
        """On another device, pictures in channels_last."""
        def put(x: Tensor) -> Tensor:
            return x.to(device, non_blocking=True, memory_format=torch.channels_last)

        vector = None if self.vector is None else self.vector.to(device)
        return Batch(put(self.photo), put(self.view), put(self.condition), put(self.coverage), vector)

    def pin_memory(self) -> Batch:
        """In memory that a GPU reads by itself (the name is the one that torch's loader asks for)."""
        pictures = (self.photo.pin_memory(), self.view.pin_memory(), self.condition.pin_memory(), self.coverage.pin_memory())
        return Batch(*pictures, self.vector)


def draw_timesteps(count: int, bias: float, generator: torch.Generator) -> Tensor:
    """Timesteps (count,) in 0..999, one from each of `count` equal parts of the range; bias favours noisy ones."""
    u = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    t = (1000 * u ** (1 / (1 + bias))).long().clamp(0, 999)
    return t[torch.randperm(count, generator=generator)]


def by_time(each: Tensor, t: Tensor) -> dict[str, float]:
    """Mean loss, and that of the noisy, middle and clean third of the timesteps (NaN for an empty third)."""
    def mean(chosen: Tensor) -> float:
        return float(each[chosen].mean()) if chosen.any() else math.nan

    return {"loss": float(each.mean()), "loss_noisy": mean(t >= 667), "loss_middle": mean((t >= 333) & (t < 667)),
            "loss_clean": mean(t < 333)}
