"""Weights on disk: our safetensors files, which describe themselves, and foreign state dicts, known by their keys.

A file of ours holds the tensors of a RigModel and, in its metadata, one JSON text: format version, name, head, network
configuration, licence and card. Nothing in it is executed. Foreign files (the published `modelNNNNNN.pt`) are flat state dicts,
read without unpickling code.
"""
from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from models.config import REFERENCE_MULT, DenoiserConfig
from models.rig_model import RigModel

FORMAT_VERSION = 1
_ENTRY = "diffusionrig"


class CheckpointError(ValueError):
    """A file of weights that can't be used; the message says why, without naming the file."""


@dataclass(frozen=True)
class Description:
    """What a checkpoint says about itself.

    name: for people. head: the head model whose buffers it was trained on ('open' or 'flame'). licence: of the weights.
    card: facts of the training (samples seen, data, sizes), JSON values.
    """

    config: DenoiserConfig
    name: str = ""
    head: str = "open"
    licence: str = ""
    card: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Tensors by key as stored, the description, and the sha256 of the file."""

    state: dict[str, Tensor]
    description: Description
    digest: str

    def build(self) -> RigModel:
        """A float32 RigModel with these weights, in eval mode."""
        with torch.device("meta"):
            model = RigModel(self.description.config)
        wanted = model.state_dict()
        state = {key: value.to(wanted[key].dtype) for key, value in self.state.items()}
        model.load_state_dict(state, assign=True)
        return model.requires_grad_(False).eval()


def save(path: Path, state: dict[str, Tensor], description: Description, dtype: torch.dtype = torch.float16) -> None:
    """Write tensors and description, floating values as `dtype`. Raises CheckpointError for values that don't fit it."""
    path.write_bytes(to_bytes(state, description, dtype))


def to_bytes(state: dict[str, Tensor], description: Description, dtype: torch.dtype = torch.float16) -> bytes:
    """The content of a file with these tensors (see `save`)."""
    stored = {key: (value.detach().to("cpu", dtype) if value.is_floating_point() else value.detach().cpu()).contiguous()
              for key, value in state.items()}
    check_finite(stored)
    text = json.dumps({
        "version": FORMAT_VERSION, "name": description.name, "head": description.head, "licence": description.licence,
        "config": description.config.to_json(), "card": description.card})
    return safetensors.torch.save(stored, {_ENTRY: text})


def load(path: Path) -> Checkpoint:
    """Read a checkpoint: .safetensors of ours, or any other file as a foreign state dict.

    Raises CheckpointError when it is damaged, of an unknown version or layout, or holds values that are not finite;
    OSError when it can't be read.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.suffix == ".safetensors":
        state, description = _load_own(path)
    else:
        state = _load_foreign(path)
        description = Description(config_of(state), name=path.stem, head="flame", licence="unknown (a foreign file)")
    check_keys(state, description.config)
    check_finite(state)
    return Checkpoint(state, description, digest)


def _load_own(path: Path) -> tuple[dict[str, Tensor], Description]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise CheckpointError(f"it is damaged or cut short ({error})") from error
    if _ENTRY not in metadata:
        return state, Description(config_of(state), name=path.stem, head="flame", licence="unknown (a foreign file)")
    try:
        said = json.loads(metadata[_ENTRY])
        if said["version"] > FORMAT_VERSION:
            raise CheckpointError(f"it was written by a newer version of this program (format {said['version']})")
        config = DenoiserConfig.from_json(said["config"])
        return state, Description(config, said["name"], said["head"], said["licence"], said["card"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"its description is damaged ({error})") from error
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(str(error)) from error


def _load_foreign(path: Path) -> dict[str, Tensor]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # torch.load has no error class of its own
        raise CheckpointError("it is damaged, or not a file of plain weights") from error
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise CheckpointError("it is not a flat state dict of tensors")
    return loaded


def shapes_of(config: DenoiserConfig) -> dict[str, tuple[int, ...]]:
    """Key -> shape of every tensor of a RigModel with that configuration, in order; no memory is taken."""
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in RigModel(config).state_dict().items()}


def config_of(state: dict[str, Tensor]) -> DenoiserConfig:
    """The published configuration whose keys and shapes a state dict has; its size tells 64, 128, 256 and 512 apart.

    Raises CheckpointError when none fits.
    """
    first = state.get("denoisingUNet.time_embed.0.weight")
    if first is None or first.ndim != 2:
        raise CheckpointError("it has no denoiser in it (no key 'denoisingUNet.time_embed.0.weight')")
    found = {key: tuple(value.shape) for key, value in state.items()}
    closest, fewest = "", len(found) + 1
    for size in REFERENCE_MULT:
        config = DenoiserConfig.reference(size, int(first.shape[1]))
        wanted = shapes_of(config)
        wrong = [key for key in wanted if found.get(key) != wanted[key]]
        if not wrong and len(wanted) == len(found):
            return config
        if len(wrong) < fewest:
            closest, fewest = f"nearest is size {size}, with {len(wrong)} tensors missing or ill-shaped, " \
                              f"such as '{(wrong or sorted(set(found) - set(wanted)))[0]}'", len(wrong)
    raise CheckpointError(f"its layout is none of the known ones ({closest})")


def check_keys(state: dict[str, Tensor], config: DenoiserConfig) -> None:
    """Raises CheckpointError naming what is missing, too much or ill-shaped for a configuration."""
    wanted = shapes_of(config)
    missing, surplus = sorted(set(wanted) - set(state)), sorted(set(state) - set(wanted))
    if missing or surplus:
        parts = [f"{len(keys)} tensors {what}, such as '{keys[0]}'"
                 for keys, what in ((missing, "are missing"), (surplus, "are unknown")) if keys]
        raise CheckpointError(" and ".join(parts))
    for key, shape in wanted.items():
        if tuple(state[key].shape) != shape:
            raise CheckpointError(f"'{key}' has shape {tuple(state[key].shape)}, expected {shape}")


def check_finite(state: dict[str, Tensor]) -> None:
    """Raises CheckpointError naming the first tensor with a value that is not finite."""
    for key, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise CheckpointError(f"'{key}' holds values that are not finite")
