from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import main
from core import distill
from core.distiller import DistillConfig, Distiller
from core.errors import UserError
from core.head import load_head
from core.prepare import Prepared, encode_jpeg, write_shard
from core.prior import load_prior
from core.render.buffers import render_buffers
from core.train_config import Augment
from core.train_data import Maker, Shards, batches
from models.checkpoint import Description, to_bytes
from models.config import DenoiserConfig
from models.rig_model import RigModel

NETWORK = DenoiserConfig.compact(size=32, base=16, mult=(1, 2), groups=8, patch=2, attention=(8,), encoder_width=8)
CONFIG = DistillConfig(batch=2, workers=1, rate=1e-3, ema=0.5, critic_from=1, critic_ramp=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard whose photos are their own rendered buffers."""
    folder, head, made = tmp_path_factory.mktemp("shards"), load_head("open"), []
    for i in range(4):
        code = head.zero_code().replace(pose=np.array([0, 0.1 * i, 0], np.float32))
        photo = np.clip(render_buffers(head, code, 64).rendered * 255, 0, 255).astype(np.uint8)
        made.append(Prepared(f"made_{i}", encode_jpeg(photo), code, {"landmark_error": 0.0}))
    write_shard(folder / "photos-0.npz", made, [], "open", 64)
    return folder


@pytest.fixture
def prior(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "prior.safetensors"
    path.write_bytes(to_bytes(RigModel(NETWORK).state_dict(), Description(NETWORK, "tiny", "open", "CC0", {"samples_seen": 1})))
    return path


def _distiller(prior: Path, config: DistillConfig = CONFIG) -> Distiller:
    return Distiller(load_prior(prior).build(), config, torch.device("cpu"))


def _source(data: Path, distiller: Distiller):  # noqa: ANN202
    shards = Shards([data], "open")
    maker = Maker(shards, load_head("open"), 32, Augment())
    return batches(maker, shards.odds({}), CONFIG.batch, 0, distiller.step)


def test_a_student_comes_nearer_to_the_photos(prior: Path, data: Path) -> None:
    distiller = _distiller(prior, DistillConfig(batch=2, workers=1, rate=3e-3, adversarial=0.0))
    source = _source(data, distiller)
    errors = [distiller.train_step(source)["error"] for _ in range(24)]
    assert np.mean(errors[-4:]) < 0.8 * np.mean(errors[:4])


@pytest.mark.parametrize("changed", [{"alternate": True}, {"background": 0.2, "colour": 4.0}, {"rank": 2},
                                     {"alternate": True, "precision": "float32", "workers": 2}])
def test_other_ways_of_training_come_nearer_too(prior: Path, data: Path, changed: dict[str, Any]) -> None:
    config = DistillConfig(**{"batch": 2, "workers": 1, "rate": 3e-3, "adversarial": 0.0, **changed})
    distiller = _distiller(prior, config)
    source = _source(data, distiller)
    errors = [distiller.train_step(source)["error"] for _ in range(32)]
    assert np.mean(errors[-8:]) < 0.9 * np.mean(errors[:8])


def test_the_prior_itself_is_left_as_it_was(prior: Path, data: Path) -> None:
    distiller = _distiller(prior)
    before = {key: value.clone() for key, value in distiller.prior.state_dict().items()}
    distiller.train_step(_source(data, distiller))
    assert all(torch.equal(value, distiller.prior.state_dict()[key]) for key, value in before.items())
    assert all(torch.equal(value, before[key]) for key, value in distiller.student.encoder.state_dict(prefix="encoder.").items())


def test_the_critic_learns_to_tell_and_then_pushes(prior: Path, data: Path) -> None:
    distiller = _distiller(prior, DistillConfig(batch=2, workers=1, rate=1e-9, critic_rate=3e-3))
    source = _source(data, distiller)
    hinges = [distiller.train_step(source)["hinge"] for _ in range(16)]
    assert np.mean(hinges[-4:]) < np.mean(hinges[:4])


def test_a_run_that_was_stopped_goes_on_exactly(prior: Path, data: Path, tmp_path: Path) -> None:
    straight = _distiller(prior)
    source = _source(data, straight)
    for _ in range(3):
        straight.train_step(source)
    first = _distiller(prior)
    first.train_step(_source(data, first))
    first.save(tmp_path / "state.pt")
    again = _distiller(prior)
    again.resume(tmp_path / "state.pt")
    source = _source(data, again)
    for _ in range(2):
        again.train_step(source)
    assert again.step == 3
    for key, value in straight.mean.items():
        torch.testing.assert_close(again.mean[key], value, atol=1e-6, rtol=1e-5)


def test_the_command_writes_a_prior_with_a_student(prior: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "both.safetensors"
    words = ["distill", "--prior", str(prior), "--data", str(data), "--out", str(tmp_path / "run"), "--minutes", "0.001",
             "--set", "workers=1", "--device", "cpu"]
    assert main.main([*words, "--export", str(out)]) == 0
    before, after = load_prior(prior), load_prior(out)
    assert before.student is None and before.build_student() is None
    assert after.student is not None and after.student["timesteps"] == [999, 400]
    assert after.build_student() is not None
    assert after.card["samples_seen"] == 1
    assert all(torch.equal(value, after.checkpoint.state[key]) for key, value in before.checkpoint.state.items())
    assert main.main(words) != 0  # the folder holds a run
    assert main.main([*words, "--resume"]) == 0


def test_a_model_that_predicts_noise_is_refused() -> None:
    model = RigModel(DenoiserConfig.compact(size=32, base=16, mult=(1, 2), groups=8, patch=2, attention=(8,), encoder_width=8,
                                            prediction="epsilon"))
    with pytest.raises(UserError, match="velocity"):
        Distiller(model, CONFIG, torch.device("cpu"))


@pytest.mark.parametrize("changes", [{"background": "2"}, {"rank": "-1"}, {"timesteps": "[400, 999]"},
                                     {"timesteps": "[]"}, {"batch": "0"}, {"nothing": "1"},
                                     {"rate": "fast"}])
def test_impossible_settings_are_named(changes: dict[str, str]) -> None:
    with pytest.raises(UserError, match="settings of the student"):
        distill.load_config(distill.CONFIG, changes)


def test_the_settings_that_ship_can_be_read() -> None:
    config, augment, hold_back = distill.load_config(distill.CONFIG, {})
    assert json.loads(distill.CONFIG.read_text())["timesteps"] == list(config.timesteps)
    assert augment.independent_code and 0 < hold_back < 1
