"""Ways to get a face's parameters from a photo, by name."""
from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import AssetError, ParameterError

if TYPE_CHECKING:
    from core.estimate import FitResult
    from core.head.base import HeadModel
    from core.photo import Photo
    from models.face_encoder import FaceEncoder

Estimator = Callable[["HeadModel", "Photo"], "FitResult"]

FIT, DECA = "fit", "deca"
_NAMES = {"flame": (DECA, FIT)}


def names(head_name: str) -> tuple[str, ...]:
    """The estimators for a head, the default first: 'fit' solves for the landmarks, 'deca' asks DECA's encoder (FLAME only)."""
    return _NAMES.get(head_name, (FIT,))


def get(name: str | None, head_name: str, size: int = 256) -> Estimator:
    """The estimator of that name, None for the head's default. size: side of the picture that DECA's crop is taken from.

    Raises ParameterError for a name that the head has not, AssetError when the encoder's file is missing or damaged: nothing else
    is taken in its place.
    """
    known = names(head_name)
    if name is not None and name not in known:
        raise ParameterError(f"There is no estimator '{name}' for the '{head_name}' head. There are: {', '.join(known)}.")
    if (name or known[0]) == DECA:
        return _deca(size)
    from core.estimate import fit_photo
    return fit_photo


def _deca(size: int) -> Estimator:
    from core.estimate_deca import fit_photo

    encoder = load_encoder()

    def estimate(head: HeadModel, photo: Photo) -> FitResult:
        return fit_photo(encoder, head, photo, size)
    return estimate


def load_encoder(file: Path | None = None) -> FaceEncoder:
    """DECA's encoder from a file, None for the imported one. Raises AssetError when it is missing or can't be used."""
    if file is None:
        from core import assets

        file = assets.encoder_file()
    if file is None or not file.is_file():
        raise AssetError("DECA's face encoder is not there. Import your own deca_model.tar with 'main.py assets import FOLDER', "
                         "or ask for the other estimator with '--estimator fit'.")
    try:
        return _loaded(file, file.stat().st_mtime_ns)
    except OSError as error:
        raise AssetError(f"{file} can't be read ({error.strerror or error}). Import deca_model.tar again.") from error


@lru_cache(maxsize=1)
def _loaded(file: Path, _changed: int) -> FaceEncoder:
    from models.checkpoint import CheckpointError
    from models.face_encoder import load

    try:
        return load(file)
    except CheckpointError as error:
        raise AssetError(f"{file} can't be used: {error}. Import deca_model.tar again.") from error
