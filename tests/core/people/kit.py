"""A tiny prior with a few-step student, put where the one that ships would be, and people made of it."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core import paths
from core.people import shelf
from core.people.person import write_person
from core.prior import Prior, load_prior
from models.changes import NETWORK, STUDENT, store_bytes, store_full
from models.checkpoint import load, to_bytes
from tests.tiny import save_tiny_prior

IDENTITY = tuple(0.02 * k for k in range(-28, 28))  # as long as the open head's
CARD: dict[str, Any] = {
    "preset": "quick", "created": "2026-11-23T10:00:00",
    "photos": {"accepted": 17, "weak": 1, "refused": 3, "used": 18, "held_out": ["a", "b"]},
    "curve": [{"seconds": 60, "step": 40, "loss": 0.1, "held_identity": None}],
    "measured": {"before": {"identity": 0.66}, "after": {"identity": 0.41}},
    "consent": {"statement": "Ann agrees.", "given": "2026-11-23"}}


def tiny_prior(path: Path, **network: Any) -> Prior:
    """Write a tiny prior with a student that differs a little; another one for other settings of the network."""
    made = load(save_tiny_prior(path, **network))
    changed = drawn(made.state, 7)
    card = {"student": {"timesteps": [900, 400]}}
    about = made.description
    path.write_bytes(to_bytes(made.state, type(about)(about.config, "tiny", "open", "as you like", card),
                              student=store_bytes(made.state, changed, STUDENT)))
    return load_prior(path)


def drawn(base: Mapping[str, Tensor], seed: int, strength: float = 0.02) -> dict[str, Tensor]:
    """The denoiser's weights with noise on them."""
    source = torch.Generator().manual_seed(seed)
    return {key: value.float() + strength * torch.randn(value.shape, generator=source)
            for key, value in base.items() if key.startswith("denoisingUNet.")}


def changes_of(prior: Prior, seed: int = 1, student: bool = False) -> dict[str, Tensor]:
    """Packed changes of a person."""
    state = prior.checkpoint.state
    packed = store_full(state, drawn(state, seed), NETWORK)
    own = prior.checkpoint.student_state()
    if student and own is not None:
        packed |= store_bytes(own, drawn(own, seed + 100), STUDENT)
    return packed


def put_person(prior: Prior, name: str = "Ann", seed: int = 1, student: bool = False, **options: Any) -> Path:
    """A person's file, on the shelf if no `path` is given. options: of `write_person`."""
    path: Path = options.pop("path", None) or shelf.person_file(name)
    write_person(path, **{"name": name, "prior": prior, "identity": IDENTITY, "changes": changes_of(prior, seed, student),
                          "card": CARD, **options})
    return path


def installed(prior: Prior) -> Prior:
    """A copy of the prior in the user's folder of priors."""
    paths.priors_dir().mkdir(parents=True, exist_ok=True)
    target = paths.priors_dir() / "tiny.safetensors"
    target.write_bytes(prior.path.read_bytes())
    return load_prior(target)
