"""Arrays to pictures: what the canvas needs of a photo, a result and buffers, as QImages."""
from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtGui import QImage

from core.cv import cv2

DISPLAY_SIZE = 1024  # crops are composed at no more than this for the screen


def to_image(pixels: np.ndarray) -> QImage:
    """A QImage of uint8 pixels (H, W, 3) RGB or (H, W, 4) RGBA, with memory of its own."""
    pixels = np.ascontiguousarray(pixels)
    height, width, channels = pixels.shape
    kind = QImage.Format.Format_RGB888 if channels == 3 else QImage.Format.Format_RGBA8888
    view = QImage(pixels.data, width, height, width * channels, kind)
    # premultiplied and 32 bit: what the painter draws without converting on every repaint
    return view.convertToFormat(QImage.Format.Format_RGB32 if channels == 3
                                else QImage.Format.Format_ARGB32_Premultiplied)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """float colours in [0, 1] (values outside are cut) -> uint8."""
    return cv2.convertScaleAbs(np.maximum(values, 0.0), alpha=255.0)  # cuts at 255 itself


def with_alpha(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) and float alpha (H, W) -> uint8 (H, W, 4)."""
    rgba = cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA)
    rgba[..., 3] = to_bytes(alpha)
    return rgba


def buffer_image(buffers: Any, view: str) -> QImage:
    """The named buffer ('rendered', 'normal' or 'albedo') as a picture, transparent where there is no head."""
    values = getattr(buffers, view)
    if view == "normal":
        values = values * 0.5 + 0.5
    return to_image(with_alpha(to_bytes(values), buffers.coverage))


def detailed(native: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The edited crop with the photo's own detail: native + enlarge(after - before).

    native: (N, N, 3) uint8, the photo's crop at screen size. before, after: (S, S, 3) uint8 crops of the model's size.
    """
    size = native.shape[0]
    if after.shape[0] == size:
        return after
    delta = after.astype(np.int16) - before
    if not delta.any():
        return native
    delta = cv2.resize(delta, (size, size), interpolation=cv2.INTER_CUBIC if size > after.shape[0] else cv2.INTER_AREA)
    return np.clip(native + delta, 0, 255).astype(np.uint8)


def feather(size: int, share: float = 0.06) -> np.ndarray:
    """(size, size) float in [0, 1] that fades out over `share` of the side toward the border."""
    edge = np.minimum(np.arange(size) + 0.5, size - 0.5 - np.arange(size)) / (share * size)
    ramp = np.clip(edge, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return np.minimum.outer(ramp, ramp).astype(np.float32)


class PhotoView:
    """The opened photo as the canvas draws it: the whole picture, its crop, and where the crop lies.

    whole: QImage. crop: QImage of the aligned square. quad: (4, 2) corners of the crop in the photo, in the order top left,
    bottom left, bottom right, top right.
    """

    def __init__(self, session: Any) -> None:
        photo = session.photo
        self._photo = photo
        self.quad = np.asarray(photo.alignment.quad, np.float64)
        self._native = photo.crop(min(DISPLAY_SIZE, photo.native_size))
        self.whole = to_image(photo.pixels)
        self.crop = to_image(self._native)

    def after(self, crop: np.ndarray, soft: bool, plain: bool = False) -> QImage:
        """A result's crop with the photo's detail, or as it is where `plain`; `soft` fades its border for drawing over the whole
        photo."""
        pixels = self.pixels(crop, plain)
        return to_image(with_alpha(pixels, feather(pixels.shape[0])) if soft else pixels)

    def pixels(self, crop: np.ndarray | None, plain: bool = False) -> np.ndarray:
        """What `after` shows, as (N, N, 3) uint8; None: the photo's own crop."""
        if crop is None:
            return self._native
        return crop if plain else detailed(self._native, self._photo.crop(crop.shape[0]), crop)
