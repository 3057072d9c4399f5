"""The light of an edit, laid on a photo's pixels: at the network's size, and again at the photo's own."""
from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from core import compose
from core.align import feather, margin
from core.background import Scene, carried_values, inner
from core.codes import FaceCode
from core.complexion import Complexion, relight_skin
from core.cv import cv2
from core.light_quotient import continued, laid, lamp_edges
from core.motion import MotionField

FINE_SIZE = 640  # side at which the edges of a settled picture's lamps are found
_SPREAD = 0.006  # how far what the network changed goes on past the person's soft edge, as a share of its side


@dataclass(frozen=True, eq=False)
class Laid:
    """A light in the frame (F, F) around a crop of side `size`. share (F, F): how much of each pixel's light changes; factors
    (F, F, 3): by how much, 1 where that is nothing; complexion: of the photo there."""

    size: int
    share: np.ndarray
    factors: np.ndarray
    complexion: Complexion

    def on_frame(self, picture: np.ndarray) -> np.ndarray:
        """A frame (F, F, 3), 0..255, in this light."""
        return relight_skin(picture, self.factors, self.complexion)

    def on_crop(self, picture: np.ndarray) -> np.ndarray:
        """The crop (S, S, 3), 0..255, in this light."""
        cut = partial(inner, size=self.size)
        return relight_skin(picture, cut(self.factors), self.complexion.map(cut))


@dataclass(frozen=True, eq=False)
class Relighting:
    """The light of an edit. scene: that it falls on; code: the lamps and the head they light.

    factors (S, S, 3): the quotient on the head and around it, at the network's size S; edges (S, S, 3): what its blur lacks of
    those of lamps (`core.light_quotient`), None where there are none. motion: in the frame around the crop, None where nothing
    moves. reach: the request's. settled: whether the lamps' edges may take their time.
    """

    scene: Scene
    code: FaceCode
    factors: np.ndarray
    edges: np.ndarray | None
    motion: MotionField | None
    reach: float
    settled: bool

    @property
    def changes(self) -> bool:
        """Whether it is another light than the photo's."""
        return bool(self.factors.min() != 1.0 or self.factors.max() != 1.0)

    @property
    def size(self) -> int:
        """Side of the network's pictures."""
        return len(self.factors)

    def share(self, size: int) -> np.ndarray:
        """How much of each pixel's light changes (F, F), in the frame around a crop of that side: the person's, and with a wide
        reach the background's."""
        share = self._carried(self.scene.light.share(size))
        return share + (1 - share) * np.float32(max(2 * self.reach - 1, 0))

    def start(self, picture: np.ndarray) -> np.ndarray:
        """A crop (S, S, 3), 0..255, at the network's size in this light."""
        cut = partial(inner, size=self.size)
        factors = self.factors if self.edges is None else self.factors * self.edges
        found = self.scene.light.complexion(self.size).map(self._carried).map(cut)
        return relight_skin(picture, laid(factors, cut(self.share(self.size))), found)

    def at(self, size: int) -> Laid:
        """This light in the frame around a crop of another side."""
        share = self.share(size)
        return Laid(size, share, laid(self._in_frame(size), share), self.scene.light.complexion(size).map(self._carried))

    def held(self, change: np.ndarray, side: int) -> np.ndarray:
        """What the network changed (S, S, 3), in a crop of another side (N, N, 3): of the person alone, up to their exact edge,
        past which the network's own pixels reach."""
        own = inner(self.share(self.size), self.size)
        firm, sigma = own * own, _SPREAD * self.size
        around = cv2.GaussianBlur(change * firm[..., None], (0, 0), sigma)
        around /= np.maximum(cv2.GaussianBlur(firm, (0, 0), sigma), 1e-3)[..., None]
        spread = change + (around - change) * (1 - own)[..., None]
        return compose.resize(spread, side) * inner(self.share(side), side)[..., None]

    def _in_frame(self, side: int) -> np.ndarray:
        """The quotient (F, F, 3) in the frame around the crop: beyond the crop the person's body follows, less and less."""
        matte, half = self._carried(self.scene.layers(self.size).matte), self.size // 2  # they are smooth: half will do
        coarse = compose.resize(self.factors, half), compose.resize(matte, half + 2 * margin(half))
        factors = compose.resize(continued(*coarse, margin(half), 2 * self.reach), side + 2 * margin(side))
        fine = self.on_face(side)
        inner(factors, side)[...] += (fine - inner(factors, side)) * feather(side)[..., None]
        return factors

    def on_face(self, side: int) -> np.ndarray:
        """The quotient in the crop at another side length. Lamps have edges that the network's size can't hold: a settled picture
        takes them from buffers of a finer size."""
        factors, edges = compose.resize(self.factors, side), self.edges
        if edges is None:
            return factors
        size, scene = min(side, FINE_SIZE), self.scene
        if self.settled and size > self.size:
            edges = lamp_edges(scene.head, self.code, scene.code, size, scene.rasterizer)
        return factors * compose.resize(edges, side)

    def _carried(self, values: np.ndarray) -> np.ndarray:
        """Values (F, F) or (F, F, C) of the photo's frame where the motion has brought them."""
        return values if self.motion is None else carried_values(values, self.motion.scaled(len(values)))
