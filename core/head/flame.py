"""FlameHead: FLAME (Li et al. 2017) with DECA's landmarks and texture space (Feng et al. 2021), from the user's own files."""
from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from core.codes import FaceCode
from core.errors import AssetError
from core.head.base import Albedo, Control, HeadModel, plain_light
from core.head.rotation import rotation_matrices, rotation_matrix
from core.landmarks import IBUG68

IDENTITY, EXPRESSION, TEXTURE = 100, 50, 50
FIRST_EXPRESSION = 300  # of the 400 directions, the first 300 are identity
PARENTS = (-1, 0, 1, 1, 1)  # root, neck, jaw, two eyes
TEXTURE_SIDE, TEXTURE_STEP = 512, 2  # 512 -> 256: even texels
PLAIN_SKIN = (0.70, 0.53, 0.455)


class FlameHead(HeadModel):
    """FLAME with 100 identity and 50 expression directions, pose-corrective shapes and linear blend skinning (spec section 2).

    `neck` and `eyes` are 0 in the reference; here they may turn. Albedo: 50 texture coefficients; plain skin without a texture.
    Lips, ears, scalp and neck are not told apart (nothing in the files names them) and there is no mouth cavity: what an opening
    mouth shows, an edit leaves to the network.
    """

    name = "flame"
    identity_size = IDENTITY
    albedo_size = TEXTURE
    expression_names = tuple(f"{index:02d}" for index in range(EXPRESSION))

    def __init__(self, model: dict[str, np.ndarray], embedding: dict[str, np.ndarray], uv: np.ndarray | None = None,
                 uv_faces: np.ndarray | None = None, texture: tuple[np.ndarray, np.ndarray] | None = None) -> None:
        """model, embedding: arrays by their names in FLAME's and DECA's files; uv (T, 2), uv_faces (F, 3) of the template;
        texture: mean (512, 512, 3) and directions (512, 512, 3, >= 50) in the file's BGR order, 0 to 255, or their even texels.
        Raises AssetError on wrong shapes."""
        _check(model, embedding)
        self.faces = np.ascontiguousarray(model["f"], np.int32)
        self.uv, self.uv_faces = uv, uv_faces
        count = len(model["v_template"])
        self.template = np.ascontiguousarray(model["v_template"], np.float32)
        directions = np.asarray(model["shapedirs"], np.float32).reshape(count * 3, -1).T
        self.identity_basis = np.ascontiguousarray(directions[:IDENTITY]).reshape(IDENTITY, count, 3)
        self.expression_basis = np.ascontiguousarray(directions[FIRST_EXPRESSION:FIRST_EXPRESSION + EXPRESSION])
        self.expression_basis = self.expression_basis.reshape(EXPRESSION, count, 3)
        self._pose_rows = np.ascontiguousarray(np.asarray(model["posedirs"], np.float32).reshape(count * 3, -1).T)
        self._regressor = np.asarray(model["J_regressor"], np.float32)
        self._weights = np.ascontiguousarray(model["weights"], np.float32)
        self._dynamic = (np.asarray(embedding["dynamic_lmk_faces_idx"], np.int64),
                         np.asarray(embedding["dynamic_lmk_bary_coords"], np.float32))
        self._full = _full(self.faces, embedding)
        self.landmark_faces = self.faces[np.asarray(embedding["static_lmk_faces_idx"], np.int64)]
        self.landmark_bary = np.asarray(embedding["static_lmk_bary_coords"], np.float32)
        self.landmark_ids = IBUG68[17:].astype(np.int32)
        self.landmark_weight = np.ones(len(self.landmark_ids), np.float32)
        eyes = self._weights[:, 3:5].sum(1)
        none = np.zeros(count, np.float32)
        unknown = ("lips", "teeth", "mouth", "neck", "ears", "scalp", "brows")
        self.regions = {"skin": 1 - eyes, "eyes": eyes} | dict.fromkeys(unknown, none)
        self._shaped: tuple[bytes, np.ndarray, np.ndarray] = (b"", self.template.reshape(-1), self._regressor @ self.template)
        self._expression_joints = np.einsum("jv,kvc->kjc", self._regressor, self.expression_basis).reshape(EXPRESSION, -1)
        self._texture = _halved(texture) if texture is not None else None
        self._albedo: tuple[bytes, Albedo] | None = None

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> FlameHead:
        """From one dictionary: the model's and embedding's entries, and optionally uv, uv_faces, mean, tex_dir."""
        texture = (arrays["mean"], arrays["tex_dir"]) if "mean" in arrays and "tex_dir" in arrays else None
        return cls(arrays, arrays, arrays.get("uv"), arrays.get("uv_faces"), texture)

    def vertices(self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray, neck: np.ndarray,
                 jaw: np.ndarray, eyes: np.ndarray) -> np.ndarray:
        shaped, joints = self._shape(identity)
        expression = np.asarray(expression, np.float32)
        points: np.ndarray = shaped + expression @ self.expression_basis.reshape(EXPRESSION, -1)
        joints = joints + (expression @ self._expression_joints).reshape(5, 3)
        gaze = [-float(eyes[1]), float(eyes[0]), 0.0]
        turns = rotation_matrices(np.array([pose, neck, jaw, gaze, gaze], np.float32))
        points = points + (turns[1:] - np.eye(3, dtype=np.float32)).reshape(-1) @ self._pose_rows
        moved = self._weights @ self._transforms(turns, joints).reshape(5, 12)
        moved = moved.reshape(-1, 3, 4)
        return np.einsum("vij,vj->vi", moved[:, :, :3], points.reshape(-1, 3)) + moved[:, :, 3]

    def _shape(self, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # The last identity's shape is kept, as one object so that two threads can share a head.
        values = np.asarray(identity, np.float32)
        key, shaped, joints = self._shaped
        if key != values.tobytes():
            shaped = self.template.reshape(-1) + values @ self.identity_basis.reshape(IDENTITY, -1)
            joints = self._regressor @ shaped.reshape(-1, 3)
            self._shaped = (values.tobytes(), shaped, joints)
        return shaped, joints

    @staticmethod
    def _transforms(turns: np.ndarray, joints: np.ndarray) -> np.ndarray:
        """Each joint's world transform relative to its rest place, (5, 3, 4)."""
        world: list[tuple[np.ndarray, np.ndarray]] = []
        for joint, parent in enumerate(PARENTS):
            if parent < 0:
                world.append((turns[joint], joints[joint]))
                continue
            turn, place = world[parent]
            world.append((turn @ turns[joint], turn @ (joints[joint] - joints[parent]) + place))
        return np.stack([np.concatenate([turn, (place - turn @ rest)[:, None]], 1)
                         for (turn, place), rest in zip(world, joints, strict=True)]).astype(np.float32)

    def landmarks68(self, vertices: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """17 contour points that slide with the head's yaw, then 51 fixed ones, (68, 3)."""
        index = contour_index(rotation_matrix(pose))
        faces, bary = self._dynamic[0][index], self._dynamic[1][index]
        contour = np.einsum("lkc,lk->lc", vertices[self.faces[faces]], bary)
        return np.concatenate([contour, self.landmarks(vertices)]).astype(np.float32)

    def landmarks3d(self, vertices: np.ndarray) -> np.ndarray:
        """The embedding's 68 points that stay on the skin however the head turns, (68, 3). Raises AssetError without them."""
        if self._full is None:
            raise AssetError("This landmark embedding has no full set of 68 fixed points (full_lmk_faces_idx).")
        corners, bary = self._full
        return np.einsum("lkc,lk->lc", vertices[corners], bary).astype(np.float32)

    @property
    def textured(self) -> bool:
        """Whether FLAME's texture space is here; without it every face has one plain skin."""
        return self._texture is not None and self.uv is not None

    def albedo(self, coefficients: np.ndarray) -> Albedo:
        if self._texture is None or self.uv is None:
            return Albedo(vertex=np.tile(np.array(PLAIN_SKIN, np.float32), (len(self.template), 1)))
        values = np.asarray(coefficients, np.float32)
        if self._albedo is None or self._albedo[0] != values.tobytes():
            mean, directions = self._texture
            picture = ((mean + directions @ values) / 255)[..., ::-1]
            texture = np.ascontiguousarray(picture, np.float32)
            self._albedo = (values.tobytes(), Albedo(None, texture, self.uv, self.uv_faces))
        return self._albedo[1]

    def controls(self) -> dict[str, Control]:
        jaws = [Control("jaw.open", "jaw", ((0, 0.35),), -1.0, 1.0, "", "Open", "Jaw"),
                Control("jaw.side", "jaw", ((1, 0.15),), -1.0, 1.0, "", "Sideways", "Jaw"),
                Control("jaw.roll", "jaw", ((2, -0.15),), -1.0, 1.0, "", "Roll", "Jaw")]
        gaze = [Control(f"eyes.{way}", "eyes", ((i, np.pi / 180),), -limit, limit, "°", way.capitalize(), "Eyes")
                for i, (way, limit) in enumerate((("yaw", 30.0), ("pitch", 20.0)))]
        modes = [Control(f"expression.{name}", "expression", ((i, 1.0),), -3.0, 3.0, "", f"Mode {i + 1}", "Expression")
                 for i, name in enumerate(self.expression_names)]
        return {control.name: control for control in jaws + gaze + modes}

    def zero_code(self) -> FaceCode:
        return FaceCode("flame", np.zeros(IDENTITY), np.zeros(EXPRESSION), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(2),
                        np.zeros(TEXTURE), np.array([8.0, 0.0, 0.0]), np.array([1.0, 0.5, 0.5]), plain_light())


def contour_yaw(turn: np.ndarray) -> float:
    """The angle of a head rotation (3, 3) that chooses its contour, radians."""
    return float(np.arctan2(-turn[2, 0], np.hypot(turn[0, 0], turn[1, 0])))


def contour_index(turn: np.ndarray) -> int:
    """Row of the dynamic contour for a head rotation (3, 3): 0 to 39 toward one side, 40 to 78 toward the other."""
    step = int(np.round(min(np.degrees(contour_yaw(turn)), 39.0)))
    if step >= 0:
        return step
    return 78 if step < -39 else 39 - step


def _check(model: dict[str, np.ndarray], embedding: dict[str, np.ndarray]) -> None:
    try:
        count = len(model["v_template"])
        good = (model["shapedirs"].shape[:2] == (count, 3) and model["shapedirs"].shape[2] >= FIRST_EXPRESSION + EXPRESSION
                and model["posedirs"].reshape(count * 3, -1).shape[1] == 36 and model["weights"].shape == (count, 5)
                and model["J_regressor"].shape == (5, count) and model["f"].max() < count
                and tuple(int(np.int32(np.uint32(p))) for p in model["kintree_table"][0] % (1 << 32)) == PARENTS
                and embedding["static_lmk_bary_coords"].shape == (51, 3)
                and embedding["dynamic_lmk_bary_coords"].shape == (79, 17, 3))
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        raise AssetError(f"The FLAME files don't fit together: {error}.") from error
    if not good:
        raise AssetError("The FLAME files don't have the shapes of FLAME 2020 with DECA's landmark embedding.")


def _full(faces: np.ndarray, embedding: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    if "full_lmk_faces_idx" not in embedding:
        return None
    return (faces[np.asarray(embedding["full_lmk_faces_idx"], np.int64).reshape(-1)],
            np.asarray(embedding["full_lmk_bary_coords"], np.float32).reshape(-1, 3))


def _halved(texture: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    mean, directions = texture
    side = TEXTURE_SIDE if mean.size == TEXTURE_SIDE**2 * 3 else TEXTURE_SIDE // TEXTURE_STEP
    if mean.size != side * side * 3 or directions.shape[:3] != (side, side, 3) or directions.shape[3] < TEXTURE:
        raise AssetError("FLAME_texture.npz does not hold FLAME's texture space (512 x 512, at least 50 directions).")
    step = TEXTURE_STEP if side == TEXTURE_SIDE else 1
    return (mean.reshape(side, side, 3)[::step, ::step].astype(np.float32),
            np.ascontiguousarray(directions[::step, ::step, :, :TEXTURE], np.float32))


def load_flame(file: Path | None = None) -> FlameHead:
    """FlameHead from the file that the import makes of the user's own FLAME files (None: the imported one).

    Raises AssetError when it is missing or damaged.
    """
    from core import assets

    file = file or assets.flame_file()
    if file is None:
        raise AssetError("The FLAME head needs your own FLAME files (generic_model.pkl, landmark_embedding.npy and "
                         "head_template.obj). Import the folder that holds them with 'main.py assets import FOLDER'.")
    try:
        with np.load(file, allow_pickle=False) as stored:
            return FlameHead.from_arrays({name: stored[name] for name in stored.files})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise AssetError(f"{file} can't be read ({error}). Import your FLAME files again with "
                         "'main.py assets import FOLDER'.") from error
