"""How much two pictures differ, pixel by pixel, and that as a picture in colours that everybody can tell apart."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.cv import cv2

VISIBLE = 4.0  # levels of 255: less is not seen side by side
SCALES = (8, 16, 32, 64, 128, 255)  # what the brightest colour of a map may stand for


@dataclass(frozen=True, eq=False)
class Difference:
    """levels: (H, W) float32, 0..255: of each pixel the channel that differs most. mean, largest: of all pixels. seen: share
    (0..1) of pixels that differ by `VISIBLE` levels or more. at: (x, y) of the largest, as shares (0..1) of the picture."""

    levels: np.ndarray
    mean: float
    largest: float
    seen: float
    at: tuple[float, float]

    @property
    def scale(self) -> int:
        """The least of SCALES that shows all but the largest half percent of the pixels without clipping."""
        top = float(np.percentile(self.levels, 99.5))
        return next((scale for scale in SCALES if top <= scale), SCALES[-1])


def difference(a: np.ndarray, b: np.ndarray) -> Difference:
    """The difference of two square pictures (N, N, 3) and (M, M, 3) uint8; the smaller is enlarged first."""
    side = max(a.shape[0], b.shape[0])
    first, second = (one if one.shape[0] == side else
                     cv2.resize(np.ascontiguousarray(one), (side, side), interpolation=cv2.INTER_CUBIC) for one in (a, b))
    levels = cv2.absdiff(np.ascontiguousarray(first), np.ascontiguousarray(second)).max(axis=2)
    y, x = np.unravel_index(int(levels.argmax()), levels.shape)
    return Difference(levels.astype(np.float32), float(levels.mean()), float(levels.max()),
                      float((levels >= VISIBLE).mean()), ((float(x) + 0.5) / side, (float(y) + 0.5) / side))


def painted(levels: np.ndarray, scale: float) -> np.ndarray:
    """Levels (H, W) as a picture (H, W, 3) uint8: dark blue for 0, yellow for `scale` and more.

    The colours are cividis (Nuñez, Anderton and Renslow, PLOS ONE 2018), which reads the same with and without colour blindness,
    and rises in brightness throughout, so that it reads in grey too.
    """
    share = np.clip(np.asarray(levels, np.float32) * (255.0 / scale), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(share, cv2.COLORMAP_CIVIDIS)[..., ::-1])
