"""What the commands that edit take in common, and how its texts are read: `--set`, `--preset`, `--copy` and the rest."""
from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from core.cli import add_model_arguments
from core.errors import ParameterError
from core.export_picture import add_export_arguments
from core.head.base import HeadModel
from core.light_command import add_environment_argument
from core.presets import parse_preset
from core.request import DEFAULT_REACH, DEFAULT_STEPS, MAX_STEPS, METHODS, NOISES, PAPER_STEPS
from core.rig import COPY_BLOCKS, Value, check, parameters

_AMOUNT = re.compile(r"(.+)@([0-9]*\.?[0-9]+)")
_WITH_UNIT = {"°": re.compile(r"(.+?)\s*(?:°|deg|degrees)"), "": re.compile(r"(.+?)\s*%")}


def add_edit_arguments(parser: argparse.ArgumentParser, films: bool = False) -> None:
    """What `edit` and `batch` both take: the changes, and how a picture is made. films: without what is for pictures alone."""
    edit = parser.add_argument_group("the edit")
    edit.add_argument("--set", metavar="NAME=VALUE", dest="values", action="extend", nargs="+", default=[], type=assignment,
                      help="a change, as in light.azimuth=60 or expression.smile=0.8 (or 60deg, 80%%); "
                           "colours are #rrggbb or r,g,b (0 to 1)")
    edit.add_argument("--preset", metavar="KIND:NAME", dest="presets", action="extend", nargs="+", default=[],
                      type=preset_named,
                      help="a preset by name, as in light:Rembrandt or expression:'Big grin', or light:FILE.json; "
                           "expression:Laugh@0.5 takes half of it; what --set says goes over it")
    add_environment_argument(edit)
    edit.add_argument("--copy", metavar="BLOCK:PHOTO2", dest="copies", action="extend", nargs="+", default=[],
                      type=block_of_photo, help=f"take {', '.join(COPY_BLOCKS)} from another photo; appearance:PHOTO2@0.5 goes "
                                                "half the way to it")
    model = parser.add_argument_group("face and model")
    model.add_argument("--face", metavar="N", type=int,
                       help="which face, counted from 0, the largest first (default: the largest)")
    model.add_argument("--aligned", action="store_true",
                       help="the photos are aligned squares already (FFHQ framing): take them whole")
    model.add_argument("--person", metavar="NAME|FILE", help="use a person's model: one that 'main.py people' lists, or a file")
    add_model_arguments(model)
    model.add_argument("--rasterizer", metavar="NAME", default="numba",
                       help="what draws the buffers: numba, torch or pytorch3d (default: numba)")
    making = parser.add_argument_group("how a picture is made")
    making.add_argument("--method", choices=METHODS,
                        help="studio keeps the photo's own detail; paper is the published method and nothing else: seeded noise, "
                             "DDIM, the whole crop from the network, 32-bit numbers (default: studio)")
    making.add_argument("--seed", metavar="N", type=int, help="of every random draw (default: 0)")
    making.add_argument("--steps", metavar="N", type=int,
                        help=f"denoising steps, 1 to {MAX_STEPS} (default: {DEFAULT_STEPS}, with --method paper {PAPER_STEPS})")
    making.add_argument("--noise", choices=NOISES,
                        help="inverted keeps everything the edit doesn't touch; seeded draws anew (default: inverted)")
    making.add_argument("--strength", metavar="0..1", type=float, help="how far the model may go (default: 1)")
    making.add_argument("--guidance", metavar="0..3", type=float,
                        help="how much of the network's own part of the edit is taken: more than 1 exaggerates it (default: 1)")
    making.add_argument("--reach", metavar="0..1", type=float,
                        help="how far from the head the change may go: 0 the head alone, 0.5 hair, neck and shoulders too, 1 "
                             f"everything around it (default: {DEFAULT_REACH})")
    making.add_argument("--size", choices=("crop", "full"),
                        help="the face crop only, or the whole photo with the crop pasted back (default: full)")
    add_export_arguments(parser.add_argument_group("the file"), films)


def assignment(text: str) -> tuple[str, str]:
    """'NAME=VALUE' -> (NAME, VALUE), for argparse."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=VALUE")
    return name.strip(), value.strip()


def preset_named(text: str) -> tuple[str, str, float]:
    """'KIND:NAME' or 'KIND:NAME@AMOUNT' -> (kind, name, amount), for argparse."""
    try:
        return parse_preset(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


class CopyFrom(NamedTuple):
    """What `--copy` asks for. amount: see `core.rig.Copy`."""

    block: str
    photo: Path
    amount: float = 1.0


def block_of_photo(text: str) -> CopyFrom:
    """'BLOCK:PHOTO' or 'appearance:PHOTO@AMOUNT', for argparse. A photo whose name ends like an amount is taken by its name."""
    block, colon, photo = text.partition(":")
    if not colon or not photo:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form BLOCK:PHOTO2, as in light:other.jpg")
    if block not in COPY_BLOCKS:
        nearest = difflib.get_close_matches(block, COPY_BLOCKS, n=1, cutoff=0.0)[0]
        raise argparse.ArgumentTypeError(f"there is no block '{block}' to copy; the nearest is '{nearest}' "
                                         f"(of {', '.join(COPY_BLOCKS)})")
    part = _AMOUNT.fullmatch(photo)
    if part is None or Path(photo).is_file():
        return CopyFrom(block, Path(photo))
    amount = float(part[2])
    if block != "appearance":
        raise argparse.ArgumentTypeError(f"only appearance can be copied in part; write {block}:{part[1]}")
    if not 0 <= amount <= 1:
        raise argparse.ArgumentTypeError(f"'{text}': the amount after @ goes from 0 to 1")
    return CopyFrom(block, Path(part[1]), amount)


def parse_values(head: HeadModel, assignments: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """Texts of `--set` as checked values; of a name given twice the last counts.

    Raises ParameterError that names the nearest valid name or value.
    """
    values: dict[str, Value] = {}
    for name, text in assignments:
        if name not in parameters(head):
            check(head, name, 0.0)  # names the nearest before the value is looked at
        values[name] = check(head, name, parse_value(name, text, parameters(head)[name].unit))
    return values


def parse_value(name: str, text: str, unit: str = "") -> Value:
    """'0.5' -> 0.5; '#ff8000' and '1,0.5,0' -> three numbers from 0 to 1. unit: of the parameter: '15°' and '15 deg' where it is
    degrees, '80%' where it is a share. Raises ParameterError."""
    text = text.replace("\N{MINUS SIGN}", "-")  # as the window and printed texts write it
    try:
        if text.startswith("#") and len(text) == 7:
            red, green, blue = (int(text[i:i + 2], 16) / 255 for i in (1, 3, 5))
            return red, green, blue
        if "," in text:
            red, green, blue = (float(part) for part in text.split(","))
            return red, green, blue
        number = _WITH_UNIT[unit].fullmatch(text) if unit in _WITH_UNIT else None
        if number is not None:
            return float(number[1]) / (100 if unit == "" else 1)
        return float(text)
    except ValueError:
        kind = "#rrggbb or r,g,b from 0 to 1" if name.endswith(".color") else "a number"
        raise ParameterError(f"{name} takes {kind}, not '{text}'.") from None
