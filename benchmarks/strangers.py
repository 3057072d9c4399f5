"""How surely an album's person is told from strangers: `python benchmarks/strangers.py`.

There are many photos of one person here, and one photo each of many people. So albums are made up of embeddings: one of the many,
k times with the scatter of the one (his embeddings less their mean), mixed with photos of others, drawn or the most alike. Each
album is grouped as `core.album` does. Rows: own photos; strangers; albums whose person is a stranger; strangers taken in, in the
other albums; own photos lost in them. Needs ../shared/faces (--faces); about two minutes for 800 people.
"""
from __future__ import annotations

import argparse
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

from core.album import people  # noqa: E402
from core.errors import UserError  # noqa: E402
from core.evaluate.picture_measures import embedding  # noqa: E402
from core.landmarks import FaceFinder  # noqa: E402
from core.photo import SUFFIXES, load_image  # noqa: E402
from core.train_data import person_key  # noqa: E402

FACES = Path(__file__).resolve().parents[2] / "shared" / "faces"
DRAWN = ("faker", "composite", "sfhq")  # sources of people who don't exist: some are made of each other
OWN, STRANGERS = (20, 10, 5, 3), 28


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faces", type=Path, default=FACES, help="folder with photos-256.tar and albums/")
    parser.add_argument("--album", default="suaresito", help="the album whose scatter is taken (default %(default)s)")
    parser.add_argument("--people", type=int, default=800, help="how many others are read (default %(default)s)")
    parser.add_argument("--albums", type=int, default=150, help="albums of a row (default %(default)s)")
    options = parser.parse_args(arguments)
    if not (options.faces / "photos-256.tar").is_file():
        print(f"skipped: there is no {options.faces / 'photos-256.tar'}")
        return 0
    try:
        with FaceFinder() as finder:
            own = _embeddings((load_image(path).pixels for path in sorted((options.faces / "albums" / options.album).iterdir())
                               if path.suffix.lower() in SUFFIXES), finder)
            others = _embeddings(_one_of_each(options.faces / "photos-256.tar", options.people), finder)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(own)} photos of one person, {len(others)} other people\n\n| strangers | own photos | albums | of a stranger "
          "| strangers taken in | own photos lost |\n|---|---|---|---|---|---|")
    rng = np.random.default_rng(2)
    for alike in (False, True):
        for count in (count for count in OWN if count <= len(own)):
            print(_row(own - own.mean(0), others, count, alike, options.albums, rng), flush=True)
    return 0


def _row(scatter: np.ndarray, others: np.ndarray, count: int, alike: bool, albums: int, rng: np.random.Generator) -> str:
    apart = np.linalg.norm(others[:, None] - others[None], axis=2)
    wrong = taken = lost = seen = 0
    chosen = rng.permutation(len(others))[:albums]
    for who in chosen:
        rest = np.delete(np.arange(len(others)), who)
        rest = rest[np.argsort(apart[who, rest])] if alike else rng.permutation(rest)
        mine = others[who] + scatter[rng.permutation(len(scatter))[:count]]
        faces = [people.Face(number, 0, face, 1.0) for number, face in enumerate([*mine, *others[rest[:STRANGERS]]])]
        first = people.group(faces)[0]
        right = sum(index < count for index in first)
        if 2 * right <= len(first):
            wrong += 1
            continue
        seen += STRANGERS
        taken, lost = taken + len(first) - right, lost + count - right
    kind = f"the {STRANGERS} most alike" if alike else f"{STRANGERS} drawn"
    return f"| {kind} | {count} | {len(chosen)} | {wrong} | {taken} of {seen:,} | {lost} of {count * (len(chosen) - wrong):,} |"


def _one_of_each(file: Path, count: int) -> Iterator[np.ndarray]:
    """The first photo of each real person in a tar."""
    known: set[str] = set()
    with tarfile.open(file) as archive:
        for member in archive:
            name = Path(member.name).stem
            key = person_key(name)
            content = archive.extractfile(member) if member.isfile() else None
            if content is None or key in known or name.startswith(DRAWN) or len(known) >= count:
                continue
            known.add(key)
            yield load_image(content.read()).pixels


def _embeddings(pictures: Iterator[np.ndarray], finder: FaceFinder) -> np.ndarray:
    """Of the largest faces (N, 128); pictures without one are passed over. Raises UserError when none is left."""
    found = [each for picture in pictures if (each := embedding(picture, finder)) is not None]
    if not found:
        raise UserError("No face was found in these photos.")
    return np.stack(found).astype(np.float64)


if __name__ == "__main__":
    sys.exit(main())
