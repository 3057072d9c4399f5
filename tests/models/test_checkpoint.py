from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.checkpoint import CheckpointError, Description, check_finite, config_of, load, metadata_of, save
from models.config import DenoiserConfig
from models.rig_model import RigModel

TINY = DenoiserConfig.compact(size=32, base=16, mult=(1, 2), groups=8, patch=2, attention=(8,), encoder_width=8)
ABOUT = Description(TINY, "small", "open", "CC0", {"samples_seen": 3})


def _state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return RigModel(TINY).state_dict()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    save(path, _state(), ABOUT)
    return path


def test_a_file_describes_itself_and_gives_the_weights_back(saved: Path) -> None:
    found = load(saved)
    assert found.description == ABOUT
    again = found.build().state_dict()
    for key, value in _state().items():
        assert again[key].dtype == value.dtype
        torch.testing.assert_close(again[key], value, atol=1e-3, rtol=1e-3)


def test_the_digest_changes_with_the_weights(saved: Path, tmp_path: Path) -> None:
    other = _state()
    other["encoder.fc.bias"] += 1
    save(tmp_path / "other.safetensors", other, ABOUT)
    assert load(saved).digest != load(tmp_path / "other.safetensors").digest


@pytest.mark.parametrize("cut", [0, 5, 400, -100])
def test_a_file_cut_short_is_refused(saved: Path, cut: int) -> None:
    saved.write_bytes(saved.read_bytes()[:cut])
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        load(saved)


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    about = {"diffusionrig": metadata_of(ABOUT)["diffusionrig"].replace('"version": 1', '"version": 7')}
    save_file(dict(_state()), tmp_path / "a.safetensors", about)
    with pytest.raises(CheckpointError, match="newer version of this program .format 7, known is 1"):
        load(tmp_path / "a.safetensors")


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    state = _state()
    del state["denoisingUNet.out.2.bias"]
    save(tmp_path / "a.safetensors", state, ABOUT)
    with pytest.raises(CheckpointError, match="32 pixel network: 1 tensor of 289 missing, such as 'denoisingUNet.out.2.bias'"):
        load(tmp_path / "a.safetensors")


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = _state()
    state["encoder.fc.bias"][0] = 1e9  # infinite as float16
    with pytest.raises(CheckpointError, match="encoder.fc.bias"):
        save(tmp_path / "a.safetensors", state, ABOUT)


def test_a_foreign_state_dict_without_a_part_is_refused() -> None:
    with torch.device("meta"):
        state = RigModel(DenoiserConfig.reference(128)).state_dict()
    assert config_of(state).size == 128
    del state["encoder.fc.bias"]
    with pytest.raises(CheckpointError, match="nearest is the one for 128 pixels: 1 tensor .* 'encoder.fc.bias'"):
        config_of(state)


def test_a_bare_state_dict_is_known_by_its_keys(tmp_path: Path) -> None:
    state = RigModel(DenoiserConfig.reference(64, 32)).state_dict()
    save_file(dict(state), tmp_path / "bare.safetensors")
    found = load(tmp_path / "bare.safetensors", digest="known")
    assert found.description.config == DenoiserConfig.reference(64, 32) and found.description.head == "flame"
    assert found.digest == "known"


def test_values_that_are_not_finite_are_refused_at_reading(tmp_path: Path) -> None:
    state = dict(_state())
    state["encoder.fc.bias"][:3] = float("nan")
    save_file(state, tmp_path / "a.safetensors", metadata_of(ABOUT))
    with pytest.raises(CheckpointError, match="'encoder.fc.bias' holds values that are not finite: 3 of 64"):
        load(tmp_path / "a.safetensors")


def test_large_values_are_no_damage() -> None:
    """Their float16 sum is infinite, they are not."""
    check_finite({"a": torch.full((9,), 60000.0, dtype=torch.float16)})
