"""OpenHead: the free head that ships, built from CC0 data by resources/build_head.py."""
from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from core.codes import FaceCode
from core.errors import AssetError
from core.head.base import Albedo, Control, HeadModel
from core.head.open_controls import open_controls
from core.head.rotation import rotation_matrix
from core.landmarks import IBUG68

DEFAULT_FILE = Path(__file__).resolve().parents[2] / "resources" / "head" / "open_head.npz"
VERSION = 1
LARGEST_UNIT = 1.2

# Display RGB. Skin, lips and hair come from the coefficients; the rest is fixed.
DEFAULT_ALBEDO = (0.70, 0.53, 0.455, 0.60, 0.37, 0.345, 0.20, 0.155, 0.13)
SCLERA, IRIS, PUPIL = (0.78, 0.75, 0.73), (0.22, 0.15, 0.11), (0.03, 0.03, 0.03)
TEETH, LOWER_TEETH, TONGUE = (0.70, 0.65, 0.59), (0.54, 0.49, 0.44), (0.44, 0.20, 0.19)
CAVITY, CAVITY_DEEP = (0.28, 0.11, 0.10), (0.06, 0.025, 0.025)
BROW_STRENGTH, SCALP_STRENGTH, LID_SHADE = 0.65, 0.9, 0.80

# How far an eyeLook unit at 1 turns the eye, radians: outward or inward, down, up.
LOOK_SIDE, LOOK_DOWN, LOOK_UP = np.deg2rad(30.0), np.deg2rad(25.0), np.deg2rad(20.0)


class OpenHead(HeadModel):
    """Linear identity and expression, LBS for neck and jaw, eyes that turn about their centres.

    v = mean + identity modes + expression units; the jaw turns its part about its pivot, the neck turns the head against the
    neck's foot, pose turns everything; both about the skull base, which is the origin. Identity coefficients are in standard
    deviations; expression units are ARKit's, 0 to 1. The eyeLook units and `eyes` are one thing: a unit turns its eye too, and
    turning the eyes moves the lids as the units do.
    """

    name = "open"
    albedo_size = len(DEFAULT_ALBEDO)

    centre_follows_expression = False

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
        self._identity_rows = self.identity_basis.reshape(self.identity_size, -1)
        self._expression_rows = self.expression_basis.reshape(len(self.expression_names), -1)
        self._shaped: tuple[bytes, np.ndarray] = (b"", self.mean.reshape(-1))
        self._look = {side: _look_rows(self.expression_names, side) for side in ("Left", "Right")}

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
        turns = [self._eye_turn(side, expression, eyes) for side in ("Left", "Right")]
        points = self._shape(identity).copy()
        points += self._with_lids(expression, turns) @ self._expression_rows
        vertices = points.reshape(-1, 3)
        self._turn_eyes(vertices, turns)
        self._turn_joint(vertices, jaw, self.jaw_pivot, self.weight_jaw)
        self._turn_joint(vertices, neck, np.zeros(3, np.float32), self.weight_neck)
        if np.any(pose):
            vertices = vertices @ rotation_matrix(pose).T
        return vertices

    def _shape(self, identity: np.ndarray) -> np.ndarray:
        # One photo keeps its identity over a whole drag: the last one's shape is kept. The pair is replaced as one object, so
        # that two threads can share a head.
        values = np.asarray(identity, np.float32)
        key, shaped = self._shaped
        if key != values.tobytes():
            shaped = self.mean.reshape(-1) + values @ self._identity_rows
            self._shaped = (values.tobytes(), shaped)
        return shaped

    def _eye_turn(self, side: str, expression: np.ndarray, eyes: np.ndarray) -> tuple[float, float]:
        """Yaw and pitch of one eye in radians: `eyes` and the side's eyeLook units."""
        row = self._look[side]
        out = 1.0 if side == "Left" else -1.0  # the person's left is the picture's right
        yaw = float(eyes[0]) + out * LOOK_SIDE * float(expression[row["Out"]] - expression[row["In"]])
        pitch = float(eyes[1]) + LOOK_UP * float(expression[row["Up"]]) - LOOK_DOWN * float(expression[row["Down"]])
        return yaw, pitch

    def _with_lids(self, expression: np.ndarray, turns: list[tuple[float, float]]) -> np.ndarray:
        """Expression coefficients whose eyeLook units are those of the eyes' turn, so that the lids follow the eyes."""
        values = np.array(expression, np.float32)
        for side, (yaw, pitch) in zip(("Left", "Right"), turns, strict=True):
            row = self._look[side]
            outward = yaw if side == "Left" else -yaw
            values[row["Out"]], values[row["In"]] = max(outward, 0) / LOOK_SIDE, max(-outward, 0) / LOOK_SIDE
            values[row["Up"]], values[row["Down"]] = max(pitch, 0) / LOOK_UP, max(-pitch, 0) / LOOK_DOWN
        return values

    def _turn_eyes(self, vertices: np.ndarray, turns: list[tuple[float, float]]) -> None:
        for start, end, (yaw, pitch) in zip(self.eye_start[:2], self.eye_start[1:], turns, strict=True):
            if yaw or pitch:
                turn = rotation_matrix(np.array([0.0, yaw, 0.0])) @ rotation_matrix(np.array([-pitch, 0.0, 0.0]))
                centre = self._eye_centre(vertices[start:end])
                vertices[start:end] = (vertices[start:end] - centre) @ turn.T + centre

    def _eye_centre(self, sphere: np.ndarray) -> np.ndarray:
        """A ball's centre from its pole and its last ring, which lie in known proportion on its axis."""
        ring = sphere[-self._ring_size:].mean(0)
        return ((ring - self._ring_height * sphere[0]) / (1 - self._ring_height)).astype(np.float32)

    @staticmethod
    def _turn_joint(vertices: np.ndarray, turn: np.ndarray, pivot: np.ndarray, weight: np.ndarray) -> None:
        if np.any(turn):
            arm = vertices - pivot
            vertices += weight * (arm @ (rotation_matrix(turn).T - np.eye(3, dtype=np.float32)))

    def landmarks68(self, vertices: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """The 68 points (68, 3): those MediaPipe landmarks that stand for them (core.landmarks.IBUG68)."""
        return self.landmarks(vertices)[IBUG68].astype(np.float32)

    def albedo(self, coefficients: np.ndarray) -> Albedo:
        """Vertex colours from (9,) = skin RGB, lips RGB, hair RGB; brows and scalp take the hair's colour."""
        skin, lips, hair = np.asarray(coefficients, np.float32).reshape(3, 3)
        fixed, weights = self._paint
        return Albedo(vertex=fixed + weights[:, :1] * skin + weights[:, 1:2] * lips + weights[:, 2:] * hair)

    @cached_property
    def _paint(self) -> tuple[np.ndarray, np.ndarray]:
        """Fixed colours (V, 3) and shares (V, 3) of skin, lips and hair; painted one over the other."""
        masks = self.masks
        fixed = np.zeros_like(self.mean)
        share = np.zeros_like(self.mean)
        share[:, 0] = 1

        def paint(mask: np.ndarray, colour: tuple[float, ...] | None = None, column: int | None = None) -> None:
            keep = 1 - mask[:, None]
            fixed[:] = fixed * keep + (mask[:, None] * np.array(colour, np.float32) if colour else 0)
            share[:] = share * keep
            if column is not None:
                share[:, column] += mask

        paint(masks["scalp"] * SCALP_STRENGTH, column=2)
        paint(masks["brows"] * BROW_STRENGTH, column=2)
        paint(masks["lips"], column=1)
        paint(masks["lids"] * (1 - LID_SHADE), (0.12, 0.07, 0.06))
        paint(masks["mouth"], CAVITY)
        paint(masks["mouth"] * masks["depth"], CAVITY_DEEP)
        paint(masks["tongue"], TONGUE)
        paint(masks["tongue"] * masks["depth"], CAVITY_DEEP)
        paint(masks["teeth"], TEETH)
        paint(masks["lower_teeth"], LOWER_TEETH)
        paint(masks["eyes"], SCLERA)
        paint(masks["iris"], IRIS)
        paint(masks["pupil"], PUPIL)
        return fixed, share

    def controls(self) -> dict[str, Control]:
        return dict(self._controls)

    @cached_property
    def _controls(self) -> dict[str, Control]:
        return open_controls(self.expression_names)

    def clamp_expression(self, expression: np.ndarray) -> np.ndarray:
        """Units put back between 0 and 1.2."""
        return np.clip(np.asarray(expression, np.float32), 0, LARGEST_UNIT)

    def zero_code(self) -> FaceCode:
        light = np.zeros((9, 3), np.float32)
        light[0] = 0.75 / 0.28209
        light[3] = 0.25
        zero = np.zeros(3)
        return FaceCode("open", np.zeros(self.identity_size), np.zeros(len(self.expression_names)), zero, zero, zero, np.zeros(2),
                        np.array(DEFAULT_ALBEDO), np.array([7.0, 0.0, -0.01]), np.array([1.0, 0.5, 0.5]), light)


def _dequantised(arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    basis = arrays[name].astype(np.float32)
    basis *= arrays[name + "_scale"].astype(np.float32)[:, None, None]
    return basis


def _look_rows(names: tuple[str, ...], side: str) -> dict[str, int]:
    return {way: names.index(f"eyeLook{way}{side}") for way in ("In", "Out", "Up", "Down")}
