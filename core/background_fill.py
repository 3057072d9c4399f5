"""Filling what stands before a background: patches of the rest of it, found coarse to fine.

Completion by example (Wexler, Shechtman, Irani 2007) with PatchMatch's search (Barnes et al. 2009): each missing pixel looks for
the place whose surroundings look most like its own, and takes its colour from all the places its neighbours found. Straight lines
and texture go on; nothing is drawn at random that the same picture wouldn't draw again.
"""
from __future__ import annotations

import numpy as np
from numba import njit

from core.cv import cv2
from core.motion_masks import grid

_LEVELS = (72, 144)  # sides at which places are looked for; the last one's are used
_ROUNDS = (6, 3)
_HALF = 2  # patches of 5 x 5 pixels
_NEAR = 20.0  # a place half a picture away must look that much more alike, of 255 a colour
_JOIN = 0.08  # depth into the hole over which its tone follows the edge's, as a share of the picture's side
_BAND = 0.22  # only so far into the hole, as a share of the picture's side; farther in nothing is ever uncovered


def fill(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The picture (S, S, 3) float32 with what is in the hole (S, S) bool replaced; elsewhere exactly as it is.

    Near the hole's edge the picture goes on with its own lines and grain, deep inside only with its colours. Deterministic. Where
    nothing is left to copy from, the picture comes back as it is.
    """
    if not hole.any() or hole.mean() > 0.98:
        return picture.copy()
    smooth = pull_push(picture, (~hole).astype(np.float32))
    places, colours, wanted = _search(picture, smooth, hole)
    if places is None:
        return np.where(hole[..., None], smooth, picture)
    size, side = picture.shape[0], places.shape[0]
    offset = (places.astype(np.float32) - grid(side)) * np.float32(size / side)
    fetch = grid(size) + cv2.resize(offset, (size, size), interpolation=cv2.INTER_NEAREST)
    low = cv2.resize(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), (size, size))
    detail = cv2.remap(picture - low, fetch[..., 0], fetch[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    sharp = cv2.resize(_joined(colours, picture, hole), (size, size), interpolation=cv2.INTER_LINEAR) + detail
    near = cv2.resize(cv2.GaussianBlur(wanted.astype(np.float32), (0, 0), 1.5), (size, size), interpolation=cv2.INTER_LINEAR)
    filled = smooth + (sharp - smooth) * np.clip(2 * near - 0.3, 0, 1)[..., None]
    return np.where(hole[..., None], filled, picture).astype(np.float32)


def _joined(colours: np.ndarray, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Colours (L, L, 3) with the tone at the hole's edge that the picture (S, S, 3) has there: copied places are seldom as bright
    as what they join. The difference is spread into the hole, and fades."""
    side = len(colours)
    missing = cv2.resize(hole.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) > 0.02
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    edge = _nearest(~missing)
    away = cv2.distanceTransform(missing.astype(np.uint8), cv2.DIST_L2, 5)
    rim = missing & (away < 1.6)
    if not rim.any():
        return colours
    rest = cv2.GaussianBlur(small, (0, 0), 0.7)[edge[..., 1], edge[..., 0]] - colours
    spread = pull_push(np.where(rim[..., None], rest, 0).astype(np.float32), rim.astype(np.float32))
    return colours + spread * (missing * np.exp(-away / (_JOIN * side)))[..., None].astype(np.float32)


def _nearest(mask: np.ndarray) -> np.ndarray:
    """(x, y) of the nearest pixel where the mask (L, L) is true, for every pixel, (L, L, 2)."""
    _, labels = cv2.distanceTransformWithLabels((~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(mask)
    where = np.zeros((labels.max() + 1, 2), np.int32)
    where[labels[rows, columns]] = np.stack([columns, rows], -1)
    return where[labels]


def _search(picture: np.ndarray, smooth: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """(places (L, L, 2), colours (L, L, 3), which pixels were looked for (L, L)) at the finest level."""
    places: np.ndarray | None = None
    colours, wanted = picture, hole
    emptied = np.where(hole[..., None], smooth, picture)
    for side, rounds in zip(_LEVELS, _ROUNDS, strict=True):
        missing = cv2.resize(hole.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) > 0.02
        whole = cv2.erode((~missing).astype(np.uint8), np.ones((2 * _HALF + 1,) * 2), borderValue=0) > 0
        whole[:_HALF] = whole[-_HALF:] = False
        whole[:, :_HALF] = whole[:, -_HALF:] = False
        wanted = missing & (cv2.distanceTransform(missing.astype(np.uint8), cv2.DIST_L2, 5) < _BAND * side)
        sources = np.argwhere(whole)
        if len(sources) < 8:
            continue
        small = cv2.resize(emptied, (side, side), interpolation=cv2.INTER_AREA)
        if places is None:
            places = _mirrored(missing, whole)
            colours = np.where(wanted[..., None], small[places[..., 1], places[..., 0]], small)
        else:
            before = places.shape[0]
            offset = (places - grid(before)) * np.float32(side / before)
            places = np.rint(grid(side) + cv2.resize(offset, (side, side), interpolation=cv2.INTER_NEAREST))
            colours = np.where(wanted[..., None], cv2.resize(colours, (side, side), interpolation=cv2.INTER_LINEAR), small)
        colours = np.ascontiguousarray(colours, np.float32)
        places = np.ascontiguousarray(places, np.int32)
        _complete(colours, wanted, whole, places, sources.astype(np.int32), rounds, np.uint32(7))
    return places, colours, wanted


def _mirrored(missing: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """A first guess of places (L, L, 2): each missing pixel shows what lies as far outside the hole as it lies inside."""
    guess = np.clip(2 * _nearest(~missing) - grid(missing.shape[0]).astype(np.int32), 0, missing.shape[0] - 1)
    return _nearest(whole)[guess[..., 1], guess[..., 0]]


@njit(cache=True, nogil=True)
def _complete(colours, wanted, whole, places, sources, rounds, seed):
    """Search and vote in turn, in place. places hold (x, y)."""
    side = colours.shape[0]
    half = _HALF
    state = seed
    cost = np.full((side, side), np.float32(1e30))
    out = colours.copy()
    for _ in range(rounds):
        for y in range(half, side - half):
            for x in range(half, side - half):
                if wanted[y, x]:
                    px, py = places[y, x, 0], places[y, x, 1]
                    inside = half <= px < side - half and half <= py < side - half
                    if not (inside and whole[py, px]):
                        state = state * np.uint32(1664525) + np.uint32(1013904223)
                        k = int(state >> np.uint32(8)) % len(sources)
                        places[y, x, 0], places[y, x, 1] = sources[k, 1], sources[k, 0]
                        px, py = places[y, x, 0], places[y, x, 1]
                    cost[y, x] = _distance(colours, x, y, px, py, half, np.float32(1e30))
        for sweep in range(2):
            step = 1 if sweep == 0 else -1
            for yy in range(half, side - half):
                y = yy if sweep == 0 else side - 1 - yy
                for xx in range(half, side - half):
                    x = xx if sweep == 0 else side - 1 - xx
                    if not wanted[y, x]:
                        continue
                    for k in range(2):  # the neighbours' finds, moved on
                        nx, ny = (x - step, y) if k == 0 else (x, y - step)
                        if wanted[ny, nx]:
                            cx, cy = places[ny, nx, 0] + (x - nx), places[ny, nx, 1] + (y - ny)
                        else:
                            continue
                        if half <= cx < side - half and half <= cy < side - half and whole[cy, cx]:
                            d = _distance(colours, x, y, cx, cy, half, cost[y, x])
                            if d < cost[y, x]:
                                cost[y, x], places[y, x, 0], places[y, x, 1] = d, cx, cy
                    radius = side // 6
                    while radius >= 1:  # ever nearer to the best so far
                        state = state * np.uint32(1664525) + np.uint32(1013904223)
                        cx = places[y, x, 0] + int(state >> np.uint32(8)) % (2 * radius + 1) - radius
                        state = state * np.uint32(1664525) + np.uint32(1013904223)
                        cy = places[y, x, 1] + int(state >> np.uint32(8)) % (2 * radius + 1) - radius
                        if half <= cx < side - half and half <= cy < side - half and whole[cy, cx]:
                            d = _distance(colours, x, y, cx, cy, half, cost[y, x])
                            if d < cost[y, x]:
                                cost[y, x], places[y, x, 0], places[y, x, 1] = d, cx, cy
                        radius //= 2
        for y in range(side):  # every patch over a pixel votes for its colour
            for x in range(side):
                if not wanted[y, x]:
                    continue
                total = np.float32(0)
                r, g, b = np.float32(0), np.float32(0), np.float32(0)
                for dy in range(-half, half + 1):
                    for dx in range(-half, half + 1):
                        qx, qy = x + dx, y + dy
                        if half <= qx < side - half and half <= qy < side - half and wanted[qy, qx]:
                            w = np.float32(1) / (np.float32(500) + cost[qy, qx])
                            sx, sy = places[qy, qx, 0] - dx, places[qy, qx, 1] - dy
                            r += w * colours[sy, sx, 0]
                            g += w * colours[sy, sx, 1]
                            b += w * colours[sy, sx, 2]
                            total += w
                if total > 0:
                    out[y, x, 0], out[y, x, 1], out[y, x, 2] = r / total, g / total, b / total
        colours[:] = out


@njit(cache=True, nogil=True)
def _distance(colours, x, y, px, py, half, best):
    far = np.float32((x - px) * (x - px) + (y - py) * (y - py)) / np.float32(colours.shape[0] * colours.shape[0])
    total = far * np.float32(4 * _NEAR * _NEAR * 3 * (2 * half + 1) * (2 * half + 1))
    for dy in range(-half, half + 1):
        for dx in range(-half, half + 1):
            for c in range(3):
                d = colours[y + dy, x + dx, c] - colours[py + dy, px + dx, c]
                total += d * d
        if total > best:
            return total
    return total


def pull_push(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
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
