"""The buffers of an edit as pictures, and exactly as numbers."""
from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.export import save_image
from core.files import atomic_write

if TYPE_CHECKING:
    from core.render.buffers import Buffers


def save_buffers(buffers: Buffers, folder: Path) -> None:
    """Write normals.png, albedo.png, rendered.png and coverage.png, and all of them exactly as buffers.npz."""
    folder = Path(folder)
    arrays = {"normals": buffers.normal, "albedo": buffers.albedo, "rendered": buffers.rendered, "coverage": buffers.coverage}
    pictures = {**arrays, "normals": buffers.normal * 0.5 + 0.5, "coverage": np.repeat(buffers.coverage[..., None], 3, 2)}
    compressed = io.BytesIO()
    np.savez_compressed(compressed, **arrays)  # type: ignore[arg-type]
    atomic_write(folder / "buffers.npz", compressed.getvalue(), make_folder=True)
    for name, picture in pictures.items():
        save_image(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8), folder / f"{name}.png")
