"""A student's weights beside its prior's: one byte for each weight's difference, so that both fit in one small file.

What is stored is the difference, not the student: laid on the weights of a personal model that went on from the same prior, it
makes that model's student.
"""
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

PREFIX = "student."
SCALE = ".scale"
_LEVELS = 127


def pack(base: Mapping[str, Tensor], student: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a file holds of a student with the same keys and shapes as its base.

    Matrices and kernels (O, ...) become int8 with one float32 scale (O,) an output, under key + '.scale'; vectors stay
    differences in float32.
    """
    packed: dict[str, Tensor] = {}
    for key, value in student.items():
        change = value.detach().float().cpu() - base[key].detach().float().cpu()
        if change.dim() < 2:
            packed[PREFIX + key] = change
            continue
        scale = (change.flatten(1).abs().amax(1) / _LEVELS).clamp(min=1e-12)
        packed[PREFIX + key] = (change / _over(scale, change)).round().clamp(-_LEVELS, _LEVELS).to(torch.int8)
        packed[PREFIX + key + SCALE] = scale
    return packed


def unpack(base: Mapping[str, Tensor], packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The student's weights by key, in the base's types. Where `packed` says nothing of a key, the base's own value is taken."""
    state = {}
    for key, value in base.items():
        change = packed.get(PREFIX + key)
        if change is None:
            state[key] = value
            continue
        scale = packed.get(PREFIX + key + SCALE)
        change = change.float() if scale is None else change.float() * _over(scale.float(), change)
        state[key] = (value.float() + change.to(value.device)).to(value.dtype)
    return state


def problem(base: Mapping[str, Tensor], packed: Mapping[str, Tensor]) -> str | None:
    """Why packed weights don't belong to such a network, in words; None when they do."""
    for name, value in packed.items():
        key = name.removeprefix(PREFIX)
        weight = base.get(key.removesuffix(SCALE) if key not in base else key)
        if weight is None:
            return f"the student's '{key}' is unknown"
        scale = key not in base
        if not scale and value.dim() > 1 and name + SCALE not in packed:
            return f"the student's '{key}' has no scale"
        wanted = tuple(weight.shape[:1]) if scale else tuple(weight.shape)
        if tuple(value.shape) != wanted:
            return f"the student's '{key}' has shape {tuple(value.shape)}, expected {wanted}"
    return None


def _over(scale: Tensor, like: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (like.dim() - 1))
