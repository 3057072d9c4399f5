"""What a photo says of how its mouth's inside would look: the strength and colour of its light, its sharpness and its grain."""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.cv import cv2

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class OwnMouth:
    """The open mouth of the photo itself, over a square of the frame around it: box (left, top, side) in NDC.

    planes (6, n, n) float32 over that square: where the upper teeth are seen, free of the lips' shadow; the lower ones; the
    opening; in which columns the upper teeth go on where lips hide them; likewise, up to where the gums may begin; and what lies
    below their edge, where the photo shows it. strip (n, 3): the upper teeth's colour in each column, 0..255.
    """

    box: tuple[float, float, float]
    planes: np.ndarray
    strip: np.ndarray


@dataclass(frozen=True, eq=False)
class MouthLook:
    """gain (3,): from a rendering, about [0, 1], to the photo's values 0..255. blur: standard deviation of the photo's finest
    edges; grain: of its noise, 0..255; both in pixels of the photo's own crop, whose side is `side`.
    own: where the photo shows the mouth's inside, None where it doesn't. teeth (3,): factors on the teeth's colour; shift: metres
    by which the upper teeth stand higher than the head has them (`core.mouth_own`)."""

    gain: np.ndarray
    blur: float
    grain: float
    side: int
    own: OwnMouth | None = None
    teeth: np.ndarray = field(default_factory=lambda: np.ones(3, np.float32))
    shift: float = 0.0


def look_of(photo: np.ndarray, rendered: np.ndarray, skin: np.ndarray, side: int) -> MouthLook:
    """The look of a photo's frame (F, F, 3) uint8 around a crop of `side` pixels.

    rendered (h, h, 3) and skin (h, h) bool: the fitted head in that frame, and the skin around its mouth.
    """
    small = cv2.resize(photo, rendered.shape[1::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    return MouthLook(_gain(small, rendered, skin), *_texture(photo, skin, side), side)


def _gain(photo: np.ndarray, rendered: np.ndarray, skin: np.ndarray) -> np.ndarray:
    use = skin & (rendered.min(-1) > 0.04)
    if use.sum() < 20:
        return np.full(3, 255, np.float32)
    ratio = photo[use].sum(-1) / rendered[use].sum(-1)
    low, high = np.percentile(ratio, (35, 90))  # beards are darker than the skin, glints brighter
    use[use] = (ratio >= low) & (ratio <= high)
    gain = photo[use].sum(0) / np.maximum(rendered[use].sum(0), 1e-3)
    return np.clip(gain, 60, 600).astype(np.float32)


def _texture(photo: np.ndarray, skin: np.ndarray, side: int) -> tuple[float, float]:
    """(blur, grain) in the face: of its steepest edges, and of its evenest places."""
    rows, columns = np.flatnonzero(skin.any(1)), np.flatnonzero(skin.any(0))
    if not len(rows):
        return 0.8, 1.0
    ratio = photo.shape[0] / skin.shape[0]
    top, bottom, left, right = (int(v * ratio) for v in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1))
    face = np.ascontiguousarray(photo[max(top - side // 4, 0):bottom, left:right] @ _LUMA)
    steep = np.hypot(cv2.Sobel(face, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(face, cv2.CV_32F, 0, 1, scale=1 / 8))
    window = np.ones((9, 9), np.uint8)
    span = cv2.dilate(face, window) - cv2.erode(face, window)
    strong = span > max(np.percentile(span, 98), 25)
    blur = float(np.percentile((span / np.maximum(2.5 * steep, 1e-3))[strong], 5)) if strong.sum() > 20 else 0.8
    fine = face - cv2.GaussianBlur(face, (0, 0), 1.2)
    rough = cv2.blur(fine * fine, (7, 7))
    return float(np.clip(blur - 0.3, 0.45, 4.0)), float(np.clip(np.sqrt(np.percentile(rough, 20)), 0, 8))
