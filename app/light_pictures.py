"""Small pictures of light: a photo under a set-up, a map of surroundings."""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from PySide6.QtGui import QImage

from app.picture import to_bytes, to_image
from core import compose
from core.codes import FaceCode
from core.light import LightParams
from core.light import compose as light_of

_ROOM = 1.32  # the cut-out's side, in widths of the head
_BRIGHT = 0.85  # what the brighter parts of a map are shown at


@lru_cache(maxsize=1)
def studio_code() -> FaceCode:
    """Any face in even light: what a set-up is shown on where there is no photo."""
    light = light_of(LightParams(azimuth=0.0, elevation=20.0, intensity=0.15, ambient=0.85))
    return FaceCode("", np.zeros(1), np.zeros(1), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(2), np.zeros(1),
                    np.array([1.0, 0, 0]), np.array([1.0, 0.5, 0.5]), light)


def relit_picture(crop: np.ndarray, own: Any, wanted: Any, matte: np.ndarray | None = None) -> QImage | None:
    """A photo's face (S, S, 3) uint8 as it would be lit, cut out as a square; None where no head is seen.

    own, wanted: buffers (S, S) of the head in the photo's light and in the other. matte: of the person, any side. What comes out
    are the photo's own pixels times the quotient of the two (`core.light_quotient`), as the model's pictures start; the model
    itself is too slow for thumbnails.
    """
    from core.light_quotient import laid, quotient  # loads numba, which the window starts without

    rows, columns = (np.flatnonzero(own.coverage.max(axis) > 0.5) for axis in (1, 0))
    if not len(rows):
        return None
    outline = compose.soft_mask(own.coverage, 0.12) if matte is None else compose.resize(matte, crop.shape[0])
    factors = laid(quotient(wanted.rendered, own.rendered, own.albedo, own.coverage), outline)
    picture = compose.to_uint8(compose.relight(crop, factors))
    size, side = crop.shape[0], min(crop.shape[0], round(_ROOM * (columns[-1] - columns[0] + 1)))
    left = min(max(0, round((columns[0] + columns[-1] + 1 - side) / 2)), size - side)
    top = min(max(0, rows[0] - round(0.04 * side)), size - side)
    return to_image(picture[top:top + side, left:left + side])


def map_picture(panorama: np.ndarray) -> QImage:
    """A panorama (H, W, 3) of linear light for the screen: as bright as its brighter parts allow, and mirrored, so that its left
    is the picture's left (`core.environment` has it as one who stands in it sees it)."""
    light = np.clip(np.nan_to_num(np.asarray(panorama, np.float32)[:, ::-1]), 0, None)
    bright = float(np.percentile(light.mean(2), 90))
    shown = (light / max(bright, 1e-6) * _BRIGHT ** 2.2) ** np.float32(1 / 2.2)
    return to_image(to_bytes(shown.astype(np.float32)))
