"""What the landmarker scores on faces that show no expression."""
from __future__ import annotations

# Median scores over the neutral photos of the Face Research Lab London Set (DeBruine & Jones 2017), left and right averaged;
# scores below 0.005 are left out.
NEUTRAL_SCORES: dict[str, float] = {
    "browDownLeft": 0.023,
    "browDownRight": 0.023,
    "browInnerUp": 0.031,
    "browOuterUpLeft": 0.063,
    "browOuterUpRight": 0.063,
    "eyeBlinkLeft": 0.071,
    "eyeBlinkRight": 0.071,
    "eyeLookDownLeft": 0.094,
    "eyeLookDownRight": 0.094,
    "eyeLookInLeft": 0.070,
    "eyeLookInRight": 0.070,
    "eyeLookOutLeft": 0.085,
    "eyeLookOutRight": 0.085,
    "eyeLookUpLeft": 0.100,
    "eyeLookUpRight": 0.100,
    "eyeSquintLeft": 0.247,
    "eyeSquintRight": 0.247,
    "eyeWideLeft": 0.009,
    "eyeWideRight": 0.009,
    "mouthPressLeft": 0.047,
    "mouthPressRight": 0.047,
    "mouthPucker": 0.020,
    "mouthRollLower": 0.007,
    "mouthShrugLower": 0.086,
    "mouthShrugUpper": 0.030,
}


def expected_unit(name: str, blendshapes: dict[str, float]) -> float:
    """What the scores say an expression unit is at, beyond what they say of a neutral face."""
    return max(0.0, blendshapes.get(name, 0.0) - NEUTRAL_SCORES.get(name, 0.0))
