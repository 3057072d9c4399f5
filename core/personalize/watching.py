"""What is looked at while a model is trained: pictures of held-out photos, their measures and colours, and sample sheets."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from core.backends import Backend
from core.evaluate.picture_measures import drift
from core.landmarks import FaceFinder
from core.model import Model
from core.personalize.colour import Anchor
from core.personalize.measure import HeldOut, Quality
from core.personalize.samples import EDITS, Edits, write_sheet
from core.prior import Prior
from models import changes

if TYPE_CHECKING:
    from core.album import Album

_SHOWN = 4  # photos on a sample sheet
_COLOURS = 12  # photos that colours are kept by
_EDIT, _EDITED = "smile", 2  # what is done to how many photos, to see whether edits keep their colours


@dataclass(frozen=True, eq=False)
class Look:
    """One look at a model. packed: its changes, colours kept, as they were measured and can be stored. quality: what they are
    worth. pictures: one of each photo. model: the networks."""

    packed: dict[str, Tensor]
    quality: Quality
    pictures: list[np.ndarray]
    model: Model


class Watching:
    """The photos that a run is watched by.

    held: those that are kept out of the training; () watches some of the others, which tells colours but not how good a model is.
    trained: those that are trained on. identity (K,): what all of them are rendered with.
    """

    def __init__(self, prior: Prior, album: Album, held: tuple[str, ...], trained: list[str], identity: np.ndarray,
                 finder: FaceFinder, backend: Backend) -> None:
        self.held = held
        self.photos = HeldOut(prior, album.pictures(list(held) or trained[:_SHOWN], identity), finder, backend)
        self.anchor = Anchor(prior, HeldOut(prior, album.pictures(trained[:_COLOURS], identity), finder, backend))
        self._edits = Edits(prior, self.photos.photos, 0, finder, tuple(EDITS))
        self._smiles = [(i, Edits(prior, self.photos.photos, i, finder, (_EDIT,)))
                        for i in range(min(_EDITED, len(self.photos.real)))]
        self._smiled: list[list[np.ndarray]] = []
        self.first = self._look({}, None)

    def look(self, raw: Mapping[str, Tensor], loss: float | None = None, rounds: int = 0, seeds: int = 1) -> Look:
        """Correct the colours of a model's changes, and measure it. loss: on the held-out photos, where it is known. rounds:
        corrections (0: one, or two for the first time); seeds: pictures of each photo that they are made by."""
        self.anchor.follow(raw, rounds or (1 if self.anchor.delta.any() else 2), seeds)
        return self._look(self.anchor.laid(raw), loss)

    def _look(self, packed: dict[str, Tensor], loss: float | None) -> Look:
        model = self.photos.model(packed)
        made = self.photos.made(model)
        own, beside = self._after_edits(model, packed)
        quality = replace(self.photos.quality(made, loss), edit_drift=own, edit_shift=beside)
        return Look(packed, quality, [pictures[0] for pictures in made], model)

    def _after_edits(self, model: Model, packed: Mapping[str, Tensor]) -> tuple[float, float]:
        """The cast of edits from inverted noise, which users see of a colour shift: beside the photos, and beside the same edits
        by the generic model. The few-step student has no part in them."""
        changed = not self._smiled or any(name.startswith(changes.NETWORK) for name in packed)
        smiled = [edits.made(model) for _, edits in self._smiles] if changed else self._smiled
        self._smiled = self._smiled or smiled
        found = [(i, now[0], then[0]) for (i, _), now, then in zip(self._smiles, smiled, self._smiled, strict=True) if now]
        return (drift([self.photos.shift(i, now) for i, now, _ in found]),
                drift([self.photos.shift(i, now, then) for i, now, then in found]))

    def sheet(self, file: Path, look: Look) -> list[str]:
        """Write a sample sheet: rows of photos, of the first and of the newest pictures, and edits. Returns the edits' names."""
        shown = slice(_SHOWN)
        kind = "kept out of the training" if self.held else "trained on"
        write_sheet(file, {f"photos, {kind}": self.photos.real[shown],
                           "from seeded noise, the generic model": self.first.pictures[shown],
                           "from seeded noise, the personal model now": look.pictures[shown],
                           "edits of the first photo": [self._edits.photo, *self._edits.made(look.model)]}, self._edits.names)
        return self._edits.names
