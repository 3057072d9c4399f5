from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.album import Album
from core.errors import UserError
from core.people.person import build_network, build_student
from core.personalize import fit as fitting
from core.personalize.colour import Anchor
from core.personalize.fit import Fit
from core.personalize.measure import Quality, drift_words, score
from core.personalize.pace import Pace
from core.personalize.presets import Phase, estimate, find_preset, load_presets, preset_of
from core.personalize.work import Work, merged, work_of
from core.prior import Prior, load_prior
from models import adapters, changes
from models.config import DenoiserConfig
from models.rig_model import RigModel
from tests.core.personalize.kit import DENOISER, STUDENT
from tests.tiny import save_tiny_prior

CPU = torch.device("cpu")
HOW = Fit(1, 2, 2, False, "float32", 0, 0)
Plain = dict[str, Any]


def _work(prior: Prior, album: Path, plain: Plain, before: dict[str, Tensor] | None = None) -> Work:
    pictures = Album.load(album).pictures()
    return work_of(prior, Phase(**plain), HOW, pictures, pictures, before or {}, CPU)


def _stepped(work: Work, steps: int) -> Work:
    for _ in range(steps):
        work.train_step()
    work.close()
    return work


@pytest.mark.parametrize("phase", [STUDENT, {**DENOISER, "rank": 2}])
def test_a_phase_that_was_left_takes_the_same_steps(prior: Prior, lone: Path, tmp_path: Path, phase: Plain) -> None:
    """To the bit what an undisturbed one gives."""
    whole = _stepped(_work(prior, lone, phase), 3).changes()
    _stepped(_work(prior, lone, phase), 2).save(tmp_path / "state.pt")
    again = _work(prior, lone, phase)
    again.resume(tmp_path / "state.pt")
    assert again.step == 2
    parts = _stepped(again, 1).changes()
    assert whole.keys() == parts.keys() and all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.parametrize("rank", [0, 2])
def test_what_a_file_holds_is_what_was_trained(prior: Prior, lone: Path, rank: int) -> None:
    from core.personalize.work import Denoising

    work = _stepped(_work(prior, lone, {**DENOISER, "rank": rank}), 2)
    assert isinstance(work, Denoising)
    packed = work.changes()
    assert any(name.endswith(changes.UP) for name in packed) == (rank > 0)
    trained, stored = work.trainer.weights(), build_network(prior, packed).state_dict()
    assert all(torch.allclose(trained[key], stored[key], atol=2e-3) for key in stored)
    assert any(not torch.equal(stored[key], value) for key, value in prior.build().state_dict().items())


def test_the_student_starts_from_the_prior_s_own(prior: Prior, lone: Path) -> None:
    work = _work(prior, lone, {**STUDENT, "rate": 1e-9})
    now, own = build_student(prior, _stepped(work, 1).changes()), prior.build_student()
    assert now is not None and own is not None
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(now.state_dict().values(), own.state_dict().values(), strict=True))


def test_a_later_phase_goes_on_from_the_earlier_one(prior: Prior, lone: Path) -> None:
    first = _stepped(_work(prior, lone, {**DENOISER, "rank": 2}), 2).changes()
    second = _work(prior, lone, {**DENOISER, "rank": 2, "rate": 1e-9}, first)
    after = merged(first, _stepped(second, 1).changes())
    a, b = build_network(prior, first).state_dict(), build_network(prior, after).state_dict()
    assert all(torch.allclose(a[key], b[key], atol=1e-3) for key in a)


def test_a_prior_without_a_student_has_none_to_train(lone: Path, tmp_path: Path) -> None:
    plain = load_prior(save_tiny_prior(tmp_path / "plain.safetensors"))
    with pytest.raises(UserError, match="no few-step student"):
        _work(plain, lone, STUDENT)
    noise = load_prior(save_tiny_prior(tmp_path / "noise.safetensors", prediction="epsilon"))
    assert _stepped(_work(noise, lone, DENOISER), 1).step == 1


def test_unknown_settings_of_a_phase_are_named(prior: Prior, lone: Path) -> None:
    with pytest.raises(UserError, match="nonsense"):
        _work(prior, lone, {**DENOISER, "more": {"nonsense": 1}})


def test_adapters_are_full_weights_when_merged() -> None:
    config = DenoiserConfig.compact(size=32, base=16, mult=(1, 2), groups=8, patch=2, attention=(8,), encoder_width=8)
    torch.manual_seed(0)
    model = RigModel(config).eval()
    plain = {key: value.clone() for key, value in model.state_dict().items()}
    trained = adapters.adapt(model.denoisingUNet, 3)
    state = model.state_dict()
    merged_state = adapters.merged(state)
    assert merged_state.keys() == plain.keys()
    assert all(torch.equal(merged_state[key], plain[key]) for key in plain)  # nothing is changed at first
    with torch.no_grad():
        for parameter in trained:
            parameter += 0.02 * torch.randn(parameter.shape)
    other = RigModel(config).eval()
    other.load_state_dict(adapters.merged(model.state_dict()))
    inputs = (torch.randn(1, 3, 32, 32), torch.tensor([400]), torch.randn(1, 9, 32, 32), torch.randn(1, 64))
    with torch.no_grad():
        torch.testing.assert_close(model(*inputs), other(*inputs), atol=1e-4, rtol=1e-4)
    assert sum(p.numel() for p in trained) < 0.5 * sum(p.numel() for p in model.denoisingUNet.parameters())


def test_the_presets_that_ship_can_be_used() -> None:
    presets = load_presets()
    assert next(iter(presets)) == "quick" and set(presets) == {"quick", "adapters", "paper"}
    assert [replace(phase, best=True) for phase in presets["paper"].phases] == [Phase("denoiser", 5000, rate=1e-5, batch=4)]
    assert 0 < presets["quick"].minutes < 15
    assert all(phase.rank for phase in presets["adapters"].phases)
    for preset in presets.values():
        assert preset_of(preset.name, preset.to_json()) == preset and estimate(preset)[1]
    assert sum(phase.steps for phase in find_preset("quick").limited(steps=11).phases) == 11


@pytest.mark.parametrize("plain", [{"phases": []}, {"phases": [{"kind": "denoiser"}]}, {"phases": [{"kind": "cat", "steps": 1}]},
                                   {"phases": [{"kind": "student", "steps": 1, "colour": 1}]}, {}])
def test_impossible_presets_are_refused(plain: Plain) -> None:
    with pytest.raises(UserError, match="can't be used"):
        preset_of("mine", plain)


def test_memory_decides_how_a_step_is_taken(prior: Prior) -> None:
    phase = Phase("denoiser", steps=1, batch=4)
    roomy = fitting.fit(prior, phase, CPU, "float32", 1 << 40)
    assert (roomy.batch, roomy.passes, roomy.workers, roomy.checkpointing) == (2, 2, 2, False)
    each = roomy.needed
    narrow = fitting.fit(prior, phase, CPU, "float32", int(each))
    assert narrow.batch * narrow.passes == 4 and narrow.needed <= 0.8 * each and narrow.needed < roomy.needed
    tight = fitting.fit(prior, phase, CPU, "float32", 1)
    assert (tight.batch, tight.workers, tight.checkpointing) == (1, 1, True) and "may not be enough" in tight.said


class Answering:
    """Photos whose colours follow a model's last bias, more strongly than its last step alone would say."""

    def __init__(self, own: Tensor, answer: float) -> None:
        self.own, self.answer = own, answer

    def model(self, packed: dict[str, Tensor]) -> dict[str, Tensor]:
        return packed

    def made(self, model: dict[str, Tensor], seeds: range) -> dict[str, Tensor]:
        return model

    def cast(self, made: dict[str, Tensor]) -> Any:
        bias = made.get("student.denoisingUNet.out.2.bias")
        return (self.own if bias is None else self.own - self.answer * bias.view(3, -1).mean(1)).double().numpy()


@pytest.mark.parametrize("answer", [0.6, 1.0, 2.5])
def test_a_colour_cast_is_taken_out(prior: Prior, answer: float) -> None:
    photos = Answering(torch.tensor([-0.2, 0.1, 0.05]), answer)
    anchor = Anchor(prior, photos)  # type: ignore[arg-type]
    changed = {"student.denoisingUNet.out.2.bias": torch.zeros(192)}
    assert anchor.laid(changed) == changed
    anchor.follow(changed, 3)
    assert abs(photos.cast(anchor.laid(changed))).max() < 0.002
    assert set(anchor.laid({})) == {"network.denoisingUNet.out.2.bias"}  # without changes to the student it follows the network


def test_a_better_model_scores_lower_and_a_colour_cast_spoils_it() -> None:
    before = Quality(0.7, 0.6, 0.65, 0.5, 0, 4)
    better = Quality(0.66, 0.55, 0.58, 0.6, 0, 4, drift_error=0.2)
    assert score(better, before, 1.0) < 1 == score(before, before, 1.0)
    assert score(replace(better, drift=3.0), before, 1.0) > score(better, before, 1.0) + 1
    assert score(replace(better, drift=3.0, drift_error=2.5), before, 1.0) == score(better, before, 1.0)
    assert score(replace(better, lost=2), before, 1.0) > score(better, before, 1.0)
    assert drift_words(better, before, 1.0, 4) == []
    assert "chance" in drift_words(replace(better, drift=3.0, drift_error=2.5), before, 1.0, 4)[0]


def test_a_run_knows_how_long_it_still_takes() -> None:
    preset = preset_of("mine", {"minutes": 10, "phases": [{"kind": "student", "share": 0.8}, {"kind": "denoiser", "share": 0.2}]})
    half = Pace(preset, 240.0, 0, 100, 0.0, 0)
    assert half.ends(0) == 480 and half.ends(1) == 600 and half.share == 0.5
    assert half.left == 360 and half.steps == 250 and not half.over(10)
    assert Pace(preset, 481.0, 0, 100, 0.0, 0).over(0) and Pace(preset, 595.0, 1, 5, 480.0, 100).over(10)
    assert Pace(preset, 300.0, 1, 5, 180.0, 100).over(0)  # the first phase ended early
    assert not Pace(preset, 9999.0, 0, 0, 0.0, 0).over(10)  # every phase takes a step
    counted = preset_of("mine", {"phases": [{"kind": "denoiser", "steps": 10}]})
    assert Pace(counted, 20.0, 0, 4, 0.0, 0).left == 30 and Pace(counted, 20.0, 0, 10, 0.0, 0).over(0)
