"""Drawing the inside of an open mouth into a moved picture: colours, light through the lips, wet glints, soft edges and grain."""
from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numba import njit

from core.align import margin
from core.compose import smoothstep
from core.cv import cv2
from core.light import sh_basis
from core.mouth import COARSE, DEPTHS, OUTSIDE, Mouth, surface_in
from core.mouth_look import OwnMouth
from core.mouth_mesh import GUM, TOOTH

_MOST = 640  # largest side in pixels at which a mouth is drawn
_SMALL = 110  # side up to which it is drawn three times as fine, beyond twice
# Of TOOTH, GUM, TONGUE and CAVITY: reflectance, display RGB.
_COLOURS = np.array([(0.70, 0.655, 0.585), (0.55, 0.30, 0.28), (0.64, 0.35, 0.33), (0.44, 0.20, 0.18)], np.float32)
_GLINT = np.array([0.12, 0.12, 0.07, 0.02], np.float32)  # of a wet surface
_THROUGH = np.array([0.10, 0.03, 0.02, 0.0], np.float32)  # light that comes through and around, where none comes directly
_GRAIN_SEED = 7
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_RIM_SHADE = 0.35  # of the lips at the opening's edge
_JAW_MOVED = 0.004  # metres by which the jaw has moved when only the photo's teeth are kept


def paint_mouth(picture: np.ndarray, corner: tuple[int, int], photo: np.ndarray, mouth: Mouth) -> None:
    """Draw a mouth into part of the frame, in place.

    picture (h, w, 3) float32, 0..255: the moved frame's part whose first row and column are `corner`; photo (F, F, 3) uint8: the
    frame as it was, whose own teeth are kept.
    """
    frame = photo.shape[0]
    left, top, side = ((mouth.box[0] + 1) * frame / 2, (mouth.box[1] + 1) * frame / 2, mouth.box[2] * frame / 2)
    x, y, size = int(np.floor(left)), int(np.floor(top)), int(np.ceil(side)) + 1
    rows = slice(max(y, corner[0]), min(y + size, corner[0] + picture.shape[0]))
    columns = slice(max(x, corner[1]), min(x + size, corner[1] + picture.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    finer = 3 if size <= _SMALL else 2 if 2 * size <= _MOST else 1
    drawn = min(size * finer, _MOST)
    stack = _drawn(mouth, (2 * x / frame - 1, 2 * y / frame - 1, 2 * size / frame), drawn, photo)
    if drawn != size:
        stack = cv2.resize(stack, (size, size), interpolation=cv2.INTER_AREA if drawn > size else cv2.INTER_LINEAR)
    stack = stack[rows.start - y:rows.stop - y, columns.start - x:columns.stop - x]
    own = stack[..., 5:] / np.maximum(stack[..., 3:4], 1e-3)  # sharp as the photo is
    stack = cv2.GaussianBlur(stack[..., :5], (0, 0), max(mouth.look.blur * frame / _frame_of(mouth), 0.45))
    cover = stack[..., 3:4]
    model = stack[..., :3] / np.maximum(cover, 1e-3) + _grain(mouth, rows, columns, frame)
    kept = stack[..., 4:5] / np.maximum(cover, 1e-3)
    part = picture[rows.start - corner[0]:rows.stop - corner[0], columns.start - corner[1]:columns.stop - corner[1]]
    part *= 1 - _RIM_SHADE * cv2.GaussianBlur(cover, (0, 0), max(0.02 * size, 0.5))[..., None] * (1 - kept)
    part += (model + (own - model) * kept - part) * cover


def _frame_of(mouth: Mouth) -> float:
    return mouth.look.side + 2 * margin(mouth.look.side)


def _grain(mouth: Mouth, rows: slice, columns: slice, frame: int) -> np.ndarray:
    """Noise (h, w, 1) like the photo's; in a smaller picture there is less of it."""
    share = min(frame / _frame_of(mouth), 1.0)
    noise = np.random.default_rng(_GRAIN_SEED).standard_normal((rows.stop - rows.start, columns.stop - columns.start, 1))
    return (noise * (mouth.look.grain * share)).astype(np.float32)


def _drawn(mouth: Mouth, box: tuple[float, float, float], size: int, photo: np.ndarray) -> np.ndarray:
    """(size, size, 8) of a square of the frame, each times the fourth: the model's colour, 0..255; 1 inside the mouth; how much
    of the photo is kept; the photo's colour."""
    ids, depth, bary = surface_in(mouth, box, size)
    inside = (ids >= 0) & (mouth.material[np.maximum(ids, 0)] != OUTSIDE)
    out = np.zeros((size, size, 8), np.float32)
    if inside.any():
        out[inside, :3] = shaded_at(mouth, box, ids, depth, bary, inside)
        out[inside, 3] = 1
        if mouth.look.own is not None:
            _bring_own(out, mouth, mouth.look.own, box, (ids, depth, bary), inside, photo)
    return out


def _bring_own(out: np.ndarray, mouth: Mouth, own: OwnMouth, box: tuple[float, float, float],
               surface: tuple[np.ndarray, np.ndarray, np.ndarray], inside: np.ndarray, photo: np.ndarray) -> None:
    """Fill in the last four planes of `_drawn`. While the jaw stays, all that the photo shows between the lips is kept; when it
    moves, the teeth are, each row with its jaw. The upper ones go on where lips hid them, and end where the photo shows it."""
    ids, bary = surface[0], surface[2]
    n, half, face = len(own.strip), np.float32(photo.shape[0] / 2), ids[inside]
    place = np.full((*ids.shape, 2), -9, np.float32)
    place[inside] = _mixed(mouth.before, mouth.faces[face], bary[inside])
    u, v = ((place[..., i] - own.box[i]) / own.box[2] * n - 0.5 for i in (0, 1))
    upper, lower, opening, goes_on, crowns, ends = (
        cv2.remap(plane, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[inside] for plane in own.planes)
    material, in_skull = mouth.material[face], mouth.upper[face]
    front, gums = in_skull & (material == TOOTH), in_skull & (material == GUM)
    kept = np.select([front, gums, material == TOOTH], [upper, opening * (1 - crowns) * (1 - lower), lower], 0)
    kept = opening + (kept - opening) * float(smoothstep(np.array(mouth.jaw / _JAW_MOVED)))
    x, y = ((place[..., i] + 1) * half - np.float32(0.5) for i in (0, 1))
    out[inside, 4] = kept
    out[inside, 5:] = cv2.remap(photo, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[inside]
    on = cv2.remap(own.strip[None], u, np.zeros_like(u), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[inside]
    form = out[inside, :3] @ _LUMA / np.maximum(on @ _LUMA, 1)  # a little of the modelled teeth's form
    on *= np.clip(form / max(float(np.median(form[front])) if front.any() else 1.0, 1e-3), 0.6, 1.1)[:, None] ** 0.5
    out[inside, :3] += (on - out[inside, :3]) * np.select([front, gums], [goes_on, crowns], 0)[:, None]
    past = np.zeros(ids.shape, np.float32)
    past[inside] = front * ends * (1 - kept)
    if (past > 0.02).any():
        _see_past(out, past, mouth, box)


def _see_past(out: np.ndarray, ends: np.ndarray, mouth: Mouth, box: tuple[float, float, float]) -> None:
    """Show what is behind the upper teeth where they end, in a drawing as `_drawn` makes it; ends (S, S): how much of it."""
    ids, depth, bary = surface_in(replace(mouth, faces=mouth.faces[~mouth.upper]), box, len(out))
    ids = np.where(ids >= 0, np.flatnonzero(~mouth.upper)[np.maximum(ids, 0)], -1)
    past = (ends > 0.02) & (ids >= 0) & (mouth.material[np.maximum(ids, 0)] != OUTSIDE)
    behind = shaded_at(mouth, box, ids, depth, bary, past)
    out[past, :3] += (behind - out[past, :3]) * ends[past][:, None]


def shaded_at(mouth: Mouth, box: tuple[float, float, float], ids: np.ndarray, depth: np.ndarray, bary: np.ndarray,
              where: np.ndarray) -> np.ndarray:
    """The model's colours (N, 3), 0..255, where `where` (S, S) bool, of what `surface_in` found in a square of the frame."""
    rows, columns = np.nonzero(where)
    step = box[2] / len(ids)
    x, y = (box[0] + (columns + 0.5) * step).astype(np.float32), (box[1] + (rows + 0.5) * step).astype(np.float32)
    face, weight = ids[where], bary[where]
    corners = mouth.faces[face]
    normal = _mixed(mouth.normals, corners, weight)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    normal[normal[:, 2] < 0] *= -1  # the bag is seen from inside
    tint = _mixed(mouth.tint, corners, weight)
    deep = np.maximum(depth[where] - (mouth.plane[0] + mouth.plane[1] * x + mouth.plane[2] * y), 0) / mouth.scale
    return _shaded(mouth, mouth.material[face], tint, normal, reach_of(mouth, x, y, deep))


def _mixed(values: np.ndarray, corners: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.asarray(sum(values[corners[:, i]] * weight[:, i:i + 1] for i in range(3)))


def reach_of(mouth: Mouth, x: np.ndarray, y: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """Share (N,) of the light that reaches points at x, y (NDC), so deep (metres) behind the lips.

    Half of it comes from everywhere, half from where the photo's light comes from: what is deep sees the opening from there
    shifted the other way, so that light from above leaves a shadow of the upper lip on the teeth.
    """
    level = np.interp(deep, DEPTHS, np.arange(len(DEPTHS))).astype(np.float32)
    metre = abs(float(mouth.ndc_per_metre))
    way = _direction(mouth.light)
    shift = deep / max(way[2], 0.45) * metre
    total = np.zeros(len(x), np.float32)
    for share, dx, dy in ((0.5, 0.0, 0.0), (0.5, way[0], -way[1])):
        u = ((x + dx * shift - mouth.box[0]) / mouth.box[2] * COARSE - 0.5).astype(np.float32)
        v = ((y + dy * shift - mouth.box[1]) / mouth.box[2] * COARSE - 0.5).astype(np.float32)
        total += np.float32(share) * _trilinear(mouth.reached, u, v, level)
    return total


@njit(cache=True, nogil=True)
def _trilinear(levels, x, y, level):
    out = np.zeros(len(x), np.float32)
    depth, height, width = levels.shape
    for i in range(len(x)):
        k, column, row = int(math.floor(level[i])), int(math.floor(x[i])), int(math.floor(y[i]))
        for a in range(2):
            for b in range(2):
                for c in range(2):
                    z, r, q = min(k + a, depth - 1), row + b, column + c
                    if 0 <= r < height and 0 <= q < width:
                        w = (1 - abs(level[i] - k - a)) * (1 - abs(y[i] - row - b)) * (1 - abs(x[i] - column - c))
                        out[i] += w * levels[z, r, q]
    return out


def _direction(light: np.ndarray) -> np.ndarray:
    """Unit vector (3,) toward where most light comes from; straight ahead where it comes from everywhere."""
    way = light[1:4].astype(np.float64) @ [0.3, 0.6, 0.1]
    way = way + [0, 0, 0.25 * abs(float(light[0] @ np.array([0.3, 0.6, 0.1])))]
    way[2] = max(way[2], 0.2 * float(np.abs(way).max()))
    return (way / max(float(np.linalg.norm(way)), 1e-6)).astype(np.float32)


def _shaded(mouth: Mouth, material: np.ndarray, tint: np.ndarray, normal: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Colours (N, 3), 0..255."""
    tint = np.where((material == TOOTH)[:, None], tint * mouth.look.teeth, tint)
    light = sh_basis(normal) @ mouth.light.astype(np.float32)
    even = (sh_basis(np.array([0, 0, 1], np.float32)) @ mouth.light.astype(np.float32))
    light = np.maximum(light, 0.25 * even)
    light = even * np.tanh(0.75 * (0.75 * light / np.maximum(even, 1e-3) + 0.25)) / np.float32(np.tanh(0.75))  # much is scattered
    through = _THROUGH[material][:, None]
    reach = reach[:, None]
    bounced = np.array([1.0, 0.62, 0.55], np.float32)  # in the shade light has been reflected by red surfaces
    lit = reach + (1 - reach) * through * bounced
    shade = reach ** 0.5
    lit = lit * (shade + (1 - shade) * bounced)
    half = _direction(mouth.light) + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    glint = (np.maximum(normal @ half, 0) ** 40)[:, None] * _GLINT[material][:, None] * smoothstep(reach * 1.5 - 0.3)
    return ((_COLOURS[material] * tint * lit * light + glint * even) * mouth.look.gain).astype(np.float32)
