"""Engine: a request becomes buffers or a picture. One per process; it owns the device, the network and the opened photos."""
from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from core import estimators, paths
from core.backends import pick_backend
from core.caches import MIB, Newest, allowance
from core.codes import FaceCode
from core.conditioning import vector_problem
from core.device import CPU_THREADS, pick_device
from core.edit import Painter
from core.errors import AssetError, Cancelled, ParameterError, UserError
from core.head import HeadModel, load_head
from core.head.flame import FlameHead
from core.landmarks import FaceFinder
from core.light_lamps import Lamp
from core.likeness import Likeness
from core.make import Maker
from core.memory import Saving, Thrift, release, trim
from core.model import Model
from core.opened import Opened
from core.people.person import Person
from core.people.taken import Taken
from core.photo import LoadedImage, Photo
from core.prior import Prior, load_prior
from core.render.buffers import Buffers, Workspace, render_buffers
from core.render.rasterize import get_rasterizer
from core.request import RenderRequest
from core.result import Result
from core.rig import Copy, Rig
from core.session import Session
from core.shadows import MAP
from core.trust import Judge
from core.watch import Clock, OnStep, Watch
from models.rig_model import EpsilonNetwork

_RESULTS = 48 * MIB  # of pictures that are remembered; a crop of 1 megapixel has 3, and 6 before it was rounded


class Engine:
    """Photos in, pictures out.

    prior: weights to use (a file, or the name of an imported one; None takes the one that ships). device: 'cpu', 'cuda' or 'mps'
    (None: the best present). head: the head model to fit (None: the one the prior was trained on; with another there are buffers,
    but no pictures, see `render_problem`). estimator: how codes are found (None: the head's default, see `core.estimators`).
    rasterizer: what draws the buffers.
    `open` and `render` belong to one thread; `buffers` may be called from any. Raises AssetError when the weights, the head's
    files or the estimator's can't be used, ParameterError for an unknown name.
    """

    def __init__(self, prior: Path | str | None = None, device: str | None = None, head: str | None = None,
                 estimator: str | None = None, rasterizer: str = "numba") -> None:
        torch.set_num_threads(CPU_THREADS)
        try:
            self.device = pick_device(device)
        except ValueError as error:
            raise AssetError(str(error)) from error
        self.rasterizer = _known_rasterizer(rasterizer)
        self.prior: Prior = load_prior(prior)
        self.head: HeadModel = load_head(head or self.prior.head)
        self.estimator = estimator or estimators.names(self.head.name)[0]
        self._estimate_code = estimators.get(self.estimator, self.head.name, self.prior.size)
        self.backend = pick_backend(self.prior.build, self.device, paths.cache_dir() / "network_timing.json",
                                    self.prior.config.to_key())
        self._people = Taken(self.prior, self.head, self.backend)
        self._finder = FaceFinder()
        self._opened = Opened(self._fitted, self._finder)
        self._maker = Maker(self.prior, self.head, self.rasterizer, self._opened)
        self._results: Newest[RenderRequest, Result] = Newest(allowance(_RESULTS))
        self.likeness = Likeness(self._finder)
        self._judge = Judge(self.head, self._finder, self.likeness)
        self._scratch = threading.local()
        self.model: Model
        self._thrift = Thrift(self.backend, self._spare)
        _, self.note = self._thrift.run(self._load)  # what had to be given up so that the model fits into memory
        # loads the compiled rasterizer before the first drag needs it
        lamp = Lamp((0.0, 0.0, 1.0), (1.0, 1.0, 1.0))
        render_buffers(self.head, self.head.zero_code().replace(lamps=(lamp,)), 32, self.rasterizer, shadows=MAP)

    @property
    def size(self) -> int:
        """Side of the network's pictures, pixels."""
        return self.prior.size

    @property
    def dtype(self) -> torch.dtype:
        """The networks' number format."""
        return self.backend.dtype

    @property
    def network(self) -> EpsilonNetwork:
        """The prior's network."""
        return self.model.network

    @property
    def painter(self) -> Painter:
        """Who paints with the prior itself."""
        return self.model.painter

    @property
    def render_problem(self) -> str | None:
        """Why this engine can show buffers but make no pictures, as words for the user; None when it can."""
        trained = self.prior.head
        if trained != self.head.name:
            return (f"The model '{self.prior.name}' was trained on buffers of the '{trained}' head and can't make pictures from "
                    f"those of the '{self.head.name}' head. Choose the head '{trained}' (--head {trained}), or a model made for "
                    f"'{self.head.name}'.")
        if isinstance(self.head, FlameHead) and not self.head.textured:
            return (f"The model '{self.prior.name}' needs FLAME's texture space for its buffers. Import FLAME_texture.npz "
                    "with 'main.py assets import FOLDER'.")
        problem = vector_problem(self.prior.config, self.head)
        return f"The model '{self.prior.name}' can't be used: {problem}. Choose another model." if problem else None

    def close(self) -> None:
        """Let go of the landmarker; the engine can't be used afterwards."""
        self._finder.close()

    # -- people ---------------------------------------------------------------------------------------------------------

    def take_person(self, name_or_path: str | Path) -> Person:
        """The person of a name or file, ready for requests that carry the digest. Reading one takes a moment, reading it again
        while it is among the newest few takes none.

        Raises AssetError when there is none, the file can't be used, or it belongs to another prior.
        """
        return self._people.take(name_or_path)

    def person(self, digest: str) -> Person:
        """The person of a request: one that was taken before, or is on the user's shelf. Raises UserError when it is neither, or
        the file has changed since."""
        return self._people.person(digest)

    def _model(self, request: RenderRequest) -> Model:
        return self.model if request.person is None else self._people.model(request.person)

    # -- photos ---------------------------------------------------------------------------------------------------------

    def open(self, source: str | Path | bytes | LoadedImage, face: int | None = None, aligned: bool = False) -> Session:
        """Load a photo, find and fit its face. face: index of the face, largest first; None takes the largest.

        aligned: the photo is an aligned square already and is taken whole. Raises PhotoError and NoFaceError with a message for
        the user.
        """
        session = self._opened.open(source, face, aligned)
        trim()  # others may have gone
        return session

    def _fitted(self, photo: Photo) -> Session:
        return Session(photo, self._estimate_code(self.head, photo), self.head, self.size, self.rasterizer, self._finder)

    def read_ahead(self, session: Session) -> None:
        """Do what the first edit of each kind would otherwise wait for."""
        if session.landing is not None:
            session.landing.read_ahead()

    def knows(self, digest: str) -> bool:
        """Whether `session` has the photo of that digest."""
        return self._opened.knows(digest)

    def session(self, digest: str) -> Session:
        """The opened photo of that digest: one of the newest few, or one whose session somebody still holds.

        Raises UserError when it is neither.
        """
        return self._opened.session(digest)

    def copy_from(self, session: Session, block: str) -> Copy:
        """A block of another photo, to put into a rig."""
        name = session.photo.path.name if session.photo.path else ""
        return Copy(block, session.code, session.digest, name)

    # -- buffers --------------------------------------------------------------------------------------------------------

    def buffers(self, session: Session, rig: Rig, size: int | None = None, identity: tuple[float, ...] = (),
                shadows: str = MAP) -> Buffers:
        """The buffers of an edit at size x size (None: the network's size). Fast, and safe to call from any thread.

        identity: see `RenderRequest`. shadows: how those of lamps are found; the default is as fast as it is to drag them
        (`core.shadows`).
        """
        if not hasattr(self._scratch, "workspace"):
            self._scratch.workspace = Workspace()
        edited = self.edited_code(session, rig, identity)
        return render_buffers(self.head, edited, size or self.size, self.rasterizer, recentre_from=session.code,
                              workspace=self._scratch.workspace, shadows=shadows)

    def edited_code(self, session: Session, rig: Rig, identity: tuple[float, ...] = (), method: str = "studio") -> FaceCode:
        """The face code after the edit, with the given identity in place of the photo's own.

        method: as in `RenderRequest`; 'paper' moves the mesh as far as the values say, 'studio' as far as it takes for the
        picture to read so (`core.landing`). Raises ParameterError where that does not belong to this head.
        """
        return self._maker.edited_code(session, rig, identity, method)

    # -- pictures -------------------------------------------------------------------------------------------------------

    def render(self, request: RenderRequest, on_step: OnStep | None = None,
               cancelled: Callable[[], bool] | None = None, measure: bool = True) -> Result:
        """The picture a request asks for.

        on_step(step, steps, estimate): after each denoising step, with the present estimate of the crop (S, S, 3) uint8.
        cancelled(): asked between steps; True ends the render by raising Cancelled. measure: whether the identity distance of a
        settled picture is measured, which takes as long as some steps. Equal requests give equal pictures. Raises UserError with
        a message for the user.
        """
        if request.prior not in ("", self.prior.digest):
            raise UserError("This request was made for another prior than the one that is loaded.")
        if self.render_problem:
            raise AssetError(self.render_problem)
        known = self._results.get(request)
        if known is not None:
            return known
        if cancelled is not None and cancelled():
            raise Cancelled
        watch = Watch(on_step, cancelled)
        result, note = self._thrift.run(lambda: self._maker.make(request, self._model(request), self.model, watch))
        if measure:
            result = self.judged(result)
        trim()
        return replace(result, note=note) if note else result

    def judged(self, result: Result) -> Result:
        """A settled picture with its reading and identity distance, where `render` was told not to measure them."""
        if result.request.quality == "settled" and result.reading is None:
            result = self._measured(result)
        return self._results.put(result.request, result)

    def _measured(self, result: Result) -> Result:
        clock = Clock()
        reading = self._judge.read(self.session(result.request.photo), result.request.rig, result.crop)
        clock.lap("reading")
        return replace(result, identity_distance=reading.identity, reading=reading, timings={**result.timings, **clock.laps})

    # -- memory ---------------------------------------------------------------------------------------------------------

    def _spare(self, saving: Saving) -> None:
        """Let go of everything that can be made again, and build the networks in another way."""
        self._maker.forget()
        self._results.clear()
        self.__dict__.pop("model", None)
        self.backend, self.device = saving.backend, saving.backend.device
        self._people.use(saving.backend, singly=True)
        release()
        self._load(singly=True)

    def _load(self, singly: bool = False) -> None:
        if "model" not in self.__dict__:
            self.model = Model(self.prior, self.backend, singly=singly)


def _known_rasterizer(name: str) -> str:
    try:
        get_rasterizer(name)
    except ValueError as error:
        raise ParameterError(f"There is {error}.") from error
    return name
