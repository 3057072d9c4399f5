"""`main.py evaluate KIND ...`: each kind measures one thing on a folder of photos and writes a report."""
from __future__ import annotations

import argparse
import os
from pathlib import Path

from core.evaluate.photos import SKIPPED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The kinds and their options."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    fit = kinds.add_parser("fit", help="how well faces are fitted: tables and contact sheets", allow_abbrev=False)
    _add_photos(fit)
    fit.add_argument("--report", required=True, type=Path, metavar="DIR", help="folder for REPORT.md, CSV tables and sheets")
    fit.add_argument("--pairs", type=int, default=100, metavar="N", help="neutral and smiling pairs at most (default 100)")
    fit.add_argument("--lights", type=int, default=20, metavar="N", help="renders under known light (default 20)")
    fit.add_argument("--rows", type=int, default=24, metavar="N", help="photos on a contact sheet (default 24)")
    ranges = kinds.add_parser("ranges", help="how far each control goes in photos: percentiles of fits", allow_abbrev=False)
    _add_photos(ranges)
    ranges.add_argument("--out", type=Path, metavar="FILE", help="write the percentiles as JSON")


def _add_photos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="photos, tars of photos; index.csv: source and yaw")
    parser.add_argument("--count", type=int, metavar="N", help="at most so many photos, spread over the sources (default all)")
    parser.add_argument("--kept-back", action="store_true", help="only people that OpenHead has not learned from")
    parser.add_argument("--skip", nargs="*", default=list(SKIPPED), metavar="PATTERN",
                        help=f"files and folders in FOLDER to leave out (default {' '.join(SKIPPED)})")
    parser.add_argument("--head", default="open", help="head model (default open)")
    parser.add_argument("--workers", type=int, default=max(1, min(os.cpu_count() or 1, 8)), metavar="N", help="processes")


def run(args: argparse.Namespace) -> int:
    """`main.py evaluate`: returns the exit status."""
    if args.kind == "ranges":
        from core.evaluate.ranges import run_ranges
        return run_ranges(args)
    from core.evaluate.fit_report import run_fit
    return run_fit(args)
