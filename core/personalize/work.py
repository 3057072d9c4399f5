"""The phases at work: `core.trainer` and `core.distiller` on an album, behind one face."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from core.distiller import DistillConfig, Distiller
from core.errors import UserError
from core.head import load_head
from core.people.person import build_network
from core.personalize.fit import Fit
from core.personalize.presets import Phase
from core.prior import Prior
from core.train_config import Augment, TrainConfig
from core.train_data import Maker, Pictures, ahead, batches
from core.train_feed import feed
from core.train_watch import Check
from core.trainer import Trainer
from models import adapters, changes

SEED = 7


class Work(Protocol):
    """A phase at work."""

    @property
    def step(self) -> int:
        """Steps done."""

    def train_step(self) -> float:
        """Take a step; returns its loss. Raises UserError when it is no number any more."""

    def changes(self) -> dict[str, Tensor]:
        """The running mean of what was trained, as changes over the prior (see `models.changes`), without those before it."""

    def held_loss(self) -> float | None:
        """Loss on the held-out photos; None where this kind has none, or there are no such photos."""

    def progress(self, share: float) -> None:
        """Say which share (0..1) of the phase's time is over."""

    def save(self, path: Path) -> None:
        """Write everything needed to go on."""

    def resume(self, path: Path) -> None:
        """Go on from such a file. Raises UserError."""

    def close(self) -> None:
        """Let go of the thread that makes batches."""


def work_of(prior: Prior, phase: Phase, how: Fit, photos: Pictures, held: Pictures | None, before: Mapping[str, Tensor],
            device: torch.device) -> Work:
    """A phase, ready for its first step. before: the changes of earlier phases. Raises UserError for impossible settings."""
    kind = Denoising if phase.kind == "denoiser" else Distilling
    try:
        return kind(prior, phase, how, photos, held, before, device)
    except (TypeError, ValueError) as error:
        raise UserError(f"The settings of the phase '{phase.kind}' can't be used: {error}.") from error


def augment_of(prior: Prior, phase: Phase) -> Augment:
    """How the phase varies pictures. A network that takes the numbers of a face code can't see mirrored ones."""
    found = Augment(**phase.augment)
    return replace(found, flip=0.0) if prior.config.vector else found


class Denoising:
    """Stage 2: the denoiser on the diffusion loss, the global encoder frozen."""

    def __init__(self, prior: Prior, phase: Phase, how: Fit, photos: Pictures, held: Pictures | None,
                 before: Mapping[str, Tensor], device: torch.device) -> None:
        # the loss that the published Stage 2 weighs; P2 is written for noise, and this is its place among velocities
        usual: dict[str, Any] = {"weighting": "p2" if prior.config.prediction == "epsilon" else "capped", "seed": SEED}
        config = TrainConfig(**{
            **usual, "network": prior.config, "name": prior.name, "head": prior.head, "batch": how.batch,
            "accumulate": how.passes, "rate": phase.rate, "warmup": phase.warmup, "decay_to": phase.decay_to,
            "ema": phase.ema, "hold_back": 0.0, "steps": phase.steps or 1_000_000, "augment": augment_of(prior, phase),
            "encoder": "frozen", "mean_identity": True, "precision": how.precision,
            "checkpointing": how.checkpointing, "rank": phase.rank, **phase.more})
        self.prior, self.photos, self.device, self.workers = prior, photos, device, how.workers
        self.trainer = Trainer(config, device, how.workers)
        self.trainer.take(build_network(prior, before).state_dict())
        self.fresh = not any(name.startswith(changes.NETWORK) for name in before)
        self.check = Check(held, load_head(prior.head), self.trainer) if held is not None and len(held) else None
        self._source: Any = None

    @property
    def step(self) -> int:
        return self.trainer.step

    def train_step(self) -> float:
        if self._source is None:
            self._source = feed(self.photos, self.trainer.config, "numba", 0, self.step, self.trainer.share,
                                self.device.type == "cuda")
        return self.trainer.train_step(self._source)["loss"]

    def changes(self) -> dict[str, Tensor]:
        state, drifts = self.trainer.mean, self.trainer.config.encoder == "drifting"
        plain = {key: value for key, value in self.trainer.weights().items() if drifts or key.startswith("denoisingUNet.")}
        base = self.prior.checkpoint.state
        factors = adapters.factors(state) if self.fresh else {}
        rest = {key: value for key, value in plain.items() if key not in factors}
        return {**changes.store_full(base, rest, changes.NETWORK), **changes.store_low_rank(factors, changes.NETWORK)}

    def held_loss(self) -> float | None:
        return None if self.check is None else self.check.loss()

    def progress(self, share: float) -> None:
        self.trainer.progress = share

    def save(self, path: Path) -> None:
        self.trainer.save(path)

    def resume(self, path: Path) -> None:
        self.trainer = Trainer.resume(path, self.device, self.trainer.config, self.workers)
        if self.check is not None:
            self.check.trainer = self.trainer

    def close(self) -> None:
        if self._source is not None:
            self._source.close()


class Distilling:
    """The prior's few-step student, which goes on on the album: pixels, features of the frozen prior and a critic."""

    def __init__(self, prior: Prior, phase: Phase, how: Fit, photos: Pictures, held: Pictures | None,
                 before: Mapping[str, Tensor], device: torch.device) -> None:
        said = prior.student
        own = prior.checkpoint.student_state()
        if said is None or own is None:
            raise UserError(f"The model '{prior.name}' has no few-step student to go on with.")
        config = DistillConfig(**{
            "timesteps": tuple(said["timesteps"]), "batch": how.batch, "workers": how.passes, "rate": phase.rate,
            "ema": phase.ema, "rank": phase.rank, "precision": how.precision, "seed": SEED, **phase.more})
        start = prior.checkpoint.model_of(changes.apply(own, before, changes.STUDENT))
        self.own, self.fresh = own, not any(name.startswith(changes.STUDENT) for name in before)
        self.distiller = Distiller(prior.build(), config, device, start, how.workers)
        self.maker = Maker(photos, load_head(prior.head), prior.size, augment_of(prior, phase))
        self._source: Any = None

    @property
    def step(self) -> int:
        return self.distiller.step

    def train_step(self) -> float:
        config = self.distiller.config
        if self._source is None:
            odds = self.maker.shards.odds({})
            self._source = ahead(batches(self.maker, odds, config.batch, config.seed, self.step * config.workers))
        values = self.distiller.train_step(self._source)
        return values["error"] + config.features * values["features"]

    def changes(self) -> dict[str, Tensor]:
        state = {f"denoisingUNet.{key}": value for key, value in self.distiller.mean.items()}
        factors = adapters.factors(state) if self.fresh else {}
        rest = {key: value for key, value in self.distiller.weights().items() if key not in factors}
        if factors:
            return {**changes.store_full(self.own, rest, changes.STUDENT), **changes.store_low_rank(factors, changes.STUDENT)}
        return changes.store_bytes(self.own, rest, changes.STUDENT)

    def held_loss(self) -> float | None:
        return None

    def progress(self, share: float) -> None:
        pass

    def save(self, path: Path) -> None:
        self.distiller.save(path)

    def resume(self, path: Path) -> None:
        self.distiller.resume(path)

    def close(self) -> None:
        if self._source is not None:
            self._source.close()


def merged(before: Mapping[str, Tensor], now: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Changes with those of a later phase over them: a network's are changes over the prior themselves, so they replace."""
    replaced = {name.split(".", 1)[0] for name in now}
    return {**{name: value for name, value in before.items() if name.split(".", 1)[0] not in replaced}, **now}
