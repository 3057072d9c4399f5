"""Mix and match (paper figure 5): the physical buffers of one photo with the global code of another.

`main.py mix` draws the grid of both; with `--strip` the way from a photo's own code to another's, step by step.
"""
from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ParameterError
from core.export import save_image
from core.grids import Cell, draw_grid
from core.swap import DEFAULT, Look, Pictures, add_grid_arguments, check_files, engine_for, look_of, rendering, request_for

if TYPE_CHECKING:
    from core.engine import Engine
    from core.people.person import Person
    from core.session import Session

AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of a strip
CORNER = "Global code of →\nPhysical buffers of ↓"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `mix`."""
    parser.add_argument("--buffers", metavar="PHOTO", nargs="+", required=True, type=Path,
                        help="photos that give light, pose, expression and shape, one a row")
    parser.add_argument("--codes", metavar="PHOTO", nargs="+", required=True, type=Path,
                        help="photos that give the rest (hair, skin, background), one a column")
    parser.add_argument("--blend", metavar="0..1", type=float, default=1.0,
                        help="how far the code goes from the row's own photo to the column's (default: 1)")
    parser.add_argument("--strip", action="store_true",
                        help=f"a row for each pair, with the code at {', '.join(f'{a:g}' for a in AMOUNTS)} of the way")
    parser.add_argument("--person", metavar="NAME|FILE", default=DEFAULT, help="paint with a personal model")
    add_grid_arguments(parser, "person")


def run(arguments: argparse.Namespace) -> int:
    """`main.py mix`. Raises UserError with a message for the user."""
    look = look_of(arguments)
    if not 0 <= arguments.blend <= 1:
        raise ParameterError(f"--blend goes from 0 to 1, not {arguments.blend:g}.")
    if arguments.strip and arguments.blend != 1:
        raise ParameterError("--strip shows the whole way from 0 to 1; leave --blend out.")
    check_files(arguments, [*arguments.buffers, *arguments.codes], [arguments.person])

    with closing(engine_for(arguments, [arguments.person])) as engine:
        person = engine.take_person(arguments.person) if arguments.person != DEFAULT else None
        opened = {path: engine.open(path, aligned=arguments.aligned) for path in (*arguments.buffers, *arguments.codes)}
        shapes, codes = ({path: opened[path] for path in paths} for paths in (arguments.buffers, arguments.codes))
        columns, captions, cells = (_strip(engine, look, person, shapes, codes, arguments.cells) if arguments.strip else
                                _grid(engine, look, person, shapes, codes, arguments.cells, arguments.blend))
        way = "" if arguments.strip or arguments.blend == 1 else f" The code goes {arguments.blend:.0%} of the way."
        note = f"Physical buffers of one photo with the global code of another{f', as {person.name}' if person else ''}.{way} "
        said = {"grid": "strip" if arguments.strip else "mix", "person": person.digest if person else None,
                "buffers": [s.digest for s in shapes.values()], "codes": [s.digest for s in codes.values()],
                "blend": arguments.blend, "prior": engine.prior.digest, "look": asdict(look)}
        save_image(draw_grid(columns, captions, cells, arguments.side, note + look.words(person is not None)), arguments.out,
                   request_json=said)
    return 0


def _grid(engine: Engine, look: Look, person: Person | None, shapes: dict[Path, Session], codes: dict[Path, Session],
          folder: Path | None, amount: float) -> tuple[list[str], list[list[str]], list[list[Cell]]]:
    """Names of columns, captions and cells: photos of the codes above, photos of the buffers at the left."""
    made = Pictures(engine, folder, len(shapes) * len(codes))
    identity = person.identity if person is not None and look.shape == "person" else ()
    cells: list[list[Cell]] = [[CORNER, None, *(other.crop for other in codes.values())]]
    for photo in shapes.values():
        pictures = [made(request_for(engine, photo, look, person, other, amount), photo, path.stem)
                    for path, other in codes.items()]
        cells.append([photo.crop, rendering(engine, photo, identity), *pictures])
    return ["", "", *(path.name for path in codes)], [[], *([path.name] for path in shapes)], cells


def _strip(engine: Engine, look: Look, person: Person | None, shapes: dict[Path, Session], codes: dict[Path, Session],
           folder: Path | None) -> tuple[list[str], list[list[str]], list[list[Cell]]]:
    made = Pictures(engine, folder, len(shapes) * len(codes) * len(AMOUNTS))
    captions: list[list[str]] = []
    cells: list[list[Cell]] = []
    for own, photo in shapes.items():
        for path, other in codes.items():
            pictures = [made(request_for(engine, photo, look, person, other, amount), photo, f"{path.stem}-{amount:.2f}")
                        for amount in AMOUNTS]
            captions.append([own.name, *[""] * len(AMOUNTS), path.name])
            cells.append([photo.crop, *pictures, other.crop])
    return ["Buffers of", *(f"{amount:.0%}" for amount in AMOUNTS), "Code of"], captions, cells
