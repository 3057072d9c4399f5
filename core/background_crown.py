"""The person beyond the photo's own edge: a crown that the photo cuts off closes above it, as heads do."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.align import margin
from core.cv import cv2
from core.pyramid import pull_push

if TYPE_CHECKING:
    from core.photo import Photo

_COARSER = 4  # how much coarser than the frame it is worked out where it mirrors something else than the person
_BAND = 0.07  # height under the photo's top over which the outline's course is read, as a share of the face crop's side
_HAIR = 0.08  # most that hair or cloth stands above the fitted skull, likewise
_ROUND = 0.9  # most that a crown rises above the edge, as a share of half its width there
_SOFT = 0.012  # width of the new outline's soft edge, as a share of the face crop's side


def matte_beyond(matte: np.ndarray, inside: tuple[int, int, int, int], head: np.ndarray, unit: float) -> np.ndarray:
    """A matte (h, w) of the part of a frame that the photo has, carried on into the whole frame (F, F) float32.

    inside: (top, bottom, left, right) of that part. head (F, F): the fitted head's coverage of the frame. unit: side of the face
    crop in pixels. To the sides and below, the person goes on as at the edge; above, only the head does, and it ends.
    """
    top, bottom, left, right = inside
    size = head.shape[0]
    crown = _crown(matte, head[:top, left:right], head[top:bottom, left:right], unit)
    return cv2.copyMakeBorder(np.concatenate([crown, matte]), 0, size - bottom, left, size - right, cv2.BORDER_REPLICATE)


def person_beyond(picture: np.ndarray, matte: np.ndarray, photo: Photo) -> np.ndarray:
    """A photo's frame (F, F, 3) uint8, as mirrored at the photo's edge, with the person beyond that edge: (F, F, 3) float32.

    matte (F, F): the person. What is mirrored has the right grain, but narrows where the person does: there, and where it is the
    background, the person's own colours go on smoothly.
    """
    frame, size, edge = len(picture), photo.native_size, margin(photo.native_size)
    side = -(-frame // _COARSER)
    line = (np.arange(side) + 0.5) * (frame / side) - edge
    place = photo.alignment.to_photo(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2), size)
    ends = np.array(photo.pixels.shape[1::-1])
    mirrored = np.abs(np.where(place > ends, 2 * ends - place, place))
    beyond = (mirrored != place).any(1).reshape(side, side)
    if not (beyond & (cv2.resize(matte, (side, side), interpolation=cv2.INTER_AREA) > 0)).any():
        return picture.astype(np.float32)
    source = (photo.alignment.to_crop(mirrored, size) + edge - 0.5).astype(np.float32).reshape(side, side, 2)
    shown = cv2.remap(matte, source[..., 0], source[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    own = cv2.erode(shown, np.ones((5, 5)))
    colours = pull_push(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32),
                        (own > 0.95).astype(np.float32))
    share = cv2.GaussianBlur((beyond & (own < 0.95)).astype(np.float32), (0, 0), 1.5) * beyond
    colours, share = (cv2.resize(a, (frame, frame), interpolation=cv2.INTER_LINEAR) for a in (colours, share))
    return np.asarray(picture + (colours - picture) * share[..., None], np.float32)


def _crown(matte: np.ndarray, above: np.ndarray, head: np.ndarray, unit: float) -> np.ndarray:
    """What stands above a matte (h, w): (above's height, w) float32. The squared half width of a head falls about evenly toward
    its crown; above the edge it goes on to fall as it did under it."""
    height = above.shape[0]
    out = np.zeros(above.shape, np.float32)
    outline = _outline(matte[:max(round(_BAND * unit), 4)], np.asarray(head.any(0)))
    if height == 0 or outline is None:
        return out
    left, right = outline
    middles, squares = (left + right) / 2, ((right - left) / 2) ** 2
    depth = np.arange(len(left), dtype=np.float32)
    middle, lean = float(middles[0]), float(np.polyfit(depth, middles, 1)[0])
    fall, wide = (float(value) for value in np.polyfit(depth, squares, 1))
    fall, wide = max(fall, 1e-3), min(max(wide, 1.0), max(float(squares[0]), 1.0))
    crown = np.flatnonzero((np.concatenate([above, head]) > 0.5).any(1))[:1]
    fitted = height - float(crown.sum()) if len(crown) else 0.0  # of the skull, over the edge; hair stands higher
    rise = min(max(wide / fall, fitted), fitted + _HAIR * unit, _ROUND * wide ** 0.5, 1.9 * wide / fall)
    rise = max(rise, 1.0)
    y = height - np.arange(height, dtype=np.float32)[:, None] - 0.5
    half = (1 - y / rise) * (wide + (wide / rise - fall) * y)
    centre = middle - min(max(lean, -0.5), 0.5) * y
    soft = max(_SOFT * unit, 1.0)
    # toward the top, where the outline is level, its distance is the height's
    away = np.minimum(np.sqrt(np.maximum(half, 0)) - np.abs(np.arange(above.shape[1]) - centre), 1.5 * (rise - y))
    return np.clip(away / soft + 0.5, 0, 1).astype(np.float32) * (half > 0)


def _outline(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(left, right) of the head in each row (n, w) of a matte, n >= 2, as far down as it touches the first; None without one.

    columns (w,): where the fitted head stands; of several things at the edge the one that overlaps it most is the head.
    """
    count, labels = cv2.connectedComponents((rows[:1] > 0.5).astype(np.uint8), connectivity=4)
    if count < 2:
        return None
    overlap = [int((columns & (labels[0] == i)).sum()) for i in range(1, count)]
    if max(overlap) == 0:
        return None
    start = np.flatnonzero(labels[0] == 1 + int(np.argmax(overlap)))
    span, found = (int(start[0]), int(start[-1])), []
    for row in rows > 0.5:
        gaps = np.flatnonzero(~row)
        middle = (span[0] + span[1]) // 2
        if not row[middle]:
            break
        before, after = gaps[gaps < middle], gaps[gaps > middle]
        span = (int(before[-1]) + 1 if len(before) else 0), (int(after[0]) - 1 if len(after) else len(row) - 1)
        found.append(span)
    if len(found) < 2:
        return None
    left, right = np.array(found, np.float32).T
    return left, right
