"""The room around a head: who belongs to the foreground, and what stands behind.

A turned head uncovers background and covers other background; its hair turns with it, also where it leaves the face crop. So
motion is laid on in a frame wider than the crop, in two layers: the person, cut out by a soft matte and moved, over a background
that stays where it is. Behind the person it is completed once for each photo (`core.background_fill`).
"""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.align import margin
from core.background_crown import matte_beyond, person_beyond
from core.background_fill import fill
from core.cv import cv2
from core.lids.edit import Eyes, LidEdit
from core.matte import person_matte
from core.motion import MotionField, extent, fill_from, motion_field, soften_seams
from core.mouth import around_mouth, mouth_of
from core.mouth_look import MouthLook, look_of
from core.mouth_own import with_own
from core.mouth_paint import paint_mouth
from core.render.buffers import Buffers, render_buffers
from core.scene_light import SceneLight

if TYPE_CHECKING:
    from core.codes import FaceCode
    from core.head.base import HeadModel
    from core.photo import Photo

_MATTE_SIZE = 256  # side of the crop at which the foreground is found
_FILL_SIZE = 640  # largest side of the frame at which the background's colours are completed
_HAIRLINE = 0.01  # a matte under this is background for sure
_RIM, _STRANDS = 0.014, 0.12  # width of the rim that goes with the person, and before an even background; of the frame's side
_EVEN, _PLAIN = 2.5, 20.0  # of 255: grain and difference of tones up to which a background is a plain wall


def widened(code: FaceCode, size: int) -> FaceCode:
    """The code that draws a head into the frame around a crop of side `size`, at the same scale."""
    k = (size + 2 * margin(size)) / size
    box = np.array(code.box, np.float64)
    return code.replace(box=np.array([box[0] / k, 0.5 + (box[1] - 0.5) / k, 0.5 + (box[2] - 0.5) / k]))


def inner(values: np.ndarray, size: int) -> np.ndarray:
    """The crop of side `size` inside values of its frame."""
    edge = margin(size)
    return values[edge:edge + size, edge:edge + size]


@dataclass(frozen=True, eq=False)
class Layers:
    """A photo's frame taken apart, around a crop of side `size`; F = size + 2 * margin(size).

    photo (F, F, 3) uint8; matte (F, F) float32: 1 on the person; plate (F, F, 3) uint8: what stands behind the person.
    """

    size: int
    photo: np.ndarray
    matte: np.ndarray
    plate: np.ndarray


@dataclass(frozen=True, eq=False)
class Scene:
    """What surrounds the face of an opened photo; each part is worked out when it is first asked for, and kept.

    code: the face in it. lids: what was done to its eyes, for a scene that `with_lids` made of another, its `base`.
    """

    photo: Photo
    code: FaceCode
    head: HeadModel
    rasterizer: str = "numba"
    lids: LidEdit | None = None
    base: Scene | None = field(default=None, repr=False)
    _layers: dict[int, Layers] = field(default_factory=dict, repr=False)
    _own: dict[int, Buffers] = field(default_factory=dict, repr=False)
    _looking: dict[FaceCode, Scene] = field(default_factory=dict, repr=False)

    @property
    def native(self) -> int:
        """Side of the crop at the photo's own resolution."""
        return self.photo.native_size

    def forget(self) -> None:
        """Let go of the parts that know this scene: without that, only the collector would find that nobody needs it."""
        self._looking.clear()
        self.__dict__.pop("light", None)

    @cached_property
    def free_sides(self) -> tuple[bool, ...]:
        """For each side of the frame (top, right, bottom, left) whether the photo ends before it."""
        return self.photo.alignment.open_sides(self.photo.pixels.shape)

    @cached_property
    def eyes(self) -> Eyes:
        """The photo's eyes, ready to be painted."""
        return Eyes(self.photo, self.code, self.head)

    def with_lids(self, edited: FaceCode) -> Scene:
        """This scene once the eyes have done what an edit asks of them; itself where that is nothing that can be painted."""
        lids = self.eyes.edit(edited)
        if lids is None:
            return self
        if lids.code not in self._looking:  # the newest alone: while something else is dragged, the eyes stay
            self._looking.clear()
            self._looking[lids.code] = Scene(self.photo, lids.code, self.head, self.rasterizer, lids, self)
        return self._looking[lids.code]

    def buffers(self, code: FaceCode, size: int) -> Buffers:
        """The buffers of a code in the frame around a crop of side `size`."""
        own = widened(self.code, size)
        return render_buffers(self.head, widened(code, size), size + 2 * margin(size), self.rasterizer, recentre_from=own)

    def layers(self, size: int) -> Layers:
        """The frame's layers around a crop of side `size`, at most the native one."""
        if size not in self._layers and self.base is not None and self.lids is not None:
            made = self.base.layers(size)
            self._layers[size] = replace(made, photo=self.lids.painted(made.photo, size))
        if size not in self._layers:
            frame = size + 2 * margin(size)
            if size == self.native:
                made = Layers(size, self._photo, self.matte, self._plate)
            else:
                made = Layers(size, *(cv2.resize(a, (frame, frame), interpolation=cv2.INTER_AREA if size < self.native else
                                                 cv2.INTER_CUBIC) for a in (self._photo, self.matte, self._plate)))
            self._layers[size] = made
        return self._layers[size]

    @cached_property
    def inside(self) -> tuple[int, int, int, int]:
        """The part of the frame (top, bottom, left, right) that the photo has; its top, where the head is: edges are slanted."""
        size = self.native + 2 * margin(self.native)
        height, width = self.photo.pixels.shape[:2]
        place = np.arange(size) + 0.5 - margin(self.native)

        def held(x: np.ndarray, y: np.ndarray, axis: int) -> tuple[int, int]:
            x, y = np.meshgrid(x, y)
            at = self.photo.alignment.to_photo(np.stack([x.ravel(), y.ravel()], 1), self.native)
            share = ((at > 0) & (at < (width, height))).all(1).reshape(x.shape).mean(axis)
            lines = np.flatnonzero(share > 0.8 * share.max())
            return (int(lines[0]), int(lines[-1]) + 1) if len(lines) else (0, size)

        crown = place[(place > self.native / 3) & (place < 2 * self.native / 3)]
        return held(crown, place, 1)[0], held(place[::8], place, 1)[1], *held(place, place[::8], 0)

    @cached_property
    def _photo(self) -> np.ndarray:
        """Beyond the photo's own edge, the person goes on where it touches that edge, and otherwise the background does."""
        picture, matte, plate = self.photo.alignment.frame(self.photo.pixels), self.matte[..., None], self._plate
        out, person = picture.copy(), person_beyond(picture, self.matte, self.photo)
        for part in self._beyond():
            out[part] = plate[part] + (person[part] - plate[part]) * matte[part]
        return out

    def _beyond(self) -> tuple[tuple[slice, slice], ...]:
        top, bottom, left, right = self.inside
        whole = slice(None)
        return (slice(0, top), whole), (slice(bottom, None), whole), (whole, slice(0, left)), (whole, slice(right, None))

    @cached_property
    def matte(self) -> np.ndarray:
        """The person's soft matte in the native frame (F, F) float32."""
        frame = self.photo.alignment.frame(self.photo.pixels)
        top, bottom, left, right = self.inside
        coverage = cv2.resize(self.buffers(self.code, _MATTE_SIZE).coverage, frame.shape[:2], interpolation=cv2.INTER_LINEAR)
        part = np.s_[top:bottom, left:right]
        matte = person_matte(frame[part], coverage[part], self.native / max(bottom - top, right - left))
        return matte_beyond(matte, self.inside, coverage, self.native)

    @cached_property
    def light(self) -> SceneLight:
        """What another light meets in the photo."""
        return SceneLight(self) if self.base is None else self.base.light

    @cached_property
    def _plate(self) -> np.ndarray:
        frame = self.photo.alignment.frame(self.photo.pixels)
        top, bottom, left, right = self.inside
        part = np.s_[top:bottom, left:right]
        plate = background_plate(frame[part], self.matte[part])
        side = frame.shape[0]
        return cv2.copyMakeBorder(plate, top, side - bottom, left, side - right, cv2.BORDER_REFLECT_101)

    @cached_property
    def _look(self) -> MouthLook:
        size = min(self.native, _MATTE_SIZE)
        own = self.buffers(self.code, size)
        photo, code = self.layers(self.native).photo, widened(self.code, self.native)
        look = look_of(photo, own.rendered, around_mouth(self.head, own), self.native)
        return with_own(look, photo, mouth_of(self.head, code, code, look))

    def motion(self, edited: FaceCode, size: int, reach: float = 0.5) -> tuple[MotionField, Buffers]:
        """The motion from the photo to an edited code in the frame around a crop of side `size`, and the edited buffers there."""
        after, matte = self.buffers(edited, size), self.layers(size).matte
        if size not in self._own:
            self._own[size] = self.buffers(self.code, size)
        own, wide = widened(self.code, size), widened(edited, size)
        mouth = mouth_of(self.head, own, wide, self._look)
        lids = self.lids.changed(self.layers(size).photo, size) > 0 if self.lids is not None else None
        found = motion_field(self.head, own, wide, self._own[size], after, size, self.free_sides, reach, matte, lids,
                             mouth is not None)
        person = np.maximum(matte, carried_values(matte, found)) > _HAIRLINE  # the background's motion moves nothing
        near = cv2.dilate(person.astype(np.float32), np.ones((round(_STRANDS * len(person)),) * 2))
        return replace(found, moved=found.moved * cv2.blur(near, (5, 5)), mouth=mouth), after


def background_plate(photo: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The photo (H, W, 3) uint8, about square, with the person of a matte (H, W) taken out; where there is none, the photo.

    Before a plain wall a wide rim goes too: there it holds nothing but strands of hair too thin for the matte.
    """
    shape, frame = photo.shape[1::-1], max(photo.shape[:2])
    side = min(frame, _FILL_SIZE)
    small = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    person = cv2.resize(matte, (side, side), interpolation=cv2.INTER_AREA) > _HAIRLINE
    wide = _dilated(person, _STRANDS * side)
    hole = wide if _even(small, wide) else _dilated(person, _RIM * side)
    large = cv2.resize(fill(small, hole), shape, interpolation=cv2.INTER_CUBIC)
    soft = cv2.resize(hole.astype(np.float32), shape, interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(soft, (0, 0), 0.25 * _RIM * frame)
    out = photo + (large - photo) * np.clip(2 * soft - 0.8, 0, 1)[..., None]
    return (np.clip(out, 0, 255) + 0.5).astype(np.uint8)


def _dilated(mask: np.ndarray, by: float) -> np.ndarray:
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) < max(by, 1.0)


def _even(picture: np.ndarray, unknown: np.ndarray) -> bool:
    """Whether the background of a picture (S, S, 3) is a plain wall, as far as it is known."""
    known = cv2.erode((~unknown).astype(np.uint8), np.ones((9, 9))) > 0
    if known.mean() < 0.05:
        return False
    rough = np.abs(picture - cv2.GaussianBlur(picture, (0, 0), 2.5)).mean(-1)[known]
    return bool(np.percentile(rough, 95) < _EVEN and picture[known].std(0).max() < _PLAIN)


def moved_frame(layers: Layers, motion: MotionField, rendered: np.ndarray) -> np.ndarray:
    """The frame (F, F, 3) float32, 0..255, with the person moved by a field over the background that stays.

    A pixel of the photo is matte * person + (1 - matte) * background: only what it shows of the person is moved, and the
    background of the new place is put behind it. Nothing has to know the person's own colour at a soft edge.
    """
    photo = layers.photo.astype(np.float32)
    if motion.is_identity:
        return photo
    coarse = extent(motion.moved, 2)
    ratio = photo.shape[0] / motion.size
    rows, columns = (slice(round(part.start * ratio), min(round(part.stop * ratio), photo.shape[0])) for part in coarse)
    shape = columns.stop - columns.start, rows.stop - rows.start

    def finer(values: np.ndarray) -> np.ndarray:
        return cv2.resize(np.ascontiguousarray(values[coarse]), shape, interpolation=cv2.INTER_LINEAR)

    shift = finer(motion.shift) * np.float32(ratio)
    y, x = np.mgrid[rows, columns].astype(np.float32)
    x, y = x + shift[..., 0], y + shift[..., 1]
    top, left = max(int(y.min()) - 4, 0), max(int(x.min()) - 4, 0)
    source = np.s_[top:max(int(y.max()) + 5, top + 8), left:max(int(x.max()) + 5, left + 8)]
    behind = (1 - layers.matte[source])[..., None]
    stack = np.concatenate([photo[source] - behind * layers.plate[source], layers.matte[source][..., None]], -1)
    moved = cv2.remap(stack, x - left, y - top, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    part = moved[..., :3] + (1 - np.clip(moved[..., 3:], 0, 1)) * layers.plate[rows, columns]
    if motion.fill.any():
        fill_from(part, finer(motion.fill), finer(motion.light), finer(rendered), layers.size)
    soften_seams(part, motion.shift[coarse])
    if motion.mouth is not None:
        paint_mouth(part, (rows.start, columns.start), layers.photo, motion.mouth)
    share = np.minimum(4 * finer(motion.moved), 1)[..., None]  # where nothing moves the photo stays, to the last bit
    photo[rows, columns] += (part - photo[rows, columns]) * share
    return photo


def carried_values(values: np.ndarray, motion: MotionField) -> np.ndarray:
    """Values (F, F) of the photo's frame where the motion has brought them."""
    return cv2.remap(values, motion.fetch[..., 0], motion.fetch[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
