"""Result: a finished picture."""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.edit import Finished
from core.request import RenderRequest
from core.trust_reading import Reading


@dataclass(frozen=True, eq=False)
class Result:
    """A finished picture and the request it answers.

    image: (H, W, 3) uint8, the whole photo or the crop as the request says. crop: (S, S, 3) uint8, the face crop at the photo's
    own resolution (of the method 'paper': the network's picture itself, at its size). timings: seconds of each stage.
    identity_distance: dlib distance to the source face, None where it was not measured (previews, no identity model, no face
    found in the result). note: what the user should know of how it was made; '' if nothing. fine: a settled picture before it was
    rounded to 8 bits, packed (`core.edit.Finished`). reading: what a settled picture shows of what was asked
    for; None where it was not measured.
    """

    image: np.ndarray
    crop: np.ndarray
    request: RenderRequest
    timings: dict[str, float] = field(default_factory=dict)
    identity_distance: float | None = None
    reading: Reading | None = None
    note: str = ""
    fine: Finished | None = None
