"""Identity transfer (paper section 5.3, figure 6): the buffers and the global code of a photo through another person's network.

`main.py swap` draws the grid of photos and people; the window makes its pictures one by one with the same functions.
"""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.cli import add_model_arguments, progress
from core.edit_command import check_paths, prior_given
from core.errors import AssetError, ParameterError
from core.export import save_image
from core.files import atomic_write
from core.grids import CELL, Cell, draw_grid
from core.people.names import slug
from core.people.shelf import find_person
from core.request import DEFAULT_STEPS, MAX_STEPS, METHODS, NOISES, PAPER_STEPS, RenderRequest
from core.rig import Copy, Rig

if TYPE_CHECKING:
    from core.engine import Engine
    from core.people.person import Person
    from core.session import Session

DEFAULT = "default"  # stands for nobody: the prior as it is
DEFAULT_TITLE = "Default model"
SHAPES = ("photo", "person")
_BACKGROUND = 0.93  # behind a rendering: a light grey that is neither paper nor skin


@dataclass(frozen=True)
class Look:
    """How the pictures of a grid are made; noise, seed, steps and method as in `RenderRequest`.

    shape: whose head the buffers show: that of the photo, so that all people paint from the same buffers (the paper's way), or
    the person's mean shape, which is what their network was trained on. background: keep the photo's own around the head.
    """

    noise: str = "seeded"
    seed: int = 0
    steps: int = DEFAULT_STEPS
    method: str = METHODS[0]
    shape: str = SHAPES[0]
    background: bool = False

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ParameterError(f"shape is one of {', '.join(SHAPES)}, not '{self.shape}'.")

    def words(self, people: bool) -> str:
        """It in a sentence, for the foot of a grid. people: whether a person has a part in it."""
        if self.method == "paper":
            noise = f"seed {self.seed}, the published chain in {self.steps} steps"
        elif self.noise == "seeded":
            noise = f"drawn noise, seed {self.seed}"
        else:
            noise = f"the photo's own noise (found with the default model), seed {self.seed}"
        heads = "; the photo's own head shape" if self.shape == "photo" else "; the person's mean head shape"
        return f"{noise[0].upper()}{noise[1:]}{heads if people else ''}."


def request_for(engine: Engine, session: Session, look: Look, person: Person | None = None, code_from: Session | None = None,
                amount: float = 1.0) -> RenderRequest:
    """The request for one picture of a grid: the photo's buffers through a person's network (None: the prior's).

    code_from: the photo whose global code takes the place of the photo's own, by `amount` (see `core.rig.Copy`). All photos are
    taken to be of the person then, as in the paper's figure 5; None: the photo is anybody's, and its face becomes the person's.
    """
    rig = Rig()
    if code_from is not None:
        name = code_from.photo.path.name if code_from.photo.path else ""
        rig = rig.copy(Copy("appearance", code_from.code, code_from.digest, name, amount))
    own = tuple(float(v) for v in session.code.identity) if person is not None and look.shape == "photo" else ()
    becomes = person is not None and code_from is None and look.noise == "inverted"
    return RenderRequest(session.digest, rig, noise=look.noise, seed=look.seed, steps=look.steps, prior=engine.prior.digest,
                         person=person.digest if person else None, size="crop", hold_background=look.background,
                         method=look.method, identity=own, transfer=becomes)


def rendering(engine: Engine, session: Session, identity: tuple[float, ...] = ()) -> np.ndarray:
    """What the physical buffers say of a photo: the fitted head with its albedo and light, (S, S, 3) uint8 on light grey.

    identity: the head shape to draw in place of the photo's own; () for its own.
    """
    buffers = engine.buffers(session, Rig(), engine.prior.size, identity)
    covered = buffers.coverage[..., None]
    return np.rint(255 * np.clip(buffers.rendered * covered + _BACKGROUND * (1 - covered), 0, 1)).astype(np.uint8)


# -- command ----------------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `swap`."""
    parser.add_argument("--people", metavar="NAME|FILE", nargs="+", required=True,
                        help=f"whose models paint, one a column; '{DEFAULT}' is the model without a person")
    parser.add_argument("--photos", metavar="PHOTO", nargs="+", required=True, type=Path,
                        help="whose buffers and global code are painted, one a row")
    add_grid_arguments(parser, SHAPES[0])


def add_grid_arguments(parser: argparse.ArgumentParser, shape: str) -> None:
    """What `swap` and `mix` both take. shape: the default of `--shape`."""
    look = Look()
    parser.add_argument("--out", metavar="GRID.png", required=True, type=Path, help="the grid: .png, .jpg, .webp or .tif")
    parser.add_argument("--cells", metavar="DIR", type=Path, help="also write each picture there, at the photo's own size")
    parser.add_argument("--side", metavar="N", type=int, default=CELL, help=f"pixels of a grid's picture (default: {CELL})")
    parser.add_argument("--noise", choices=NOISES,
                        help="seeded paints each face anew from drawn noise, as the paper does; inverted starts from the photo's "
                             "own noise and keeps more of the photo (default: seeded)")
    parser.add_argument("--seed", metavar="N", type=int, default=look.seed, help="of the noise (default: 0)")
    parser.add_argument("--steps", metavar="N", type=int,
                        help=f"denoising steps, 1 to {MAX_STEPS} (default: {DEFAULT_STEPS}, with --method paper {PAPER_STEPS})")
    parser.add_argument("--method", choices=METHODS, default=METHODS[0],
                        help="paper is the published chain: seeded noise and DDIM with the full network (default: studio)")
    parser.add_argument("--shape", choices=SHAPES, default=shape,
                        help="whose head shape the buffers have: the photo's, which is the same for everybody, or each person's "
                             f"own mean shape (default: {shape})")
    parser.add_argument("--keep-background", action="store_true",
                        help="keep the photo's own pixels around the head; without, the whole square is painted")
    parser.add_argument("--aligned", action="store_true",
                        help="the photos are aligned squares already (FFHQ framing): take them whole")
    add_model_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """`main.py swap`. Raises UserError with a message for the user."""
    look = look_of(arguments)
    check_files(arguments, arguments.photos, arguments.people)

    with closing(engine_for(arguments, arguments.people)) as engine:
        people = [None if name == DEFAULT else engine.take_person(name) for name in arguments.people]
        photos = [engine.open(path, aligned=arguments.aligned) for path in arguments.photos]
        names = [person.name if person else DEFAULT_TITLE for person in people]
        made = Pictures(engine, arguments.cells, len(people) * len(photos))
        # person by person: an engine keeps few of them ready
        columns = [[made(request_for(engine, photo, look, person), photo, name) for photo in photos]
                   for person, name in zip(people, names, strict=True)]
        cells: list[list[Cell]] = [[photo.crop, rendering(engine, photo), *(column[i] for column in columns)]
                                   for i, photo in enumerate(photos)]
        note = f"Physical buffers and global code of each photo, painted by each person's model. {look.words(any(people))}"
        grid = draw_grid(["Photo", "Buffers", *names], [[path.name] for path in arguments.photos], cells, arguments.side, note)
        said = {"grid": "swap", "people": [p.digest if p else DEFAULT for p in people], "names": names,
                "photos": [photo.digest for photo in photos], "prior": engine.prior.digest, "look": asdict(look)}
        save_image(grid, arguments.out, request_json=said)
    return 0


class Pictures:
    """Makes the pictures of a grid, and writes each into a folder where there is one."""

    def __init__(self, engine: Engine, folder: Path | None, count: int) -> None:
        self._engine, self._folder, self._count = engine, folder, count
        self._done = 0
        self._taken: set[str] = set()
        self._show = progress("picture")

    def __call__(self, request: RenderRequest, session: Session, name: str) -> np.ndarray:
        """The picture of a request, (N, N, 3) uint8. name: tells it from the others of its photo. Raises UserError."""
        picture: np.ndarray = self._engine.render(request, measure=False).crop
        if self._folder is not None:
            save_image(picture, self._folder / f"{self._free(session, name)}.png", source=session.photo.image,
                       request_json=request.to_json())
        self._done += 1
        if self._show is not None:
            self._show(self._done, self._count)
        return picture

    def _free(self, session: Session, name: str) -> str:
        stem = f"{session.photo.path.stem if session.photo.path else 'photo'}__{slug(name)}"
        found, number = stem, 2
        while found.lower() in self._taken:
            found, number = f"{stem}-{number}", number + 1
        self._taken.add(found.lower())
        return found


def look_of(arguments: argparse.Namespace) -> Look:
    """What the options of `add_grid_arguments` say of a grid's look. Raises ParameterError."""
    paper = arguments.method == "paper"
    if paper and arguments.noise == "inverted":
        raise ParameterError("--method paper has no --noise inverted: it always starts from seeded noise.")
    if not 32 <= arguments.side <= 2048:
        raise ParameterError(f"--side goes from 32 to 2048, not {arguments.side}.")
    steps = arguments.steps if arguments.steps is not None else PAPER_STEPS if paper else DEFAULT_STEPS
    look = Look(arguments.noise or "seeded", arguments.seed, steps, arguments.method, arguments.shape, arguments.keep_background)
    RenderRequest("", noise=look.noise, seed=look.seed, steps=look.steps)  # checks them before anything is loaded
    return look


def check_files(arguments: argparse.Namespace, photos: Sequence[Path], people: Sequence[str]) -> None:
    """Find out before the work that a photo or person is missing or the results can't be written. Raises UserError."""
    check_paths(photos, arguments.out)
    for name in people:
        if name != DEFAULT:
            find_person(name)
    if arguments.cells is not None:
        probe = arguments.cells / ".writable"
        atomic_write(probe, b"", make_folder=True)
        probe.unlink(missing_ok=True)


def engine_for(arguments: argparse.Namespace, people: Sequence[str]) -> Engine:
    """The engine of `--prior`, `--head` and `--estimator`; without a prior, that of the first person. Raises AssetError where it
    can make no pictures."""
    from core.engine import Engine  # loads torch, so only once the arguments make sense

    person = next((name for name in people if name != DEFAULT), None)
    prior = prior_given(argparse.Namespace(prior=arguments.prior, person=person))
    engine = Engine(prior=prior, head=arguments.head, estimator=arguments.estimator)
    if engine.render_problem:
        engine.close()
        raise AssetError(engine.render_problem)
    return engine
