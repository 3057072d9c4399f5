"""FaceCode: one photo's fitted parameters (spec sections 2 and 3)."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from core.light_lamps import MAX_LAMPS, Lamp, whole_light

# DECA's order of a code (shape, texture, expression, pose, jaw, camera, light: 236 numbers for FLAME), then what FLAME as DECA
# uses it never moves.
_VECTOR = ("identity", "albedo", "expression", "pose", "jaw", "camera", "light", "neck", "eyes", "box")
_STILL_IN_DECA = ("neck", "eyes", "box")

_SHAPES: dict[str, tuple[int, ...] | None] = {
    "identity": None, "expression": None, "pose": (3,), "neck": (3,), "jaw": (3,), "eyes": (2,),
    "albedo": None, "camera": (3,), "box": (3,), "light": (9, 3),
}


@dataclass(frozen=True, eq=False)
class FaceCode:
    """Parameters of one face, as plain float32 arrays that can't be written to.

    head: name of the head model they belong to ('open' or 'flame').
    identity (K,), expression (E,): coefficients of that head's bases.
    pose, neck, jaw (3,): axis-angle, radians. eyes (2,): yaw and pitch of both eyes, radians.
    albedo (A,): coefficients of that head's albedo model.
    camera (3,): orthographic (s, tx, ty). box (3,): the square face box (size, cx, cy) as fractions of the picture's side.
    light (9, 3): spherical harmonics coefficients, row = coefficient, column = RGB.
    lamps: light beside it that harmonics can't hold (`core.light_lamps`); a fitted code has none.

    Two codes are equal when all their bytes are. Raises ValueError on a wrong shape or a value that is not finite.
    """

    head: str
    identity: np.ndarray
    expression: np.ndarray
    pose: np.ndarray
    neck: np.ndarray
    jaw: np.ndarray
    eyes: np.ndarray
    albedo: np.ndarray
    camera: np.ndarray
    box: np.ndarray
    light: np.ndarray
    lamps: tuple[Lamp, ...] = ()

    def __post_init__(self) -> None:
        for name, shape in _SHAPES.items():
            array = np.array(getattr(self, name), dtype=np.float32)
            if shape is None and array.ndim != 1 or shape is not None and array.shape != shape:
                raise ValueError(f"FaceCode.{name} has shape {array.shape}, expected {shape or '(n,)'}")
            if not np.isfinite(array).all():
                raise ValueError(f"FaceCode.{name} holds a value that is not finite")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "lamps", tuple(self.lamps))
        if len(self.lamps) > MAX_LAMPS or not all(isinstance(lamp, Lamp) for lamp in self.lamps):
            raise ValueError(f"FaceCode.lamps takes up to {MAX_LAMPS} lamps")

    @cached_property
    def digest(self) -> str:
        """sha256 over the head's name and all bytes, as hex."""
        total = hashlib.sha256(self.head.encode())
        for name in _SHAPES:
            total.update(name.encode() + np.ascontiguousarray(getattr(self, name), "<f4").tobytes())
        for lamp in self.lamps:
            total.update(lamp.numbers().astype("<f8").tobytes())
        return total.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FaceCode) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def whole_light(self) -> np.ndarray:
        """Light and lamps (9, 3) as one, as nearly as harmonics can say it: for what knows nothing of lamps."""
        return whole_light(self.light, self.lamps)

    def vector(self, fields: tuple[str, ...] = ()) -> np.ndarray:
        """The code as one float32 array (n,), for networks that take it as numbers: `fields` in that order, () for all.

        All of a 'flame' code are DECA's 236; other heads add neck, eyes and box. Lamps are in its light. Raises ValueError for an
        unknown field.
        """
        unknown = set(fields) - set(_VECTOR)
        if unknown:
            raise ValueError(f"a face code has no {', '.join(sorted(unknown))}; expected some of {', '.join(_VECTOR)}")
        chosen = fields or tuple(name for name in _VECTOR if self.head != "flame" or name not in _STILL_IN_DECA)
        return np.concatenate([(self.whole_light if name == "light" else getattr(self, name)).reshape(-1) for name in chosen])

    def replace(self, **changes: Any) -> FaceCode:
        """A copy with the named fields changed."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and strings; `from_json` gives an equal code back."""
        plain: dict[str, Any] = {"head": self.head}
        for name in _SHAPES:
            plain[name] = [float(v) if a.ndim == 1 else [float(x) for x in v]
                           for a in [getattr(self, name)] for v in a]
        return {**plain, "lamps": [lamp.to_json() for lamp in self.lamps]} if self.lamps else plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> FaceCode:
        """The code written by `to_json`. Raises ValueError when a field is missing or ill-shaped."""
        missing = {f.name for f in fields(cls)} - set(plain) - {"lamps"}
        if missing:
            raise ValueError(f"not a face code: no {', '.join(sorted(missing))}")
        lamps = plain.get("lamps") or ()
        if not isinstance(lamps, (list, tuple)) or len(lamps) > MAX_LAMPS:
            raise ValueError(f"not a face code: lamps is no list of up to {MAX_LAMPS} lamps")
        return cls(**{f.name: plain[f.name] for f in fields(cls) if f.name != "lamps"},
                   lamps=tuple(Lamp.from_json(lamp) for lamp in lamps))
