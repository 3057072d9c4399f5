"""What tests of training share: a tiny network, its configuration, and shards whose photos are their own rendered buffers."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from core.codes import FaceCode
from core.head.base import HeadModel
from core.prepare_shards import Prepared, encode_jpeg, write_shard
from core.render.buffers import render_buffers
from core.train_config import Augment, TrainConfig
from models.config import DenoiserConfig

NETWORK = DenoiserConfig.compact(size=32, base=16, mult=(1, 2), groups=8, patch=2, attention=(8,), encoder_width=8)
AUGMENT = Augment(flip=0.5, zoom=0.2, gain=0.1, colour=0.05, relight=0.5, independent_code=True)
CONFIG = TrainConfig(NETWORK, "tiny", batch=2, rate=1e-3, ema=0.9, drop_code=0.3, face_weight=1.0, weighting="capped",
                     steps=6, hold_back=0.0, augment=AUGMENT)


def lit_code(head: HeadModel, light_from: float = 0.0, turn: float = 0.0) -> FaceCode:
    """A head lit from a side and turned, radians."""
    code = head.zero_code()
    light = np.array(code.light)
    light[1] += light_from
    return code.replace(light=light, pose=np.array([0, turn, 0], np.float32))


def write_shards(folder: Path, head: HeadModel) -> Path:
    """Six pictures in two shards, and one that was refused; returns the folder."""
    pictures = []
    for i in range(6):
        code = lit_code(head, 0.2 * (i - 3), 0.1 * (i - 2))
        photo = np.clip(render_buffers(head, code, 64).rendered * 255, 0, 255).astype(np.uint8)
        pictures.append(Prepared(f"made_{i}", encode_jpeg(photo), code, {"landmark_error": float(i)}))
    write_shard(folder / "photos-0.npz", pictures[:4], [("bad", "no face")], "open", 64)
    write_shard(folder / "art-0.npz", pictures[4:], [], "open", 64)
    return folder
