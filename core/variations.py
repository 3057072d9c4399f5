"""Variations: one photo and edit, made over several seeds or values of one parameter, or of two as a grid.

`main.py variations` draws the grid; the window makes its pictures one by one from the same requests.
"""
from __future__ import annotations

import argparse
import difflib
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.cli import progress
from core.errors import ParameterError
from core.parameter import RGB, Parameter, Value
from core.request import MAX_GUIDANCE, MAX_STEPS, RenderRequest

if TYPE_CHECKING:
    from core.grids import Cell

MOST = 25  # values of an axis
MAX_SEED = 2**31 - 1
# What else of a request can be varied, beside the rig's parameters: as rows of their table.
FIELDS: dict[str, Parameter] = {row.name: row for row in (
    Parameter("seed", "Seed", "Making", 0, MAX_SEED, 0.0, "", 1, "Another drawing of the noise"),
    Parameter("strength", "Strength", "Making", 0, 1, 1.0, "", 0.01, "How far the model may go"),
    Parameter("guidance", "Emphasis", "Making", 0, MAX_GUIDANCE, 1.0, "", 0.01, "How much of the model's own part is taken"),
    Parameter("steps", "Steps", "Making", 1, MAX_STEPS, 8.0, "", 1, "Denoising steps"),
    Parameter("reach", "Reach", "Making", 0, 1, 0.5, "", 0.01, "How far from the head the change may go"),
)}
_WHOLE = ("seed", "steps")
_ANGLES = ("azimuth", "elevation", "yaw", "pitch", "roll", "turn")  # last parts of names; which head there is comes later
SEEDS_CHANGE_NOTHING = ("With noise from the photo a seed changes nothing that can be seen: it only draws the dice that find the "
                        "photo's own noise.")


@dataclass(frozen=True)
class Axis:
    """One thing that is varied. name: of a parameter of the rig, or of FIELDS. values: in their order."""

    name: str
    values: tuple[Value, ...]


def spread(name: str, low: Value, high: Value, count: int) -> Axis:
    """`count` values from `low` to `high` in equal steps; of colours each channel. Seeds and steps are rounded, and said once.

    Raises ParameterError for a count under 2 or over MOST.
    """
    if not 2 <= count <= MOST:
        raise ParameterError(f"An axis has 2 to {MOST} values, not {count}.")
    shares = [i / (count - 1) for i in range(count)]
    if isinstance(low, tuple) and isinstance(high, tuple):
        return Axis(name, tuple(tuple(_between(a, b, share) for a, b in zip(low, high, strict=True))  # type: ignore[misc]
                                for share in shares))
    if isinstance(low, tuple) or isinstance(high, tuple):
        raise ParameterError(f"{name} needs two colours, or two numbers.")
    found = [_between(low, high, share) for share in shares]
    return Axis(name, tuple(dict.fromkeys(float(round(v)) for v in found)) if name in _WHOLE else tuple(found))


def vary(request: RenderRequest, name: str, value: Value) -> RenderRequest:
    """The request with one thing changed."""
    if name not in FIELDS:
        return replace(request, rig=request.rig.set(name, value))
    number = value[0] if isinstance(value, tuple) else value
    change: dict[str, Any] = {name: int(number) if name in _WHOLE else float(number)}
    return replace(request, **change)


def plan(request: RenderRequest, across: Axis, down: Axis | None = None) -> list[list[RenderRequest]]:
    """The requests of a grid, in rows: `across` along a row, `down` from row to row."""
    bases = [request] if down is None else [vary(request, down.name, value) for value in down.values]
    return [[vary(base, across.name, value) for value in across.values] for base in bases]


def in_rows(count: int) -> int:
    """How many of `count` pictures in a row stand side by side, so that the rows are about as long as each other."""
    if count <= 5:
        return max(1, count)
    return math.ceil(count / math.ceil(count / 5))


def problem(request: RenderRequest, name: str) -> str:
    """Why varying this would show the same picture again and again; '' where it doesn't."""
    if name == "seed" and request.method == "studio" and request.noise == "inverted":
        return SEEDS_CHANGE_NOTHING
    if name in ("strength", "guidance", "reach") and request.method == "paper":
        return f"With the published method the {FIELDS[name].label.lower()} has no part in the picture."
    if name == "reach" and not request.hold_background:
        return "Where the background isn't held, the reach has no part in the picture."
    return ""


def value_words(value: Value, unit: str = "") -> str:
    """A value with its unit: '0.6', '40°', '#ffd0a0'."""
    if isinstance(value, tuple):
        return "#" + "".join(f"{round(255 * part):02x}" for part in value)
    text = f"{float(value):.1f}" if unit == "°" else f"{float(value):.2f}"
    text = text.rstrip("0").rstrip(".")
    return ("0" if text == "-0" else text) + ("" if unit == RGB else unit)


def row_of(name: str, table: Mapping[str, Parameter]) -> Parameter:
    """The row of what is varied. Raises ParameterError naming the nearest."""
    found = FIELDS.get(name) or table.get(name)
    if found is None:
        near = difflib.get_close_matches(name, (*FIELDS, *table), n=1, cutoff=0.0)[0]
        raise ParameterError(f"There is no parameter '{name}' to vary. The nearest is '{near}'.")
    return found


def check_axis(axis: Axis, table: Mapping[str, Parameter]) -> Axis:
    """The axis, its values checked against their range. Raises ParameterError naming what would do."""
    row = row_of(axis.name, table)
    for value in axis.values:
        parts = value if isinstance(value, tuple) else (value,)
        if (row.unit == RGB) != isinstance(value, tuple):
            raise ParameterError(f"{row.name} takes {'colours, as in #ffd0a0' if row.unit == RGB else 'numbers'}.")
        for part in parts:
            if not row.low <= part <= row.high:
                raise ParameterError(f"{row.name}={part:g} is out of range: it goes from {row.low:g} to {row.high:g}{row.unit}.")
    return axis


# -- command ----------------------------------------------------------------------------------------------------------------


def axis_in(text: str) -> Axis:
    """'NAME=FROM:TO:COUNT' or 'NAME=A,B,C', for argparse."""
    from core.edit_arguments import parse_value

    name, equals, rest = (part.strip() for part in text.partition("="))
    unit = "°" if name.rpartition(".")[2] in _ANGLES else ""
    try:
        if not name or not equals or not rest:
            raise ParameterError("it needs a name and values")
        if ":" not in rest:
            values = tuple(parse_value(name, part, unit) for part in rest.split(","))
            if not 2 <= len(values) <= MOST:
                raise ParameterError(f"an axis has 2 to {MOST} values, not {len(values)}")
            return Axis(name, values)
        low, high, count = rest.split(":")
        return spread(name, parse_value(name, low, unit), parse_value(name, high, unit), int(count))
    except (ValueError, ParameterError) as error:
        why = str(error).rstrip(".") if isinstance(error, ParameterError) else "FROM:TO:COUNT needs three numbers"
        raise argparse.ArgumentTypeError(f"'{text}' is no axis ({why}); write NAME=FROM:TO:COUNT, as in light.azimuth=-60:60:5, "
                                         "or NAME=A,B,C") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `variations`."""
    from core.edit_arguments import add_edit_arguments
    from core.grids import CELL

    parser.add_argument("photo", metavar="PHOTO", type=Path, help="the photo to edit")
    parser.add_argument("--over", metavar="NAME=FROM:TO:COUNT", type=axis_in, required=True,
                        help="what is varied: any name of --set, or " + ", ".join(FIELDS) + "; as in light.azimuth=-60:60:5 or "
                             "seed=1,2,7")
    parser.add_argument("--and", metavar="NAME=FROM:TO:COUNT", dest="down", type=axis_in, help="a second one, from row to row")
    parser.add_argument("--out", metavar="GRID.png", required=True, type=Path, help="the grid: .png, .jpg, .webp or .tif")
    parser.add_argument("--cells", metavar="DIR", type=Path, help="also write each picture there, at the photo's own size")
    parser.add_argument("--side", metavar="N", type=int, default=CELL, help=f"pixels of a grid's picture (default: {CELL})")
    add_edit_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """`main.py variations`. Raises UserError with a message for the user."""
    from core.edit_command import draft
    from core.export import save_image
    from core.grids import draw_grid
    from core.swap import check_files, engine_for

    if not 32 <= arguments.side <= 2048:
        raise ParameterError(f"--side goes from 32 to 2048, not {arguments.side}.")
    axes: list[Axis] = [axis for axis in (arguments.over, arguments.down) if axis is not None]
    if len({axis.name for axis in axes}) < len(axes):
        raise ParameterError(f"{axes[0].name} is varied twice. Name another parameter after --and.")
    request = replace(draft(arguments), size="crop")
    for axis in axes:
        why = problem(request, axis.name)
        if why:
            raise ParameterError(why + (" Add --noise seeded." if axis.name == "seed" else ""))
    people = [arguments.person] if arguments.person is not None else []
    check_files(arguments, [arguments.photo], people)

    with closing(engine_for(arguments, people)) as engine:
        session, request, table = _begin(engine, arguments, request)
        for axis in axes:
            check_axis(axis, table)
        rows = plan(request, arguments.over, arguments.down)
        made = [[_make(engine, one, (i * len(row) + j + 1, len(rows) * len(row))) for j, one in enumerate(row)]
                for i, row in enumerate(rows)]
        if arguments.cells is not None:
            for i, (pictures, requests) in enumerate(zip(made, rows, strict=True)):
                for j, (picture, one) in enumerate(zip(pictures, requests, strict=True)):
                    save_image(picture, arguments.cells / f"{arguments.photo.stem}__{_cell_name(axes, i, j)}.png",
                               source=session.photo.image, request_json=one.to_json())
        sheet = draw_grid(*sheet_of(axes, made, table), arguments.side, sheet_note(axes, table, arguments.photo.name))
        save_image(sheet, arguments.out, request_json=said_of(request, axes))
    return 0


def _begin(engine: Any, arguments: argparse.Namespace,
           request: RenderRequest) -> tuple[Any, RenderRequest, Mapping[str, Parameter]]:
    """Open the photo and complete the request with what the engine knows."""
    from core.edit_arguments import parse_values
    from core.edit_command import copied
    from core.light_command import with_environment
    from core.presets import with_presets
    from core.rig import parameters

    if arguments.person is not None:
        engine.take_person(arguments.person)
    values = parse_values(engine.head, arguments.values)
    session = engine.open(arguments.photo, arguments.face, aligned=arguments.aligned)
    rig = with_environment(with_presets(engine.head, request.rig, arguments.presets), arguments.environment).update(values)
    rig = copied(engine, rig, arguments.copies, arguments.aligned)
    return session, replace(request, photo=session.digest, rig=rig, prior=engine.prior.digest), parameters(engine.head)


def _make(engine: Any, request: RenderRequest, at: tuple[int, int]) -> np.ndarray:
    show = progress("picture") if sys.stderr.isatty() else None
    picture: np.ndarray = engine.render(request, measure=False).crop
    if show is not None:
        show(*at)
    return picture


def _cell_name(axes: Sequence[Axis], i: int, j: int) -> str:
    parts = [(axes[0].name, axes[0].values[j])] + ([(axes[1].name, axes[1].values[i])] if len(axes) > 1 else [])
    return "__".join(f"{name}={value_words(value).replace('#', '')}" for name, value in parts)


def sheet_of(axes: Sequence[Axis], made: Sequence[Sequence[Cell]], table: Mapping[str, Parameter],
             names: Sequence[str] = ()) -> tuple[list[str], list[list[str]], list[list[Cell]]]:
    """What `core.grids.draw_grid` draws of the pictures of a plan: columns, captions and cells.

    One axis fills rows of about the same length with the value under each picture; of two the first stands over the columns, the
    second under the first picture of each row. names: what the axes are called; the table's labels where there are none.
    """
    called = list(names) or [row_of(axis.name, table).label for axis in axes]
    words = [[f"{name} {value_words(value, row_of(axis.name, table).unit)}" for value in axis.values]
             for axis, name in zip(axes, called, strict=True)]
    if len(axes) > 1:
        return words[0], [[text] for text in words[1]], [list(row) for row in made]
    wide = in_rows(len(words[0]))
    cells, captions = list(made[0]), words[0]
    rows = [cells[i:i + wide] for i in range(0, len(cells), wide)]
    under = [captions[i:i + wide] for i in range(0, len(captions), wide)]
    return [""] * wide, under, [row + [None] * (wide - len(row)) for row in rows]


def sheet_note(axes: Sequence[Axis], table: Mapping[str, Parameter], photo: str) -> str:
    """A line for the foot of the grid."""
    said = [f"{row_of(axis.name, table).label.lower()} from {value_words(axis.values[0], row_of(axis.name, table).unit)} to "
            f"{value_words(axis.values[-1], row_of(axis.name, table).unit)}" for axis in axes]
    return f"{photo}, edited with AI: {' and '.join(said)}."


def said_of(request: RenderRequest, axes: Sequence[Axis]) -> dict[str, Any]:
    """What the grid's file says of how it was made."""
    values = [[list(v) if isinstance(v, tuple) else v for v in axis.values] for axis in axes]
    return {"grid": "variations", "request": request.to_json(),
            "axes": [{"name": axis.name, "values": one} for axis, one in zip(axes, values, strict=True)]}


def _between(low: float, high: float, share: float) -> float:
    return float(low) + (float(high) - float(low)) * share
