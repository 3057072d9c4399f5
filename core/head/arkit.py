"""What heads share whose expression units are ARKit's and whose skin is this program's model: OpenHead and ICT-FaceKit's."""
from __future__ import annotations

from functools import cached_property

import numpy as np

from core.codes import FaceCode
from core.head.base import Albedo, Control, HeadModel, plain_light
from core.head.looks import Looks
from core.head.open_controls import open_controls
from core.head.skin import SkinModel
from core.head.units import UnitLimits

LARGEST_UNIT = 1.2


class ArkitHead(HeadModel):
    """A head with ARKit-named units (0 to 1), statistical skin per vertex, and lids and lips that stop where they meet."""

    centre_follows_expression = False
    skin: SkinModel
    _looks: Looks

    def albedo(self, coefficients: np.ndarray) -> Albedo:
        """Vertex colours from principal components of skin (standard deviations) and the scalp's hair RGB (`core.head.skin`)."""
        return Albedo(vertex=self.skin.colours(coefficients))

    def controls(self) -> dict[str, Control]:
        return dict(self._controls)

    @cached_property
    def _controls(self) -> dict[str, Control]:
        return open_controls(self.expression_names)

    def clamp_expression(self, expression: np.ndarray) -> np.ndarray:
        """Units put back between 0 and 1.2."""
        return np.clip(np.asarray(expression, np.float32), 0, LARGEST_UNIT)

    def change_expression(self, code: FaceCode, change: np.ndarray, reach: np.ndarray | None = None) -> np.ndarray:
        """Units after a change: between their ends, and no farther than lids and lips let them (see `core.head.units`)."""
        return self._limits.change(self._looks, code, change, reach)

    def stop_expression(self, code: FaceCode, expression: np.ndarray) -> np.ndarray:
        """Units (E,) no farther from the code's own than lids and lips let them."""
        return self._limits.stop(self._looks, code, expression)

    @cached_property
    def _limits(self) -> UnitLimits:
        return UnitLimits(self)

    def zero_code(self) -> FaceCode:
        zero = np.zeros(3)
        units = np.zeros(len(self.expression_names))
        return FaceCode(self.name, np.zeros(self.identity_size), units, zero, zero, zero, np.zeros(2), self.skin.default,
                        np.array([7.0, 0.0, -0.01]), np.array([1.0, 0.5, 0.5]), plain_light())
