"""Motion of an edit: where in the photo each pixel of the edited picture comes from.

A denoiser that starts from a photo's own (inverted) noise keeps pixels where they were, so a turned head or an opened mouth has
to be moved first. The fitted mesh gives that motion: a pixel of the edited mesh shows a surface point, and the source mesh says
where that point was in the photo. Three things need more than the mesh:

* surface that the photo doesn't show (the far cheek of a turned head, the inside of a closed mouth) is *uncovered*. Outside the mouth
  the motion of the surface around it is continued, which stretches skin; the mouth's inside is filled from the rendered head;
* hair, neck and shoulders are not on the mesh, or move otherwise: the motion is continued outward from the head
  and dies out, so that they bend along and nothing tears or shows twice;
* the picture's border stays where it is, so that the crop can be pasted back.
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from core.cv import cv2
from core.render.camera import project_ndc
from core.render.buffers import posed_vertices
from core.render.numba_raster import NumbaRasterizer, Surface, vertex_normals

if TYPE_CHECKING:
    from core.render.buffers import Buffers
    from core.codes import FaceCode
    from core.head.base import HeadModel

# Classes of surface: motion never leaks from one into another.
SKIN, SCALP, EYE, LIPS, INTERIOR, NECK = range(6)
_TOLERANCE = 0.004  # metres a point may lie behind the source's front surface and still count as seen
_INTERIOR_TOLERANCE = 0.0015  # lips and teeth are close together
_GRAZING = 0.35  # a surface seen at a flatter angle than this (cosine) has no usable pixels
_LIP_DEPTH, _MOUTH_DEPTH = 0.012, 0.06  # metres behind the lips where the mouth's light begins to fall, and falls to 1/e within
_DECAY = 0.30  # reach of the motion beyond the head, as a fraction of the picture's side
_BORDER = 0.08
_RAYS = 512  # rays about the head's middle on which outlines are compared
_RAY_BLUR = 8.0


@dataclass(frozen=True)
class MotionField:
    """Where to fetch from, for a picture of H x W pixels.

    fetch (H, W, 2) float32: x, y in the source picture, in pixels; whole numbers are pixel centres (as in cv2.remap).
    uncovered (H, W) float32 in [0, 1]: 1 where the photo doesn't show what belongs here (soft edges).
    moved (H, W) float32 in [0, 1]: 0 where the picture stays as it is.
    fill (H, W) float32 in [0, 1]: the part of `uncovered` that continued motion can't stand in for: the inside of the mouth.
    light (H, W) float32 in [0, 1]: the share of light that reaches a point inside the mouth; 1 elsewhere.
    """

    fetch: np.ndarray
    uncovered: np.ndarray
    moved: np.ndarray
    fill: np.ndarray
    light: np.ndarray

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
        return self.fetch - _grid(self.size)

    def scaled(self, size: int) -> MotionField:
        """The same motion for a picture of size x size pixels."""
        if size == self.size:
            return self
        if self.is_identity:
            return identity_field(size)
        ratio = np.float32(size / self.size)
        shift = _resize(self.shift, size) * ratio
        return MotionField(_grid(size) + shift, *(_resize(a, size) for a in (self.uncovered, self.moved, self.fill, self.light)))


def identity_field(size: int) -> MotionField:
    """The field of no motion: every pixel from its own place, nothing uncovered."""
    empty = np.zeros((size, size), np.float32)
    return MotionField(_grid(size), empty, empty, empty, np.ones_like(empty))


def surface_classes(head: HeadModel) -> np.ndarray:
    """Class (V,) uint8 of every vertex of a head: SKIN, SCALP, EYE, LIPS, INTERIOR (mouth cavity, teeth, tongue) or NECK."""
    named = (("scalp", SCALP), ("ears", SCALP), ("neck", NECK), ("lips", LIPS), ("eyes", EYE), ("mouth", INTERIOR), ("teeth", INTERIOR), ("tongue", INTERIOR))
    classes = np.full(int(head.faces.max()) + 1, SKIN, np.uint8)
    for name, value in named:
        if name in head.regions:
            classes[np.asarray(head.regions[name]) > 0.5] = value
    return classes


def motion_field(head: HeadModel, source: FaceCode, edited: FaceCode, source_buffers: Buffers, edited_buffers: Buffers) -> MotionField:
    """The motion from a photo's own code to an edited one, at the buffers' size.

    source_buffers: the photo's own; edited_buffers: of the edited code, re-centred on the source (`render_buffers(...,
    recentre_from=source)`). Camera and box are the source's. With equal vertices the field is exactly the identity.
    """
    before, after = posed_vertices(head, source), posed_vertices(head, edited, source)
    return mesh_motion(before, after, head.faces, source.camera, source.box, source_buffers.size, surface_classes(head),
                       _surface(source_buffers), _surface(edited_buffers))


def mesh_motion(source: np.ndarray, edited: np.ndarray, faces: np.ndarray, camera: np.ndarray, box: np.ndarray, size: int,
                classes: np.ndarray | None = None, source_surface: Surface | None = None,
                edited_surface: Surface | None = None) -> MotionField:
    """The motion between two poses of one mesh under one camera.

    source, edited (V, 3) vertices in head space; faces (F, 3); camera, box (3,) as in `core.render.camera`; classes (V,) as from
    `surface_classes` (None: all skin); the surfaces both show at this size, if they were rasterized already.
    """
    if np.array_equal(source, edited):
        return identity_field(size)
    before, after = project_ndc(source, camera, box), project_ndc(edited, camera, box)
    raster = NumbaRasterizer()
    seen_before = source_surface or raster.surface(before, faces, size)
    seen_after = edited_surface or raster.surface(after, faces, size)
    if classes is None:
        classes = np.zeros(len(source), np.uint8)
    normal_z = tuple(np.ascontiguousarray(vertex_normals(v, faces)[:, 2]) for v in (source, edited))
    scale = float(max(abs(float(camera[0])), 1e-6))
    shift, known, seen, kind = _surface_motion(before, after, normal_z, faces, classes, seen_before, seen_after, scale)  # type: ignore[arg-type]
    was = _kinds(seen_before.face_ids, faces, classes)
    lids = _closing_lids(shift, kind, was)
    shift = _continue_inside(shift, known, kind)
    outside, off = _outside_motion(_pixels(before, size), _pixels(after, size), classes, was < NECK, seen & (kind < NECK))
    off |= kind >= NECK
    shift = _continue_outside(shift, known, kind, outside, off)
    hidden = ~seen & ~off | lids
    uncovered = _soften(_clean(hidden))
    fill = np.maximum(_soften(_clean(hidden & (kind == INTERIOR))), _soften(lids, 2.0))
    length = np.hypot(shift[..., 0], shift[..., 1]) * (256 / size)
    moved = np.maximum(np.clip((length - 0.1) / 1.4, 0, 1).astype(np.float32), uncovered)
    return MotionField(_grid(size) + shift, uncovered, moved, fill, _occlusion(seen_after.depth, kind, scale))


def _surface(buffers: Buffers) -> Surface | None:
    if buffers.face_ids is None or buffers.bary is None or buffers.depth is None:
        return None
    return Surface(buffers.face_ids, buffers.depth, buffers.bary)


def warp_picture(picture: np.ndarray, field: MotionField, rendered: np.ndarray | None = None) -> np.ndarray:
    """A picture (H, W, 3) with values 0..255, uint8 or float, moved by a field; the result has the picture's type.

    rendered (h, w, 3) float, about [0, 1], 0 off the head: the edited head. Inside the mouth, where the field says `fill`, it shows in the
    photo's own tone, darkened by how deep it lies.
    """
    if field.is_identity:
        return picture.copy()
    field = field.scaled(picture.shape[0])
    moved = cv2.remap(picture.astype(np.float32), field.fetch, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    if rendered is not None and field.fill.any():
        painted = _resize(np.asarray(rendered, np.float32), field.size)
        painted = painted * (_tone(moved, painted, field.fill) * field.light[..., None])
        moved += (painted - moved) * field.fill[..., None]
    if picture.dtype == np.uint8:
        return (np.clip(moved, 0, 255) + 0.5).astype(np.uint8)
    return moved.astype(picture.dtype)


def _tone(moved: np.ndarray, rendered: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """Gain (H, W, 3) from rendered to the photo's values: the ratio on the surface around what is filled, spread into it."""
    size, small = fill.shape[0], 128
    hole, photo, drawn = (cv2.resize(a, (small, small), interpolation=cv2.INTER_AREA) for a in (fill, moved, rendered))
    share = ((cv2.dilate(hole, np.ones((5, 5))) < 0.05) & (drawn.min(-1) > 0.04)).astype(np.float32)
    ratio = photo.sum(-1) / np.maximum(drawn.sum(-1) * 255, 1e-3)
    usual = _blurred(ratio * share, 0.1 * small) / np.maximum(_blurred(share, 0.1 * small), 1e-3)
    share *= (ratio > 0.8 * usual) & (ratio < 1.6 * usual)  # brows, lashes, beard and glints are not the tone
    sums = [_blurred(a, 0.05 * small) for a in (photo * share[..., None], drawn * share[..., None] * 255)]
    spread = _blurred(share, 0.05 * small)[..., None] > 0.01
    gain = np.where(spread, np.clip(sums[0] / np.maximum(sums[1], 1e-3), 0.2, 2.5), 1) * 255
    return cv2.resize(gain.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)


# --- the mesh's own motion -----------------------------------------------------------------------------------------------------


def _surface_motion(before: np.ndarray, after: np.ndarray, normal_z: tuple[np.ndarray, np.ndarray], faces: np.ndarray, classes: np.ndarray,
                    seen_before: Surface, seen_after: Surface, scale: float) -> tuple[np.ndarray, ...]:
    """(shift (H, W, 2) in pixels, known (H, W) bool: usable, seen (H, W) bool: in the photo at all, class (H, W) uint8, 255 off the head) of what the edited mesh shows."""
    size = seen_after.face_ids.shape[0]
    depth = seen_before.depth
    far = cv2.dilate(np.where(np.isfinite(depth), depth, np.float32(1e6)), np.ones((3, 3)))
    shift = np.zeros((size, size, 2), np.float32)
    known, seen = np.zeros((size, size), np.bool_), np.zeros((size, size), np.bool_)
    kind = np.full((size, size), 255, np.uint8)
    _trace(seen_after.face_ids, seen_after.bary, np.ascontiguousarray(faces, np.int32), before,
           np.ascontiguousarray((before - after)[:, :2] * np.float32(size / 2)), *normal_z, classes, far, depth,
           np.float32(_TOLERANCE * scale), np.float32(_INTERIOR_TOLERANCE * scale), np.float32(_GRAZING), shift, known, seen, kind)
    return shift, known, seen, kind


@njit(cache=True, nogil=True)
def _trace(ids, bary, faces, before, delta, normal_z, normal_after, classes, far, front, tolerance, strict, grazing, shift, known,
           seen, kind):
    size = ids.shape[0]
    for y in range(size):
        for x in range(size):
            f = ids[y, x]
            if f < 0:
                continue
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            w0, w1, w2 = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            dx = w0 * delta[i, 0] + w1 * delta[j, 0] + w2 * delta[k, 0]
            dy = w0 * delta[i, 1] + w1 * delta[j, 1] + w2 * delta[k, 1]
            shift[y, x, 0], shift[y, x, 1] = dx, dy
            kind[y, x] = max(classes[i], classes[j], classes[k])
            sx, sy = int(math.floor(x + dx + 0.5)), int(math.floor(y + dy + 0.5))
            if sx < 0 or sy < 0 or sx >= size or sy >= size:
                continue
            z = w0 * before[i, 2] + w1 * before[j, 2] + w2 * before[k, 2]
            facing = w0 * normal_z[i] + w1 * normal_z[j] + w2 * normal_z[k]
            facing_after = w0 * normal_after[i] + w1 * normal_after[j] + w2 * normal_after[k]
            if kind[y, x] == INTERIOR:
                seen[y, x] = z <= front[sy, sx] + strict
                known[y, x] = seen[y, x]
            else:
                # A flat angle only harms where the surface now faces the viewer more and would be stretched.
                front_most = z <= far[sy, sx] + tolerance
                seen[y, x] = front_most and facing > min(np.float32(0.1), np.float32(0.5) * facing_after)
                known[y, x] = front_most and facing > min(grazing, np.float32(0.7) * facing_after)


def _kinds(ids: np.ndarray, faces: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Class (H, W) uint8 of what each pixel sees, 255 off the head."""
    return np.where(ids >= 0, classes[faces].max(1)[np.maximum(ids, 0)], np.uint8(255))


def _closing_lids(shift: np.ndarray, kind: np.ndarray, was: np.ndarray) -> np.ndarray:
    """Lid skin (H, W) bool, away from what is left of the eye, that would be fetched from the open eye's rim.

    That rim is lashes, liner and shadow: stretched over a closed eye they are blots.
    """
    size = kind.shape[0]
    if not (was == EYE).any():
        return np.zeros(kind.shape, np.bool_)
    reach = max(round(0.018 * size), 1)
    rim = cv2.dilate((was == EYE).astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1)))
    left = cv2.dilate((kind == EYE).astype(np.uint8), np.ones((2 * reach + 3, 2 * reach + 3)))
    x, y = (np.ascontiguousarray(a) for a in np.moveaxis(_grid(size) + shift, -1, 0))
    bare = (kind == SKIN) & (left == 0)
    found = ((cv2.remap(rim, x, y, cv2.INTER_NEAREST) > 0) & bare).astype(np.uint8)
    if found.sum() < 2 * reach * reach:
        return np.zeros(kind.shape, np.bool_)
    return (cv2.dilate(found, np.ones((2 * reach + 1, 2 * reach + 1))) > 0) & bare


def _pixels(ndc: np.ndarray, size: int) -> np.ndarray:
    """NDC (V, 3) -> (V, 2) pixels with whole numbers at pixel centres."""
    return (ndc[:, :2] + 1) * np.float32(size / 2) - np.float32(0.5)


# --- continuing it -------------------------------------------------------------------------------------------------------------


def _continue_inside(shift: np.ndarray, known: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Hidden eye and lip surface moves like the nearest seen surface of its own kind."""
    out = shift.copy()
    for value in (EYE, LIPS):
        own, hidden = known & (kind == value), ~known & (kind == value)
        if own.any() and hidden.any():
            rows, columns = _nearest(own)
            out[hidden] = shift[rows[hidden], columns[hidden]]
    return out


def _continue_outside(shift: np.ndarray, known: np.ndarray, kind: np.ndarray, outside: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Hidden skin between its seen neighbours and the outline; neck, hair and background as `outside`, dying out."""
    size = shift.shape[0]
    head, skin = ~off, (kind <= SCALP) & ~off
    distance = cv2.distanceTransform((~head).astype(np.uint8), cv2.DIST_L2, 5)
    hidden = skin & ~known
    out = np.where(head[..., None], shift, outside)
    if hidden.any():
        rim = (distance > 0) & (distance < 2.5)
        sure = (known & (skin | (kind == LIPS))) | rim
        out = np.where(hidden[..., None], _pull_push(out, sure.astype(np.float32)), out)
    reach = np.hypot(outside[..., 0], outside[..., 1])[(distance > 0) & (distance < 4)].max(initial=0)
    revealed = off & (kind < NECK)
    if revealed.any():  # nothing is hidden behind this side's outline: the motion there must be without a step
        smooth = cv2.GaussianBlur(out, (0, 0), 0.016 * size)
        near = cv2.GaussianBlur(revealed.astype(np.float32), (0, 0), 0.01 * size)[..., None]
        out += (smooth - out) * np.minimum(3 * near, 1)
    fade = 1 - _ramp(distance / (_DECAY * size + 1.5 * reach))
    return out * np.minimum(fade, _border_weight(out, (kind < NECK) & (kind != SCALP)))[..., None]


def _outside_motion(before: np.ndarray, after: np.ndarray, classes: np.ndarray, source: np.ndarray,
                    edited: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(shift (H, W, 2), outside (H, W) bool) of what surrounds the head: its edited outline is moved onto the source's, ray by ray.

    A background pixel just off the edited head fetches what was just off the source head, at the same angle about the head's
    middle, so that neither head nor hair shows twice when the outline shrinks. The edited outline is that of what the photo shows (`edited`):
    what a turn reveals behind it counts as outside, because hair is there as often as skin. before, after (V, 2) pixels; source, edited: masks (H, W)
    of the head without the neck.
    """
    size = source.shape[0]
    middle_before, middle_after, turn = _planar_motion(before[classes <= SCALP], after[classes <= SCALP])
    angles = np.linspace(-np.pi, np.pi, _RAYS, endpoint=False, dtype=np.float32)
    whole = cv2.morphologyEx(edited.astype(np.uint8), cv2.MORPH_OPEN, np.ones((size // 50 + 1,) * 2, np.uint8)) > 0
    edge = _circular_blur(_outline(whole, middle_after, angles), _RAY_BLUR / 2)
    growth = _circular_blur(_outline(source, middle_before, angles + turn) - edge, _RAY_BLUR)
    offset = _grid(size) - middle_after
    radius = np.maximum(np.hypot(offset[..., 0], offset[..., 1]), 1)
    place = ((np.arctan2(offset[..., 1], offset[..., 0]) + np.pi) * (_RAYS / (2 * np.pi))).astype(np.float32)
    along, limit = (_on_rays(row, place) for row in (growth, edge))
    cos, sin = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    stretched = offset * ((radius + along) / radius)[..., None]
    turned = np.stack([cos * stretched[..., 0] - sin * stretched[..., 1], sin * stretched[..., 0] + cos * stretched[..., 1]], -1)
    return (turned - offset + (middle_before - middle_after)).astype(np.float32), (radius > limit) & ~whole


def _on_rays(row: np.ndarray, place: np.ndarray) -> np.ndarray:
    wrapped = np.concatenate([row, row[:2]]).astype(np.float32)[None]
    return cv2.remap(wrapped, place, np.zeros_like(place), cv2.INTER_LINEAR)


def _planar_motion(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """(middle before, middle after, angle): the in-plane rotation that takes edited points (N, 2) back to the source's best."""
    middle_before, middle_after = before.mean(0), after.mean(0)
    p, q = after - middle_after, before - middle_before
    cross = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum())
    return middle_before, middle_after, math.atan2(cross, float((p * q).sum()))


def _outline(mask: np.ndarray, middle: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Distance (R,) from a middle to the last pixel of a mask along each ray, to a fraction of a pixel."""
    steps = np.arange(0, 1.2 * mask.shape[0], 0.5, dtype=np.float32)
    x = middle[0] + np.cos(angles)[:, None] * steps
    y = middle[1] + np.sin(angles)[:, None] * steps
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
    along = cv2.remap(soft, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Beyond the picture the mask's own border is repeated: an outline that leaves the picture is as far off in both poses.
    inside = (along > 0.5) & (x > -0.5) & (y > -0.5) & (x < mask.shape[1] - 0.5) & (y < mask.shape[0] - 0.5)
    last = inside.shape[1] - 1 - np.argmax(inside[:, ::-1], 1)
    rows = np.arange(len(angles))
    here, beyond = along[rows, last], along[rows, np.minimum(last + 1, len(steps) - 1)]
    part = np.clip((here - 0.5) / np.maximum(here - beyond, 1e-3), 0, 1)
    return np.where(inside.any(1), (last + part) * 0.5, 0).astype(np.float32)


def _circular_blur(values: np.ndarray, sigma: float) -> np.ndarray:
    pad = int(4 * sigma)
    row = np.concatenate([values[-pad:], values, values[:pad]])[None]
    return cv2.GaussianBlur(row, (0, 0), sigma, sigmaY=1e-3)[0, pad:-pad]


def _border_weight(shift: np.ndarray, face: np.ndarray) -> np.ndarray:
    """1 inside, 0 on the picture's border (H, W): on each side over all the room there is before the face, if motion needs it."""
    size = shift.shape[0]
    length, weight = np.hypot(shift[..., 0], shift[..., 1]), np.ones((size, size), np.float32)
    for turns in range(4):  # top, then each next side turned to the top
        moved, rows = np.rot90(length, turns), np.flatnonzero(np.rot90(face, turns).any(1))
        room = float(rows[0]) if len(rows) else 0.5 * size
        needed = 4 * float(moved[:int(2 * _BORDER * size)].max(initial=0))
        width = max(min(needed, room), _BORDER * size)
        side = np.broadcast_to(_ramp(np.arange(size, dtype=np.float32) / width)[:, None], (size, size))
        weight = np.minimum(weight, np.rot90(side, -turns))
    return weight


def _pull_push(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Values (H, W, C) where weight is 1, smoothly continued to everywhere else (a pyramid of weighted means)."""
    levels = [(values * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 2:
        height, width = ((n + 1) // 2 for n in levels[-1][1].shape)
        levels.append(tuple(cv2.resize(a, (width, height), interpolation=cv2.INTER_AREA) for a in levels[-1]))  # type: ignore[arg-type]
    top_values, top_weight = levels[-1]
    result = np.broadcast_to(top_values.sum((0, 1)) / max(float(top_weight.sum()), 1e-6), top_values.shape)
    for value, share in reversed(levels):
        coarse = cv2.resize(np.ascontiguousarray(result, np.float32), share.shape[::-1], interpolation=cv2.INTER_LINEAR)
        sure = np.minimum(share * 4, 1)[..., None]
        mean = value / np.maximum(share, 1e-6)[..., None]
        result = coarse + (mean - coarse) * sure
    unknown = (weight < 0.5)[..., None]
    for radius in (max(values.shape[0] // 32, 1) * 2 + 1, 5):
        result = np.where(unknown, cv2.GaussianBlur(result, (0, 0), radius / 3), values)
    return result.astype(np.float32)


def _nearest(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, column) of the nearest pixel where mask is true, for every pixel."""
    _, labels = cv2.distanceTransformWithLabels((~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(mask)
    where = np.zeros(labels.max() + 1, np.intp)
    where[labels[rows, columns]] = np.arange(len(rows))
    index = where[labels]
    return rows[index], columns[index]


# --- masks ---------------------------------------------------------------------------------------------------------------------


def _clean(mask: np.ndarray) -> np.ndarray:
    """A mask without single pixels, which are cracks between faces."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0


def _occlusion(depth: np.ndarray, kind: np.ndarray, scale: float) -> np.ndarray:
    """How much light reaches a point inside the mouth (H, W), 1 elsewhere: less the deeper it lies behind the surface around it."""
    size = depth.shape[0]
    inside = kind == INTERIOR
    light = np.ones(depth.shape, np.float32)
    if not inside.any():
        return light
    reach = max(int(0.06 * size), 1) * 2 + 1
    front = cv2.erode(np.where(inside | ~np.isfinite(depth), np.float32(1e6), depth), np.ones((reach, reach)))
    behind = np.maximum((depth - front)[inside] / scale - _LIP_DEPTH, 0)
    light[inside] = np.exp(-behind / _MOUTH_DEPTH)
    return light


def _soften(mask: np.ndarray, sigma: float = 0.7) -> np.ndarray:
    size = mask.shape[0]
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma * size / 256)


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma)


def _ramp(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1).astype(np.float32)
    return (t + _smooth(t)) / 2  # less steep than smoothstep, so that what it stretches is stretched less


def _smooth(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1).astype(np.float32)
    return t * t * (3 - 2 * t)


def _resize(image: np.ndarray, size: int) -> np.ndarray:
    if image.shape[0] == size:
        return image
    return cv2.resize(np.ascontiguousarray(image, np.float32), (size, size), interpolation=cv2.INTER_LINEAR)


def _grid(size: int) -> np.ndarray:
    place = np.arange(size, dtype=np.float32)
    return np.stack(np.meshgrid(place, place), -1)
