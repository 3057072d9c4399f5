from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.changes import NETWORK, STUDENT, apply, problem, store_bytes, store_full, store_low_rank
from models.checkpoint import CheckpointError, Description, load, metadata_of, to_bytes
from models.config import DenoiserConfig
from models.rig_model import RigModel

TINY = DenoiserConfig.compact(size=32, base=16, mult=(1, 2), groups=8, patch=2, attention=(8,), encoder_width=8)
ABOUT = Description(TINY, "small", "open", "CC0", {"student": {"timesteps": [999]}})
OUT = "denoisingUNet.out.2.weight"


def _weights() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A prior's weights, and a student's that differ from them a little in the denoiser."""
    torch.manual_seed(0)
    base = RigModel(TINY).state_dict()
    student = {key: value + 0.02 * torch.randn_like(value) for key, value in base.items() if key.startswith("denoisingUNet.")}
    return base, student


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    base, student = _weights()
    path = tmp_path / "both.safetensors"
    path.write_bytes(to_bytes(base, ABOUT, student=store_bytes(base, student, STUDENT)))
    return path


def test_bytes_come_back_to_within_a_step() -> None:
    base, student = _weights()
    again = apply(base, store_bytes(base, student, STUDENT), STUDENT)
    for key, value in student.items():
        change = (value - base[key]).abs()
        largest = change.flatten(1).amax(1).view(-1, *[1] * (value.dim() - 1)) if value.dim() > 1 else change
        assert ((again[key] - value).abs() <= largest / 254 + 1e-6).all(), key
    assert torch.equal(again["encoder.fc.weight"], base["encoder.fc.weight"])


def test_full_changes_come_back_and_what_did_not_change_is_left_out() -> None:
    base, student = _weights()
    changed = {**student, OUT: base[OUT], "encoder.bn1.num_batches_tracked": torch.tensor(9)}
    packed = store_full(base, changed, NETWORK)
    assert NETWORK + OUT not in packed and not any("num_batches" in name for name in packed)
    assert all(value.dtype == torch.float16 for value in packed.values())
    again = apply(base, packed, NETWORK)
    assert set(again) == set(base) and problem(base, packed, NETWORK) is None
    for key, value in changed.items():
        if value.is_floating_point():
            torch.testing.assert_close(again[key], value, atol=4e-5, rtol=1e-3)


def test_a_product_of_factors_is_a_change() -> None:
    base, _ = _weights()
    kernel, matrix = "denoisingUNet.input_blocks.0.0.weight", "denoisingUNet.time_embed.0.weight"
    factors = {key: (torch.randn(base[key].shape[0], 2), torch.randn(2, base[key][0].numel())) for key in (kernel, matrix)}
    packed = store_low_rank(factors, NETWORK)
    assert problem(base, packed, NETWORK) is None and problem(base, packed, STUDENT) is None
    again = apply(base, packed, NETWORK)
    for key, (up, down) in factors.items():
        torch.testing.assert_close(again[key] - base[key], (up @ down).view_as(base[key]), atol=1e-2, rtol=1e-2)
    assert torch.equal(again[OUT], base[OUT])


def test_a_student_is_a_difference_that_can_be_laid_on_other_weights() -> None:
    base, student = _weights()
    personal = {key: value + 0.1 if value.is_floating_point() else value for key, value in base.items()}
    packed = store_bytes(base, student, STUDENT)
    plain, moved = apply(base, packed, STUDENT), apply(personal, packed, STUDENT)
    torch.testing.assert_close(moved[OUT] - plain[OUT], torch.full_like(plain[OUT], 0.1))


@pytest.mark.parametrize(("change", "words"), [
    (lambda p: p.update({NETWORK + OUT: torch.zeros(1, 1)}), "has shape"),
    (lambda p: p.update({NETWORK + OUT: torch.zeros(3, dtype=torch.int64)}), "stored as int64"),
    (lambda p: p.update({NETWORK + "encoder.bn1.num_batches_tracked": torch.zeros(())}), "which no change of it can be"),
    (lambda p: p.update({NETWORK + OUT + ".scale": torch.zeros(3)}), "belongs to no bytes"),
    (lambda p: p.pop(NETWORK + "denoisingUNet.time_embed.0.weight.down"), "has no 'down'"),
    (lambda p: p.update({NETWORK + "denoisingUNet.time_embed.0.weight": torch.zeros(64, 16)}), "stored twice"),
    (lambda p: p.update({NETWORK + "denoisingUNet.time_embed.0.weight.down": torch.zeros(3, 16)}), "does not fit its other"),
    (lambda p: p.update({NETWORK + "denoisingUNet.time_embed.0.bias.up": torch.zeros(64, 1),
                         NETWORK + "denoisingUNet.time_embed.0.bias.down": torch.zeros(1, 1)}), "no factor"),
    (lambda p: p.update({NETWORK + "x" * 500: torch.zeros(1)}), "x…' is unknown"),
])
def test_what_is_no_change_of_these_weights_is_named(change: Callable[[dict[str, Tensor]], object], words: str) -> None:
    base, student = _weights()
    key = "denoisingUNet.time_embed.0.weight"
    packed = {**store_full(base, {OUT: student[OUT]}, NETWORK),
              **store_low_rank({key: (torch.zeros(base[key].shape[0], 2), torch.zeros(2, base[key].shape[1]))}, NETWORK)}
    assert problem(base, packed, NETWORK) is None
    change(packed)
    assert words in (problem(base, packed, NETWORK) or "")


def test_a_file_holds_prior_and_student(saved: Path) -> None:
    base, student = _weights()
    found = load(saved)
    assert not any(key.startswith(STUDENT) for key in found.state)
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
def test_a_damaged_student_is_refused(saved: Path, change: Callable[[dict[str, Tensor]], object], words: str) -> None:
    tensors = load_file(saved)
    change(tensors)
    save_file(tensors, saved, metadata_of(ABOUT))
    with pytest.raises(CheckpointError, match=words):
        load(saved)
