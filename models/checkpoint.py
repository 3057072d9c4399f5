"""Weights on disk: our safetensors files, which describe themselves, and foreign state dicts, known by their keys.

A file of ours holds the tensors of a RigModel and, in its metadata, one JSON text: format version, name, head, network
configuration, licence and card. Nothing in it is executed. The published `modelNNNNNN.pt` are converted to such files by
`core.assets`; no pickle is read here.
"""
from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from models import changes
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
    """Tensors by key as stored, the description, the sha256 of the file, and the packed few-step student where it has one."""

    state: dict[str, Tensor]
    description: Description
    digest: str
    student: dict[str, Tensor] = field(default_factory=dict)

    def build(self) -> RigModel:
        """A float32 RigModel with these weights, in eval mode."""
        return self.model_of(self.state)

    def build_student(self) -> RigModel | None:
        """A float32 RigModel of the student (see `core.distill`), in eval mode; None where the file holds none."""
        state = self.student_state()
        return None if state is None else self.model_of(state)

    def student_state(self) -> dict[str, Tensor] | None:
        """The student's tensors by key; None where the file holds none."""
        return changes.apply(self.state, self.student, changes.STUDENT) if self.student else None

    def model_of(self, state: Mapping[str, Tensor]) -> RigModel:
        """A float32 RigModel of this layout with other weights of the same keys, in eval mode."""
        with torch.device("meta"):
            model = RigModel(self.description.config)
        wanted = model.state_dict()
        model.load_state_dict({key: value.to(wanted[key].dtype) for key, value in state.items()}, assign=True)
        return model.requires_grad_(False).eval()


def save(path: Path, state: dict[str, Tensor], description: Description, dtype: torch.dtype = torch.float16) -> None:
    """Write tensors and description, floating values as `dtype`. Raises CheckpointError for values that don't fit it."""
    path.write_bytes(to_bytes(state, description, dtype))


def to_bytes(state: dict[str, Tensor], description: Description, dtype: torch.dtype = torch.float16,
             student: dict[str, Tensor] | None = None) -> bytes:
    """The content of a file with these tensors (see `save`), and those of a packed student."""
    stored = {key: (value.detach().to("cpu", dtype) if value.is_floating_point() else value.detach().cpu()).contiguous()
              for key, value in state.items()}
    stored.update({key: value.contiguous() for key, value in (student or {}).items()})
    check_finite(stored)
    return safetensors.torch.save(stored, metadata_of(description))


def metadata_of(description: Description) -> dict[str, str]:
    """The description as a file's metadata."""
    text = json.dumps({
        "version": FORMAT_VERSION, "name": description.name, "head": description.head, "licence": description.licence,
        "config": description.config.to_json(), "card": description.card})
    return {_ENTRY: text}


def load(path: Path, digest: str | None = None) -> Checkpoint:
    """Read a .safetensors checkpoint: ours, or a bare one that is known by its keys. digest: its sha256, where it is known.

    Raises CheckpointError when it is damaged, of an unknown version or layout, or holds values that are not finite;
    OSError when it can't be read.
    """
    if digest is None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    tensors, description = _read(path)
    state = {key: value for key, value in tensors.items() if not key.startswith(changes.STUDENT)}
    student = {key: value for key, value in tensors.items() if key.startswith(changes.STUDENT)}
    check_keys(state, description.config)
    check_finite(tensors)
    wrong = changes.problem(state, student, changes.STUDENT)
    if wrong:
        raise CheckpointError(f"it does not fit its own description: {wrong}")
    return Checkpoint(state, description, digest, student)


def _read(path: Path) -> tuple[dict[str, Tensor], Description]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise CheckpointError(f"it is damaged or cut short, or no .safetensors file ({error})") from error
    if _ENTRY not in metadata:
        return state, Description(config_of(state), name=path.stem, head="flame", licence="unknown (a foreign file)")
    try:
        said = json.loads(metadata[_ENTRY])
        if said.get("kind") == "person":
            raise CheckpointError("it holds a person, not a model; it can be given to --person")
        if said["version"] > FORMAT_VERSION:
            raise CheckpointError(f"it was written by a newer version of this program (format {said['version']}, "
                                  f"known is {FORMAT_VERSION})")
        config = DenoiserConfig.from_json(said["config"])
        return state, Description(config, said["name"], said["head"], said["licence"], said["card"])
    except (KeyError, TypeError, AttributeError, RecursionError, json.JSONDecodeError) as error:
        raise CheckpointError(f"its description is damaged ({error})") from error
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(str(error)) from error


def shapes_of(config: DenoiserConfig) -> dict[str, tuple[int, ...]]:
    """Key -> shape of every tensor of a RigModel with that configuration, in order; no memory is taken."""
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in RigModel(config).state_dict().items()}


def config_of(state: Mapping[str, Tensor]) -> DenoiserConfig:
    """`config_of_shapes` of a state dict."""
    return config_of_shapes({key: tuple(value.shape) for key, value in state.items()})


def config_of_shapes(found: dict[str, tuple[int, ...]]) -> DenoiserConfig:
    """The published configuration that has these keys and shapes; they tell the sizes 64, 128, 256 and 512 apart.

    Raises CheckpointError when none fits, with the nearest one and what differs from it.
    """
    first = found.get("denoisingUNet.time_embed.0.weight")
    if first is None or len(first) != 2:
        raise CheckpointError("it has no denoiser in it (no key 'denoisingUNet.time_embed.0.weight')")
    configs = _published(first[1])
    if not configs:
        raise CheckpointError(f"its base width is {first[1]}, expected a multiple of 32 such as the published 128")
    ranked = []
    for config in configs:
        wanted = shapes_of(config)
        wrong = len(set(found) - set(wanted)) + sum(found.get(key) != wanted[key] for key in wanted)
        if not wrong:
            return config
        ranked.append((wrong, config.size, wanted))
    _, size, nearest = min(ranked, key=lambda entry: entry[:2])
    raise CheckpointError(f"its layout is none of the known ones for {', '.join(map(str, REFERENCE_MULT))} pixels; the nearest "
                          f"is the one for {size} pixels: {_difference(found, nearest)}")


def _published(base: int) -> list[DenoiserConfig]:
    """The published layouts that are possible with a base width."""
    found = []
    for size in REFERENCE_MULT:
        with contextlib.suppress(ValueError):
            found.append(DenoiserConfig.reference(size, base))
    return found


def _difference(found: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...]]) -> str:
    """What a layout lacks, has too much, or has in another shape, in words; empty when nothing."""
    missing, surplus = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    odd = [key for key in wanted if key in found and tuple(found[key]) != wanted[key]]
    parts = [f"{len(keys)} {'tensor' if len(keys) == 1 else 'tensors'} of {len(wanted)} {what}, such as '{keys[0]}'"
             for keys, what in ((missing, "missing"), (surplus, "unknown")) if keys]
    if odd:
        parts.append(f"'{odd[0]}' has shape {tuple(found[odd[0]])}, expected {wanted[odd[0]]}")
    return " and ".join(parts)


def check_keys(state: Mapping[str, Tensor], config: DenoiserConfig) -> None:
    """Raises CheckpointError naming what is missing, too much or ill-shaped for a configuration."""
    difference = _difference({key: tuple(value.shape) for key, value in state.items()}, shapes_of(config))
    if difference:
        raise CheckpointError(f"it does not fit its own description of a {config.size} pixel network: {difference}")


def check_finite(state: Mapping[str, Tensor]) -> None:
    """Raises CheckpointError naming the first tensor with a value that is not finite."""
    for key, value in state.items():
        # A sum shows it 20 times faster than a look at each value; only a sum that overflowed needs the look.
        if value.is_floating_point() and not torch.isfinite(value.sum()) and not torch.isfinite(value).all():
            wrong = int((~torch.isfinite(value)).sum())
            raise CheckpointError(f"'{key}' holds values that are not finite: {wrong:,} of {value.numel():,} are NaN or infinite")
