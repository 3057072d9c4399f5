"""The light of an edit, laid on a photo's pixels: at the network's size, and again at the photo's own."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from core import compose
from core.align import feather, margin
from core.background import Scene, inner
from core.codes import FaceCode
from core.complexion import Complexion, relight_skin
from core.cv import cv2
from core.light_quotient import continued, laid, lamp_edges
from core.motion import MotionField

FINE_SIZE = 640  # side at which the edges of a settled picture's lamps are found
_ROWS = 256  # of a picture that are relit at a time
_SPREAD = 0.006  # how far what the network changed goes on past the person's soft edge, as a share of its side


@dataclass(frozen=True, eq=False)
class Laid:
    """A light in the frame (F, F) around a crop of side `size`.

    factors (F, F, 3): by how much the person's light changes; share (F, F): how much of each pixel's light does. complexion: of
    the photo, (f, f, 3) each. shift (m, m, 2): how far from its place in the photo each pixel is, in pixels of that size; None
    where nothing moves.
    """

    size: int
    factors: np.ndarray
    share: np.ndarray
    complexion: Complexion
    shift: np.ndarray | None

    def on_frame(self, picture: np.ndarray) -> np.ndarray:
        """A frame (F, F, 3), 0..255, in this light."""
        return self._laid(picture, 0)

    def on_crop(self, picture: np.ndarray) -> np.ndarray:
        """The crop (S, S, 3), 0..255, in this light."""
        return self._laid(picture, margin(self.size))

    def _laid(self, picture: np.ndarray, edge: int) -> np.ndarray:
        """A picture that begins so many pixels inside the frame; some rows at a time, for a large photo has many pixels."""
        side, frame = len(picture), len(self.share)
        out = np.empty(picture.shape, np.float32)
        for top in range(0, side, _ROWS):
            rows = slice(top, min(top + _ROWS, side))
            part = np.s_[rows.start + edge:rows.stop + edge, edge:edge + side]
            factors = laid(self.factors[part], self.share[part])
            out[rows] = compose.relight(picture[rows], factors)
            skin = slice(max(self.skin[1].start - edge, 0), max(min(self.skin[1].stop - edge, side), 0))
            if part[0].start < self.skin[0].stop and part[0].stop > self.skin[0].start and skin.stop > skin.start:
                x, y = places((part[0], slice(skin.start + edge, skin.stop + edge)), frame, self.shift)
                found = self.complexion.map(partial(fetched, x=x, y=y, frame=frame))
                out[rows, skin] = relight_skin(picture[rows, skin], factors[:, skin], found)
        return out

    @cached_property
    def skin(self) -> tuple[slice, slice]:
        """The rows and columns of the frame that the complexion can be in."""
        ratio = len(self.share) / len(self.complexion.shine)
        away = 0.0 if self.shift is None else float(np.abs(self.shift).max()) * len(self.share) / len(self.shift)
        rows, columns = (slice(round((part.start - 1) * ratio - away), round((part.stop + 1) * ratio + away))
                         for part in self.complexion.box)
        return slice(max(rows.start, 0), rows.stop), slice(max(columns.start, 0), columns.stop)


def places(part: tuple[slice, slice], frame: int, shift: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """x and y (h, w) float32 in the photo's frame of side `frame` of what a part of it shows. shift: as in `Laid`."""
    y, x = np.mgrid[part].astype(np.float32)
    if shift is None:
        return x, y
    moved = fetched(shift, x, y, frame) * np.float32(frame / len(shift))
    return x + moved[..., 0], y + moved[..., 1]


def fetched(values: np.ndarray, x: np.ndarray, y: np.ndarray, frame: int) -> np.ndarray:
    """Values (f, f) or (f, f, C) of a frame at places (h, w) in it, which count pixels of a frame of side `frame`."""
    ratio = np.float32(len(values) / frame)
    x, y = ((place + np.float32(0.5)) * ratio - np.float32(0.5) for place in (x, y))
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


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
        factors = np.ones((self.size + 2 * margin(self.size),) * 2 + (3,), np.float32)
        inner(factors, self.size)[...] = self.factors if self.edges is None else self.factors * self.edges
        return self._at(self.size, factors).on_crop(picture)

    def at(self, size: int) -> Laid:
        """This light in the frame around a crop of another side."""
        return self._at(size, self._in_frame(size))

    def _at(self, size: int, factors: np.ndarray) -> Laid:
        return Laid(size, factors, self.share(size), self.scene.light.complexion, self._shift)

    @property
    def _shift(self) -> np.ndarray | None:
        return None if self.motion is None else self.motion.shift

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
        """Values (F, F) of the photo's frame where the motion has brought them."""
        shift, frame = self._shift, len(values)
        if shift is None:
            return values
        out = np.empty_like(values)
        for top in range(0, frame, _ROWS):
            rows = slice(top, min(top + _ROWS, frame))
            out[rows] = fetched(values, *places((rows, slice(0, frame)), frame, shift), frame)
        return out
