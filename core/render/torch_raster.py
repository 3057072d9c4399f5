"""Batched rasterizer on any torch device: a scatter-min z-buffer (spec section 3), same pixels as the compiled one.

Every face is spread over the pixels of its bounding box, the exact inside test thins these candidates, and one scatter-min of
(depth, face) packed into an int64 picks the nearest. All arithmetic that decides a pixel is float32 in the same order as in
`numba_raster`, so the face ids are equal bit for bit on a CPU.
"""
from __future__ import annotations

from typing import Any

import numpy as np
import torch

from core.light import SH_CONSTANTS
from core.render.camera import DEPTH_OFFSET, ndc_affine
from core.render.numba_raster import MIN_AREA, NumbaRasterizer, Surface, Workspace

_EMPTY = torch.iinfo(torch.int64).max
_SLACK = 1e-3


def project_batch(vertices: torch.Tensor, cameras: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Head-space vertices (B, V, 3), cameras (B, 3), boxes (B, 3) -> NDC and depth (B, V, 3), float32."""
    affine = torch.tensor([ndc_affine(b) for b in boxes.tolist()], dtype=torch.float32, device=vertices.device)
    gain, ox, oy = (affine[:, i, None] for i in range(3))
    s, tx, ty = (cameras[:, i, None] for i in range(3))
    x, y, z = vertices.unbind(-1)
    return torch.stack([(s * (x + tx)) * gain + ox, -(s * (y + ty)) * gain + oy, DEPTH_OFFSET - s * z], -1)


def vertex_normals(vertices: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """Unit area-weighted vertex normals (B, V, 3) of vertices (B, V, 3), faces (F, 3)."""
    a, b, c = (vertices[:, faces[:, i]] for i in range(3))
    cross = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for i in range(3):
        total.index_add_(1, faces[:, i], cross)
    return total / total.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def _edges(p: tuple[torch.Tensor, torch.Tensor], corners: list[torch.Tensor]) -> list[torch.Tensor]:
    """The three edge functions of points p = (x, y) against corner coordinates [ax, ay, bx, by, cx, cy]."""
    (px, py), (ax, ay, bx, by, cx, cy) = p, corners
    return [(px - bx) * (cy - by) - (py - by) * (cx - bx),
            (px - cx) * (ay - cy) - (py - cy) * (ax - cx),
            (px - ax) * (by - ay) - (py - ay) * (bx - ax)]


def _candidates(ndc: torch.Tensor, faces: torch.Tensor, size: int) -> tuple[torch.Tensor, ...]:
    """All (face, x, y) whose pixel centre lies in the face's bounding box, with the faces' corners (N, 3, 3) and 1/area."""
    batch, count = ndc.shape[0], faces.shape[0]
    corners = ndc[:, faces].reshape(batch * count, 3, 3)
    ax, ay, bx, by, cx, cy = corners[:, :, :2].reshape(-1, 6).unbind(1)
    area = (cx - ax) * (by - ay) - (cy - ay) * (bx - ax)
    low = ((corners[:, :, :2].amin(1) + 1) * (size / 2) - 0.5 - _SLACK).ceil().clamp_(0, size).long()
    high = ((corners[:, :, :2].amax(1) + 1) * (size / 2) - 0.5 + _SLACK).floor().clamp_(-1, size - 1).long()
    extent = (high - low + 1).clamp_min_(0)
    extent[area.abs() <= float(MIN_AREA)] = 0
    pixels = extent[:, 0] * extent[:, 1]
    used = pixels.nonzero().squeeze(1)
    pixels = pixels[used]
    which = torch.repeat_interleave(used, pixels)
    start = torch.repeat_interleave(pixels.cumsum(0) - pixels, pixels)
    offset = torch.arange(which.shape[0], device=ndc.device) - start
    width = extent[which, 0]
    dy = torch.div(offset, width, rounding_mode="floor")
    return which, low[which, 0] + (offset - dy * width), low[which, 1] + dy, corners, 1 / area


def surface_batch(ndc: torch.Tensor, faces: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What every pixel of a batch sees: face ids (B, H, W) int64 with -1 for none, depth (B, H, W), bary (B, H, W, 3).

    ndc (B, V, 3) float32, faces (F, 3) int64.
    """
    batch, count = ndc.shape[0], faces.shape[0]
    which, x, y, corners, inverse = _candidates(ndc, faces, size)
    step, first = np.float32(2) / np.float32(size), np.float32(1) / np.float32(size) - np.float32(1)
    px, py = (float(first) + c.float() * float(step) for c in (x, y))
    near = corners[which]
    flat = [near[:, k // 2, k % 2] for k in range(6)]
    inv = inverse[which]
    w0, w1, w2 = (e * inv for e in _edges((px, py), flat))
    inside = (w0 > 0) & (w1 > 0) & (w2 > 0)
    which, x, y, near, w0, w1, w2 = (t[inside] for t in (which, x, y, near, w0, w1, w2))
    z = w0 * near[:, 0, 2] + w1 * near[:, 1, 2] + w2 * near[:, 2, 2]
    image = torch.div(which, count, rounding_mode="floor")
    # Depths are positive, so their bit patterns sort like numbers; the candidate's index breaks ties as the compiled loop does.
    key = (z.view(torch.int32).long() << 32) | torch.arange(which.shape[0], device=ndc.device)
    pixel = (image * size + y) * size + x
    best = torch.full((batch * size * size,), _EMPTY, dtype=torch.int64, device=ndc.device)
    best.scatter_reduce_(0, pixel, key, "amin")
    hit = best != _EMPTY
    winner = best[hit] & 0xFFFFFFFF
    ids = torch.full_like(best, -1)
    ids[hit] = which[winner] - image[winner] * count
    depth = torch.full(best.shape, torch.inf, device=ndc.device)
    depth[hit] = z[winner]
    bary = torch.zeros((*best.shape, 3), device=ndc.device)
    bary[hit] = torch.stack([w0, w1, w2], -1)[winner]
    shape = (batch, size, size)
    return ids.view(shape), depth.view(shape), bary.view(*shape, 3)


def shade_batch(normals: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
    """RGB shading (B, ..., 3) of normals (B, ..., 3) under light (B, 9, 3)."""
    x, y, z = normals.unbind(-1)
    basis = torch.stack([torch.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * (z * z) - 1], -1)
    basis = basis * torch.as_tensor(SH_CONSTANTS, dtype=basis.dtype, device=basis.device)
    return (basis.flatten(1, -2) @ light).view(*normals.shape)


def _sample(texture: torch.Tensor, uv: torch.Tensor) -> torch.Tensor:
    """Bilinear texture lookup (B, N, 3) of textures (B, h, w, 3) at uv (B, N, 2), zero outside."""
    grid = torch.stack([2 * uv[..., 0] - 1, 1 - 2 * uv[..., 1]], -1).unsqueeze(2)
    found = torch.nn.functional.grid_sample(texture.permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="zeros",
                                            align_corners=False)
    return found.squeeze(3).transpose(1, 2)


def _draw(vertices: torch.Tensor, faces: torch.Tensor, cameras: torch.Tensor, boxes: torch.Tensor, size: int,
          colours: torch.Tensor | None, texture: torch.Tensor | None, uv: torch.Tensor | None,
          light: torch.Tensor) -> tuple[torch.Tensor, ...]:
    ids, depth, bary = surface_batch(project_batch(vertices, cameras, boxes), faces, size)
    batch = vertices.shape[0]
    face, weight = ids.clamp_min(0).view(batch, -1), bary.view(batch, -1, 3, 1)
    corner = faces[face]
    rows = torch.arange(batch, device=vertices.device)[:, None, None]
    normal = (vertex_normals(vertices, faces)[rows, corner] * weight).sum(2)
    if texture is not None and uv is not None:
        albedo = _sample(texture, (uv[face] * weight).sum(2))
    elif colours is not None:
        albedo = (colours[rows, corner] * weight).sum(2)
    else:
        raise ValueError("an albedo needs vertex colours, or a texture with uv coordinates")
    coverage = (ids >= 0).to(vertices.dtype)
    albedo = albedo * coverage.view(batch, -1, 1)
    shape = (batch, size, size, 3)
    rendered = albedo * shade_batch(normal, light)
    return rendered.view(shape), normal.view(shape), albedo.view(shape), coverage, ids, bary, depth


def render_condition_batch(faces: np.ndarray, vertices: torch.Tensor | np.ndarray, cameras: torch.Tensor | np.ndarray,
                           boxes: torch.Tensor | np.ndarray, light: torch.Tensor | np.ndarray, size: int, *,
                           colours: torch.Tensor | np.ndarray | None = None,
                           texture: torch.Tensor | np.ndarray | None = None, uv: np.ndarray | None = None,
                           device: torch.device | str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Conditions (B, 9, size, size) float32 and coverage (B, size, size) on `device`, for training.

    faces (F, 3); vertices (B, V, 3) posed, in head space; cameras, boxes (B, 3); light (B, 9, 3); either colours (B, V, 3) or
    texture (B, h, w, 3) with corner uv (F, 3, 2). On a CPU the compiled rasterizer does it, several times faster; elsewhere
    torch does, with the same result up to float32 rounding.
    """
    device = torch.device(device)
    if device.type == "cpu":
        return _condition_compiled(faces, vertices, cameras, boxes, light, size, colours, texture, uv)

    def put(array: torch.Tensor | np.ndarray | None, dtype: torch.dtype = torch.float32) -> torch.Tensor | None:
        return None if array is None else torch.as_tensor(array).to(device, dtype)

    images = _draw(put(vertices), put(faces, torch.int64), put(cameras), put(boxes), size,  # type: ignore[arg-type]
                   put(colours), put(texture), put(uv), put(light))  # type: ignore[arg-type]
    return torch.cat([i.permute(0, 3, 1, 2) for i in images[:3]], 1), images[3]


def _condition_compiled(faces: np.ndarray, vertices: Any, cameras: Any, boxes: Any, light: Any, size: int, colours: Any,
                        texture: Any, uv: np.ndarray | None) -> tuple[torch.Tensor, torch.Tensor]:
    vertices, cameras, boxes, light = (np.asarray(a, np.float32) for a in (vertices, cameras, boxes, light))
    painted = [None] * len(vertices) if colours is None else np.asarray(colours, np.float32)
    textures = [None] * len(vertices) if texture is None else np.asarray(texture, np.float32)
    condition = np.empty((len(vertices), 9, size, size), np.float32)
    coverage = np.empty((len(vertices), size, size), np.float32)
    draw, work = NumbaRasterizer().draw, Workspace()
    for b in range(len(vertices)):
        rendered, normal, albedo, coverage[b], *_ = draw(vertices[b], faces, cameras[b], boxes[b], size, painted[b], textures[b],
                                                         uv, light[b], work)
        for i, image in enumerate((rendered, normal, albedo)):
            condition[b, 3 * i:3 * i + 3] = image.transpose(2, 0, 1)
    return torch.from_numpy(condition), torch.from_numpy(coverage)


class TorchRasterizer:
    """The rasterizer for any torch device, as a drop-in for the compiled one. See `core.render.rasterize.Rasterizer`."""

    name = "torch"

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)

    def _put(self, array: np.ndarray | None, dtype: torch.dtype = torch.float32) -> torch.Tensor | None:
        return None if array is None else torch.from_numpy(np.array(array)).to(self.device, dtype)[None]

    def surface(self, ndc: np.ndarray, faces: np.ndarray, size: int) -> Surface:
        ids, depth, bary = surface_batch(self._put(ndc), self._put(faces, torch.int64)[0], size)  # type: ignore[arg-type,index]
        return Surface(ids[0].to(torch.int32).cpu().numpy(), depth[0].cpu().numpy(), bary[0].cpu().numpy())

    def draw(self, vertices: np.ndarray, faces: np.ndarray, camera: np.ndarray, box: np.ndarray, size: int,
             colours: np.ndarray | None, texture: np.ndarray | None, corner_uv: np.ndarray | None,
             light: np.ndarray, workspace: Workspace | None = None) -> tuple[np.ndarray, ...]:
        uv = self._put(corner_uv)
        images = _draw(self._put(vertices), self._put(faces, torch.int64)[0],  # type: ignore[arg-type,index]
                       self._put(camera), self._put(box), size, self._put(colours),  # type: ignore[arg-type]
                       self._put(texture), None if uv is None else uv[0], self._put(light))  # type: ignore[arg-type]
        found = [i[0].cpu().numpy() for i in images]
        found[4] = found[4].astype(np.int32)
        return tuple(found)
