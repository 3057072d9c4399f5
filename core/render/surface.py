"""What rasterizers take and give: a posed mesh under the photo's camera, its colours, and what each pixel sees."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Mesh:
    """vertices (V, 3) posed, in head space; faces (F, 3); camera (s, tx, ty) and box (size, cx, cy) of `core.render.camera`."""

    vertices: np.ndarray
    faces: np.ndarray
    camera: np.ndarray
    box: np.ndarray


@dataclass(frozen=True, eq=False)
class Paint:
    """Diffuse colours: of the vertices, colours (V, 3), or a texture (h, w, 3) with corner_uv (F, 3, 2). ValueError without."""

    colours: np.ndarray | None = None
    texture: np.ndarray | None = None
    corner_uv: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not self.textured and self.colours is None:
            raise ValueError("an albedo needs vertex colours, or a texture with uv coordinates")

    @property
    def textured(self) -> bool:
        """Whether the texture counts, and not the vertex colours."""
        return self.texture is not None and self.corner_uv is not None


@dataclass(frozen=True, eq=False)
class Surface:
    """What every pixel sees: face_ids (H, W) int32, -1 for none; depth (H, W), inf for none; bary (H, W, 3), 0 for none."""

    face_ids: np.ndarray
    depth: np.ndarray
    bary: np.ndarray
