"""Finding the places of a picture that look like what is missing in a hole of it, coarse to fine.

Completion by example (Wexler, Shechtman, Irani 2007) with PatchMatch's search (Barnes et al. 2009): each missing pixel looks for
the place whose surroundings look most like its own, and takes its colour from all the places its neighbours found.
"""
from __future__ import annotations

import numpy as np
from numba import njit

from core.cv import cv2
from core.motion_masks import grid

BAND = 0.22  # only so far into the hole, as a share of the picture's side; farther in nothing is ever uncovered
_LEVELS = (72, 144)  # sides at which places are looked for; the last one's are used
_ROUNDS = (6, 3)
_HALF = 2  # patches of 5 x 5 pixels
_NEAR = 20.0  # a place half a picture away must look that much more alike, of 255 a colour
_FAR = np.float32(1e30)


def find_places(picture: np.ndarray, smooth: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """(places (L, L, 2) int32: x, y of the best place; for which pixels (L, L) bool one was looked for), L about 144.

    picture, smooth (S, S, 3) float32: as it is, and with its hole (S, S) bool filled smoothly. Places are None where too little
    of the picture is whole. Deterministic.
    """
    places: np.ndarray | None = None
    colours, wanted = picture, hole
    for side, rounds in zip(_LEVELS, _ROUNDS, strict=True):
        missing = cv2.resize(hole.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) > 0.02
        whole = cv2.erode((~missing).astype(np.uint8), np.ones((2 * _HALF + 1,) * 2), borderValue=0) > 0
        whole[:_HALF] = whole[-_HALF:] = False
        whole[:, :_HALF] = whole[:, -_HALF:] = False
        wanted = missing & (cv2.distanceTransform(missing.astype(np.uint8), cv2.DIST_L2, 5) < BAND * side)
        sources = np.argwhere(whole)
        if len(sources) < 8:
            continue
        small = cv2.resize(smooth, (side, side), interpolation=cv2.INTER_AREA)
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
        _complete(colours, wanted, whole, places, sources.astype(np.int32), rounds)
    return places, wanted


def _nearest(mask: np.ndarray) -> np.ndarray:
    """(x, y) of the nearest pixel where the mask (L, L) is true, for every pixel, (L, L, 2)."""
    _, labels = cv2.distanceTransformWithLabels((~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(mask)
    where = np.zeros((labels.max() + 1, 2), np.int32)
    where[labels[rows, columns]] = np.stack([columns, rows], -1)
    return where[labels]


def _mirrored(missing: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """A first guess of places (L, L, 2): each missing pixel shows what lies as far outside the hole as it lies inside."""
    guess = np.clip(2 * _nearest(~missing) - grid(missing.shape[0]).astype(np.int32), 0, missing.shape[0] - 1)
    return _nearest(whole)[guess[..., 1], guess[..., 0]]


@njit(cache=True, nogil=True)
def _complete(colours, wanted, whole, places, sources, rounds):
    """Search and vote in turn, in place. places hold (x, y); sources (N, 2): row, column of all whole places."""
    random = np.array([7], np.uint32)
    cost = np.full(wanted.shape, _FAR)
    for _ in range(rounds):
        _weigh(colours, wanted, whole, places, sources, cost, random)
        for step in (1, -1):
            _sweep(colours, wanted, whole, places, cost, step, random)
        _vote(colours, wanted, places, cost)


@njit(cache=True, nogil=True)
def _weigh(colours, wanted, whole, places, sources, cost, random):
    """What each place costs under the colours as they are now; one that isn't whole is drawn anew."""
    side = len(colours)
    for y in range(_HALF, side - _HALF):
        for x in range(_HALF, side - _HALF):
            if not wanted[y, x]:
                continue
            px, py = places[y, x, 0], places[y, x, 1]
            if not (0 <= px < side and 0 <= py < side and whole[py, px]):
                k = _drawn(random, len(sources))
                places[y, x, 0], places[y, x, 1] = sources[k, 1], sources[k, 0]
            cost[y, x] = _distance(colours, x, y, places[y, x, 0], places[y, x, 1], _FAR)


@njit(cache=True, nogil=True)
def _sweep(colours, wanted, whole, places, cost, step, random):
    """One pass over the pixels, downward (step 1) or upward (-1): each tries its neighbours' finds, moved on, and then places
    drawn ever nearer to its best."""
    side = len(colours)
    for i in range(_HALF, side - _HALF):
        y = i if step > 0 else side - 1 - i
        for j in range(_HALF, side - _HALF):
            x = j if step > 0 else side - 1 - j
            if not wanted[y, x]:
                continue
            if wanted[y, x - step]:
                _try(colours, whole, places, cost, x, y, places[y, x - step, 0] + step, places[y, x - step, 1])
            if wanted[y - step, x]:
                _try(colours, whole, places, cost, x, y, places[y - step, x, 0], places[y - step, x, 1] + step)
            radius = side // 6
            while radius >= 1:
                px = places[y, x, 0] + _drawn(random, 2 * radius + 1) - radius
                py = places[y, x, 1] + _drawn(random, 2 * radius + 1) - radius
                _try(colours, whole, places, cost, x, y, px, py)
                radius //= 2


@njit(cache=True, nogil=True)
def _drawn(random, count):
    """A number from 0 to count - 1; the state random (1,) goes on."""
    random[0] = random[0] * np.uint32(1664525) + np.uint32(1013904223)
    return int(random[0] >> np.uint32(8)) % count


@njit(cache=True, nogil=True)
def _try(colours, whole, places, cost, x, y, px, py):
    """Take the place (px, py) for the pixel (x, y), if it is whole and better."""
    if 0 <= px < len(whole) and 0 <= py < len(whole) and whole[py, px]:
        d = _distance(colours, x, y, px, py, cost[y, x])
        if d < cost[y, x]:
            cost[y, x], places[y, x, 0], places[y, x, 1] = d, px, py


@njit(cache=True, nogil=True)
def _vote(colours, wanted, places, cost):
    """Every patch over a pixel votes for its colour."""
    side = len(colours)
    before = colours.copy()
    mean = np.empty(3, np.float32)
    for y in range(side):
        for x in range(side):
            if not wanted[y, x]:
                continue
            total = np.float32(0)
            mean[:] = 0
            for qy in range(max(y - _HALF, _HALF), min(y + _HALF + 1, side - _HALF)):
                for qx in range(max(x - _HALF, _HALF), min(x + _HALF + 1, side - _HALF)):
                    if wanted[qy, qx]:
                        w = np.float32(1) / (np.float32(500) + cost[qy, qx])
                        total += w
                        py, px = places[qy, qx, 1] + y - qy, places[qy, qx, 0] + x - qx
                        for c in range(3):
                            mean[c] += w * before[py, px, c]
            if total > 0:
                for c in range(3):
                    colours[y, x, c] = mean[c] / total


@njit(cache=True, nogil=True)
def _distance(colours, x, y, px, py, best):
    """How much the patches around two pixels differ, and how far apart they are; given up beyond `best`."""
    side = len(colours)
    far = np.float32((x - px) * (x - px) + (y - py) * (y - py)) / np.float32(side * side)
    total = far * np.float32(4 * _NEAR * _NEAR * 3 * (2 * _HALF + 1) ** 2)
    for dy in range(-_HALF, _HALF + 1):
        for dx in range(-_HALF, _HALF + 1):
            for c in range(3):
                d = colours[y + dy, x + dx, c] - colours[py + dy, px + dx, c]
                total += d * d
        if total > best:
            return total
    return total
