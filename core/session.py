"""Session: one opened photo with its face chosen and fitted, and what is worked out for it only once."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from core.background import Scene, inner
from core.caches import weight
from core.codes import FaceCode
from core.estimate import FitResult
from core.head.base import HeadModel
from core.landing import Landing
from core.landing_photo import landing_of
from core.landmarks import DetectedFace, FaceFinder
from core.photo import Photo
from core.render.buffers import Buffers, head_vertices, posed_vertices, render_buffers

_MADE_AGAIN = ("native", "crop", "buffers", "reference", "matte", "scene")


@dataclass(frozen=True, eq=False)
class Session:
    """An opened photo, ready to be edited.

    photo: the aligned photo. fit: its fitted parameters. head: the model they belong to. size: side of the network's pictures.
    rasterizer: name of the one that draws its buffers. finder: reads how the photo's edits land; None: edits move the mesh as far
    as they say.
    """

    photo: Photo
    fit: FitResult
    head: HeadModel
    size: int
    rasterizer: str = "numba"
    finder: FaceFinder | None = None
    _variants: dict[tuple[float, ...], Session] = field(default_factory=dict, repr=False)

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

    @property
    def nbytes(self) -> int:
        """Bytes that the photo takes, and what was worked out of it."""
        return weight(self) - weight(self.head)

    def forget(self) -> None:
        """Let go of what can be worked out again in a moment; the photo, its fit and how its edits land stay."""
        for variant in self._variants.values():
            variant.forget()
        self._variants.clear()
        if "scene" in self.__dict__:
            self.scene.forget()
        for name in _MADE_AGAIN:
            self.__dict__.pop(name, None)
        self.photo.forget()

    @cached_property
    def landing(self) -> Landing | None:
        """How far the mesh must go for this photo's edits to read as asked; None for heads that have no table of it."""
        return landing_of(self, self.finder) if self.finder is not None else None

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
        return render_buffers(self.head, self.code, self.size, self.rasterizer)

    @cached_property
    def reference(self) -> np.ndarray:
        """The crop as the paper's pipeline makes it (S, S, 3) uint8: what the method 'paper' and DECA's encoder see."""
        from core.estimate_deca import reference_picture
        return reference_picture(self.photo, self.size)[0]

    def with_identity(self, identity: tuple[float, ...]) -> Session:
        """This photo with another identity in place of its own, its head drawn at the same place; () gives the session itself."""
        if not identity:
            return self
        if identity not in self._variants:
            code = self.code.replace(identity=np.array(identity))
            away = posed_vertices(self.head, code, self.code)[0] - head_vertices(self.head, code)[0]
            code = code.replace(camera=code.camera + np.array([0, away[0], away[1]], np.float32))
            self._variants[identity] = replace(self, fit=replace(self.fit, code=code), _variants={})
        return self._variants[identity]

    @cached_property
    def matte(self) -> np.ndarray:
        """The person's soft matte (S, S) float32 at the network's size."""
        return inner(self.scene.layers(self.size).matte, self.size)

    @cached_property
    def scene(self) -> Scene:
        """What surrounds the face: the person's matte beyond the crop, and the background behind."""
        return Scene(self.photo, self.code, self.head, self.rasterizer)
