"""Named edits of heads with ARKit's units: everyday ones first, then the jaw, the eyes and each ARKit unit."""
from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from core.head.base import Control
from core.head.units import measured_ranges, unit_top

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
    "wide_eyes": {"eyeWideLeft": 1.0, "eyeWideRight": 1.0, "eyeSquintLeft": -1.0, "eyeSquintRight": -1.0},
    "pucker": {"mouthPucker": 1.0},
    "puff": {"cheekPuff": 1.0},
}
# Of these, each side of the face can also be moved on its own, as in expression.smile_left.
SIDED = ("smile", "frown", "disgust", "raise_brows", "blink", "squint", "wide_eyes")
SIDES = ("left", "right")
EYE_STEP = 5.0  # the eyes' ends are the percentiles of fitted photos, rounded outward to this


def open_controls(names: tuple[str, ...]) -> dict[str, Control]:
    """All controls by name, for the units `names` in the order of the expression block.

    A unit's slider ends where photos end (`core.head.units`); an everyday expression's where its strongest unit does. The lower
    ends are -1: all of what the photo shows is taken away.
    """
    index = {name: i for i, name in enumerate(names)}
    controls = []
    for name, units in EVERYDAY.items():
        controls.append(_everyday_control(name, name, units, index))
        if name in SIDED:
            controls += [_everyday_control(f"{name}_{side}", name, side_units(name, side), index) for side in SIDES]
    controls.append(_unit_control("jaw.open", "jawOpen", index, "Open", "Jaw"))
    # A gain of either sign on two one-sided units: taken away from 0, a unit stays 0, which leaves the right one of the two.
    side = ((index["jawLeft"], 1.0), (index["jawRight"], -1.0))
    controls.append(Control("jaw.side", "expression", side, -unit_top("jawRight"), unit_top("jawLeft"), "", "Sideways", "Jaw"))
    controls.append(_unit_control("jaw.forward", "jawForward", index, "Forward", "Jaw"))
    for i, way in enumerate(("yaw", "pitch")):
        low, high = (EYE_STEP * math.copysign(math.ceil(abs(v) / EYE_STEP), v) for v in measured_ranges()[f"eyes.{way}"])
        if way == "yaw":  # nobody looks farther to one side
            low, high = min(low, -high), max(high, -low)
        controls.append(Control(f"eyes.{way}", "eyes", ((i, math.pi / 180),), low, high, "°", way.capitalize(), "Eyes"))
    controls += [_unit_control(f"expression.{name}", name, index, _label(name), "All units") for name in names]
    return {control.name: control for control in controls}


def side_units(name: str, side: str) -> dict[str, float]:
    """The units of one side ('left', 'right': the person's) of an everyday expression. Those of the middle count half: both sides
    together are the whole."""
    end, other = (word.capitalize() for word in (side, SIDES[1 - SIDES.index(side)]))
    return {unit: gain if unit.endswith(end) else gain / 2 for unit, gain in EVERYDAY[name].items() if not unit.endswith(other)}


def by_side(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values in which every expression that is set for one side is told for both: `smile` belongs to both sides, and where they
    are equal there is only `smile`."""
    told = dict(values)
    for name in SIDED:
        whole, sides = f"expression.{name}", [f"expression.{name}_{side}" for side in SIDES]
        if not any(side in told for side in sides):
            continue
        both = told.pop(whole, 0.0)
        left, right = (float(both) + float(told.pop(side, 0.0)) for side in sides)
        told |= {whole: left} if left == right else dict(zip(sides, (left, right), strict=True))
    return told


def _everyday_control(name: str, whole: str, units: dict[str, float], index: dict[str, int]) -> Control:
    weights = tuple((index[unit], gain) for unit, gain in units.items() if unit in index)
    return Control(f"expression.{name}", "expression", weights, -1.0, everyday_top(whole), "", _label(name), "Expression", True)


def everyday_top(name: str) -> float:
    """The value at which the strongest units of an everyday expression are at their ends."""
    units = EVERYDAY[name]
    strongest = max(units.values())
    return min(1.0, round(max(unit_top(unit) for unit, gain in units.items() if gain == strongest) / strongest, 2))


def _unit_control(name: str, unit: str, index: dict[str, int], label: str, group: str) -> Control:
    return Control(name, "expression", ((index[unit], 1.0),), -1.0, unit_top(unit), "", label, group)


def _label(name: str) -> str:
    """'mouthSmileLeft' -> 'Mouth smile left', 'raise_brows' -> 'Raise brows'."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()
    return words[0].upper() + words[1:]
