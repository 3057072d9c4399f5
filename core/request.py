"""RenderRequest: everything that determines one image."""
from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from core.errors import ParameterError
from core.rig import Rig

NOISES = ("inverted", "seeded")
SIZES = ("crop", "full")
QUALITIES = ("preview", "settled")
METHODS = ("studio", "paper")
DEFAULT_STEPS = 8
PAPER_STEPS = 20
MAX_STEPS = 200
MAX_GUIDANCE = 3.0


@dataclass(frozen=True)
class RenderRequest:
    """One image to make. Frozen and hashable: an equal request means there is nothing to do.

    photo: digest of the opened photo and face. rig: the edit.
    noise: 'inverted' keeps everything of the photo that the edit doesn't touch; 'seeded' starts from drawn noise.
    seed: of every draw. steps: denoising steps of the settled picture. strength (0..1): how far the model may go from
    its starting picture: with inverted noise the share of the noisiest steps that take part; with seeded noise the
    noise level to start from.
    guidance (0..3): how far past the photo's own buffers the network follows the edited ones: the difference between what it
    makes of both, times this. 1 as they say, less is timid, more exaggerates; 0 leaves the network's part of the edit out.
    prior, person: digests of the weights. size: 'crop' (the aligned square) or 'full' (pasted back into the photo).
    quality: 'preview' (few steps, always finishes) or 'settled'.
    hold_background: keep the photo's own pixels away from what the edit changes.
    method: 'studio', or 'paper': the published chain and nothing else (`core.reference`): seeded noise, `steps` steps of DDIM,
    the whole crop from the network. noise, strength, guidance, quality and hold_background have no part in it.
    identity: the identity coefficients to render with in place of the photo's own (an album's mean shape); () for its own, or
    with a person for the person's.
    transfer: with a person and inverted noise: the noise is found with the prior, so that the person's network makes the photo's
    face its own (identity transfer); without, a person's network gives the photo itself back.
    """

    photo: str
    rig: Rig = field(default_factory=Rig)
    noise: str = "inverted"
    seed: int = 0
    steps: int = DEFAULT_STEPS
    strength: float = 1.0
    prior: str = ""
    person: str | None = None
    size: str = "full"
    quality: str = "settled"
    hold_background: bool = True
    method: str = "studio"
    identity: tuple[float, ...] = ()
    guidance: float = 1.0
    transfer: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("noise", NOISES), ("size", SIZES), ("quality", QUALITIES), ("method", METHODS)):
            if getattr(self, name) not in allowed:
                raise ParameterError(f"{name} is one of {', '.join(allowed)}, not '{getattr(self, name)}'.")
        if not 0.0 <= self.strength <= 1.0:
            raise ParameterError(f"strength goes from 0 to 1, not {self.strength:g}.")
        if not 0.0 <= self.guidance <= MAX_GUIDANCE:
            raise ParameterError(f"guidance goes from 0 to {MAX_GUIDANCE:g}, not {self.guidance:g}.")
        if not 1 <= self.steps <= MAX_STEPS:
            raise ParameterError(f"steps goes from 1 to {MAX_STEPS}, not {self.steps}.")
        if not 0 <= self.seed < 2**63:
            raise ParameterError(f"seed is a whole number from 0 on, not {self.seed}.")

    def to_json(self) -> dict[str, Any]:
        """Plain values for reports and file metadata."""
        return {**{k: v for k, v in asdict(self).items() if k != "rig"}, "rig": self.rig.to_json()}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> RenderRequest:
        """The request written by `to_json`."""
        return cls(**{**plain, "rig": Rig.from_json(plain["rig"]), "identity": tuple(plain.get("identity", ()))})
