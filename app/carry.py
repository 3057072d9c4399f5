"""An edit made with one head, as another head can do it. Names that both have keep their values; nothing is thrown away."""
from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from app.names import full_name
from core import rig as rigs
from core.codes import FaceCode
from core.rig import Copy, Parameter, Rig, Value


def carried(rig: Rig, head: Any, codes: Mapping[tuple[str, str], FaceCode], absent: Collection[str] = ()) -> Rig:
    """The part of `rig` that `head` can do, values cut to its ranges; `rig` itself where that is all of it.

    codes: codes of copied photos by (digest, head name); they take the place of those another head's fit gave. absent: digests of
    photos that are not there; only a copied appearance needs the photo itself.
    """
    table = rigs.parameters(head)
    values = {name: clamped(table[name], value) for name, value in rig.values if name in table}
    there = (copy for copy in rig.copies if copy.block != "appearance" or copy.photo not in absent)
    copies = tuple(copy for copy in (_translated(copy, head.name, codes) for copy in there) if copy is not None)
    fitted = replace(rig, values=Rig().update(values).values, copies=copies)
    return rig if fitted == rig else fitted


def _translated(copy: Copy, head: str, codes: Mapping[tuple[str, str], FaceCode]) -> Copy | None:
    if copy.code.head == head:
        return copy
    code = codes.get((copy.photo, head))
    if code is not None:
        return replace(copy, code=code)
    return copy if copy.block in ("light", "appearance") else None  # light is the same on every head


def clamped(row: Parameter, value: Value) -> Value:
    """The value put into the parameter's range."""
    if isinstance(value, tuple):
        red, green, blue = (min(max(float(v), row.low), row.high) for v in value)
        return red, green, blue
    return min(max(float(value), row.low), row.high)


def left_behind(whole: Rig, fitted: Rig) -> list[str]:
    """What of `whole` is not in `fitted`, in everyday words."""
    there, blocks = dict(fitted.values), {copy.block for copy in fitted.copies}
    gone = [full_name(name) for name, _ in whole.values if name not in there]
    return gone + [f"{c.block} from {c.label or 'another photo'}" for c in whole.copies if c.block not in blocks]
