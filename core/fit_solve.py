"""Solving for a face: Gauss-Newton on landmarks with Gaussian priors and boxes, one photo or several of one person.

Rows: each landmark's x and y, its depth with little weight (it is biased, see `landmark_depth_bias`), and the gaps between lips
and between lids, which a viewer sees before anything else. Landmarks that the head hides count little, and so do those that lie
far off (Cauchy's weight): glasses, hands, beards and the far side of a turned head mislead the landmarker.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dposv

from core.fit_model import FitModel
from core.head.rotation import rotation_matrix
from core.landmarks import EYE_CORNERS

_WIDE = 8.0  # of the first step's limit for landmarks that lie far off, in the last one's
POSE = 6  # turn (3), logarithm of the scale, shift (2)
_SHIFT_UNIT = 0.01  # a shift is solved for in this share of the eye distance, so that the unknowns are of one size


@dataclass(frozen=True)
class Settings:
    """sigma: landmark noise as a share of the outer eye distance. depth: share of a landmark's weight that its depth gets.
    floor: weight left to a hidden landmark; facing: cosines to the
    viewer between which it grows to 1. lips, lids: weight of a gap's row. pair: deviation of left from right units.
    robust: residual in sigmas at which a landmark's weight halves. steps: of Gauss-Newton."""

    sigma: float = 0.009
    depth: float = 0.01
    floor: float = 0.05
    facing: tuple[float, float] = (-0.15, 0.25)
    lips: float = 30.0
    lids: float = 12.0
    pair: float = 0.1
    robust: float = 3.0
    steps: int = 4


@dataclass(frozen=True, eq=False)
class Seen:
    """What a landmarker says of a face: target (3, L) px at the model's landmarks, y up and z toward the viewer; expected (n,);
    span: px between the outer eye corners in space; bend (3, L): what a curved head adds to the linear shape, metres."""

    target: np.ndarray
    expected: np.ndarray
    span: float
    bend: np.ndarray | None = None

    @classmethod
    def of(cls, model: FitModel, points: np.ndarray, depth: np.ndarray, blendshapes: dict[str, float]) -> Seen:
        """From the 478 points (478, 2), y down, and depths (478,), smaller nearer."""
        whole = np.stack([points[:, 0], -points[:, 1], -np.asarray(depth)]).astype(np.float32)
        span = float(np.linalg.norm(whole[:, EYE_CORNERS[1]] - whole[:, EYE_CORNERS[0]]))
        return cls(whole[:, model.ids], model.expected(blendshapes), span)


@dataclass(frozen=True, eq=False)
class State:
    """turn (3, 3); scale px a metre; shift (2,) px, y up; x (n,) the coefficients."""

    turn: np.ndarray
    scale: float
    shift: np.ndarray
    x: np.ndarray


@dataclass(frozen=True, eq=False)
class Solution:
    """The state; the posterior covariance (n, n) of its coefficients; each landmark's weight (L,) from visibility and
    robustness; where the landmarks of the fitted head lie (2, L) px, y up."""

    state: State
    covariance: np.ndarray
    trust: np.ndarray
    places: np.ndarray


def solve(model: FitModel, photos: list[Seen], settings: Settings | None = None,
          states: list[State] | None = None) -> list[Solution]:
    """The most likely states of one person's face on some photos; identity is the same in all. states: to begin with."""
    settings = settings or Settings()
    fresh = states is None
    states = states or [start(model, seen) for seen in photos]
    inverse = np.empty((0, 0))
    for number in range(settings.steps):
        # at first even good landmarks are far off: what counts as far narrows from step to step
        now = replace(settings, robust=settings.robust * max(1.0, _WIDE * 0.5**number)) if fresh else settings
        systems = [normal_equations(model, seen, state, now) for seen, state in zip(photos, states, strict=True)]
        joint, gradient = _joined(model, [s.normal for s in systems], [s.gradient for s in systems], states[0])
        low, high = _boxes(model, states)
        step = boxed(joint, gradient, low, high)
        states = _moved(model, photos, states, step)
        if number == settings.steps - 1:
            inverse = np.linalg.inv(joint)
    return _solutions(model, photos, states, systems, inverse)


def start(model: FitModel, seen: Seen) -> State:
    """Procrustes (Kabsch 1976) of the expected shape on the landmarks, depth calibrated."""
    shape = (model.mean + np.einsum("n,cnl->cl", seen.expected.astype(np.float32), model.basis)).astype(np.float64)
    weight = model.weight * (model.weight > 0.2)
    a = shape - (shape @ weight)[:, None] / weight.sum()
    b = seen.target - (seen.target @ weight)[:, None] / weight.sum()
    scale = np.sqrt((weight * b * b).sum() / (weight * a * a).sum())
    b[2] -= scale * (model.depth_bias - model.depth_bias.mean())
    u, _, vt = np.linalg.svd((weight * b) @ a.T)
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    shift = ((seen.target - scale * turn @ shape) @ weight) / weight.sum()
    return State(turn, float(scale), shift[:2], seen.expected.copy())


@dataclass(frozen=True, eq=False)
class _Rows:
    """shape (3, L) turned into the view, in metres; basis (3, n, L) likewise; facing (L,): cosine to the viewer."""

    shape: np.ndarray
    basis: np.ndarray
    facing: np.ndarray


def _turned(model: FitModel, state: State, bend: np.ndarray | None) -> _Rows:
    turn, x = state.turn.astype(np.float32), state.x.astype(np.float32)
    n, count = model.basis.shape[1:]
    looks = model.gaze(x)
    shape = model.shape(x) if bend is None else model.shape(x) + bend
    basis = (turn @ model.basis.reshape(3, -1)).reshape(3, n, count)
    basis[:, model.eyes] = (turn @ looks).transpose(1, 0, 2)
    return _Rows(turn @ shape, basis, turn[2] @ model.normals)


@dataclass(frozen=True, eq=False)
class _System:
    normal: np.ndarray
    gradient: np.ndarray
    trust: np.ndarray


def normal_equations(model: FitModel, seen: Seen, state: State, settings: Settings) -> _System:
    """Normal matrix (6 + n, 6 + n) and gradient (6 + n,) of rows and priors at a state."""
    rows = _turned(model, state, seen.bend)
    scale, sigma = np.float32(state.scale), np.float32(settings.sigma * seen.span)
    gap = seen.target - scale * rows.shape
    gap[:2] -= state.shift.astype(np.float32)[:, None]
    ahead = seen.target[2] - scale * (rows.shape[2] + model.depth_bias)
    gap[2] = ahead - ahead.mean()
    low, high = settings.facing
    visible = np.clip((rows.facing - low) / (high - low), settings.floor, 1)
    robust = 1 / (1 + (gap[0] ** 2 + gap[1] ** 2) / (settings.robust * sigma) ** 2)
    trust = visible * robust
    weight = np.sqrt(model.weight * trust) / sigma
    jacobian = _jacobian(rows, scale, np.float32(_SHIFT_UNIT * seen.span))
    gaps, share = model.gaps, np.sqrt(_gap_weights(model, trust, settings)) / sigma
    apart = (jacobian[:, :2, gaps[:, 0]] - jacobian[:, :2, gaps[:, 1]]) * share
    apart_gap = (gap[:2, gaps[:, 0]] - gap[:2, gaps[:, 1]]) * share
    axes = np.array([1, 1, np.sqrt(settings.depth)], np.float32)[:, None] * weight
    jacobian *= axes
    matrix = np.concatenate([jacobian.reshape(len(jacobian), -1), apart.reshape(len(jacobian), -1)], 1)
    right = np.concatenate([(gap * axes).ravel(), apart_gap.ravel()])
    normal, gradient = (matrix @ matrix.T).astype(np.float64), (matrix @ right).astype(np.float64)
    _add_priors(normal, gradient, model, seen, state, settings)
    return _System(normal, gradient, trust)


def _gap_weights(model: FitModel, trust: np.ndarray, settings: Settings) -> np.ndarray:
    weight = np.full(len(model.gaps), settings.lids, np.float32)
    weight[:model.lips] = settings.lips
    return weight * np.minimum(trust[model.gaps[:, 0]], trust[model.gaps[:, 1]]) / 2


def _jacobian(rows: _Rows, scale: np.float32, unit: np.float32) -> np.ndarray:
    """(6 + n, 3, L): turn, logarithm of the scale, shift in sigmas, coefficients; depth rows less their mean."""
    x, y, z = scale * rows.shape
    n = rows.basis.shape[1]
    jacobian = np.zeros((POSE + n, 3, len(x)), np.float32)
    jacobian[0, 1], jacobian[0, 2] = -z, y
    jacobian[1, 0], jacobian[1, 2] = z, -x
    jacobian[2, 0], jacobian[2, 1] = -y, x
    jacobian[3, 0], jacobian[3, 1] = x, y
    jacobian[4, 0] = jacobian[5, 1] = unit
    np.multiply(rows.basis.transpose(1, 0, 2), scale, out=jacobian[POSE:])
    jacobian[:, 2] -= jacobian[:, 2].mean(1, keepdims=True)
    return jacobian


def _add_priors(normal: np.ndarray, gradient: np.ndarray, model: FitModel, seen: Seen, state: State, settings: Settings) -> None:
    precision = model.deviation**-2
    away = state.x - seen.expected
    diagonal = np.arange(POSE, len(normal))
    normal[diagonal, diagonal] += precision
    gradient[POSE:] -= precision * away
    left, right = model.pairs.T
    pull = settings.pair**-2
    difference = pull * (away[left] - away[right])
    left, right = left + POSE, right + POSE
    normal[left, left] += pull
    normal[right, right] += pull
    normal[left, right] -= pull
    normal[right, left] -= pull
    gradient[left] -= difference
    gradient[right] += difference
    whole = np.arange(len(normal))
    normal[whole, whole] += 1e-3


def _own(model: FitModel, count: int) -> np.ndarray:
    """Rows of one photo's system that are its own: all but identity."""
    return np.concatenate([np.arange(POSE), np.arange(POSE + model.identity.stop, count)])


def _joined(model: FitModel, normals: list[np.ndarray], gradients: list[np.ndarray],
            state: State) -> tuple[np.ndarray, np.ndarray]:
    """One system over identity, then each photo's own unknowns; identity's prior counts once."""
    k, size = model.identity.stop, len(gradients[0])
    own = _own(model, size)
    shared = np.arange(POSE, POSE + k)
    total = k + len(normals) * len(own)
    joint, gradient = np.zeros((total, total)), np.zeros(total)
    for i, (normal, right) in enumerate(zip(normals, gradients, strict=True)):
        part = slice(k + i * len(own), k + (i + 1) * len(own))
        joint[:k, :k] += normal[np.ix_(shared, shared)]
        joint[:k, part] = normal[np.ix_(shared, own)]
        joint[part, :k] = joint[:k, part].T
        joint[part, part] = normal[np.ix_(own, own)]
        gradient[:k] += right[shared]
        gradient[part] = right[own]
    extra = len(normals) - 1
    joint[np.arange(k), np.arange(k)] -= extra
    gradient[:k] += extra * state.x[model.identity]
    return joint, gradient


def _boxes(model: FitModel, states: list[State]) -> tuple[np.ndarray, np.ndarray]:
    """How far each unknown of the joint system may move down and up."""
    k = model.identity.stop
    pose = np.full(POSE, np.inf)
    low = [np.full(k, -np.inf)] + [np.concatenate([-pose, (model.low - s.x)[k:]]) for s in states]
    high = [np.full(k, np.inf)] + [np.concatenate([pose, (model.high - s.x)[k:]]) for s in states]
    return np.concatenate(low), np.concatenate(high)


def boxed(normal: np.ndarray, gradient: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Solve normal x = gradient with x between low and high: what leaves the box is fixed at its wall, a few times."""
    fixed = np.zeros(len(gradient), bool)
    step = np.zeros(len(gradient))
    for _ in range(4):
        free = ~fixed
        right = gradient[free] - normal[np.ix_(free, fixed)] @ step[fixed]
        step[free] = dposv(normal[np.ix_(free, free)], right)[1]  # symmetric and positive: the priors see to it
        out = (step < low - 1e-9) | (step > high + 1e-9)
        if not out.any():
            break
        step[out] = np.clip(step[out], low[out], high[out])
        fixed |= out
    return np.clip(step, low, high)


def _moved(model: FitModel, photos: list[Seen], states: list[State], step: np.ndarray) -> list[State]:
    k = model.identity.stop
    own = (len(step) - k) // len(states)
    moved = []
    for i, (seen, state) in enumerate(zip(photos, states, strict=True)):
        part = step[k + i * own:k + (i + 1) * own]
        x = state.x + np.concatenate([step[:k], part[POSE:]])
        scale = state.scale * float(np.exp(np.clip(part[3], -0.3, 0.3)))
        shift = state.shift + _SHIFT_UNIT * seen.span * part[4:6]
        moved.append(State(rotation_matrix(part[:3]).astype(np.float64) @ state.turn, scale, shift, x))
    return moved



def _solutions(model: FitModel, photos: list[Seen], states: list[State], systems: list[_System],
               inverse: np.ndarray) -> list[Solution]:
    k, n = model.identity.stop, len(model.low)
    own = (len(inverse) - k) // len(states)
    found = []
    for i, (seen, state, system) in enumerate(zip(photos, states, systems, strict=True)):
        rows = np.concatenate([np.arange(k), k + i * own + POSE + np.arange(n - k)])
        places = state.scale * _turned(model, state, seen.bend).shape[:2] + state.shift[:, None]
        found.append(Solution(state, inverse[np.ix_(rows, rows)], system.trust, places))
    return found
