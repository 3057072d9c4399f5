"""The ways to train a personal model against each other: held-out quality at equal times, size of the file.

    python benchmarks/presets.py ALBUM --out DIR [--presets paper quick adapters] [--minutes 13] [--hold-out 4]

Each preset trains on the same album with the same photos kept out, for as long. The first table is what each run measured of
the kept-out photos by itself on the way, at the same moments; the second is the finished models from seeded noise beside the
default prior, with several seeds (as `main.py evaluate person`). Tables, a sheet and the models are in DIR; the same command
goes on where it stopped. Other programs on the machine count in.
"""
from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
from benchmarks import _personal  # noqa: E402
from core.engine import Engine  # noqa: E402
from core.errors import UserError  # noqa: E402
from core.evaluate.albums import open_album  # noqa: E402
from core.evaluate.person_measures import table  # noqa: E402
from core.evaluate.report import Rows  # noqa: E402
from core.people.header import About, read_about  # noqa: E402

PRESETS = ("paper", "quick", "adapters")
SHARES = (0.25, 0.5, 0.75, 1.0)
MEASURED = {"held_perceptual": "perceptual, whole crop", "held_face": "perceptual, face", "held_identity": "identity",
            "drift": "drift, face"}


def main() -> int:
    """Train what is missing, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    _personal.add_arguments(parser, 13.0)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), metavar="NAME", help="which (default all that ship)")
    return _personal.main(parser, run)


def run(options: argparse.Namespace) -> None:
    """All presets."""
    out: Path = options.out
    engine = Engine()
    try:
        album = open_album(options.album, out / "album", engine.prior)
        held_out = album.held_out(options.hold_out)
        _personal.same_plan(out, {"held_out": held_out, "minutes": options.minutes, "prior": engine.prior.digest})
        words = ["--minutes", f"{options.minutes:g}", "--hold-out", str(len(held_out))]
        files = [_personal.train(out, preset, options.album, [*words, "--preset", preset]) for preset in options.presets]
        people = {preset: read_about(file) for preset, file in zip(options.presets, files, strict=True)}
        for preset, about in people.items():
            if sorted(about.card.get("photos", {}).get("held_out", [])) != sorted(held_out):
                raise UserError(f"'{preset}' kept other photos out than {', '.join(held_out)}: it can't be compared.")
        _personal.write(out, "presets_curve", "Presets at equal times", [
            f"What the runs measured of {len(held_out)} held-out photos on the way, {engine.device}. Smaller is better."],
                        over_time(people, [60 * options.minutes * share for share in SHARES]))
        found = _personal.measured(engine, album, held_out, files, options.seeds, out / "presets.png")
        _personal.write(out, "presets", "Presets at the end", [
            f"{len(held_out)} held-out photos, {options.seeds} draws of seeded noise each. Smaller is better."],
            _personal.with_training(table(found, {}), files))
    finally:
        engine.close()


def over_time(people: Mapping[str, About], moments: Sequence[float]) -> Rows:
    """A line for each preset and moment (seconds): the last measurement up to then."""
    rows = [["preset", "at, s", "measured at, s", "step", *MEASURED.values()]]
    for preset, about in people.items():
        for moment in moments:
            point = last_until(about.card.get("curve", []), moment)
            wanted = (("seconds", 0), ("step", 0), *((key, 3) for key in MEASURED))
            rows.append([preset, f"{moment:.0f}",
                         *("-" if point.get(key) is None else f"{point[key]:.{digits}f}" for key, digits in wanted)])
    return rows


def last_until(curve: Sequence[Mapping[str, Any]], moment: float) -> Mapping[str, Any]:
    """The last point of a training curve that has measurements and is not later than `moment` seconds; {} for none."""
    points = [p for p in curve if p["seconds"] <= moment and p.get("held_perceptual") is not None]
    return points[-1] if points else {}


if __name__ == "__main__":
    sys.exit(main())
