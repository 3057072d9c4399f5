"""`main.py evaluate fit`: fits every photo, and writes what came of it."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from core.errors import UserError
from core.evaluate import command, report, sheets
from core.evaluate.fits import Fitted, Refused, fit_all
from core.evaluate.lights import Known, known_lights
from core.evaluate.pairs import Pair, copied_smiles, identity_distances
from core.evaluate.photos import Listed, choose, find_pairs, is_kept_back, list_photos
from core.files import atomic_write
from core.head import load_head
from core.head.base import HeadModel
from core.landmarks import FaceFinder
from core.prepare import head_digest

FRONTAL_SHEET = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate fit`."""
    command.add_photos(parser)
    command.add_fitting(parser)
    command.add_report(parser)
    parser.add_argument("--pairs", type=int, default=100, metavar="N", help="neutral and smiling pairs at most (default 100)")
    parser.add_argument("--lights", type=int, default=20, metavar="N", help="renders under known light (default 20)")
    parser.add_argument("--rows", type=int, default=24, metavar="N", help="photos on a contact sheet (default 24)")


def run(args: argparse.Namespace) -> int:
    """Measure, write the report, print the table of what was asked for. Returns the exit status."""
    head = load_head(args.head)
    photos, pairs = select(args.folder, args.skip, args.count, args.kept_back, args.pairs)
    # a folder that can't be written to is found out before the work, not after it
    atomic_write(args.report / "REPORT.md", b"Being measured.\n", make_folder=True)
    wanted = {p.name: p for p in [*photos, *(p for pair in pairs for p in pair)]}
    everything, refused = fit_all([wanted[name] for name in sorted(wanted)], args.head, args.workers)
    by_name = {fit.photo.name: fit for fit in everything}
    fits = [by_name[p.name] for p in photos if p.name in by_name]
    if not fits:
        raise UserError(f"None of the {len(photos)} photos in {args.folder} could be fitted. The first: {refused[0].reason}")
    both = [(by_name[a.name], by_name[b.name]) for a, b in pairs if a.name in by_name and b.name in by_name]
    with FaceFinder() as finder:
        same = copied_smiles(head, both, identity_distances(both), finder) if len(both) > 1 else []
        lights = known_lights(head, fits, finder, args.lights) if args.lights else []
    write_sheets(args.report, head, fits, args.rows)
    text = write_up(fits, refused, same, lights, report.command_line(), f"{head.name} {head_digest(head)}")
    atomic_write(args.report / "REPORT.md", text.encode(), make_folder=True)
    report.write_csv(args.report / "fits.csv", report.fit_rows(fits, refused))
    report.write_csv(args.report / "pairs.csv", report.pair_rows(same))
    report.write_csv(args.report / "lights.csv", report.light_rows(lights))
    print(report.markdown(report.criteria(fits, same, lights)))
    print(f"\n{len(fits)} photos fitted, {len(refused)} refused; the report is {args.report / 'REPORT.md'}")
    return 0


def select(folder: Path, skip: Sequence[str], count: int | None, kept_back: bool,
           pair_count: int) -> tuple[list[Listed], list[tuple[Listed, Listed]]]:
    """The photos to measure, and the pairs.

    Pairs come from all photos, kept back or not: the people kept back would be too few strangers to compare with.
    """
    everyone = list_photos(folder, skip)
    candidates = [p for p in everyone if is_kept_back(p.person)] if kept_back else everyone
    if not candidates:
        raise UserError(f"None of the {len(everyone)} photos in {folder} shows a person that is kept back.")
    return choose(candidates, count), find_pairs(everyone)[:pair_count]


def write_sheets(folder: Path, head: HeadModel, fits: Sequence[Fitted], rows: int) -> None:
    """photos.png: some of every source; worst.png; turned.png: yaw of 25 degrees and more; frontal.png: many grey heads."""
    worst = sorted(fits, key=lambda f: -f.measures.inner)[:rows]
    turned = [f for f in fits if abs(f.yaw) >= 25]
    frontal = [f for f in fits if abs(f.yaw) < report.FRONTAL]
    parts = {"photos": _spread(fits, rows), "worst": worst, "turned": _spread(turned, rows)}
    for name, part in parts.items():
        if part:
            sheets.write_sheet(folder / f"{name}.png", head, part)
    if frontal:
        sheets.write_frontal(folder / "frontal.png", head, _spread(frontal, FRONTAL_SHEET))


def _spread(fits: Sequence[Fitted], count: int) -> list[Fitted]:
    chosen = {p.name for p in choose([f.photo for f in fits], count)}
    return [f for f in fits if f.photo.name in chosen]


def write_up(fits: Sequence[Fitted], refused: Sequence[Refused], pairs: Sequence[Pair], lights: Sequence[Known], command: str,
             head: str) -> str:
    """The text of REPORT.md."""
    parts: list[tuple[str, report.Rows]] = [
        ("What was asked for", report.criteria(fits, pairs, lights)),
        ("By source", report.grouped(fits, lambda f: f.photo.source, "source")),
        ("By yaw, degrees", report.grouped(fits, lambda f: report.band(f.yaw), "yaw")),
        ("All measures", report.more_measures(fits)), ("Does the confidence know?", report.trust(fits)),
        ("Time", report.times(fits)), ("Worst photos", report.worst(fits))]
    if lights:
        parts.append(("Known light", report.light_rows(lights)))
    text = ["# How well faces are fitted", "", *report.made_with(command, head),
            f"- {len(fits)} photos, {len(refused)} refused, {len(pairs)} pairs of one person", "",
            "Landmark errors are shares of the distance between the outer eye corners: as seen in the picture, and (in space) as",
            "it is before the head's turn shortens it. The landmarks compared with are the landmark model's.", ""]
    for title, rows in parts:
        text += [f"## {title}", "", report.markdown(rows), ""]
    if refused:
        text += ["## Refused", "", *(f"- {entry.photo.name}: {entry.reason}" for entry in refused), ""]
    text += ["## Sheets", "", f"photos.png, worst.png, turned.png: {', '.join(sheets.COLUMNS)}.",
             f"frontal.png: photo and the fitted head turned to the front, yaw under {report.FRONTAL:.0f} degrees.", ""]
    return "\n".join(text)
