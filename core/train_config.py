"""What a training run is told: one JSON file for each published model (resources/configs)."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from core.errors import UserError
from models.config import DenoiserConfig

WEIGHTINGS = ("none", "p2", "min_snr", "capped")


@dataclass(frozen=True)
class Augment:
    """How pictures are varied; every change is made to photo and buffers alike, so that they keep agreeing.

    flip: share of mirrored pictures. zoom: largest cut off the sides, as a share. gain, colour: standard deviations (natural
    log) of brightness and of each channel's gain. relight: share that gets another light, by a quotient image on the photo.
    independent_code: the global code sees a view of its own (mirrored, cut and coloured otherwise), so that it can't carry light
    or pose, which must come from the buffers.
    """

    flip: float = 0.0
    zoom: float = 0.0
    gain: float = 0.0
    colour: float = 0.0
    relight: float = 0.0
    independent_code: bool = False


@dataclass(frozen=True)
class TrainConfig:
    """A training run. Defaults are the reference's Stage 1 (spec section 6).

    network: the model. size: side of the pictures trained on (0: the network's). batch: pictures in one pass. accumulate: passes
    whose gradients a step averages. rate: learning rate after `warmup` steps. decay_to: share of it that is left at the last of
    `steps` (linear). weighting: 'none', 'p2' (on the noise error), 'min_snr' or 'capped' (see core.train.loss_of).
    timestep_bias: 0 draws timesteps evenly, more favours noisy ones. drop_code: share of pictures whose global code is zero.
    face_weight: extra weight of the loss where the head covers. ema: decay of the weights' running mean, 0 for none.
    mix: weight of each shard name prefix, such as {"photos": 1, "art": 1}; empty takes all pictures alike.
    """

    network: DenoiserConfig
    name: str = "prior"
    head: str = "open"
    size: int = 0
    batch: int = 256
    accumulate: int = 1
    rate: float = 1e-4
    warmup: int = 0
    decay_to: float = 1.0
    beta2: float = 0.999
    weight_decay: float = 0.0
    clip: float = 1.0
    weighting: str = "none"
    timestep_bias: float = 0.0
    drop_code: float = 0.0
    face_weight: float = 0.0
    ema: float = 0.0
    seed: int = 0
    steps: int = 50000
    mix: dict[str, float] = field(default_factory=dict)
    hold_back: float = 0.05
    augment: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        if self.weighting not in WEIGHTINGS:
            raise ValueError(f"weighting is {self.weighting!r}, expected one of {', '.join(WEIGHTINGS)}")
        if self.weighting == "p2" and self.network.prediction != "epsilon":
            raise ValueError("P2 weighting is defined for networks that predict epsilon")
        if self.batch < 1 or self.accumulate < 1 or not 0 <= self.hold_back < 1:
            raise ValueError("batch and accumulate must be at least 1, and hold_back in [0, 1)")

    @property
    def side(self) -> int:
        """Side of the pictures trained on, pixels."""
        return self.size or self.network.size

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives an equal configuration back."""
        return {**asdict(self), "network": self.network.to_json()}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> TrainConfig:
        """Raises ValueError for unknown names and impossible values."""
        unknown = set(plain) - {f.name for f in fields(cls)}
        if unknown or "network" not in plain:
            raise ValueError(f"unknown setting {', '.join(sorted(unknown))}" if unknown else "no 'network'")
        try:
            return cls(**{**plain, "network": DenoiserConfig.from_json(plain["network"]),
                          "augment": Augment(**plain.get("augment", {}))})
        except TypeError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def load(cls, path: str | Path) -> TrainConfig:
        """Read a configuration file. Raises UserError when it is missing or wrong."""
        try:
            return cls.from_json(json.loads(Path(path).read_text()))
        except OSError as error:
            raise UserError(f"{path} can't be read ({error.strerror}). Check the path.") from error
        except ValueError as error:
            raise UserError(f"{path} is not a usable training configuration: {error}.") from error
