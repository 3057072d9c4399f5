"""Buffers: rendered, normal and albedo images of one FaceCode (spec section 3), the condition of the denoiser."""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.codes import FaceCode
from core.render.numba_raster import Workspace
from core.render.rasterize import get_rasterizer

if TYPE_CHECKING:
    from core.head.base import Albedo, HeadModel


@dataclass(frozen=True)
class Buffers:
    """What the head looks like through the photo's camera; background 0 everywhere.

    rendered, albedo (H, W, 3) float32: display RGB, about [0, 1], never clamped. normal (H, W, 3): interpolated unit normals in
    head space (+x picture's right, +y up, +z to the viewer), not renormalised. coverage (H, W): 1 on the head.
    face_ids (H, W) int32, -1 for none; bary (H, W, 3); depth (H, W), inf for none: the surface point behind each pixel.
    """

    rendered: np.ndarray
    normal: np.ndarray
    albedo: np.ndarray
    coverage: np.ndarray
    face_ids: np.ndarray | None = None
    bary: np.ndarray | None = None
    depth: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return int(self.coverage.shape[0])

    def condition(self) -> np.ndarray:
        """(9, H, W) float32: rendered, normal, albedo, as the denoiser takes them; neither clamped nor rescaled."""
        out = np.empty((9, self.size, self.size), np.float32)
        for i, image in enumerate((self.rendered, self.normal, self.albedo)):
            out[3 * i:3 * i + 3] = image.transpose(2, 0, 1)
        return out


def head_vertices(head: HeadModel, code: FaceCode) -> np.ndarray:
    """(V, 3) float32 posed vertices of a code, in head space, not re-centred."""
    return head.vertices(code.identity, code.expression, code.pose, code.neck, code.jaw, code.eyes)


@lru_cache(maxsize=16)
def _centre(head: HeadModel, code: FaceCode) -> np.ndarray:
    return np.asarray(head.centre(head_vertices(head, code), code.pose), np.float32)


def posed_vertices(head: HeadModel, code: FaceCode, recentre_from: FaceCode | None = None) -> np.ndarray:
    """(V, 3) float32 vertices in head space, moved so that the face's centre stays where the source photo has it.

    recentre_from: the source photo's code, for edits only (spec section 3: vertices += C(source) - C(edited)). The source's
    centre is that of the photo's own identity, even where a person's mean shape replaces it in `code`, as in the reference.
    For heads whose centre does not follow the expression, the edited centre is taken with the source's expression: a blink
    moves the lids, not the head.
    """
    vertices = np.asarray(head_vertices(head, code), np.float32)
    if recentre_from is None or recentre_from == code:
        return vertices
    if head.centre_follows_expression:
        return vertices + (_centre(head, recentre_from) - np.asarray(head.centre(vertices, code.pose), np.float32))
    source = recentre_from
    still = code.replace(expression=source.expression, jaw=source.jaw, eyes=source.eyes, albedo=source.albedo, light=source.light)
    return vertices if still == source else vertices + (_centre(head, source) - _centre(head, still))


def corner_uv(albedo: Albedo, faces: np.ndarray) -> np.ndarray | None:
    """(F, 3, 2) uv at every face corner, or None for an albedo without a texture."""
    if albedo.texture is None or albedo.uv is None:
        return None
    uv = np.asarray(albedo.uv, np.float32)
    if uv.ndim == 3:
        return uv
    return uv[albedo.uv_faces if albedo.uv_faces is not None else faces]


def render_buffers(head: HeadModel, code: FaceCode, size: int, rasterizer: str = "numba",
                   recentre_from: FaceCode | None = None, workspace: Workspace | None = None) -> Buffers:
    """The buffers of a code at size x size. recentre_from: as in `posed_vertices`. workspace: scratch memory to reuse."""
    vertices = posed_vertices(head, code, recentre_from)
    return render_vertices(head, vertices, code, size, rasterizer, workspace)


def render_vertices(head: HeadModel, vertices: np.ndarray, code: FaceCode, size: int, rasterizer: str = "numba",
                    workspace: Workspace | None = None) -> Buffers:
    """Like `render_buffers` for vertices (V, 3) that are already posed; camera, box, albedo and light come from the code."""
    albedo = head.albedo(code.albedo)
    images = get_rasterizer(rasterizer).draw(
        vertices, head.faces, code.camera, code.box, size, albedo.vertex, albedo.texture, corner_uv(albedo, head.faces),
        code.light, workspace)
    return Buffers(*images)
