"""`main.py evaluate ranges`: how far each control goes in photos, as percentiles of what was fitted."""
from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.codes import FaceCode
from core.errors import UserError
from core.evaluate import command
from core.evaluate.fits import fit_all
from core.evaluate.photos import choose, is_kept_back, list_photos
from core.evaluate.report import markdown
from core.files import atomic_write
from core.head import load_head
from core.head.base import HeadModel
from core.rig import pose_degrees

PERCENTILES = (1, 50, 99)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate ranges`."""
    command.add_photos(parser)
    command.add_fitting(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the percentiles as JSON")


def run(args: argparse.Namespace) -> int:
    """Fit, print a table of percentiles, write them where asked. Returns the exit status."""
    head = load_head(args.head)
    photos = list_photos(args.folder, args.skip)
    if args.kept_back:
        photos = [photo for photo in photos if is_kept_back(photo.person)]
    fits, refused = fit_all(choose(photos, args.count), args.head, args.workers)
    if not fits:
        raise UserError(f"None of the {len(refused)} photos in {args.folder} could be fitted.")
    table = percentiles(head, [fit.code for fit in fits])
    rows = [["value", *(f"{p} %" for p in PERCENTILES)]]
    print(markdown(rows + [[name, *(f"{v:.3f}" for v in values)] for name, values in table.items()]))
    print(f"\n{len(fits)} photos fitted, {len(refused)} refused")
    if args.out:
        text: dict[str, Any] = {"photos": len(fits), "percentiles": PERCENTILES, "values": table}
        atomic_write(args.out, (json.dumps(text, indent=1) + "\n").encode(), make_folder=True)
    return 0


def percentiles(head: HeadModel, codes: Sequence[FaceCode]) -> dict[str, list[float]]:
    """The `PERCENTILES` of every expression coefficient and of the eyes' and the head's angles (degrees), by control."""
    columns: dict[str, np.ndarray] = {}
    expression = np.stack([code.expression for code in codes])
    for i, name in enumerate(head.expression_names):
        columns[f"expression.{name}"] = expression[:, i]
    eyes, pose = np.degrees([code.eyes for code in codes]), np.array([pose_degrees(code.pose) for code in codes])
    columns |= {"eyes.yaw": eyes[:, 0], "eyes.pitch": eyes[:, 1]}
    columns |= {f"pose.{axis}": pose[:, i] for i, axis in enumerate(("yaw", "pitch", "roll"))}
    return {name: [round(float(v), 3) for v in np.percentile(values, PERCENTILES)] for name, values in columns.items()}
