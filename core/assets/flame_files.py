"""FLAME's model, DECA's landmark embedding and head template, and FLAME's texture space: read from the user's files and checked.

Runs in the separate process (`core.assets.child`). What FLAME is: Li et al. 2017; spec section 2 of the reference system.
"""
from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.assets import numpy_file
from core.assets.arrays import as_array, object_item
from core.assets.pickles import read
from core.assets.problems import Unfit, listed
from core.errors import AssetError
from core.head.obj import read_obj

MAX_BYTES = 1 << 30
MODEL_ENTRIES = ("f", "J_regressor", "kintree_table", "posedirs", "v_template", "shapedirs", "weights")
EMBEDDING_ENTRIES = ("static_lmk_faces_idx", "static_lmk_bary_coords", "dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords")
FULL_ENTRIES = ("full_lmk_faces_idx", "full_lmk_bary_coords")  # optional: 68 points that do not slide
PARENTS = [-1, 0, 1, 1, 1]
SIDE, TEXTURE_USED, TEXTURE_STEP = 512, 50, 2  # of the texture space, the even texels and 50 directions are used
_OTHER_MODELS = {6890: "a SMPL body", 10475: "a SMPL-X body", 778: "a MANO hand"}


@dataclass(frozen=True)
class Sizes:
    """Counts that a FLAME head must have: those of FLAME 2020 with DECA's template, or a test's."""

    vertices: int = 5023
    faces: int = 9976
    uv: int = 5118


def read_model(path: Path) -> dict[str, np.ndarray]:
    """The arrays of FLAME's generic_model.pkl that are used, by their names in the file. Raises Unfit, OSError."""
    content = _unpickled(path, 0)
    missing = [name for name in MODEL_ENTRIES if not isinstance(content, dict) or name not in content]
    if not isinstance(content, dict) or missing:
        found = listed(content) if isinstance(content, dict) else "no dictionary"
        raise Unfit(f"it lacks {listed(missing, 9)} (it holds {found})")
    return {name: as_array(content[name]) for name in MODEL_ENTRIES}


def read_embedding(path: Path) -> dict[str, np.ndarray]:
    """The arrays of landmark_embedding.npy, whose dictionary is pickled inside an object array. Raises Unfit, OSError."""
    with path.open("rb") as file:
        shape, _, dtype = numpy_file.header(file)
        start = file.tell()
    if not dtype.hasobject:
        raise Unfit(f"it is an array of shape {shape} of {dtype}, expected DECA's dictionary of static and dynamic landmarks")
    content = object_item(_unpickled(path, start))
    missing = [name for name in EMBEDDING_ENTRIES if not isinstance(content, dict) or name not in content]
    if not isinstance(content, dict) or missing:
        raise Unfit(f"it lacks {listed(missing)} (it holds {listed(content) if isinstance(content, dict) else 'no dictionary'})")
    return {name: as_array(content[name]) for name in (*EMBEDDING_ENTRIES, *FULL_ENTRIES) if name in content}


def _unpickled(path: Path, start: int) -> Any:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Unfit(f"it has {size:,} bytes, far more than a FLAME file")
    if size == 0:
        raise Unfit("it is empty")
    with path.open("rb") as file:
        return read(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), start)


def model_arrays(path: Path, sizes: Sizes) -> dict[str, np.ndarray]:
    """`read_model`, checked for the sizes and for sense, as float32 and int32. Raises Unfit."""
    model = read_model(path)
    count, template = len(model["v_template"]), model["v_template"]
    if count != sizes.vertices:
        known = f" ({_OTHER_MODELS[count]})" if count in _OTHER_MODELS else ""
        raise Unfit(f"it has {count:,} vertices{known}, expected FLAME's {sizes.vertices:,}")
    _check_joints(model)
    _expect(model, "v_template", (count, 3))
    _expect(model, "f", (sizes.faces, 3))
    _expect(model, "weights", (count, 5))
    _expect(model, "J_regressor", (5, count))
    _expect(model, "posedirs", (count, 3, 36))
    directions = model["shapedirs"].shape
    if directions != (count, 3, 400):
        raise Unfit(f"its shapedirs has shape {directions}, expected {(count, 3, 400)}: the 300 identity and 100 expression "
                    "directions of FLAME 2020's generic model; this is another year's or a cut one")
    _check_indices(model["f"], count, "f")
    plain = {name: np.ascontiguousarray(model[name], np.float32) for name in MODEL_ENTRIES if name not in ("f", "kintree_table")}
    for name, values in plain.items():
        if not np.isfinite(values).all():
            raise Unfit(f"its {name} holds values that are not finite numbers")
    _check_sense(plain, np.asarray(template, np.float64))
    return plain | {"f": model["f"].astype(np.int32), "kintree_table": _parents(model)}


def _parents(model: dict[str, np.ndarray]) -> np.ndarray:
    # The root's parent is -1, written as an unsigned number in some files.
    return (model["kintree_table"].astype(np.int64) & 0xFFFFFFFF).astype(np.uint32).astype(np.int32).astype(np.int64)


def _check_joints(model: dict[str, np.ndarray]) -> None:
    joints = model["weights"].shape[-1] if model["weights"].ndim == 2 else 0
    if joints != 5 or model["kintree_table"].shape != (2, 5):
        raise Unfit(f"it has {joints} joints, expected FLAME's 5 (root, neck, jaw, two eyes)")
    if _parents(model)[0].tolist() != PARENTS:
        raise Unfit(f"its joints hang on {_parents(model)[0].tolist()}, expected {PARENTS}")


def _expect(arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> None:
    if arrays[name].shape != shape:
        raise Unfit(f"its {name} has shape {arrays[name].shape}, expected {shape}")


def _check_indices(values: np.ndarray, count: int, name: str) -> None:
    if values.dtype.kind not in "iu" or (values.size and not 0 <= int(values.min()) <= int(values.max()) < count):
        raise Unfit(f"its {name} refers to something that is not there (0 to {count - 1} are)")


def _check_sense(model: dict[str, np.ndarray], template: np.ndarray) -> None:
    height = float(np.ptp(template[:, 1]))
    if not 0.05 < height < 1.0:
        raise Unfit(f"its head is {height:.3g} high, expected about 0.3 (metres)")
    for name in ("weights", "J_regressor"):
        worst = float(np.abs(model[name].sum(1) - 1).max())
        if worst > 0.01:
            raise Unfit(f"the rows of its {name} must add up to 1, and one is {worst:.3g} off")


def embedding_arrays(path: Path, sizes: Sizes) -> dict[str, np.ndarray]:
    """`read_embedding`, checked. Raises Unfit."""
    found = read_embedding(path)
    static, dynamic, rows = (found[name].shape for name in
                             ("static_lmk_faces_idx", "dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords"))
    if static != (51,) or found["static_lmk_bary_coords"].shape != (51, 3) or dynamic != (79, 17) or rows != (79, 17, 3):
        raise Unfit(f"it has static landmarks {static} and contours {dynamic}, expected DECA's (51,) and (79, 17)")
    return {name: _faces(name, values, sizes) if name.endswith("_idx") else _barycentric(name, values)
            for name, values in found.items()}


def _faces(name: str, values: np.ndarray, sizes: Sizes) -> np.ndarray:
    _check_indices(values, sizes.faces, name)
    return values.astype(np.int64)


def _barycentric(name: str, values: np.ndarray) -> np.ndarray:
    plain = np.ascontiguousarray(values, np.float32)
    if plain.shape[-1:] != (3,) or not np.isfinite(plain).all() or np.abs(plain.sum(-1) - 1).max() > 0.01:
        raise Unfit(f"its {name} are no barycentric coordinates: the three of a point must add up to 1")
    return plain


def template_arrays(path: Path, sizes: Sizes) -> dict[str, np.ndarray]:
    """The template's places (V, 3), corners (F, 3), uv (T, 2) and uv corners (F, 3) from an OBJ file. Raises Unfit."""
    try:
        mesh = read_obj(path)
    except AssetError as error:
        raise Unfit(f"it is no OBJ mesh that can be read ({str(error).rstrip('.')})") from error
    found = (len(mesh.vertices), len(mesh.faces), len(mesh.uv))
    if found != (sizes.vertices, sizes.faces, sizes.uv):
        raise Unfit("it has {:,} vertices, {:,} triangles and {:,} uv points, ".format(*found)
                    + f"expected {sizes.vertices:,}, {sizes.faces:,} and {sizes.uv:,}")
    if mesh.uv_faces is None:
        raise Unfit("its triangles have no uv points")
    return {"places": mesh.vertices, "corners": mesh.faces, "uv": mesh.uv, "uv_faces": mesh.uv_faces}


def texture_arrays(path: Path) -> dict[str, np.ndarray]:
    """What is used of FLAME_texture.npz: mean (256, 256, 3) and tex_dir (256, 256, 3, 50) float32, at the even texels, BGR from
    0 to 255 as in the file. Reads it row by row, so that 630 MB need a few. Raises Unfit."""
    file = numpy_file.Npz(path)
    if "MU" in file.shapes or "PC" in file.shapes:
        raise Unfit("it is a texture space made from the Basel Face Model (MU, PC), expected FLAME's own (mean, tex_dir)")
    if "mean" not in file.shapes or "tex_dir" not in file.shapes:
        raise Unfit(f"it lacks mean or tex_dir (it holds {listed(file.shapes)})")
    mean, shape = file.shapes["mean"], file.shapes["tex_dir"]
    if int(np.prod(mean)) != SIDE * SIDE * 3 or shape[:-1] != (SIDE, SIDE, 3) or not TEXTURE_USED <= shape[-1] <= 400:
        raise Unfit(f"its mean has shape {mean} and tex_dir {shape}, expected {(SIDE, SIDE, 3)} and {(SIDE, SIDE, 3, 200)}")
    found = {"mean": file.array("mean").reshape(SIDE, SIDE, 3)[::TEXTURE_STEP, ::TEXTURE_STEP].astype(np.float32),
             "tex_dir": _directions(file)}
    if not all(np.isfinite(values).all() for values in found.values()):
        raise Unfit("it holds values that are not finite numbers")
    if not 20 < float(found["mean"].mean()) < 235:
        raise Unfit(f"its mean colour is {float(found['mean'].mean()):.3g}, expected skin between 0 and 255")
    return found


def _directions(file: numpy_file.Npz) -> np.ndarray:
    side = SIDE // TEXTURE_STEP
    found = np.empty((side, side, 3, TEXTURE_USED), np.float32)
    for index, piece in enumerate(file.slabs("tex_dir")):
        if file.is_fortran_order["tex_dir"]:  # pieces are directions (3, x, y)
            if index < TEXTURE_USED:
                found[..., index] = piece[:, ::TEXTURE_STEP, ::TEXTURE_STEP].T
        elif index % TEXTURE_STEP == 0:  # pieces are rows (x, 3, k)
            found[index // TEXTURE_STEP] = piece[::TEXTURE_STEP, :, :TEXTURE_USED]
    return found
