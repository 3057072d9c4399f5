"""Landmarks of the photos that the identity prior is learned from."""
from __future__ import annotations

import csv
import hashlib
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from core.landmarks import FaceFinder
from core.train_data import person_key

HELD_BACK = 10  # one person in so many is kept for measuring
LEFT_OUT_SOURCES = ("suaresito", "composite")
TURNED, MOST_TURNED = 10.0, 45.0  # degrees of yaw
FRONTAL, SIDE, PAIRS = 150, 150, 40  # photos of either kind, people seen twice


@dataclass(frozen=True)
class Found:
    """A photo's landmarks as the landmarker gives them: points (478, 2) px, depth (478,), the 52 scores."""

    points: np.ndarray
    depth: np.ndarray
    blendshapes: dict[str, float]


def is_held_back(name: str) -> bool:
    """Whether a photo is kept out of every choice, by a hash of its person."""
    return int(hashlib.sha256(person_key(name).encode()).hexdigest(), 16) % HELD_BACK == 0


def read_groups(folder: Path) -> list[list[Found]]:
    """Photos to learn from, those of one person together: as many turned as frontal ones, for only a turn shows depth in 2D, and
    the London set's people, neutral and smiling."""
    chosen = _chosen(folder / "index.csv")
    found: dict[str, Found] = {}
    wanted = {name for group in chosen for name in group}
    with tarfile.open(folder / "photos-256.tar") as archive, FaceFinder() as finder:
        for member in archive.getmembers():
            name = Path(member.name).stem
            data = archive.extractfile(member) if name in wanted else None
            if data is not None:
                faces = finder.detect(np.asarray(Image.open(BytesIO(data.read())).convert("RGB")), thorough=False)
                if faces:
                    found[name] = Found(faces[0].points, faces[0].depth, faces[0].blendshapes)
    groups = [[found[name] for name in group if name in found] for group in chosen]
    return [group for group in groups if group]


def _chosen(index: Path) -> list[list[str]]:
    with index.open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["shard"] == "photos-256" and row["source"] not in LEFT_OUT_SOURCES
                and not is_held_back(row["name"])]
    rows.sort(key=lambda row: hashlib.sha256(row["name"].encode()).digest())
    pairs: dict[str, list[str]] = {}
    for row in rows:
        if row["source"].startswith("london"):
            pairs.setdefault(person_key(row["name"]), []).append(row["name"])
    single = [row for row in rows if not row["source"].startswith("london")]
    side = [row["name"] for row in single if TURNED < abs(float(row["yaw_deg"])) < MOST_TURNED][:SIDE]
    frontal = [row["name"] for row in single if abs(float(row["yaw_deg"])) <= TURNED][:FRONTAL]
    return [[name] for name in side + frontal] + list(pairs.values())[:PAIRS]
