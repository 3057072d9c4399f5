"""FLAME as it is stored: one .npz of plain arrays, put together from the checked parts; all of them or nothing."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from core.assets import store
from core.assets.numpy_file import read_plain
from core.assets.problems import Unfit
from core.files import atomic_save

Arrays = dict[str, np.ndarray]
TEXTURE_ENTRIES = ("mean", "tex_dir")
SAME_FACE = 5e-4  # metres: a template farther than this from the model's mean face was made for another one


def put(model: Arrays, embedding: Arrays, template: Arrays) -> str:
    """Store a head, with the texture that was stored before. Returns a doubt in words, or ''. Raises Unfit, WriteError."""
    uv = {"uv": template["uv"], "uv_faces": in_order_of(model["f"], template["corners"], template["uv_faces"])}
    _write(model | embedding | uv | _texture_before())
    apart = float(np.linalg.norm(template["places"] - model["v_template"], axis=1).mean())
    return "" if apart <= SAME_FACE else (
        f"The mean face of the model is {apart * 1000:.1f} mm off head_template.obj: make sure that it is FLAME 2020's "
        "generic_model.pkl, not the male, female or another year's one, for which DECA's encoder was not made.")


def _texture_before() -> Arrays:
    file = store.flame_file()
    before = read_plain(file) if file else {}
    return {name: before[name] for name in TEXTURE_ENTRIES if name in before}


def put_texture(texture: Arrays) -> None:
    """Add a texture to the stored head. Raises Unfit when there is none."""
    file = store.flame_file()
    if file is None:
        raise Unfit("it is only used with a FLAME head, which is not imported yet")
    _write(read_plain(file) | texture)


def drop_texture(file: Path) -> None:
    """Take the texture out of the stored head."""
    _write({name: values for name, values in read_plain(file).items() if name not in TEXTURE_ENTRIES})


def _write(arrays: Arrays) -> None:
    atomic_save(store.flame_path(), lambda file: np.savez(file, **arrays), make_folder=True)  # type: ignore[arg-type]


def in_order_of(faces: np.ndarray, corners: np.ndarray, uv_faces: np.ndarray) -> np.ndarray:
    """The rows of `uv_faces` in the order of the model's `faces`, when the template lists the same triangles (`corners`) in
    another one or begins them at another corner. Raises Unfit when they are other triangles."""
    if np.array_equal(faces, corners):
        return uv_faces
    (ours, our_turn, our_order), (theirs, their_turn, their_order) = _sorted(faces), _sorted(corners)
    if not np.array_equal(ours, theirs):
        raise Unfit("its triangles are not those of the FLAME model")
    found = np.empty_like(uv_faces)
    rows = np.take_along_axis(uv_faces, their_turn, 1)[their_order]  # smallest corner first, sorted
    back = np.argsort(our_turn, axis=1)
    found[our_order] = rows
    return np.take_along_axis(found, back, 1)


def _sorted(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles turned so that the smallest corner comes first, in sorted order; the turns (F, 3), and the order."""
    turn = (np.argmin(faces, axis=1)[:, None] + np.arange(3)) % 3
    turned = np.take_along_axis(faces, turn, 1)
    order = np.lexsort(turned.T[::-1])
    return turned[order], turn, order
