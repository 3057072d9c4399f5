"""The edges that lamps have in a quotient image, which is blurred (`core.compose.quotient`) and of the network's size."""
from __future__ import annotations

import numpy as np

from core.codes import FaceCode
from core.compose import QUOTIENT_BLUR
from core.cv import cv2
from core.head.base import HeadModel
from core.light import shade
from core.light_lamps import Lamp, facing, scaled
from core.render.buffers import lamp_shading, render_buffers
from core.shadows import RAYS

_DARK = 0.08  # as in `core.compose`: keeps quotients of dark shading tame
_RATIO = (0.3, 2.5)  # how far an edge may darken or brighten what the blurred quotient left
_RIM = 0.008  # share of the side over which edges fade out before the head's outline, where the hair begins
_SHARP, _SOFT = 0.3, 0.5  # softness up to which a lamp's edges count in full, and from which it has none finer than the blur


def lamp_edges(head: HeadModel, code: FaceCode, source: FaceCode, size: int, rasterizer: str = "numba",
               shadows: str = RAYS) -> np.ndarray:
    """What a blurred quotient lacks of the shading of a code's lamps: factors (size, size, 3) float32, 1 where it lacks nothing.

    source: the photo's own code, as in `core.render.buffers.posed_vertices`. The quotient of the two shadings, the lamps' as it
    is over the lamps' blurred as the quotient image is, on the head alone: hair has no such edges. shadows: how they are found.
    """
    shares = [float(np.clip((_SOFT - lamp.softness) / (_SOFT - _SHARP), 0, 1)) for lamp in code.lamps]
    sharp_lamps = tuple(part for lamp, share in zip(code.lamps, shares, strict=True) for part in scaled((lamp,), share))
    if not sharp_lamps:
        return np.ones((size, size, 3), np.float32)
    buffers = render_buffers(head, code.replace(lamps=()), size, rasterizer, recentre_from=source)
    cover = cv2.erode(buffers.coverage, np.ones((3, 3), np.uint8))
    sharp = lamp_shading(head, code.replace(lamps=sharp_lamps), buffers, source, shadows) * cover[..., None]
    sigma = QUOTIENT_BLUR * size
    weight = np.maximum(cv2.GaussianBlur(cover, (0, 0), sigma), 1e-3)[..., None]
    blurred = cv2.GaussianBlur(sharp, (0, 0), sigma) / weight
    other = np.maximum(shade(buffers.normal, code.light), 0) + _DARK
    for lamp, share in zip(code.lamps, shares, strict=True):
        other += (1 - share) * _freely(lamp, buffers.normal)
    rim = np.clip(cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / (_RIM * size), 0, 1)[..., None]
    factors = np.clip((other + sharp) / (other + blurred), *_RATIO)
    return (1 + (factors - 1) * rim * cover[..., None]).astype(np.float32)


def _freely(lamp: Lamp, normal: np.ndarray) -> np.ndarray:
    return facing(lamp, normal)[..., None] * np.array(lamp.light, np.float32)
