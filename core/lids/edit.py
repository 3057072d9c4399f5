"""An edit's share in the eyes, done in the photo's own pose before anything else of it: the photo with its lids moved.

The mesh knows how far a lid goes, but the photo holds little of what it then shows: the lid's skin is folded away, and what lies
at its edge is lashes, which stretched over a closed eye are a blot. So each eye is painted (`core.lids.paint`), and the mesh's
motion carries the result on from there, as if the photo had been taken so.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.align import margin
from core.compose import smoothstep
from core.fit_model import LID_GAPS
from core.lids.eye import IRIS, LOWER, UPPER, Eye, find_eye
from core.lids.paint import LidMove, paint
from core.lids.skin import LidSkin, take_apart
from core.render.buffers import posed_vertices
from core.render.camera import project

if TYPE_CHECKING:
    from core.codes import FaceCode
    from core.head.base import HeadModel
    from core.photo import Photo

SIDES = ("Left", "Right")
_UNITS = ("eyeBlink", "eyeSquint", "eyeWide", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeLookDown")
_SHUT = 0.95  # share of the mesh's opening that is a shut eye: its lids stop a little before they meet
_SIZE = 1000  # side of the picture in which the mesh's lids are measured; any will do


@dataclass(frozen=True, eq=False)
class Eyes:
    """The eyes of an opened photo whose lids can be painted; each size is looked at when it is first asked for, and kept."""

    photo: Photo
    code: FaceCode
    head: HeadModel
    _kept: dict[int, dict[str, tuple[Eye, LidSkin]]] = field(default_factory=dict, repr=False)

    def edit(self, edited: FaceCode) -> LidEdit | None:
        """What of an edit (a code of the photo's own head) its eyes alone can show; None where nothing of it can be painted."""
        sides = [side for side in SIDES if self._fit(side)]
        if not sides or not _lid_units(self.head, sides[0]):
            return None
        rows = [row for side in sides for row in _lid_units(self.head, side)]
        expression = np.array(self.code.expression, np.float32)
        expression[rows] = np.asarray(edited.expression)[rows]
        eyes = edited.eyes if len(sides) == len(SIDES) else self.code.eyes
        reached = self.code.replace(expression=expression, eyes=eyes)
        if reached == self.code:
            return None
        found = self._moves(reached, sides)
        return None if all(move.still for move in found.values()) else LidEdit(self, reached, found)

    def _fit(self, side: str) -> bool:
        return find_eye(self.photo.points(_SIZE), side, _SIZE) is not None

    def _moves(self, reached: FaceCode, sides: list[str]) -> dict[str, LidMove]:
        """How the mesh's lids and irises move, by side."""
        rows = np.array([_row(self.head)[point] for side in sides for point in _measured(side)])
        before, after = (self._points(code, rows).reshape(len(sides), -1, 2) for code in (self.code, reached))
        return {side: _move(before[i], after[i]) for i, side in enumerate(sides)}

    def _points(self, code: FaceCode, rows: np.ndarray) -> np.ndarray:
        vertices, head = posed_vertices(self.head, code, self.code), self.head
        points = np.einsum("lkc,lk->lc", vertices[head.landmark_faces[rows]], head.landmark_bary[rows])
        return project(points, code.camera, code.box, _SIZE)[:, :2]

    def patches(self, frame: np.ndarray, size: int) -> dict[str, tuple[Eye, LidSkin]]:
        """The eyes, by side, in a frame (F, F, 3) around a crop of that size."""
        if size not in self._kept:
            points, found = self.photo.points(size) + margin(size), {}
            for side in SIDES:
                eye = find_eye(points, side, frame.shape[0])
                if eye is not None:
                    found[side] = eye, take_apart(frame[eye.patch], eye, self.code.light)
            self._kept[size] = found
        return self._kept[size]


@dataclass(frozen=True, eq=False)
class LidEdit:
    """Eyes of a photo moved in its own pose. code: the face that they then belong to. moves: by side."""

    eyes: Eyes
    code: FaceCode
    moves: Mapping[str, LidMove]

    def painted(self, frame: np.ndarray, size: int) -> np.ndarray:
        """A frame (F, F, 3) uint8 around a crop of that size, with the eyes moved; the same type."""
        out = frame.copy()
        for side, (eye, skin) in self.eyes.patches(frame, size).items():
            if side in self.moves and not self.moves[side].still:
                out[eye.patch] = np.clip(paint(eye, skin, self.moves[side]), 0, 255) + 0.5
        return out

    def changed(self, frame: np.ndarray, size: int) -> np.ndarray:
        """Where (F, F) float32 the eyes of such a frame take the photo's place."""
        mask = np.zeros(frame.shape[:2], np.float32)
        for side, (eye, _) in self.eyes.patches(frame, size).items():
            if side in self.moves and not self.moves[side].still:
                rows = np.arange(eye.patch[0].stop - eye.patch[0].start, dtype=np.float32)[:, None]
                inside = np.minimum(rows - eye.brow, eye.lower + 0.45 * eye.width - rows) / (0.08 * eye.width)
                mask[eye.patch] = np.maximum(mask[eye.patch], smoothstep(inside) * eye.reach)
        return mask


def _move(before: np.ndarray, after: np.ndarray) -> LidMove:
    """The move of one eye from its measured points (N, 2) before and after (see `_measured`)."""
    corners, gaps, iris = np.split(np.arange(len(before)), (2, 2 + len(_gaps("Left")) * 2))
    across = before[corners[1]] - before[corners[0]]
    width = float(np.hypot(*across))
    down = np.array([-across[1], across[0]]) / width
    down *= np.sign(down[1]) or 1
    way = (after - before) @ down
    upper, lower = gaps[::2], gaps[1::2]
    opening = _SHUT * max(float(np.mean((before[lower] - before[upper]) @ down)), 0.03 * width)
    gaze = (after[iris] - before[iris]).mean(0) / width
    closing, rising = float(way[upper].mean()) / opening, -float(way[lower].mean()) / opening
    over = max(closing + rising, 1.0)
    return LidMove(closing / over, rising / over, (float(gaze[0]), float(gaze[1])))


def _gaps(side: str) -> list[tuple[int, int]]:
    return [pair for pair in LID_GAPS if pair[0] in UPPER[side]]


def _measured(side: str) -> list[int]:
    """Landmarks: both corners, facing points of the lids, the iris."""
    return [UPPER[side][0], LOWER[side][-1], *(point for pair in _gaps(side) for point in pair), *IRIS[side]]


@lru_cache(maxsize=4)
def _row(head: HeadModel) -> dict[int, int]:
    return {int(point): row for row, point in enumerate(head.landmark_ids)}


@lru_cache(maxsize=8)
def _lid_units(head: HeadModel, side: str) -> tuple[int, ...]:
    """Rows of the expression that move one side's lids alone; none for heads that lack them or their landmarks."""
    names = [unit + side for unit in _UNITS]
    if any(name not in head.expression_names for name in names) or any(p not in _row(head) for p in _measured(side)):
        return ()
    return tuple(head.expression_names.index(name) for name in names)
