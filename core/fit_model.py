"""A head at its landmarks: the linear bases that a fit solves with, probed through the head's own interface."""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.errors import AssetError
from core.head.rotation import rotation_matrix
from core.landmarks import EYE_CORNERS
from core.neutral_scores import expected_unit

if TYPE_CHECKING:
    from core.codes import FaceCode
    from core.head.base import HeadModel

LARGEST_UNIT, LARGEST_LOOK = 1.1, 0.6
UNIT_SD = 0.10  # of an expression unit around what the scores say
MODE_SD, LARGEST_MODE = 1.0, 3.0  # of expression coefficients that are no ARKit units
LOOK_SD, JAW_SD = 0.35, (0.08, 0.03, 0.02)
JAW_OPEN = 0.35  # radians of a rotating jaw at a jawOpen score of 1
# Upper and lower: inner lips, then lids of both eyes.
LIP_GAPS = ((191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402), (310, 318), (415, 324))
LID_GAPS = ((160, 144), (159, 145), (158, 153), (387, 373), (386, 374), (385, 380))
# One side's units without a counterpart: moving the whole mouth or jaw sideways.
_SIDEWAYS = ("mouthLeft", "jawLeft")


@dataclass(frozen=True, eq=False)
class FitModel:
    """A head's landmarks as a linear function of the coefficients x = identity, expression, eyes and jaw, float32.

    ids (L,): which of the 478 points they are; mean (3, L) metres; basis (3, n, L); looks (2 axes, 2 signs, 3, L) per radian, in
    place of the two rows `eyes` of the basis; normals (3, L); weight, depth_bias (L,). identity, units, eyes, jaw: slices of x.
    low, high, deviation (n,): box and prior of x. free: expression coefficients that are fitted. pairs (P, 2): rows of left and
    right units. gaps (G, 2): landmark rows of facing lips and lids, `lips` of them lips. curved: the head is no such linear
    function, or turns about another point than the origin: see `bend`.
    """

    ids: np.ndarray
    mean: np.ndarray
    basis: np.ndarray
    looks: np.ndarray
    normals: np.ndarray
    weight: np.ndarray
    depth_bias: np.ndarray
    identity: slice
    units: slice
    eyes: slice
    jaw: slice
    low: np.ndarray
    high: np.ndarray
    deviation: np.ndarray
    free: np.ndarray
    names: tuple[str, ...]
    pairs: np.ndarray
    gaps: np.ndarray
    lips: int
    curved: bool

    def gaze(self, x: np.ndarray) -> np.ndarray:
        """The landmarks' motion (2, 3, L) per radian of the eyes' yaw and pitch, on the side the eyes look to."""
        return np.stack([self.looks[i, int(x[self.eyes][i] < 0)] for i in range(2)])

    def shape(self, x: np.ndarray) -> np.ndarray:
        """The landmarks (3, L) float32 for coefficients (n,) float32, in metres, not turned."""
        return np.asarray(self.mean + np.stack([x @ part for part in self.basis]) + np.tensordot(x[self.eyes], self.gaze(x), 1),
                          np.float32)

    def bend(self, head: HeadModel, code: FaceCode, turn: np.ndarray, x: np.ndarray) -> np.ndarray:
        """What the head's own landmarks (3, L), turned back, have over the linear ones."""
        exact = head.landmarks(head.vertices_of(code)).T
        return np.asarray(turn.T @ exact - self.shape(x.astype(np.float32)), np.float32)

    def expected(self, blendshapes: dict[str, float]) -> np.ndarray:
        """Prior mean (n,) of the coefficients: what the scores say beyond what they say of a neutral face."""
        mean = np.zeros(self.basis.shape[1])
        for row, name in enumerate(self.names, self.units.start):
            mean[row] = expected_unit(name, blendshapes)
        if self.jaw.stop > self.jaw.start:
            mean[self.jaw.start] = JAW_OPEN * blendshapes.get("jawOpen", 0.0)
        return np.clip(mean, self.low, self.high)

    def into(self, zero: FaceCode, x: np.ndarray) -> FaceCode:
        """The face code `zero` with these coefficients (n,)."""
        expression = np.zeros(len(zero.expression))
        expression[self.free] = x[self.units]
        code = zero.replace(identity=x[self.identity], expression=expression, eyes=x[self.eyes])
        return code.replace(jaw=x[self.jaw]) if self.jaw.stop > self.jaw.start else code


@lru_cache(maxsize=4)
def fit_model(head: HeadModel) -> FitModel:
    """The head's model, kept for the next photo. Raises AssetError for a head without places for a photo's landmarks."""
    ids = np.asarray(head.landmark_ids, int)
    if not set(EYE_CORNERS) <= set(ids.tolist()):
        raise AssetError(f"The {head.name} head has no places for the landmarks of a photo, so it can't be fitted to one.")
    zero = head.zero_code()
    rest = head.vertices_of(zero)
    places = _Places(head, rest)
    free = np.array([i for i, n in enumerate(head.expression_names) if not n.startswith("eyeLook") and n != "tongueOut"])
    jaws = 0 if "jawOpen" in head.expression_names else 3
    k, e = head.identity_size, len(free)
    columns = [places.probe("identity", i, 1.0) for i in range(k)] + [places.probe("expression", i, 1.0) for i in free]
    columns += [np.zeros_like(rest)] * 2 + [places.probe("jaw", i, 0.05) for i in range(jaws)]
    fields = np.stack(columns)
    looks = np.stack([[places.at(places.probe("eyes", i, sign * 0.2)[None])[0] for sign in (1, -1)] for i in range(2)])
    names = tuple(head.expression_names[i] for i in free)
    row = {int(point): i for i, point in enumerate(ids)}
    lips, lids = ([(row[a], row[b]) for a, b in pairs if a in row and b in row] for pairs in (LIP_GAPS, LID_GAPS))
    low, high, deviation = _ranges(head, free, k, jaws)
    gaps = np.array(lips + lids, int).reshape(-1, 2)
    mean = places.at(rest[None])[0]
    return FitModel(
        ids=ids, mean=mean, basis=_split(places.at(fields)), looks=looks, normals=_facing(places.normals(), mean, gaps),
        weight=np.asarray(head.landmark_weight, np.float32),
        depth_bias=np.asarray(getattr(head, "landmark_depth_bias", np.zeros(len(ids))), np.float32),
        identity=slice(0, k), units=slice(k, k + e), eyes=slice(k + e, k + e + 2), jaw=slice(k + e + 2, k + e + 2 + jaws),
        low=low, high=high, deviation=deviation, free=free, names=names, pairs=_pairs(names, k),
        gaps=gaps, lips=len(lips), curved=jaws > 0 or _turns_elsewhere(head))


def _turns_elsewhere(head: HeadModel) -> bool:
    turned = head.zero_code().replace(pose=np.array([0.2, 0.3, 0.1]))
    still = head.landmarks(head.vertices_of(head.zero_code()))
    return bool(np.abs(head.landmarks(head.vertices_of(turned)) - still @ rotation_matrix(turned.pose).T).max() > 1e-4)


@dataclass(frozen=True, eq=False)
class _Places:
    """Vertex fields (V, 3) of a head looked up at its landmarks."""

    head: HeadModel
    rest: np.ndarray

    def probe(self, block: str, index: int, value: float) -> np.ndarray:
        """How the vertices (V, 3) move per unit of one coefficient."""
        zero = self.head.zero_code()
        array = np.array(getattr(zero, block))
        array[index] = value
        return (self.head.vertices_of(zero.replace(**{block: array})) - self.rest) / value

    def at(self, fields: np.ndarray) -> np.ndarray:
        """Fields (n, V, 3) at the landmarks: (n, 3, L)."""
        return np.einsum("nlkc,lk->ncl", fields[:, self.head.landmark_faces], self.head.landmark_bary).astype(np.float32)

    def normals(self) -> np.ndarray:
        """Unit normals (3, L) of the head at rest."""
        corners = self.rest[self.head.faces].astype(np.float64)
        face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.zeros((len(self.rest), 3))
        for i in range(3):
            np.add.at(normals, self.head.faces[:, i], face)
        nose = self.rest[:, 2].argmax()  # the tip of the nose faces the viewer, whichever way the triangles wind
        at = self.at(normals[None] * np.sign(normals[nose, 2]))[0]
        return np.asarray(at / np.maximum(np.linalg.norm(at, axis=0), 1e-12), np.float32)


def _facing(normals: np.ndarray, mean: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Normals (3, L) that say when a landmark is seen. Rims of lips and lids face down or up, yet a viewer sees them as long as
    he sees the side of the face they are on: theirs point away from the head's upright axis."""
    rims = np.unique(gaps)
    outward = mean[:, rims] * np.array([[1.0], [0.0], [1.0]], np.float32)
    normals = normals.copy()
    normals[:, rims] = outward / np.maximum(np.linalg.norm(outward, axis=0), 1e-9)
    return normals


def _split(fields: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(fields.transpose(1, 0, 2))


def _ranges(head: HeadModel, free: np.ndarray, k: int, jaws: int) -> tuple[np.ndarray, ...]:
    """Box and prior deviation (n,) of the coefficients: units where the head keeps them non-negative, else modes."""
    floor = head.clamp_expression(np.full(head.expression_size, -10.0))[free]
    unit = floor >= 0
    deviation = np.where(unit, UNIT_SD, MODE_SD)
    low = np.concatenate([np.full(k, -np.inf), np.where(unit, 0, -LARGEST_MODE), [-LARGEST_LOOK] * 2, [-0.2] * jaws])
    high = np.concatenate([np.full(k, np.inf), np.where(unit, LARGEST_UNIT, LARGEST_MODE), [LARGEST_LOOK] * 2, [0.6] * jaws])
    return low, high, np.concatenate([np.ones(k), deviation, [LOOK_SD] * 2, JAW_SD[:jaws]])


def _pairs(names: tuple[str, ...], first: int) -> np.ndarray:
    pairs = [(first + i, first + names.index(other)) for i, n in enumerate(names) if n.endswith("Left") and n not in _SIDEWAYS
             for other in [n.removesuffix("Left") + "Right"] if other in names]
    return np.array(pairs, int).reshape(-1, 2)
