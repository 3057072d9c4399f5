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

from core.codes import FaceCode
from core.environment import Environment
from core.errors import ParameterError
from core.head.base import Control, HeadModel
from core.head.open_controls import by_side
from core.head.parts import PARTS, copied_part, parts_of, taken_away
from core.light_rig import PARAMETERS as LIGHT
from core.light_rig import apply_light, light_values
from core.parameter import RGB, Parameter, Value
from core.pose import AXES, HOLD, MOST_POSE, POSE, pose_degrees, pose_vector, turned

if TYPE_CHECKING:
    from core.landing import Landing

__all__ = ["COPY_BLOCKS", "Copy", "Parameter", "Rig", "Value", "apply", "check", "parameters", "photo_ranges", "photo_values",
           "pose_degrees", "pose_vector"]

COPY_BLOCKS = ("light", "expression", *PARTS, "pose", "appearance")


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
    """The edit. Immutable and hashable: equal rigs on equal photos give equal pictures.

    environment: light that takes the place of the photo's own, before `values` change it; None: there is none.
    """

    values: tuple[tuple[str, Value], ...] = ()
    copies: tuple[Copy, ...] = field(default=())
    environment: Environment | None = None

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

    def under(self, environment: Environment | None) -> Rig:
        """A rig with this environment in place of the photo's light; None: without one."""
        return replace(self, environment=environment)

    def base(self) -> Rig:
        """What the sliders stand on: copies and the environment as it is turned, without the other values."""
        return replace(self, values=tuple(v for v in self.values if v[0].startswith("environment.")))

    def copied(self, block: str) -> Copy | None:
        """The copy of `block`, or None."""
        return next((c for c in self.copies if c.block == block), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values; copies are named by photo and hold their code."""
        plain = {"values": {k: list(v) if isinstance(v, tuple) else v for k, v in self.values},
                 "copies": [{"block": c.block, "photo": c.photo, "label": c.label, "amount": c.amount,
                             "code": c.code.to_json()} for c in self.copies]}
        return plain if self.environment is None else {**plain, "environment": self.environment.to_json()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Rig:
        """The rig written by `to_json`."""
        rig = cls().update({k: tuple(v) if isinstance(v, list) else v for k, v in plain["values"].items()})
        for c in plain.get("copies", ()):
            rig = rig.copy(Copy(c["block"], FaceCode.from_json(c["code"]), c["photo"], c.get("label", ""),
                                float(c.get("amount", 1.0))))
        environment = plain.get("environment")
        return rig if environment is None else rig.under(Environment.from_json(environment))


_LEAST_CHANGE = 0.02  # of a unit: less is not seen


@lru_cache(maxsize=2)
def parameters(head: HeadModel) -> dict[str, Parameter]:
    """Every name that can be set on faces of this head, in the window's order."""
    rows = [*LIGHT]
    rows += [Parameter(f"neutral.{part}", part.capitalize(), "Neutral", 0, 1, 0.0, "", 0.01,
                       f"How much of the photo's own expression of the {part} is taken away") for part in _neutral_parts(head)]
    rows += [Parameter(c.name, c.label, c.group, c.low, c.high, 0.0, c.unit,
                       0.5 if c.unit == "°" else 0.01) for c in head.controls().values()]
    rows += [HOLD, *POSE] if "eyes.yaw" in head.controls() else POSE
    return {row.name: row for row in rows}


def _neutral_parts(head: HeadModel) -> tuple[str, ...]:
    return PARTS if parts_of(head) == PARTS else ("face", "jaw")


def photo_values(head: HeadModel, code: FaceCode) -> dict[str, Value]:
    """Where each slider stands when nothing is edited: the photo's own light, zero for what is added."""
    values = light_values(code)
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
    for axis, angle, most in zip(AXES, pose_degrees(code.pose), MOST_POSE, strict=True):
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
    if row.unit == RGB:
        if not isinstance(value, (tuple, list)) or len(value) != 3:
            raise ParameterError(f"{name} takes three numbers from 0 to 1, as in {name}=1,0.9,0.8.")
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
    if not rig.values and rig.environment is None and all(c.block == "appearance" for c in rig.copies):
        return code
    for copy in sorted(rig.copies, key=lambda c: c.block in PARTS):  # a part goes over the whole
        code = _apply_copy(code, copy, head)
    values = {name: check(head, name, value) for name, value in rig.values}
    code = apply_light(code, values, rig.environment)
    taken = {name.removeprefix("neutral."): float(value) for name, value in values.items()  # type: ignore[arg-type]
             if name.startswith("neutral.") and value}
    code = taken_away(head, code, taken) if taken else code
    code = _apply_controls(code, head, by_side(values), landing, own=not taken)
    return turned(code, head, values, landing)


def _apply_copy(code: FaceCode, copy: Copy, head: HeadModel) -> FaceCode:
    if copy.block == "light":
        return code.replace(light=copy.code.light, lamps=copy.code.lamps)
    if copy.block == "appearance":
        return code
    if copy.code.head != code.head:
        raise ParameterError(f"{copy.block} can't be copied from a fit of the {copy.code.head} head "
                             f"to one of the {code.head} head.")
    if copy.block == "pose":
        return code.replace(pose=copy.code.pose)
    if copy.block in PARTS:
        if copy.block not in parts_of(head):
            raise ParameterError(f"The expression of the '{head.name}' head can't be split: the {copy.block} can't be copied "
                                 "alone. Copy the whole expression.")
        return copied_part(head, code, copy.code, copy.block)
    return code.replace(expression=copy.code.expression, jaw=copy.code.jaw)


def _apply_controls(code: FaceCode, head: HeadModel, values: Mapping[str, Value], landing: Landing | None,
                    own: bool = True) -> FaceCode:
    controls: Mapping[str, Control] = head.controls()
    changes: dict[str, np.ndarray] = {}
    reach: np.ndarray | None = None
    for name, value in values.items():
        control = controls.get(name)
        if control is None or value == 0.0:
            continue
        amount = min(max(float(value), control.low), control.high)  # type: ignore[arg-type]  # sums of sides pass the ends
        change = changes.setdefault(control.block, np.zeros_like(getattr(code, control.block)))
        gain = landing.gain(head, code, control, amount, own) if landing is not None and control.block == "expression" else 1.0
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
