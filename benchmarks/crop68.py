"""How far the face encoder's crop moves because its 68 points come from MediaPipe: `python benchmarks/crop68.py`.

The detectors of the 68-point convention are trained on data that is not free, so none can be asked; photos that were aligned by
these very points say nothing either. Three things stand in for one:

templates  Landmarks that people set by hand on photos of the same folder (Face Research Lab templates of DeBruine's CC-BY 4.0
           sets, 189 points). crop68_templates.csv holds what is needed of 15 of them; --templates FOLDER reads the .tem files
           that come with the London, Canada and composite sets (with the London set: about 200 photos). Template and photo are
           laid on each other by pupils and mouth corners, which both mark alike; then the boxes around the 68 points are
           compared. A template has an upper and a lower edge of the brows where the convention has one line: both are shown.
far side   On 200 photos of all head turns: a 2D detector puts the contour of the averted cheek where it ends to the eye. The box
           is compared with one whose contour there is the outline of a fitted head. What the two differ by on frontal faces is
           taken off: it is the heads' own, and the templates measure it. The near side (how close to the ear) is not measured.
repeat     On the same photos: the box in a copy of half the size, and in the mirrored photo.

Each row: ratio of box sizes (ours / theirs) and shift of the box's centre in percent of the box, x and y: mean, deviation, and
the 95th percentile of what remains around 1 (or 0).
"""
from __future__ import annotations

import argparse
import csv
import io
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

from core.cv import cv2  # noqa: E402
from core.errors import UserError  # noqa: E402
from core.estimate import fit_photo  # noqa: E402
from core.head import HeadModel, load_head  # noqa: E402
from core.landmarks import FaceFinder, points68  # noqa: E402
from core.photo import Photo, load_image  # noqa: E402
from core.render.camera import project  # noqa: E402

FACES = Path(__file__).resolve().parents[2] / "shared" / "faces"
TEMPLATES = Path(__file__).with_name("crop68_templates.csv")
PUPILS, MOUTH = (468, 473), (61, 291)  # of MediaPipe's points
TURNS = (0, 10, 20, 30, 90)
SIZE = 256


@dataclass(frozen=True)
class Box:
    """The square box of spec section 1 before its side is cut to whole pixels."""

    side: float
    centre: np.ndarray

    @classmethod
    def around(cls, points: np.ndarray) -> Box:
        """Around points (n, 2)."""
        low, high = points.min(0), points.max(0)
        return cls(float((high - low).sum() / 2 * 1.1 * 1.25), (low + high) / 2)

    def against(self, other: Box) -> tuple[float, float, float]:
        """(side ratio, shift x, shift y): the shift in percent of the other's side."""
        return self.side / other.side, *(100 * (self.centre - other.centre) / other.side)


def row(label: str, values: list[tuple[float, float, float]]) -> None:
    """Prints mean, deviation and 95th percentile of size ratio and centre shift."""
    if not values:
        return
    numbers = np.array(values)
    mean, spread = numbers.mean(0), numbers.std(0)
    off = np.percentile(np.abs(numbers - (1, 0, 0)), 95, axis=0)
    print(f"{label:34}{len(values):4}   {mean[0]:.3f} {spread[0]:.3f} {off[0]:.3f}"
          + "".join(f"   {mean[i]:+5.2f} {spread[i]:5.2f} {off[i]:5.2f}" for i in (1, 2)))


# -- photos ---------------------------------------------------------------------------------------------------------------


def photos(names: set[str]) -> Iterator[tuple[str, np.ndarray]]:
    """The named aligned photos (256, 256, 3) uint8."""
    with tarfile.open(FACES / "photos-256.tar") as tar:
        for member in tar:
            name = Path(member.name).stem
            if name in names:
                file = tar.extractfile(member)
                assert file is not None
                yield name, load_image(file.read()).pixels


def turned_photos(count: int) -> dict[str, float]:
    """About `count` photos by name with their yaw, as many of each range of `TURNS` as there are to be had."""
    with (FACES / "index.csv").open() as file:
        yaw = {r["name"]: float(r["yaw_deg"]) for r in csv.DictReader(file) if r["shard"] == "photos-256"}
    rng = np.random.default_rng(0)
    chosen: dict[str, float] = {}
    groups = [[n for n in sorted(yaw) if low <= abs(yaw[n]) < high] for low, high in zip(TURNS, TURNS[1:], strict=False)]
    for rest, group in enumerate(sorted(groups, key=len)):
        share = (count - len(chosen)) // (len(groups) - rest)
        chosen.update({n: yaw[n] for n in rng.permutation(group)[:share]})
    return chosen


# -- templates ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """What a person marked. anchors (4, 2): pupils and mouth corners. left, right: ends of the face's outline. chin, brow_top,
    brow_low: heights of the chin and of the brows' upper and lower edges."""

    anchors: np.ndarray
    left: float
    right: float
    chin: float
    brow_top: float
    brow_low: float

    def box(self, brow: float) -> Box:
        """brow: 0 takes the brows' upper edge, 1 the lower one."""
        top = self.brow_top + brow * (self.brow_low - self.brow_top)
        return Box.around(np.array([[self.left, top], [self.right, self.chin]]))


def stored_templates() -> dict[str, Template]:
    """Those of crop68_templates.csv by photo."""
    found = {}
    with TEMPLATES.open() as file:
        for entry in csv.DictReader(file):
            v = {key: float(value) for key, value in entry.items() if key != "photo"}
            anchors = [[v[f"{what}_x"], v[f"{what}_y"]] for what in ("eye_left", "eye_right", "mouth_left", "mouth_right")]
            found[entry["photo"]] = Template(np.array(anchors), v["left"], v["right"], v["chin"], v["brow_top"], v["brow_low"])
    return found


def read_templates(folder: Path, known: set[str]) -> dict[str, Template]:
    """Those of a folder of .tem files (webmorph, 189 points) for which there is a photo."""
    found = {}
    for file in sorted(folder.rglob("*.tem")):
        name = next((n for n in known if n.partition("_")[2] == file.stem.replace("_", "-")), None)
        lines = file.read_text().splitlines()
        if name is None or lines[0].strip() != "189":
            continue
        p = np.array([[float(word) for word in line.split()] for line in lines[1:190]])
        left, right = (p[ids, 0] for ids in ([109, 110, 111, 185, 186], [112, 113, 114, 187, 188]))
        found[name] = Template(p[[0, 1, 87, 93]], left.min(), right.max(), p[125:134, 1].max(), p[71:83, 1].min(),
                               p[83:87, 1].mean())
    return found


def onto_template(points: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """MediaPipe's points (478, 2) where the template's picture has them: the similarity of pupils and mouth corners."""
    def flat(p: np.ndarray) -> np.ndarray:
        return p[:, 0] + 1j * p[:, 1]

    own, given = flat(points[[*PUPILS, *MOUTH]].astype(np.float64)), flat(anchors)
    a, b = own - own.mean(), given - given.mean()
    moved = (flat(points.astype(np.float64)) - own.mean()) * ((b * a.conj()).sum() / (np.abs(a) ** 2).sum()) + given.mean()
    return np.stack([moved.real, moved.imag], 1)


def against_templates(finder: FaceFinder, templates: dict[str, Template]) -> None:
    """Prints the templates' rows."""
    rows: dict[float, list[tuple[float, float, float]]] = {0.0: [], 0.5: []}
    for name, picture in photos(set(templates)):
        faces = finder.detect(picture, thorough=False)
        if faces:
            own = Box.around(points68(onto_template(faces[0].points, templates[name].anchors)))
            for brow, values in rows.items():
                values.append(own.against(templates[name].box(brow)))
    row("templates, upper edge of brows", rows[0.0])
    row("templates, middle of brows", rows[0.5])


# -- outline and repeat ---------------------------------------------------------------------------------------------------


def outline_box(head: HeadModel, photo: Photo, points: np.ndarray, yaw: float) -> Box:
    """Like the box of the 68 points (68, 2), but on the averted side the outline of a fitted head's face bounds it."""
    code = fit_photo(head, photo).code
    seen = project(head.vertices_of(code), code.camera, code.box, SIZE)[:, :2]
    face = np.ones(len(seen), np.bool_)
    for part in ("neck", "ears", "scalp"):
        face &= head.regions[part] < 0.5
    inner, outer = points[17:], points[:17]
    band = face & (seen[:, 1] > inner[:, 1].min()) & (seen[:, 1] < outer[:, 1].max())
    left, right = outer[:, 0].min(), outer[:, 0].max()
    if yaw > 0:  # the head looks to the picture's right: that cheek is averted
        right = seen[band, 0].max()
    else:
        left = seen[band, 0].min()
    low = outer[:, 1].max()
    return Box.around(np.concatenate([inner, [[left, low], [right, low]]]))


def on_turned_heads(finder: FaceFinder, count: int) -> None:
    """Prints the rows by head turn."""
    head, yaw = load_head("open"), turned_photos(count)
    outline: dict[str, list[tuple[float, float, float]]] = {}
    half, mirror = [], []
    for name, picture in photos(set(yaw)):
        try:
            photo = Photo.aligned_already(load_image(_png(picture)), finder)
        except UserError:
            continue
        points = points68(photo.points(SIZE))
        own = Box.around(points)
        found = own.against(outline_box(head, photo, points, yaw[name]))
        toward = -1 if yaw[name] < 0 else 1  # so that the averted side is the positive one
        outline.setdefault(_turn(yaw[name]), []).append((found[0], toward * found[1], found[2]))
        half += _again(finder, cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA), own, 2.0, False)
        mirror += _again(finder, np.ascontiguousarray(picture[:, ::-1]), own, 1.0, True)
    frontal = np.mean(outline[_turn(0)], 0) / (1, 1, 1)
    for turn, values in sorted(outline.items()):
        row(f"far side, yaw {turn}", [(v[0] / frontal[0], v[1] - frontal[1], v[2] - frontal[2]) for v in values])
    row("repeat, half the size", half)
    row("repeat, mirrored", mirror)


def _again(finder: FaceFinder, picture: np.ndarray, own: Box, scale: float, mirrored: bool) -> list[tuple[float, float, float]]:
    faces = finder.detect(picture, thorough=False)
    if not faces:
        return []
    points = points68(faces[0].points) * scale
    if mirrored:
        points = points * (-1, 1) + (SIZE, 0)
    return [Box.around(points).against(own)]


def _turn(yaw: float) -> str:
    low, high = next((a, b) for a, b in zip(TURNS, TURNS[1:], strict=False) if a <= abs(yaw) < b)
    return f"{low}-{high}" if high < 90 else f"{low}+"


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=200, help="photos of turned heads (default: 200)")
    parser.add_argument("--templates", type=Path, metavar="FOLDER",
                        help="a folder of .tem files of the London, Canada or composite set")
    arguments = parser.parse_args()
    if not (FACES / "photos-256.tar").is_file():
        print(f"skipped: needs the aligned photos in {FACES}")
        return
    templates = stored_templates()
    if arguments.templates:
        with tarfile.open(FACES / "photos-256.tar") as tar:
            templates = read_templates(arguments.templates, {Path(name).stem for name in tar.getnames()})
    print(f"{'':34}   n   size mean, sd, 95 %    x mean, sd, 95 % of box   y mean, sd, 95 % of box")
    with FaceFinder() as finder:
        against_templates(finder, templates)
        on_turned_heads(finder, arguments.photos)


if __name__ == "__main__":
    main()
