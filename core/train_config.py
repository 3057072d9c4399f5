"""What a training run is told: one JSON file for each published model and stage (resources/configs), and changes to it."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from core import paths
from core.errors import UserError
from models.config import DenoiserConfig

WEIGHTINGS = ("none", "p2", "min_snr", "capped")
ENCODERS = ("trained", "frozen", "drifting")
PRECISIONS = ("bfloat16", "float32")
FOLDER = paths.RESOURCES / "configs"
ABLATIONS = FOLDER / "ablations.json"
OWN_LENGTH = "head"  # in place of network.vector: as many numbers as the codes of the head have


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
    encoder: 'trained' (Stage 1); Stage 2 keeps its weights, either wholly ('frozen') or as the reference does ('drifting': it
    stays in train mode, so batch statistics are used and their running means move). precision: 'bfloat16' autocast, or 'float32'.
    input_perturbation: deviation of what is added to the noise of x_t while the target stays (Ning et al. 2023 use 0.1), so that
    the network learns to bear its own errors; 0 for none. checkpointing: activations of the denoiser's stages are computed again
    for the gradient instead of kept: less memory, more time. compile: let torch compile the denoiser, on CUDA only.
    mean_identity: every picture gets the mean identity of all of them before its buffers are drawn: albums of one person.
    rank: of low-rank adapters on the denoiser (`models.adapters`), which are then trained in place of its weights; 0 for none.
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
    encoder: str = "trained"
    precision: str = "bfloat16"
    input_perturbation: float = 0.0
    checkpointing: bool = False
    compile: bool = False
    mean_identity: bool = False
    rank: int = 0

    def __post_init__(self) -> None:
        for name, known in (("weighting", WEIGHTINGS), ("encoder", ENCODERS), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}")
        if self.network.vector and self.augment.flip:
            raise ValueError("the numbers of a face code can't be mirrored with the picture: set augment.flip to 0")
        if self.weighting == "p2" and self.network.prediction != "epsilon":
            raise ValueError("P2 weighting is defined for networks that predict epsilon")
        if self.rank < 0 or (self.rank and self.encoder == "trained"):
            raise ValueError("rank is 0 or more, and adapters are trained with the encoder frozen or drifting")
        if self.input_perturbation < 0:
            raise ValueError("input_perturbation must be 0 or more")
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
            network = DenoiserConfig.from_json(_with_length(plain["network"], plain.get("head", "open")))
            return cls(**{**plain, "network": network, "augment": Augment(**plain.get("augment", {}))})
        except TypeError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def load(cls, path: str | Path, changes: Mapping[str, Any] | None = None) -> TrainConfig:
        """Read a configuration file, or the one of that name in resources/configs.

        changes: see `changed`. Raises UserError when it is missing or wrong.
        """
        ours = FOLDER / f"{path}.json"
        plain = _read(ours if not Path(path).exists() and ours.is_file() else Path(path))
        try:
            config = cls.from_json(plain)
        except ValueError as error:
            raise UserError(f"{path} is not a usable training configuration: {error}.") from error
        return config.changed(changes or {})

    def changed(self, changes: Mapping[str, Any]) -> TrainConfig:
        """This configuration with other values, by dotted names such as 'network.buffers' or 'rate'.

        A text (from a command line) is read as the present value's kind: lists are separated by commas. Raises UserError.
        """
        plain = self.to_json()
        try:
            for key, value in changes.items():
                _set(plain, key, value)
            return type(self).from_json(plain)
        except ValueError as error:
            raise UserError(f"The training configuration can't be changed so: {error}.") from error


def ablation(name: str) -> dict[str, Any]:
    """What an ablation of the paper changes in a configuration (resources/configs/ablations.json). Raises UserError."""
    known = _read(ABLATIONS)
    if name not in known:
        raise UserError(f"There is no ablation '{name}'. There are {', '.join(known)}.")
    return known[name]


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE texts of a command line. Raises UserError for one without '='."""
    for text in texts:
        if "=" not in text:
            raise UserError(f"--set takes NAME=VALUE, such as rate=1e-4, not '{text}'.")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _read(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}). Check the path.") from error
    except ValueError as error:
        raise UserError(f"{path} is not a usable training configuration: {error}.") from error
    if not isinstance(plain, dict):
        raise UserError(f"{path} is not a usable training configuration: it holds no settings by name.")
    return plain


def _with_length(network: Any, head: str) -> Any:
    """Network settings with the count of numbers in place of 'head'."""
    if not isinstance(network, dict) or network.get("vector") != OWN_LENGTH:
        return network
    from core.conditioning import vector_length
    from core.head import load_head

    return {**network, "vector": vector_length(load_head(head), tuple(network.get("vector_of", ())))}


def _set(plain: dict[str, Any], key: str, value: Any) -> None:
    *folders, name = key.split(".")
    for folder in folders:
        plain = plain.get(folder, {})
    if not isinstance(plain, dict) or name not in plain:
        raise ValueError(f"there is no setting '{key}'")
    plain[name] = _as_kind_of(plain[name], value, key) if isinstance(value, str) else value


def _as_kind_of(before: Any, text: str, key: str) -> Any:
    if isinstance(before, list):
        return [_plain(part) for part in text.split(",") if part]
    if isinstance(before, str) or (key == "network.vector" and text == OWN_LENGTH):
        return text
    value = _plain(text)
    kinds = (int, float) if isinstance(before, (int, float)) and not isinstance(before, bool) else type(before)
    if not isinstance(value, kinds) or (isinstance(value, bool) and not isinstance(before, bool)):
        raise ValueError(f"'{key}' can't be '{text}'")
    return value


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
