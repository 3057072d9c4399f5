"""The inside of an edited head's mouth: teeth, gums and tongue in 3D, in the picture's frame, with the light that reaches them.

The head's own mouth is a rough bag with two bent boards for teeth. `core.mouth_mesh` has better ones; here they are fixed in the
skull and in the jaw, as the head's boards are, so that they follow every turn and every jaw. `core.mouth_paint` draws them.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core import mouth_mesh
from core.cv import cv2
from core.mouth_mesh import LOWER, UPPER
from core.render.buffers import posed_vertices
from core.render.camera import ndc_affine, project_ndc
from core.render.numba_raster import NumbaRasterizer, vertex_normals

if TYPE_CHECKING:
    from core.codes import FaceCode
    from core.head.base import HeadModel
    from core.mouth_look import MouthLook
    from core.render.buffers import Buffers

CAVITY, OUTSIDE = 3, 255  # materials beside those of `core.mouth_mesh`: cheeks and throat; lips and skin
_FRONT, _EDGE, _HALF = 0.0925, -0.0296, 0.0329  # of OpenHead's upper teeth: front, edge, half width in metres
_FRONTAL = 0.006  # metres behind the front up to which teeth are front teeth
_SHOWN = 0.0035  # metres of the lower teeth that an open mouth shows at most, about: the head's lower lip sinks too far
COARSE = 128  # side of the square around the opening in which its light is worked out
DEPTHS = (0.0, 0.004, 0.010, 0.020, 0.036, 0.060)  # metres behind the lips for which that is known
_SPREAD = 0.55  # how wide what a point sees of the opening grows with its depth


@dataclass(frozen=True, eq=False)
class Mouth:
    """What an open mouth shows, under the camera of the frame around a crop.

    ndc (V, 3): vertices of head and mouth in the frame; before (V, 2): x and y of the same ones in the photo; normals (V, 3);
    faces (F, 3); material (F,) uint8: TOOTH, GUM, TONGUE, CAVITY or OUTSIDE; upper (F,) bool: fixed in the skull; tint (V, 3).
    box (left, top, side): a square of the frame, in NDC, around the opening. reached (len(DEPTHS), COARSE, COARSE): the share of
    the light from the front that comes through the opening to points so deep behind the lips, over that square. plane (3,): depth
    of the lips as a + b x + c y. scale: NDC depth per metre;
    ndc_per_metre: NDC x per metre. jaw: metres by which the lower front teeth have moved against the
    skull. light (9, 3): the photo's. look: its colours.
    """

    ndc: np.ndarray
    before: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    upper: np.ndarray
    tint: np.ndarray
    box: tuple[float, float, float]
    reached: np.ndarray
    plane: np.ndarray
    scale: float
    ndc_per_metre: float
    jaw: float
    light: np.ndarray
    look: MouthLook


@dataclass(frozen=True, eq=False)
class _Fixed:
    """What of a head's mouth doesn't depend on a photo. arches: vertices of the parts on the head's mean face, each (V, 3)."""

    upper: np.ndarray
    lower: np.ndarray
    rest: np.ndarray
    parts: tuple[mouth_mesh.Part, ...]
    arches: tuple[np.ndarray, ...]
    faces: np.ndarray
    material: np.ndarray
    in_skull: np.ndarray
    tint: np.ndarray


def has_mouth(head: HeadModel) -> bool:
    """Whether a head says where its upper and lower teeth are: without, there is nothing to fix a mouth to."""
    return all(name in head.regions and np.any(head.regions[name]) for name in ("teeth", "lower_teeth", "lips", "mouth"))


@lru_cache(maxsize=4)
def _fixed(head: HeadModel) -> _Fixed:
    rest = np.asarray(head.vertices_of(head.zero_code()), np.float32)
    named = {name: np.asarray(head.regions[name])[:len(rest)] > 0.5 for name in ("teeth", "lower_teeth", "mouth")}
    lower, upper = named["lower_teeth"], named["teeth"] & ~named["lower_teeth"]
    tongue = np.asarray(head.regions.get("tongue", np.zeros(len(rest))))[:len(rest)] > 0.5
    front, half = float(rest[upper, 2].max()), float(np.abs(rest[upper, 0]).max())
    edge = float(rest[upper & (rest[:, 2] > front - _FRONTAL), 1].min())
    size = half / _HALF
    parts = *(make(arch) for arch in (UPPER, LOWER) for make in (mouth_mesh.teeth, mouth_mesh.gums)), mouth_mesh.tongue()
    arches = tuple(((p.vertices - [0, _EDGE, _FRONT]) * size + [0, edge, front]).astype(np.float32) for p in parts)
    kept = head.faces[~(upper | lower | tongue)[head.faces].any(1)]
    kind = np.where(named["mouth"][kept].any(1), CAVITY, OUTSIDE)
    faces, material, skull, start = [kept], [kind], [np.zeros(len(kept), np.bool_)], len(rest)
    for part, in_skull in zip(parts, (True, True, False, False, False), strict=True):
        faces.append(part.faces + start)
        material.append(np.full(len(part.faces), part.material))
        skull.append(np.full(len(part.faces), in_skull))
        start += len(part.vertices)
    tint = np.concatenate([np.ones((len(rest), 3), np.float32), *(part.tint for part in parts)])
    return _Fixed(np.flatnonzero(upper), np.flatnonzero(lower), rest, parts, arches,
                  np.ascontiguousarray(np.concatenate(faces), np.int32), np.concatenate(material).astype(np.uint8),
                  np.concatenate(skull), tint)


def around_mouth(head: HeadModel, buffers: Buffers) -> np.ndarray:
    """Where (H, W) bool a head's buffers show the skin around its lips, without the lips."""
    found = np.zeros(buffers.coverage.shape, np.bool_)
    if buffers.face_ids is None or "lips" not in head.regions:
        return found
    lips = (np.asarray(head.regions["lips"]) > 0.5)[head.faces].any(1)
    inside = sum(np.asarray(head.regions[name]) for name in ("mouth", "teeth", "tongue") if name in head.regions)
    other = (np.asarray(inside) > 0.5)[head.faces].any(1) if not isinstance(inside, int) else np.zeros(len(head.faces), np.bool_)
    ids = np.maximum(buffers.face_ids, 0)
    seen = (lips[ids] & (buffers.face_ids >= 0)).astype(np.uint8)
    if not seen.any():
        return found
    reach = max(int(0.5 * np.ptp(np.flatnonzero(seen.any(0)))), 2)
    near = cv2.dilate(seen, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))) > 0
    far = cv2.dilate(seen, np.ones((3, 3), np.uint8)) == 0
    return np.asarray(near & far & (buffers.face_ids >= 0) & ~other[ids])


def mouth_of(head: HeadModel, source: FaceCode, edited: FaceCode, look: MouthLook) -> Mouth | None:
    """The mouth of an edited code, under the source's camera; None where it shows nothing, or the head has no teeth."""
    if not has_mouth(head):
        return None
    fixed = _fixed(head)
    vertices, jaw = _with_arches(head, fixed, edited, posed_vertices(head, edited, source), look.shift)
    ndc = project_ndc(vertices, source.camera, source.box)
    opening = _opening(ndc, fixed)
    if opening is None:
        return None
    box, open_, depth = opening
    scale = float(max(abs(float(source.camera[0])), 1e-6))
    plane = _lip_plane(open_, depth, box)
    if plane is None:
        return None
    old, was = _with_arches(head, fixed, source, posed_vertices(head, source), look.shift)
    before = project_ndc(old, source.camera, source.box)[:, :2]
    metre = float(source.camera[0]) * ndc_affine(source.box)[0]
    reached, way = _reached(open_, metre * COARSE / box[2]), float(np.linalg.norm(jaw - was))
    return Mouth(ndc, before, vertex_normals(vertices, fixed.faces), fixed.faces, fixed.material, fixed.in_skull, fixed.tint, box,
                 reached, plane, scale, metre, way, source.light, look)


def _with_arches(head: HeadModel, fixed: _Fixed, code: FaceCode, posed: np.ndarray,
                 shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Posed vertices with those of the mouth's parts, the upper teeth so much higher (metres), and where, seen from the skull,
    the edge of the lower front teeth is (3,)."""
    skull, jaw = (_similarity(fixed.rest[ids], posed[ids]) for ids in (fixed.upper, fixed.lower))
    edge = np.array([0.0, fixed.arches[2][:, 1].max(), fixed.arches[2][:, 2].max()])
    seen = _undo(_apply(edge, jaw), skull)
    lip = _undo(head.landmarks68(posed, code.pose)[66].astype(np.float64), skull)
    sink = np.zeros(3)
    sink[1] = -_soft_above(float(seen[1] - lip[1]) - _SHOWN, 0.002)
    moved = [_apply(part + np.array([0, shift, 0]), skull) for part in fixed.arches[:2]]
    moved += [_apply(_undo(_apply(part, jaw), skull) + sink, skull) for part in fixed.arches[2:4]]
    out = float(code.expression[head.expression_names.index("tongueOut")]) if "tongueOut" in head.expression_names else 0.0
    moved.append(_apply(_undo(_apply(mouth_mesh.put_out(fixed.arches[4], out), jaw), skull) + sink, skull))
    return np.concatenate([posed, *moved]).astype(np.float32), seen + sink


def _soft_above(value: float, width: float) -> float:
    """max(value, 0) without the corner."""
    return float(width * np.logaddexp(0.0, value / width))


_Similar = tuple[float, np.ndarray, np.ndarray, np.ndarray]


def _similarity(points: np.ndarray, moved: np.ndarray) -> _Similar:
    """(size, turn (3, 3), centre, moved centre) that takes points (N, 3) best to where they moved (Umeyama 1991)."""
    p, q = points.astype(np.float64), moved.astype(np.float64)
    centre, to = p.mean(0), q.mean(0)
    u, s, vt = np.linalg.svd((q - to).T @ (p - centre))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return float((s * sign).sum() / max(float(((p - centre) ** 2).sum()), 1e-12)), (u * sign) @ vt, centre, to


def _apply(points: np.ndarray, by: _Similar) -> np.ndarray:
    size, turn, centre, to = by
    return np.asarray(size * (points - centre) @ turn.T + to)


def _undo(points: np.ndarray, by: _Similar) -> np.ndarray:
    size, turn, centre, to = by
    return np.asarray((points - to) @ turn / size + centre)


def _opening(ndc: np.ndarray, fixed: _Fixed) -> tuple[tuple[float, float, float], np.ndarray, np.ndarray] | None:
    """The square around what is seen between the lips: (left, top, side) in NDC, the opening (COARSE, COARSE) float32 there, and
    the depth of what is seen (COARSE, COARSE). None where the lips are shut."""
    inside = np.unique(fixed.faces[fixed.material != OUTSIDE])
    low, high = ndc[inside, :2].min(0), ndc[inside, :2].max(0)
    box = (float(low[0]), float(low[1]), float((high - low).max()))
    for _ in range(2):  # all of the mouth first, then what is seen of it
        ids, depth = _surface(ndc, fixed.faces, box, COARSE)[:2]
        seen = (ids >= 0) & (fixed.material[np.maximum(ids, 0)] != OUTSIDE)
        seen = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
        if seen.sum() < 12:
            return None
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        step = box[2] / COARSE
        near = max(columns[-1] - columns[0], rows[-1] - rows[0]) + 1
        last, last_box = (seen, depth), box
        side = near * step * 1.5  # the lips around are wanted too
        box = (float(box[0] + (columns[0] + columns[-1] + 1) / 2 * step - side / 2),
               float(box[1] + (rows[0] + rows[-1] + 1) / 2 * step - side / 2), float(side))
    return last_box, last[0].astype(np.float32), last[1]


def surface_in(mouth: Mouth, box: tuple[float, float, float], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(face ids, depth, barycentric) of a square of the frame, in NDC (left, top, side), at size x size pixels."""
    return _surface(mouth.ndc, mouth.faces, box, size)


def _surface(ndc: np.ndarray, faces: np.ndarray, box: tuple[float, float, float],
             size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    left, top, side = box
    place = ndc.copy()
    place[:, 0] = (place[:, 0] - left) * (2 / side) - 1
    place[:, 1] = (place[:, 1] - top) * (2 / side) - 1
    near = (np.abs(place[:, :2]) < 2).all(1)  # no face is as large as the square
    which = np.flatnonzero(near[faces[:, 0]] | near[faces[:, 1]] | near[faces[:, 2]])
    found = NumbaRasterizer().surface(place, np.ascontiguousarray(faces[which]), size)
    if not len(which):
        return np.full((size, size), -1, np.int32), found.depth, found.bary
    ids = np.where(found.face_ids >= 0, which[np.maximum(found.face_ids, 0)], -1)
    return ids, found.depth, found.bary


def _lip_plane(open_: np.ndarray, depth: np.ndarray, box: tuple[float, float, float]) -> np.ndarray | None:
    """Depth of the lips around an opening as a + b x + c y, (3,) over NDC; None where no lips are seen."""
    rim = (cv2.dilate(open_, np.ones((5, 5))) > 0) & (open_ == 0) & np.isfinite(depth)
    if rim.sum() < 8:
        return None
    rows, columns = np.nonzero(rim)
    step = box[2] / COARSE
    x, y = box[0] + (columns + 0.5) * step, box[1] + (rows + 0.5) * step
    found = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x, y]), depth[rim].astype(np.float64), rcond=None)[0]
    return found.astype(np.float32)


def _reached(open_: np.ndarray, metre: float) -> np.ndarray:
    """(len(DEPTHS), COARSE, COARSE): the opening as points see it so deep behind it: ever wider blurred."""
    return np.stack([cv2.GaussianBlur(open_, (0, 0), max(_SPREAD * depth * metre, 0.6), borderType=cv2.BORDER_CONSTANT)
                     for depth in DEPTHS])

