"""Rasterizers behind one interface: same meshes in, same pixels out."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from core.render.numba_raster import NumbaRasterizer, Workspace
from core.render.surface import Mesh, Paint, Surface


class Rasterizer(Protocol):
    """Draws meshes by the rules of spec section 3, which are those of pytorch3d's rasterizer as the reference calls it.

    Pixel centres at (2i+1)/W - 1, row 0 on top; a pixel is inside a face iff all barycentric weights are > 0 strictly; faces with
    |area| <= 1e-8 or with a corner behind the image plane (depth < 1e-8) are skipped; both windings are drawn; the nearest face
    wins, among equals the one listed first. On a CPU all rasterizers agree bit for bit on face ids, depth and weights.
    """

    name: str

    def surface(self, ndc: np.ndarray, faces: np.ndarray, size: int) -> Surface:
        """Which face each pixel sees. ndc (V, 3): x right, y down in [-1, 1], depth; faces (F, 3)."""

    def draw(self, mesh: Mesh, paint: Paint, light: np.ndarray, size: int,
             workspace: Workspace | None = None) -> tuple[np.ndarray, ...]:
        """(rendered, normal, albedo (H, W, 3), coverage (H, W), face_ids (H, W), bary (H, W, 3), depth (H, W)).

        light (9, 3). workspace: scratch memory, for the rasterizer that can use it.
        """

    def draw_batch(self, meshes: Sequence[Mesh], paints: Sequence[Paint], lights: Sequence[np.ndarray],
                   size: int) -> list[tuple[np.ndarray, ...]]:
        """`draw` for several poses of one mesh (the faces are the first one's), painted in one way, at once."""


def _torch() -> Rasterizer:
    from core.render.torch_raster import TorchRasterizer  # torch takes a second to import: only when asked for
    return TorchRasterizer()


def _pytorch3d() -> Rasterizer:
    from core.render.pytorch3d_raster import Pytorch3dRasterizer
    return Pytorch3dRasterizer()


_FACTORIES: dict[str, Callable[[], Rasterizer]] = {"numba": NumbaRasterizer, "torch": _torch, "pytorch3d": _pytorch3d}
_made: dict[str, Rasterizer] = {}


def rasterizer_names() -> tuple[str, ...]:
    """The names `get_rasterizer` takes; the first is the default."""
    return tuple(_FACTORIES)


def get_rasterizer(name: str = "numba") -> Rasterizer:
    """The rasterizer of that name: 'numba', 'torch' or 'pytorch3d'. The last two draw on the GPU where torch has CUDA.

    Raises ValueError that lists the known ones, AssetError when pytorch3d is asked for and not installed.
    """
    if name not in _FACTORIES:
        raise ValueError(f"no rasterizer called {name!r}; there are {', '.join(sorted(_FACTORIES))}")
    if name not in _made:
        _made[name] = _FACTORIES[name]()
    return _made[name]
