"""Low-rank adapters: each matrix of a network gets a small product beside it, and only that is trained (LoRA, Hu et al. 2021)."""
from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

_MARK = ".parametrizations."
_ORIGINAL, _UP, _DOWN = ".original", ".0.up", ".0.down"


class LowRank(nn.Module):
    """weight (O, ...) -> weight + up (O, r) @ down (r, inputs), in the weight's own shape. It begins as no change at all."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        outputs, inputs = weight.shape[0], weight[0].numel()
        rank = min(rank, outputs, inputs)
        self.up = nn.Parameter(weight.new_zeros(outputs, rank))
        self.down = nn.Parameter((torch.randn(rank, inputs) / math.sqrt(inputs)).to(weight))  # drawn alike on every device

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view(weight.shape)


def adapt(network: nn.Module, rank: int) -> list[Tensor]:
    """Put adapters on every matrix and kernel of a network, and return what is to be trained: their factors, and the vectors
    (biases and norms), which are small as they are. All else stops being trained. Raises ValueError for a rank below 1."""
    if rank < 1:
        raise ValueError(f"the rank of an adapter is 1 or more, not {rank}")
    network.requires_grad_(False)
    trained: list[Tensor] = []
    for module in list(network.modules()):
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.dim() < 2:
                trained.append(parameter.requires_grad_(True))
                continue
            added = LowRank(parameter.detach(), rank)
            parametrize.register_parametrization(module, name, added)
            trained.extend(added.parameters())
    return trained


def merged(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict that the plain network would have: adapters are added to their weights. A plain one passes as it is."""
    pairs = factors(state)
    found = {}
    for key, value in state.items():
        if _MARK not in key:
            found[key] = value
        elif key.endswith(_ORIGINAL):
            up, down = pairs[_plain(key)]
            found[_plain(key)] = value + (up @ down).view(value.shape)
    return found


def factors(state: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """The adapters of a state dict: up (O, r) and down (r, inputs) by the plain weight's key."""
    return {_plain(key): (value, state[key.removesuffix(_UP) + _DOWN]) for key, value in state.items() if key.endswith(_UP)}


def adapted(plain: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Plain weights under the keys of an adapted network, whose state dict is `like`; its adapters stay as they are there."""
    return {key: plain[_plain(key)] if _plain(key) in plain and not key.endswith((_UP, _DOWN)) else value
            for key, value in like.items()}


def _plain(key: str) -> str:
    """'out.2.parametrizations.weight.0.up' -> 'out.2.weight'; a plain key as it is."""
    if _MARK not in key:
        return key
    before, _, after = key.rpartition(_MARK)
    return f"{before}.{after.partition('.')[0]}"
