"""Whether an edit can be seen where it ends: how much its change of the whole photo jumps at the borders of crop and frame.

    python benchmarks/seam.py [--photos FOLDER] [--count 6] [--strength 1]

For each edit the photo is pasted back whole, and the change (result less photo) is compared just inside and just outside of two
squares: the face crop, at which the network's work ends, and the frame around it, at which everything ends. Reported is the mean
difference across the border, of 255, less what the change itself differs by between two such lines a little farther in: what is
left is a seam. Only borders inside the photo count.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

from core.align import Alignment  # noqa: E402
from core.cv import cv2  # noqa: E402
from core.engine import Engine  # noqa: E402
from core.errors import UserError  # noqa: E402
from core.request import RenderRequest  # noqa: E402
from core.rig import Rig, Value  # noqa: E402

EDITS: dict[str, dict[str, Value]] = {
    "yaw 20": {"pose.yaw": 20.0}, "yaw -20": {"pose.yaw": -20.0}, "pitch 10": {"pose.pitch": 10.0},
    "smile": {"expression.smile": 0.8},
    "light from the side": {"light.azimuth": 60.0, "light.intensity": 1.4},
    "warm light": {"light.azimuth": -50.0, "light.intensity": 1.6, "light.color": (1.0, 0.75, 0.5)},
    "turn and light": {"pose.yaw": 15.0, "light.azimuth": -60.0, "light.intensity": 1.4}}
TARGET = 1.0  # of 255
_STEP = 1.5  # pixels of the photo on each side of a border


def along(alignment: Alignment, offset: float, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(points (N, 2) in the photo, inside (N,)): the outline of an alignment's square, moved outward by `offset` pixels."""
    t = np.linspace(0.02, 0.98, 400)
    edge = offset / alignment.side
    sides = [np.stack(pair, 1) for pair in ((t, 0 * t - edge), (t, 0 * t + 1 + edge), (0 * t - edge, t), (0 * t + 1 + edge, t))]
    points = alignment.to_photo(np.concatenate(sides), 1)
    inside: np.ndarray = np.all((points > 4) & (points < (shape[1] - 4, shape[0] - 4)), axis=1)
    return points, inside


def seam(change: np.ndarray, alignment: Alignment) -> float:
    """Mean jump, of 255, of a change (H, W, 3) float32 across an alignment's border; NaN where the border is not in the photo."""
    lines, kept = [], np.ones(1600, np.bool_)
    for offset in (-3 * _STEP, -_STEP, _STEP, 3 * _STEP):
        points, inside = along(alignment, offset, change.shape)
        x, y = ((points[None, :, i] - 0.5).astype(np.float32) for i in (0, 1))
        lines.append(cv2.remap(change, x, y, cv2.INTER_LINEAR)[0])
        kept &= inside
    if kept.sum() < 100:
        return float("nan")
    jumps = [np.abs(b - a)[kept].mean() for a, b in zip(lines, lines[1:], strict=False)]
    return float(max(jumps[1] - (jumps[0] + jumps[2]) / 2, 0.0))


def main() -> int:
    """Make the pictures and print the table; 1 when a mean is over the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, default=REPOSITORY.parent / "shared" / "faces" / "originals")
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--strength", type=float, default=1.0, help="0 measures starting pictures, without the network: quick")
    options = parser.parse_args()
    files = sorted(options.photos.glob("*.jpg"))
    engine = Engine()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in EDITS}
    for file in files[::max(len(files) // options.count, 1)][:options.count]:
        try:
            session = engine.open(file)
        except UserError as error:
            print(f"{file.name}: {error}", file=sys.stderr)
            continue
        for name, values in EDITS.items():
            request = RenderRequest(session.digest, Rig().update(values), strength=options.strength)
            image = engine.render(request, measure=False).image
            change = image.astype(np.float32) - session.photo.pixels
            found[name].append((seam(change, session.photo.alignment), seam(change, session.photo.alignment.widened)))
    print(f"{'edit':<24}{'at the crop':>14}{'at the frame':>14}   (mean jump of the change, of 255; target {TARGET:g})")
    worst = 0.0
    for name, pairs in found.items():
        crop, frame = (np.nanmean([pair[i] for pair in pairs]) for i in (0, 1))
        worst = max(worst, float(crop), float(frame))
        print(f"{name:<24}{crop:>14.3f}{frame:>14.3f}")
    return int(worst > TARGET)


if __name__ == "__main__":
    sys.exit(main())
