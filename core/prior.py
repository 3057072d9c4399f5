"""Prior: a generic (or personal) model from a file, with what it says about itself."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import paths
from core.assets.convert import open_checkpoint
from core.assets.digests import file_digest
from core.assets.store import prior_files
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

    @property
    def student(self) -> dict[str, Any] | None:
        """What the file says of its few-step student: 'timesteps', descending, and facts of its training; None without one."""
        return self.card.get("student") if self.checkpoint.student else None

    def build_student(self) -> RigModel | None:
        """A new float32 model of the student (see `core.distill`) on the CPU, in eval mode; None where the file holds none."""
        return self.checkpoint.build_student()


def load_prior(path: str | Path | None = None, head: str | None = None, size: int | None = None) -> Prior:
    """Load weights: from a file of ours, from a released checkpoint (.pt, converted once by `core.assets`), or the model that was
    imported under a name. None takes the prior that ships.

    head: the head model it must belong to; size: the side of its pictures; None for any. Raises AssetError with a message for the
    user when there is no such file, or it is damaged, of an unknown layout, of another size or for another head.
    """
    file = _file_of(path)
    try:
        checkpoint = load(file, file_digest(file))
    except CheckpointError as error:
        raise AssetError(f"{file} can't be used as a model: {error}. Get the file again, or choose another one.") from error
    except OSError as error:
        raise AssetError(f"{file} can't be read ({error.strerror or error}). Choose another file.") from error
    said = checkpoint.description
    if head is not None and said.head != head:
        raise AssetError(f"{file} was trained on the '{said.head}' head and can't be used with the '{head}' head. "
                         f"Choose a model made for '{head}'.")
    if size is not None and said.config.size != size:
        raise AssetError(f"{file} makes pictures of {said.config.size} pixels, but {size} are asked for. "
                         f"Choose a model of {size} pixels.")
    return Prior(said.name or file.stem, said.head, said.config.size, said.config, checkpoint.digest, said.licence, said.card,
                 file, checkpoint)


def _file_of(path: str | Path | None) -> Path:
    """The .safetensors file that is meant."""
    if path is None:
        if not paths.default_prior().is_file():
            raise AssetError(f"The model that ships with the program, {paths.default_prior()}, is not there. "
                             "Restore it from the program's files.")
        return paths.default_prior()
    file = Path(path)
    if file.is_file():
        return file if file.suffix.lower() == ".safetensors" else open_checkpoint(file)
    imported = prior_files()
    if str(path) in imported:
        return imported[str(path)]
    other = (f"give the name of an imported one ({', '.join(imported)})" if imported
             else "import one with 'main.py assets import FOLDER'")
    raise AssetError(f"The model, {file}, is not there. Check the path, or {other}.")
