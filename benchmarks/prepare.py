"""How fast pictures are prepared, and how much disk they take: what a data set of 70,000 costs.

    python benchmarks/prepare.py [FOLDER] [--count N]

FOLDER: photos as taken (default: the test photos, else the sample that ships). They are prepared as they are, and as a data set
of aligned 1024 x 1024 PNGs, the form in which FFHQ is distributed, to 256 and 512 pixels. Prints one Markdown table. Times are
of the processor, over all threads of one worker, so pictures a second count per core whatever else runs.
"""
from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import core  # noqa: E402, F401  sets how threads wait, before numpy is loaded

# isort: split
from PIL import Image  # noqa: E402

from benchmarks._photos import default_photos  # noqa: E402
from core.errors import UserError  # noqa: E402
from core.landmarks import FaceFinder  # noqa: E402
from core.photo import Photo  # noqa: E402
from core.prepare import find_items, make_worker  # noqa: E402
from core.prepare_items import Item, mark_same  # noqa: E402
from core.prepare_shards import Prepared, write_shard  # noqa: E402

FFHQ, CORES = 70_000, 8


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of preparing and size of shards.")
    parser.add_argument("folder", nargs="?", type=Path, default=default_photos(), help="photos (default: the test photos)")
    parser.add_argument("--count", type=int, default=28, metavar="N", help="at most so many photos (default 28)")
    args = parser.parse_args()
    photos = find_items([args.folder])[:args.count]
    print("| pictures | to | processor s a picture | a second and core | KiB a picture | 70,000 on 8 cores | 70,000 on disk |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        aligned = align(photos, Path(folder) / "aligned")
        for name, items in (("aligned PNG, 1024 px", aligned), ("photos as taken", photos)):
            for size in (256, 512):
                print(row(name, items, size, Path(folder) / "shard.npz"), flush=True)
    started = time.process_time()
    mark_same(find_items([args.folder]))
    listing = (time.process_time() - started) / len(photos)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"\nfinding and comparing: {1e3 * listing:.2f} ms a picture; memory of this one worker at most {peak:.0f} MiB")


def align(photos: list[Item], folder: Path) -> list[Item]:
    """The photos as an aligned data set."""
    folder.mkdir()
    with FaceFinder() as finder:
        for item in photos:
            try:
                crop = Photo.open(item.read(), None, finder).crop(1024)
            except UserError:
                continue
            Image.fromarray(crop).save(folder / f"{item.name}.png")
    return find_items([folder])


def row(name: str, items: list[Item], size: int, shard: Path) -> str:
    """One line of the table."""
    work = make_worker("open", "fit", size, False)
    work(items[:1])  # what is compiled or loaded at first use is not counted
    started = time.process_time()
    outcomes = work(items)
    seconds = (time.process_time() - started) / len(items)
    pictures = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
    write_shard(shard, pictures, [], "open", size)
    bytes_each = shard.stat().st_size / len(pictures)
    return (f"| {name} ({len(items)}) | {size} px | {seconds:.3f} | {1 / seconds:.1f} | {bytes_each / 1024:.1f} | "
            f"{FFHQ * seconds / CORES / 3600:.1f} h | {FFHQ * bytes_each / 2**30:.1f} GiB |")


if __name__ == "__main__":
    main()
