"""A smooth continuation of a picture into a hole, along the lines that run into it.

Diffusion steered by the structure of the surroundings (Weickert 1998; for completion: Bornemann & Maerz 2007): the directions of
edges outside are continued smoothly into the hole, and colours flow along them rather than across. Where there are no lines it is
a membrane: nothing in it is sharper than what surrounds it, and it meets the surroundings without a step.
"""
from __future__ import annotations

import numpy as np
from numba import njit

from core.cv import cv2
from core.pyramid import pull_push

_SIDE = 96  # largest side at which colours flow
_SWEEPS = 16  # at each size, in every direction
_HALF = 2  # a pixel takes its colour from 5 x 5 around it
_TENSOR = 2.0  # pixels over which directions are averaged
_NOISE = 4.0  # of 255: gradients up to this are no lines
_ACROSS = 0.45  # pixels that colours flow across lines, and along them
_ALONG = 2.0


def flow_into(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The picture (S, S, 3) float32 with its hole (S, S) bool filled smoothly; elsewhere exactly as it is. Deterministic."""
    size = picture.shape[0]
    sides = [min(size, _SIDE)]
    while sides[-1] > 20:
        sides.append(sides[-1] // 2)
    known = (~hole).astype(np.float32)
    flowed: np.ndarray | None = None
    for side in reversed(sides):
        share = cv2.resize(known, (side, side), interpolation=cv2.INTER_AREA)
        total = cv2.resize(picture * known[..., None], (side, side), interpolation=cv2.INTER_AREA)
        mean, sure = total / np.maximum(share, 1e-3)[..., None], share > 0.3
        guess = pull_push(mean, sure.astype(np.float32)) if flowed is None else cv2.resize(flowed, (side, side))
        flowed = np.ascontiguousarray(np.where(sure[..., None], mean, guess), np.float32)
        _flow(flowed, sure, _directions(flowed, sure), _SWEEPS)
    assert flowed is not None
    large = cv2.resize(flowed, (size, size), interpolation=cv2.INTER_CUBIC)
    return _met(large, picture, known, 1.5 * size / sides[0])


def _met(filled: np.ndarray, picture: np.ndarray, known: np.ndarray, scale: float) -> np.ndarray:
    """A coarse filling that meets the picture at the hole's edge, seen at a width of `scale` pixels."""
    mass = np.maximum(cv2.GaussianBlur(known, (0, 0), scale), 1e-3)
    rest = cv2.GaussianBlur((picture - filled) * known[..., None], (0, 0), scale) / mass[..., None]
    fade = np.clip(2.5 * mass, 0, 1)[..., None]
    return np.where(known[..., None] > 0.5, picture, filled + rest * fade).astype(np.float32)


def _directions(picture: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """(L, L, 3) float32: for each pixel the direction (x, y) across the lines there, and how clear they are, 0 to 1."""
    blurred = cv2.GaussianBlur(picture, (0, 0), 0.7)
    dx, dy = (cv2.Scharr(blurred, cv2.CV_32F, *order) / 32 for order in ((1, 0), (0, 1)))
    tensor = np.stack([(dx * dx).sum(-1), (dx * dy).sum(-1), (dy * dy).sum(-1)], -1)
    whole = cv2.erode(sure.astype(np.uint8), np.ones((5, 5)), borderValue=1).astype(np.float32)
    tensor = cv2.GaussianBlur(tensor * whole[..., None], (0, 0), _TENSOR)
    mass = cv2.GaussianBlur(whole, (0, 0), _TENSOR)
    tensor = pull_push(tensor / np.maximum(mass, 1e-3)[..., None], (mass > 0.05).astype(np.float32))
    xx, xy, yy = np.moveaxis(tensor, -1, 0)
    split = np.sqrt((xx - yy) ** 2 + 4 * xy * xy)
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    clear = split / (xx + yy + np.float32(_NOISE * _NOISE))
    return np.ascontiguousarray(np.stack([np.cos(angle), np.sin(angle), clear], -1), np.float32)


@njit(cache=True, nogil=True)
def _flow(colours, sure, across, sweeps):
    """Let colours (L, L, 3) flow where sure is false, in place."""
    side = len(colours)
    for sweep in range(2 * sweeps):
        for i in range(side):
            y = i if sweep % 2 == 0 else side - 1 - i
            for j in range(side):
                x = j if sweep % 2 == 0 else side - 1 - j
                if not sure[y, x]:
                    _gather(colours, x, y, across[y, x, 0], across[y, x, 1], across[y, x, 2])


@njit(cache=True, nogil=True)
def _gather(colours, x, y, nx, ny, clear):
    """One pixel's colour from those around it, those along its line counting more the clearer the line."""
    side = len(colours)
    narrow = np.float32(_ALONG) + (np.float32(_ACROSS) - np.float32(_ALONG)) * clear
    total, r, g, b = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for dy in range(-_HALF, _HALF + 1):
        for dx in range(-_HALF, _HALF + 1):
            px, py = x + dx, y + dy
            if px < 0 or py < 0 or px >= side or py >= side or dx == 0 and dy == 0:
                continue
            off, on = dx * nx + dy * ny, dy * nx - dx * ny
            w = np.exp(np.float32(-0.5) * (off * off / (narrow * narrow) + on * on / np.float32(_ALONG * _ALONG)))
            total += w
            r += w * colours[py, px, 0]
            g += w * colours[py, px, 1]
            b += w * colours[py, px, 2]
    colours[y, x, 0], colours[y, x, 1], colours[y, x, 2] = r / total, g / total, b / total
