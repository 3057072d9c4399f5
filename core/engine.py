"""Engine: a request becomes buffers or a picture. One per process; it owns the device, the network and the opened photos."""
from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import compose, paths
from core.codes import FaceCode
from core.device import CPU_THREADS, pick_device, pick_dtype
from core.diffusion import Inversion
from core.edit import Cache, OnStep, Start, denoise, prepare_start
from core.errors import AssetError, Cancelled, UserError
from core.estimate import fit_photo
from core.head import load_head
from core.landmarks import FaceFinder
from core.photo import Photo
from core.prior import Prior, load_prior
from core.render.buffers import Buffers, Workspace, render_buffers
from core.request import RenderRequest
from core.rig import Copy, Rig, apply
from core.session import Session
from models.rig_model import EpsilonNetwork

_KEPT_SESSIONS = 8
_KEPT_INVERSIONS = 4
_KEPT_RESULTS = 4


@dataclass(frozen=True, eq=False)
class Result:
    """A finished picture and the request it answers.

    image: (H, W, 3) uint8, the whole photo or the crop as the request says. crop: (S, S, 3) uint8, the face crop at the photo's
    own resolution. timings: seconds of each stage. identity_distance: dlib distance to the source face, None where it was not
    measured (previews, no identity model, no face found in the result).
    """

    image: np.ndarray
    crop: np.ndarray
    request: RenderRequest
    timings: dict[str, float] = field(default_factory=dict)
    identity_distance: float | None = None


class Engine:
    """Photos in, pictures out.

    prior: weights to use (a file; None takes the one that ships). device: 'cpu', 'cuda' or 'mps' (None: the best present).
    `open` and `render` belong to one thread; `buffers` may be called from any. Raises AssetError when the weights can't be used.
    """

    def __init__(self, prior: Path | None = None, device: str | None = None) -> None:
        torch.set_num_threads(CPU_THREADS)
        try:
            self.device = pick_device(device)
        except ValueError as error:
            raise AssetError(str(error)) from error
        self.prior: Prior = load_prior(prior)
        self.head = load_head(self.prior.head)
        self.dtype = self._choose_dtype()
        self.network = self._network(self.dtype)
        self._finder = FaceFinder()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._inversions: OrderedDict[tuple[Any, ...], Inversion] = OrderedDict()
        self._results: OrderedDict[RenderRequest, Result] = OrderedDict()
        self._codes: dict[str, torch.Tensor] = {}
        self._identities: dict[str, np.ndarray | None] = {}
        self._scratch = threading.local()
        render_buffers(self.head, self.head.zero_code(), 32)  # loads the compiled rasterizer before the first drag needs it

    @property
    def size(self) -> int:
        """Side of the network's pictures, pixels."""
        return self.prior.size

    def close(self) -> None:
        """Let go of the landmarker; the engine can't be used afterwards."""
        self._finder.close()

    # -- photos ---------------------------------------------------------------------------------------------------------

    def open(self, source: str | Path | bytes, face: int | None = None) -> Session:
        """Load a photo, find and fit its face. face: index of the face, largest first; None takes the largest.

        Raises PhotoError and NoFaceError with a message for the user.
        """
        photo = Photo.open(source, face, self._finder)
        session = self._sessions.get(photo.digest)
        if session is None:
            session = Session(photo, fit_photo(self.head, photo), self.head, self.size)
        self._keep(self._sessions, photo.digest, session, _KEPT_SESSIONS)
        return session

    def session(self, digest: str) -> Session:
        """The opened photo of that digest. Raises UserError when it was not opened, or too long ago."""
        try:
            self._sessions.move_to_end(digest)
            return self._sessions[digest]
        except KeyError:
            raise UserError("This photo is no longer open. Open it again.") from None

    def copy_from(self, session: Session, block: str) -> Copy:
        """A block of another photo, to put into a rig."""
        name = session.photo.path.name if session.photo.path else ""
        return Copy(block, session.code, session.digest, name)

    # -- buffers --------------------------------------------------------------------------------------------------------

    def buffers(self, session: Session, rig: Rig, size: int | None = None) -> Buffers:
        """The buffers of an edit at size x size (None: the network's size). Fast, and safe to call from any thread."""
        if not hasattr(self._scratch, "workspace"):
            self._scratch.workspace = Workspace()
        edited = apply(rig, self.head, session.code)
        return render_buffers(self.head, edited, size or self.size, recentre_from=session.code,
                              workspace=self._scratch.workspace)

    def edited_code(self, session: Session, rig: Rig) -> FaceCode:
        """The face code after the edit."""
        return apply(rig, self.head, session.code)

    # -- pictures -------------------------------------------------------------------------------------------------------

    def render(self, request: RenderRequest, on_step: OnStep | None = None,
               cancelled: Callable[[], bool] | None = None) -> Result:
        """The picture a request asks for.

        on_step(step, steps, estimate): after each denoising step, with the present estimate of the crop (S, S, 3) uint8.
        cancelled(): asked between steps; True ends the render by raising Cancelled. Equal requests give equal pictures.
        Raises UserError with a message for the user.
        """
        if request.prior not in ("", self.prior.digest):
            raise UserError("This request was made for another prior than the one that is loaded.")
        if request.person is not None:
            raise UserError(f"There is no person '{request.person}'.")
        if request in self._results:
            self._results.move_to_end(request)
            return self._results[request]
        clock = _Clock()
        session = self.session(request.photo)
        edited = apply(request.rig, self.head, session.code)
        start = prepare_start(session, edited, request)
        clock.lap("start")
        code = self._code(self._appearance(request, session))
        clock.lap("code")

        def step(index: int, total: int, estimate: torch.Tensor) -> None:
            if cancelled is not None and cancelled():
                raise Cancelled
            if on_step is not None:
                on_step(index, total, self._estimate(estimate, start))

        if cancelled is not None and cancelled():
            raise Cancelled
        picture = denoise(self.network, start, code, self._code(session), request, step, self._inversion_cache(request, start),
                          int(self.prior.card.get("repaint_from", 0)))
        clock.lap("diffusion")
        result = self._finish(session, start, picture, request, clock)
        self._keep(self._results, request, result, _KEPT_RESULTS)
        return result

    def _finish(self, session: Session, start: Start, picture: np.ndarray, request: RenderRequest, clock: _Clock) -> Result:
        crop = start.at_native(picture)
        crop8 = compose.to_uint8(crop)
        image = crop8 if request.size == "crop" else session.photo.paste(crop)
        clock.lap("paste")
        distance = None
        if request.quality == "settled":
            distance = self._identity_distance(session, crop8)
            clock.lap("identity")
        return Result(image, crop8, request, clock.laps, distance)

    def _estimate(self, estimate: torch.Tensor, start: Start) -> np.ndarray:
        return compose.to_uint8(start.masked(compose.from_model(estimate[0].float().cpu().numpy())))

    def _appearance(self, request: RenderRequest, session: Session) -> Session:
        copy = request.rig.copied("appearance")
        return self.session(copy.photo) if copy else session

    def _code(self, session: Session) -> torch.Tensor:
        """The global code (1, 64) of a photo, worked out once."""
        if session.digest not in self._codes:
            photo = torch.from_numpy(compose.to_model(session.crop))[None]
            self._codes[session.digest] = self.network.encode(photo)
        return self._codes[session.digest]

    def _inversion_cache(self, request: RenderRequest, start: Start) -> Cache:
        def cached(key: tuple[Any, ...], make: Callable[[], Inversion]) -> Inversion:
            key = (request.photo, start.key, *key)
            if key not in self._inversions:
                self._keep(self._inversions, key, make(), _KEPT_INVERSIONS)
            self._inversions.move_to_end(key)
            return self._inversions[key]
        return cached

    # -- identity -------------------------------------------------------------------------------------------------------

    def _identity_distance(self, session: Session, crop: np.ndarray) -> float | None:
        try:
            from core import identity  # loads dlib, so only when a picture settles
            if session.digest not in self._identities:
                self._identities[session.digest] = self._embedding(session.native)
            source, result = self._identities[session.digest], self._embedding(crop)
        except UserError:
            return None
        return None if source is None or result is None else float(identity.distance(source, result))

    def _embedding(self, crop: np.ndarray) -> np.ndarray | None:
        from core import identity
        faces = self._finder.detect(crop)
        return identity.embedding(crop, faces[0].points) if faces else None

    # -- network --------------------------------------------------------------------------------------------------------

    def _network(self, dtype: torch.dtype) -> EpsilonNetwork:
        model = self.prior.build().to(self.device, dtype)
        return EpsilonNetwork(model.to(memory_format=torch.channels_last))  # type: ignore[call-overload]

    def _choose_dtype(self) -> torch.dtype:
        side = self.prior.size
        networks: dict[torch.dtype, EpsilonNetwork] = {}

        def trial(dtype: torch.dtype) -> None:
            if dtype not in networks:
                networks[dtype] = self._network(dtype)
            networks[dtype](torch.zeros(1, 3, side, side), torch.tensor([500]), torch.zeros(1, 9, side, side), None)

        return pick_dtype(self.device, trial, paths.cache_dir() / "network_timing.json", self.prior.config.to_key())

    @staticmethod
    def _keep(store: OrderedDict[Any, Any], key: Any, value: Any, limit: int) -> None:
        store[key] = value
        store.move_to_end(key)
        while len(store) > limit:
            store.popitem(last=False)


class _Clock:
    """Seconds since the last lap, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now

