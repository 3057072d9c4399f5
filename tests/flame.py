"""The synthetic FLAME files of the reference numbers, and the formula of their texture space."""
from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from core.assets.flame_files import read_embedding, read_model
from core.head.flame import FlameHead


def texture_space(size: int = 512) -> tuple[np.ndarray, np.ndarray]:
    """mean (size, size, 3) and 50 directions (size, size, 3, 50) at every (512 / size)-th texel, in the file's layout."""
    texel = np.arange(0, 512, 512 // size)
    y, x, c = np.meshgrid(texel, texel, np.arange(3), indexing="ij")
    mean = (120 + 60 * np.cos(0.02 * x + 0.01 * y + c)).astype(np.float32)
    k = np.arange(50)
    waves = (np.outer(texel, 0.01 * (k + 1))[None, :, None] + np.outer(texel, 0.013 * (k + 3))[:, None, None]
             + np.arange(3)[:, None])
    return mean, (8 * np.sin(waves)).astype(np.float32)


def template_uv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """uv (T, 2) and its faces (F, 3) of an OBJ file."""
    rows = [line.split() for line in path.read_text().splitlines() if line]
    uv = [[float(word) for word in words[1:3]] for words in rows if words[0] == "vt"]
    faces = [[int(word.split("/")[1]) - 1 for word in words[1:4]] for words in rows if words[0] == "f"]
    return np.array(uv, np.float32), np.array(faces, np.int32)


@lru_cache(maxsize=1)
def arrays(shared: Path) -> dict[str, np.ndarray]:
    """All that FlameHead takes but for the texture, of the synthetic files."""
    folder = shared / "parity" / "iv_flame"
    full = np.load(folder / "landmark_embedding_synth.npy", allow_pickle=True).item()  # ours: it may be unpickled
    uv, uv_faces = template_uv(folder / "head_synth.obj")
    return {**read_model(folder / "flame_synth.pkl"), **read_embedding(folder / "landmark_embedding_synth.npy"),
            **{name: np.asarray(full[name]) for name in ("full_lmk_faces_idx", "full_lmk_bary_coords")},
            "uv": uv, "uv_faces": uv_faces}


@lru_cache(maxsize=2)
def synthetic_flame(shared: Path, textured: bool = True) -> FlameHead:
    """The reference's synthetic head, with the texture space of its numbers or without."""
    mean, directions = texture_space(256)
    return FlameHead.from_arrays(arrays(shared) | ({"mean": mean, "tex_dir": directions} if textured else {}))
