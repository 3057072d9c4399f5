from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.errors import AssetError
from core.prior import load_prior
from models.checkpoint import CheckpointError, Description, config_of, load, save
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


def test_prior_says_what_the_file_says(saved: Path) -> None:
    prior = load_prior(saved, head="open")
    assert (prior.name, prior.head, prior.size, prior.licence) == ("small", "open", 32, "CC0")
    assert len(prior.digest) == 64


def test_the_digest_changes_with_the_weights(saved: Path, tmp_path: Path) -> None:
    other = _state()
    other["encoder.fc.bias"] += 1
    save(tmp_path / "other.safetensors", other, ABOUT)
    assert load(saved).digest != load(tmp_path / "other.safetensors").digest


def test_the_wrong_head_is_named(saved: Path) -> None:
    with pytest.raises(AssetError, match="'open' head .*'flame'"):
        load_prior(saved, head="flame")


@pytest.mark.parametrize("cut", [0, 5, 400, -100])
def test_a_file_cut_short_is_refused(saved: Path, cut: int) -> None:
    saved.write_bytes(saved.read_bytes()[:cut])
    with pytest.raises(AssetError, match=f"{saved.name}.*damaged"):
        load_prior(saved)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    state = _state()
    del state["denoisingUNet.out.2.bias"]
    save(tmp_path / "a.safetensors", state, ABOUT)
    with pytest.raises(CheckpointError, match="1 tensors are missing, such as 'denoisingUNet.out.2.bias'"):
        load(tmp_path / "a.safetensors")


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = _state()
    state["encoder.fc.bias"][0] = 1e9  # infinite as float16
    with pytest.raises(CheckpointError, match="encoder.fc.bias"):
        save(tmp_path / "a.safetensors", state, ABOUT)


def test_a_foreign_state_dict_is_known_by_its_keys(tmp_path: Path) -> None:
    state = RigModel(DenoiserConfig.reference(64, 32)).state_dict()
    torch.save(state, tmp_path / "model000100.pt")
    prior = load_prior(tmp_path / "model000100.pt")
    assert prior.config == DenoiserConfig.reference(64, 32) and prior.head == "flame"
    torch.testing.assert_close(prior.build().state_dict(), state)


def test_a_foreign_state_dict_without_a_part_is_refused() -> None:
    with torch.device("meta"):
        state = RigModel(DenoiserConfig.reference(128)).state_dict()
    assert config_of(state).size == 128
    del state["encoder.fc.bias"]
    with pytest.raises(CheckpointError, match="nearest is size 128.*encoder.fc.bias"):
        config_of(state)


def test_no_code_is_run_from_a_foreign_file(tmp_path: Path) -> None:
    torch.save({"a": Path("x")}, tmp_path / "evil.pt")
    with pytest.raises(AssetError, match="evil.pt"):
        load_prior(tmp_path / "evil.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="nowhere.safetensors"):
        load_prior(tmp_path / "nowhere.safetensors")
