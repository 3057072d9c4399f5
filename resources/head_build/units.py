"""The 52 ARKit expression units, smoothed where the raw ones crease and made mirror images of each other."""
from __future__ import annotations

import numpy as np
import scipy.sparse as sparse

from resources.head_build.source import Source

UNITS = ("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
         "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft",
         "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
         "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
         "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft",
         "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
         "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
         "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
         "tongueOut")
ROUNDS, RATE = 8, 0.6
FADE = 0.1  # decimetres from lips and lids over which the smoothing fades in


def partner(name: str) -> str:
    """The unit of the other side; a midline unit is its own partner."""
    if "Left" in name:
        return name.replace("Left", "Right")
    return name.replace("Right", "Left")


def read_units(source: Source, adjacency: sparse.csr_matrix, kept: np.ndarray, distance: np.ndarray) -> dict[str, np.ndarray]:
    """Displacements (n, 3) over the kept vertices for each unit, in decimetres.

    distance (n,): from the nearest lip or lid, where the units must stay exact for lips and lids to meet.
    """
    mirror = np.full(len(source.vertices), -1)
    mirror[kept] = np.arange(len(kept))
    mirror = mirror[source.mirror[kept]]
    raw = {name: source.target(f"faceunits01/targets/faceunits/{name}.target")[kept] for name in UNITS}
    rate = RATE * np.clip(distance / FADE, 0, 1)[:, None]
    for name in UNITS:
        for _ in range(ROUNDS):
            raw[name] = raw[name] + rate * (adjacency @ raw[name] - raw[name])
    return {name: (raw[name] + raw[partner(name)][mirror] * [-1, 1, 1]) / 2 for name in UNITS}
