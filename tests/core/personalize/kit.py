"""What tests of training runs share: a tiny prior with a student, and an album of a few photos that was read once."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from core.personalize.runs import Run
from core.prior import Prior, load_prior
from models import changes
from models.checkpoint import Description, to_bytes
from tests.tiny import save_tiny_prior

VARIED = {"flip": 0.5, "zoom": 0.1, "gain": 0.1, "colour": 0.05}
STUDENT = {"kind": "student", "steps": 4, "rate": 1e-3, "batch": 2, "ema": 0.5, "augment": VARIED}
DENOISER = {"kind": "denoiser", "steps": 4, "rate": 1e-3, "batch": 2, "ema": 0.5}


def student_prior(path: Path) -> Prior:
    """The tiny prior with a few-step student beside it."""
    plain = load_prior(save_tiny_prior(path))
    generator = torch.Generator().manual_seed(1)
    other = {key: value.float() + 0.01 * torch.randn(value.shape, generator=generator)
             for key, value in plain.checkpoint.state.items() if key.startswith("denoisingUNet.")}
    said = plain.checkpoint.description
    about = Description(said.config, said.name, said.head, "CC0", {"student": {"timesteps": [999, 400]}})
    path.write_bytes(to_bytes(plain.checkpoint.state, about, student=changes.store_bytes(
        {key: value.float() for key, value in plain.checkpoint.state.items()}, other, changes.STUDENT)))
    return load_prior(path)


def write_preset(path: Path, *phases: dict[str, Any], **more: Any) -> Path:
    """A file with one preset, which measures and saves all the time."""
    path.write_text(json.dumps({"mine": {"measure_every": 1.0, "sheet_every": 1, "phases": list(phases), **more}}))
    return path


def checked(name: str, album: Path, prior: Prior) -> Run:
    """A run whose album (a folder that `read_album` filled) is checked and not trained on yet."""
    import shutil

    run = Run.begin(name)
    shutil.copytree(album, run.album)
    run.save(state="checked", prior={"file": str(prior.path), "digest": prior.digest, "name": prior.name})
    return run
