"""Names of parameters as people read them."""
from __future__ import annotations

import re

from core.rig import Parameter

UNIT_GROUPS = (("Brows", "brow"), ("Eyes", "eye"), ("Cheeks and nose", ("cheek", "nose")), ("Mouth", "mouth"),
               ("Jaw and tongue", ("jaw", "tongue")))
OTHER = "Other"


def unit_part(unit: str) -> str:
    """The part of the face that a unit moves: a title of UNIT_GROUPS, else OTHER."""
    return next((title for title, start in UNIT_GROUPS if unit.startswith(start)), OTHER)


def spoken(name: str) -> str:
    """'expression.mouthSmileLeft' -> 'Mouth smile left', 'expression.07' -> 'Mode 8'."""
    last = name.rsplit(".", 1)[-1].replace("_", " ")
    if last.isdecimal():
        return f"Mode {int(last) + 1}"
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", last).lower()
    return words[:1].upper() + words[1:]


def full_name(name: str) -> str:
    """As `spoken`, with the part of the face where that isn't the expression: 'jaw.open' -> 'Jaw open'."""
    block = name.split(".")[0]
    return spoken(name) if block == "expression" else f"{block.capitalize()} {spoken(name).lower()}"


def listing(words: list[str], most: int = 5) -> str:
    """'A, B and C', or the first few 'and 7 more'."""
    if len(words) > most:
        return f"{', '.join(words[:most - 1])} and {len(words) - most + 1} more"
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def short_label(row: Parameter, part: str) -> str:
    """A unit's label under its part's heading: 'Smile left' under Mouth."""
    text = spoken(row.name)
    first = {"Brows": "Brow ", "Eyes": "Eye ", "Mouth": "Mouth "}.get(part, "")
    if first and text.startswith(first):
        rest = text[len(first):]
        return rest[:1].upper() + rest[1:]
    return text
