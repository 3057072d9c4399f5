"""Compiled single-thread rasterizer: vertices and albedo to all buffers (spec section 3). The kernels are in `kernels`.

One thread on purpose: a second one beside the denoiser makes interactive frames jump from 3 to 14 ms. The kernels release the
GIL and are cached on disk, so only the first run ever on a machine waits for the compiler (about 5 s).
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.render import kernels, pool
from core.render.camera import ndc_affine, pixel_centres
from core.render.surface import Mesh, Paint, Surface

_NO_UV = np.zeros((0, 3, 2), np.float32)
_NO_TEXTURE = np.zeros((0, 0, 3), np.float32)


def _none(*shape: int) -> np.ndarray:
    return np.empty(shape, np.float32)


@dataclass(eq=False)
class Workspace:
    """Scratch memory that a caller keeps between frames, replaced as sizes change. Not for sharing by threads.

    With it a frame allocates nothing but what it hands out, and that comes from the pool.
    """

    ndc: np.ndarray = field(default_factory=lambda: _none(0, 3))
    normals: np.ndarray = field(default_factory=lambda: _none(0, 3))
    centres: np.ndarray = field(default_factory=lambda: _none(kernels.LANES))
    line: np.ndarray = field(default_factory=lambda: _none(kernels.LANES))
    planes: np.ndarray = field(default_factory=lambda: _none(6, 0))
    lamp: np.ndarray = field(default_factory=lambda: _none(9, 3))
    kept: dict[str, tuple] = field(default_factory=dict)  # what `core.render.buffers` keeps between frames
    seen: tuple[Mesh, int, np.ndarray, np.ndarray] | None = None  # the last mesh and size; their depth and face ids

    def surface(self, mesh: Mesh, size: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Depth and face ids where the last mesh is drawn again, as while the light is dragged; `ndc` and `normals` hold too."""
        if self.seen is None or size != self.seen[1] or mesh.vertices is not self.seen[0].vertices:
            return None
        last = self.seen[0]
        same = mesh.faces is last.faces and np.array_equal(mesh.camera, last.camera) and np.array_equal(mesh.box, last.box)
        return self.seen[2:] if same else None

    def fit(self, vertices: int, size: int) -> None:
        """Make room for a mesh of so many vertices in a picture of size x size pixels."""
        if len(self.ndc) != vertices:
            self.ndc, self.normals = _none(vertices, 3), _none(vertices, 3)
        if self.planes.shape[1] != size:
            self.centres = np.full(size + kernels.LANES, np.inf, np.float32)
            self.centres[:size] = pixel_centres(size)
            self.line, self.planes = _none(size + kernels.LANES), _none(6, size)


class NumbaRasterizer:
    """The default rasterizer on a CPU. See `core.render.rasterize.Rasterizer`."""

    name = "numba"

    def surface(self, ndc: np.ndarray, faces: np.ndarray, size: int) -> Surface:
        work, faces = Workspace(), unsigned(faces)
        work.fit(0, size)
        ndc = np.ascontiguousarray(ndc, np.float32)
        depth, ids = _raster(ndc, faces, size, work)
        bary = pool.empty((size, size, 3))
        kernels.barycentric(ndc, faces, work.centres, ids, bary)
        return Surface(ids, depth, bary)

    def draw(self, mesh: Mesh, paint: Paint, light: np.ndarray, size: int,
             workspace: Workspace | None = None) -> tuple[np.ndarray, ...]:
        work = workspace or Workspace()
        work.fit(len(mesh.vertices), size)
        vertices, faces = np.ascontiguousarray(mesh.vertices, np.float32), unsigned(mesh.faces)
        gain, ox, oy = (np.float32(v) for v in ndc_affine(mesh.box))
        s, tx, ty = (np.float32(v) for v in mesh.camera)
        surface = work.surface(mesh, size)
        if surface is None:
            kernels.project(vertices, s, tx, ty, gain, ox, oy, work.ndc)
            kernels.vertex_normals(vertices, faces, work.normals)
            surface = _raster(work.ndc, faces, size, work)
            work.seen = mesh, size, *surface
        depth, ids = surface
        kernels.lamp(np.ascontiguousarray(light, np.float32), work.lamp)
        bary, rendered, normal, albedo = (pool.empty((size, size, 3)) for _ in range(4))
        coverage = pool.empty((size, size))
        colours, uv, texture = (work.normals, paint.corner_uv, paint.texture) if paint.textured else (paint.colours, None, None)
        kernels.interpolate(
            work.ndc, faces, work.centres, ids, work.normals, np.ascontiguousarray(colours, np.float32),
            _NO_UV if uv is None else np.ascontiguousarray(uv, np.float32),
            _NO_TEXTURE if texture is None else np.ascontiguousarray(texture, np.float32),
            work.lamp, work.planes, bary, rendered, normal, albedo, coverage)
        return rendered, normal, albedo, coverage, ids, bary, depth

    def draw_batch(self, meshes: Sequence[Mesh], paints: Sequence[Paint], lights: Sequence[np.ndarray],
                   size: int) -> list[tuple[np.ndarray, ...]]:
        work = Workspace()
        return [self.draw(mesh, paint, light, size, work) for mesh, paint, light in zip(meshes, paints, lights, strict=True)]


def unsigned(faces: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(faces, np.int32).view(np.uint32)  # compiled code then needs no care for negative indices


def _raster(ndc: np.ndarray, faces: np.ndarray, size: int, work: Workspace) -> tuple[np.ndarray, np.ndarray]:
    count = size * size
    depth, ids = pool.empty((count + kernels.LANES,)), pool.empty((count + kernels.LANES,), np.int32)
    kernels.raster(ndc, faces, work.centres, depth, ids, work.line)
    return depth[:count].reshape(size, size), ids[:count].reshape(size, size)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit vertex normals (V, 3) float32, each face weighted by its area. Zero where a vertex belongs to no face."""
    out = np.empty((len(vertices), 3), np.float32)
    kernels.vertex_normals(np.ascontiguousarray(vertices, np.float32), unsigned(faces), out)
    return out
