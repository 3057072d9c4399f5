"""Shadows by a shadow map (Williams 1978) with soft edges (percentage-closer soft shadows, Fernando 2005), for drags.

The mesh is drawn once from the lamp; every pixel of the picture then asks how much of a patch around its own place in that map is
nearer to the lamp than itself. How wide the patch is follows from the lamp's size and from how far away what shades it is.
Compiled, for one thread, as the rasterizer.
"""
from __future__ import annotations

import math

import numpy as np
from numba import njit

from core.light_lamps import Lamp
from core.render import kernels, pool
from core.render.camera import ndc_affine, pixel_centres
from core.render.numba_raster import unsigned
from core.render.surface import Mesh

SIDE = 256  # of the map, texels
_TAPS = 16
_WIDEST = math.radians(16)  # half angle beyond which so few looks tell no softer shadow
_REACH = np.float32(0.05)  # how far away something that shades a point is looked for, as seen from the lamp's edge, metres
_NEAREST = np.float32(1.3)  # smallest radius of the patch, texels: what softens a bare bulb's edge by about a pixel
_BIAS = np.float32(0.0012)  # metres that something must be nearer to the lamp
_STEEPEST = np.float32(0.2)  # N.d below which a surface's slope in the map is taken as no steeper
_ALIKE = np.float32(0.12)  # most by which pixels differ between which there is no edge
_HOLD = np.float32(0.012)  # how far up a slope may lift what shades it, metres
_ZERO, _QUARTER, _HALF = np.float32(0), np.float32(0.25), np.float32(0.5)
_ONE, _TWO, _TEN = np.float32(1), np.float32(2), np.float32(10)


def _sunflower(count: int) -> np.ndarray:
    index = np.arange(count)
    radius, turn = np.sqrt((index + 0.5) / count), index * math.pi * (3 - math.sqrt(5))
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1).astype(np.float32)


_DISC = _sunflower(_TAPS)


def visibility(mesh: Mesh, depth: np.ndarray, normal: np.ndarray, lamp: Lamp, side: int = SIDE) -> np.ndarray:
    """How much of a lamp each pixel sees, 0 to 1 (H, W) float32; 1 off the head and where the surface turns away.

    mesh: what the picture shows; depth (H, W), normal (H, W, 3): as in `core.render.buffers.Buffers`.
    """
    frame = _frame(lamp)
    vertices = np.ascontiguousarray(mesh.vertices, np.float32)
    seen = vertices @ frame.T
    low, high = seen.min(0), seen.max(0)
    half = float(max(high[0] - low[0], high[1] - low[1])) / 2 * 1.02
    centre = (low + high) / 2
    ndc = np.empty_like(seen)
    ndc[:, :2] = (seen[:, :2] - centre[:2]) / np.float32(half)
    ndc[:, 2] = _ONE + (high[2] - seen[:, 2])
    centres = np.full(side + kernels.LANES, np.inf, np.float32)
    centres[:side] = pixel_centres(side)
    count = side * side + kernels.LANES
    near, ids = pool.empty((count,)), pool.empty((count,), np.int32)
    kernels.raster(ndc, unsigned(mesh.faces), centres, near, ids, np.empty(side + kernels.LANES, np.float32))
    size = depth.shape[0]
    out = pool.empty((size, size))
    gain, ox, oy = (np.float32(v) for v in ndc_affine(mesh.box))
    s, tx, ty = (np.float32(v) for v in mesh.camera)
    _look_up(depth, np.ascontiguousarray(normal, np.float32), pixel_centres(size), s, tx, ty, gain, ox, oy, frame,
             near[:side * side].reshape(side, side), np.float32(centre[0]), np.float32(centre[1]), np.float32(half),
             _ONE + high[2], np.float32(math.tan(min(lamp.half_angle, _WIDEST))), _DISC, out)
    return out


def _frame(lamp: Lamp) -> np.ndarray:
    """Rows: across, up, toward the lamp (3, 3) float32."""
    toward = np.array(lamp.direction)
    across = np.cross((0.0, 1.0, 0.0) if abs(toward[1]) < 0.9 else (1.0, 0.0, 0.0), toward)
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(toward, across), toward]).astype(np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _shaded(u, v, w, gu, gv, near, search, spread, disc):
    """How much of the lamp is hidden from a point, 0 to 1.

    u, v: its place in the map, texels; w: its depth there; gu, gv: how the depth of its tangent plane grows a texel; search:
    radius of the patch in which a lamp so wide may be hidden, texels; spread: how that radius grows with the distance of what
    hides it.
    """
    side, taps = near.shape[0], disc.shape[0]
    bias = _BIAS + _HALF * (abs(gu) + abs(gv))
    blockers, distance = 0, _ZERO
    for k in range(taps):
        du, dv = disc[k, 0] * search, disc[k, 1] * search
        x, y = int(u + du), int(v + dv)
        if x >= 0 and y >= 0 and x < side and y < side:
            above = w + min(max(gu * du + gv * dv, -_HOLD), _HOLD) - near[y, x]
            if above > bias:
                blockers += 1
                distance += above
    if blockers == 0:
        return _ZERO
    radius = max(distance / np.float32(blockers) * spread, _NEAREST)
    hidden = _ZERO
    for k in range(taps):
        du, dv = disc[k, 0] * radius, disc[k, 1] * radius
        x, y = int(u + du), int(v + dv)
        if x >= 0 and y >= 0 and x < side and y < side:
            above = w + min(max(gu * du + gv * dv, -_HOLD), _HOLD) - near[y, x]
            hidden += min(max(_TWO * above / bias - _ONE, _ZERO), _ONE)
    return hidden / np.float32(taps)


@njit(cache=True, nogil=True, error_model="numpy")
def _seen(x, y, depth, normal, centres, s, tx, ty, gain, ox, oy, frame, near, cu, cv, texels, top, slope, disc):
    """How much of the lamp a pixel sees, 0 to 1."""
    nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
    nu = nx * frame[0, 0] + ny * frame[0, 1] + nz * frame[0, 2]
    nv = nx * frame[1, 0] + ny * frame[1, 1] + nz * frame[1, 2]
    nw = nx * frame[2, 0] + ny * frame[2, 1] + nz * frame[2, 2]
    if nw <= -slope * math.sqrt(nu * nu + nv * nv):
        return _ONE  # turned away from all of the lamp: nothing to hide
    px = (centres[x] - ox) / (gain * s) - tx
    py = -(centres[y] - oy) / (gain * s) - ty
    pz = (_TEN - depth[y, x]) / s
    middle = np.float32(near.shape[0]) * _HALF
    u = (px * frame[0, 0] + py * frame[0, 1] + pz * frame[0, 2] - cu) * texels + middle
    v = (px * frame[1, 0] + py * frame[1, 1] + pz * frame[1, 2] - cv) * texels + middle
    w = top - (px * frame[2, 0] + py * frame[2, 1] + pz * frame[2, 2])
    steep = _ONE / (max(nw, _STEEPEST) * texels)
    search = max(_REACH * slope * texels, _NEAREST)
    return _ONE - _shaded(u, v, w, nu * steep, nv * steep, near, search, slope * texels, disc)


@njit(cache=True, nogil=True, error_model="numpy")
def _look_up(depth, normal, centres, s, tx, ty, gain, ox, oy, frame, near, cu, cv, half, top, slope, disc, out):
    """`visibility`: of every second pixel in every second row, and of the others where those around them don't agree."""
    height, width = depth.shape
    texels = np.float32(near.shape[0]) * _HALF / half  # a metre
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            out[y, x] = _ONE
            if depth[y, x] < np.inf:
                out[y, x] = _seen(x, y, depth, normal, centres, s, tx, ty, gain, ox, oy, frame, near, cu, cv, texels, top, slope,
                                  disc)
    for y in range(height):
        up, down = y - y % 2, min(y + y % 2, height - 1 - (height - 1) % 2)
        for x in range(width):
            left, right = x - x % 2, min(x + x % 2, width - 1 - (width - 1) % 2)
            if left == x and up == y:
                continue
            out[y, x] = _ONE
            if not depth[y, x] < np.inf:
                continue
            a, b, c, d = out[up, left], out[up, right], out[down, left], out[down, right]
            if max(max(a, b), max(c, d)) - min(min(a, b), min(c, d)) < _ALIKE:
                out[y, x] = (a + b + c + d) * _QUARTER
            else:
                out[y, x] = _seen(x, y, depth, normal, centres, s, tx, ty, gain, ox, oy, frame, near, cu, cv, texels, top, slope,
                                  disc)
