"""FaceCode: one photo's fitted parameters (spec sections 2 and 3)."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

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

    def __post_init__(self) -> None:
        for name, shape in _SHAPES.items():
            array = np.array(getattr(self, name), dtype=np.float32)
            if shape is None and array.ndim != 1 or shape is not None and array.shape != shape:
                raise ValueError(f"FaceCode.{name} has shape {array.shape}, expected {shape or '(n,)'}")
            if not np.isfinite(array).all():
                raise ValueError(f"FaceCode.{name} holds a value that is not finite")
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @cached_property
    def digest(self) -> str:
        """sha256 over the head's name and all bytes, as hex."""
        total = hashlib.sha256(self.head.encode())
        for name in _SHAPES:
            total.update(name.encode() + np.ascontiguousarray(getattr(self, name), "<f4").tobytes())
        return total.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FaceCode) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def vector(self, fields: tuple[str, ...] = ()) -> np.ndarray:
        """The code as one float32 array (n,), for networks that take it as numbers: `fields` in that order, () for all.

        All of a 'flame' code are DECA's 236; other heads add neck, eyes and box. Raises ValueError for an unknown field.
        """
        unknown = set(fields) - set(_VECTOR)
        if unknown:
            raise ValueError(f"a face code has no {', '.join(sorted(unknown))}; expected some of {', '.join(_VECTOR)}")
        chosen = fields or tuple(name for name in _VECTOR if self.head != "flame" or name not in _STILL_IN_DECA)
        return np.concatenate([getattr(self, name).reshape(-1) for name in chosen])

    def replace(self, **changes: Any) -> FaceCode:
        """A copy with the named fields changed."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and strings; `from_json` gives an equal code back."""
        plain: dict[str, Any] = {"head": self.head}
        for name in _SHAPES:
            plain[name] = [float(v) if a.ndim == 1 else [float(x) for x in v]
                           for a in [getattr(self, name)] for v in a]
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> FaceCode:
        """The code written by `to_json`. Raises ValueError when a field is missing or ill-shaped."""
        missing = {f.name for f in fields(cls)} - set(plain)
        if missing:
            raise ValueError(f"not a face code: no {', '.join(sorted(missing))}")
        return cls(**{f.name: plain[f.name] for f in fields(cls)})
