"""What a model makes of photos of the person that it was not trained on: pictures from seeded noise beside the photos."""
from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import compose
from core.backends import Backend
from core.conditioning import face_vectors
from core.device import CPU_THREADS
from core.errors import AssetError
from core.evaluate.measures import face_mask
from core.evaluate.picture_measures import colour_shift, drift, drift_error, embedding, identity_distance, perceptual
from core.head import load_head
from core.landmarks import FaceFinder
from core.model import Model
from core.people.person import Person
from core.prior import Prior
from core.request import DEFAULT_STEPS
from core.sampling import sample
from core.train_config import Augment
from core.train_data import Maker, Pictures

_LOST = 1.0  # distance that counts for a picture in which no face is found, where runs are compared
_PICTURES = 4  # measured at least, by more seeds where there are fewer photos


@dataclass(frozen=True)
class Quality:
    """How well held-out photos come back. Means over photos and seeds; NaN where it can't be told.

    perceptual, face: distance to the photo, of the whole crop and inside the outline of the face (1 - HaarPSI, 0 to 1). identity:
    dlib's distance to the photo's face. drift: colour cast in the face that all pictures share, CIE Lab units; drift_error: its
    standard error, NaN of a single photo: few photos tell a cast only so far from chance. lost: pictures without a face, of
    `pictures`. loss: diffusion loss on the photos, for phases that train the denoiser. edit_drift, edit_shift: the cast of edits
    from inverted noise, beside their photos and beside the same edits by the generic model.
    """

    perceptual: float
    face: float
    identity: float
    drift: float
    lost: int = 0
    pictures: int = 0
    loss: float = math.nan
    drift_error: float = math.nan
    edit_drift: float = math.nan
    edit_shift: float = math.nan

    def to_json(self) -> dict[str, Any]:
        """Plain values, NaN as None."""
        return {name: None if isinstance(value, float) and not math.isfinite(value) else value
                for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Quality:
        """What `to_json` gave."""
        known: dict[str, Any] = {name: math.nan if value is None else value for name, value in plain.items()}
        return cls(**known)


class HeldOut:
    """Held-out photos, and what pictures of them are compared with. finder: closed by whoever gave it."""

    def __init__(self, prior: Prior, photos: Pictures, finder: FaceFinder, backend: Backend) -> None:
        self.prior, self.photos, self.backend, self._finder = prior, photos, backend, finder
        maker = Maker(photos, load_head(prior.head), prior.size, Augment())
        self._examples = [maker.plain(i) for i in range(len(photos))]
        self.real = [compose.to_uint8(compose.from_model(example.photo)) for example in self._examples]
        self._masks = [self._mask(picture) for picture in self.real]
        self.seeds = range(max(1, _PICTURES // max(len(photos), 1)))

    @cached_property
    def _own(self) -> list[np.ndarray | None]:
        return [self._embedding(picture) for picture in self.real]

    def model(self, packed: Mapping[str, Tensor]) -> Model:
        """The prior with changes laid on it, as the program would use a person's file with them."""
        return model_of(self.prior, packed, self.backend)

    def made(self, model: Model, seeds: Iterable[int] | None = None) -> list[list[np.ndarray]]:
        """The pictures (S, S, 3) uint8 that a model makes of every photo: a list for each, by seed (None: those of `seeds`)."""
        with threads(CPU_THREADS):
            return [self._made(model, i, self.seeds if seeds is None else list(seeds)) for i in range(len(self.real))]

    def cast(self, made: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """How far the faces of all pictures together are from their photos' colours: (3,) RGB in units of [-1, 1]."""
        found = [[picture[mask > 0].mean(0) - real[mask > 0].mean(0) for picture in pictures]
                 for real, mask, pictures in zip(self.real, self._masks, made, strict=True) if mask is not None and mask.any()]
        return np.mean([np.mean(each, 0) for each in found], 0) / 127.5 if found else np.zeros(3)

    def quality(self, made: Sequence[Sequence[np.ndarray]], loss: float | None = None) -> Quality:
        """Measure pictures of `made`."""
        rows: list[tuple[float, float, float]] = []
        shifts = []
        for real, mask, own, pictures in zip(self.real, self._masks, self._own, made, strict=True):
            for picture in pictures:
                distance = identity_distance(own, self._embedding(picture)) if own is not None else math.nan
                rows.append((perceptual(real, picture), perceptual(real, picture, mask), distance))
            shifts.append(np.mean([colour_shift(picture, real, mask) for picture in pictures], 0))
        values = np.array(rows)
        known = np.isfinite(values[:, 2])
        lost = sum(len(pictures) for own, pictures in zip(self._own, made, strict=True) if own is not None) - int(known.sum())
        return Quality(float(values[:, 0].mean()), float(values[:, 1].mean()),
                       float(values[known, 2].mean()) if known.any() else math.nan, drift(shifts), lost, len(rows),
                       math.nan if loss is None else loss, drift_error(shifts))

    def shift(self, index: int, made: np.ndarray, beside: np.ndarray | None = None) -> np.ndarray:
        """How far the face's colour in a picture of a photo is from that photo's, or from another picture's: (3,) CIE Lab."""
        return colour_shift(made, self.real[index] if beside is None else beside, self._masks[index])

    def _made(self, model: Model, index: int, seeds: Iterable[int]) -> list[np.ndarray]:
        example, painter = self._examples[index], model.painter
        photo, condition = (torch.from_numpy(values)[None].to(painter.device) for values in (example.photo, example.condition))
        code = model.network.encode(photo, condition, face_vectors(self.prior.config, [example.code]))
        pictures = []
        for seed in seeds:
            out = sample(painter.student or painter.network, photo, condition, code, DEFAULT_STEPS, seed, 1.0, painter.sampler)
            pictures.append(compose.to_uint8(compose.from_model(out[0].float().cpu().numpy())))
        return pictures

    def _mask(self, picture: np.ndarray) -> np.ndarray | None:
        faces = self._finder.detect(picture, thorough=False)
        return face_mask(faces[0].points, len(picture)) if faces else None

    def _embedding(self, picture: np.ndarray) -> np.ndarray | None:
        try:
            return embedding(picture, self._finder)
        except AssetError:  # no dlib: identity is not measured, and the doctor says so
            return None


def model_of(prior: Prior, packed: Mapping[str, Tensor], backend: Backend) -> Model:
    """The prior with changes laid on it, as the program would use a person's file with them."""
    if not packed:
        return Model(prior, backend)
    person = Person("", "draft", prior.digest, prior.name, prior.licence, prior.head, prior.size, (), {}, Path(), packed)
    return Model(prior, backend, person)


def score(now: Quality, before: Quality, most: float) -> float:
    """How good a model is beside the one it began with: 1 for equal, less is better. most: drift that is let through.

    The mean of what is left of each distance. A colour cast that is surely beyond the limit outweighs any gain.
    """
    def left(name: str) -> float:
        first, second = getattr(before, name), getattr(now, name)
        return second / first if math.isfinite(first) and math.isfinite(second) and first > 0 else math.nan

    def distance(quality: Quality) -> float:
        if not math.isfinite(quality.identity) or not quality.pictures:
            return math.nan if not quality.lost else _LOST
        return (quality.identity * (quality.pictures - quality.lost) + _LOST * quality.lost) / quality.pictures

    shares = [left("perceptual"), left("face"), distance(now) / distance(before), left("loss")]
    known = [share for share in shares if math.isfinite(share)]
    sure = (now.drift - (now.drift_error if math.isfinite(now.drift_error) else now.drift), now.edit_shift)
    beyond = sum(max(0.0, value - most) for value in sure if math.isfinite(value))
    return (float(np.mean(known)) if known else 1.0) + beyond


def drift_words(now: Quality, before: Quality, most: float, photos: int) -> list[str]:
    """What is to be said of colours that are not surely within the limit."""
    said = []
    if now.edit_shift > most:
        said.append(f"Colours of edits lie {now.edit_shift:.1f} units (CIE Lab) from those of the same edits by the generic "
                    f"model; {most:g} is the most they should.")
    if now.drift > most:
        text = (f"Colours of pictures from seeded noise lie {now.drift:.1f} units (CIE Lab) from the photos'; {most:g} is the "
                f"most they should (the generic model: {before.drift:.1f}).")
        if not math.isfinite(now.drift_error) or now.drift - now.drift_error < most:
            text += f" On {'1 photo' if photos == 1 else f'{photos} photos'} that can't be told from chance."
        said.append(text)
    return said


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """That many threads of computation inside, on the CPU: training itself takes one a worker."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
