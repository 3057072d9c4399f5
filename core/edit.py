"""How one picture is made: a starting picture moved and relit by the mesh, and what the network makes of it.

The starting picture comes from the photo's own pixels: where the edit moves the face, the mesh's motion field moves them first
(`core.motion`); where it relights the face, a share of the change is laid on as a quotient image. The rest is the network's: the
noise is inverted from the starting picture under buffers that describe it, and denoised under the edited ones. With no edit the
two are the same and the photo comes back.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from core import compose
from core.codes import FaceCode
from core.cv import cv2
from core.diffusion import Inversion, edit, invert, sample, timesteps
from core.motion import MotionField, motion_field, warp_picture
from core.render.buffers import Buffers, render_buffers
from core.request import RenderRequest
from core.session import Session
from core.watch import OnStep
from models.rig_model import NoisePredictor

Cache = Callable[[tuple[Any, ...], Callable[[], Inversion]], Inversion]

PREVIEW_STEPS = 2
# Share of a light change that the starting picture already shows; the network adds the rest. Chosen with
# benchmarks/edits.py: a young prior alone relights too timidly.
LIGHT_SHARE = 0.75
FINE_SIZE = 640  # side at which a settled picture's motion is found


@dataclass(frozen=True, eq=False)
class Start:
    """What the network starts from, at its own size S.

    picture (S, S, 3) float32, 0..255. own: buffers that describe it; moved: the same under the photo's own light. target: the
    edited buffers. uncovered (S, S): where nothing of the photo could be brought. mask (S, S): where the result may differ from
    the starting picture. factors (S, S, 3): the quotient already laid on. field, still: the motion, and the code it leads to.
    own_code: the code behind `own`. key: what an inversion of the picture depends on.
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
    light = code.light + np.float32(LIGHT_SHARE) * (edited.light - code.light)
    still = edited.replace(light=code.light)
    source = session.buffers
    moved = still != code
    draw = partial(render_buffers, head, size=size, rasterizer=session.rasterizer, recentre_from=code)
    before = draw(still) if moved else source
    relit = not np.array_equal(edited.light, code.light)
    own_code = still.replace(light=light)
    own = draw(own_code) if relit else before
    target = draw(edited) if relit else before
    field = motion_field(head, code, still, source, before) if moved else None
    picture = _moved(session.crop, field, before)
    matte = _moved_matte(session.matte, field)
    factors = compose.quotient(own.rendered, before.rendered, before.albedo, before.coverage, matte)
    picture = compose.relight(picture, factors) if relit else picture
    uncovered = field.uncovered if field else np.zeros((size, size), np.float32)
    mask = np.ones((size, size), np.float32)
    if request.hold_background:
        mask = _reach(np.maximum(source.coverage, before.coverage), matte, field)
    return Start(session, picture.astype(np.float32), before, own, target, uncovered, mask, factors, field, still,
                 own_code, (still.digest, light.tobytes()), request.noise == "seeded", request.quality == "settled")


def denoise(network: NoisePredictor, start: Start, code: torch.Tensor, own_code: torch.Tensor, request: RenderRequest,
            on_step: OnStep, cache: Cache, repaint_from: int = 0) -> np.ndarray:
    """The network's picture (S, S, 3) float32, 0..255, of a starting picture.

    code: the global code to paint with; own_code: the photo's own, for the inversion. cache(key, make) keeps inversions.
    repaint_from: timestep from which on uncovered parts (the mouth's inside, the far side of a turned head) get fresh noise, so
    that the network paints them anew; 0 leaves them as the mesh filled them, which is better while a prior paints poorly.
    """
    steps = min(PREVIEW_STEPS, request.steps) if request.quality == "preview" else request.steps
    skip = round((1 - request.strength) * steps)
    if skip == steps:
        return start.picture
    x0 = torch.from_numpy(compose.to_model(start.picture))[None]
    target = torch.from_numpy(start.target.condition())[None]
    if request.noise == "seeded":
        out = sample(network, x0, target, code, steps=steps, seed=request.seed, strength=request.strength, on_step=on_step)
    else:
        own = torch.from_numpy(start.own.condition())[None]
        inversion = cache((steps, request.seed), lambda: invert(network, x0, own, own_code, timesteps(steps), seed=request.seed))
        out = edit(network, inversion, target, code, skip=skip, repaint=_mask(start.uncovered) if repaint_from else None,
                   repaint_from=repaint_from, seed=request.seed, on_step=on_step)
    return compose.from_model(out[0].float().cpu().numpy())


def _moved_matte(matte: np.ndarray, field: MotionField | None) -> np.ndarray:
    if field is None:
        return matte
    return cv2.remap(matte, field.fetch[..., 0], field.fetch[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _reach(coverage: np.ndarray, matte: np.ndarray, field: MotionField | None) -> np.ndarray:
    """Where the network may change the picture (S, S): the head and the person's hair next to it, and what the edit moved."""
    person = matte if field is None else np.maximum(matte, field.moved)
    return np.maximum(compose.soft_mask(coverage, 0.02), compose.soft_mask(coverage, 0.12) * person)


def _mask(weight: np.ndarray) -> torch.Tensor | None:
    return torch.from_numpy(np.ascontiguousarray(weight, np.float32))[None, None] if weight.any() else None


def _moved(picture: np.ndarray, field: MotionField | None, buffers: Buffers) -> np.ndarray:
    plain = picture.astype(np.float32)
    if field is None:
        return plain
    return warp_picture(plain, field, buffers.rendered)
