"""How many photos does a personal model need? (DiffusionRig, CVPR 2023, Figure 7)

    python benchmarks/album_size.py ALBUM --out DIR [--photos 1 5 10 20] [--minutes 13] [--preset quick] [--hold-out 4]

Some photos of the album are kept out of everything; of the others, models are trained on the first 1, 5, 10 and 20 of one
order (drawn by a hash of the photos' names, good ones before weak ones), each for as long. Then the photos kept out come back
from seeded noise through the default prior and through every model: perceptual distance, distance of the re-identification
network's embeddings, colour drift (as `main.py evaluate person`). Tables, a sheet and the models are in DIR; the same command
goes on where it stopped. An album with fewer photos gives its last row with as many as it has.
"""
from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
from benchmarks import _personal  # noqa: E402
from core.engine import Engine  # noqa: E402
from core.errors import UserError  # noqa: E402
from core.evaluate.albums import open_album  # noqa: E402
from core.evaluate.person_measures import table  # noqa: E402

if TYPE_CHECKING:
    from core.album import Album, AlbumPhoto

COUNTS = (1, 5, 10, 20)


def order(album: Album, held_out: Sequence[str]) -> list[str]:
    """The photos to train on, good ones first, else in an order that nobody chose."""
    def key(photo: AlbumPhoto) -> tuple[bool, str]:
        return photo.verdict != "accepted", hashlib.sha256(photo.name.encode()).hexdigest()

    return [photo.name for photo in sorted(album.used, key=key) if photo.name not in held_out]


def counts(wanted: Sequence[int], there: int) -> list[int]:
    """The sizes that an album of `there` photos allows, each once; the largest in place of those it has not."""
    return sorted({min(count, there) for count in wanted})


def title(count: int) -> str:
    """What the model of so many photos is called."""
    return "1 photo" if count == 1 else f"{count} photos"


def main() -> int:
    """Train what is missing, measure, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    _personal.add_arguments(parser, 13.0)
    parser.add_argument("--photos", nargs="+", type=int, default=list(COUNTS), metavar="N", help="how many photos to train on")
    parser.add_argument("--preset", default="quick", help="how they are trained (default quick)")
    return _personal.main(parser, run)


def run(options: argparse.Namespace) -> None:
    """All rows."""
    if min(options.photos) < 1:
        raise UserError("--photos are 1 or more.")
    out: Path = options.out
    engine = Engine()
    try:
        album = open_album(options.album, out / "album", engine.prior)
        held_out = album.held_out(options.hold_out)
        training = order(album, held_out)
        sizes = counts(options.photos, len(training))
        _personal.same_plan(out, {"held_out": held_out, "order": training, "minutes": options.minutes, "preset": options.preset,
                                  "prior": engine.prior.digest})
        files = []
        for count in sizes:
            chosen = training[:count]
            words = ["--preset", options.preset, "--minutes", f"{options.minutes:g}", "--hold-out", "0"]
            for photo in album.photos:
                words += ["--include" if photo.name in chosen else "--exclude", photo.name]
            files.append(_personal.train(out, title(count), options.album, words))
            report(options, engine, album, held_out, files)
    finally:
        engine.close()


def report(options: argparse.Namespace, engine: Engine, album: Album, held_out: Sequence[str], files: Sequence[Path]) -> None:
    """Measure the models that are there, and write table and sheet."""
    found = _personal.measured(engine, album, held_out, files, options.seeds, options.out / "album_size.png")
    _personal.write(options.out, "album_size", "Number of photos in the album", [
        f"{len(held_out)} photos that no model has seen ({', '.join(held_out)}), {options.seeds} draws of seeded noise each; "
        f"preset {options.preset}, {options.minutes:g} min of training each on {engine.device}. Smaller is better."],
        _personal.with_training(table(found, {}), files))


if __name__ == "__main__":
    sys.exit(main())
