"""Rasterizers behind one interface: same meshes in, same pixels out."""
from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from core.render.numba_raster import NumbaRasterizer, Surface, Workspace


class Rasterizer(Protocol):
    """Draws one mesh by the rules of spec section 3.

    Pixel centres at (2i+1)/W - 1, row 0 on top; a pixel is inside a face iff all barycentric weights are > 0 strictly; faces with
    |area| <= 1e-8 are skipped; both windings are drawn; the nearest face wins, among equals the one listed first.
    """

    name: str

    def surface(self, ndc: np.ndarray, faces: np.ndarray, size: int) -> Surface:
        """Which face each pixel sees. ndc (V, 3): x right, y down in [-1, 1], depth; faces (F, 3)."""

    def draw(self, vertices: np.ndarray, faces: np.ndarray, camera: np.ndarray, box: np.ndarray, size: int,
             colours: np.ndarray | None, texture: np.ndarray | None, corner_uv: np.ndarray | None,
             light: np.ndarray, workspace: Workspace | None = None) -> tuple[np.ndarray, ...]:
        """(rendered, normal, albedo (H, W, 3), coverage (H, W), face_ids (H, W), bary (H, W, 3), depth (H, W)).

        vertices (V, 3) in head space; either colours (V, 3), or texture (h, w, 3) with corner_uv (F, 3, 2); light (9, 3).
        """


def _torch() -> Rasterizer:
    from core.render.torch_raster import TorchRasterizer  # torch takes a second to import: only when asked for
    return TorchRasterizer()


_FACTORIES: dict[str, Callable[[], Rasterizer]] = {"numba": NumbaRasterizer, "torch": _torch}
_made: dict[str, Rasterizer] = {}


def get_rasterizer(name: str = "numba") -> Rasterizer:
    """The rasterizer of that name ('numba' or 'torch'). Raises ValueError that lists the known ones."""
    if name not in _FACTORIES:
        raise ValueError(f"no rasterizer called {name!r}; there are {', '.join(sorted(_FACTORIES))}")
    if name not in _made:
        _made[name] = _FACTORIES[name]()
    return _made[name]
