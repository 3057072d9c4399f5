"""Recipe weights and reference arrays (see parity/README.md of the shared folder)."""
from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from models.config import DenoiserConfig
from models.face_encoder import shapes
from models.rig_model import RigModel


def recipe(shared: Path) -> ModuleType:
    """The module that makes weights from key names."""
    spec = importlib.util.spec_from_file_location("parity_recipe", shared / "parity" / "recipe.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recipe_model(shared: Path, config: DenoiserConfig) -> RigModel:
    """A model with recipe weights, in eval mode."""
    make = recipe(shared).weight
    with torch.device("meta"):
        model = RigModel(config)
    state = {key: torch.from_numpy(np.asarray(make(key, tuple(value.shape)))) for key, value in model.state_dict().items()}
    model.load_state_dict(state, assign=True)
    return model.eval()


def recipe_encoder(shared: Path, last_weight: float = 1.0, last_bias: np.ndarray | None = None) -> dict[str, torch.Tensor]:
    """E_flame with recipe weights, every bn3.weight times 0.3; last_weight, last_bias: the end-to-end numbers' last layer."""
    make = recipe(shared).weight
    state = {key: torch.from_numpy(np.asarray(make(key, shape) * (np.float32(0.3) if key.endswith("bn3.weight") else 1)))
             for key, shape in shapes().items()}
    state["layers.2.weight"] *= last_weight
    if last_bias is not None:
        state["layers.2.bias"] = torch.from_numpy(np.asarray(last_bias, np.float32))
    return state


def arrays(shared: Path, name: str) -> dict[str, torch.Tensor]:
    """The tensors of ii_model/<name>.npz."""
    with np.load(shared / "parity" / "ii_model" / f"{name}.npz") as stored:
        return {key: torch.from_numpy(np.asarray(stored[key])) for key in stored.files}
