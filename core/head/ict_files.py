"""ICT-FaceKit Light (Li et al. 2020, MIT) as its users have it: a folder of OBJ files, read into arrays once.

The layout is what the kit's own README documents: vertex ranges of the parts, the 68 Multi-PIE landmark vertices, and a mesh
for the neutral head, for each identity mode at one standard deviation, and for each expression.
"""
from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import AssetError
from core.head.obj import Obj, read_obj, read_vertices

NEUTRAL, IDENTITY = "generic_neutral_mesh.obj", "identity{:03d}.obj"
MOST_IDENTITIES = 100
INNER_FOLDER = "FaceXModel"
_EYE_SPAN = (0.07, 0.12)  # metres between the outer eye corners of an adult's head
_UNITS = {"centimetres": 0.01, "metres": 1.0, "decimetres": 0.1, "millimetres": 0.001}

# The 52 units named by ARKit, but for tongueOut, as the kit has them: _L and _R for sides; two of them come in halves.
_HALVES = ("browInnerUp", "cheekPuff")
_SIDED = ("browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp",
          "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch",
          "mouthUpperUp", "noseSneer")
_SINGLE = ("jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel", "mouthLeft", "mouthPucker", "mouthRight",
           "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper")


def unit_files() -> dict[str, tuple[str, ...]]:
    """The kit's file names for each ARKit unit."""
    files: dict[str, tuple[str, ...]] = {name: (f"{name}_L.obj", f"{name}_R.obj") for name in _HALVES}
    files |= {f"{name}{word}": (f"{name}_{side}.obj",) for name in _SIDED for side, word in (("L", "Left"), ("R", "Right"))}
    files |= {name: (f"{name}.obj",) for name in _SINGLE}
    return dict(sorted(files.items()))


@dataclass(frozen=True)
class Layout:
    """Where the parts are in the vertex order (first, end), how many vertices there are, which of them are the 68 landmarks.

    Vertices from `kept` on are left out: tear film, lashes and shadow cards, which stand before the eyes and are no skin.
    """

    count: int = 26719
    kept: int = 24591
    face: tuple[int, int] = (0, 9409)
    neck: tuple[int, int] = (9409, 11248)
    mouth: tuple[int, int] = (11248, 13294)
    sockets: tuple[int, int] = (13294, 14062)
    gums: tuple[int, int] = (14062, 17039)
    upper_teeth: tuple[int, int] = (17039, 19247)
    lower_teeth: tuple[int, int] = (19247, 21451)
    eyes: tuple[tuple[int, int], tuple[int, int]] = ((21451, 23021), (23021, 24591))  # left, right
    irises: tuple[tuple[int, int], tuple[int, int]] = ((22221, 23021), (23791, 24591))
    landmarks: tuple[int, ...] = field(default=(
        1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443, 268, 493, 1914, 2044,
        1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537, 1528, 1518,
        1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702,
        5711, 5533, 6216, 6207, 6470, 5517, 5966))


LIGHT = Layout()


@dataclass(frozen=True, eq=False)
class Kit:
    """What the folder holds, in metres, in the files' own axes, of the kept vertices only: the neutral mesh, differences for each
    identity mode (K, V, 3) and each expression unit (E, V, 3), and the units' names."""

    mesh: Obj
    identity: np.ndarray
    expression: np.ndarray
    names: tuple[str, ...]


def find_folder(folder: Path) -> Path:
    """The folder with the OBJ files: `folder` or FaceXModel in it. Raises AssetError that says what was looked for."""
    for place in (folder, folder / INNER_FOLDER):
        if (place / NEUTRAL).is_file():
            return place
    raise AssetError(f"{folder} holds no {NEUTRAL}. Choose the folder {INNER_FOLDER} of ICT-FaceKit Light.")


def stamp(folder: Path) -> str:
    """A digest of the names, sizes and times of the folder's OBJ files."""
    facts = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.glob("*.obj"))]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def read_kit(folder: Path, layout: Layout = LIGHT) -> Kit:
    """Read all files. Raises AssetError naming what is missing, or the file that does not fit."""
    units = unit_files()
    there = set(os.listdir(folder))
    missing = [name for files in units.values() for name in files if name not in there]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise AssetError(f"{folder} lacks {', '.join(missing[:5])}{more}. Copy all OBJ files of {INNER_FOLDER} there.")
    mesh = read_obj(folder / NEUTRAL)
    _check_count(folder / NEUTRAL, len(mesh.vertices), layout)
    scale = _scale(folder / NEUTRAL, mesh.vertices, layout)
    neutral = mesh.vertices[:layout.kept] * scale

    def difference(name: str) -> np.ndarray:
        vertices = read_vertices(folder / name)
        _check_count(folder / name, len(vertices), layout)
        return vertices[:layout.kept] * scale - neutral

    modes = _mode_files(folder, there)
    identity = np.stack([difference(name) for name in modes])
    expression = np.stack([np.sum([difference(name) for name in files], 0) for files in units.values()])
    whole = (mesh.faces < layout.kept).all(1)
    texture = mesh.uv_faces[whole] if mesh.uv_faces is not None else None
    kept = Obj(neutral, mesh.uv, mesh.faces[whole], texture, mesh.polygon[whole])
    return Kit(kept, identity, expression, tuple(units))


def _mode_files(folder: Path, there: set[str]) -> list[str]:
    count = sum(bool(re.fullmatch(r"identity\d{3}\.obj", name)) for name in there)
    if not count:
        raise AssetError(f"{folder} lacks {IDENTITY.format(0)} and the other identity files. Copy all OBJ files there.")
    names = [IDENTITY.format(i) for i in range(min(count, MOST_IDENTITIES))]
    gap = next((name for name in names if name not in there), None)
    if gap:
        raise AssetError(f"{folder} has {count} identity files, but lacks {gap}. Copy all OBJ files of {INNER_FOLDER} there.")
    return names


def _check_count(path: Path, count: int, layout: Layout) -> None:
    if count != layout.count:
        raise AssetError(f"{path} has {count} vertices; the light ICT face model has {layout.count}. Is it from another version?")


def _scale(path: Path, vertices: np.ndarray, layout: Layout) -> float:
    """Metres per unit of the files, from the distance of the outer eye corners.

    Raises AssetError unless the head is upright, looks along +z, and has a person's size in one of the units.
    """
    points = vertices[list(layout.landmarks)].astype(np.float64)
    right_eye, left_eye, nose, chin = points[36], points[45], points[30], points[8]
    upright = left_eye[0] > right_eye[0] and min(left_eye[1], right_eye[1]) > chin[1] and nose[2] > (left_eye + right_eye)[2] / 2
    span = float(np.linalg.norm(left_eye - right_eye))
    for scale in _UNITS.values():
        if upright and _EYE_SPAN[0] < span * scale < _EYE_SPAN[1]:
            return scale
    raise AssetError(f"{path} is no upright head that looks along z: its eyes' outer corners are {span:g} apart. "
                     "Copy the kit's own files, not ones saved by another program.")
