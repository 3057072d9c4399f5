"""What a network wants to know of a face beside the pixel buffers: the numbers of its code (the paper's vector condition)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from core.codes import FaceCode
from models.config import DenoiserConfig

if TYPE_CHECKING:
    from core.head.base import HeadModel
    from core.render.buffers import Buffers
    from models.rig_model import EpsilonNetwork


def face_vectors(config: DenoiserConfig, codes: Sequence[FaceCode]) -> Tensor | None:
    """The `vector` of `RigModel.encode`, float32 (B, config.vector), or None for a network that takes none."""
    if not config.vector:
        return None
    return torch.from_numpy(np.stack([code.vector(config.vector_of) for code in codes]))


def code_of(network: EpsilonNetwork, photo: Tensor, buffers: Buffers, face: FaceCode) -> Tensor:
    """What steers a network beside its pixel buffers, (1, code_width): of a photo (1, 3, H, W) in [-1, 1] under an edit's buffers
    and face code, which only networks with `code_follows_edit` look at."""
    condition = torch.from_numpy(buffers.condition())[None] if network.config.encoder_buffers else None
    return network.encode(photo, condition, face_vectors(network.config, [face]))


def vector_length(head: HeadModel, fields: tuple[str, ...] = ()) -> int:
    """How many numbers a head's codes have in those fields, () for all. Raises ValueError for an unknown field."""
    return head.zero_code().vector(fields).size


def vector_problem(config: DenoiserConfig, head: HeadModel) -> str | None:
    """Why codes of a head don't fit a network that takes them as numbers, in words; None where they do."""
    if not config.vector or vector_length(head, config.vector_of) == config.vector:
        return None
    return (f"the network takes {config.vector} numbers of a face code, but those of the '{head.name}' head have "
            f"{vector_length(head, config.vector_of)}: it was trained with another version of that head, or another head")
