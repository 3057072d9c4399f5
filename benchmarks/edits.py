"""Do edits land? Requested against measured, on real photos, as a landmarker and a re-identification network see them.

    python benchmarks/edits.py [FOLDER] [--count N] [--sheet FILE.png] [--steps N] [--strength S]

For every photo: no change (PSNR of the crop), light from either side (which side of the face got brighter), a turned head,
an opened mouth, a smile. Prints one Markdown table; `--sheet` writes the pictures side by side.
"""
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

from core.engine import Engine, Result  # noqa: E402
from core.errors import UserError  # noqa: E402
from core.export import save_image  # noqa: E402
from core.landmarks import DetectedFace, FaceFinder  # noqa: E402
from core.photo import SUFFIXES  # noqa: E402
from core.request import RenderRequest  # noqa: E402
from core.rig import Rig, Value, pose_degrees  # noqa: E402
from core.session import Session  # noqa: E402

EDITS: dict[str, dict[str, Value]] = {
    "none": {},
    "light.azimuth=-60": {"light.azimuth": -60.0},
    "light.azimuth=60": {"light.azimuth": 60.0},
    "pose.yaw=20": {"pose.yaw": 20.0},
    "pose.yaw=-20": {"pose.yaw": -20.0},
    "pose.pitch=12": {"pose.pitch": 12.0},
    "jaw.open=0.6": {"jaw.open": 0.6},
    "expression.smile=0.8": {"expression.smile": 0.8},
    "expression.blink=1": {"expression.blink": 1.0},
}


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal to noise ratio in dB of two uint8 pictures."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def face_yaw(face: DetectedFace) -> float:
    """Yaw in degrees from the landmarker's own head matrix, positive toward the picture's right."""
    rotation = np.asarray(face.matrix)[:3, :3]
    return float(np.degrees(np.arctan2(rotation[0, 2], rotation[2, 2])))


def face_pitch(face: DetectedFace) -> float:
    """Pitch in degrees from the landmarker's own head matrix, positive up."""
    rotation = np.asarray(face.matrix)[:3, :3]
    return float(np.degrees(np.arcsin(np.clip(rotation[1, 2], -1, 1))))


def side_balance(crop: np.ndarray, face: DetectedFace) -> float:
    """log2 of mean brightness of the face's half on the picture's right over the one on its left (cheeks)."""
    luma = crop.astype(np.float64) @ (0.2126, 0.7152, 0.0722)
    scale = np.hypot(*(face.points[263] - face.points[33])) * 0.12

    def patch(index: int) -> float:
        x, y = face.points[index]
        rows = slice(int(y - scale), int(y + scale) + 1)
        return float(luma[rows, int(x - scale):int(x + scale) + 1].mean())
    return float(np.log2(patch(425) / patch(205)))


def measures(source: DetectedFace, result: DetectedFace, crop: np.ndarray, before: np.ndarray) -> dict[str, float]:
    """What the landmarker says about a result, as changes from the source."""
    return {
        "yaw": face_yaw(result) - face_yaw(source), "pitch": face_pitch(result) - face_pitch(source),
        "jaw": result.blendshapes["jawOpen"] - source.blendshapes["jawOpen"],
        "smile": both_sides(source, result, "mouthSmile"), "blink": both_sides(source, result, "eyeBlink"),
        "light": side_balance(crop, result) - side_balance(before, source),
    }


def both_sides(source: DetectedFace, result: DetectedFace, unit: str) -> float:
    """Mean change of a unit's left and right score."""
    return sum(result.blendshapes[unit + side] - source.blendshapes[unit + side] for side in ("Left", "Right")) / 2


def edit_all(engine: Engine, session: Session, make: Callable[[Rig], RenderRequest]) -> dict[str, Result]:
    """Every edit of the list, made of one photo."""
    return {name: engine.render(make(Rig().update(changes))) for name, changes in EDITS.items()}


def _default_folder() -> Path:
    repository = Path(__file__).resolve().parent.parent
    photos = repository.parent / "shared" / "faces" / "originals"
    return photos if photos.is_dir() else repository / "resources" / "samples"


def main() -> None:
    """Run over a folder and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=_default_folder(),
                        help="photos (default: the test photos, or the sample)")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--noise", default="inverted")
    parser.add_argument("--prior", type=Path)
    args = parser.parse_args()
    engine, finder = Engine(args.prior), FaceFinder()
    paths = sorted(p for p in args.folder.iterdir() if p.suffix.lower() in SUFFIXES)
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(args.count, len(paths))).astype(int)]
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in EDITS}
    pictures = []
    for path in chosen:
        try:
            session = engine.open(path)
        except UserError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        def make(rig: Rig, digest: str = session.digest) -> RenderRequest:
            return RenderRequest(digest, rig, args.noise, steps=args.steps, strength=args.strength, size="crop")
        results = edit_all(engine, session, make)
        source = finder.detect(session.native)
        for name, result in results.items():
            found = finder.detect(result.crop)
            if not source or not found:
                print(f"{path.name} {name}: no face found", file=sys.stderr)
                continue
            row = measures(source[0], found[0], result.crop, session.native)
            row["identity"] = np.nan if result.identity_distance is None else result.identity_distance
            row["psnr"] = psnr(result.crop, session.native)
            row["seconds"] = sum(v for k, v in result.timings.items() if k != "identity")
            rows[name].append(row)
        pictures.append([session.native, *(r.crop for r in results.values())])
        print(f"{path.name}: yaw {pose_degrees(session.code.pose)[0]:.0f}", file=sys.stderr)
    columns = ("psnr", "light", "yaw", "pitch", "jaw", "smile", "blink", "identity", "seconds")
    print(f"{len(pictures)} photos, {args.noise} noise, {args.steps} steps, strength {args.strength:g}: "
          "mean change seen by the landmarker (worst identity)\n")
    print("| edit | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for name, found_rows in rows.items():
        cells = []
        for column in columns:
            values = np.array([r[column] for r in found_rows])
            mean = f"{np.mean(values):.2f}" if len(values) else "-"
            cells.append(f"{mean} ({np.max(values):.2f})" if column == "identity" and len(values) else mean)
        print(f"| {name} | " + " | ".join(cells) + " |")
    if args.sheet and pictures:
        save_image(sheet(pictures), args.sheet)
    finder.close()
    engine.close()


def sheet(pictures: list[list[np.ndarray]], side: int = 256) -> np.ndarray:
    """Rows of pictures as one (H, W, 3) uint8 picture."""
    from core.compose import resize, to_uint8
    return np.concatenate([np.concatenate([to_uint8(resize(p.astype(np.float32), side)) for p in row], 1) for row in pictures])


if __name__ == "__main__":
    main()
