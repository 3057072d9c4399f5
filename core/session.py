"""Session: one opened photo with its face chosen and fitted, and what is worked out for it only once."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.codes import FaceCode
from core.estimate import FitResult
from core.head.base import HeadModel
from core.landmarks import DetectedFace
from core.matte import person_matte
from core.photo import Photo
from core.render.buffers import Buffers, render_buffers


@dataclass(frozen=True, eq=False)
class Session:
    """An opened photo, ready to be edited.

    photo: the aligned photo. fit: its fitted parameters. head: the model they belong to. size: side of the network's pictures.
    """

    photo: Photo
    fit: FitResult
    head: HeadModel
    size: int

    @property
    def code(self) -> FaceCode:
        """The fitted parameters."""
        return self.fit.code

    @property
    def faces(self) -> tuple[DetectedFace, ...]:
        """All usable faces of the photo, largest first."""
        return self.photo.faces

    @property
    def face(self) -> int:
        """Index of the chosen face in `faces`."""
        return self.photo.index

    @property
    def digest(self) -> str:
        """Names this photo and face in requests."""
        return self.photo.digest

    @cached_property
    def native(self) -> np.ndarray:
        """The crop at the photo's own resolution (N, N, 3) uint8."""
        return self.photo.crop()

    @cached_property
    def crop(self) -> np.ndarray:
        """The crop at the network's size (S, S, 3) uint8."""
        return self.photo.crop(self.size)

    @cached_property
    def buffers(self) -> Buffers:
        """The buffers of the photo as it is, at the network's size."""
        return render_buffers(self.head, self.code, self.size)

    @cached_property
    def matte(self) -> np.ndarray:
        """The person's soft matte (S, S) float32 at the network's size."""
        return person_matte(self.crop, self.buffers.coverage)
