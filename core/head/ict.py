"""IctHead: the light ICT face model (Li et al. 2020), from the user's own folder of OBJ files, with OpenHead's controls."""
from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np

from core import paths
from core.errors import AssetError
from core.files import WriteError, atomic_save
from core.head.arkit import ArkitHead
from core.head.ict_files import LIGHT, Layout, find_folder, read_kit, stamp
from core.head.ict_register import ball_centre, registered
from core.head.looks import Looks
from core.head.open_head import OpenHead
from core.head.rotation import rotation_matrix
from core.head.skin import SkinModel
from core.landmarks import IBUG68, POINTS

VERSION = 3


class IctHead(ArkitHead):
    """v = mean + identity modes (standard deviations) + expression units (ARKit's, 0 to 1).

    Eyeballs turn about their centres, jaw and neck about the places OpenHead has them, pose turns everything about the origin.
    """

    name = "ict"

    def __init__(self, arrays: dict[str, np.ndarray], names: tuple[str, ...], layout: Layout = LIGHT) -> None:
        """arrays: as `core.head.ict_register.registered` makes them; names: of the expression rows."""
        self.mean, self.faces = arrays["mean"], arrays["faces"]
        self.uv, self.uv_faces = arrays.get("uv"), arrays.get("uv_faces")
        self.expression_names = names
        self.identity_basis, self.expression_basis = arrays["identity"], np.array(arrays["expression"])
        self.identity_size = len(self.identity_basis)
        for start, end in layout.eyes:  # eyeballs are turned, not bent
            self.expression_basis[:, start:end] = 0
        self.skin = SkinModel(arrays)
        self.albedo_size = self.skin.size
        self._eyes = layout.eyes
        balls = [slice(eye[0], iris[0]) for eye, iris in zip(layout.eyes, layout.irises, strict=True)]
        offsets = [ball_centre(self.mean[ball]) - self.mean[ball].mean(0) for ball in balls]  # nothing where the ball is whole
        self._balls = tuple(zip(balls, (offset.astype(np.float32) for offset in offsets), strict=True))
        self.masks = {name[5:]: arrays[name] for name in arrays if name.startswith("mask_")}
        self.regions = dict(self.masks)
        self.landmark_ids = np.arange(POINTS, dtype=np.int32)
        self.landmark_faces, self.landmark_bary = arrays["landmark_faces"], arrays["landmark_bary"]
        self.landmark_weight, self.landmark_depth_bias = arrays["landmark_weight"], arrays["landmark_depth_bias"]
        self.jaw_pivot = arrays["jaw_pivot"]
        origin = np.zeros(3, np.float32)
        self._joints = ((arrays["weight_jaw"][:, None], self.jaw_pivot), (arrays["weight_neck"][:, None], origin))
        self._looks = Looks(names)
        self._shaped: tuple[bytes, np.ndarray] = (b"", self.mean)

    def vertices(self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray, neck: np.ndarray,
                 jaw: np.ndarray, eyes: np.ndarray) -> np.ndarray:
        turns = self._looks.turns(expression, eyes)
        vertices = self._shape(identity).copy()
        units = self._looks.with_lids(expression, turns)
        used = np.flatnonzero(units)
        if len(used):
            vertices += np.tensordot(units[used], self.expression_basis[used], 1)
        for (start, end), (ball, offset), (yaw, pitch) in zip(self._eyes, self._balls, turns, strict=True):
            if yaw or pitch:
                centre = vertices[ball].mean(0) + offset
                turn = rotation_matrix(np.array([0.0, yaw, 0.0])) @ rotation_matrix(np.array([-pitch, 0.0, 0.0]))
                vertices[start:end] = (vertices[start:end] - centre) @ turn.T + centre
        for (weight, pivot), vector in zip(self._joints, (jaw, neck), strict=True):
            if np.any(vector):
                turn = rotation_matrix(vector) - np.eye(3, dtype=np.float32)
                vertices += weight * ((vertices - pivot) @ turn.T)
        return vertices @ rotation_matrix(pose).T if np.any(pose) else vertices

    def _shape(self, identity: np.ndarray) -> np.ndarray:
        # A photo keeps its identity over a whole drag; the pair is replaced as one object, so that two threads can share a head.
        values = np.asarray(identity, np.float32)
        key, shaped = self._shaped
        if key != values.tobytes():
            shaped = self.mean + np.tensordot(values, self.identity_basis, 1)
            self._shaped = (values.tobytes(), shaped)
        return shaped

    def landmarks68(self, vertices: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """The 68 points by the same mapping of the 478 as on photos."""
        return self.landmarks(vertices)[IBUG68].astype(np.float32)



def load_ict(folder: Path | None, layout: Layout = LIGHT) -> IctHead:
    """IctHead from the user's folder (default: the imported one). The arrays are kept in the cache for the next start.

    Raises AssetError when nothing was imported, or naming the file that is missing or does not fit.
    """
    if folder is None:
        from core.assets import ict_folder
        folder = ict_folder()
    if folder is None:
        raise AssetError("The ICT head needs your own copy of ICT-FaceKit Light: import its folder FaceXModel with "
                         "'main.py assets import FOLDER'.")
    folder = find_folder(Path(folder))
    guide = OpenHead.load()
    made_of = f"{VERSION} {folder.resolve()} {stamp(folder)} {layout}".encode()
    digest = hashlib.sha256(made_of + guide.mean.tobytes() + guide.landmark_bary.tobytes()).hexdigest()
    cached = paths.cache_dir() / f"ict-{digest[:16]}.npz"
    kept = _read_cache(cached)
    if kept is None:
        kit = read_kit(folder, layout)
        kept = registered(kit, layout, guide) | {"names": np.array(kit.names)}
        _write_cache(cached, kept)
    names = tuple(str(name) for name in kept.pop("names"))
    return IctHead(kept, names, layout)


def _read_cache(path: Path) -> dict[str, np.ndarray] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile):
        return None


def _write_cache(path: Path, arrays: dict[str, np.ndarray]) -> None:
    for old in path.parent.glob("ict-*.npz"):  # of files that have changed since
        old.unlink(missing_ok=True)
    try:
        atomic_save(path, lambda file: np.savez(file, **arrays), make_folder=True)  # type: ignore[arg-type]
    except WriteError:
        pass  # the next start reads the folder again
