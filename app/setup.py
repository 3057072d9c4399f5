"""Setup: which model, head and estimator the window works with, and how they are called for people."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.language import tr
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
        model, head, estimator = prior_title(self.prior), head_title(self.head), estimator_title(self.estimator)
        if head and estimator:
            return tr("{model} with {head} and {estimator}", model=model, head=head, estimator=estimator)
        if head:
            return tr("{model} with {head}", model=model, head=head)
        return tr("{model} and {estimator}", model=model, estimator=estimator) if estimator else model


def prior_title(prior: str | None) -> str:
    """A model's name for people: the file's own name where it was given as a file."""
    if prior is None:
        return tr("the default model")
    path = Path(prior)
    return path.stem if path.suffix in (".safetensors", ".pt") else prior


def estimator_title(name: str | None) -> str:
    """An estimator's name for people."""
    return tr(ESTIMATORS[name]) if name in ESTIMATORS else name or ""


def head_title(name: str | None) -> str:
    """A head's name for people."""
    return HEADS.get(name or "", name or "")
