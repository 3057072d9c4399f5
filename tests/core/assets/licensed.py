"""Small files in the formats of FLAME's, DECA's and DiffusionRig's, made up by formula: what an import finds in a folder."""
from __future__ import annotations

import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import torch

from core.assets.flame_files import Sizes
from models.config import DenoiserConfig
from models.rig_model import RigModel

SMALL = Sizes(vertices=12, faces=20, uv=14)
CONFIG = DenoiserConfig.reference(64, 32)


def model(sizes: Sizes = SMALL) -> dict[str, Any]:
    """FLAME's arrays, as wrapped as scipy does it."""
    random = np.random.default_rng(0)
    count = sizes.vertices
    weights = random.random((count, 5))
    regressor = np.zeros((5, count))
    regressor[np.arange(5), np.arange(5)] = 1
    parents = np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.int64)
    return {"f": (np.arange(sizes.faces * 3) % count).reshape(-1, 3).astype(np.uint32),
            "J_regressor": scipy.sparse.csc_matrix(regressor), "kintree_table": parents, "J": np.zeros((5, 3)),
            "posedirs": random.normal(size=(count, 3, 36)), "v_template": random.random((count, 3)) * 0.2,
            "shapedirs": random.normal(size=(count, 3, 400)), "weights": weights / weights.sum(1, keepdims=True),
            "bs_style": "lbs", "bs_type": "lrotmin"}


def embedding(sizes: Sizes = SMALL) -> dict[str, Any]:
    """DECA's landmark dictionary; two entries are PyTorch's, as in the file."""
    third = np.full(3, 1 / 3)
    return {"static_lmk_faces_idx": np.arange(51) % sizes.faces, "static_lmk_bary_coords": np.tile(third, (51, 1)),
            "dynamic_lmk_faces_idx": torch.arange(79 * 17).reshape(79, 17) % sizes.faces,
            "dynamic_lmk_bary_coords": torch.full((79, 17, 3), 1 / 3),
            "full_lmk_faces_idx": np.arange(68)[None] % sizes.faces, "full_lmk_bary_coords": np.tile(third, (1, 68, 1))}


def template(sizes: Sizes = SMALL) -> str:
    """An OBJ file with the model's triangles."""
    flame = model(sizes)
    uv = np.random.default_rng(1).random((sizes.uv, 2))
    lines = ["# made up", *(f"v {x} {y} {z}" for x, y, z in flame["v_template"]), *(f"vt {u} {v}" for u, v in uv)]
    corners = flame["f"] + 1
    return "\n".join([*lines, *("f " + " ".join(f"{c}/{(7 * c) % sizes.uv + 1}" for c in row) for row in corners)]) + "\n"


def write_model(path: Path, **changes: Any) -> Path:
    """generic_model.pkl, with some entries changed (None: left out)."""
    path.write_bytes(pickle.dumps({k: v for k, v in {**model(), **changes}.items() if v is not None}, protocol=2))
    return path


def write_embedding(path: Path, **changes: Any) -> Path:
    """landmark_embedding.npy, with some entries changed (None: left out)."""
    content = {k: v for k, v in {**embedding(), **changes}.items() if v is not None}
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
    return path


def write_template(path: Path) -> Path:
    """head_template.obj."""
    path.write_text(template())
    return path


def write_flame(folder: Path) -> Path:
    """The three files of the head."""
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder / "generic_model.pkl")
    write_embedding(folder / "landmark_embedding.npy")
    write_template(folder / "head_template.obj")
    return folder


@cache
def texture() -> dict[str, np.ndarray]:
    """FLAME_texture.npz's arrays, 52 directions in bytes so that a test is quick; a value tells its place."""
    y, x, c = np.meshgrid(np.arange(512), np.arange(512), np.arange(3), indexing="ij")
    place = (x + 3 * y + 7 * c).astype(np.uint8)
    mean = (100 + 0.1 * x + 0.01 * y + c).astype(np.float32)
    return {"mean": mean, "tex_dir": place[..., None] + np.arange(52, dtype=np.uint8)}


def write_texture(path: Path) -> Path:
    """FLAME_texture.npz."""
    np.savez(path, **texture())  # type: ignore[arg-type]
    return path


def checkpoint() -> dict[str, torch.Tensor]:
    """The state dict of a small network in the released layout."""
    torch.manual_seed(0)
    return RigModel(CONFIG).state_dict()
