"""Where a person ends, told by the colours on both sides.

A network's outline is off by some of its pixels. Each pixel in a band around it is explained as a mixture of a colour of the
person and one of the background, both taken from what is sure nearby (robust sampling: Wang & Cohen 2007; along rays: Gastal &
Oliveira 2010). Where the two are alike, or no pair explains the pixel, the network's word stands.
"""
from __future__ import annotations

import numpy as np
from numba import njit

from core.cv import cv2

_INNER, _OUTER = 0.03, 0.06  # width of the band inside and outside the outline, as a share of the face crop's side
_CUT = 0.06  # nobody's outline is sure so near the picture's top: networks let a crown that touches it go on to both sides
_RAYS = 8
_ALIKE = 30.0  # of 255 over all channels: colours closer than this tell nothing apart
_UNEXPLAINED = 600.0  # likewise, squared: a mixture that costs so much more explains little
_HOLD = 300.0  # how strongly a mixture is preferred that agrees with the network; a squared difference of colours
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def told_apart(picture: np.ndarray, share: np.ndarray, unit: float) -> np.ndarray:
    """The share (H, W) float32 in [0, 1] of the person in each pixel of a picture (H, W, 3) uint8, from a rough share.

    unit: side of the face crop in pixels. Outside a band around the outline at 0.5 the result is 0 or 1. Deterministic.
    """
    inside = share > 0.5
    depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    depth[:round(_CUT * unit)] = 0
    sure = np.where(depth > _INNER * unit, 2, np.where(away > _OUTER * unit, 1, 0)).astype(np.uint8)
    out = np.where(sure == 0, share, sure == 2).astype(np.float32)
    angles = np.arange(_RAYS) * (2 * np.pi / _RAYS)
    steps = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    _mixtures(np.ascontiguousarray(picture, np.float32), sure, share.astype(np.float32), out, steps, int(0.16 * unit) + 2)
    return out


def share_of_light(picture: np.ndarray, matte: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """How much of each pixel's light (H, W) float32 in [0, 1] comes from the person: less than the matte for dark hair before a
    bright wall. picture, behind (H, W, 3) uint8: with the person, and the background alone."""
    wall = (1 - matte) * (behind.astype(np.float32) @ _LUMA)
    share = 1 - wall / np.maximum(picture.astype(np.float32) @ _LUMA, 5)
    return np.clip(share, 0, np.minimum(4 * matte, 1)).astype(np.float32)


@njit(cache=True, nogil=True)
def _mixtures(picture, sure, share, out, steps, far):
    """Fill out (H, W) where sure is 0. steps (R, 2): directions in which sure colours are looked for, `far` pixels at most."""
    height, width = sure.shape
    people, walls = np.empty((len(steps), 3), np.float32), np.empty((len(steps), 3), np.float32)
    for y in range(height):
        for x in range(width):
            if sure[y, x] != 0:
                continue
            fore, back = _reach(picture, sure, x, y, steps, far, people, walls)
            best, found, missed, apart = np.float32(1e30), share[y, x], np.float32(0), np.float32(0)
            for i in range(fore):
                for j in range(back):
                    alpha, miss, square = _explained(picture[y, x], people[i], walls[j])
                    cost = miss + np.float32(_HOLD) * (alpha - share[y, x]) * (alpha - share[y, x])
                    if cost < best:
                        best, found, missed, apart = cost, alpha, miss, square
            if best < np.float32(1e30):
                trust = np.exp(-missed / np.float32(_UNEXPLAINED)) * apart / (apart + np.float32(_ALIKE * _ALIKE))
                out[y, x] = share[y, x] + (found - share[y, x]) * trust


@njit(cache=True, nogil=True)
def _reach(picture, sure, x, y, steps, far, people, walls):
    """The first sure colours of both kinds that rays from a pixel meet, into people and walls (R, 3); returns how many each."""
    fore = back = 0
    for k in range(len(steps)):
        person = wall = False
        for step in range(1, far):
            px, py = int(x + steps[k, 0] * step + np.float32(0.5)), int(y + steps[k, 1] * step + np.float32(0.5))
            if px < 0 or py < 0 or px >= sure.shape[1] or py >= sure.shape[0] or person and wall:
                break
            if sure[py, px] == 2 and not person:
                people[fore], person, fore = picture[py, px], True, fore + 1
            elif sure[py, px] == 1 and not wall:
                walls[back], wall, back = picture[py, px], True, back + 1
    return fore, back


@njit(cache=True, nogil=True)
def _explained(colour, person, wall):
    """(share, squared difference of the colours, that of the two it is mixed of) of a pixel's colour as a mixture."""
    square, dot = np.float32(1e-3), np.float32(0)
    for c in range(3):
        d = person[c] - wall[c]
        square += d * d
        dot += d * (colour[c] - wall[c])
    alpha = min(max(dot / square, np.float32(0)), np.float32(1))
    miss = np.float32(0)
    for c in range(3):
        d = colour[c] - (wall[c] + alpha * (person[c] - wall[c]))
        miss += d * d
    return alpha, miss, square
