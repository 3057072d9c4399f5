"""`--environment` of the command line."""
from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NamedTuple

from core.environment import read_environment
from core.rig import Rig

_TURN = re.compile(r"(.+)@([-+]?[0-9]*\.?[0-9]+)")
NONE = "none"


class EnvironmentFile(NamedTuple):
    """What `--environment` asks for. path: None takes an environment away; turn: degrees, None where it wasn't said."""

    path: Path | None
    turn: float | None = None


def add_environment_argument(parser: argparse._ActionsContainer) -> None:
    """`--environment`, for the commands that edit."""
    parser.add_argument("--environment", metavar="FILE[@TURN]", type=environment_file,
                        help="light from a panorama in place of the photo's own: .hdr, .exr or any picture, taken as one of "
                             "everything around the head, its middle at the camera; @90 turns it by 90 degrees toward the "
                             "picture's right; 'none' takes away the one of a rig")


def environment_file(text: str) -> EnvironmentFile:
    """'FILE' or 'FILE@TURN' -> what it asks for, for argparse. A file whose name ends like a turn is taken by its name."""
    if text == NONE and not Path(text).exists():
        return EnvironmentFile(None)
    part = _TURN.fullmatch(text)
    if part is None and "@" in text and not Path(text).exists() and Path(text.rpartition("@")[0]).is_file():
        raise argparse.ArgumentTypeError(f"'{text}': the turn after @ is a number of degrees, from -180 to 180")
    if part is None or Path(text).is_file():
        return EnvironmentFile(Path(text))
    turn = float(part[2])
    if not -180 <= turn <= 180:
        raise argparse.ArgumentTypeError(f"'{text}': the turn after @ goes from -180 to 180 degrees")
    return EnvironmentFile(Path(part[1]), turn)


def with_environment(rig: Rig, wanted: EnvironmentFile | None) -> Rig:
    """A rig under the environment that was asked for; None: the rig itself. Raises UserError for a file that can't be used."""
    if wanted is None:
        return rig
    if wanted.path is None:
        return rig.under(None)
    rig = rig.under(read_environment(wanted.path))
    return rig if wanted.turn is None else rig.set("environment.turn", wanted.turn)
