"""The rows of the tables: everything that makes a picture of a photo and an edit, with a network or without one."""
from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from core import compose
from core.codes import FaceCode
from core.cv import cv2
from core.errors import UserError
from core.evaluate.fits import SIZE
from core.evaluate.subjects import Case, Judge, Subject
from core.light_quotient import laid, quotient
from core.motion import motion_field, warp_picture
from core.render.buffers import Buffers, render_buffers
from core.request import DEFAULT_STEPS, NOISES, PAPER_STEPS, RenderRequest
from core.rig import apply

if TYPE_CHECKING:
    from core.engine import Engine
    from core.people.header import About
    from core.prior import Prior

DEFAULT = "default prior"
PAPER = "paper"
NOTHING, COMPOSITE, WARP = "nothing done", "Lambertian composite", "warp and quotient"


class Row(Protocol):
    """Makes pictures (SIZE, SIZE, 3) uint8. name: of the row; about: what it is, for the report."""

    name: str
    about: str

    def make(self, case: Case) -> np.ndarray:
        """The picture of a case. Raises UserError where it can't be made."""


# -- without a network ------------------------------------------------------------------------------------------------------


class Plain:
    """Baselines that need no network, drawn with the judge's own head and codes."""

    _ABOUT = {
        NOTHING: "the photo itself: its error is the size of what was asked for",
        COMPOSITE: "the edited head's Lambertian render laid over the photo",
        WARP: "the photo moved by the fitted mesh and relit by the quotient of the renders; no network, nothing painted"}

    def __init__(self, name: str, judge: Judge) -> None:
        self.name, self.about, self.judge = name, self._ABOUT[name], judge

    def make(self, case: Case) -> np.ndarray:
        """See `Row.make`."""
        if self.name == NOTHING:
            return case.subject.crop
        edited = case.wanted(self.judge)
        draw = composite if self.name == COMPOSITE else moved_and_relit
        return compose.to_uint8(draw(self.judge, case.subject, edited))


def composite(judge: Judge, subject: Subject, edited: FaceCode) -> np.ndarray:
    """The edited render over the photo (SIZE, SIZE, 3) float32, 0..255, with a soft edge."""
    target = render_buffers(judge.head, edited, SIZE, recentre_from=subject.code)
    share = cv2.GaussianBlur(target.coverage.astype(np.float32), (0, 0), 0.7)[..., None]
    photo = subject.crop.astype(np.float32)
    return photo + (np.clip(target.rendered, 0, 1) * 255 - photo) * share * target.coverage[..., None]


def moved_and_relit(judge: Judge, subject: Subject, edited: FaceCode) -> np.ndarray:
    """The photo's pixels moved by the mesh and multiplied by the quotient of the shadings (SIZE, SIZE, 3) float32, 0..255."""
    from core.matte import person_matte

    head, code, photo = judge.head, subject.code, subject.crop.astype(np.float32)
    own = render_buffers(head, code, SIZE)
    still = edited.replace(light=code.light, lamps=code.lamps)
    matte = person_matte(subject.crop, own.coverage)
    moved, picture = own, photo
    if still != code:
        moved = render_buffers(head, still, SIZE, recentre_from=code)
        field = motion_field(head, code, still, own, moved)
        picture = warp_picture(photo, field, moved.rendered)
        matte = cv2.remap(matte, field.fetch[..., 0], field.fetch[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if edited.lamps == code.lamps and np.array_equal(edited.light, code.light):
        return picture
    target: Buffers = render_buffers(head, edited, SIZE, recentre_from=code)
    factors = quotient(target.rendered, moved.rendered, moved.albedo, moved.coverage)
    return compose.relight(picture, laid(factors, matte))


# -- with one ---------------------------------------------------------------------------------------------------------------


class Made:
    """Pictures of a prior, or of a person's model made from it, through the engine, as the window and the command line make them.

    noise: one of `NOISES`, or `PAPER`: the published chain (RenderRequest.method), `PAPER_STEPS` steps from seeded noise.
    held: keep the photo's own pixels away from the edit (RenderRequest.hold_background); without, the whole seeded picture is the
    network's. seconds: of each picture, without opening the photo and measuring the result.
    """

    def __init__(self, name: str, engine: Engine, noise: str, held: bool = False, seed: int = 0, person: About | None = None,
                 steps: int = DEFAULT_STEPS) -> None:
        self.name = f"{name}, {noise}" + (", held" if held and noise == "seeded" else "")
        self.engine, self.noise, self.held, self.seed, self.person, self.steps = engine, noise, held, seed, person, steps
        self.seconds: list[float] = []
        self._given = name
        self._codes: dict[str, FaceCode] = {}
        how = {"inverted": "inverted noise", PAPER: f"{PAPER_STEPS} steps of DDIM from seeded noise, as published",
               "seeded": "seeded noise, " + ("background held" if held else "the whole crop from the network")}
        self.about = f"{describe_person(person) + ' on ' if person else ''}{describe(engine.prior)}; {how[noise]}"

    def make(self, case: Case) -> np.ndarray:
        """See `Row.make`."""
        session = self.engine.open(case.subject.png, aligned=True)
        rig = case.edit.rig([self._code(donor) for donor in case.donors])
        request = RenderRequest(session.digest, rig, noise="seeded" if self.noise == PAPER else self.noise, seed=self.seed,
                                steps=PAPER_STEPS if self.noise == PAPER else self.steps, size="crop",
                                person=self.person.digest if self.person else None,
                                hold_background=self.held or self.noise == "inverted",
                                method="paper" if self.noise == PAPER else "studio")
        start = time.perf_counter()
        result = self.engine.render(request)
        self.seconds.append(time.perf_counter() - start - result.timings.get("reading", 0.0))
        return compose.to_uint8(compose.resize(result.crop.astype(np.float32), SIZE))

    def holding(self) -> Made:
        """The same with the photo's own background held."""
        return Made(self._given, self.engine, self.noise, True, self.seed, self.person, self.steps)

    def _code(self, donor: Subject) -> FaceCode:
        if donor.name not in self._codes:
            self._codes[donor.name] = self.engine.open(donor.png, aligned=True).code
        return self._codes[donor.name]


def people_of(engine: Engine, given: Sequence[str | Path]) -> list[tuple[str, About]]:
    """People by name or file, each with a name of its own for its rows; the engine has read them, and reads those again that it
    has let go of. Raises AssetError for one who can't be used."""
    from core.people.header import read_about

    people = [read_about(engine.take_person(name).path) for name in given]
    names = [person.name for person in people]
    return [(f"{p.name} {p.digest[:6]}" if names.count(p.name) > 1 else p.name, p) for p in people]


def describe_person(person: About) -> str:
    """One line about a person: the name, the digest, how it was trained, and on how many photos."""
    said = [f"preset {person.card['preset']}"] if "preset" in person.card else []
    said += [f"{person.photos} photos"] if person.photos else []
    return f"{person.name} ({', '.join([person.digest[:12], *said])})"


def describe(prior: Prior) -> str:
    """One line about a prior: its name, digest, size and how much it was trained."""
    seen = prior.card.get("samples_seen")
    trained = f", {seen:,} samples seen" if isinstance(seen, int) else ""
    return f"{prior.name} ({prior.digest[:12]}), {prior.size} pixels{trained}"


@dataclass(frozen=True)
class Named:
    """A prior given as NAME=FILE."""

    name: str
    file: Path


def named(text: str) -> Named:
    """Parse NAME=FILE, for argparse."""
    name, mark, file = text.partition("=")
    if not (name and mark and file):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=FILE, as in vector=runs/vector/prior.safetensors")
    return Named(name, Path(file))


def add_rows(parser: argparse.ArgumentParser) -> None:
    """--prior, --noise, --rows, --seed and --test-photos: what makes the pictures."""
    parser.add_argument("--prior", action="append", default=[], type=named, metavar="NAME=FILE",
                        help="another prior as a row of its own, with seeded noise; may be given again")
    parser.add_argument("--person", action="append", default=[], metavar="NAME|FILE",
                        help="a person's model of the prior that ships as rows of its own; may be given again")
    parser.add_argument("--noise", nargs="+", choices=NOISES, default=list(NOISES),
                        help="noise of the rows of the prior that ships and of people (default both)")
    parser.add_argument("--rows", nargs="+", metavar="TEXT", help="only the rows whose name holds one of these texts")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default 0)")
    parser.add_argument("--test-photos", type=Path, metavar="DIR",
                        help="--kept-back: people in this folder were kept out of training, too (default FOLDER/originals)")


@contextlib.contextmanager
def opened_rows(args: argparse.Namespace, judge: Judge, plain: Sequence[str], held: bool = False) -> Iterator[list[Row]]:
    """The rows that the options ask for; networks are let go of afterwards. plain: the baselines that a kind has.

    Raises UserError for a prior that can't be used and when no row is left.
    """
    from core.engine import Engine

    def wanted(name: str) -> bool:
        return not args.rows or any(text in name for text in args.rows)

    rows: list[Row] = [Plain(name, judge) for name in plain if wanted(name)]
    with contextlib.ExitStack() as stack:
        for given in (Named(DEFAULT, Path()), *args.prior):
            shipped = given.name == DEFAULT
            noises = [n for n in (args.noise if shipped else ["seeded"]) if wanted(f"{given.name}, {n}")]
            people = args.person if shipped else []
            if not noises and not people:
                continue
            file = None if shipped else stack.enter_context(at_trained_size(given.file))
            engine = Engine(file)
            stack.callback(engine.close)
            if engine.render_problem:
                raise UserError(engine.render_problem)
            rows += [Made(given.name, engine, noise, held, args.seed) for noise in noises]
            for name, person in people_of(engine, people):
                rows += [Made(name, engine, noise, held, args.seed, person) for noise in args.noise if wanted(f"{name}, {noise}")]
        if not rows:
            raise UserError(f"No row's name holds {' or '.join(args.rows)}.")
        yield rows


@contextlib.contextmanager
def at_trained_size(file: Path) -> Iterator[Path]:
    """A prior's file whose pictures have the size that it was trained at last.

    A network of 256 pixels that has so far seen 128 only is asked for 128: it has the same weights, and knows nothing of 256.
    """
    from core.prior import load_prior
    from models.checkpoint import save

    prior = load_prior(file)
    phases = prior.card.get("phases") or [{}]
    side = int(phases[-1].get("side", prior.size))
    if side >= prior.size:
        yield prior.path
        return
    config = replace(prior.config, size=side, attention=tuple(a * side // prior.size for a in prior.config.attention))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{file.stem}.safetensors"
        save(path, prior.checkpoint.state, replace(prior.checkpoint.description, config=config))
        yield path


def edited_by(case: Case, judge: Judge) -> Buffers:
    """The buffers that a case asks for, for sheets."""
    edited = apply(case.edit.rig([donor.code for donor in case.donors]), judge.head, case.subject.code)
    return render_buffers(judge.head, edited, SIZE, recentre_from=case.subject.code)
