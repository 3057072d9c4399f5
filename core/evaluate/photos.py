"""Which photos are measured: those of a folder and of the tars in it, who they show, and what is known of them."""
from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from core.errors import UserError
from core.prepare import Item, find_items

INDEX = "index.csv"
HELD_BACK = 0.05  # share of the people that `main.py train` holds back (TrainConfig.hold_back), by another hash than KEPT_BACK
KEPT_BACK = 10  # one person in so many is kept back from everything that is learned from photos
SKIPPED = ("art-*",)  # painted portraits: they measure the landmark model, not the fit


@dataclass(frozen=True)
class Listed:
    """A photo to measure.

    source: the index's, else the part of its name before the first underscore, else its folder. yaw: degrees, None if unknown.
    """

    item: Item
    source: str
    person: str
    yaw: float | None = None

    @property
    def name(self) -> str:
        """The photo's name without folder and ending."""
        return self.item.name


def list_photos(folder: Path, skip: Sequence[str] = SKIPPED) -> list[Listed]:
    """All pictures under `folder` and in the tars directly in it, by name, each name once.

    skip: glob patterns of files and folders directly in `folder` that are left out. Raises UserError when there are none.
    """
    from core.train_data import person_key

    if not folder.is_dir():
        raise UserError(f"{folder} is no folder. Name a folder with photos, or with tars of photos.")
    parts = [part for part in sorted(folder.iterdir()) if not any(fnmatch(part.name, pattern) for pattern in skip)]
    items = _items(part for part in parts if part.is_dir() or part.suffix.lower() == ".tar" or _is_picture(part))
    if not items:
        raise UserError(f"{folder} holds neither photos nor tars with photos in them.")
    known = _read_index(folder / INDEX)
    listed = []
    for name, item in sorted(items.items()):
        source, yaw = known.get(name, (_source(item), None))
        listed.append(Listed(item, source, person_key(name), yaw))
    return listed


def is_kept_back(person: str) -> bool:
    """Whether a person is kept back: by a hash of the name, so always the same ones. OpenHead has learned from none of them."""
    return int(hashlib.sha256(person.encode()).hexdigest(), 16) % KEPT_BACK == 0


def unseen(photos: Sequence[Listed], test_photos: Path | None = None, share: float = HELD_BACK) -> list[Listed]:
    """The photos of people that models are not trained on: kept out of training by a hash of the name (`share` of the people),
    or shown in the folder `test_photos`. Raises UserError when there are none."""
    from core.train_data import is_held_back, person_key

    people = frozenset(person_key(path.stem) for path in test_photos.iterdir()) if test_photos else frozenset()
    found = [photo for photo in photos if is_held_back(photo.name, share, people)]
    if not found:
        raise UserError(f"None of the {len(photos)} photos shows a person that was kept back from training.")
    return found


def choose(photos: Sequence[Listed], count: int | None) -> list[Listed]:
    """Up to `count` photos, spread evenly over the sources and, within one, over the people; always the same ones."""
    if count is None or count >= len(photos):
        return list(photos)
    queues: dict[str, list[Listed]] = {}
    for photo in sorted(photos, key=lambda p: hashlib.sha256(p.name.encode()).hexdigest()):
        queues.setdefault(photo.source, []).append(photo)
    chosen: list[Listed] = []
    while len(chosen) < count:
        for source in sorted(queues):
            if queues[source] and len(chosen) < count:
                chosen.append(queues[source].pop())
    return sorted(chosen, key=lambda p: p.name)


def find_pairs(photos: Sequence[Listed]) -> list[tuple[Listed, Listed]]:
    """(neutral, smiling) photos of one person, as far as the names tell: 'x_neutral' and 'x_smile' or 'x_smiling' of one key."""
    neutral = {p.person: p for p in photos if "neutral" in p.name.lower()}
    smiling = {p.person: p for p in photos if "smil" in p.name.lower()}
    return [(neutral[key], smiling[key]) for key in sorted(neutral.keys() & smiling.keys())]


def _items(parts: Iterable[Path]) -> dict[str, Item]:
    # a photo that is there twice (as taken, and aligned in a tar) is measured as it was taken
    items: dict[str, Item] = {}
    for part in parts:
        try:
            found = find_items([part])
        except UserError:  # a folder without pictures is no reason to stop
            continue
        for item in found:
            if item.name not in items or not item.member:
                items[item.name] = item
    return items


def _is_picture(path: Path) -> bool:
    from core.prepare import PICTURES

    return path.suffix.lower() in PICTURES


def _source(item: Item) -> str:
    head, mark, _ = item.name.partition("_")
    return head if mark else PurePosixPath(item.member or item.container).parent.name or "photos"


def _read_index(path: Path) -> dict[str, tuple[str, float | None]]:
    """name -> (source, yaw) of an index.csv with columns name, source, yaw_deg; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {row["name"]: (row["source"], float(row["yaw_deg"]) if row.get("yaw_deg") else None) for row in rows}
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise UserError(f"{path} can't be used ({error}): it needs the columns name, source and yaw_deg.") from error
