"""Compiled kernels of the default rasterizer, for one thread (spec section 3).

What decides a pixel is float32 arithmetic in one fixed order, the order of pytorch3d's, so that all rasterizers here agree bit
for bit on face ids, depths and barycentric weights: no fused multiply-add and no reassociation in `raster` and `interpolate`. The
inner loop of `raster` has no branches and no early way out: the compiler turns it into vector code, three times faster than
stopping at a face's edge.
"""
from __future__ import annotations

import math

import numpy as np
from numba import njit

from core.light import SH_CONSTANTS

LANES = 8  # pixels that `raster` takes at a time: its buffers and the list of centres are this much longer than the picture
MIN_AREA = np.float32(1e-8)
EPSILON = 1e-8  # pytorch3d adds it to the area before it divides by it: faces seen edge-on come out nearer for it
_ZERO, _ONE, _HALF, _SLACK = np.float32(0), np.float32(1), np.float32(0.5), np.float32(1e-3)
_THREE, _FAR = np.float32(3), np.float32(np.inf)
_C = tuple(np.float32(c) for c in SH_CONSTANTS)


@njit(cache=True, nogil=True)
def project(vertices, s, tx, ty, gain, ox, oy, out):
    """Head space (V, 3) to NDC and depth (V, 3), as `core.render.camera.project_ndc`."""
    for i in range(vertices.shape[0]):
        out[i, 0] = (s * (vertices[i, 0] + tx)) * gain + ox
        out[i, 1] = -(s * (vertices[i, 1] + ty)) * gain + oy
        out[i, 2] = np.float32(10.0) - s * vertices[i, 2]


@njit(cache=True, nogil=True)
def vertex_normals(vertices, faces, out):
    """Unit area-weighted vertex normals (V, 3) of a mesh; zero where a vertex belongs to no face."""
    out[:] = _ZERO
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


@njit(cache=True, nogil=True, inline="always")
def _first(low, half, end):
    return int(min(max(math.ceil((low + _ONE) * half - _HALF - _SLACK), _ZERO), end + _ONE))


@njit(cache=True, nogil=True, inline="always")
def _last(high, half, end):
    return int(max(min(math.floor((high + _ONE) * half - _HALF + _SLACK), end), -_ONE))


@njit(cache=True, nogil=True, error_model="numpy")
def raster(ndc, faces, centres, depth, ids, line):
    """The nearest face at each pixel of a W x W picture.

    ndc (V, 3); faces (F, 3) uint32; centres (W + LANES,), inf past the picture's end; out: depth, ids (W * W + LANES,), rows one
    after the other. line (W + LANES,): scratch.
    """
    size = centres.shape[0] - LANES
    depth[:] = _FAR
    ids[:] = -1
    half, end = np.float32(size) * _HALF, np.float32(size - 1)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, bx, by, cx, cy = ndc[a, 0], ndc[a, 1], ndc[b, 0], ndc[b, 1], ndc[c, 0], ndc[c, 1]
        za, zb, zc = ndc[a, 2], ndc[b, 2], ndc[c, 2]
        if not (abs((ax - bx) * (cy - by) - (ay - by) * (cx - bx)) > MIN_AREA and min(za, min(zb, zc)) >= MIN_AREA):
            continue
        left, right = min(ax, min(bx, cx)), max(ax, max(bx, cx))
        top, bottom = min(ay, min(by, cy)), max(ay, max(by, cy))
        x0, x1, y0, y1 = _first(left, half, end), _last(right, half, end), _first(top, half, end), _last(bottom, half, end)
        if x0 > x1 or y0 > y1:
            continue
        area = np.float32(np.float64((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) + EPSILON)
        g0, g1, g2 = cy - by, ay - cy, by - ay
        h0, h1, h2 = cx - bx, ax - cx, bx - ax
        count = np.uint32((x1 - x0 + LANES) & ~(LANES - 1))
        across = centres[x0:]
        for y in range(y0, y1 + 1):
            py = centres[y]
            if not (top <= py <= bottom):
                continue
            r0, r1, r2 = (py - by) * h0, (py - cy) * h1, (py - ay) * h2
            nearest, owner = depth[y * size + x0:], ids[y * size + x0:]
            for k in range(count):
                px = across[k]
                w0, w1, w2 = ((px - bx) * g0 - r0) / area, ((px - cx) * g1 - r1) / area, ((px - ax) * g2 - r2) / area
                inside = (w0 > _ZERO) & (w1 > _ZERO) & (w2 > _ZERO) & (px >= left) & (px <= right)
                z = w0 * za + w1 * zb + w2 * zc
                line[k] = z if inside & (z >= _ZERO) else _FAR
            for k in range(count):
                if line[k] < nearest[k]:
                    nearest[k] = line[k]
                    owner[k] = f


@njit(cache=True, nogil=True, error_model="numpy")
def barycentric(ndc, faces, centres, ids, bary):
    """Barycentric weights (H, W, 3) of the face at each pixel, 0 where there is none."""
    for y in range(ids.shape[0]):
        for x in range(ids.shape[1]):
            f = ids[y, x]
            if f < 0:
                bary[y, x, 0], bary[y, x, 1], bary[y, x, 2] = _ZERO, _ZERO, _ZERO
                continue
            px, py = centres[x], centres[y]
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            ax, ay, bx, by, cx, cy = ndc[a, 0], ndc[a, 1], ndc[b, 0], ndc[b, 1], ndc[c, 0], ndc[c, 1]
            area = np.float32(np.float64((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) + EPSILON)
            bary[y, x, 0] = ((px - bx) * (cy - by) - (py - by) * (cx - bx)) / area
            bary[y, x, 1] = ((px - cx) * (ay - cy) - (py - cy) * (ax - cx)) / area
            bary[y, x, 2] = ((px - ax) * (by - ay) - (py - ay) * (bx - ax)) / area


@njit(cache=True, nogil=True)
def _texel(texture, y, x, channel):
    if y < 0 or x < 0 or y >= texture.shape[0] or x >= texture.shape[1]:
        return _ZERO
    return texture[y, x, channel]


@njit(cache=True, nogil=True)
def _sample(texture, u, v, albedo, x):
    """Bilinear sample as torch's grid_sample does at (2u-1, 1-2v), align_corners False, zero padding."""
    tx = u * np.float32(texture.shape[1]) - _HALF
    ty = (_ONE - v) * np.float32(texture.shape[0]) - _HALF
    x0, y0 = int(math.floor(tx)), int(math.floor(ty))
    fx, fy = tx - np.float32(x0), ty - np.float32(y0)
    for k in range(3):
        top = _texel(texture, y0, x0, k) * (_ONE - fx) + _texel(texture, y0, x0 + 1, k) * fx
        low = _texel(texture, y0 + 1, x0, k) * (_ONE - fx) + _texel(texture, y0 + 1, x0 + 1, k) * fx
        albedo[x, k] = top * (_ONE - fy) + low * fy


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})
def _shade(nx, ny, nz, red, green, blue, light, first, last):
    """Shading of a row of normals; light (9, 3) has the constants of the basis in it. Planes, so that it becomes vector code."""
    r0, r1, r2, r3, r4 = light[0, 0], light[1, 0], light[2, 0], light[3, 0], light[4, 0]
    r5, r6, r7, r8 = light[5, 0], light[6, 0], light[7, 0], light[8, 0]
    g0, g1, g2, g3, g4 = light[0, 1], light[1, 1], light[2, 1], light[3, 1], light[4, 1]
    g5, g6, g7, g8 = light[5, 1], light[6, 1], light[7, 1], light[8, 1]
    b0, b1, b2, b3, b4 = light[0, 2], light[1, 2], light[2, 2], light[3, 2], light[4, 2]
    b5, b6, b7, b8 = light[5, 2], light[6, 2], light[7, 2], light[8, 2]
    for i in range(np.uint32(first), np.uint32(last)):
        x, y, z = nx[i], ny[i], nz[i]
        xy, xz, yz, dd, zz = x * y, x * z, y * z, x * x - y * y, _THREE * (z * z) - _ONE
        red[i] = r0 + x * r1 + y * r2 + z * r3 + xy * r4 + xz * r5 + yz * r6 + dd * r7 + zz * r8
        green[i] = g0 + x * g1 + y * g2 + z * g3 + xy * g4 + xz * g5 + yz * g6 + dd * g7 + zz * g8
        blue[i] = b0 + x * b1 + y * b2 + z * b3 + xy * b4 + xz * b5 + yz * b6 + dd * b7 + zz * b8


@njit(cache=True, nogil=True, error_model="numpy")
def interpolate(ndc, faces, centres, ids, normals, colours, corner_uv, texture, light, planes, bary, rendered, normal, albedo,
                coverage):
    """Every image of a picture from its face ids (H, W): bary, rendered, normal, albedo (H, W, 3), coverage (H, W).

    colours (V, 3), or a texture with corner_uv (F, 3, 2), which is empty otherwise. light (9, 3) with the constants of the basis
    in it. planes (6, W): scratch.
    """
    width = ids.shape[1]
    textured = corner_uv.shape[0] > 0
    nx, ny, nz, red, green, blue = planes[0], planes[1], planes[2], planes[3], planes[4], planes[5]
    for y in range(ids.shape[0]):
        py = centres[y]
        row, weight, lit, facing, paint, cover = ids[y], bary[y], rendered[y], normal[y], albedo[y], coverage[y]
        first, last, before = width, 0, -1
        i = j = k = np.uint32(0)
        area = _ONE
        ax = ay = bx = by = cx = cy = r0 = r1 = r2 = _ZERO
        for x in range(width):
            f = row[x]
            if f < 0:
                cover[x], nx[x], ny[x], nz[x] = _ZERO, _ZERO, _ZERO, _ZERO
                for m in range(3):
                    weight[x, m], lit[x, m], facing[x, m], paint[x, m] = _ZERO, _ZERO, _ZERO, _ZERO
                continue
            first, last = min(first, x), x + 1
            if f != before:  # neighbours mostly show the same face
                before = f
                i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
                ax, ay, bx, by, cx, cy = ndc[i, 0], ndc[i, 1], ndc[j, 0], ndc[j, 1], ndc[k, 0], ndc[k, 1]
                area = np.float32(np.float64((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) + EPSILON)
                r0, r1, r2 = (py - by) * (cx - bx), (py - cy) * (ax - cx), (py - ay) * (bx - ax)
            px = centres[x]
            w0, w1, w2 = ((px - bx) * (cy - by) - r0) / area, ((px - cx) * (ay - cy) - r1) / area, \
                ((px - ax) * (by - ay) - r2) / area
            cover[x], weight[x, 0], weight[x, 1], weight[x, 2] = _ONE, w0, w1, w2
            nx[x] = w0 * normals[i, 0] + w1 * normals[j, 0] + w2 * normals[k, 0]
            ny[x] = w0 * normals[i, 1] + w1 * normals[j, 1] + w2 * normals[k, 1]
            nz[x] = w0 * normals[i, 2] + w1 * normals[j, 2] + w2 * normals[k, 2]
            facing[x, 0], facing[x, 1], facing[x, 2] = nx[x], ny[x], nz[x]
            if textured:
                u = w0 * corner_uv[f, 0, 0] + w1 * corner_uv[f, 1, 0] + w2 * corner_uv[f, 2, 0]
                v = w0 * corner_uv[f, 0, 1] + w1 * corner_uv[f, 1, 1] + w2 * corner_uv[f, 2, 1]
                _sample(texture, u, v, paint, x)
            else:
                for m in range(3):
                    paint[x, m] = w0 * colours[i, m] + w1 * colours[j, m] + w2 * colours[k, m]
        _shade(nx, ny, nz, red, green, blue, light, first, last)
        for x in range(first, last):
            lit[x, 0], lit[x, 1], lit[x, 2] = red[x] * paint[x, 0], green[x] * paint[x, 1], blue[x] * paint[x, 2]


@njit(cache=True, nogil=True)
def lamp(light, out):
    """Light (9, 3) with the constants of the spherical harmonics multiplied in."""
    for k in range(9):
        for m in range(3):
            out[k, m] = _C[k] * light[k, m]


@njit(cache=True, nogil=True, error_model="numpy")
def add_lamp(normal, albedo, ids, visibility, falloff, direction, light, shadow, rendered):
    """Add a lamp to a rendering (H, W, 3): albedo * light * what the lamp gives the normal, less its shadows.

    ids (H, W): -1 off the head; visibility (H, W); falloff (n,): what a unit normal gets, by its cosine with `direction` (3,),
    from -1 to 1; light (3,); shadow: share of the light that is kept from where it isn't seen.
    """
    last = falloff.shape[0] - 1
    half = np.float32(last) * _HALF
    d0, d1, d2 = direction[0], direction[1], direction[2]
    for y in range(ids.shape[0]):
        for x in range(ids.shape[1]):
            if ids[y, x] < 0:
                continue
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            length = max(np.float32(math.sqrt(nx * nx + ny * ny + nz * nz)), np.float32(1e-6))
            place = ((nx * d0 + ny * d1 + nz * d2) / length + _ONE) * half
            below = min(max(int(place), 0), last - 1)
            given = length * (falloff[below] + (falloff[below + 1] - falloff[below]) * (place - np.float32(below)))
            if given > _ZERO:
                given *= _ONE - shadow * (_ONE - visibility[y, x])
                for m in range(3):
                    rendered[y, x, m] += albedo[y, x, m] * (given * light[m])
