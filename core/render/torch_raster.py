"""Batched rasterizer on any torch device: a scatter-min z-buffer (spec section 3), same pixels as the compiled one.

Every face is spread over the pixels of its bounding box, the exact inside test thins these candidates, and one scatter-min of
(depth, hit) packed into an int64 picks the nearest. There is no loop over faces or pictures: the host asks a GPU three times a
batch for a number (of candidates, of hits, of covered pixels). All arithmetic that decides a pixel is float32 in the same order
as in `kernels`, so face ids, depths and weights are equal bit for bit on a CPU.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.light import SH_CONSTANTS
from core.render.camera import DEPTH_OFFSET, ndc_affine, pixel_centres
from core.render.kernels import EPSILON, MIN_AREA
from core.render.numba_raster import Workspace
from core.render.surface import Mesh, Paint, Surface

_EMPTY = torch.iinfo(torch.int64).max
_SLACK = 1e-3
_CPU_PIXELS, _GPU_PIXELS = 1 << 17, 1 << 22  # drawn at once: what a CPU's cache likes, and about 2 GB on a GPU

# From NDC (B, V, 3) and faces (F, 3) int64 at a size: face ids (B, H, W) int64, depth (B, H, W), bary (B, H, W, 3).
SurfaceOf = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor, Tensor]]


def project_batch(vertices: Tensor, cameras: Tensor, boxes: np.ndarray) -> Tensor:
    """Head-space vertices (B, V, 3), cameras (B, 3), boxes (B, 3) -> NDC and depth (B, V, 3), float32."""
    affine = torch.tensor([ndc_affine(b) for b in boxes], dtype=torch.float32).to(vertices.device)
    gain, ox, oy = (affine[:, i, None] for i in range(3))
    s, tx, ty = (cameras[:, i, None] for i in range(3))
    x, y, z = vertices.unbind(-1)
    return torch.stack([(s * (x + tx)) * gain + ox, -(s * (y + ty)) * gain + oy, DEPTH_OFFSET - s * z], -1)


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Unit area-weighted vertex normals (B, V, 3) of vertices (B, V, 3), faces (F, 3)."""
    a, b, c = (vertices[:, faces[:, i]] for i in range(3))
    cross = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for i in range(3):
        total.index_add_(1, faces[:, i], cross)
    return total / total.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def _take(values: Tensor, rows: Tensor) -> Tensor:
    return values.index_select(0, rows)  # several times faster than values[rows] on a CPU


def _candidates(corners: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """(face, x, y) of the pixels in each face's bounding box, faces in ascending order; corners (3, 3, N) by corner and axis.

    Faces that are degenerate or not wholly in front of the image plane have none.
    """
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = corners
    area = (ax - bx) * (cy - by) - (ay - by) * (cx - bx)
    nearest = torch.minimum(az, torch.minimum(bz, cz))
    low = ((corners[:, :2].amin(0) + 1) * (size / 2) - 0.5 - _SLACK).ceil().clamp_(0, size)
    high = ((corners[:, :2].amax(0) + 1) * (size / 2) - 0.5 + _SLACK).floor().clamp_(-1, size - 1)
    wide, tall = (high - low + 1).clamp_min_(0)
    drawn = (area.abs() > float(MIN_AREA)) & (nearest >= float(MIN_AREA))
    counts = torch.where(drawn, wide * tall, 0).long()
    face = torch.repeat_interleave(counts)
    start, wide, left, top = (_take(v, face) for v in (counts.cumsum(0) - counts, wide, *low))
    offset = (torch.arange(face.shape[0], device=face.device) - start).float()
    row = torch.floor(offset / wide)  # exact: both are whole numbers far below 2^24
    return face, (left + (offset - row * wide)).long(), (top + row).long()


def _weights(corners: list[list[Tensor]], px: Tensor, py: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Barycentric weights (N,) of points against their faces, corners[corner][axis] (N,)."""
    (ax, ay), (bx, by), (cx, cy) = (c[:2] for c in corners)
    # pytorch3d adds its constant in double precision
    area = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)).double().add_(EPSILON).float() if px.device.type != "mps" \
        else (cx - ax) * (by - ay) - (cy - ay) * (bx - ax) + EPSILON
    return (((px - bx) * (cy - by) - (py - by) * (cx - bx)) / area,
            ((px - cx) * (ay - cy) - (py - cy) * (ax - cx)) / area,
            ((px - ax) * (by - ay) - (py - ay) * (bx - ax)) / area)


def _hits(corners: Tensor, size: int) -> tuple[Tensor, ...]:
    """(face, x, y, depth, bary (N, 3)) of every face at every pixel it covers, faces in ascending order; corners (3, 3, N)."""
    centres = torch.from_numpy(pixel_centres(size)).to(corners.device)
    face, x, y = _candidates(corners, size)
    near = [[_take(axis, face) for axis in corner] for corner in corners]
    px, py = _take(centres, x), _take(centres, y)
    weights = _weights(near, px, py)
    inside = (weights[0] > 0) & (weights[1] > 0) & (weights[2] > 0)
    for p, axis in ((px, 0), (py, 1)):  # edge-on, a weight's rounding can be larger than the face
        values = near[0][axis], near[1][axis], near[2][axis]
        inside &= (p >= torch.minimum(torch.minimum(*values[:2]), values[2]))
        inside &= (p <= torch.maximum(torch.maximum(*values[:2]), values[2]))
    kept = inside.nonzero().squeeze(1)
    face, x, y, w0, w1, w2, za, zb, zc = (_take(v, kept) for v in (face, x, y, *weights, *(corner[2] for corner in near)))
    return face, x, y, w0 * za + w1 * zb + w2 * zc, torch.stack([w0, w1, w2], -1)


def surface_batch(ndc: Tensor, faces: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """What every pixel of a batch sees: face ids (B, H, W) int64 with -1 for none, depth (B, H, W), bary (B, H, W, 3).

    ndc (B, V, 3) float32, faces (F, 3) int64.
    """
    batch, count = ndc.shape[0], faces.shape[0]
    corners = ndc[:, faces].permute(2, 3, 0, 1).reshape(3, 3, batch * count).contiguous()
    face, x, y, z, weights = _hits(corners, size)
    image = torch.div(face, count, rounding_mode="floor")
    # Depths are positive, so their bit patterns sort like numbers; the hit's index breaks ties as the compiled loop does.
    key = (z.view(torch.int32).long() << 32) | torch.arange(face.shape[0], device=ndc.device)
    best = torch.full((batch * size * size,), _EMPTY, dtype=torch.int64, device=ndc.device)
    best.scatter_reduce_(0, (image * size + y) * size + x, key, "amin")
    pixel = (best != _EMPTY).nonzero().squeeze(1)
    winner = best[pixel] & 0xFFFFFFFF
    ids = torch.full_like(best, -1).index_copy_(0, pixel, _take(face - image * count, winner))
    depth = torch.full(best.shape, torch.inf, device=ndc.device).index_copy_(0, pixel, _take(z, winner))
    bary = torch.zeros((*best.shape, 3), device=ndc.device).index_copy_(0, pixel, _take(weights, winner))
    shape = (batch, size, size)
    return ids.view(shape), depth.view(shape), bary.view(*shape, 3)


def shading(normals: Tensor, light: Tensor, image: Tensor) -> Tensor:
    """RGB shading (N, 3) of normals (N, 3), each under the light of its image (N,) among light (B, 9, 3)."""
    x, y, z = normals.unbind(-1)
    basis = torch.stack([torch.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * (z * z) - 1], -1)
    lamps = light * torch.as_tensor(SH_CONSTANTS, dtype=light.dtype, device=light.device)[:, None]
    if len(lamps) == 1:
        return basis @ lamps[0]
    return torch.bmm(basis[:, None], _take(lamps, image))[:, 0]


def _sample(texture: Tensor, uv: Tensor, image: Tensor) -> Tensor:
    """Bilinear texture lookup (N, 3) of each point's own texture among (B, h, w, 3) at uv (N, 2), v upward, zero outside."""
    height, width = texture.shape[1:3]
    at = torch.stack([uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5], -1)
    corner = at.floor()
    (fx, fy), (x, y) = (at - corner).unbind(-1), corner.long().unbind(-1)
    flat, total = texture.reshape(-1, 3), uv.new_zeros(len(uv), 3)
    for dx, dy, share in ((0, 0, (1 - fx) * (1 - fy)), (1, 0, fx * (1 - fy)), (0, 1, (1 - fx) * fy), (1, 1, fx * fy)):
        column, row = x + dx, y + dy
        share = share * ((column >= 0) & (row >= 0) & (column < width) & (row < height))
        total += _take(flat, (image * height + row.clamp(0, height - 1)) * width + column.clamp(0, width - 1)) * share[:, None]
    return total


def _gathered(values: Tensor, corner: Tensor, weight: Tensor) -> Tensor:
    """Corner values (M, C) at points: corner (N, 3) rows of values, weight (N, 3, 1); (N, C)."""
    found = _take(values, corner.reshape(-1)).view(*corner.shape, -1)
    return found[:, 0] * weight[:, 0] + found[:, 1] * weight[:, 1] + found[:, 2] * weight[:, 2]


@dataclass(frozen=True, eq=False)
class BatchScene:
    """Poses of one mesh on a torch device: vertices (B, V, 3), faces (F, 3) int64, cameras (B, 3), boxes (B, 3) on the host,
    light (B, 9, 3), and either colours (B, V, 3), or texture (B, h, w, 3) with uv (F, 3, 2)."""

    vertices: Tensor
    faces: Tensor
    cameras: Tensor
    boxes: np.ndarray
    light: Tensor
    colours: Tensor | None = None
    texture: Tensor | None = None
    uv: Tensor | None = None

    @classmethod
    def of(cls, meshes: Sequence[Mesh], paints: Sequence[Paint], lights: Sequence[np.ndarray],
           device: torch.device | str) -> BatchScene:
        """Stack meshes that share their faces, and are all painted in the first one's way."""
        def put(arrays: Sequence[np.ndarray | None], dtype: type = np.float32) -> Tensor:
            return torch.from_numpy(np.stack([np.asarray(a, dtype) for a in arrays])).to(device)

        textured = paints[0].textured
        return cls(put([m.vertices for m in meshes]), put([meshes[0].faces], np.int64)[0], put([m.camera for m in meshes]),
                   np.stack([m.box for m in meshes]), put(lights), None if textured else put([p.colours for p in paints]),
                   put([p.texture for p in paints]) if textured else None,
                   put([paints[0].corner_uv])[0] if textured else None)


def draw_scene(scene: BatchScene, size: int, surface_of: SurfaceOf = surface_batch) -> tuple[Tensor, ...]:
    """All images of a batch on its device: rendered, normal, albedo (B, H, W, 3), coverage, face ids (B, H, W), bary, depth."""
    ids, depth, bary = surface_of(project_batch(scene.vertices, scene.cameras, scene.boxes), scene.faces, size)
    batch, vertices = scene.vertices.shape[:2]
    pixel = (ids.view(-1) >= 0).nonzero().squeeze(1)  # most pixels show no head
    face, weight = _take(ids.view(-1), pixel), _take(bary.reshape(-1, 3), pixel)[..., None]
    image = torch.div(pixel, size * size, rounding_mode="floor")
    corner = _take(scene.faces, face) + (image * vertices)[:, None]
    normal = _gathered(vertex_normals(scene.vertices, scene.faces).view(-1, 3), corner, weight)
    if scene.texture is not None and scene.uv is not None:
        albedo = _sample(scene.texture, (_take(scene.uv, face) * weight).sum(1), image)
    else:
        assert scene.colours is not None
        albedo = _gathered(scene.colours.view(-1, 3), corner, weight)
    rendered = albedo * shading(normal, scene.light, image)

    def picture(values: Tensor) -> Tensor:
        return values.new_zeros(batch * size * size, 3).index_copy_(0, pixel, values).view(batch, size, size, 3)

    return picture(rendered), picture(normal), picture(albedo), (ids >= 0).float(), ids, bary, depth


class TorchRasterizer:
    """The rasterizer for any torch device. See `core.render.rasterize.Rasterizer`."""

    name = "torch"

    def __init__(self, device: torch.device | str | None = None) -> None:
        """device: where it draws; None takes CUDA where torch has it, else the CPU."""
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def surface_of(self, ndc: Tensor, faces: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """`SurfaceOf` of this rasterizer."""
        return surface_batch(ndc, faces, size)

    def surface(self, ndc: np.ndarray, faces: np.ndarray, size: int) -> Surface:
        points = torch.from_numpy(np.array(ndc, np.float32)).to(self.device)[None]
        corners = torch.from_numpy(np.array(faces, np.int64)).to(self.device)
        ids, depth, bary = self.surface_of(points, corners, size)
        return Surface(ids[0].to(torch.int32).cpu().numpy(), depth[0].cpu().numpy(), bary[0].cpu().numpy())

    def draw(self, mesh: Mesh, paint: Paint, light: np.ndarray, size: int,
             workspace: Workspace | None = None) -> tuple[np.ndarray, ...]:
        return self.draw_batch([mesh], [paint], [light], size)[0]

    @torch.inference_mode()
    def draw_batch(self, meshes: Sequence[Mesh], paints: Sequence[Paint], lights: Sequence[np.ndarray],
                   size: int) -> list[tuple[np.ndarray, ...]]:
        count = max(1, (_CPU_PIXELS if self.device.type == "cpu" else _GPU_PIXELS) // size**2)
        drawn: list[tuple[np.ndarray, ...]] = []
        for first in range(0, len(meshes), count):
            part = slice(first, first + count)
            images = draw_scene(BatchScene.of(meshes[part], paints[part], lights[part], self.device), size, self.surface_of)
            arrays = [i.to(torch.int32 if i.dtype == torch.int64 else i.dtype).cpu().numpy() for i in images]
            drawn += [tuple(a[b] for a in arrays) for b in range(len(arrays[0]))]
        return drawn
