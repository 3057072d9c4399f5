"""Continuing the mesh's motion: into surface the photo doesn't show, and beyond the head into hair, neck and background."""
from __future__ import annotations

import math

import numpy as np

from core.cv import cv2
from core.motion_masks import EAR, EYE, LIPS, NECK, SCALP, grid, ramp

_DECAY = 0.30  # reach of the motion beyond the head, as a fraction of the picture's side
_BORDER = 0.08  # least width over which motion dies out toward the picture's border, likewise
_RAYS = 512  # rays about the head's middle on which outlines are compared
_RAY_BLUR = 8.0


def continue_inside(shift: np.ndarray, known: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Hidden eye and lip surface moves like the nearest seen surface of its own kind."""
    out = shift.copy()
    for value in (EYE, LIPS):
        own, hidden = known & (kind == value), ~known & (kind == value)
        if own.any() and hidden.any():
            rows, columns = _nearest(own)
            out[hidden] = shift[rows[hidden], columns[hidden]]
    return out


def continue_outside(shift: np.ndarray, known: np.ndarray, kind: np.ndarray, outside: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Hidden skin between its seen neighbours and the outline; neck, hair and background as `outside`, dying out."""
    size = shift.shape[0]
    head, skin = ~off, (kind <= SCALP) & ~off
    distance = cv2.distanceTransform((~head).astype(np.uint8), cv2.DIST_L2, 5)
    hidden = skin & ~known
    out = np.where(head[..., None], shift, outside)
    if hidden.any():
        rim = (distance > 0) & (distance < 2.5)
        sure = (known & (skin | (kind == LIPS))) | rim
        out = np.where(hidden[..., None], _pull_push(out, sure.astype(np.float32)), out)
    reach = np.hypot(outside[..., 0], outside[..., 1])[(distance > 0) & (distance < 4)].max(initial=0)
    revealed = off & (kind < NECK)
    if revealed.any():  # nothing is hidden behind this side's outline: the motion there must be without a step
        smooth = cv2.GaussianBlur(out, (0, 0), 0.016 * size)
        near = cv2.GaussianBlur(revealed.astype(np.float32), (0, 0), 0.01 * size)[..., None]
        out += (smooth - out) * np.minimum(3 * near, 1)
    fade = 1 - ramp(distance / (_DECAY * size + 1.5 * reach))
    return out * np.minimum(fade, _border_weight(out, (kind < NECK) & (kind != SCALP) & (kind != EAR)))[..., None]


def outside_motion(before: np.ndarray, after: np.ndarray, classes: np.ndarray, source: np.ndarray,
                    edited: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(shift (H, W, 2), outside (H, W) bool) of what surrounds the head: its outline is moved onto the source's, ray by ray.

    A background pixel just off the edited head fetches what was just off the source head, at the same angle about the head's
    middle, so that neither head nor hair shows twice when the outline shrinks. The edited outline is that of what the photo
    shows (`edited`): what a turn reveals behind it counts as outside, because hair is there as often as skin.
    before, after (V, 2) pixels; source, edited: masks (H, W) of the head without the neck.
    """
    size = source.shape[0]
    middle_before, middle_after, turn = _planar_motion(before[classes <= SCALP], after[classes <= SCALP])
    angles = np.linspace(-np.pi, np.pi, _RAYS, endpoint=False, dtype=np.float32)
    whole = cv2.morphologyEx(edited.astype(np.uint8), cv2.MORPH_OPEN, np.ones((size // 50 + 1,) * 2, np.uint8)) > 0
    edge = _circular_blur(_outline(whole, middle_after, angles), _RAY_BLUR / 2)
    growth = _circular_blur(_outline(source, middle_before, angles + turn) - edge, _RAY_BLUR)
    offset = grid(size) - middle_after
    radius = np.maximum(np.hypot(offset[..., 0], offset[..., 1]), 1)
    place = ((np.arctan2(offset[..., 1], offset[..., 0]) + np.pi) * (_RAYS / (2 * np.pi))).astype(np.float32)
    along, limit = (_on_rays(row, place) for row in (growth, edge))
    cos, sin = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    stretched = offset * ((radius + along) / radius)[..., None]
    turned = np.stack([cos * stretched[..., 0] - sin * stretched[..., 1], sin * stretched[..., 0] + cos * stretched[..., 1]], -1)
    return (turned - offset + (middle_before - middle_after)).astype(np.float32), (radius > limit) & ~whole


def _on_rays(row: np.ndarray, place: np.ndarray) -> np.ndarray:
    wrapped = np.concatenate([row, row[:2]]).astype(np.float32)[None]
    return cv2.remap(wrapped, place, np.zeros_like(place), cv2.INTER_LINEAR)


def _planar_motion(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """(middle before, middle after, angle): the in-plane rotation that takes edited points (N, 2) back to the source's best."""
    middle_before, middle_after = before.mean(0), after.mean(0)
    p, q = after - middle_after, before - middle_before
    cross = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum())
    return middle_before, middle_after, math.atan2(cross, float((p * q).sum()))


def _outline(mask: np.ndarray, middle: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Distance (R,) from a middle to the last pixel of a mask along each ray, to a fraction of a pixel."""
    steps = np.arange(0, 1.2 * mask.shape[0], 0.5, dtype=np.float32)
    x = middle[0] + np.cos(angles)[:, None] * steps
    y = middle[1] + np.sin(angles)[:, None] * steps
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
    along = cv2.remap(soft, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Beyond the picture the mask's own border is repeated: an outline that leaves the picture is as far off in both poses.
    inside = (along > 0.5) & (x > -0.5) & (y > -0.5) & (x < mask.shape[1] - 0.5) & (y < mask.shape[0] - 0.5)
    last = inside.shape[1] - 1 - np.argmax(inside[:, ::-1], 1)
    rows = np.arange(len(angles))
    here, beyond = along[rows, last], along[rows, np.minimum(last + 1, len(steps) - 1)]
    part = np.clip((here - 0.5) / np.maximum(here - beyond, 1e-3), 0, 1)
    return np.where(inside.any(1), (last + part) * 0.5, 0).astype(np.float32)


def _circular_blur(values: np.ndarray, sigma: float) -> np.ndarray:
    pad = int(4 * sigma)
    row = np.concatenate([values[-pad:], values, values[:pad]])[None]
    return cv2.GaussianBlur(row, (0, 0), sigma, sigmaY=1e-3)[0, pad:-pad]


def _border_weight(shift: np.ndarray, face: np.ndarray) -> np.ndarray:
    """1 inside, 0 on the picture's border (H, W): on each side over all the room there is before the face, if motion needs it."""
    size = shift.shape[0]
    length, weight = np.hypot(shift[..., 0], shift[..., 1]), np.ones((size, size), np.float32)
    for turns in range(4):  # top, then each next side turned to the top
        moved, rows = np.rot90(length, turns), np.flatnonzero(np.rot90(face, turns).any(1))
        room = float(rows[0]) if len(rows) else 0.5 * size
        needed = 4 * float(moved[:int(2 * _BORDER * size)].max(initial=0))
        width = max(min(needed, room), _BORDER * size)
        side = np.broadcast_to(ramp(np.arange(size, dtype=np.float32) / width)[:, None], (size, size))
        weight = np.minimum(weight, np.rot90(side, -turns))
    return weight


def _pull_push(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Values (H, W, C) where weight is 1, smoothly continued to everywhere else (a pyramid of weighted means)."""
    levels = [(values * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 2:
        height, width = ((n + 1) // 2 for n in levels[-1][1].shape)
        value, share = (cv2.resize(a, (width, height), interpolation=cv2.INTER_AREA) for a in levels[-1])
        levels.append((value, share))
    top_values, top_weight = levels[-1]
    result = np.broadcast_to(top_values.sum((0, 1)) / max(float(top_weight.sum()), 1e-6), top_values.shape)
    for value, share in reversed(levels):
        coarse = cv2.resize(np.ascontiguousarray(result, np.float32), share.shape[::-1], interpolation=cv2.INTER_LINEAR)
        sure = np.minimum(share * 4, 1)[..., None]
        mean = value / np.maximum(share, 1e-6)[..., None]
        result = coarse + (mean - coarse) * sure
    unknown = (weight < 0.5)[..., None]
    for radius in (max(values.shape[0] // 32, 1) * 2 + 1, 5):
        result = np.where(unknown, cv2.GaussianBlur(result, (0, 0), radius / 3), values)
    return result.astype(np.float32)


def _nearest(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, column) of the nearest pixel where mask is true, for every pixel."""
    _, labels = cv2.distanceTransformWithLabels((~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(mask)
    where = np.zeros(labels.max() + 1, np.intp)
    where[labels[rows, columns]] = np.arange(len(rows))
    index = where[labels]
    return rows[index], columns[index]
