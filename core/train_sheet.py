"""Sample sheets: what a model in training makes of pictures that were held back."""
from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import compose
from core.codes import FaceCode
from core.conditioning import face_vectors
from core.diffusion import edit, invert, timesteps
from core.files import atomic_write
from core.head.base import HeadModel
from core.light import edit as edit_light
from core.render.buffers import render_buffers
from core.sampling import sample
from core.train_data import Example
from models.rig_model import EpsilonNetwork, RigModel

STEPS = 10
LAMPS = (-60.0, 60.0)


def write_sheet(path: Path, model: RigModel, examples: list[tuple[Example, FaceCode]], head: HeadModel) -> None:
    """A PNG with a row for each example: photo, rendered buffer, the picture from seeded noise, and the photo relit from the
    picture's left and right by edit-friendly inversion, each after its buffer. Raises WriteError."""
    from PIL import Image

    network = EpsilonNetwork(model)
    rows = [np.concatenate(_row(network, example, code, head), 1) for example, code in examples]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(rows, 0)).save(out, "PNG")
    atomic_write(path, out.getvalue(), make_folder=True)


def _row(network: EpsilonNetwork, example: Example, code: FaceCode, head: HeadModel) -> list[np.ndarray]:
    photo, own = torch.from_numpy(example.photo)[None], torch.from_numpy(example.condition)[None]
    z = network.encode(photo, own, face_vectors(network.config, [code]))
    cells = [_picture(photo), _rendered(own), _picture(sample(network, photo, own, z, STEPS, seed=1))]
    inversion = invert(network, photo, own, z, timesteps(STEPS), seed=0)
    for azimuth in LAMPS:
        light = edit_light(code.light, {"azimuth": azimuth, "elevation": 20.0, "intensity": 1.2})
        other = code.replace(light=light)
        condition = torch.from_numpy(render_buffers(head, other, photo.shape[-1]).condition())[None]
        target = network.encode(photo, condition, face_vectors(network.config, [other]))
        cells += [_rendered(condition), _picture(edit(network, inversion, condition, target, skip=1))]
    return cells


def _picture(x: Tensor) -> np.ndarray:
    return compose.to_uint8(compose.from_model(x[0].float().cpu().numpy()))


def _rendered(condition: Any) -> np.ndarray:
    return compose.to_uint8(condition[0, :3].numpy().transpose(1, 2, 0) * 255)
