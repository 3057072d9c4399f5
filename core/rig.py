"""The rig: named edits of a face code, and the table of names.

A `Rig` never holds a whole new code, only what was asked for: values by name, and blocks copied from other photos.
`apply` turns it and a photo's own code into the edited code (spec section 7). The window's sliders and the command
line's ``--set`` both go through the one table that `parameters` returns.
"""
from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.transform import Rotation

from core import light as lighting
from core.codes import FaceCode
from core.errors import ParameterError
from core.head.base import Control, HeadModel

if TYPE_CHECKING:
    from core.landing import Landing

Value = float | tuple[float, float, float]

COPY_BLOCKS = ("light", "expression", "pose", "appearance")
_CHANNELS = "rgb"


@dataclass(frozen=True)
class Parameter:
    """One named edit.

    low, high: the slider's range in `unit`; values outside are refused. default: the value that changes nothing;
    None where that depends on the photo (`photo_values` gives it). label and group are for the window.
    """

    name: str
    label: str
    group: str
    low: float
    high: float
    default: float | None
    unit: str = ""
    step: float = 0.01
    help: str = ""


@dataclass(frozen=True)
class Copy:
    """A block taken from another photo: its fitted code, and (for appearance) the photo itself by digest.

    amount (0..1): of appearance, how far the global code goes from the photo's own (0) to the other photo's (1), in a straight
    line. Raises ParameterError for another amount, and for one of another block.
    """

    block: str
    code: FaceCode
    photo: str
    label: str = ""
    amount: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.amount <= 1.0:
            raise ParameterError(f"The amount of a copied block goes from 0 to 1, not {self.amount:g}.")
        if self.amount != 1.0 and self.block != "appearance":
            raise ParameterError(f"Only the appearance can be copied in part; {self.block} is copied whole.")


@dataclass(frozen=True)
class Rig:
    """The edit. Immutable and hashable: equal rigs on equal photos give equal pictures."""

    values: tuple[tuple[str, Value], ...] = ()
    copies: tuple[Copy, ...] = field(default=())

    def get(self, name: str, default: Value | None = None) -> Value | None:
        """The value set for `name`, or `default`."""
        return dict(self.values).get(name, default)

    def set(self, name: str, value: Value) -> Rig:
        """A rig with `name` set. The name and range are checked by `check` and `apply`, not here."""
        return self.update({name: value})

    def update(self, changes: Mapping[str, Value | None]) -> Rig:
        """A rig with several values set; None takes a name out."""
        merged: dict[str, Any] = {**dict(self.values), **changes}
        kept: list[tuple[str, Any]] = [
            (k, tuple(float(x) for x in v) if isinstance(v, (tuple, list)) else float(v))
            for k, v in merged.items() if v is not None]
        return replace(self, values=tuple(sorted(kept)))

    def reset(self, name: str) -> Rig:
        """A rig in which `name` is as in the photo."""
        return self.update({name: None})

    def copy(self, source: Copy) -> Rig:
        """A rig with a block taken from another photo, in place of an earlier copy of that block."""
        if source.block not in COPY_BLOCKS:
            raise ParameterError(f"There is no block '{source.block}' to copy. Blocks: {', '.join(COPY_BLOCKS)}.")
        rest = tuple(c for c in self.copies if c.block != source.block)
        return replace(self, copies=tuple(sorted((*rest, source), key=lambda c: c.block)))

    def drop_copy(self, block: str) -> Rig:
        """A rig without the copy of `block`."""
        return replace(self, copies=tuple(c for c in self.copies if c.block != block))

    def copied(self, block: str) -> Copy | None:
        """The copy of `block`, or None."""
        return next((c for c in self.copies if c.block == block), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values; copies are named by photo and hold their code."""
        return {"values": {k: list(v) if isinstance(v, tuple) else v for k, v in self.values},
                "copies": [{"block": c.block, "photo": c.photo, "label": c.label, "amount": c.amount,
                            "code": c.code.to_json()} for c in self.copies]}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Rig:
        """The rig written by `to_json`."""
        rig = cls().update({k: tuple(v) if isinstance(v, list) else v for k, v in plain["values"].items()})
        for c in plain.get("copies", ()):
            rig = rig.copy(Copy(c["block"], FaceCode.from_json(c["code"]), c["photo"], c.get("label", ""),
                                float(c.get("amount", 1.0))))
        return rig


_LIGHT = (
    Parameter("light.azimuth", "Azimuth", "Light", -180, 180, None, "°", 1,
              "Where the key light stands: 0 at the camera, positive from the picture's right"),
    Parameter("light.elevation", "Elevation", "Light", -90, 90, None, "°", 1,
              "How high the key light stands: 0 level with the face, positive from above"),
    Parameter("light.intensity", "Intensity", "Light", 0, 2, None, "", 0.01,
              "Strength of the key light; 1 is as bright as all the photo's light together"),
    Parameter("light.ambient", "Ambient", "Light", 0, 2, None, "", 0.01, "Light from everywhere"),
)
_COLOR = Parameter("light.color", "Colour", "Light", 0, 1, None, "rgb", 0.01, "Colour of the key light")
# Ends: 1st and 99th percentile of fitted photos (resources/head/open_ranges.json), rounded. Roll has none: photos are aligned by
# it, and a head tilts in the picture's plane without showing another side.
_POSE = (
    Parameter("pose.yaw", "Yaw", "Pose", -45, 45, 0.0, "°", 0.5,
              "Turns the head; positive toward the picture's right"),
    Parameter("pose.pitch", "Pitch", "Pose", -20, 25, 0.0, "°", 0.5, "Nods the head; positive up"),
    Parameter("pose.roll", "Roll", "Pose", -45, 45, 0.0, "°", 0.5, "Tilts the head; positive clockwise"),
)


_MOST_POSE = (60.0, 40.0, 60.0)  # beyond, half the face is hidden, and the photo says nothing about the other half
_LEAST_CHANGE = 0.02  # of a unit: less is not seen


@lru_cache(maxsize=2)
def parameters(head: HeadModel) -> dict[str, Parameter]:
    """Every name that can be set on faces of this head, in the window's order."""
    rows = [*_LIGHT, _COLOR]
    rows += [Parameter(f"sh.{k}.{c}", f"{k} {c}", "SH", -4, 4, None, "", 0.01,
                       "Spherical harmonics coefficient, replaces the light's own")
             for k in range(9) for c in _CHANNELS]
    rows += [Parameter(c.name, c.label, c.group, c.low, c.high, 0.0, c.unit,
                       0.5 if c.unit == "°" else 0.01) for c in head.controls().values()]
    rows += _POSE
    return {row.name: row for row in rows}


def photo_values(head: HeadModel, code: FaceCode) -> dict[str, Value]:
    """Where each slider stands when nothing is edited: the photo's own light, zero for what is added."""
    lamp = lighting.decompose(code.light)
    values: dict[str, Value] = {"light.azimuth": lamp.azimuth, "light.elevation": lamp.elevation,
                                "light.intensity": lamp.intensity, "light.ambient": lamp.ambient,
                                "light.color": tuple(float(x) for x in lamp.color)}  # type: ignore[dict-item]
    values.update({f"sh.{k}.{c}": float(code.light[k, i]) for k in range(9) for i, c in enumerate(_CHANNELS)})
    return {name: values.get(name, 0.0 if p.default is None else p.default) for name, p in parameters(head).items()}


def photo_ranges(head: HeadModel, code: FaceCode) -> dict[str, tuple[float, float]]:
    """Between which values each added edit still shows on this photo: (low, high) by name, within the parameter's own range.

    A smile that isn't there can't be taken away, and a head that is turned already can't be turned as far again. For sliders
    that should not promise what the photo has no room for; `apply` takes any value in the parameter's range.
    """
    table = parameters(head)
    ranges: dict[str, tuple[float, float]] = {}
    for name, control in head.controls().items():
        ends = (control.low, control.high)
        ranges[name] = tuple(  # type: ignore[assignment]
            end if control.block != "expression" or _shows(head, code, control, end) else 0.0 for end in ends)
    for axis, angle, most in zip(("yaw", "pitch", "roll"), pose_degrees(code.pose), _MOST_POSE, strict=True):
        row = table[f"pose.{axis}"]
        ranges[row.name] = (min(max(row.low, -most - angle), 0.0), max(min(row.high, most - angle), 0.0))
    return ranges


def _shows(head: HeadModel, code: FaceCode, control: Control, value: float) -> bool:
    changed = head.change_expression(code, control.change(len(code.expression), value))
    return bool(np.abs(changed - code.expression).max() > _LEAST_CHANGE)


def check(head: HeadModel, name: str, value: Value) -> Value:
    """The value as a float (or an RGB triple). Raises ParameterError naming the nearest valid name or value."""
    table = parameters(head)
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1, cutoff=0.0)
        raise ParameterError(f"There is no parameter '{name}'. The nearest is '{near[0]}'.")
    row = table[name]
    if name == "light.color":
        if not isinstance(value, (tuple, list)) or len(value) != 3:
            raise ParameterError("light.color takes three numbers from 0 to 1, as in light.color=1,0.9,0.8.")
        triple = [_in_range(row, float(v)) for v in value]
        return (triple[0], triple[1], triple[2])
    if isinstance(value, (tuple, list)):
        raise ParameterError(f"{name} takes one number.")
    return _in_range(row, float(value))


def _in_range(row: Parameter, value: float) -> float:
    if not np.isfinite(value):
        raise ParameterError(f"{row.name} takes a number, not {value}.")
    if not row.low <= value <= row.high:
        nearest = min(max(value, row.low), row.high)
        raise ParameterError(f"{row.name}={value:g} is out of range: it goes from {row.low:g} to {row.high:g}"
                             f"{row.unit}. The nearest valid value is {nearest:g}.")
    return value


def apply(rig: Rig, head: HeadModel, code: FaceCode, landing: Landing | None = None) -> FaceCode:
    """The edited code: copied blocks first, then light, then named controls, then the pose (spec section 7).

    landing: how far the mesh must go for the picture to read as asked (`core.landing`); None: as far as the values say.
    Raises ParameterError for an unknown name, a value out of range, or a copy from another head model.
    With an empty rig the code itself is returned.
    """
    if not rig.values and all(c.block == "appearance" for c in rig.copies):
        return code
    for copy in rig.copies:
        code = _apply_copy(code, copy)
    values = {name: check(head, name, value) for name, value in rig.values}
    code = _apply_light(code, values)
    code = _apply_controls(code, head, values, landing)
    return _apply_pose(code, values, landing)


def _apply_copy(code: FaceCode, copy: Copy) -> FaceCode:
    if copy.block == "light":
        return code.replace(light=copy.code.light)
    if copy.block == "appearance":
        return code
    if copy.code.head != code.head:
        raise ParameterError(f"{copy.block} can't be copied from a fit of the {copy.code.head} head "
                             f"to one of the {code.head} head.")
    if copy.block == "pose":
        return code.replace(pose=copy.code.pose)
    return code.replace(expression=copy.code.expression, jaw=copy.code.jaw)


def _apply_light(code: FaceCode, values: Mapping[str, Value]) -> FaceCode:
    changes = {name.removeprefix("light."): value for name, value in values.items() if name.startswith("light.")}
    light = lighting.edit(code.light, changes) if changes else code.light
    raw = [(name.split("."), value) for name, value in values.items() if name.startswith("sh.")]
    if raw:
        light = np.array(light)
        for (_, k, channel), value in raw:
            light[int(k), _CHANNELS.index(channel)] = value
    return code if light is code.light else code.replace(light=light)


def _apply_controls(code: FaceCode, head: HeadModel, values: Mapping[str, Value], landing: Landing | None) -> FaceCode:
    controls: Mapping[str, Control] = head.controls()
    changes: dict[str, np.ndarray] = {}
    reach: np.ndarray | None = None
    for name, value in values.items():
        control = controls.get(name)
        if control is None or value == 0.0:
            continue
        amount = float(value)  # type: ignore[arg-type]
        change = changes.setdefault(control.block, np.zeros_like(getattr(code, control.block)))
        gain = landing.gain(head, code, control, amount) if landing is not None and control.block == "expression" else 1.0
        part = control.change(len(change), amount * gain)
        if gain != 1.0:
            reach = np.ones(len(part)) if reach is None else reach
            reach[part > 0] = np.maximum(reach[part > 0], gain) if gain > 1 else gain
        change += part
    expression = changes.pop("expression", None)
    code = code.replace(**{block: getattr(code, block) + change for block, change in changes.items()}) if changes else code
    if expression is None:
        return code
    # last, because lids that meet depend on where the eyes look
    more = {} if reach is None else {"reach": reach}
    return code.replace(expression=head.change_expression(code, expression, **more))


def _apply_pose(code: FaceCode, values: Mapping[str, Value], landing: Landing | None) -> FaceCode:
    turn = {f"pose.{axis}": float(values.get(f"pose.{axis}", 0.0)) for axis in ("yaw", "pitch", "roll")}  # type: ignore[arg-type]
    if not any(turn.values()):
        return code
    if landing is not None:
        turn = {name: landing.turned(name, value) for name, value in turn.items()}
    return code.replace(pose=pose_vector(*np.array(pose_degrees(code.pose)) + list(turn.values())))


def pose_degrees(pose: np.ndarray) -> tuple[float, float, float]:
    """Axis-angle (3,) radians -> (yaw, pitch, roll) degrees: toward the picture's right, up, clockwise."""
    yaw, pitch, roll = Rotation.from_rotvec(np.asarray(pose, np.float64)).as_euler("YXZ", degrees=True)
    return float(yaw), float(-pitch), float(-roll)


def pose_vector(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(yaw, pitch, roll) degrees -> axis-angle (3,) float32 radians; the inverse of `pose_degrees`."""
    return Rotation.from_euler("YXZ", [yaw, -pitch, -roll], degrees=True).as_rotvec().astype(np.float32)
