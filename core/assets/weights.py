"""Weights from a user's PyTorch file: a summary of what it holds, and the chosen tensors streamed into a .safetensors file.

Runs in the separate process (`core.assets.child`). Memory: the table of names, and one piece of a tensor at a time.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.assets.arrays import said
from core.assets.problems import Unfit
from core.assets.torch_file import Tensor, TorchFile, open_torch, tensor_of

MAX_NAMES = 20_000
_DEPTH = 3


def summary(path: Path) -> dict[str, Any]:
    """What a file holds: {'tensors': {key: shape}, 'inside': {key: the same of a dictionary}, 'others': {key: what}}.

    Reads no values. Raises Unfit, OSError.
    """
    with path.open("rb") as file:
        root = open_torch(file).root
        if not isinstance(root, dict):
            raise Unfit(f"it holds {said(root)}, expected a dictionary of weights")
        return _summary(root, _DEPTH)


def _summary(content: dict[Any, Any], depth: int) -> dict[str, Any]:
    if len(content) > MAX_NAMES:
        raise Unfit(f"it holds {len(content):,} entries, which no model has")
    found: dict[str, Any] = {"tensors": {}, "inside": {}, "others": {}}
    for key, value in content.items():
        tensor = tensor_of(value)
        if tensor is not None:
            found["tensors"][str(key)] = tensor.shape
        elif isinstance(value, dict) and depth > 1:
            found["inside"][str(key)] = _summary(value, depth - 1)
        else:
            found["others"][str(key)] = said(value)
    return found


def convert(path: Path, out: Path, at: list[str], prefix: str, wanted: dict[str, list[int]], metadata: dict[str, str]) -> None:
    """Write the tensors `wanted` (key -> shape) of the dictionary found by going along the keys `at`, where their names begin
    with `prefix`, to `out` as float32 (whole numbers as int64). Raises Unfit, also for values that are not finite."""
    with path.open("rb") as file:
        source = open_torch(file)
        content: Any = source.root
        for key in at:
            content = content[key]
        tensors = {key: tensor_of(content[prefix + key]) for key in wanted}
        good = {key: tensor for key, tensor in tensors.items() if tensor is not None and list(tensor.shape) == list(wanted[key])}
        if len(good) != len(wanted):
            raise Unfit("it changed while it was read")
        with out.open("wb") as target:
            _write(source, good, metadata, target)


def _write(source: TorchFile, tensors: dict[str, Tensor], metadata: dict[str, str], target: BinaryIO) -> None:
    # int64 first: then every tensor begins at a multiple of its own size
    order = sorted(tensors, key=lambda key: (not _is_whole(tensors[key]), key))
    entries: dict[str, Any] = {"__metadata__": metadata}
    place = 0
    for key in order:
        size = tensors[key].count * (8 if _is_whole(tensors[key]) else 4)
        entries[key] = {"dtype": "I64" if _is_whole(tensors[key]) else "F32", "shape": list(tensors[key].shape),
                        "data_offsets": [place, place + size]}
        place += size
    head = json.dumps(entries, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    target.write(len(head).to_bytes(8, "little") + head)
    for key in order:
        for piece in _checked(source, key, tensors[key]):
            target.write(piece)


def _is_whole(tensor: Tensor) -> bool:
    return tensor.storage.kind[-2] in "iu"


def _checked(source: TorchFile, key: str, tensor: Tensor) -> Iterator[bytes]:
    whole = _is_whole(tensor)
    for piece in source.values(tensor):
        plain = np.ascontiguousarray(piece, "<i8" if whole else "<f4")
        if not whole and not np.isfinite(plain).all():
            wrong = int((~np.isfinite(plain)).sum())
            raise Unfit(f"its '{key}' holds values that are not finite numbers ({wrong:,} of them NaN or infinite)")
        yield plain.tobytes()
