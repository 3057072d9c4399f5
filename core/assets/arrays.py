"""Arrays from what a pickle says about them (`pickles.Record`): numpy's, chumpy's, scipy's and PyTorch's, checked."""
from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from core.assets import torch_file
from core.assets.pickles import PickleError, Record, Text

MAX_VALUES = 1 << 26  # 13 times FLAME's largest array
_DEPTH = 8  # an array inside a chumpy object inside a tuple ...; real files need 3


def as_array(value: Any, depth: int = 0) -> np.ndarray:
    """The numbers of a record as an array. Raises PickleError when it is no array of numbers."""
    if depth > _DEPTH:
        raise PickleError("an array in it is wrapped too often")
    if isinstance(value, bool | int | float):
        return np.asarray(value)
    if not isinstance(value, Record):
        raise PickleError(f"it holds {said(value)} where an array should be")
    if value.kind == "copyreg._reconstructor":
        value = Record(getattr(value.arguments[0], "text", "") if value.arguments else "", (), value.state)
    if value.kind == "chumpy.ch.Ch":
        return as_array(_state(value).get("x"), depth + 1)
    if value.kind == "scipy.sparse.csc.csc_matrix":
        return _dense(_state(value), depth)
    if value.kind == "numpy.core.multiarray._reconstruct":
        return _numpy(value)
    if value.kind == "numpy.core.numeric._frombuffer" and len(value.arguments) == 4:
        data, kind, shape, order = value.arguments
        return _shaped(data, _dtype(kind), shape, order == "F")
    if value.kind == "numpy.core.multiarray.scalar" and len(value.arguments) == 2:
        return _shaped(value.arguments[1], _dtype(value.arguments[0]), (), False)
    if value.kind.startswith("torch._utils."):
        return torch_file.tensor_array(value)
    raise PickleError(f"it holds {said(value)} where an array should be")


def object_item(value: Any) -> Any:
    """What a numpy array of one object holds (the dictionary of landmark_embedding.npy). Raises PickleError."""
    state = value.state if isinstance(value, Record) else None
    if isinstance(state, tuple) and len(state) == 5 and isinstance(state[4], list) and len(state[4]) == 1:
        return state[4][0]
    raise PickleError("it is no array of one object")


def said(value: Any) -> str:
    """What a value is, in words."""
    if isinstance(value, Record):
        return f"a {value.kind.rpartition('.')[2]}"
    names = {dict: "a dictionary", list: "a list", tuple: "a list", str: "a text", Text: "a text", type(None): "nothing"}
    return names.get(type(value), "something else")


def _state(record: Record) -> dict[str, Any]:
    if not isinstance(record.state, dict):
        raise PickleError(f"{said(record)} in it has no content")
    return record.state


def _numpy(record: Record) -> np.ndarray:
    state = record.state
    if not isinstance(state, tuple) or len(state) != 5:
        raise PickleError("an array in it has no content")
    _, shape, kind, fortran, data = state
    return _shaped(data, _dtype(kind), shape, bool(fortran))


def _dtype(record: Any) -> np.dtype:
    """A plain dtype of numbers: nothing structured, no objects."""
    code = record.arguments[0] if isinstance(record, Record) and record.kind == "numpy.dtype" and record.arguments else None
    if not isinstance(code, str) or not re.fullmatch(r"[fiu][1248]|b1", code):
        raise PickleError("it holds an array of something other than numbers")
    order = record.state[1] if isinstance(record.state, tuple) and len(record.state) > 1 else "="
    return np.dtype(code).newbyteorder(">" if order == ">" else "<")


def _bytes(data: Any) -> bytes | memoryview:
    if isinstance(data, str):
        return data.encode("latin1")
    if isinstance(data, Record) and data.kind == "builtins.bytes" and not data.arguments:
        return b""
    if isinstance(data, Record) and data.kind == "_codecs.encode":
        # Python 3 writes bytes for protocol 2 as text of this encoding; other codecs could do more than that.
        if len(data.arguments) != 2 or data.arguments[1] != "latin1":
            raise PickleError("it asks for a codec that no such file needs")
        text = data.arguments[0]
        try:
            plain = str(text.data, "utf-8") if isinstance(text, Text) else text
            return plain.encode("latin1")
        except (AttributeError, UnicodeError) as error:
            raise PickleError("the bytes of an array in it are damaged") from error
    if isinstance(data, bytes | memoryview):
        return data
    raise PickleError("an array in it has no bytes")


def shape_of(shape: Any) -> tuple[int, ...]:
    """A shape that can be one. Raises PickleError."""
    if (not isinstance(shape, tuple | list) or len(shape) > 8 or not all(isinstance(n, int) and n >= 0 for n in shape)
            or math.prod(shape) > MAX_VALUES):
        raise PickleError("an array in it has an impossible shape")
    return tuple(shape)


def _shaped(data: Any, dtype: np.dtype, shape: Any, fortran: bool) -> np.ndarray:
    size, raw = shape_of(shape), _bytes(data)
    wanted = math.prod(size) * dtype.itemsize
    if len(raw) != wanted:
        raise PickleError(f"an array of shape {size} in it has {len(raw):,} bytes, expected {wanted:,}")
    return np.frombuffer(raw, dtype).reshape(size, order="F" if fortran else "C")


def _dense(state: dict[str, Any], depth: int) -> np.ndarray:
    """A compressed-column matrix as a dense one."""
    rows, columns = (*shape_of(state.get("_shape")), 0, 0)[:2]
    data, indices, starts = (as_array(state.get(name), depth + 1) for name in ("data", "indices", "indptr"))
    good = (data.ndim == indices.ndim == starts.ndim == 1 and len(data) == len(indices) and len(starts) == columns + 1
            and indices.dtype.kind in "iu" and starts.dtype.kind in "iu" and rows * columns > 0)
    lengths = [int(end) - int(start) for start, end in zip(starts[:-1], starts[1:], strict=True)] if good else [-1]
    if min(lengths) < 0 or int(starts[0]) or sum(lengths) != len(data) or (len(data) and int(indices.max()) >= rows):
        raise PickleError("a sparse matrix in it is damaged")
    if len(data) and int(indices.min()) < 0:
        raise PickleError("a sparse matrix in it is damaged")
    dense = np.zeros((rows, columns), data.dtype.newbyteorder("="))
    np.add.at(dense, (indices.astype(np.int64), np.repeat(np.arange(columns), lengths)), data)
    return dense
