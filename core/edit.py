"""How one picture is made: a starting picture moved and relit by the mesh, and what the network makes of it.

The starting picture comes from the photo's own pixels: where the edit moves the face, the mesh's motion field moves them first
(`core.motion`); where its shading changes, because the light is another or the head turned and bent under it, a share of the
change is laid on as a quotient image. The rest is the network's: the noise is inverted from the starting picture under buffers
that describe it, and denoised under the edited ones. With no edit the two are the same and the photo comes back.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from core import compose
from core.align import feather, margin
from core.background import Scene, carried_values, inner, moved_frame
from core.codes import FaceCode
from core.cv import cv2
from core.diffusion import Inversion, edit, guided, invert, timesteps
from core.light_lamps import between
from core.light_quotient import even_in_mouth, exactness, inside_mouth, lamp_edges, quotient
from core.motion import MotionField
from core.relighting import Relighting
from core.render.buffers import Buffers, render_buffers
from core.request import RenderRequest
from core.sampling import Sampler, sample
from core.session import Session
from core.shadows import MAP, RAYS
from core.watch import OnStep
from models.rig_model import NoisePredictor

Cache = Callable[[tuple[Any, ...], Callable[[], Inversion]], Inversion]

# Timestep of a preview's one step. The noisier, the more the buffers decide; chosen with benchmarks/steps.py.
PREVIEW_TIMESTEP = 850
PREVIEW_EVALUATIONS = 2  # of the seeded path; an edit's preview also takes two: one under its own buffers, one under the target
# Share of a change of shading, by other light or by the head's own turning and bending, that the starting picture already shows;
# the network adds the rest. Chosen with 'main.py evaluate landing': a young prior alone relights too timidly.
SHADING_SHARE = 0.75
_DARK_ALBEDO = 0.04  # under this (pupils, the mouth) a rendering says nothing of the light
MOTION_SIZE = 448  # side at which a settled picture's motion is found
PREVIEW_SIDE = 448  # largest side of the crop at which a preview's moved or relit pixels are made


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished picture at the photo's own resolution, before it is rounded.

    crop (N, N, 3) float32, 0..255. Where the edit goes beyond the crop: before (F, F, 3) uint8, after (F, F, 3) float32, 0..255:
    the frame around the crop (`core.background`) as it was and is; anew (F, F): where it takes the photo's place (see
    `Alignment.paste`).
    """

    crop: np.ndarray
    before: np.ndarray | None = None
    after: np.ndarray | None = None
    anew: np.ndarray | None = None

    def packed(self) -> Finished:
        """The same to be kept: crop and after as uint16 (0..65535), anew as float16."""
        after = None if self.after is None else compose.to_uint16(self.after)
        anew = None if self.anew is None else self.anew.astype(np.float16)
        return Finished(compose.to_uint16(self.crop), self.before, after, anew)


@dataclass(frozen=True, eq=False)
class Start:
    """What the network starts from, at its own size S.

    picture (S, S, 3) float32, 0..255. own: buffers that describe it; moved: those of the moved head under the photo's own
    light. target: the edited buffers. uncovered (S, S): where nothing of the photo could be brought. mask (S, S): where the
    result may differ from the starting picture. light: what is already laid on. motion: the motion in the frame around the crop
    (`core.background`), None where nothing moves; drawn: the moved head's rendering there. still: the code it leads to.
    own_code: the code behind `own`. scene: the session's, with its eyes moved. key: what an inversion of the picture depends on.
    reach: the request's.
    """

    session: Session
    picture: np.ndarray
    moved: Buffers
    own: Buffers
    target: Buffers
    uncovered: np.ndarray
    mask: np.ndarray
    light: Relighting
    motion: MotionField | None
    drawn: np.ndarray | None
    still: FaceCode
    own_code: FaceCode
    scene: Scene
    key: tuple[Any, ...]
    seeded: bool
    settled: bool
    reach: float

    @property
    def field(self) -> MotionField | None:
        """The motion in the crop."""
        return None if self.motion is None else self.motion.part(margin(self.session.size), self.session.size)

    def masked(self, picture: np.ndarray) -> np.ndarray:
        """A network's picture (S, S, 3) with the parts held that the edit must not reach."""
        return self.picture + (picture - self.picture) * self.mask[..., None]

    def at_native(self, picture: np.ndarray) -> Finished:
        """The finished picture at the photo's own resolution: the crop, and what changed around it.

        The starting picture is made again from the photo's full detail, and only what the network changed is scaled up.
        """
        native = self.session.native.astype(np.float32)
        lids = self.scene.lids
        if self.motion is None and lids is None and (self.seeded or not self.light.changes):
            return Finished(self._painted(native, picture) if self.seeded else native + self._change(picture, native.shape[0]))
        side, whole = native.shape[0], native.shape[0]
        if not self.settled and side > PREVIEW_SIDE:  # while dragging, less detail sooner
            side, native = PREVIEW_SIDE, compose.resize(native, PREVIEW_SIDE)
        before, layers, change = self.session.scene.layers(side).photo, self.scene.layers(side), self._change(picture, side)
        base, anew, lit = layers.photo.astype(np.float32), None, None
        if lids is not None:
            native, anew = native + (inner(base, side) - inner(before, side)), lids.changed(before, side)
        if self.motion is not None:
            field, drawn = self._motion_native()
            base, moved = moved_frame(layers, field, drawn), compose.resize(field.moved, base.shape[0])
            anew = moved if anew is None else np.maximum(moved, anew)
        if self.light.changes:
            lit = self.light.at(side)
            base = lit.on_frame(base)
        middle = inner(base, side)
        if self.seeded:
            crop = self._painted(middle, picture)
        elif self.motion is None:  # the crop has nothing of the frame's own: it is the photo's to the last bit
            crop = (native if lit is None else lit.on_crop(native)) + change
        else:
            crop = middle + change
        middle += (crop - middle) * feather(side)[..., None]
        return Finished(compose.resize(crop, whole), before, base, anew)

    def _change(self, picture: np.ndarray, side: int) -> np.ndarray:
        """What the network changed, (side, side, 3)."""
        change = ((picture - self.picture) * self.mask[..., None]).astype(np.float32)
        return self.light.held(change, side) if self.edited else compose.resize(change, side)

    @property
    def edited(self) -> bool:
        """Whether anything is: then there is a person in front of a background, not just a photo."""
        return self.light.changes or self.motion is not None or self.scene.lids is not None

    def _painted(self, base: np.ndarray, picture: np.ndarray) -> np.ndarray:
        """The network's picture over a base (N, N, 3), where it may differ."""
        side = base.shape[0]
        return base + (compose.resize(picture, side) - base) * compose.resize(self.mask, side)[..., None]

    def _motion_native(self) -> tuple[MotionField, np.ndarray]:
        """The motion in the frame, and the moved head's rendering there. For a settled picture it is found anew at a finer size:
        the edges of an opened mouth or a closing lid would show the steps of the network's pixels."""
        assert self.motion is not None and self.drawn is not None
        size = min(self.session.native.shape[0], MOTION_SIZE)
        if not self.settled or size <= self.session.size:
            return self.motion, self.drawn
        field, buffers = self.scene.motion(self.still, size, self.reach)
        return field, buffers.rendered


def prepare_start(session: Session, edited: FaceCode, request: RenderRequest) -> Start:
    """The starting picture of a request, with its buffers and masks."""
    code, head, size = session.code, session.head, session.size
    still = edited.replace(light=code.light, lamps=code.lamps)
    scene = session.scene.with_lids(still)
    moved, relit = still != scene.code, edited.lamps != code.lamps or not np.array_equal(edited.light, code.light)
    shadows = RAYS if request.quality == "settled" else MAP
    draw = partial(render_buffers, head, size=size, rasterizer=session.rasterizer, recentre_from=scene.code, shadows=shadows)
    source = session.buffers if scene is session.scene else draw(scene.code)
    before = draw(still) if moved else source
    target = draw(edited) if relit else before
    layers, field, motion, drawn = scene.layers(size), None, None, None
    picture = (session.crop if scene is session.scene else inner(layers.photo, size)).astype(np.float32)
    if moved:
        motion, wide = scene.motion(still, size, request.reach)
        drawn, field = wide.rendered, motion.part(margin(size), size)
        picture = inner(moved_frame(layers, motion, drawn), size)
    matte = inner(layers.matte if motion is None else carried_values(layers.matte, motion), size)
    carried = _carried(source, before, field)
    own = replace(before, rendered=carried + np.float32(SHADING_SHARE) * (target.rendered - carried))
    factors = quotient(own.rendered, carried, before.albedo, before.coverage, 0.05 + 0.5 * request.reach, exactness(head, before))
    if moved or relit:
        factors = even_in_mouth(factors, inside_mouth(head, before))
    own_code = still.replace(light=code.light + np.float32(SHADING_SHARE) * (edited.light - code.light),
                             lamps=between(code.lamps, edited.lamps, SHADING_SHARE))
    edges = lamp_edges(head, own_code, scene.code, size, session.rasterizer, shadows) if own_code.lamps else None
    light = Relighting(scene, own_code, factors, edges, motion, request.reach, request.quality == "settled")
    if light.changes:
        picture = light.start(picture)
    uncovered = field.uncovered if field else np.zeros((size, size), np.float32)
    mask = np.ones((size, size), np.float32)
    if request.hold_background:
        mask = _reach(np.maximum(source.coverage, before.coverage), matte, field, request.reach)
    key = still.digest, own_code.light.tobytes(), own_code.lamps, request.reach
    return Start(session, np.ascontiguousarray(picture, np.float32), before, own, target, uncovered, mask, light, motion, drawn,
                 still, own_code, scene, key, request.noise == "seeded", request.quality == "settled", request.reach)


@dataclass(frozen=True, eq=False)
class Painter:
    """Who paints: the network, and for pictures from seeded noise its few-step student where it has one.

    sampler: how pictures from seeded noise are made, with the student if there is one. repaint_from: timestep from which on
    uncovered parts (the mouth's inside, the far side of a turned head) get fresh noise, so that the network paints them anew; 0
    leaves them as the mesh filled them, which is better while a prior paints poorly. inverter: who finds the noise of a photo;
    None: the network itself.
    """

    network: NoisePredictor
    device: torch.device
    student: NoisePredictor | None = None
    sampler: Sampler = Sampler()
    repaint_from: int = 0
    inverter: NoisePredictor | None = None


def denoise(painter: Painter, start: Start, code: torch.Tensor, own_code: torch.Tensor, request: RenderRequest,
            on_step: OnStep, cache: Cache) -> np.ndarray:
    """The network's picture (S, S, 3) float32, 0..255, of a starting picture.

    code: the global code to paint with; own_code: the photo's own, for the inversion. cache(key, make) keeps inversions.
    A preview is the settled picture's arithmetic in one step: what the network makes of one noised starting picture under the
    target's buffers, less what it makes of it under its own.
    """
    preview = request.quality == "preview"
    steps = [PREVIEW_TIMESTEP] if preview else timesteps(request.steps)
    skip = 0 if preview and request.strength else round((1 - request.strength) * len(steps))
    if skip == len(steps):
        return start.picture

    def put(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values)[None].to(painter.device)

    x0, target, own = put(compose.to_model(start.picture)), put(start.target.condition()), put(start.own.condition())
    code, own_code = code.to(x0), own_code.to(x0)
    if request.noise == "seeded":
        network = guided(painter.student or painter.network, request.guidance, own, own_code)
        out = sample(network, x0, target, code, min(PREVIEW_EVALUATIONS, request.steps) if preview else request.steps,
                     request.seed, request.strength, painter.sampler, on_step)
    else:
        inversion = cache((tuple(steps), request.seed), lambda: invert(painter.inverter or painter.network, x0, own, own_code,
                                                                       steps, request.seed))
        repaint = put(start.uncovered)[None] if painter.repaint_from and start.uncovered.any() else None
        out = edit(painter.network, inversion, target, code, skip, repaint, painter.repaint_from, request.seed, request.guidance,
                   own, own_code, on_step)
    return compose.from_model(out[0].float().cpu().numpy())


def _carried(source: Buffers, moved: Buffers, field: MotionField | None) -> np.ndarray:
    """A rendering (S, S, 3) of the moved head with the shading that its surface had in the photo: what a picture shows that was
    only moved. Where the photo shows nothing of it, the moved head's own."""
    if field is None:
        return source.rendered
    shading = source.rendered / np.maximum(source.albedo, _DARK_ALBEDO)
    seen = np.concatenate([shading, source.coverage[..., None]], -1)
    brought = cv2.remap(seen, field.fetch[..., 0], field.fetch[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    known = (brought[..., 3:] > 0.999) * (1 - field.uncovered[..., None]) * (moved.albedo > _DARK_ALBEDO)
    return (moved.rendered + known * (moved.albedo * brought[..., :3] - moved.rendered)).astype(np.float32)


def _reach(coverage: np.ndarray, matte: np.ndarray, field: MotionField | None, reach: float) -> np.ndarray:
    """Where the network may change the picture (S, S): the head and the person's hair next to it. Where something moved, the
    mesh's own ears and outline don't count, only what the picture shows of the person. With a reach over one half it is more and
    more of the crop, with one under it less and less beside the head."""
    near = np.maximum(compose.soft_mask(coverage, 0.02), compose.soft_mask(coverage, 0.02 + 0.2 * reach) * matte)
    if field is not None:
        near = near * cv2.dilate(matte, np.ones((3, 3)))
    return np.maximum(near, np.float32(max(2 * reach - 1, 0)))
