"""What a denoiser looks like: one dataclass for the published sizes and for the compact default."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

# Channel multipliers of ADM (Dhariwal & Nichol 2021) by image size, which the published checkpoints follow.
REFERENCE_MULT: dict[int, tuple[float, ...]] = {
    64: (1, 2, 3, 4),
    128: (1, 1, 2, 3, 4),
    256: (1, 1, 2, 2, 4, 4),
    512: (0.5, 1, 1, 2, 2, 4, 4),
}
PREDICTIONS = ("epsilon", "velocity")
BUFFERS = ("rendered", "normal", "albedo")  # the order in which every caller gives them, 3 channels each


_TUPLES = ("mult", "attention", "buffers", "encoder_buffers", "vector_of")


@dataclass(frozen=True)
class DenoiserConfig:
    """Shape of the denoiser and its global encoder.

    size: side of the pictures, pixels. base: channel count that `mult` multiplies, one entry a level.
    blocks: residual blocks a level. attention: sides of the feature maps that get self-attention.
    head_channels: channels an attention head; 0 is ONE head of full width, as the published weights need (the shapes
    are the same either way, so a wrong value loads silently). groups: of every GroupNorm.
    patch: pixel-unshuffle factor at the input and pixel-shuffle at the output; 1 works on the pixels themselves.
    direct: whether a linear path leads from the noisy patches to the output (see models.denoiser.DirectPath).
    prediction: what the network's last layer means, 'epsilon' (noise) or 'velocity' (Salimans & Ho 2022).
    code: length of the global code. encoder_width: first channel count of the ResNet-18-shaped encoder.
    schedule, steps: the noise schedule it was trained with.

    What the network is told of the face; the defaults are the published model, the others its ablations (DiffusionRig, section 4
    and supplement). buffers: which physical buffers the denoiser sees beside the noisy picture, in that order, any of `BUFFERS`.
    encoder_buffers: which ones the global encoder sees beside the photo (the feature condition). vector: count of numbers of the
    face code that stand beside the global code (the vector condition), 0 for none; vector_of: the FaceCode fields they come from,
    () for the whole `FaceCode.vector`.

    Raises ValueError for values that can't make a network.
    """

    size: int = 256
    base: int = 128
    mult: tuple[float, ...] = REFERENCE_MULT[256]
    blocks: int = 2
    attention: tuple[int, ...] = (16,)
    head_channels: int = 0
    groups: int = 32
    patch: int = 1
    direct: bool = False
    prediction: str = "epsilon"
    dropout: float = 0.1
    code: int = 64
    encoder_width: int = 64
    buffers: tuple[str, ...] = BUFFERS
    encoder_buffers: tuple[str, ...] = ()
    vector: int = 0
    vector_of: tuple[str, ...] = ()
    schedule: str = "linear"
    steps: int = 1000

    def __post_init__(self) -> None:
        for name in _TUPLES:
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.prediction not in PREDICTIONS:
            raise ValueError(f"prediction is {self.prediction!r}, expected one of {', '.join(PREDICTIONS)}")
        if not self.mult or any(width % self.groups for width in self.widths):
            raise ValueError(f"level widths {self.widths} are not multiples of {self.groups} norm groups")
        if self.size % (self.patch * 2 ** (len(self.mult) - 1)):
            raise ValueError(f"a {self.size} pixel picture can't be halved {len(self.mult) - 1} times "
                             f"after patches of {self.patch}")

        for name in ("buffers", "encoder_buffers"):
            chosen = getattr(self, name)
            if not set(chosen) <= set(BUFFERS) or len(set(chosen)) < len(chosen):
                raise ValueError(f"{name} is {', '.join(chosen)}; expected each at most once of {', '.join(BUFFERS)}")
        if self.vector < 0 or (self.vector_of and not self.vector):
            raise ValueError(f"vector is {self.vector}, but needs the count of numbers that {', '.join(self.vector_of)} hold")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(int(m * self.base) for m in self.mult)

    @property
    def code_width(self) -> int:
        """Numbers that steer the denoiser: the global code and, after it, those of the face code."""
        return self.code + self.vector

    @property
    def code_follows_edit(self) -> bool:
        """Whether the code depends on buffers or face code too, not on the photo alone."""
        return bool(self.encoder_buffers or self.vector)

    @classmethod
    def reference(cls, size: int, base: int = 128, **changes: Any) -> DenoiserConfig:
        """The published layout for 64, 128, 256 or 512 pixels. Raises KeyError for another size."""
        return cls(**{"size": size, "base": base, "mult": REFERENCE_MULT[size], **changes})

    @classmethod
    def compact(cls, size: int = 256, **changes: Any) -> DenoiserConfig:
        """The small layout of the prior that ships: patches of 4, one block a level, velocity."""
        values: dict[str, Any] = {
            "size": size, "base": 64, "mult": (1, 2, 4), "blocks": 1, "groups": 16, "patch": 4, "direct": True,
            "prediction": "velocity", "dropout": 0.0, "encoder_width": 24}
        return cls(**{**values, **changes})

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file; `from_json` gives an equal configuration back."""
        return {**asdict(self), **{name: list(getattr(self, name)) for name in _TUPLES}}

    def to_key(self) -> str:
        """A short text that is equal for equal configurations."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> DenoiserConfig:
        """The configuration written by `to_json`, of this version or an older one.

        Raises ValueError for unknown names or impossible values.
        """
        plain = _migrated(plain)
        unknown = set(plain) - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(f"unknown network setting {', '.join(sorted(unknown))}")
        try:
            return cls(**plain)
        except TypeError as error:
            raise ValueError(f"network settings of the wrong kind: {error}") from error


def _migrated(plain: dict[str, Any]) -> dict[str, Any]:
    """Settings of an older version in today's names: 'condition' counted the channels of all three buffers."""
    if "condition" not in plain:
        return plain
    if plain["condition"] != 3 * len(BUFFERS):
        raise ValueError(f"condition is {plain['condition']}, expected {3 * len(BUFFERS)}; name fewer buffers with 'buffers'")
    return {name: value for name, value in plain.items() if name != "condition"}
