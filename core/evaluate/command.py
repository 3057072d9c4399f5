"""`main.py evaluate KIND ...`: each kind measures one thing on a folder of photos and writes a report."""
from __future__ import annotations

import argparse
import importlib
import os
from dataclasses import dataclass
from pathlib import Path

from core.cluster import how_many
from core.evaluate.photos import SKIPPED


@dataclass(frozen=True)
class Kind:
    """A kind: the module that holds its `add_arguments(parser)` and `run(arguments)`, and a line of help."""

    module: str
    help: str


KINDS: dict[str, Kind] = {
    "fit": Kind("core.evaluate.fit_report", "how well faces are fitted: tables and contact sheets"),
    "ranges": Kind("core.evaluate.ranges", "how far each control goes in photos: percentiles of fits"),
    "reinference": Kind("core.evaluate.reinference", "do pictures show what was asked for, as the estimator sees them again"),
    "identity": Kind("core.evaluate.identities", "is it the same person after an edit, as a re-identification network sees it"),
    "pictures": Kind("core.evaluate.pictures", "how well photos come back, and smiles against real photos of them"),
    "person": Kind("core.evaluate.persons", "a personal model beside the default prior, on photos it has not seen"),
    "landing": Kind("core.evaluate.landing", "do edits land where they were asked to: requested against measured"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The kinds and their options."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for name, kind in KINDS.items():
        own = kinds.add_parser(name, help=kind.help, allow_abbrev=False)
        importlib.import_module(kind.module).add_arguments(own)


def run(args: argparse.Namespace) -> int:
    """`main.py evaluate`: returns the exit status."""
    return int(importlib.import_module(KINDS[args.kind].module).run(args))


def add_photos(parser: argparse.ArgumentParser, kept_back: str = "only people that OpenHead has not learned from") -> None:
    """FOLDER, --count, --kept-back, --skip: which photos are measured. kept_back: what that option means for a kind."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="photos, tars of photos; index.csv: source and yaw")
    parser.add_argument("--count", type=int, metavar="N", help="at most so many photos, spread over the sources (default all)")
    parser.add_argument("--kept-back", action="store_true", help=kept_back)
    parser.add_argument("--skip", nargs="*", default=list(SKIPPED), metavar="PATTERN",
                        help=f"files and folders in FOLDER to leave out (default {' '.join(SKIPPED)})")


def add_fitting(parser: argparse.ArgumentParser) -> None:
    """--head and --workers, of the kinds that only fit."""
    parser.add_argument("--head", default="open", help="head model (default open)")
    parser.add_argument("--workers", type=how_many, default=max(1, min(os.cpu_count() or 1, 8)), metavar="N", help="processes")


def add_report(parser: argparse.ArgumentParser) -> None:
    """--report."""
    parser.add_argument("--report", required=True, type=Path, metavar="DIR", help="folder for REPORT.md, CSV tables and sheets")
