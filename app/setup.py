"""Setup: which model, head and estimator the window works with, and how they are called for people."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings

HEADS = {"open": "OpenHead", "flame": "FLAME", "ict": "ICT-FaceKit"}
ESTIMATORS = {"fit": "Fit to landmarks and pixels", "deca": "DECA encoder"}


@dataclass(frozen=True)
class Setup:
    """What an Engine is built from. None: the prior that ships, the prior's own head, the head's usual estimator.

    prior: the name of an imported model, or a file. head: 'open', 'flame', 'ict'. estimator: 'fit', 'deca'. device: 'cpu' after
    the graphics card failed; None for the one that the program was started with.
    """

    prior: str | None = None
    head: str | None = None
    estimator: str | None = None
    device: str | None = None

    @classmethod
    def remembered(cls, settings: Settings) -> Setup:
        """The setup of the last run."""
        return cls(settings.prior or None, settings.head or None, settings.estimator or None)

    def remember(self, settings: Settings) -> None:
        """Take it up again at the next start."""
        settings.prior, settings.head, settings.estimator = self.prior or "", self.head or "", self.estimator or ""

    @property
    def words(self) -> str:
        """What it is, for messages: 'faces-512 with FLAME'."""
        parts = [prior_title(self.prior)]
        parts += [f"with {head_title(self.head)}"] if self.head else []
        parts += [f"and {ESTIMATORS.get(self.estimator, self.estimator)}"] if self.estimator else []
        return " ".join(parts)


def prior_title(prior: str | None) -> str:
    """A model's name for people: the file's own name where it was given as a file."""
    if prior is None:
        return "the default model"
    path = Path(prior)
    return path.stem if path.suffix in (".safetensors", ".pt") else prior


def head_title(name: str | None) -> str:
    """A head's name for people."""
    return HEADS.get(name or "", name or "")
