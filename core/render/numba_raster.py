"""Compiled single-thread rasterizer: vertices and albedo to all buffers in one pass (spec section 3).

One thread on purpose: a second one beside the denoiser makes interactive frames jump from 3 to 14 ms. The kernels release the
GIL and are cached on disk, so only the first run ever on a machine waits for the compiler (about 5 s).
"""
from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numba import njit

from core.light import SH_CONSTANTS
from core.render import pool
from core.render.camera import ndc_affine

MIN_AREA = np.float32(1e-8)
_NO_UV = np.zeros((0, 3, 2), np.float32)
_NO_TEXTURE = np.zeros((0, 0, 3), np.float32)
_C = tuple(np.float32(c) for c in SH_CONSTANTS)
_ZERO, _ONE, _TWO, _HALF, _SLACK = np.float32(0), np.float32(1), np.float32(2), np.float32(0.5), np.float32(1e-3)


@njit(cache=True, nogil=True)
def _project(vertices, s, tx, ty, gain, ox, oy, out):
    for i in range(vertices.shape[0]):
        out[i, 0] = (s * (vertices[i, 0] + tx)) * gain + ox
        out[i, 1] = -(s * (vertices[i, 1] + ty)) * gain + oy
        out[i, 2] = np.float32(10.0) - s * vertices[i, 2]


@njit(cache=True, nogil=True)
def _vertex_normals(vertices, faces, out):
    out[:] = np.float32(0)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):  # the cross product's length is twice the area: this is the area weighting
            out[i, 0] += nx
            out[i, 1] += ny
            out[i, 2] += nz
    for i in range(out.shape[0]):
        length = math.sqrt(out[i, 0] * out[i, 0] + out[i, 1] * out[i, 1] + out[i, 2] * out[i, 2])
        scale = _ONE / np.float32(max(length, 1e-12))
        out[i, 0] *= scale
        out[i, 1] *= scale
        out[i, 2] *= scale


@njit(cache=True, nogil=True)
def _raster(ndc, faces, size, depth, ids):
    depth[:] = np.float32(np.inf)
    ids[:] = -1
    half, step = np.float32(size) * _HALF, _TWO / np.float32(size)
    first = _ONE / np.float32(size) - _ONE
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, bx, by, cx, cy = ndc[a, 0], ndc[a, 1], ndc[b, 0], ndc[b, 1], ndc[c, 0], ndc[c, 1]
        x0 = max(int(math.ceil((min(ax, bx, cx) + _ONE) * half - _HALF - _SLACK)), 0)
        x1 = min(int(math.floor((max(ax, bx, cx) + _ONE) * half - _HALF + _SLACK)), size - 1)
        y0 = max(int(math.ceil((min(ay, by, cy) + _ONE) * half - _HALF - _SLACK)), 0)
        y1 = min(int(math.floor((max(ay, by, cy) + _ONE) * half - _HALF + _SLACK)), size - 1)
        if x0 > x1 or y0 > y1:
            continue
        area = (cx - ax) * (by - ay) - (cy - ay) * (bx - ax)
        if abs(area) <= MIN_AREA:
            continue
        inv = _ONE / area
        za, zb, zc = ndc[a, 2], ndc[b, 2], ndc[c, 2]
        for y in range(y0, y1 + 1):
            py = first + np.float32(y) * step
            r0, r1, r2 = (py - by) * (cx - bx), (py - cy) * (ax - cx), (py - ay) * (bx - ax)
            entered = False
            for x in range(x0, x1 + 1):
                px = first + np.float32(x) * step
                w0 = ((px - bx) * (cy - by) - r0) * inv
                w1 = ((px - cx) * (ay - cy) - r1) * inv
                w2 = ((px - ax) * (by - ay) - r2) * inv
                if (w0 > _ZERO) & (w1 > _ZERO) & (w2 > _ZERO):
                    entered = True
                    z = w0 * za + w1 * zb + w2 * zc
                    if z < depth[y, x]:
                        depth[y, x] = z
                        ids[y, x] = f
                elif entered:  # each weight is monotone along a row, even rounded: a face never starts again
                    break


@njit(cache=True, nogil=True)
def _barycentric(ndc, faces, size, ids, bary):
    step, first = _TWO / np.float32(size), _ONE / np.float32(size) - _ONE
    for y in range(size):
        py = first + np.float32(y) * step
        for x in range(size):
            f = ids[y, x]
            if f < 0:
                bary[y, x, 0], bary[y, x, 1], bary[y, x, 2] = _ZERO, _ZERO, _ZERO
                continue
            px = first + np.float32(x) * step
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            ax, ay, bx, by, cx, cy = ndc[a, 0], ndc[a, 1], ndc[b, 0], ndc[b, 1], ndc[c, 0], ndc[c, 1]
            inv = _ONE / ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax))
            bary[y, x, 0] = ((px - bx) * (cy - by) - (py - by) * (cx - bx)) * inv
            bary[y, x, 1] = ((px - cx) * (ay - cy) - (py - cy) * (ax - cx)) * inv
            bary[y, x, 2] = ((px - ax) * (by - ay) - (py - ay) * (bx - ax)) * inv


@njit(cache=True, nogil=True)
def _texel(texture, y, x, channel):
    if y < 0 or x < 0 or y >= texture.shape[0] or x >= texture.shape[1]:
        return np.float32(0)
    return texture[y, x, channel]


@njit(cache=True, nogil=True)
def _sample(texture, u, v, albedo, y, x):
    """Bilinear sample as torch's grid_sample does at (2u-1, 1-2v), align_corners False, zero padding."""
    tx = u * np.float32(texture.shape[1]) - _HALF
    ty = (_ONE - v) * np.float32(texture.shape[0]) - _HALF
    x0, y0 = int(math.floor(tx)), int(math.floor(ty))
    fx, fy = tx - np.float32(x0), ty - np.float32(y0)
    for k in range(3):
        top = _texel(texture, y0, x0, k) * (_ONE - fx) + _texel(texture, y0, x0 + 1, k) * fx
        low = _texel(texture, y0 + 1, x0, k) * (_ONE - fx) + _texel(texture, y0 + 1, x0 + 1, k) * fx
        albedo[y, x, k] = top * (_ONE - fy) + low * fy


@njit(cache=True, nogil=True)
def _shade(faces, ids, bary, normals, colours, corner_uv, texture, light, rendered, normal, albedo, coverage):
    c = _C
    for y in range(ids.shape[0]):
        for x in range(ids.shape[1]):
            f = ids[y, x]
            if f < 0:  # the arrays come from the pool with old values in them
                coverage[y, x] = _ZERO
                for m in range(3):
                    rendered[y, x, m], normal[y, x, m], albedo[y, x, m] = _ZERO, _ZERO, _ZERO
                continue
            w0, w1, w2 = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            coverage[y, x] = _ONE
            nx = w0 * normals[i, 0] + w1 * normals[j, 0] + w2 * normals[k, 0]
            ny = w0 * normals[i, 1] + w1 * normals[j, 1] + w2 * normals[k, 1]
            nz = w0 * normals[i, 2] + w1 * normals[j, 2] + w2 * normals[k, 2]
            normal[y, x, 0], normal[y, x, 1], normal[y, x, 2] = nx, ny, nz
            if corner_uv.shape[0]:
                u = w0 * corner_uv[f, 0, 0] + w1 * corner_uv[f, 1, 0] + w2 * corner_uv[f, 2, 0]
                v = w0 * corner_uv[f, 0, 1] + w1 * corner_uv[f, 1, 1] + w2 * corner_uv[f, 2, 1]
                _sample(texture, u, v, albedo, y, x)
            else:
                for m in range(3):
                    albedo[y, x, m] = w0 * colours[i, m] + w1 * colours[j, m] + w2 * colours[k, m]
            for m in range(3):
                shade = (c[0] * light[0, m] + c[1] * nx * light[1, m] + c[2] * ny * light[2, m] + c[3] * nz * light[3, m]
                         + c[4] * (nx * ny) * light[4, m] + c[5] * (nx * nz) * light[5, m] + c[6] * (ny * nz) * light[6, m]
                         + c[7] * (nx * nx - ny * ny) * light[7, m]
                         + c[8] * (np.float32(3) * (nz * nz) - _ONE) * light[8, m])
                rendered[y, x, m] = albedo[y, x, m] * shade


@dataclass
class Workspace:
    """Scratch arrays that a caller may keep between frames; grown or replaced as sizes change. Not for sharing by threads."""

    ndc: np.ndarray = field(default_factory=lambda: np.empty((0, 3), np.float32))
    normals: np.ndarray = field(default_factory=lambda: np.empty((0, 3), np.float32))

    def fit(self, vertices: int) -> None:
        if len(self.ndc) != vertices:
            self.ndc, self.normals = np.empty((vertices, 3), np.float32), np.empty((vertices, 3), np.float32)


@dataclass(frozen=True)
class Surface:
    """What every pixel sees: face_ids (H, W) int32, -1 for none; depth (H, W), inf for none; bary (H, W, 3)."""

    face_ids: np.ndarray
    depth: np.ndarray
    bary: np.ndarray


class NumbaRasterizer:
    """The default rasterizer on a CPU. See `core.render.rasterize.Rasterizer`."""

    name = "numba"

    def surface(self, ndc: np.ndarray, faces: np.ndarray, size: int) -> Surface:
        ndc, faces = np.ascontiguousarray(ndc, np.float32), np.ascontiguousarray(faces, np.int32)
        depth, ids = pool.empty((size, size)), pool.empty((size, size), np.int32)
        bary = pool.empty((size, size, 3))
        _raster(ndc, faces, size, depth, ids)
        _barycentric(ndc, faces, size, ids, bary)
        return Surface(ids, depth, bary)

    def draw(self, vertices: np.ndarray, faces: np.ndarray, camera: np.ndarray, box: np.ndarray, size: int,
             colours: np.ndarray | None, texture: np.ndarray | None, corner_uv: np.ndarray | None,
             light: np.ndarray, workspace: Workspace | None = None) -> tuple[np.ndarray, ...]:
        work = workspace or Workspace()
        work.fit(len(vertices))
        vertices, faces = np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.int32)
        gain, ox, oy = (np.float32(v) for v in ndc_affine(box))
        s, tx, ty = (np.float32(v) for v in camera)
        _project(vertices, s, tx, ty, gain, ox, oy, work.ndc)
        _vertex_normals(vertices, faces, work.normals)
        found = self.surface(work.ndc, faces, size)
        rendered, normal, albedo = (pool.empty((size, size, 3)) for _ in range(3))
        coverage = pool.empty((size, size))
        textured = texture is not None and corner_uv is not None
        if not textured and colours is None:
            raise ValueError("an albedo needs vertex colours, or a texture with uv coordinates")
        _shade(faces, found.face_ids, found.bary, work.normals,
               np.ascontiguousarray(work.normals if textured else colours, np.float32),
               np.ascontiguousarray(corner_uv, np.float32) if textured else _NO_UV,
               np.ascontiguousarray(texture, np.float32) if textured else _NO_TEXTURE,
               np.ascontiguousarray(light, np.float32), rendered, normal, albedo, coverage)
        return rendered, normal, albedo, coverage, found.face_ids, found.bary, found.depth


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit vertex normals (V, 3) float32, each face weighted by its area. Zero where a vertex belongs to no face."""
    out = np.empty((len(vertices), 3), np.float32)
    _vertex_normals(np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.int32), out)
    return out
