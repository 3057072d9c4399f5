"""Which network a foreign file of weights holds, from the names and shapes in it: a DiffusionRig checkpoint or DECA's encoder."""
from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from core.assets.problems import Unfit, listed

FIRST_KEY = "denoisingUNet.time_embed.0.weight"
_PREFIXES = ("module.", "model.", "_orig_mod.", "ema_model.", "net.")
LICENCE = "as the released file's (your own copy)"


@dataclass(frozen=True)
class Plan:
    """How to convert a file: the keys to go along, the prefix of the tensor names there, the wanted tensors, the metadata of the
    converted file, and what it is in words."""

    at: list[str]
    prefix: str
    wanted: dict[str, list[int]]
    metadata: dict[str, str]
    what: str

    def job(self) -> dict[str, Any]:
        """The entries of the separate process's job."""
        return {"task": "convert", "at": self.at, "prefix": self.prefix, "wanted": self.wanted, "metadata": self.metadata,
                "bytes": self.size}

    @property
    def size(self) -> int:
        """About the bytes of the converted file."""
        return 4 * sum(count(shape) for shape in self.wanted.values())


def plan_checkpoint(facts: dict[str, Any], name: str, digest: str) -> Plan:
    """How to convert a released checkpoint. facts: `weights.summary`. Raises Unfit."""
    from models.checkpoint import CheckpointError, Description, config_of_shapes, metadata_of

    at, prefix, shapes = locate(facts, FIRST_KEY)
    try:
        config = config_of_shapes({key: tuple(shape) for key, shape in shapes.items()})
    except CheckpointError as error:
        raise Unfit(str(error)) from error
    said = Description(config, name, "flame", LICENCE, {"source_sha256": digest})
    values = sum(map(count, shapes.values()))
    what = f"DiffusionRig checkpoint, {config.size} pixels, base {config.base}, {values:,} values{_unwrapped(at, prefix)}"
    return Plan(at, prefix, shapes, metadata_of(said), what)


def plan_encoder(facts: dict[str, Any]) -> Plan:
    """How to convert E_flame of deca_model.tar. Raises Unfit."""
    parts, flat = facts["inside"], facts["tensors"]
    if "E_flame" not in parts:
        if FIRST_KEY in flat:
            raise Unfit("it is a DiffusionRig checkpoint, expected DECA's networks (E_flame, E_detail, D_detail)")
        raise Unfit(f"it holds {listed([*parts, *flat, *facts['others']])}, expected DECA's E_flame, E_detail and D_detail")
    from models.face_encoder import shapes as encoder_shapes

    at, prefix, shapes = locate(parts["E_flame"], "layers.2.weight")
    expected = {key: list(shape) for key, shape in encoder_shapes().items()}
    wrong = [key for key, shape in expected.items() if shapes.get(key) != shape]
    if wrong:
        found = f"has shape {tuple(shapes[wrong[0]])}" if wrong[0] in shapes else "is missing"
        raise Unfit(f"its E_flame is not DECA's encoder of 236 values: {len(wrong)} tensors are missing or ill-shaped; "
                    f"'{wrong[0]}' {found}, expected {tuple(expected[wrong[0]])}")
    metadata = {"deca": json.dumps({"part": "E_flame", "version": 1})}
    return Plan(["E_flame", *at], prefix, expected, metadata, "DECA encoder (ResNet-50 to 236 values)")


def locate(facts: dict[str, Any], first: str) -> tuple[list[str], str, dict[str, list[int]]]:
    """Where the dictionary with the tensor `first` is: keys to go along, prefix of its names, and shapes by bare name.

    Raises Unfit when there is none, or more than one.
    """
    places = list(_places(facts, first, []))
    if len(places) == 1:
        at, prefix, tensors = places[0]
        return at, prefix, {key.removeprefix(prefix): shape for key, shape in tensors.items() if key.startswith(prefix)}
    if len(places) > 1:
        raise Unfit(f"it holds {len(places)} models ({listed('.'.join(at) or 'the file itself' for at, _, _ in places)}): "
                    "save the one that you want as a file of its own")
    raise Unfit(_not_there(facts, first))


def _places(facts: dict[str, Any], first: str, at: list[str]) -> Any:
    for prefix in ("", *_PREFIXES, *(a + b for a in _PREFIXES for b in _PREFIXES)):
        if prefix + first in facts["tensors"]:
            yield at, prefix, facts["tensors"]
            break
    for key, inner in facts["inside"].items():
        yield from _places(inner, first, [*at, key])


def _not_there(facts: dict[str, Any], first: str) -> str:
    names = [*facts["tensors"], *facts["inside"], *facts["others"]]
    if "param_groups" in names or ("state" in names and not facts["tensors"]):
        return "it holds the state of an optimiser, expected the model's weights (modelNNNNNN.pt, not optNNNNNN.pt)"
    if "E_flame" in names:
        return "it holds DECA's networks, expected a DiffusionRig checkpoint"
    if "input_blocks.0.0.weight" in names:
        return "it holds a plain diffusion model without DiffusionRig's encoder, expected keys 'denoisingUNet.*' and 'encoder.*'"
    return f"it has no '{first}' in it (it holds {listed(names)})"


def _unwrapped(at: list[str], prefix: str) -> str:
    parts = ([f"taken out of '{'.'.join(at)}'"] if at else []) + ([f"without the prefix '{prefix}'"] if prefix else [])
    return f", {' and '.join(parts)}" if parts else ""


def count(shape: list[int]) -> int:
    """Number of values of a tensor."""
    return math.prod(shape)
