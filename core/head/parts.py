"""Parts of a face whose expression can be taken away or copied on their own, for heads with units named as ARKit's."""
from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.codes import FaceCode
from core.head.base import HeadModel

PARTS = ("mouth", "eyes", "brows", "jaw")
FOLLOWED = (*PARTS, "pose")  # what a photo can take from a face before the webcam
# mouthClose is the lips' share of an opening jaw: it keeps them together. Cheeks go with what squeezes them.
_STARTS: dict[str, tuple[str, ...]] = {
    "jaw": ("jaw", "mouthClose"), "mouth": ("mouth", "nose", "cheekPuff", "tongue"), "eyes": ("eye", "cheekSquint"),
    "brows": ("brow",)}
_LOOK = "eyeLook"


def part_of(unit: str) -> str:
    """The part of the face, one of PARTS, that an ARKit-named unit moves; '' for another name."""
    return next((part for part, starts in _STARTS.items() if unit.startswith(starts)), "")


def parts_of(head: HeadModel) -> tuple[str, ...]:
    """The parts that a head can tell apart. FLAME's modes move the whole face: it has its jaw, and eyes that only look."""
    there = {part_of(name) for name in head.expression_names}
    return PARTS if "mouth" in there else ("eyes", "jaw")


@lru_cache(maxsize=16)
def _rows(names: tuple[str, ...], part: str, looks: bool) -> np.ndarray:
    return np.array([part_of(name) == part and (looks or not name.startswith(_LOOK)) for name in names])


def taken_away(head: HeadModel, code: FaceCode, shares: dict[str, float]) -> FaceCode:
    """A code without a share (0..1) of each part's own expression. Where the eyes look is no expression and stays.

    "face" is all of an expression whose parts can't be told apart.
    """
    values = np.array(code.expression)
    for part, share in shares.items():
        if part == "face":
            values *= np.float32(1 - share)
        else:
            values[_rows(head.expression_names, part, False)] *= np.float32(1 - share)
    jaw = code.jaw * np.float32(1 - shares.get("jaw", 0.0))
    return code.replace(expression=head.stop_expression(code, values), jaw=jaw)


def copied_part(head: HeadModel, code: FaceCode, other: FaceCode, part: str) -> FaceCode:
    """A code with one part's expression as it is in another of the same head; the eyes look where those of the other do."""
    values = np.array(code.expression)
    rows = _rows(head.expression_names, part, True)
    values[rows] = other.expression[rows]
    jaw = other.jaw if part == "jaw" else code.jaw
    eyes = other.eyes if part == "eyes" else code.eyes
    return code.replace(expression=head.stop_expression(code.replace(eyes=eyes), values), jaw=jaw, eyes=eyes)


# Everyday expressions by the part that shows them; those that take the whole face are no one part's.
_EVERYDAY = {"mouth": ("smile", "frown", "disgust", "pucker", "puff"), "eyes": ("blink", "squint", "wide_eyes", "wink"),
             "brows": ("raise_brows",), "jaw": ()}


def belongs(name: str, part: str) -> bool:
    """Whether a parameter edits the expression of a part, or of all of it with part 'expression'."""
    block, _, last = name.partition(".")
    if part == "expression":
        return block in ("expression", "jaw", "neutral")
    if block == "expression":
        return part_of(last) == part or last.startswith(_EVERYDAY[part])
    return name == f"neutral.{part}" or block == part
