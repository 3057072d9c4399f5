"""OpenHead: the free head that ships, built from CC0 data by resources/build_head.py."""
from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from core.codes import FaceCode
from core.errors import AssetError
from core.head.arkit import ArkitHead
from core.head.looks import Looks
from core.head.rotation import rotation_matrix
from core.head.skin import SkinModel
from core.head.turning import turn_all, turn_part
from core.landmarks import IBUG68
from core.render import pool

DEFAULT_FILE = Path(__file__).resolve().parents[2] / "resources" / "head" / "open_head.npz"
VERSION = 1


@lru_cache(maxsize=16)
def _eye_turn(yaw: float, pitch: float) -> np.ndarray:
    """(3, 3) that turns an eyeball; while the head is dragged its eyes keep theirs."""
    return rotation_matrix(np.array([0.0, yaw, 0.0])) @ rotation_matrix(np.array([-pitch, 0.0, 0.0]))


class OpenHead(ArkitHead):
    """Linear identity and expression, LBS for neck and jaw, eyes that turn about their centres.

    v = mean + identity modes + expression units; the jaw turns its part about its pivot, the neck turns the head against the
    neck's foot, pose turns everything; both about the skull base, which is the origin. Identity coefficients are in standard
    deviations; expression units are ARKit's, 0 to 1. The eyeLook units and `eyes` are one thing: a unit turns its eye too, and
    turning the eyes moves the lids as the units do.
    """

    name = "open"

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        """arrays: those of the head file (see resources/build_head.py). Raises AssetError when some are missing."""
        try:
            self._take(arrays)
        except KeyError as error:
            raise AssetError(f"The head file lacks {error}. Build it again with resources/build_head.py.") from error

    def _take(self, arrays: dict[str, np.ndarray]) -> None:
        self.mean = np.ascontiguousarray(arrays["mean"], np.float32)
        self.faces = np.ascontiguousarray(arrays["faces"], np.int32)
        self.uv = np.ascontiguousarray(arrays["uv"], np.float32)
        self.skin = SkinModel(arrays)
        self.albedo_size = self.skin.size
        self.mirror = arrays["mirror"]
        self.expression_names = tuple(str(name) for name in arrays["expression_names"])
        self.identity_basis = _dequantised(arrays, "identity")
        self.expression_basis = _dequantised(arrays, "expression")
        self.identity_size = len(self.identity_basis)
        self.eye_start = tuple(int(start) for start in arrays["eye_start"])
        self._ring_size, self._ring_height = int(arrays["eye_ring"][0]), float(np.cos(np.deg2rad(arrays["eye_ring"][1])))
        self.jaw_pivot = arrays["jaw_pivot"].astype(np.float32)
        self.weight_neck = arrays["weight_neck"].astype(np.float32)[:, None]
        self.weight_jaw = arrays["weight_jaw"].astype(np.float32)[:, None]
        self.masks = {name[5:]: arrays[name].astype(np.float32) / 255 for name in arrays if name.startswith("mask_")}
        self.regions = dict(self.masks)
        self.landmark_ids = arrays["landmark_ids"].astype(np.int32)
        self.landmark_faces = arrays["landmark_faces"].astype(np.int32)
        self.landmark_bary = arrays["landmark_bary"].astype(np.float32)
        self.landmark_weight = arrays["landmark_weight"].astype(np.float32)
        self.landmark_depth_bias = arrays["landmark_depth_bias"].astype(np.float32)
        self.contour_ids = arrays["contour_ids"].astype(np.int32)
        self.contour_faces = arrays["contour_faces"].astype(np.int32)
        self.contour_bary = arrays["contour_bary"].astype(np.float32)
        self.lopsided = int(arrays["lopsided"])
        self._identity_rows = self.identity_basis.reshape(self.identity_size, -1)
        self._expression_rows = self.expression_basis.reshape(len(self.expression_names), -1)
        self._shaped: tuple[bytes, np.ndarray] = (b"", self.mean.reshape(-1))
        self._looks = Looks(self.expression_names)

    @classmethod
    def load(cls, path: Path | None = None) -> OpenHead:
        """The head in `path` (default: the one that ships). Raises AssetError when it can't be read."""
        path = Path(path) if path is not None else DEFAULT_FILE
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError) as error:
            raise AssetError(f"The head file {path} can't be read ({error}). Install the program again.") from error
        if int(arrays.get("version", -1)) != VERSION:
            raise AssetError(f"{path} is not a head file of version {VERSION}. Install the program again.")
        return cls(arrays)

    def vertices(self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray, neck: np.ndarray,
                 jaw: np.ndarray, eyes: np.ndarray) -> np.ndarray:
        return self._pose(identity, expression, (pose, neck, jaw), eyes, np.empty_like(self.mean))

    def vertices_into(self, code: FaceCode, out: np.ndarray) -> np.ndarray:
        return self._pose(code.identity, code.expression, (code.pose, code.neck, code.jaw), code.eyes, out)

    def _pose(self, identity: np.ndarray, expression: np.ndarray, joints: tuple[np.ndarray, np.ndarray, np.ndarray],
              eyes: np.ndarray, out: np.ndarray) -> np.ndarray:
        pose, neck, jaw = joints
        turns = self._looks.turns(expression, eyes)
        points = out.reshape(-1)
        np.dot(self._looks.with_lids(expression, turns), self._expression_rows, out=points)
        points += self._shape(identity)
        self._turn_eyes(out, turns)
        self._turn_joint(out, jaw, self.jaw_pivot, self.weight_jaw)
        self._turn_joint(out, neck, np.zeros(3, np.float32), self.weight_neck)
        if np.any(pose):
            turn_all(out, rotation_matrix(pose))
        return out

    def _shape(self, identity: np.ndarray) -> np.ndarray:
        # One photo keeps its identity over a whole drag: the last one's shape is kept. The pair is replaced as one object, so
        # that two threads can share a head.
        values = np.asarray(identity, np.float32)
        key, shaped = self._shaped
        if key != values.tobytes():
            shaped = np.dot(values, self._identity_rows, out=pool.empty(self.mean.shape).reshape(-1))
            shaped += self.mean.reshape(-1)
            self._shaped = (values.tobytes(), shaped)
        return shaped

    def _turn_eyes(self, vertices: np.ndarray, turns: list[tuple[float, float]]) -> None:
        for start, end, (yaw, pitch) in zip(self.eye_start[:2], self.eye_start[1:], turns, strict=True):
            if yaw or pitch:
                centre = self._eye_centre(vertices[start:end])
                vertices[start:end] = (vertices[start:end] - centre) @ _eye_turn(yaw, pitch).T + centre

    def _eye_centre(self, sphere: np.ndarray) -> np.ndarray:
        """A ball's centre from its pole and its last ring, which lie in known proportion on its axis."""
        ring = sphere[-self._ring_size:].mean(0)
        return ((ring - self._ring_height * sphere[0]) / (1 - self._ring_height)).astype(np.float32)

    @staticmethod
    def _turn_joint(vertices: np.ndarray, turn: np.ndarray, pivot: np.ndarray, weight: np.ndarray) -> None:
        if np.any(turn):
            turn_part(vertices, rotation_matrix(turn) - np.eye(3, dtype=np.float32), pivot, weight[:, 0])

    def landmarks68(self, vertices: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """The 68 points (68, 3): those MediaPipe landmarks that stand for them (core.landmarks.IBUG68).

        Contour points that the view hides slide along their path to where the outline is seen. The 478 landmarks themselves stay:
        the landmarker's own points follow a turned head's mesh, not its outline.
        """
        points = self.landmarks(vertices)
        triangles = vertices[self.contour_faces]  # (S, C, 3, 3)
        normals = np.cross(triangles[:, :, 1] - triangles[:, :, 0], triangles[:, :, 2] - triangles[:, :, 0])
        seen = normals[..., 2] > 0
        chosen = np.where(seen.any(1), seen.argmax(1), seen.shape[1] - 1)
        row = np.arange(len(chosen))
        points[self.contour_ids] = np.einsum("skc,sk->sc", triangles[row, chosen], self.contour_bary[row, chosen])
        return points[IBUG68].astype(np.float32)



def _dequantised(arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    basis = arrays[name].astype(np.float32)
    basis *= arrays[name + "_scale"].astype(np.float32)[:, None, None]
    return basis
