"""A rig as text for the clipboard: it goes to another photo, another window, or into a chat and back."""
from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.assets.problems import Unfit
from core.errors import ParameterError, UserError
from core.people.names import visible
from core.project.plain import parse, table, take
from core.request import RenderRequest
from core.rig import Rig

FORMAT = 1
KIND = "rig"
MAX_TEXT = 4 << 20
PARTS = ("light", "expression", "pose", "appearance")
_OWNED: dict[str, tuple[str, ...]] = {"light": ("light.", "lamp.", "environment.", "sh."), "pose": ("pose.",)}
_BLOCKS = {"light": "light", "pose": "pose", "appearance": "appearance"}
_STRAIGHT = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u00a0": " ",
                           "\u202f": " ", "\ufeff": None, "\u200b": None, "\u2060": None})


@dataclass(frozen=True)
class RigText:
    """What was copied. look: how the picture is made, as values by the names of RenderRequest; empty where that wasn't copied.
    label: the photo it came from."""

    rig: Rig
    look: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    def parts(self) -> tuple[str, ...]:
        """Those of PARTS that it holds anything of."""
        held = {part_of(name) for name, _ in self.rig.values} | {part_of_block(copy.block) for copy in self.rig.copies}
        held |= {"light"} if self.rig.environment is not None else set()
        held |= {"appearance"} if self.look else set()
        return tuple(part for part in PARTS if part in held)

    def onto(self, rig: Rig, parts: Collection[str]) -> Rig:
        """Another rig with these parts as they are here; what it has of the others stays."""
        values = {**{name: value for name, value in rig.values if part_of(name) not in parts},
                  **{name: value for name, value in self.rig.values if part_of(name) in parts}}
        copies = (*(copy for copy in rig.copies if part_of_block(copy.block) not in parts),
                  *(copy for copy in self.rig.copies if part_of_block(copy.block) in parts))
        made = Rig().update(values)
        for copy in copies:
            made = made.copy(copy)
        return replace(rig, values=made.values, copies=made.copies,
                       environment=self.rig.environment if "light" in parts else rig.environment)


def part_of(name: str) -> str:
    """The part that a parameter belongs to."""
    return next((part for part, starts in _OWNED.items() if name.startswith(starts)), "expression")


def part_of_block(block: str) -> str:
    """The part that a copied block belongs to."""
    return _BLOCKS.get(block, "expression")


def to_text(copied: RigText) -> str:
    """One line of JSON. Numbers of codes are as short as they can be without losing a bit."""
    plain = copied.rig.to_json()
    for copy in plain["copies"]:
        copy["code"] = {name: _short(values) for name, values in copy["code"].items()}
    return json.dumps({"diffusionrig": KIND, "format": FORMAT, "from": copied.label, "rig": plain, "look": dict(copied.look)},
                      allow_nan=False, ensure_ascii=False)


def from_text(text: str) -> RigText:
    """What `to_text` wrote, wherever it has been since: quotes that a chat made round, and text around it, do no harm.

    Raises ParameterError for anything else; its values are within the limits of `Rig.from_json`, not yet in any head's ranges.
    """
    if len(text) > MAX_TEXT:
        raise ParameterError("The text on the clipboard is too long for a rig.")
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start or "diffusionrig" not in text:
        raise ParameterError("There is no rig on the clipboard. Copy one first (Ctrl+C in the window it is in).")
    body = text[start:end + 1]
    try:
        try:
            plain = table(parse(body.encode("utf-8", "replace"), "the rig"), "the rig")
        except Unfit:
            plain = table(parse(body.translate(_STRAIGHT).encode("utf-8", "replace"), "the rig"), "the rig")
        return _checked(plain)
    except (Unfit, UserError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        said = visible(" ".join(str(error).split()))[:200].rstrip(".")
        raise ParameterError(f"The rig on the clipboard can't be used: {said}. Copy it again.") from error


def _checked(plain: dict[str, Any]) -> RigText:
    if plain.get("diffusionrig") != KIND:
        raise Unfit("it is something else than a rig")
    version = plain.get("format")
    if type(version) is not int or version > FORMAT:
        raise Unfit("it was copied from a newer version of this program")
    look = {name: value for name, value in table(plain.get("look", {}), "how its picture is made").items()
            if isinstance(value, bool | int | float | str)}
    request = RenderRequest.from_json({"photo": "", "rig": table(plain.get("rig"), "the rig")})
    return RigText(request.rig, look, take(plain, "from", str, ""))


def _short(values: Any) -> Any:
    """Numbers of a float32 array in their shortest form that reads back the same."""
    if isinstance(values, list):
        return [_short(value) for value in values]
    return float(str(np.float32(values))) if isinstance(values, float) else values

