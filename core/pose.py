"""How a head is turned, in degrees as people say it, and where its eyes look meanwhile."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.transform import Rotation

from core.parameter import Parameter

if TYPE_CHECKING:
    from core.codes import FaceCode
    from core.head.base import HeadModel
    from core.landing import Landing

AXES = ("yaw", "pitch", "roll")
# Ends: 1st and 99th percentile of fitted photos (resources/head/open_ranges.json), rounded. Roll has none: photos are aligned by
# it, and a head tilts in the picture's plane without showing another side.
POSE = (
    Parameter("pose.yaw", "Yaw", "Pose", -45, 45, 0.0, "°", 0.5,
              "Turns the head; positive toward the picture's right"),
    Parameter("pose.pitch", "Pitch", "Pose", -20, 25, 0.0, "°", 0.5, "Nods the head; positive up"),
    Parameter("pose.roll", "Roll", "Pose", -45, 45, 0.0, "°", 0.5, "Tilts the head; positive clockwise"),
)
HOLD = Parameter("eyes.hold", "Keep looking", "Eyes", 0, 1, 0.0, "", 0.01,
                 "While the head turns, the eyes go on looking where they look in the photo")
MOST_POSE = (60.0, 40.0, 60.0)  # beyond, half the face is hidden, and the photo says nothing about the other half


def turned(code: FaceCode, head: HeadModel, values: Mapping[str, Any], landing: Landing | None) -> FaceCode:
    """A code with the head turned by `pose.*` degrees; with `eyes.hold` the eyes counter it, as far as eyes can.

    landing: see `core.rig.apply`.
    """
    turn = {f"pose.{axis}": float(values.get(f"pose.{axis}", 0.0)) for axis in AXES}
    if not any(turn.values()):
        return code
    if landing is not None:
        turn = {name: landing.turned(name, value) for name, value in turn.items()}
    after = code.replace(pose=pose_vector(*np.array(pose_degrees(code.pose)) + list(turn.values())))
    share = float(values.get(HOLD.name, 0.0))
    return after.replace(eyes=_held(head, code, after.pose, share)) if share else after


def _held(head: HeadModel, code: FaceCode, pose: np.ndarray, share: float) -> np.ndarray:
    """The eyes (2,) radians that look from a head at `pose` a share of the way to where the code's look."""
    yaw, pitch = (float(v) for v in code.eyes)
    look = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    x, y, z = (Rotation.from_rotvec(np.asarray(pose, np.float64)).inv()
               * Rotation.from_rotvec(np.asarray(code.pose, np.float64))).apply(look)
    wanted = np.array([np.arctan2(x, z), np.arcsin(np.clip(y, -1, 1))])
    controls = head.controls()
    ends = np.radians([(controls[name].low, controls[name].high) for name in ("eyes.yaw", "eyes.pitch")])
    low, high = np.minimum(ends[:, 0], code.eyes), np.maximum(ends[:, 1], code.eyes)  # where the photo's own look is no limit
    return np.asarray(np.clip(code.eyes + share * (wanted - code.eyes), low, high), np.float32)


def pose_degrees(pose: np.ndarray) -> tuple[float, float, float]:
    """Axis-angle (3,) radians -> (yaw, pitch, roll) degrees: toward the picture's right, up, clockwise."""
    yaw, pitch, roll = Rotation.from_rotvec(np.asarray(pose, np.float64)).as_euler("YXZ", degrees=True)
    return float(yaw), float(-pitch), float(-roll)


def pose_vector(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(yaw, pitch, roll) degrees -> axis-angle (3,) float32 radians; the inverse of `pose_degrees`."""
    return Rotation.from_euler("YXZ", [yaw, -pitch, -roll], degrees=True).as_rotvec().astype(np.float32)
