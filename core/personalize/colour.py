"""Keeps a personal model's colours where the photos have them: the known colour shift after Stage 2, measured and taken out.

What is measured is the cast that the faces of many pictures from seeded noise share; what takes it out is the bias of the
network's last layer, which moves every picture's mean colour and nothing else. Only photos that are trained on are looked at, so
that the held-out ones stay a fair test of it.
"""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from core.personalize.measure import HeldOut
from core.prior import Prior
from core.request import DEFAULT_STEPS
from core.sampling import Sampler
from models import changes
from models.schedule import alphas_bar

_BIAS = "denoisingUNet.out.2.bias"
_GAINS = 0.4, 4.0  # between which a change of the bias is believed to reach the picture, beside what its last step alone would do


class Anchor:
    """The correction of a model in training. delta: what is added to the network's mean output (3,), RGB."""

    def __init__(self, prior: Prior, photos: HeldOut) -> None:
        """photos: some that are trained on. A network that predicts noise is left as it is: its bias would grow into the picture
        by another factor at every step."""
        self.prior, self.photos = prior, photos
        self.delta, self.gain = np.zeros(3), 1.0
        said = prior.student
        sampler = Sampler.of_student(said) if said is not None else Sampler.of_card(prior.card.get("sampler", {}))
        bar = alphas_bar(prior.config.schedule, prior.config.steps)[sampler.descending(DEFAULT_STEPS)[-1]]
        # x0 = sqrt(bar) x - sqrt(1 - bar) v: what a unit of the output does to the picture in the chain's last step
        self._reach = -float((1 - bar) ** 0.5) if prior.config.prediction == "velocity" else 0.0

    def laid(self, packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Changes with the correction in them: in the student's bias where they change the student, else in the network's, which
        the student follows."""
        if not self.delta.any():
            return dict(packed)
        prefix = changes.STUDENT if any(name.startswith(changes.STUDENT) for name in packed) else changes.NETWORK
        each = self.prior.config.patch ** 2  # channels of a colour, in the order of pixel_shuffle
        change = torch.from_numpy(np.repeat(self.delta, each)).float()
        own = packed.get(prefix + _BIAS)
        return {**packed, prefix + _BIAS: change if own is None else own.float().cpu() + change}

    def follow(self, packed: Mapping[str, Tensor], rounds: int = 1, seeds: int = 1) -> None:
        """Measure the cast that is left with the present correction, and correct it, `rounds` times."""
        if not self._reach:
            return
        before: np.ndarray | None = None
        for _ in range(rounds):
            cast = self.photos.cast(self.photos.made(self.photos.model(self.laid(packed)), range(seeds)))
            if before is not None and (length := float(before @ before)) > 1e-8:
                # how much of the last correction arrived, by which the next one is measured
                self.gain = float(np.clip(self.gain * ((before - cast) @ before) / length, *_GAINS))
            before = cast
            self.delta = self.delta - cast / (self._reach * self.gain)
