"""Prior: a generic (or personal) model from a file, with what it says about itself."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import paths
from core.errors import AssetError
from models.checkpoint import Checkpoint, CheckpointError, load
from models.config import DenoiserConfig
from models.rig_model import RigModel


@dataclass(frozen=True, eq=False)
class Prior:
    """Weights that are loaded and checked, and their description.

    name, licence: for people. head: whose buffers it was trained on ('open' or 'flame'); it must be used with that head. size:
    side of its pictures. digest: sha256 of the file. card: facts of the training.
    """

    name: str
    head: str
    size: int
    config: DenoiserConfig
    digest: str
    licence: str
    card: dict[str, Any]
    path: Path
    checkpoint: Checkpoint

    def build(self) -> RigModel:
        """A new float32 model with these weights on the CPU, in eval mode; wrap it in `EpsilonNetwork` to sample."""
        return self.checkpoint.build()


def load_prior(path: str | Path | None = None, head: str | None = None) -> Prior:
    """Load weights from a file; None takes the prior that ships.

    head: the head model it must belong to, None for any. Raises AssetError with a message for the user when the file is missing,
    damaged, of an unknown layout, or belongs to another head.
    """
    file = Path(path) if path is not None else paths.default_prior()
    if not file.is_file():
        what = "The model that ships with the program" if path is None else "The model"
        raise AssetError(f"{what}, {file}, is not there. "
                         + ("Restore it from the program's files." if path is None else "Check the path."))
    try:
        checkpoint = load(file)
    except CheckpointError as error:
        raise AssetError(f"{file} can't be used as a model: {error}. Get the file again, or choose another one.") from error
    except OSError as error:
        raise AssetError(f"{file} can't be read ({error.strerror or error}). Choose another file.") from error
    said = checkpoint.description
    if head is not None and said.head != head:
        raise AssetError(f"{file} was trained on the '{said.head}' head and can't be used with the '{head}' head. "
                         f"Choose a model made for '{head}'.")
    return Prior(said.name or file.stem, said.head, said.config.size, said.config, checkpoint.digest, said.licence, said.card,
                 file, checkpoint)
