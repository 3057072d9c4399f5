"""Parameter: one named edit, as sliders and the command line know it."""
from __future__ import annotations

from dataclasses import dataclass

Value = float | tuple[float, float, float]
RGB = "rgb"  # the unit of parameters whose value is a colour


@dataclass(frozen=True)
class Parameter:
    """One named edit.

    low, high: the slider's range in `unit`; values outside are refused. default: the value that changes nothing;
    None where that depends on the photo (`core.rig.photo_values` gives it). label and group are for the window. A parameter whose
    unit is 'rgb' takes three numbers, each from low to high.
    """

    name: str
    label: str
    group: str
    low: float
    high: float
    default: float | tuple[float, float, float] | None
    unit: str = ""
    step: float = 0.01
    help: str = ""
