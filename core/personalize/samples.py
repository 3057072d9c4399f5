"""Sample sheets of a run: held-out photos beside what the model makes of them, and edits of one of the person's photos."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from core import compose
from core.codes import FaceCode
from core.conditioning import code_of
from core.device import CPU_THREADS
from core.edit import Start, denoise, prepare_start
from core.errors import UserError
from core.estimate import FitResult
from core.evaluate.sheets import captioned, small, words, write_png
from core.head import load_head
from core.landmarks import FaceFinder
from core.model import Model
from core.personalize.measure import threads
from core.photo import LoadedImage, Photo
from core.prior import Prior
from core.request import RenderRequest
from core.rig import Rig, apply, parameters
from core.session import Session
from core.train_data import Pictures

EDITS: dict[str, dict[str, float]] = {
    "light": {"light.azimuth": 60.0, "light.elevation": 20.0, "light.intensity": 1.2},
    "smile": {"expression.smile": 0.8},
    "turn": {"pose.yaw": 20.0},
}
CELL = 192
_STEPS = 6


class Edits:
    """Edits of one photo by the code that the program itself edits with; what of them does not depend on the weights is worked
    out once. There are none where no face is found in the photo.

    names: the edits, of `EDITS`.
    """

    def __init__(self, prior: Prior, photos: Pictures, index: int, finder: FaceFinder, wanted: Sequence[str]) -> None:
        self.photo = photos.photo(index)
        self._starts: list[tuple[str, Start, FaceCode, RenderRequest]] = []
        head = load_head(prior.head)
        try:
            photo = Photo.aligned_already(LoadedImage(np.ascontiguousarray(self.photo)), finder)
        except UserError:
            return
        session = Session(photo, FitResult(photos.code(index), 0.0, 0.0), head, prior.size, finder=finder)
        known = parameters(head)
        for name in wanted:
            if all(value in known for value in EDITS[name]):
                request = RenderRequest(session.digest, Rig().update(EDITS[name]), steps=_STEPS, size="crop")
                edited = apply(request.rig, head, session.code, session.landing)
                self._starts.append((name, prepare_start(session, edited, request), edited, request))

    @property
    def names(self) -> list[str]:
        """The edits that can be made."""
        return [name for name, *_ in self._starts]

    def made(self, model: Model) -> list[np.ndarray]:
        """Each edit (S, S, 3) uint8."""
        with threads(CPU_THREADS):
            return [self._made(model, start, edited, request) for _, start, edited, request in self._starts]

    def _made(self, model: Model, start: Start, edited: FaceCode, request: RenderRequest) -> np.ndarray:
        seen = torch.from_numpy(compose.to_model(start.session.crop))[None]
        code = code_of(model.network, seen, start.target, edited)
        own = code_of(model.network, seen, start.own, start.own_code)
        picture = denoise(model.painter, start, code, own, request, lambda *_: None, lambda _, make: make())
        return compose.to_uint8(start.masked(picture))


def write_sheet(path: Path, rows: Mapping[str, Sequence[np.ndarray]], edits: Sequence[str]) -> None:
    """A PNG of rows of pictures under their names. edits: names of the last row's pictures after the first. Raises WriteError."""
    across = max(len(row) for row in rows.values())
    lines = []
    for name, row in rows.items():
        cells = [small(picture, CELL) for picture in row] + [np.zeros((CELL, CELL, 3), np.uint8)] * (across - len(row))
        lines.append(captioned(np.concatenate(cells, 1), name))
    if edits:
        lines.append(words(["", *edits, *[""] * (across - 1 - len(edits))], CELL))
    write_png(path, np.concatenate(lines))
