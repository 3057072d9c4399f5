"""Reading FLAME's pickled files without running what a pickle may hold: only the few classes that these files need are known."""
from __future__ import annotations

import io
import pickle
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import AssetError

MAX_BYTES = 1 << 30


class _Ch:
    """Stands for chumpy's wrapped array: the array is in the state's entry 'x'."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.x = np.asarray(state["x"])


class _SparseColumns:
    """Stands for scipy's csc_matrix: only its arrays are taken."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.shape = tuple(int(n) for n in state["_shape"])
        self.data, self.indices, self.indptr = state["data"], state["indices"], state["indptr"]

    def dense(self) -> np.ndarray:
        """The matrix as a dense array."""
        from scipy.sparse import csc_matrix
        return csc_matrix((self.data, self.indices, self.indptr), shape=self.shape).toarray()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    # Python 3 pickles for protocol 2 write bytes as text of this encoding; other codecs could do more than that.
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"the codec {encoding} is not allowed")
    return text.encode("latin1")


def _reconstruct(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray:
    # The empty array whose state the pickle then sets; a subclass could bring its own code.
    if kind is not np.ndarray:
        raise pickle.UnpicklingError("only plain arrays are allowed")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _scalar(kind: np.dtype, data: bytes) -> Any:
    if kind.hasobject:
        raise pickle.UnpicklingError("only plain numbers are allowed")
    return np.frombuffer(data, kind)[0]


def _load_storage(data: bytes) -> np.ndarray:
    """A torch storage's values, read by torch's own safe reader."""
    import torch
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a bare storage is deprecated, but it is what the file holds
        storage = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        return torch.tensor([], dtype=storage.dtype).set_(storage.untyped()).numpy().copy()


def _rebuild_tensor(storage: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...],
                    *_unused: Any) -> np.ndarray:
    """The tensor as an array; checked against the storage's bounds."""
    size, stride = tuple(map(int, size)), tuple(map(int, stride))
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if offset < 0 or min(size + stride, default=0) < 0 or (size and min(size) > 0 and last >= storage.size):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    item = storage.itemsize
    return np.lib.stride_tricks.as_strided(storage[offset:], size, [step * item for step in stride]).copy()


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
    ("chumpy.ch", "Ch"): _Ch,
    ("chumpy", "Ch"): _Ch,
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch.storage", "_load_from_bytes"): _load_storage,
}
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _ALLOWED[_module, "_reconstruct"] = _reconstruct
    _ALLOWED[_module, "scalar"] = _scalar
for _module in ("scipy.sparse.csc", "scipy.sparse._csc", "scipy.sparse"):
    _ALLOWED[_module, "csc_matrix"] = _SparseColumns
for _module in ("__builtin__", "builtins"):
    _ALLOWED[_module, "set"] = set


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no FLAME file needs") from None


def restricted_load(path: Path, offset: int = 0) -> Any:
    """The object pickled in `path` from byte `offset`. Raises AssetError on anything that a FLAME file does not hold."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AssetError(f"{path} is too large for a FLAME file.")
        with path.open("rb") as file:
            file.seek(offset)
            return _Restricted(file, encoding="latin1").load()
    except AssetError:
        raise
    except OSError as error:
        raise AssetError(f"{path} can't be read: {error.strerror or error}.") from error
    except Exception as error:  # a damaged pickle can raise almost any exception
        raise AssetError(f"{path} is not a FLAME file that this program reads: {error}.") from error


def plain_array(value: Any) -> np.ndarray:
    """An entry of the model as an array: unwrapped from chumpy or scipy. Raises AssetError when it is neither."""
    if isinstance(value, _Ch):
        value = value.x
    if isinstance(value, _SparseColumns):
        try:
            value = value.dense()
        except ValueError as error:
            raise AssetError(f"The FLAME file holds a damaged matrix: {error}.") from error
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise AssetError("The FLAME file holds something other than numbers where an array should be.")
    return value


def read_model(path: Path) -> dict[str, np.ndarray]:
    """The arrays of FLAME's generic_model.pkl that we use (spec section 2), by their names in the file."""
    content = restricted_load(path)
    names = ("f", "J_regressor", "kintree_table", "posedirs", "v_template", "shapedirs", "weights")
    if not isinstance(content, dict) or any(name not in content for name in names):
        raise AssetError(f"{path} is not FLAME's model: it lacks some of {', '.join(names)}.")
    return {name: plain_array(content[name]) for name in names}


def read_embedding(path: Path) -> dict[str, np.ndarray]:
    """The arrays of landmark_embedding.npy, whose dictionary is pickled inside an object array."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            reader(file)
            offset = file.tell()
    except (OSError, ValueError) as error:
        raise AssetError(f"{path} is not a landmark embedding: {error}.") from error
    content = restricted_load(path, offset)
    if isinstance(content, np.ndarray) and content.dtype == object and content.size == 1:
        content = content.reshape(-1)[0]
    names = ("static_lmk_faces_idx", "static_lmk_bary_coords", "dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords")
    if not isinstance(content, dict) or any(name not in content for name in names):
        raise AssetError(f"{path} is not a landmark embedding: it lacks some of {', '.join(names)}.")
    return {name: plain_array(content[name]) for name in names}
