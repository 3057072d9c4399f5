"""How well the head fits photos, and how long that takes: `python benchmarks/fit.py FOLDER [--count N] [--sheet FILE]`.

FOLDER holds photos-256.tar (aligned photos). Only photos that the head's identity prior was not learned from are measured: one
name in five. Errors are shares of the outer eye distance. --sheet writes photo, landmarks (green: found, red: fitted), normals,
rendered and albedo of some of them.
"""
from __future__ import annotations

import argparse
import sys
import tarfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

from core.cv import cv2  # noqa: E402
from core.errors import NoFaceError  # noqa: E402
from core.estimate import FitResult, fit_photo, fit_shape  # noqa: E402
from core.head import HeadModel, load_head  # noqa: E402
from core.landmarks import FaceFinder  # noqa: E402
from core.photo import Photo, load_image  # noqa: E402
from core.render.buffers import render_buffers  # noqa: E402
from core.render.camera import project  # noqa: E402

SIZE = 256
LIPS, LIDS = (13, 14), ((159, 145), (386, 374))
EYES = (33, 263)


def photos(archive: Path, count: int, finder: FaceFinder) -> Iterator[tuple[str, Photo]]:
    """Up to `count` held-back photos of the archive, spread over it, with their faces found."""
    with tarfile.open(archive) as tar:
        members = [m for m in tar.getmembers() if m.isfile() and zlib.crc32(Path(m.name).stem.encode()) % 5 == 0]
        for member in members[::max(1, len(members) // count)][:count]:
            file = tar.extractfile(member)
            assert file is not None
            try:
                yield Path(member.name).stem, Photo.aligned_already(load_image(file.read()), finder)
            except NoFaceError:
                print(f"{member.name}: no face")


def gap_errors(head: HeadModel, photo: Photo, result: FitResult) -> tuple[float, float]:
    """Error of the gap between the lips, and mean of the two between the lids, as shares of the eye distance."""
    seen = photo.points(SIZE)
    code = result.code
    fitted = project(head.landmarks(head.vertices_of(code)), code.camera, code.box, SIZE)[:, :2]
    unit = float(np.linalg.norm(seen[EYES[1]] - seen[EYES[0]]))

    def gap(points: np.ndarray, pair: tuple[int, int]) -> float:
        return float(np.linalg.norm(points[pair[0]] - points[pair[1]]))

    def error(pair: tuple[int, int]) -> float:
        return abs(gap(seen, pair) - gap(fitted, pair)) / unit

    return error(LIPS), (error(LIDS[0]) + error(LIDS[1])) / 2


def sheet_row(head: HeadModel, photo: Photo, result: FitResult) -> np.ndarray:
    """(SIZE, 5 SIZE, 3) uint8: photo, landmarks, normals, rendered over the photo, albedo."""
    crop, code = photo.crop(SIZE), result.code
    buffers = render_buffers(head, code, SIZE)
    marks = cv2.resize(crop, (2 * SIZE, 2 * SIZE), interpolation=cv2.INTER_CUBIC)
    fitted = project(head.landmarks(head.vertices_of(code)), code.camera, code.box, SIZE)
    for points, colour in ((photo.points(SIZE), (0, 255, 0)), (fitted, (255, 0, 0))):
        for x, y in points[:, :2]:
            cv2.circle(marks, (int(2 * x), int(2 * y)), 1, colour, -1)
    covered = buffers.coverage[..., None] > 0
    parts = [np.where(covered, 0.5 + 0.5 * buffers.normal, 0), np.where(covered, buffers.rendered, crop / 255.0), buffers.albedo]
    return np.concatenate([crop, cv2.resize(marks, (SIZE, SIZE), interpolation=cv2.INTER_AREA),
                           *(np.uint8(np.clip(255 * p, 0, 255)) for p in parts)], 1)


def timed(head: HeadModel, photo: Photo) -> tuple[FitResult, float, float]:
    """The fit, and milliseconds for the shape alone and for all of it."""
    start = time.perf_counter()
    fit_shape(head, photo.points(SIZE), photo.face.depth * (SIZE / photo.alignment.side), photo.face.blendshapes, SIZE)
    middle = time.perf_counter()
    result = fit_photo(head, photo)
    return result, 1e3 * (middle - start), 1e3 * (time.perf_counter() - middle)


def main() -> None:
    """Prints the table; writes the sheet if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--archive", default="photos-256.tar")
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--rows", type=int, default=10, help="rows of the sheet")
    options = parser.parse_args()
    head = load_head("open")
    rows: list[tuple[float, ...]] = []
    pictures: list[np.ndarray] = []
    with FaceFinder() as finder:
        for number, (_, photo) in enumerate(photos(options.folder / options.archive, options.count, finder)):
            if number == 0:
                timed(head, photo)  # compiles the rasterizer
            result, shape_ms, all_ms = timed(head, photo)
            turn = cv2.Rodrigues(result.code.pose.astype(float))[0]
            yaw = abs(float(np.degrees(np.arctan2(turn[0, 2], turn[2, 2]))))
            rows.append((result.landmark_error, *gap_errors(head, photo, result), result.light_residual, shape_ms, all_ms, yaw,
                         float(np.linalg.norm(result.code.identity))))
            if options.sheet and number % max(1, options.count // (2 * options.rows)) == 0 and len(pictures) < 2 * options.rows:
                pictures.append(sheet_row(head, photo, result))
    table = np.array(rows)
    print(f"{len(table)} photos")
    names = ("inner landmarks", "lip gap", "lid gaps", "skin colour (0..1)", "shape, ms", "shape and light, ms",
             "yaw, degrees", "|identity|, SD")
    print(f"{'what':22}{'mean':>9}{'median':>9}{'95 %':>9}")
    for name, column in zip(names, table.T, strict=True):
        values = column[np.isfinite(column)]
        print(f"{name:22}{values.mean():9.4f}{np.median(values):9.4f}{np.percentile(values, 95):9.4f}")
    for low, high in ((0, 15), (15, 25), (25, 90)):
        part = table[(table[:, 6] >= low) & (table[:, 6] < high), 0]
        if len(part):
            print(f"inner landmarks at yaw {low} to {high}: {part.mean():.4f} ({len(part)} photos)")
    if options.sheet and pictures:
        half = (len(pictures) + 1) // 2
        pictures += [np.zeros_like(pictures[0])] * (2 * half - len(pictures))
        Image.fromarray(np.concatenate([np.concatenate(pictures[:half]), np.concatenate(pictures[half:])], 1)).save(options.sheet)


if __name__ == "__main__":
    main()
