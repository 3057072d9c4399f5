"""What every 3D head offers, whichever file it comes from: vertices from parameters, albedo, landmarks, named controls."""
from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from core.codes import FaceCode

# Sets of the 68 points by index: the convention of spec sections 1 to 3 (iBUG 300-W order).
LEFT_EYE_68 = slice(36, 42)
RIGHT_EYE_68 = slice(42, 48)
MOUTH_CORNERS_68 = (48, 54)


@dataclass(frozen=True)
class Albedo:
    """Diffuse reflectance of a head in display (gamma-coded) RGB, about [0, 1].

    Either `vertex` (V, 3) float32, or `texture` (H, W, 3) float32 looked up with `uv` (T, 2) in [0, 1] (v upward), whose rows
    are named by `uv_faces` (F, 3) int32, or by the mesh's own faces where `uv_faces` is None.
    """

    vertex: np.ndarray | None = None
    texture: np.ndarray | None = None
    uv: np.ndarray | None = None
    uv_faces: np.ndarray | None = None


@dataclass(frozen=True)
class Control:
    """A named edit of one block of a FaceCode, added to the fitted values.

    `weights` holds (index in the block, gain): block[index] += gain * value. `low`, `high`: the range of the value in `unit`.
    `relieves`: negative gains only take away. A smile relieves a frown, but a smile that is taken away is no frown.
    """

    name: str
    block: str
    weights: tuple[tuple[int, float], ...]
    low: float
    high: float
    unit: str
    label: str
    group: str
    relieves: bool = False

    def change(self, size: int, value: float) -> np.ndarray:
        """What the value asks of the block, (size,) float32."""
        change = np.zeros(size, np.float32)
        for index, gain in self.weights:
            change[index] += min(gain * value, 0.0) if self.relieves and gain < 0 else gain * value
        return change


def plain_light() -> np.ndarray:
    """Light (9, 3) float32 of a code that was fitted to nothing: from everywhere, a little more from the camera."""
    light = np.zeros((9, 3), np.float32)
    light[0], light[3] = 0.75 / 0.28209, 0.25
    return light


class HeadModel(ABC):
    """A parametric head. Head space: metres, +x the picture's right, +y up, +z toward the viewer."""

    name: str
    faces: np.ndarray
    uv: np.ndarray | None
    identity_size: int
    albedo_size: int
    expression_names: tuple[str, ...]
    landmark_faces: np.ndarray
    landmark_bary: np.ndarray
    landmark_ids: np.ndarray
    landmark_weight: np.ndarray
    regions: dict[str, np.ndarray]
    # Whether re-centring (spec section 3) sees the expression: so in the reference, where closing the lids shifts the head.
    centre_follows_expression: bool = True

    @property
    def expression_size(self) -> int:
        """Number of expression coefficients."""
        return len(self.expression_names)

    @abstractmethod
    def vertices(self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray, neck: np.ndarray,
                 jaw: np.ndarray, eyes: np.ndarray) -> np.ndarray:
        """Posed vertices (V, 3) float32 in metres.

        identity (K,), expression (E,): coefficients. pose, neck, jaw (3,): axis-angle in radians; pose turns everything about the
        root joint. eyes (2,): yaw, pitch of both eyes in radians, positive to the picture's right and up.
        """

    @abstractmethod
    def landmarks68(self, vertices: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """The 68 points (68, 3) on posed vertices: 17 of the contour as seen under `pose`, then 51 inner ones."""

    @abstractmethod
    def albedo(self, coefficients: np.ndarray) -> Albedo:
        """The reflectance for albedo coefficients (A,)."""

    @abstractmethod
    def controls(self) -> dict[str, Control]:
        """The named edits this head can do, by name, in the order a window shows them."""

    @abstractmethod
    def zero_code(self) -> FaceCode:
        """A code of this head: mean identity, no expression, no turn, average albedo, plain light, the default face box."""

    def clamp_expression(self, expression: np.ndarray) -> np.ndarray:
        """Expression coefficients put back into the range where this head is a possible face. Default: unchanged."""
        return np.asarray(expression, np.float32)

    def change_expression(self, code: FaceCode, change: np.ndarray, reach: np.ndarray | None = None) -> np.ndarray:
        """The expression (E,) of `code` after edits that ask for a change (E,). Default: their sum, put back into the range.

        The code's identity and eyes are the edited ones. A head whose units have ends makes this a share of the room left, and
        takes `reach` (E,), factors on those ends; None for 1.
        """
        return self.clamp_expression(np.asarray(code.expression) + np.asarray(change))

    def stop_expression(self, code: FaceCode, expression: np.ndarray) -> np.ndarray:
        """An expression (E,) meant to take the place of the code's, as far as what closes lets it go. Default: all the way."""
        return np.asarray(expression, np.float32)

    def vertices_of(self, code: FaceCode) -> np.ndarray:
        """`vertices` of a face code."""
        return self.vertices(code.identity, code.expression, code.pose, code.neck, code.jaw, code.eyes)

    def vertices_into(self, code: FaceCode, out: np.ndarray) -> np.ndarray:
        """`vertices_of`, written into `out` (V, 3) float32 and returned: for many frames of a drag, without new memory."""
        out[:] = self.vertices_of(code)
        return out

    def landmarks(self, vertices: np.ndarray) -> np.ndarray:
        """The embedded landmarks (L, 3) on posed vertices."""
        return np.einsum("lkc,lk->lc", vertices[self.landmark_faces], self.landmark_bary)

    def centre(self, vertices: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """The point (3,) that re-centring keeps fixed: C = E + 0.1 (M - E), E between the eyes, M between the mouth corners."""
        points = self.landmarks68(vertices, pose)
        between_eyes = (points[LEFT_EYE_68].mean(0) + points[RIGHT_EYE_68].mean(0)) / 2
        mouth = (points[MOUTH_CORNERS_68[0]] + points[MOUTH_CORNERS_68[1]]) / 2
        return (between_eyes + 0.1 * (mouth - between_eyes)).astype(np.float32)
