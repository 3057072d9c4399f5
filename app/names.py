"""Names of parameters as people read them."""
from __future__ import annotations

import re

from app.language import tr
from core.rig import Parameter

UNIT_GROUPS = (("Brows", "brow"), ("Eyes", "eye"), ("Cheeks and nose", ("cheek", "nose")), ("Mouth", "mouth"),
               ("Jaw and tongue", ("jaw", "tongue")))
OTHER = "Other"
# What can be taken over from another photo.
BLOCKS = {"light": "Light", "expression": "Expression", "pose": "Pose", "appearance": "Appearance", "mouth": "Mouth",
          "eyes": "Eyes", "brows": "Brows", "jaw": "Jaw"}


def block_name(block: str) -> str:
    """What is called what can be taken over from another photo, as the first word of a text."""
    return tr(BLOCKS[block]) if block in BLOCKS else spoken(block)


def unit_part(unit: str) -> str:
    """The part of the face that a unit moves: a title of UNIT_GROUPS, else OTHER."""
    return next((title for title, start in UNIT_GROUPS if unit.startswith(start)), OTHER)


def spoken(name: str) -> str:
    """'expression.mouthSmileLeft' -> 'Mouth smile left', 'expression.07' -> 'Mode 8'."""
    last = name.rsplit(".", 1)[-1]
    return tr("Mode {number}", number=int(last) + 1) if last.isdecimal() else tr(plain(name))


def plain(name: str) -> str:
    """As `spoken`, in English: what a translation is looked up by."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", name.rsplit(".", 1)[-1].replace("_", " ")).lower()
    return words[:1].upper() + words[1:]


def full_name(name: str) -> str:
    """As `spoken`, with the part of the face where that isn't the expression: 'jaw.open' -> 'Jaw open'."""
    block = name.split(".")[0]
    return spoken(name) if block == "expression" else tr(plain_full(name))


def plain_full(name: str) -> str:
    """As `full_name`, in English, of a name that isn't of the expression."""
    return f"{name.split('.')[0].capitalize()} {plain(name).lower()}"


def listing(words: list[str], most: int = 5) -> str:
    """'A, B and C', or the first few 'and 7 more'."""
    if len(words) > most:
        return tr("{names} and {count} more", names=", ".join(words[:most - 1]), count=len(words) - most + 1)
    if len(words) < 2:
        return "".join(words)
    return tr("{names} and {last}", names=", ".join(words[:-1]), last=words[-1])


def short_label(row: Parameter, part: str) -> str:
    """A unit's label under its part's heading: 'Smile left' under Mouth."""
    text, last = plain_short(row, part), row.name.rsplit(".", 1)[-1]
    return spoken(row.name) if last.isdecimal() else tr(text)


def plain_short(row: Parameter, part: str) -> str:
    """As `short_label`, in English."""
    text = plain(row.name)
    first = {"Brows": "Brow ", "Eyes": "Eye ", "Mouth": "Mouth "}.get(part, "")
    if first and text.startswith(first):
        rest = text[len(first):]
        return rest[:1].upper() + rest[1:]
    return text
