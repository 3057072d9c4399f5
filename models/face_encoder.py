"""The face encoder: a ResNet-50 layout (He et al. 2016) from a face crop to FLAME, camera and light (DECA, Feng et al. 2021).

The key names are those of the entry `E_flame` of `deca_model.tar`. The weights are the user's own; without them there is no
encoder, never a random one.
"""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from models.checkpoint import CheckpointError, check_finite

FEATURES, HIDDEN = 2048, 1024
# What the numbers of a face mean, in order (spec section 2).
PARTS = {"shape": 100, "tex": 50, "exp": 50, "pose": 6, "cam": 3, "light": 27}
CODE = sum(PARTS.values())
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # inner width, blocks, stride
_WIDER = 4


class _Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int, project: bool) -> None:
        super().__init__()
        outputs = width * _WIDER
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Sequential | None = None
        if project:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        return F.relu(self.bn3(self.conv3(h)) + (x if self.downsample is None else self.downsample(x)))


class _Features(nn.Module):
    """Face crops (B, 3, 224, 224) in [0, 1] -> (B, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, (width, blocks, stride) in enumerate(_STAGES, 1):
            layers = [_Bottleneck(inputs, width, stride, True)]
            inputs = width * _WIDER
            layers += [_Bottleneck(inputs, width, 1, False) for _ in range(blocks - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        h = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for number in range(1, len(_STAGES) + 1):
            h = getattr(self, f"layer{number}")(h)
        return h.mean((2, 3))


class FaceEncoder(nn.Module):
    """Face crops (B, 3, 224, 224), RGB in [0, 1] -> the 236 numbers of each face (B, 236), see `PARTS` and `split`."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Features()
        self.layers = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CODE))

    def forward(self, crops: Tensor) -> Tensor:
        return self.layers(self.encoder(crops))


def split(code: Tensor) -> dict[str, Tensor]:
    """(B, 236) -> shape (B, 100), tex (B, 50), exp (B, 50), pose (B, 6), cam (B, 3), light (B, 9, 3): row = coefficient."""
    parts = dict(zip(PARTS, code.split(tuple(PARTS.values()), -1), strict=True))
    return {**parts, "light": parts["light"].unflatten(-1, (9, 3))}


def shapes() -> dict[str, tuple[int, ...]]:
    """Key -> shape of every tensor of the encoder, in order; no memory is taken."""
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in FaceEncoder().state_dict().items()}


def check_state(state: Mapping[str, Tensor]) -> None:
    """Raises CheckpointError when a state dict is not a face encoder's: what is missing, too much, ill-shaped or not finite."""
    wanted = shapes()
    missing, surplus = sorted(set(wanted) - set(state)), sorted(set(state) - set(wanted))
    if missing or surplus:
        parts = [f"{len(keys)} tensors {what}, such as '{keys[0]}'"
                 for keys, what in ((missing, "are missing"), (surplus, "are unknown")) if keys]
        raise CheckpointError("it is not DECA's face encoder (E_flame): " + " and ".join(parts))
    for key, shape in wanted.items():
        if tuple(state[key].shape) != shape:
            raise CheckpointError(f"it is not DECA's face encoder (E_flame): '{key}' has shape {tuple(state[key].shape)}, "
                                  f"expected {shape}")
    check_finite(dict(state))


def build(state: Mapping[str, Tensor]) -> FaceEncoder:
    """The float32 encoder with these tensors, in eval mode. Raises CheckpointError as `check_state` does."""
    check_state(state)
    with torch.device("meta"):
        encoder = FaceEncoder()
    kinds = encoder.state_dict()
    encoder.load_state_dict({key: value.to(kinds[key].dtype) for key, value in state.items()}, assign=True)
    return encoder.requires_grad_(False).eval()


def load(path: Path) -> FaceEncoder:
    """The encoder of a .safetensors file that holds `E_flame` under its own keys.

    Raises CheckpointError when it is damaged or something else, OSError when it can't be read.
    """
    try:
        state = safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"it is damaged, or no safetensors file ({error})") from error
    return build(state)
