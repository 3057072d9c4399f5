"""Named edits of OpenHead: everyday ones first, then the jaw, the eyes and each ARKit unit."""
from __future__ import annotations

import math
import re

from core.head.base import Control

# Everyday expressions as ARKit units at value 1. Left and right are the person's.
EVERYDAY: dict[str, dict[str, float]] = {
    "smile": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5,
              "mouthUpperUpLeft": 0.15, "mouthUpperUpRight": 0.15, "mouthFrownLeft": -1.0, "mouthFrownRight": -1.0},
    # mouthFrown alone also narrows the mouth and reads as a pucker; mouthStretch widens it again.
    "frown": {"mouthFrownLeft": 1.0, "mouthFrownRight": 1.0, "mouthStretchLeft": 0.7, "mouthStretchRight": 0.7,
              "mouthShrugLower": 0.5, "browDownLeft": 0.3, "browDownRight": 0.3, "mouthSmileLeft": -1.0, "mouthSmileRight": -1.0},
    "surprise": {"browInnerUp": 0.9, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8, "eyeWideLeft": 0.8, "eyeWideRight": 0.8,
                 "jawOpen": 0.4, "mouthFunnel": 0.15},
    "anger": {"browDownLeft": 1.0, "browDownRight": 1.0, "eyeSquintLeft": 0.5, "eyeSquintRight": 0.5, "noseSneerLeft": 0.5,
              "noseSneerRight": 0.5, "mouthPressLeft": 0.5, "mouthPressRight": 0.5},
    "disgust": {"noseSneerLeft": 1.0, "noseSneerRight": 1.0, "mouthUpperUpLeft": 0.6, "mouthUpperUpRight": 0.6,
                "browDownLeft": 0.4, "browDownRight": 0.4},
    "raise_brows": {"browInnerUp": 0.9, "browOuterUpLeft": 0.9, "browOuterUpRight": 0.9},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "eyeWideLeft": -1.0, "eyeWideRight": -1.0},
    "wink_left": {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.4},
    "wink_right": {"eyeBlinkRight": 1.0, "cheekSquintRight": 0.4},
    "squint": {"eyeSquintLeft": 1.0, "eyeSquintRight": 1.0, "cheekSquintLeft": 0.3, "cheekSquintRight": 0.3},
    "pucker": {"mouthPucker": 1.0},
    "puff": {"cheekPuff": 1.0},
}
EYE_RANGE = {"yaw": 30.0, "pitch": 20.0}


def open_controls(names: tuple[str, ...]) -> dict[str, Control]:
    """All controls by name, for the units `names` in the order of the expression block."""
    index = {name: i for i, name in enumerate(names)}
    controls = []
    for name, units in EVERYDAY.items():
        weights = tuple((index[unit], gain) for unit, gain in units.items())
        controls.append(Control(f"expression.{name}", "expression", weights, -1.0, 1.0, "", _label(name), "Expression"))
    controls.append(Control("jaw.open", "expression", ((index["jawOpen"], 1.0),), -1.0, 1.0, "", "Open", "Jaw"))
    # A gain of either sign on two one-sided units: clipping at 0 leaves the right one of the two.
    side = ((index["jawLeft"], 1.0), (index["jawRight"], -1.0))
    controls.append(Control("jaw.side", "expression", side, -1.0, 1.0, "", "Sideways", "Jaw"))
    controls.append(Control("jaw.forward", "expression", ((index["jawForward"], 1.0),), -1.0, 1.0, "", "Forward", "Jaw"))
    for i, (way, limit) in enumerate(EYE_RANGE.items()):
        controls.append(Control(f"eyes.{way}", "eyes", ((i, math.pi / 180),), -limit, limit, "°", way.capitalize(), "Eyes"))
    for name in names:
        controls.append(Control(f"expression.{name}", "expression", ((index[name], 1.0),), -1.0, 1.0, "", _label(name),
                                "All units"))
    return {control.name: control for control in controls}


def _label(name: str) -> str:
    """'mouthSmileLeft' -> 'Mouth smile left', 'raise_brows' -> 'Raise brows'."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()
    return words[0].upper() + words[1:]
