"""DECA's face encoder against the reference's numbers, and files that are something else."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from models.checkpoint import CheckpointError
from models.face_encoder import FaceEncoder, build, load, shapes, split
from tests.models.parity import recipe, recipe_encoder


@pytest.fixture(scope="module")
def state(shared: Path) -> dict[str, torch.Tensor]:
    return recipe_encoder(shared)


def test_keys_are_the_published_ones(shared: Path) -> None:
    listed = json.loads((shared / "parity" / "i_state_dict_keys" / "deca_model_tar.json").read_text())["E_flame"]
    assert list(shapes().items()) == [(entry["key"], tuple(entry["shape"])) for entry in listed]


def test_features_and_codes_are_the_references(shared: Path, state: dict[str, torch.Tensor]) -> None:
    crops = recipe(shared).u01("deca.img", 2 * 3 * 224 * 224).reshape(2, 3, 224, 224).astype(np.float32)
    encoder = build(state)
    with torch.inference_mode():
        features = encoder.encoder(torch.from_numpy(crops))
        codes = encoder(torch.from_numpy(crops))
    with np.load(shared / "parity" / "v_render_math" / "deca_encoder_io.npz") as known:
        np.testing.assert_allclose(features, known["E_flame_feat"], atol=1e-4)
        np.testing.assert_allclose(codes, known["E_flame"], atol=1e-4)


def test_parts_of_a_code() -> None:
    code = torch.arange(236.0)[None]
    parts = split(code)
    assert {name: tuple(value.shape[1:]) for name, value in parts.items()} == {
        "shape": (100,), "tex": (50,), "exp": (50,), "pose": (6,), "cam": (3,), "light": (9, 3)}
    assert torch.equal(parts["light"][0, 1], torch.tensor([212.0, 213.0, 214.0]))  # one coefficient, three colours
    assert torch.equal(torch.cat([part.flatten(1) for part in parts.values()], 1), code)


def test_a_file_comes_back(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    file = tmp_path / "encoder.safetensors"
    safetensors.torch.save_file(state, file)
    encoder = load(file)
    assert isinstance(encoder, FaceEncoder) and not encoder.training
    assert torch.equal(encoder.state_dict()["layers.2.bias"], state["layers.2.bias"])
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        load(file)


def _cut(key: str) -> dict[str, torch.Tensor]:
    return {name: torch.zeros(shape) for name, shape in shapes().items() if name != key}


@pytest.mark.parametrize(("state_of", "words"), [
    (lambda: {}, "322 tensors are missing"),
    (lambda: _cut("layers.2.bias"), "1 tensors are missing, such as 'layers.2.bias'"),
    (lambda: _cut("") | {"fc.bias": torch.zeros(3)}, "1 tensors are unknown, such as 'fc.bias'"),
    (lambda: _cut("") | {"layers.2.weight": torch.zeros(159, 1024)}, r"shape \(159, 1024\), expected \(236, 1024\)"),
    (lambda: _cut("") | {"layers.2.bias": torch.full((236,), torch.nan)}, "not finite"),
])
def test_anything_else_is_refused(state_of, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        build(state_of())
