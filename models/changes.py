"""Changed weights beside the weights they change: what a file holds of a student or of a person, in place of a second network.

What is stored is the difference, not the result: laid on the weights of a personal model that went on from the same prior, a
student's difference makes that model's student. A key's change is stored in one of three ways, under a prefix:

    full      prefix + key: the difference in a floating format, in the weight's own shape
    bytes     prefix + key: int8 in the weight's own shape; prefix + key + '.scale': one floating scale (O,) an output
    low rank  prefix + key + '.up' (O, r) and '.down' (r, inputs): their product is the difference, `inputs` being what is left of
              the weight's (O, ...) when it is flattened (LoRA, Hu et al. 2021)
"""
from __future__ import annotations

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor

STUDENT = "student."
NETWORK = "network."
SCALE, UP, DOWN = ".scale", ".up", ".down"
_LEVELS = 127
_FLOATS = (torch.float16, torch.float32)


def store_full(base: Mapping[str, Tensor], changed: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The differences of `changed` from `base` (equal shapes, any of its keys) in float16.

    What did not change is left out, and so are whole numbers (BatchNorm's counter), which no picture depends on.
    """
    found = {key: _difference(base[key], value).half() for key, value in changed.items() if value.is_floating_point()}
    return {prefix + key: change for key, change in found.items() if change.any()}


def store_bytes(base: Mapping[str, Tensor], changed: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The differences of `changed` from `base` (equal shapes, any of its keys) in one byte a weight.

    Matrices and kernels (O, ...) become int8 with one float32 scale (O,) an output; vectors stay differences in float32.
    """
    packed: dict[str, Tensor] = {}
    for key, value in changed.items():
        change = _difference(base[key], value)
        if change.dim() < 2:
            packed[prefix + key] = change
            continue
        scale = (change.flatten(1).abs().amax(1) / _LEVELS).clamp(min=1e-12)
        packed[prefix + key] = (change / _over(scale, change)).round().clamp(-_LEVELS, _LEVELS).to(torch.int8)
        packed[prefix + key + SCALE] = scale
    return packed


def store_low_rank(factors: Mapping[str, tuple[Tensor, Tensor]], prefix: str) -> dict[str, Tensor]:
    """Factors by key, up (O, r) and down (r, inputs), whose products are the differences, in float16."""
    return {prefix + key + part: value.detach().cpu().half()
            for key, pair in factors.items() for part, value in zip((UP, DOWN), pair, strict=True)}


def apply(base: Mapping[str, Tensor], packed: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The changed weights by key, in the base's types and places. Where `packed` says nothing of a key, the base's own value is
    taken. Packed tensors under another prefix are passed over."""
    state = {}
    for key, value in base.items():
        change = _unpacked(packed, prefix + key, value)
        state[key] = value if change is None else (value.float() + change.to(value.device)).to(value.dtype)
    return state


def problem(base: Mapping[str, Tensor], packed: Mapping[str, Tensor], prefix: str) -> str | None:
    """Why packed changes don't belong to such weights, in words; None when they do. Looks at names, shapes and types only."""
    whose = prefix.removesuffix(".")
    for name, value in packed.items():
        if not name.startswith(prefix):
            continue
        key, part = _split(base, name.removeprefix(prefix))
        weight = base.get(key)
        if weight is None:
            return f"the {whose}'s '{_short(key)}' is unknown"
        wrong = _part_problem(weight, value, part, {p: packed.get(prefix + key + p) for p in ("", SCALE, UP, DOWN)})
        if wrong:
            return f"the {whose}'s '{key + part}' {wrong}"
    return None


def _part_problem(weight: Tensor, value: Tensor, part: str, parts: Mapping[str, Tensor | None]) -> str | None:
    """What is wrong with one stored tensor of a weight, given all that are stored of it."""
    whole, scale, up, down = (parts[p] for p in ("", SCALE, UP, DOWN))
    if value.dtype not in (_FLOATS if part else (*_FLOATS, torch.int8)) or not weight.is_floating_point():
        return f"is stored as {str(value.dtype).removeprefix('torch.')}, which no change of it can be"
    if whole is not None and (up is not None or down is not None):
        return "is stored twice, in full and as a product"
    if part in (UP, DOWN) and (up is None or down is None):
        return f"has no '{DOWN[1:] if part == UP else UP[1:]}'"
    if part == SCALE and (whole is None or whole.dtype != torch.int8):
        return "belongs to no bytes"
    if not part and value.dtype == torch.int8 and scale is None:
        return "has no scale"
    outputs, inputs = weight.shape[:1], prod(weight.shape[1:])
    wanted: tuple[int, ...] = tuple(weight.shape)
    if part == SCALE:
        wanted = tuple(outputs)
    elif part:
        rank = value.shape[1 if part == UP else 0] if value.dim() == 2 else 0
        if weight.dim() < 2 or not 1 <= rank <= min(weight.shape[0], inputs):
            return "is no factor of a change of its weight"
        wanted = (weight.shape[0], rank) if part == UP else (rank, inputs)
        if up is not None and down is not None and up.shape[-1:] != down.shape[:1]:
            return "does not fit its other factor"
    return f"has shape {tuple(value.shape)}, expected {wanted}" if tuple(value.shape) != wanted else None


def _split(base: Mapping[str, Tensor], name: str) -> tuple[str, str]:
    """'a.weight.up' -> ('a.weight', '.up'); a name that is a key itself is taken whole."""
    part = next((p for p in (SCALE, UP, DOWN) if name.endswith(p) and name not in base), "")
    return name.removesuffix(part), part


def _unpacked(packed: Mapping[str, Tensor], name: str, weight: Tensor) -> Tensor | None:
    change = packed.get(name)
    if change is not None:
        scale = packed.get(name + SCALE)
        return change.float() if scale is None else change.float() * _over(scale.float(), change)
    up, down = packed.get(name + UP), packed.get(name + DOWN)
    return None if up is None or down is None else (up.float() @ down.float()).view(weight.shape)


def _difference(base: Tensor, value: Tensor) -> Tensor:
    return value.detach().float().cpu() - base.detach().float().cpu()


def _over(scale: Tensor, like: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (like.dim() - 1))


def _short(name: str) -> str:
    return name if len(name) <= 80 else name[:80] + "…"
