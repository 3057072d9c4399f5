"""Motion of an edit: where in the photo each pixel of the edited picture comes from.

A denoiser that starts from a photo's own (inverted) noise keeps pixels where they were, so a turned head or an opened mouth has
to be moved first. The fitted mesh gives that motion: a pixel of the edited mesh shows a surface point, and the source mesh says
where that point was in the photo. Three things need more than the mesh:

* surface that the photo doesn't show (the far cheek of a turned head, the inside of a closed mouth) is *uncovered*. The motion of
  the surface around it is continued there, which stretches skin; the mouth's inside, and closing lids that were not
  painted before (`core.lids`), are filled from the rendered head;
* hair, neck and shoulders are not on the mesh, or move otherwise: hair and hats go with the skull, and down into neck and
  shoulders the motion dies out, so that they bend along and nothing tears or shows twice;
* the picture's border stays where it is, so that it can be pasted back; except where the photo itself ends.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.cv import cv2
from core.motion_masks import (
    EAR,
    EYE,
    INTERIOR,
    LIPS,
    NECK,
    SCALP,
    SKIN,
    blurred,
    clean,
    closing_lids,
    grid,
    kinds,
    mouth_hole,
    occlusion,
    resize,
    soften,
)
from core.motion_mesh import surface_motion
from core.motion_spread import Outline, Places, continue_hidden, continue_inside, continue_outside, outside_motion
from core.render.buffers import posed_vertices
from core.render.camera import project_ndc
from core.render.numba_raster import NumbaRasterizer, Surface, vertex_normals

if TYPE_CHECKING:
    from core.codes import FaceCode
    from core.head.base import HeadModel
    from core.mouth import Mouth
    from core.render.buffers import Buffers


_THROAT = np.array([0.17, 0.06, 0.05], np.float32)  # colour of the depth of a mouth, which light from outside hardly reaches
_JAW = 0.012  # metres below the line from chin to ear lobes at which the neck begins


@dataclass(frozen=True)
class MotionField:
    """Where to fetch from, for a picture of H x W pixels.

    fetch (H, W, 2) float32: x, y in the source picture, in pixels; whole numbers are pixel centres (as in cv2.remap).
    uncovered (H, W) float32 in [0, 1]: 1 where the photo doesn't show what belongs here (soft edges).
    moved (H, W) float32 in [0, 1]: 0 where the picture stays as it is.
    fill (H, W) float32 in [0, 1]: the part of `uncovered` that continued motion can't stand in for: the mouth, closed lids.
    light (H, W) float32 in [0, 1]: the share of light that reaches a point inside the mouth; 1 elsewhere.
    mouth: what is seen between the lips, to be painted over what was moved there (`core.mouth`); not of parts of the picture.
    """

    fetch: np.ndarray
    uncovered: np.ndarray
    moved: np.ndarray
    fill: np.ndarray
    light: np.ndarray
    mouth: Mouth | None = None

    @property
    def size(self) -> int:
        """Side of the picture in pixels."""
        return int(self.fetch.shape[0])

    @property
    def is_identity(self) -> bool:
        """Whether nothing moves at all."""
        return not self.moved.any() and not self.uncovered.any()

    @property
    def shift(self) -> np.ndarray:
        """fetch minus each pixel's own place (H, W, 2), pixels."""
        return self.fetch - grid(self.size)

    def part(self, start: int, size: int) -> MotionField:
        """The field of a square part of the picture that begins at (start, start)."""
        cut = np.s_[start:start + size, start:start + size]
        fetch, uncovered, moved, fill, light = (
            np.ascontiguousarray(a[cut]) for a in (self.fetch, self.uncovered, self.moved, self.fill, self.light))
        return MotionField(fetch - np.float32(start), uncovered, moved, fill, light)

    def scaled(self, size: int) -> MotionField:
        """The same motion for a picture of size x size pixels."""
        if size == self.size:
            return self
        if self.is_identity:
            return identity_field(size)
        ratio = np.float32(size / self.size)
        shift = resize(self.shift, size) * ratio
        uncovered, moved, fill, light = (resize(a, size) for a in (self.uncovered, self.moved, self.fill, self.light))
        return MotionField(grid(size) + shift, uncovered, moved, fill, light, self.mouth)


def identity_field(size: int) -> MotionField:
    """The field of no motion: every pixel from its own place, nothing uncovered."""
    empty = np.zeros((size, size), np.float32)
    return MotionField(grid(size), empty, empty, empty, np.ones_like(empty))


def surface_classes(head: HeadModel) -> np.ndarray:
    """Class (V,) uint8 of every vertex of a head: SKIN, EAR, SCALP, EYE, LIPS, INTERIOR (mouth, teeth, tongue) or NECK."""
    named = {"scalp": SCALP, "ears": EAR, "neck": NECK, "lips": LIPS, "eyes": EYE, "mouth": INTERIOR, "teeth": INTERIOR,
             "tongue": INTERIOR}
    classes = np.full(int(head.faces.max()) + 1, SKIN, np.uint8)
    for name, value in named.items():
        if name in head.regions:
            classes[np.asarray(head.regions[name]) > 0.5] = value
    _mark_neck(classes, np.asarray(head.vertices_of(head.zero_code()))[:len(classes)])
    return classes


def _mark_neck(classes: np.ndarray, vertices: np.ndarray) -> None:
    """Make NECK of the skin (V,) that lies under the line from the chin to the ears: on the mesh it turns with the head, on
    people it hardly does."""
    ears, lips = classes == EAR, classes == LIPS
    if not ears.any() or not lips.any():
        return
    mouth = vertices[lips].mean(0)
    under = (classes == SKIN) & (np.abs(vertices[:, 0] - mouth[0]) < 0.012) & (vertices[:, 1] < mouth[1] - 0.02)
    under &= vertices[:, 2] > mouth[2] - 0.04
    if not under.any():
        return
    chin = vertices[under][np.argmin(vertices[under, 1])]
    lobe = np.array([vertices[ears, 1].min(), vertices[ears, 2].mean()])
    share = (chin[2] - vertices[:, 2]) / max(chin[2] - lobe[1], 1e-3)
    line = chin[1] + np.clip(share, 0, 1) * (lobe[0] - chin[1])
    classes[(classes == SKIN) & (vertices[:, 1] < line - _JAW)] = NECK


def motion_field(head: HeadModel, source: FaceCode, edited: FaceCode, source_buffers: Buffers, edited_buffers: Buffers,
                 unit: float = 0.0, free: tuple[bool, ...] = (False,) * 4, reach: float = 0.5,
                 person: np.ndarray | None = None, lids: np.ndarray | None = None, mouth: bool = False) -> MotionField:
    """The motion from a photo's own code to an edited one, at the buffers' size.

    source_buffers: the photo's own; edited_buffers: of the edited code, re-centred on the source (`render_buffers(...,
    recentre_from=source)`). Camera and box are the source's. With equal vertices the field is exactly the identity.
    unit: side of the face crop in pixels (0: it is the picture). free: sides (top, right, bottom, left) of the picture that need
    not stay where they are, because the photo ends there. reach (0..1): how far hair and neck go along, 0.5 as seems natural.
    person (H, W): the photo's matte (`core.matte`), where it is known: hair and hats beyond the head move by it.
    lids (H, W) bool: where the photo's lids were painted (`core.lids`), so that the mesh has nothing left to close. mouth:
    whether the mouth's inside will be painted (`core.mouth`), and need not be filled.
    """
    before, after = posed_vertices(head, source), posed_vertices(head, edited, source)
    return mesh_motion(before, after, head.faces, source.camera, source.box, source_buffers.size, surface_classes(head),
                       _surface(source_buffers), _surface(edited_buffers), unit, free, reach, person, lids, mouth)


def mesh_motion(source: np.ndarray, edited: np.ndarray, faces: np.ndarray, camera: np.ndarray, box: np.ndarray, size: int,
                classes: np.ndarray | None = None, source_surface: Surface | None = None, edited_surface: Surface | None = None,
                unit: float = 0.0, free: tuple[bool, ...] = (False,) * 4, reach: float = 0.5,
                person: np.ndarray | None = None, lids: np.ndarray | None = None, mouth: bool = False) -> MotionField:
    """The motion between two poses of one mesh under one camera.

    source, edited (V, 3) vertices in head space; faces (F, 3); camera, box (3,) as in `core.render.camera`; classes (V,) as from
    `surface_classes` (None: all skin); the surfaces both show at this size, if they were rasterized already. unit, free,
    reach, person, lids, mouth: see `motion_field`.
    """
    if np.array_equal(source, edited):
        return identity_field(size)
    unit = unit or size
    before, after = project_ndc(source, camera, box), project_ndc(edited, camera, box)
    raster = NumbaRasterizer()
    seen_before = source_surface or raster.surface(before, faces, size)
    seen_after = edited_surface or raster.surface(after, faces, size)
    if classes is None:
        classes = np.zeros(len(source), np.uint8)
    normal_z = _facing(source, faces), _facing(edited, faces)
    scale = float(max(abs(float(camera[0])), 1e-6))
    shift, known, seen, kind = surface_motion(before, after, normal_z, faces, classes, seen_before, seen_after, scale)
    was = kinds(seen_before.face_ids, faces, classes)
    blots = closing_lids(shift, kind, was if lids is None else np.where(lids, np.uint8(SKIN), was), unit)
    rigid = project_ndc(_skull_motion(source, edited, classes), camera, box)
    places = Places(_pixels(before, size), _pixels(after, size), _pixels(rigid, size), normal_z[0], before[:, 2],
                    classes).halved()
    found = Outline.of(places)  # what is outside of it moves smoothly: half the size will do
    off = resize(found.off((size + 1) // 2), size)
    shift = continue_hidden(continue_inside(shift, known, kind, mouth), known, kind, off)
    hole = mouth_hole(kind)
    off[(kind >= NECK) & ~hole] = 1
    mesh = np.where((kind < INTERIOR)[..., None], shift / 2, np.float32(np.nan))[::2, ::2]
    outside, down = outside_motion(places, found, mesh, unit / 2, person)
    shift = continue_outside(shift, kind, resize(outside * np.float32(2), size), off, down, unit, free, reach)
    hidden = ~seen & (off < 0.5) | hole
    fill = np.maximum(soften(clean(hidden & (kind == INTERIOR) & ~np.bool_(mouth) | hole), unit), soften(blots, unit, 2.0))
    uncovered = np.maximum(soften(clean(hidden), unit), fill)
    length = np.hypot(shift[..., 0], shift[..., 1]) * (256 / unit)
    moved = np.maximum(np.clip((length - 0.1) / 1.4, 0, 1).astype(np.float32), uncovered)
    return MotionField(grid(size) + shift, uncovered, moved, fill, occlusion(seen_after.depth, kind, scale, unit))


def _skull_motion(source: np.ndarray, edited: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The source's vertices (V, 3), moved as the skull moves, without any expression (Kabsch 1976)."""
    skull = (classes == SCALP) | (classes == EAR)
    if skull.sum() < 20:
        skull = classes <= SCALP
    p, q = source[skull].astype(np.float64), edited[skull].astype(np.float64)
    u, _, vt = np.linalg.svd((p - p.mean(0)).T @ (q - q.mean(0)))
    turn = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    return ((source - p.mean(0)) @ turn + q.mean(0)).astype(np.float32)


def _facing(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(vertex_normals(vertices, faces)[:, 2])


def _surface(buffers: Buffers) -> Surface | None:
    if buffers.face_ids is None or buffers.bary is None or buffers.depth is None:
        return None
    return Surface(buffers.face_ids, buffers.depth, buffers.bary)


def warp_picture(picture: np.ndarray, field: MotionField, rendered: np.ndarray | None = None) -> np.ndarray:
    """A picture (H, W, 3) with values 0..255, uint8 or float, moved by a field; the result has the picture's type.

    rendered (h, w, 3) float, about [0, 1], 0 off the head: the edited head. Where the field says `fill` it shows, in the tone of
    the photo around it, and inside the mouth darkened by how deep it lies.
    """
    if field.is_identity:
        return picture.copy()
    field = field.scaled(picture.shape[0])
    x, y = (np.ascontiguousarray(a) for a in np.moveaxis(field.fetch, -1, 0))
    moved = cv2.remap(picture.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    if rendered is not None:
        fill_from(moved, field.fill, field.light, resize(np.asarray(rendered, np.float32), field.size), field.size)
    soften_seams(moved, field.shift)
    if picture.dtype == np.uint8:
        return (np.clip(moved, 0, 255) + 0.5).astype(np.uint8)
    return moved.astype(picture.dtype)


def fill_from(moved: np.ndarray, fill: np.ndarray, light: np.ndarray, rendered: np.ndarray, unit: float) -> None:
    """Fill a moved picture (H, W, 3) float32, in place, with the rendered head (H, W, 3). See `warp_picture` and `MotionField`.

    unit: side of the face crop in pixels.
    """
    if not fill.any():
        return
    rows, columns = extent(fill, 0.3 * unit)
    moved, fill, light, rendered = (a[rows, columns] for a in (moved, fill, light, rendered))
    tone, light = _tone(moved, rendered, fill, unit), light[..., None]
    painted = tone * (rendered * light + _THROAT * (1 - light))
    moved += (painted - moved) * fill[..., None]


def soften_seams(moved: np.ndarray, shift: np.ndarray) -> None:
    """Blur a moved picture (H, W, 3) float32, in place, a little where the motion (h, w, 2), in its own pixels, jumps: one
    surface slides over another there, and the seam has no soft pixels."""
    jump = np.zeros(shift.shape[:2], np.float32)
    jump[:, 1:] = np.abs(np.diff(shift, axis=1)).max(-1)
    jump[1:] = np.maximum(jump[1:], np.abs(np.diff(shift, axis=0)).max(-1))
    seam = (jump > 2.5).astype(np.float32)
    if seam.any():
        rows, columns = extent(seam, 6)
        share = np.minimum(1.5 * blurred(seam[rows, columns], 1.0), 1)
        ratio = moved.shape[0] / shift.shape[0]
        rows, columns = (slice(round(part.start * ratio), round(part.stop * ratio)) for part in (rows, columns))
        part = moved[rows, columns]
        share = cv2.resize(share, part.shape[1::-1], interpolation=cv2.INTER_LINEAR) if ratio != 1 else share
        part += (blurred(part, 1.0) - part) * share[..., None]


def extent(values: np.ndarray, by: float) -> tuple[slice, slice]:
    """The rows and columns of (H, W) that hold everything but zeros, and so many pixels more."""
    parts = []
    for axis in (1, 0):
        held = np.flatnonzero(values.any(axis))
        parts.append(slice(max(int(held[0] - by), 0), int(held[-1] + by) + 1))
    return parts[0], parts[1]


def _tone(moved: np.ndarray, rendered: np.ndarray, fill: np.ndarray, unit: float) -> np.ndarray:
    """Gain (H, W, 3) from rendered to the photo's values: the ratio on the surface around what is filled, spread into it.

    unit: side of the face crop in pixels.
    """
    width, height = (max(round(128 * n / unit), 1) for n in fill.shape[1::-1])
    hole, photo, drawn = (cv2.resize(a, (width, height), interpolation=cv2.INTER_AREA) for a in (fill, moved, rendered))
    share = ((cv2.dilate(hole, np.ones((5, 5))) < 0.05) & (drawn.min(-1) > 0.04)).astype(np.float32)
    ratio = photo.sum(-1) / np.maximum(drawn.sum(-1) * 255, 1e-3)
    usual = blurred(ratio * share, 12.8) / np.maximum(blurred(share, 12.8), 1e-3)
    share *= (ratio > 0.8 * usual) & (ratio < 1.6 * usual)  # brows, lashes, beard and glints are not the tone
    sums = [blurred(a, 6.4) for a in (photo * share[..., None], drawn * share[..., None] * 255)]
    spread = blurred(share, 6.4)[..., None] > 0.01
    gain = np.where(spread, np.clip(sums[0] / np.maximum(sums[1], 1e-3), 0.2, 2.5), 1) * 255
    return cv2.resize(gain.astype(np.float32), fill.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _pixels(ndc: np.ndarray, size: int) -> np.ndarray:
    """NDC (V, 3) -> (V, 2) pixels with whole numbers at pixel centres."""
    return (ndc[:, :2] + 1) * np.float32(size / 2) - np.float32(0.5)
