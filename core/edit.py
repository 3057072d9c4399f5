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
from core.codes import FaceCode
from core.cv import cv2
from core.diffusion import Inversion, edit, guided, invert, timesteps
from core.motion import MotionField, motion_field, warp_picture
from core.render.buffers import Buffers, render_buffers
from core.request import RenderRequest
from core.sampling import Sampler, sample
from core.session import Session
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
FINE_SIZE = 640  # side at which a settled picture's motion is found


@dataclass(frozen=True, eq=False)
class Start:
    """What the network starts from, at its own size S.

    picture (S, S, 3) float32, 0..255. own: buffers that describe it; moved: those of the moved head under the photo's own light.
    target: the edited buffers. uncovered (S, S): where nothing of the photo could be brought. mask (S, S): where the result may
    differ from the starting picture. factors (S, S, 3): the quotient already laid on. field, still: the motion, and the code it
    leads to. own_code: the code behind `own`. key: what an inversion of the picture depends on.
    """

    session: Session
    picture: np.ndarray
    moved: Buffers
    own: Buffers
    target: Buffers
    uncovered: np.ndarray
    mask: np.ndarray
    factors: np.ndarray
    field: MotionField | None
    still: FaceCode
    own_code: FaceCode
    key: tuple[Any, ...]
    seeded: bool
    settled: bool

    def masked(self, picture: np.ndarray) -> np.ndarray:
        """A network's picture (S, S, 3) with the parts held that the edit must not reach."""
        return self.picture + (picture - self.picture) * self.mask[..., None]

    def at_native(self, picture: np.ndarray) -> np.ndarray:
        """The finished crop (N, N, 3) float32, 0..255, at the photo's own resolution.

        The starting picture is made again from the photo's full detail, and only what the network changed is scaled up.
        """
        side = self.session.native.shape[0]
        if self.seeded:
            base = self.session.native.astype(np.float32)
            return base + (compose.resize(picture, side) - base) * compose.resize(self.mask, side)[..., None]
        base = self._moved_native()
        if self.factors.min() != 1.0 or self.factors.max() != 1.0:
            base = compose.relight(base, compose.resize(self.factors, side))
        change = (picture - self.picture) * self.mask[..., None]
        return base + compose.resize(change.astype(np.float32), side)

    def _moved_native(self) -> np.ndarray:
        """The photo's full detail, moved. For a settled picture the motion is found anew at a finer size: the edges of an opened
        mouth or a closing lid would show the steps of the network's pixels."""
        session, size = self.session, min(self.session.native.shape[0], FINE_SIZE)
        if self.field is None or not self.settled or size <= session.size:
            return _moved(session.native, self.field, self.moved)
        source = render_buffers(session.head, session.code, size)
        moved = render_buffers(session.head, self.still, size, recentre_from=session.code)
        return _moved(session.native, motion_field(session.head, session.code, self.still, source, moved), moved)


def prepare_start(session: Session, edited: FaceCode, request: RenderRequest) -> Start:
    """The starting picture of a request, with its buffers and masks."""
    code, head, size = session.code, session.head, session.size
    still = edited.replace(light=code.light)
    source = session.buffers
    moved, relit = still != code, not np.array_equal(edited.light, code.light)
    draw = partial(render_buffers, head, size=size, rasterizer=session.rasterizer, recentre_from=code)
    before = draw(still) if moved else source
    target = draw(edited) if relit else before
    field = motion_field(head, code, still, source, before) if moved else None
    picture = _moved(session.crop, field, before)
    matte = _moved_matte(session.matte, field)
    carried = _carried(source, before, field)
    own = replace(before, rendered=carried + np.float32(SHADING_SHARE) * (target.rendered - carried))
    factors = compose.quotient(own.rendered, carried, before.albedo, before.coverage, matte)
    picture = compose.relight(picture, factors) if moved or relit else picture
    uncovered = field.uncovered if field else np.zeros((size, size), np.float32)
    mask = np.ones((size, size), np.float32)
    if request.hold_background:
        mask = _reach(np.maximum(source.coverage, before.coverage), matte, field)
    own_code = still.replace(light=code.light + np.float32(SHADING_SHARE) * (edited.light - code.light))
    return Start(session, picture.astype(np.float32), before, own, target, uncovered, mask, factors, field, still,
                 own_code, (still.digest, own_code.light.tobytes()), request.noise == "seeded", request.quality == "settled")


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


def _moved_matte(matte: np.ndarray, field: MotionField | None) -> np.ndarray:
    if field is None:
        return matte
    return cv2.remap(matte, field.fetch[..., 0], field.fetch[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _reach(coverage: np.ndarray, matte: np.ndarray, field: MotionField | None) -> np.ndarray:
    """Where the network may change the picture (S, S): the head and the person's hair next to it, and what the edit moved."""
    person = matte if field is None else np.maximum(matte, field.moved)
    return np.maximum(compose.soft_mask(coverage, 0.02), compose.soft_mask(coverage, 0.12) * person)


def _moved(picture: np.ndarray, field: MotionField | None, buffers: Buffers) -> np.ndarray:
    plain = picture.astype(np.float32)
    if field is None:
        return plain
    return warp_picture(plain, field, buffers.rendered)
