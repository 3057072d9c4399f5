"""`main.py evaluate person`: is a personal model worth its training? Photos that it has not seen, beside the default prior.

Each held-out photo of the album comes back from seeded noise, with several seeds, through the default prior and through the
person's model; then it is edited, and the re-identification network says whether it is still the same person.
"""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UserError
from core.evaluate import colours, command, making, report
from core.evaluate.albums import Kept, held_out, open_album, open_kept, trained_on
from core.evaluate.colours import Shift
from core.evaluate.identities import Likeness, by_edit, likenesses
from core.evaluate.making import Picture
from core.evaluate.person_measures import (
    EXPRESSIONS,
    GROUPS,
    MEASURES,
    Back,
    by_group,
    compared,
    criteria,
    measure,
    still_shifts,
    table,
)
from core.evaluate.rows import DEFAULT, PAPER, Made, people_of
from core.evaluate.subjects import NO_EDIT, Case, Judge
from core.landmarks import FaceFinder
from core.prepare import head_digest
from core.request import DEFAULT_STEPS, MAX_STEPS, NOISES

if TYPE_CHECKING:
    from core.engine import Engine
    from core.people.header import About

SEEDS = 3
_SHEET_SEEDS = 2  # seeds side by side on the sheet of photos that come back
_SMALL = 168


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate person`."""
    parser.add_argument("album", type=Path, metavar="ALBUM", help="folder with photos of the person, or a run's album folder")
    parser.add_argument("--person", action="append", required=True, metavar="NAME|FILE",
                        help="a personal model; may be given again, to compare several of one person")
    parser.add_argument("--held-out", nargs="+", default=[], metavar="NAME",
                        help="photos of ALBUM to measure on, by name; * and ? are allowed (default those that the person's file "
                             "says were kept out of its training)")
    parser.add_argument("--prior", metavar="NAME|FILE",
                        help="the model that the person belongs to (default the installed one that the person's file names)")
    parser.add_argument("--noise", nargs="+", choices=(*NOISES, PAPER), default=list(NOISES),
                        help=f"how pictures are made (default {' and '.join(NOISES)}); '{PAPER}': the published chain, slow")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"draws of seeded noise (default {SEEDS})")
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS, metavar="N",
                        help=f"denoising steps, at most what a few-step student has (default {DEFAULT_STEPS})")
    parser.add_argument("--no-edits", action="store_true", help="measure only how photos come back: quick")
    command.add_report(parser)


def run(args: argparse.Namespace) -> int:
    """Make, compare, write the report, print the first tables. Returns the exit status."""
    from core.engine import Engine
    from core.people.header import read_about
    from core.people.shelf import find_person, prior_of

    if not 1 <= args.seeds <= 100 or not 1 <= args.steps <= MAX_STEPS:
        raise UserError(f"--seeds goes from 1 to 100 and --steps from 1 to {MAX_STEPS}.")
    making.prepare_report(args.report)
    engine = Engine(args.prior or prior_of(read_about(find_person(args.person[0]))))
    try:
        if engine.render_problem:
            raise UserError(engine.render_problem)
        with FaceFinder() as finder:
            return _run(args, engine, Judge(finder))
    finally:
        engine.close()


def _run(args: argparse.Namespace, engine: Engine, judge: Judge) -> int:
    people = people_of(engine, args.person)
    album = open_album(args.album, args.report / "album", engine.prior)
    photos = held_out(album, [person for _, person in people], args.held_out)
    kept = open_kept(album, photos, judge)
    seen = trained_on([person for _, person in people], photos)
    rows = rows_of(engine, people, args.noise, args.seeds, args.steps)
    still = [*rows, *(row.holding() for row in rows if row.noise == "seeded")]
    pictures, found = come_back(still, kept, judge)
    edited, to_album, moved = ([], [], []) if args.no_edits else _edits(args, judge, rows, kept)
    shifts = [*still_shifts(found), *moved]
    names = [name for name, _ in people]
    kinds = [*args.noise, *(["seeded, held"] if "seeded" in args.noise else [])]
    pairs = [(f"{DEFAULT}, {noise}", f"{name}, {noise}") for noise in kinds for name in names]
    drawn = [pair for pair in pairs if not pair[0].endswith("inverted")]
    tables = [("criteria", "What is asked of a personal model",
               criteria(found, edited, shifts, names, kinds)),
              ("table", f"No edit: how photos come back ({len(kept.subjects)})", table(found, medians(still))),
              ("compared", "The person beside the default prior, picture by picture", compared(found, drawn)),
              ("colours", "Colour drift in the face, units of CIE Lab", colours.table(shifts, pairs))]
    if edited:
        tables += [("edits", "The same person after an edit", by_group(edited, to_album)),
                   ("by_edit", "Share that passes (mean distance), by edit", by_edit(edited))]
    write_sheet(args.report / "photos.png", judge, pictures, found)
    making.write_report(args.report, [*heading(args, judge, kept, still, seen), *_NOTES], tables, kept.refused)
    report.write_csv(args.report / "photos.csv", back_rows(found))
    report.write_csv(args.report / "edited.csv", edit_rows(edited, to_album))
    for _, title, lines in tables[:3]:
        print(f"{title}\n\n{report.markdown(lines)}\n")
    print(f"The report is {args.report / 'REPORT.md'}; look at {args.report / 'photos.png'}, too.")
    return 0


def rows_of(engine: Engine, people: Sequence[tuple[str, About]], noises: Sequence[str], seeds: int, steps: int) -> list[Made]:
    """A row for each model, noise and seed; inverted noise has only one. Rows of one model and noise have one name."""
    return [Made(name, engine, noise, False, seed, person, steps) for noise in noises
            for name, person in ((DEFAULT, None), *people) for seed in range(1 if noise == "inverted" else seeds)]


def come_back(rows: Sequence[Made], kept: Kept, judge: Judge) -> tuple[list[Picture], list[Back]]:
    """Every photo, not edited, by every row: the pictures, and what they are worth."""
    pictures = making.make_all(rows, [Case(subject, NO_EDIT) for subject in kept.subjects])
    return pictures, [measure(picture, judge.finder, kept.own, kept.mean) for picture in pictures]


def medians(rows: Sequence[Made]) -> dict[str, float]:
    """Median seconds of a picture, by the row's name."""
    return {name: report.percentile([s for row in rows if row.name == name for s in row.seconds], 50)
            for name in dict.fromkeys(row.name for row in rows)}


def _edits(args: argparse.Namespace, judge: Judge, rows: Sequence[Made],
           kept: Kept) -> tuple[list[Likeness], list[Likeness], list[Shift]]:
    """All edits by all rows, with the background held, as in the window: distances to the photo, and to the album's mean; and the
    colours of changed expressions from inverted noise."""
    cases = [Case(subject, edit) for subject in kept.subjects for edits in GROUPS.values() for edit in edits]
    pictures = making.make_all([row.holding() for row in rows if row.noise != PAPER], cases)
    edited, to_album = (likenesses(pictures, to, judge.finder) for to in (kept.own, kept.mean))
    notes = {id(p): f"{likeness.distance:.2f}" for p, likeness in zip(pictures, edited, strict=True)}
    for i, subject in enumerate(kept.subjects, 1):
        shown = [p for p in pictures if p.case.subject is subject and isinstance(p.row, Made) and p.row.seed == 0]
        making.write_sheet(args.report / f"edits_{i}.png", judge, shown, len(cases), _SMALL, lambda p: notes[id(p)])
    expressions = [p for p in pictures if p.case.edit in GROUPS[EXPRESSIONS] and p.row.name.endswith("inverted")]
    return edited, to_album, colours.edited_shifts("expressions, skin that stays", judge, expressions)


def write_sheet(path: Path, judge: Judge, pictures: Sequence[Picture], found: Sequence[Back],
                seeds: int = _SHEET_SEEDS) -> None:
    """The photos as they come back: default prior and people, a column a model and seed, at the size they are measured at. Above
    them perceptual distance of the crop / distance of the embeddings."""
    rows = [p.row for p in pictures if isinstance(p.row, Made)]
    seeded = [row for row in rows if row.noise != "inverted"]
    shown = {id(row) for row in seeded or rows if row.seed < (1 if row.held else seeds)}
    notes = {id(p): f"{b.perceptual:.2f}/{b.identity:.2f}" for p, b in zip(pictures, found, strict=True)}
    making.write_sheet(path, judge, [p for p in pictures if id(p.row) in shown], cell=256, note=lambda p: notes[id(p)])


def heading(args: argparse.Namespace, judge: Judge, kept: Kept, rows: Sequence[Made], seen: Sequence[str]) -> list[str]:
    """The report's first lines."""
    about = {row.name: row.about for row in rows}
    names = ", ".join(subject.name for subject in kept.subjects)
    warning = [f"- **trained on, or not known to be kept out, so no proof of anything: {', '.join(seen)}**"] if seen else []
    return ["# Is the personal model worth it?", "",
            *report.made_with(report.command_line(), f"{judge.head.name} {head_digest(judge.head)}"),
            f"- photos: {len(kept.subjects)} of {args.album} ({names}), {len(kept.refused)} refused", *warning,
            f"- the album's mean embedding is that of {kept.others} other photos",
            f"- {args.seeds} draws of seeded noise, the same for all rows; at most {args.steps} steps",
            "- every photo is an aligned crop of 256 pixels; all rows start from the same pixels", "",
            *(f"- **{name}**: {text}" for name, text in about.items()), ""]


_NOTES = [
    "Everything measured is better when smaller, but for the shares.",
    "",
    "- perceptual: 1 - HaarPSI (Reisenhofer et al. 2018) of photo and picture, 0 to 1, of the whole crop and inside the outline",
    "  of the face. It needs no network, so it favours no model. Nobody tells a model what is in the background of a photo.",
    "- identity: distance of dlib's re-identification network, to the photo and to the mean of the album's other photos; under",
    "  0.6 is the same person. A picture in which no face is found does not pass, and has no part in means.",
    "- drift: length of the mean difference of mean colours, picture less photo (or less the default prior's picture of the same",
    "  photo, seed and edit), in units of CIE Lab: a cast that all pictures share. After ± its standard error, every photo",
    "  counting once: what chance alone can be. 'skin that stays': the part of the face that an expression's edit doesn't move.",
    "- held: with the photo's own background, as the window shows pictures from seeded noise; edits have it, too.",
    ""]


def back_rows(found: Sequence[Back]) -> report.Rows:
    """Every picture that came back, for the CSV file."""
    shifts = [f"{where} {axis}" for where in ("crop", "face") for axis in "Lab"]
    return [["row", "photo", "seed", *MEASURES, *shifts]] + [
        [b.row, b.photo, str(b.seed), *(f"{getattr(b, name):.4f}" for name in MEASURES),
         *(f"{v:.3f}" for v in (*b.shift, *b.face_shift))] for b in found]


def edit_rows(edited: Sequence[Likeness], to_album: Sequence[Likeness]) -> report.Rows:
    """Every edited picture, for the CSV file."""
    return [["row", "photo", "edit", "distance", "to the album"]] + [
        [a.row, a.photo, a.edit, f"{a.distance:.4f}", f"{b.distance:.4f}"] for a, b in zip(edited, to_album, strict=True)]
