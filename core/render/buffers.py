"""Buffers: rendered, normal and albedo images of one FaceCode (spec section 3), the condition of the denoiser."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core import shadows as casting
from core.codes import FaceCode
from core.render import pool
from core.render.numba_raster import Workspace
from core.render.rasterize import get_rasterizer
from core.render.surface import Mesh, Paint, Surface

if TYPE_CHECKING:
    from core.head.base import Albedo, HeadModel

_SHAPE = ("identity", "expression", "pose", "neck", "jaw", "eyes", "camera", "box")  # of a code, what the mesh depends on


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
        out = pool.empty((9, self.size, self.size))
        for i, image in enumerate((self.rendered, self.normal, self.albedo)):
            out[3 * i:3 * i + 3] = image.transpose(2, 0, 1)
        return out


def head_vertices(head: HeadModel, code: FaceCode) -> np.ndarray:
    """(V, 3) float32 posed vertices of a code, in head space, not re-centred."""
    return head.vertices_into(code, pool.empty((_vertex_count(head), 3)))


@lru_cache(maxsize=4)
def _vertex_count(head: HeadModel) -> int:
    return len(head.vertices_of(head.zero_code()))


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
    vertices = head_vertices(head, code)
    if recentre_from is None or recentre_from == code:
        return vertices
    if head.centre_follows_expression:
        vertices += _centre(head, recentre_from) - np.asarray(head.centre(vertices, code.pose), np.float32)
        return vertices
    source = recentre_from
    still = code.replace(expression=source.expression, jaw=source.jaw, eyes=source.eyes, albedo=source.albedo, light=source.light,
                         lamps=source.lamps)
    if still != source:
        moved = np.asarray(head.centre(vertices, code.pose), np.float32) if _same_face(code, source) else _centre(head, still)
        vertices += _centre(head, source) - moved
    return vertices


def _same_face(code: FaceCode, other: FaceCode) -> bool:
    return all(np.array_equal(getattr(code, name), getattr(other, name)) for name in ("expression", "jaw", "eyes"))


def _posed(head: HeadModel, code: FaceCode, recentre_from: FaceCode | None, workspace: Workspace | None) -> np.ndarray:
    """`posed_vertices`. A workspace keeps the last ones: while the light is dragged they stay the same object."""
    if workspace is None:
        return posed_vertices(head, code, recentre_from)
    shape = b"".join(getattr(code, name).tobytes() for name in _SHAPE)
    kept = workspace.kept.get("posed")
    if kept is None or kept[0] is not head or kept[1] is not recentre_from or kept[2] != shape:
        kept = workspace.kept["posed"] = head, recentre_from, shape, posed_vertices(head, code, recentre_from)
    return kept[3]  # type: ignore[no-any-return]


def corner_uv(albedo: Albedo, faces: np.ndarray) -> np.ndarray | None:
    """(F, 3, 2) uv at every face corner, or None for an albedo without a texture."""
    if albedo.texture is None or albedo.uv is None:
        return None
    uv = np.asarray(albedo.uv, np.float32)
    if uv.ndim == 3:
        return uv
    return uv[albedo.uv_faces if albedo.uv_faces is not None else faces]


def paint_of(head: HeadModel, coefficients: np.ndarray, workspace: Workspace | None = None) -> Paint:
    """The head's colours for albedo coefficients (A,). A workspace keeps the last ones: a drag rarely changes them."""
    kept = workspace.kept.get("paint") if workspace is not None else None
    if kept is not None and kept[0] is head and np.array_equal(kept[1], coefficients):
        return kept[2]
    albedo = head.albedo(coefficients)
    paint = Paint(albedo.vertex, albedo.texture, corner_uv(albedo, head.faces))
    if workspace is not None:
        workspace.kept["paint"] = (head, coefficients, paint)
    return paint


def render_buffers(head: HeadModel, code: FaceCode, size: int, rasterizer: str = "numba",
                   recentre_from: FaceCode | None = None, workspace: Workspace | None = None,
                   shadows: str = casting.RAYS) -> Buffers:
    """The buffers of a code at size x size. recentre_from: as in `posed_vertices`. workspace: scratch memory to reuse.

    shadows: how those of the code's lamps are found, 'rays' or, fast, 'map' (`core.shadows`).
    """
    vertices = _posed(head, code, recentre_from, workspace)
    return render_vertices(head, vertices, code, size, rasterizer, workspace, shadows)


def render_vertices(head: HeadModel, vertices: np.ndarray, code: FaceCode, size: int, rasterizer: str = "numba",
                    workspace: Workspace | None = None, shadows: str = casting.RAYS) -> Buffers:
    """Like `render_buffers` for vertices (V, 3) that are already posed; camera, box, albedo and light come from the code."""
    mesh, paint = Mesh(vertices, head.faces, code.camera, code.box), paint_of(head, code.albedo, workspace)
    return _with_lamps(Buffers(*get_rasterizer(rasterizer).draw(mesh, paint, code.light, size, workspace)), mesh, code, shadows)


def _with_lamps(buffers: Buffers, mesh: Mesh, code: FaceCode, shadows: str) -> Buffers:
    """The buffers with what the code's lamps add to `rendered`: albedo times their shading, whichever rasterizer drew them."""
    if code.lamps:
        assert buffers.face_ids is not None and buffers.bary is not None and buffers.depth is not None
        surface = Surface(buffers.face_ids, buffers.depth, buffers.bary)
        casting.add_lamps(buffers.rendered, buffers.albedo, buffers.normal, mesh, surface, code.lamps, shadows)
    return buffers


def lamp_shading(head: HeadModel, code: FaceCode, buffers: Buffers, recentre_from: FaceCode | None = None,
                 shadows: str = casting.RAYS) -> np.ndarray:
    """RGB shading (H, W, 3) float32 that a code's lamps give, 0 off the head.

    buffers: of that code, or of one that differs in its light alone. shadows: as in `render_buffers`.
    """
    mesh = Mesh(posed_vertices(head, code, recentre_from), head.faces, code.camera, code.box)
    white = replace(buffers, rendered=np.zeros_like(buffers.albedo), albedo=np.ones_like(buffers.albedo))
    return _with_lamps(white, mesh, code, shadows).rendered


def render_batch(head: HeadModel, codes: Sequence[FaceCode], size: int, rasterizer: str = "numba") -> list[Buffers]:
    """`render_buffers` of many codes of one head: 'torch' and 'pytorch3d' draw them at once, on a GPU where there is one."""
    meshes = [Mesh(posed_vertices(head, code), head.faces, code.camera, code.box) for code in codes]
    paints = [paint_of(head, code.albedo) for code in codes]
    drawn = get_rasterizer(rasterizer).draw_batch(meshes, paints, [code.light for code in codes], size)
    return [_with_lamps(Buffers(*images), mesh, code, casting.RAYS)
            for images, mesh, code in zip(drawn, meshes, codes, strict=True)]
