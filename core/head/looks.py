"""Where the eyes look and how the lids follow: a head's eyeLook units and `eyes` are one thing."""
from __future__ import annotations

import numpy as np

# How far an eyeLook unit at 1 turns the eye, radians: outward or inward, down, up.
LOOK_SIDE, LOOK_DOWN, LOOK_UP = np.deg2rad(30.0), np.deg2rad(25.0), np.deg2rad(20.0)
SIDES = ("Left", "Right")


class Looks:
    """The eyeLook units of a head with units named as ARKit's. A unit turns its eye too, and a turned eye moves its lids."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """names: of the expression units."""
        self._rows = {side: {way: names.index(f"eyeLook{way}{side}") for way in ("In", "Out", "Up", "Down")} for side in SIDES}
        self.all = [row for rows in self._rows.values() for row in rows.values()]

    def turns(self, expression: np.ndarray, eyes: np.ndarray) -> list[tuple[float, float]]:
        """Yaw and pitch of the left and the right eye in radians: `eyes` and the side's units."""
        return [self._turn(side, expression, eyes) for side in SIDES]

    def _turn(self, side: str, expression: np.ndarray, eyes: np.ndarray) -> tuple[float, float]:
        row = self._rows[side]
        out = 1.0 if side == "Left" else -1.0  # the person's left is the picture's right
        yaw = float(eyes[0]) + out * LOOK_SIDE * float(expression[row["Out"]] - expression[row["In"]])
        pitch = float(eyes[1]) + LOOK_UP * float(expression[row["Up"]]) - LOOK_DOWN * float(expression[row["Down"]])
        return yaw, pitch

    def with_lids(self, expression: np.ndarray, turns: list[tuple[float, float]]) -> np.ndarray:
        """Units whose eyeLook ones are those of the eyes' turns."""
        values = np.array(expression, np.float32)
        for side, (yaw, pitch) in zip(SIDES, turns, strict=True):
            row = self._rows[side]
            outward = yaw if side == "Left" else -yaw
            values[row["Out"]], values[row["In"]] = max(outward, 0) / LOOK_SIDE, max(-outward, 0) / LOOK_SIDE
            values[row["Up"]], values[row["Down"]] = max(pitch, 0) / LOOK_UP, max(-pitch, 0) / LOOK_DOWN
        return values
