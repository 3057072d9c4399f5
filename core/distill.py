"""`main.py distill`: a few-step student of a prior, written into the prior's own file."""
from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from core.device import pick_device
from core.distiller import DistillConfig, Distiller
from core.errors import UserError
from core.files import atomic_write
from core.head import load_head
from core.prior import Prior, load_prior
from core.train_config import FOLDER, Augment, assignments
from core.train_data import Maker, Shards, ahead, batches, is_held_back, people_of
from core.train_watch import StopSignal
from models.checkpoint import Description, to_bytes

CONFIG = FOLDER / "student-256.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `main.py distill`."""
    parser.add_argument("--prior", metavar="FILE", help="the model to make a student of (default: the one that ships)")
    parser.add_argument("--config", metavar="FILE", type=Path, default=CONFIG, help=f"settings (default {CONFIG.name})")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                        help="another value, such as rate=1e-4; may be given again")
    parser.add_argument("--data", action="append", default=[], metavar="DIR", required=True,
                        help="folder of 'prepare'; may be given again")
    parser.add_argument("--exclude", metavar="DIR", help="hold back the people whose pictures (by name) are in this folder")
    parser.add_argument("--out", required=True, metavar="DIR", type=Path, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--minutes", type=float, default=0.0, help="time limit (default: none, until Ctrl-C)")
    parser.add_argument("--save-minutes", type=float, default=3.0, help="minutes between saved states (default 3)")
    parser.add_argument("--export", metavar="FILE", type=Path, help="write prior and student there each time the state is saved")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best present)")


def run(args: argparse.Namespace) -> int:
    """`main.py distill`: returns the exit status."""
    prior = load_prior(args.prior)
    config, augment, hold_back = load_config(args.config, assignments(args.changes))
    try:
        device = pick_device(args.device)
    except ValueError as error:
        raise UserError(str(error)) from error
    state = args.out / "state.pt"
    if state.exists() and not args.resume:
        raise UserError(f"{args.out} already holds a run. Go on with --resume, or choose another --out.")
    if device.type == "cpu" and config.workers > 1:
        torch.set_num_threads(1)
    distiller = Distiller(prior.build(), config, device)
    if args.resume:
        distiller.resume(state)
    people = people_of(args.exclude)
    data = Shards(args.data, prior.head, lambda name: not is_held_back(name, hold_back, people))
    print(f"{len(data)} pictures; on {device}", flush=True)
    maker = Maker(data, load_head(prior.head), prior.size, augment)
    _walk(distiller, maker, prior, args)
    return 0


def load_config(path: Path, changes: dict[str, str]) -> tuple[DistillConfig, Augment, float]:
    """Settings of a JSON file: those of `DistillConfig`, 'augment', and 'hold_back', the share of people that is left out.

    changes: other values, as JSON texts by name. Raises UserError.
    """
    try:
        plain: dict[str, Any] = json.loads(path.read_text())
        for name, text in changes.items():
            if name not in {field.name for field in fields(DistillConfig)}:
                raise ValueError(f"there is no setting '{name}'")
            plain[name] = json.loads(text)
        augment, hold_back = Augment(**plain.pop("augment")), float(plain.pop("hold_back"))
        return DistillConfig(**plain), augment, hold_back
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}). Check the path.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"The settings of the student can't be used: {error}.") from error


def _walk(distiller: Distiller, maker: Maker, prior: Prior, args: argparse.Namespace) -> None:
    """Train until the time is over or a signal comes; leaves out/state.pt and out/log.csv."""
    config = distiller.config
    source = ahead(batches(maker, maker.shards.odds({}), config.batch, config.seed, distiller.step * config.workers))
    stop, begun = StopSignal(), time.monotonic()
    saved = since = begun
    kept: list[dict[str, float]] = []

    def keep() -> None:
        distiller.save(args.out / "state.pt")
        if args.export is not None:
            export(distiller, prior, args.export)

    try:
        while not stop.asked and not (args.minutes and time.monotonic() - begun > 60 * args.minutes):
            kept.append(distiller.train_step(source))
            now = time.monotonic()
            if distiller.step % 20 == 0:
                row = {name: sum(values[name] for values in kept) / len(kept) for name in kept[0]}
                speed = len(kept) * config.batch * config.workers / (now - since)
                row = {"step": distiller.step, "chains": distiller.samples, **row, "chains_per_second": speed}
                _log(args.out / "log.csv", row)
                print(" ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
                kept, since = [], now
            if now - saved > 60 * args.save_minutes:
                keep()
                saved = time.monotonic()
    finally:
        source.close()  # type: ignore[attr-defined]
        stop.restore()
    keep()
    print(f"stopped at step {distiller.step}; state in {args.out / 'state.pt'}")


def export(distiller: Distiller, prior: Prior, path: Path) -> None:
    """Write the prior's own weights, unchanged, and the student beside them."""
    said = prior.checkpoint.description
    about: Description = replace(said, card={**said.card, "student": distiller.facts()})
    atomic_write(path, to_bytes(prior.checkpoint.state, about, student=distiller.packed()), make_folder=True)


def _log(path: Path, row: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" for name, value in row.items()})
