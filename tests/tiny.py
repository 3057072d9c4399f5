"""A prior so small that a picture takes a moment: what tests of the whole path use in place of the one that ships."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

import core.backends
from core.engine import Engine
from models.checkpoint import Description, save
from models.config import DenoiserConfig
from models.rig_model import RigModel


def save_tiny_prior(path: Path, head: str = "open", **changes: Any) -> Path:
    """Write an untrained 256 x 256 model to `path`; the same one each time. head: the one it says it belongs to; changes: of
    its DenoiserConfig.
    """
    config = DenoiserConfig(**{"size": 256, "base": 8, "mult": (1, 2), "blocks": 1, "attention": (), "groups": 4, "patch": 8,
                               "prediction": "velocity", "dropout": 0.0, "encoder_width": 8, **changes})
    torch.manual_seed(0)
    model = RigModel(config)
    for parameter in model.parameters():  # the zero-initialised layers too, or the network would not look at its inputs
        torch.nn.init.normal_(parameter, std=0.05)
    save(path, model.state_dict(), Description(config=config, name="tiny", head=head))
    return path


@contextmanager
def tiny_engine(folder: Path) -> Iterator[Engine]:
    """An engine on the CPU with that model, written to `folder`, in 32-bit numbers: no timing decides what a test sees."""
    with patch.object(core.backends, "pick_dtype", lambda *_: torch.float32):
        engine = Engine(save_tiny_prior(folder / "tiny.safetensors"), "cpu")
        try:
            yield engine
        finally:
            engine.close()
