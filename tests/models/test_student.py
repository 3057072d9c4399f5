from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.checkpoint import CheckpointError, Description, load, metadata_of, to_bytes
from models.config import DenoiserConfig
from models.rig_model import RigModel
from models.student import pack, unpack

TINY = DenoiserConfig.compact(size=32, base=16, mult=(1, 2), groups=8, patch=2, attention=(8,), encoder_width=8)
ABOUT = Description(TINY, "small", "open", "CC0", {"student": {"timesteps": [999]}})


def _weights() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """A prior's weights, and a student's that differ from them a little in the denoiser."""
    torch.manual_seed(0)
    base = RigModel(TINY).state_dict()
    student = {key: value + 0.02 * torch.randn_like(value) for key, value in base.items() if key.startswith("denoisingUNet.")}
    return base, student


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    base, student = _weights()
    path = tmp_path / "both.safetensors"
    path.write_bytes(to_bytes(base, ABOUT, student=pack(base, student)))
    return path


def test_a_student_comes_back_to_within_a_step_of_its_bytes() -> None:
    base, student = _weights()
    again = unpack(base, pack(base, student))
    for key, value in student.items():
        change = (value - base[key]).abs()
        largest = change.flatten(1).amax(1).view(-1, *[1] * (value.dim() - 1)) if value.dim() > 1 else change
        assert ((again[key] - value).abs() <= largest / 254 + 1e-6).all(), key
    assert torch.equal(again["encoder.fc.weight"], base["encoder.fc.weight"])


def test_a_student_is_a_difference_that_can_be_laid_on_other_weights() -> None:
    base, student = _weights()
    personal = {key: value + 0.1 if value.is_floating_point() else value for key, value in base.items()}
    plain, moved = unpack(base, pack(base, student)), unpack(personal, pack(base, student))
    key = "denoisingUNet.out.2.weight"
    torch.testing.assert_close(moved[key] - plain[key], torch.full_like(plain[key], 0.1))


def test_a_file_holds_prior_and_student(saved: Path) -> None:
    base, student = _weights()
    found = load(saved)
    assert not any(key.startswith("student.") for key in found.state)
    made = found.build_student()
    assert made is not None
    for key, value in made.state_dict().items():
        wanted = student.get(key, base[key])
        torch.testing.assert_close(value, wanted, atol=2e-3, rtol=2e-3)


def test_a_file_without_a_student_gives_none(tmp_path: Path) -> None:
    path = tmp_path / "plain.safetensors"
    path.write_bytes(to_bytes(_weights()[0], ABOUT))
    assert load(path).build_student() is None


@pytest.mark.parametrize(("change", "words"), [
    (lambda t: t.update({"student.denoisingUNet.nothing": torch.zeros(3)}), "unknown"),
    (lambda t: t.pop("student.denoisingUNet.out.2.weight.scale"), "has no scale"),
    (lambda t: t.update({"student.denoisingUNet.out.2.weight": torch.zeros(1, 1, dtype=torch.int8)}), "has shape"),
    (lambda t: t.update({"student.denoisingUNet.out.2.weight.scale": torch.zeros(2)}), "has shape"),
    (lambda t: t["student.denoisingUNet.out.2.weight.scale"].fill_(float("inf")), "not finite"),
])
def test_a_damaged_student_is_refused(saved: Path, change, words: str) -> None:  # noqa: ANN001
    tensors = load_file(saved)
    change(tensors)
    save_file(tensors, saved, metadata_of(ABOUT))
    with pytest.raises(CheckpointError, match=words):
        load(saved)
