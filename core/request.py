"""RenderRequest: everything that determines one image."""
from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
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
_MOST_NUMBERS, _MOST_COPIES, _LONGEST_NAME = 4096, 16, 400  # of a file that somebody else may have written
DEFAULT_REACH = 0.5


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
    reach (0..1): with the background held, how far from the head the change may go: 0 the head itself, 0.5 its hair, neck and
    shoulders too, 1 the whole crop.
    method: 'studio', or 'paper': the published chain and nothing else (`core.reference`): seeded noise, `steps` steps of DDIM,
    the whole crop from the network. noise, strength, guidance, quality, hold_background and reach have no part in it.
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
    reach: float = DEFAULT_REACH

    def __post_init__(self) -> None:
        for name, allowed in (("noise", NOISES), ("size", SIZES), ("quality", QUALITIES), ("method", METHODS)):
            if getattr(self, name) not in allowed:
                raise ParameterError(f"{name} is one of {', '.join(allowed)}, not '{getattr(self, name)}'.")
        if not 0.0 <= self.strength <= 1.0:
            raise ParameterError(f"strength goes from 0 to 1, not {self.strength:g}.")
        if not 0.0 <= self.guidance <= MAX_GUIDANCE:
            raise ParameterError(f"guidance goes from 0 to {MAX_GUIDANCE:g}, not {self.guidance:g}.")
        if not 0.0 <= self.reach <= 1.0:
            raise ParameterError(f"reach goes from 0 to 1, not {self.reach:g}.")
        if not 1 <= self.steps <= MAX_STEPS:
            raise ParameterError(f"steps goes from 1 to {MAX_STEPS}, not {self.steps}.")
        if not 0 <= self.seed < 2**63:
            raise ParameterError(f"seed is a whole number from 0 on, not {self.seed}.")

    def to_json(self) -> dict[str, Any]:
        """Plain values for reports and file metadata."""
        return {**{k: v for k, v in asdict(self).items() if k != "rig"}, "rig": self.rig.to_json()}

    @classmethod
    def from_json(cls, plain: Any) -> RenderRequest:
        """The request written by `to_json`, from whatever file it comes; unknown keys are passed over.

        Raises ParameterError that says what is odd, for anything else.
        """
        if not isinstance(plain, dict):
            raise ParameterError("It holds no edit.")
        known = {part.name: part for part in fields(cls)}
        given = {name: _checked(name, value, known[name].default) for name, value in plain.items() if name in known}
        given["photo"] = given.get("photo", "")
        return cls(**{**given, "rig": _rig(plain.get("rig"))})


def _checked(name: str, value: Any, default: Any) -> Any:
    """A field's value with the type of its default. Raises ParameterError."""
    odd = ParameterError(f"Its {name} is odd: {ascii(value)[:40]}.")
    if name == "rig" or value is None and name == "person":
        return value
    if name == "identity":
        if not isinstance(value, list | tuple) or len(value) > _MOST_NUMBERS or not all(map(_is_number, value)):
            raise odd
        return tuple(map(float, value))
    if isinstance(default, bool):
        fits = isinstance(value, bool)
    elif isinstance(default, float):
        fits = _is_number(value)
    elif isinstance(default, int):
        fits = isinstance(value, int) and not isinstance(value, bool)
    else:
        fits = isinstance(value, str) and len(value) <= _LONGEST_NAME
    if not fits:
        raise odd
    return float(value) if isinstance(default, float) else value


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _rig(plain: Any) -> Rig:
    """The rig of a file. Raises ParameterError: names and values are looked at once a head is known (`core.rig.check`)."""
    try:
        if not isinstance(plain, dict) or not isinstance(plain.get("values"), dict):
            raise ValueError("it holds no names and values")
        values, copies = plain["values"], plain.get("copies", ())
        if not isinstance(copies, list | tuple) or not all(isinstance(copy, dict) for copy in copies):
            raise ValueError("its copied blocks are no list")
        if len(values) > _MOST_NUMBERS or len(copies) > _MOST_COPIES or not all(
                isinstance(name, str) and len(name) <= _LONGEST_NAME for name in values):
            raise ValueError("too much of it")
        for copy in copies:
            if not all(isinstance(text, str) and len(text) <= _LONGEST_NAME for text in (copy["photo"], copy.get("label", ""))):
                raise ValueError("a copied block without a photo")
        for name, value in values.items():
            colour = isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_number, value))
            if not colour and not _is_number(value):
                raise ValueError(f"the value of '{name[:40]}' is no number and no colour")
        return Rig.from_json(plain)
    except ParameterError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        words = " ".join(str(error).split()) if type(error) is ValueError else "a part of it is damaged"
        said = "".join(mark if mark.isprintable() else "?" for mark in words)
        raise ParameterError(f"The edit in it is no rig ({said[:120]}).") from error
