"""Continuing the mesh's motion: into surface the photo doesn't show, and beyond the head into hair, neck and background."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.compose import smoothstep
from core.cv import cv2
from core.motion_masks import EAR, EYE, INTERIOR, LIPS, NECK, SCALP, grid, ramp, resize
from core.pyramid import pull_push

_DECAY = 0.30  # reach of the motion beyond the head and down into neck and shoulders, as a fraction of the face crop's side
_UPWARD = 0.4  # beside and above the head motion dies out so much slower: hair and hats go along as they are
_BORDER = 0.08  # least width over which motion dies out toward the picture's border, likewise
_RAYS = 256  # rays about the head's middle on which outlines are compared
_RAY_BLUR = 3.0
_PARTED = 3.0  # pixels: head and hair that part by less may overlap
_SEEN = 0.25  # surface seen at a flatter angle is stretched, and magnifies what the fit is off by
_RIM = 0.35  # surface seen at a flatter angle than this (cosine) is the head's rim
_THICK = 0.4  # distance over which hair's motion changes from the rim's, as a fraction of the face crop's side
_FAR = 0.25  # so far beyond the head's outline a volume of hair or cloth is looked for, likewise
_NECK = 0.5  # share of the motion that the neck does not take part in
_TURN = 0.3  # radians over which the rim's motion is averaged
_BEND = 3.0  # how sharply an outline may bend between vertices, 1 / radian^2
_FADED = 0.7  # pixels over which the outline is soft


def continue_inside(shift: np.ndarray, known: np.ndarray, kind: np.ndarray, painted: bool = False) -> np.ndarray:
    """Hidden eye and lip surface moves like the nearest seen surface of its own kind. Where the mouth's inside is painted
    anew it moves as the lips do, up to their edge (`core.mouth_paint`)."""
    out = shift.copy()
    for value in (EYE, LIPS):
        own, hidden = known & (kind == value), ~known & (kind == value)
        if own.any() and hidden.any():
            rows, columns = _nearest(own)
            out[hidden] = shift[rows[hidden], columns[hidden]]
    inside, lips = kind == INTERIOR, kind == LIPS
    if painted and inside.any() and lips.any():
        rows, columns = _nearest(lips)
        out[inside] = out[rows[inside], columns[inside]]
    return out


def continue_hidden(shift: np.ndarray, known: np.ndarray, kind: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Hidden skin, and ears, go on to the outline as the seen skin moves that is next to them.

    The mesh's ears are rarely where the photo's are, often there is hair instead: they follow what is around them.
    off (H, W): share that is outside the outline, soft.
    """
    skin = (kind <= SCALP) & (off < 0.5)
    hidden = skin & (~known | (kind == EAR))
    if not hidden.any():
        return shift
    sure = known & ~hidden & (skin | (kind == LIPS))
    return np.where(hidden[..., None], pull_push(shift, sure.astype(np.float32)), shift)


def continue_outside(shift: np.ndarray, kind: np.ndarray, outside: np.ndarray, off: np.ndarray, down: tuple[float, float],
                     unit: float, free: tuple[bool, ...], reach: float) -> np.ndarray:
    """Neck, hair and background move as `outside`, and that dies out.

    off (H, W): share that is outside the outline, soft. down: unit vector (x, y) from the head's top to its chin. unit: side of
    the face crop in pixels. free: sides (top, right, bottom, left) of the picture that need not stay. reach: see `motion_field`.
    """
    head = off < 0.5
    out = shift + (outside - shift) * off[..., None]
    distance = cv2.distanceTransform((~head).astype(np.uint8), cv2.DIST_L2, 5)
    face = (kind < NECK) & (kind != SCALP) & (kind != EAR)
    near = (distance > 0) & (distance < 4)
    length = float(np.hypot(outside[..., 0], outside[..., 1])[near].mean()) if near.any() else 0.0  # a long way needs more room
    fade = 1 - ramp(distance * _hurry(face, distance.shape, down, unit) / (_DECAY * unit * _stretch(reach) + 1.5 * length))
    return out * np.minimum(fade, _border_weight(out, face, unit, free))[..., None]


def _hurry(face: np.ndarray, shape: tuple[int, ...], down: tuple[float, float], unit: float) -> np.ndarray:
    """How fast motion dies out (H, W): 1 below the face, `_UPWARD` beside and above it."""
    if not face.any():
        return np.ones(shape, np.float32)
    place = grid(shape[0])
    along = place[..., 0] * np.float32(down[0]) + place[..., 1] * np.float32(down[1])
    chin = float(along[face].max())
    return np.float32(_UPWARD) + np.float32(1 - _UPWARD) * smoothstep((along - chin) / (0.35 * unit) + 0.8)


def _stretch(reach: float) -> float:
    """Factor on how far motion goes on beyond the head, for a reach of 0 to 1; 1 at one half."""
    return 0.35 + 1.3 * reach


@dataclass(frozen=True, eq=False)
class Places:
    """Where a head's vertices are in the picture, (V, 2) pixels each: before and after an edit, and rigid: after it, if only the
    skull's motion counted. facing (V,): z of the normals before; depth (V,) before, more of it farther away; classes (V,)."""

    before: np.ndarray
    after: np.ndarray
    rigid: np.ndarray
    facing: np.ndarray
    depth: np.ndarray
    classes: np.ndarray

    def halved(self) -> Places:
        """The same in a picture of half the size."""
        before, after, rigid = ((a + np.float32(0.5)) / 2 - np.float32(0.5) for a in (self.before, self.after, self.rigid))
        return Places(before, after, rigid, self.facing, self.depth, self.classes)


@dataclass(frozen=True, eq=False)
class Outline:
    """The outline of the surface that faces the viewer in the source, about its middle before and after an edit.

    What a turn reveals behind it counts as outside, because hair is there as often as skin, and so do ears. rim (V,) bool: the
    vertices that lie on it. middle_before, middle_after (2,); before, after (R,): its radius along rays at `angles` (R,).
    """

    rim: np.ndarray
    middle_before: np.ndarray
    middle_after: np.ndarray
    angles: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, places: Places) -> Outline:
        """The outline of a head."""
        head = places.classes <= SCALP
        rim = head & (np.abs(places.facing - 0.5 * _RIM) < 0.6 * _RIM)  # what lies behind it is deeper, and would move farther
        rim[rim] = _outermost(places.before[rim] - places.before[rim].mean(0))
        shown = head & (places.facing > _SEEN) & (places.classes != EAR) & (places.depth < places.depth[rim].mean())
        middle_before, middle_after = (points[rim].mean(0).astype(np.float32) for points in (places.before, places.rigid))
        angles = np.linspace(-np.pi, np.pi, _RAYS, endpoint=False, dtype=np.float32)
        return cls(rim, middle_before, middle_after, angles, outline(places.before[shown] - middle_before, angles),
                   outline(places.after[shown] - middle_after, angles))

    def edge(self, size: int) -> np.ndarray:
        """How far each pixel (H, W) lies outside of it after the edit."""
        offset = grid(size) - self.middle_after
        return np.hypot(offset[..., 0], offset[..., 1]) - _on_rays(self.after, offset)

    def off(self, size: int) -> np.ndarray:
        """The share (H, W) of each pixel that is outside after the edit."""
        return smoothstep(self.edge(size) / np.float32(2 * _FADED) + np.float32(0.5))


def outside_motion(places: Places, found: Outline, mesh: np.ndarray, unit: float,
                   person: np.ndarray | None = None) -> tuple[np.ndarray, tuple[float, float]]:
    """(shift (H, W, 2), down) of what surrounds the head: hair moves with the head's rim, as a flat piece at its depth. What
    stands farther out, and hats, scarves and long hair, have a volume of their own, and move between rim and face. The neck goes
    along by half: the chin moves over it.

    What the face turns over is covered by it. Where it would rather show twice, what is around it hangs on to its outline and is
    drawn along. All of it goes to nothing as the edit does, and has no steps: films need that.
    mesh (H, W, 2): the head's own shift, NaN beside it. unit, down: as in `continue_outside`. person (H, W): the photo's matte,
    which tells where there is volume.
    """
    size, rim, angles = len(mesh), found.rim, found.angles
    offset, edge = grid(size) - found.middle_after, np.maximum(found.edge(size), 0)
    front = places.classes == EYE if (places.classes == EYE).any() else places.classes <= SCALP
    near = _affine(places.before[rim], places.rigid[rim])
    far = _rigid((places.before[rim], places.before[front]), (places.rigid[rim], places.rigid[front]))
    place = np.concatenate([grid(size), np.ones((size, size, 1), np.float32)], -1)
    rest = places.before[rim] - np.column_stack([places.rigid[rim], np.ones(int(rim.sum()))]) @ near
    bent = _around(rest, places.rigid[rim] - found.middle_after, angles)
    down = _downward(places)
    below = np.cos(angles) * down[0] + np.sin(angles) * down[1]
    bulk = np.zeros(_RAYS, np.float32)
    if person is not None:
        extent = _extent(resize(person, size), found.before, found.middle_before, angles, unit)
        bulk = smoothstep((extent / (_FAR * unit) - 0.5) / 0.4) * smoothstep((below + 0.35) / 0.5)
    fading = np.exp(-edge / np.float32(_THICK * unit))[..., None]
    away = fading * (1 - _on_rays(_circular_blur(bulk, 0.03 * _RAYS), offset))[..., None]
    local = place @ (near - far) + _on_rays(bent, offset)
    goes = 1 - _on_rays(_circular_blur(_NECK * smoothstep((below - 0.1) / 0.6), 0.02 * _RAYS), offset)[..., None]
    shift = goes * (place @ far + away * local - grid(size))
    push = _parting(shift, mesh, found)
    return (shift + _on_rays(push, offset) * fading).astype(np.float32), (float(down[0]), float(down[1]))


def _parting(shift: np.ndarray, mesh: np.ndarray, found: Outline) -> np.ndarray:
    """(R, 2) at the head's outline: by how much what is around the head, whose shift this is (H, W, 2), must be fetched from
    farther out there, so that the head doesn't show twice. Where it would part from the head it hangs on to it; where the head
    turns over it, what is left beside the head begins at the source's outline.

    mesh (H, W, 2): the head's own shift, NaN beside it.
    """
    ray = np.stack([np.cos(found.angles), np.sin(found.angles)], 1)
    place = found.middle_after + ray * (found.after - 2)[:, None]
    x, y = np.clip(np.rint(place).astype(int), 0, len(mesh) - 1).T
    held = np.isfinite(mesh[y, x, 0]).astype(np.float32)
    apart = np.where(held[:, None] > 0, mesh[y, x] - shift[y, x], 0)
    gap = (apart * ray).sum(1) / _PARTED
    source = place + shift[y, x] - found.middle_before
    radius = np.maximum(np.hypot(source[:, 0], source[:, 1]), 1)
    inside = np.maximum(_on_rays(found.before, source[None])[0] - radius, 0)
    push = apart * smoothstep(gap)[:, None] + source * (inside * smoothstep(-gap) * held / radius)[:, None]
    share = np.maximum(_circular_blur(held, _RAY_BLUR), 0.05)
    return np.stack([_circular_blur(push[:, i].astype(np.float32), _RAY_BLUR) / share for i in (0, 1)], -1)


def _downward(places: Places) -> np.ndarray:
    """Unit vector (2,) from the eyes to the mouth, which a turn to the side leaves as it is."""
    eyes, mouth = places.classes == EYE, places.classes == LIPS
    if not eyes.any() or not mouth.any():
        return np.array([0, 1], np.float32)
    away = places.rigid[mouth].mean(0) - places.rigid[eyes].mean(0)
    return (away / max(float(np.hypot(*away)), 1e-3)).astype(np.float32)


def _outermost(points: np.ndarray) -> np.ndarray:
    """Which points (N, 2) lie about on the outline that they have around the origin: sides of the nose do not."""
    bins = 48
    sector = np.clip(((np.arctan2(points[:, 1], points[:, 0]) + np.pi) * (bins / (2 * np.pi))).astype(int), 0, bins - 1)
    radius, far = np.hypot(points[:, 0], points[:, 1]), np.zeros(bins)
    np.maximum.at(far, sector, radius)
    return radius > 0.85 * far[sector]


def _around(values: np.ndarray, points: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Values (N, C) at points (N, 2) about the origin, as smooth values (R, C) along rays."""
    angle = np.arctan2(points[:, 1], points[:, 0]).astype(np.float32)
    away = np.mod(angles[:, None] - angle[None] + np.float32(np.pi), np.float32(2 * np.pi)) - np.float32(np.pi)
    weight = np.exp(-0.5 * (away / np.float32(_TURN)) ** 2) + np.float32(1e-6)
    return (weight @ values.astype(np.float32) / weight.sum(1, keepdims=True)).astype(np.float32)


def _extent(person: np.ndarray, edge: np.ndarray, middle: np.ndarray, angles: np.ndarray, unit: float) -> np.ndarray:
    """(R,) pixels, at most `_FAR`: how far the person goes on along each ray beyond the head's outline (R,)."""
    steps = np.linspace(0.0, _FAR * unit, 16, dtype=np.float32)
    radius = edge[:, None] + steps
    x, y = (middle[0] + np.cos(angles)[:, None] * radius, middle[1] + np.sin(angles)[:, None] * radius)
    along = cv2.remap(person, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return (np.minimum.accumulate(along, 1).mean(1) * np.float32(_FAR * unit)).astype(np.float32)


def _affine(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(3, 2) float32: the affine map that takes (x, y, 1) of edited points best back to the source's, (N, 2) each."""
    columns = np.column_stack([after, np.ones(len(after))]).astype(np.float64)
    return np.linalg.lstsq(columns, before.astype(np.float64), rcond=None)[0].astype(np.float32)


def _rigid(before: tuple[np.ndarray, ...], after: tuple[np.ndarray, ...]) -> np.ndarray:
    """(3, 2) float32: the turn and shift in the picture that takes edited points back, all groups of points counting alike."""
    middle_before, middle_after = (np.mean([group.mean(0) for group in groups], axis=0) for groups in (before, after))
    cross = dot = 0.0
    for was, is_ in zip(before, after, strict=True):
        p, q = is_ - is_.mean(0), was - was.mean(0)
        cross += float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum())
        dot += float((p * q).sum())
    angle = math.atan2(cross, dot)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.vstack([turn, middle_before - middle_after @ turn]).astype(np.float32)


def outline(points: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Distance (R,) to the outermost of the points (N, 2) along each ray from the origin, as a smooth function of their places.

    Between points the outline sinks like a parabola, so that it has no steps where points pass over rays.
    """
    outer = points[_outermost(points)].astype(np.float32)  # the others are far inside
    radius, angle = np.hypot(outer[:, 0], outer[:, 1]), np.arctan2(outer[:, 1], outer[:, 0])
    away = np.mod(angles[:, None] - angle[None] + np.float32(np.pi), np.float32(2 * np.pi)) - np.float32(np.pi)
    found = (radius * (1 - np.float32(_BEND) * away * away)).max(1)
    return _circular_blur(np.maximum(found, 0), _RAY_BLUR)


def _on_rays(row: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Values (R,) or (R, 2) along rays from a middle, at offsets (H, W, 2) from it."""
    wrapped = np.concatenate([row, row[:2]]).astype(np.float32)[None]
    place = ((np.arctan2(offset[..., 1], offset[..., 0]) + np.pi) * (_RAYS / (2 * np.pi))).astype(np.float32)
    return cv2.remap(wrapped, place, np.zeros_like(place), cv2.INTER_LINEAR)


def _circular_blur(values: np.ndarray, sigma: float) -> np.ndarray:
    pad = int(4 * sigma)
    row = np.concatenate([values[-pad:], values, values[:pad]])[None]
    return cv2.GaussianBlur(row, (0, 0), sigma, sigmaY=1e-3)[0, pad:-pad]


def _border_weight(shift: np.ndarray, face: np.ndarray, unit: float, free: tuple[bool, ...]) -> np.ndarray:
    """1 inside, 0 on the picture's border (H, W): on each side over all the room there is before the face, if motion needs it.

    Sides that are free (top, right, bottom, left) don't count.
    """
    size = shift.shape[0]
    length, weight = np.hypot(shift[..., 0], shift[..., 1]), np.ones((size, size), np.float32)
    for turns in range(4):  # top, then each next side turned to the top
        if free[turns]:
            continue
        moved, rows = np.rot90(length, turns), np.flatnonzero(np.rot90(face, turns).any(1))
        room = float(rows[0]) if len(rows) else 0.5 * size
        needed = 4 * float(moved[:int(2 * _BORDER * unit)].max(initial=0))
        width = max(min(needed, room), _BORDER * unit)
        side = np.broadcast_to(ramp(np.arange(size, dtype=np.float32) / width)[:, None], (size, size))
        weight = np.minimum(weight, np.rot90(side, -turns))
    return weight


def _nearest(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, column) of the nearest pixel where mask is true, for every pixel."""
    _, labels = cv2.distanceTransformWithLabels((~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(mask)
    where = np.zeros(labels.max() + 1, np.intp)
    where[labels[rows, columns]] = np.arange(len(rows))
    index = where[labels]
    return rows[index], columns[index]
