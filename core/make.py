"""The two ways in which a request becomes a picture: the studio's, and the published one."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from core import compose, reference
from core.caches import MIB, Newest, allowance
from core.codes import FaceCode
from core.conditioning import code_of
from core.diffusion import Inversion
from core.edit import Cache, Finished, Start, denoise, prepare_start
from core.errors import ParameterError
from core.head import HeadModel
from core.model import Model
from core.opened import Opened
from core.prior import Prior
from core.render.buffers import Buffers
from core.request import RenderRequest
from core.result import Result
from core.rig import Rig, apply
from core.session import Session
from core.watch import Clock, Watch

PAPER_PREVIEW_STEPS = 5
_INVERSIONS = 48 * MIB  # of 4 steps at 256 pixels one has 11


class Maker:
    """Makes pictures of opened photos with a prior's networks, or with those of a person. Belongs to one thread."""

    def __init__(self, prior: Prior, head: HeadModel, rasterizer: str, opened: Opened) -> None:
        self._prior, self._head, self._rasterizer, self._opened = prior, head, rasterizer, opened
        self._inversions: Newest[tuple[Any, ...], Inversion] = Newest(allowance(_INVERSIONS))

    def forget(self) -> None:
        """Let go of what can be made again."""
        self._inversions.clear()

    def make(self, request: RenderRequest, model: Model, own: Model, watch: Watch) -> Result:
        """The picture of a request. model: whose networks paint; own: the prior's, the same where nobody is asked for."""
        if request.method == "paper":
            return self._paper(request, model, watch)
        return self._studio(request, model, own, watch)

    def edited_code(self, session: Session, rig: Rig, identity: tuple[float, ...] = (), method: str = "studio") -> FaceCode:
        """See `Engine.edited_code`."""
        edited = apply(rig, self._head, session.code, session.landing if method == "studio" else None)
        if not identity:
            return edited
        if len(identity) != self._head.identity_size:
            raise ParameterError(f"The mean identity has {len(identity)} numbers, but the '{self._head.name}' head takes "
                                 f"{self._head.identity_size}. It was made with another head.")
        return edited.replace(identity=np.array(identity))

    # -- the two ways

    def _studio(self, request: RenderRequest, model: Model, own: Model, watch: Watch) -> Result:
        clock, opened = Clock(), self._opened.session(request.photo)
        identity = request.identity or model.identity
        self.edited_code(opened, request.rig, identity)  # checks the identity
        session = opened.with_identity(identity)
        edited = apply(request.rig, self._head, session.code, opened.landing)
        start = prepare_start(session, edited, request)
        clock.lap("start")
        code = self._blended(request, session, lambda photo: self._code(model, photo, start.target, edited))
        inverter = own if request.transfer else model
        own_code = self._code(inverter, session, start.own, start.own_code)
        clock.lap("code")
        painter = model.painter if inverter is model else replace(model.painter, inverter=inverter.painter.network)
        picture = denoise(painter, start, code, own_code, request, watch.step(partial(_estimate, start)),
                          self._inversion_cache(request, start))
        clock.lap("diffusion")
        return self._finish(session, start, picture, request, clock)

    def _paper(self, request: RenderRequest, model: Model, watch: Watch) -> Result:
        """The published chain (`core.reference`), in 32-bit numbers whatever the device would rather have."""
        clock, session = Clock(), self._opened.session(request.photo)
        edited = self.edited_code(session, request.rig, request.identity or model.identity, "paper")
        buffers = reference.edit_buffers(self._head, session.code, edited, self._prior.size, self._rasterizer)
        clock.lap("start")
        settled = request.quality == "settled"
        network = model.exact if settled else model.network
        code = self._blended(request, session, lambda photo: code_of(
            network, reference.network_picture(photo.reference), buffers, edited))
        clock.lap("code")
        picture = reference.sample(network, reference.noise(self._prior.size, request.seed), buffers, code,
                                   request.steps if settled else min(request.steps, PAPER_PREVIEW_STEPS),
                                   watch.step(reference.to_png))
        clock.lap("diffusion")
        crop = reference.to_png(picture)
        image = crop if request.size == "crop" else session.photo.paste(crop)
        clock.lap("paste")
        return Result(image, crop, request, clock.laps)

    def _finish(self, session: Session, start: Start, picture: np.ndarray, request: RenderRequest, clock: Clock) -> Result:
        made = start.at_native(picture)
        crop8 = compose.to_uint8(made.crop)
        image = crop8 if request.size == "crop" else session.photo.finished(made)
        fine = made if request.size == "full" else Finished(made.crop)
        clock.lap("paste")
        return Result(image, crop8, request, clock.laps, fine=fine.packed() if request.quality == "settled" else None)

    # -- codes and inversions

    def _blended(self, request: RenderRequest, session: Session, encode: Callable[[Session], torch.Tensor]) -> torch.Tensor:
        """The code to paint with: the photo's own, that of the photo its appearance is copied from, or one between the two."""
        copy = request.rig.copied("appearance")
        if copy is None or copy.amount == 0:
            return encode(session)
        other = encode(self._opened.session(copy.photo))
        return other if copy.amount == 1 else torch.lerp(encode(session), other, copy.amount)

    def _code(self, model: Model, session: Session, buffers: Buffers, face: FaceCode) -> torch.Tensor:
        """The code (1, code_width) of a photo under an edit; where it depends on the photo alone, it is worked out once."""
        if session.digest in model.codes:
            return model.codes[session.digest]
        code = code_of(model.network, torch.from_numpy(compose.to_model(session.crop))[None], buffers, face)
        if not self._prior.config.code_follows_edit:
            model.codes[session.digest] = code
        return code

    def _inversion_cache(self, request: RenderRequest, start: Start) -> Cache:
        def cached(key: tuple[Any, ...], make: Callable[[], Inversion]) -> Inversion:
            key = (None if request.transfer else request.person, request.photo, start.key, *key)
            known = self._inversions.get(key)
            return self._inversions.put(key, make()) if known is None else known
        return cached


def _estimate(start: Start, estimate: torch.Tensor) -> np.ndarray:
    return compose.to_uint8(start.masked(compose.from_model(estimate[0].float().cpu().numpy())))
