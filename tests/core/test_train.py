from __future__ import annotations

import argparse
import copy
import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core import train
from core.errors import UserError
from core.head import load_head
from core.light import shade
from core.prepare_shards import Prepared, encode_jpeg, write_shard
from core.prior import load_prior
from core.render.buffers import render_buffers
from core.train_config import ABLATIONS, Augment, TrainConfig
from core.train_data import Example, Maker, Shards, ahead, batches, is_held_back, person_key
from core.train_sheet import write_sheet
from core.train_step import Batch, loss_of
from core.trainer import Trainer, read_state
from models.config import DenoiserConfig
from models.schedule import alphas_bar
from tests.core.training import AUGMENT, CONFIG, lit_code, write_shards
from tests.models.parity import arrays, recipe_model


@pytest.fixture(scope="module")
def head():  # noqa: ANN201
    return load_head("open")


@pytest.fixture(scope="module")
def data(head, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ANN001
    return write_shards(tmp_path_factory.mktemp("shards"), head)


# -- against the reference --------------------------------------------------------------------------------------------------


def _reference_loss(shared: Path, **options: Any) -> torch.Tensor:
    want = arrays(shared, "train64")
    model = recipe_model(shared, DenoiserConfig.reference(64, 32, dropout=0.0))
    with torch.inference_mode():
        return loss_of(model, alphas_bar().float(), want["x_start"], want["physic_cond"], model.encode(want["x_start"]),
                             want["t"], want["noise"], **options)


def test_losses_match_the_reference(shared: Path) -> None:
    want = arrays(shared, "train64")
    cases: dict[str, dict[str, Any]] = {"False": {}, "True": {"weighting": "p2"}, "g0.5_k1.0": {"weighting": "p2", "gamma": 0.5},
             "g1.0_k2.0": {"weighting": "p2", "k": 2.0}}
    for name, options in cases.items():
        torch.testing.assert_close(_reference_loss(shared, **options), want[f"loss_eval_p2_{name}"], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("stage", "rate", "encoder"), [("stage1", 1e-4, "trained"), ("stage2", 1e-5, "drifting")])
def test_two_optimiser_steps_match_the_reference(shared: Path, head, monkeypatch: pytest.MonkeyPatch,  # noqa: ANN001
                                                 stage: str, rate: float, encoder: str) -> None:
    want = arrays(shared, "train64")
    config = TrainConfig(DenoiserConfig.reference(64, 32, dropout=0.0), batch=2, rate=rate, weighting="p2", encoder=encoder,
                         precision="float32", hold_back=0.0)
    trainer = Trainer(config, torch.device("cpu"))
    trainer.model.load_state_dict(recipe_model(shared, config.network).state_dict())
    monkeypatch.setattr(trainer, "_draw", lambda *_: (want["t"], want["noise"], torch.ones(2, 1)))
    clipped: dict[str, torch.Tensor] = {}
    examples = [Example(photo, photo, condition, np.zeros((1, 64, 64), np.float32), head.zero_code())
                for photo, condition in zip(want["x_start"].numpy(), want["physic_cond"].numpy(), strict=True)]
    for step in range(2):
        said = trainer.train_step(iter([examples]))
        assert said["loss_clean"] == pytest.approx(float(want[f"{stage}_losses"][step, 0]), rel=1e-3)
        assert said["loss_noisy"] == pytest.approx(float(want[f"{stage}_losses"][step, 1]), rel=1e-3)
        assert said["gradient"] == pytest.approx(float(want[f"{stage}_gradnorm_preclip"][step]), rel=1e-3)
        clipped = clipped or {name: p.grad.clone() for name, p in trainer.model.named_parameters() if p.grad is not None}
    after = [key for key in want if key.startswith(f"{stage}_after2/")]
    assert any("running_mean" in key for key in after)
    for key in after:
        torch.testing.assert_close(trainer.model.state_dict()[key.split("/")[1]], want[key], rtol=1e-3, atol=0.3 * rate, msg=key)
    for key in (key for key in want if key.startswith(f"{stage}_cliped_grad_step0/")):
        torch.testing.assert_close(clipped[key.split("/")[1]], want[key], rtol=1e-3, atol=1e-6, msg=key)


# -- data -------------------------------------------------------------------------------------------------------------------


def test_shards_give_pictures_and_codes_back(data: Path, head) -> None:  # noqa: ANN001
    shards = Shards([data], "open")
    assert len(shards) == 6 and shards.sources() == {"made": 6}
    by_name = {name: shards.code(i) for i, name in enumerate(shards.names)}
    assert by_name["made_5"] == lit_code(head, 0.4, 0.1 * 3)
    assert shards.photo(0).shape == (64, 64, 3)
    assert len(Shards([data], "open", largest_error=2.0)) == 3
    assert shards.odds({"photos": 3, "art": 1})[[n.endswith(("4", "5")) for n in shards.names]].sum() == pytest.approx(0.25)


def test_shards_of_another_head_or_none_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'flame'"):
        Shards([data], "flame")
    with pytest.raises(UserError, match="prepare"):
        Shards([tmp_path], "open")
    (tmp_path / "broken.npz").write_bytes(b"PK broken")
    with pytest.raises(UserError, match="broken.npz"):
        Shards([tmp_path], "open")


def test_variations_keep_photo_and_buffers_in_agreement(data: Path, head) -> None:  # noqa: ANN001
    """The photos are rendered buffers, so whatever is done to both must leave them alike."""
    maker = Maker(Shards([data], "open"), head, 64, Augment(flip=0.5, zoom=0.2, gain=0.0, relight=0.0))
    for seed in range(6):
        example = maker.varied(seed, np.random.default_rng(seed))
        inside = example.coverage[0] > 0
        wanted = np.clip(example.condition[:3], 0, 1)
        assert np.abs((example.photo + 1) / 2 - wanted)[:, inside].mean() < 0.03


def test_a_mirrored_example_is_what_the_mirrored_head_looks_like(data: Path, head) -> None:  # noqa: ANN001
    maker = Maker(Shards([data], "open"), head, 64, Augment(flip=1.0))
    plain, mirrored = maker.plain(0), maker.varied(0, np.random.default_rng(0))
    np.testing.assert_allclose(mirrored.photo, plain.photo[..., ::-1])
    np.testing.assert_allclose(mirrored.condition[:3], plain.condition[:3, :, ::-1])
    np.testing.assert_allclose(mirrored.condition[3], -plain.condition[3, :, ::-1])
    np.testing.assert_allclose(mirrored.condition[4:6], plain.condition[4:6, :, ::-1])
    light = maker.shards.code(0).light * np.array([1, -1, 1, 1, -1, -1, 1, 1, 1], np.float32)[:, None]
    shaded = shade(mirrored.condition[3:6].transpose(1, 2, 0), light).transpose(2, 0, 1) * mirrored.condition[6:]
    inside = mirrored.coverage[0] > 0
    np.testing.assert_allclose(mirrored.condition[:3, inside], shaded[:, inside], atol=2e-3)


def test_relighting_changes_photo_and_buffer_together(data: Path, head) -> None:  # noqa: ANN001
    maker = Maker(Shards([data], "open"), head, 64, Augment(relight=1.0))
    plain, other = maker.plain(2), maker.varied(2, np.random.default_rng(4))
    inside = (plain.condition[5] > 0.5) & (plain.coverage[0] > 0)
    photo = ((other.photo - plain.photo) / 2).mean(0)[inside]
    buffer = (other.condition[:3] - plain.condition[:3]).mean(0)[inside]
    assert np.abs(buffer).mean() > 0.01
    assert np.corrcoef(photo, buffer)[0, 1] > 0.8


def test_batches_depend_on_their_number_alone(data: Path, head) -> None:  # noqa: ANN001
    shards = Shards([data], "open")
    odds = shards.odds({})

    def second(first: int) -> np.ndarray:
        source = batches(Maker(shards, head, 32, AUGMENT), odds, 2, 0, first)
        found = [next(source) for _ in range(3 - first)][-1]
        return np.stack([example.photo for example in found])

    np.testing.assert_array_equal(second(0), second(2))


def test_errors_of_the_batch_thread_arrive() -> None:
    def broken():  # noqa: ANN202
        yield []
        raise UserError("damaged")

    source = ahead(broken())
    assert next(source) == []
    with pytest.raises(UserError, match="damaged"):
        next(source)


def test_pictures_of_one_person_are_held_back_together() -> None:
    assert person_key("londonneutral_039-03") == person_key("londonsmile_039-08") == "london_039"
    assert person_key("faker_83-1") == "faker_83" and person_key("senate_amy-klobuchar") == "senate_amy-klobuchar"
    assert is_held_back("faker_83-1", 0.0, frozenset({"faker_83"}))
    held = [is_held_back(f"person_{i:04d}x", 0.05) for i in range(2000)]
    assert 60 < sum(held) < 140


def test_numbered_pictures_of_one_figure_are_people_of_their_own() -> None:
    names = [f"sfhq_2-Accessories-top-10-matches-{i:03d}" for i in range(400)]
    assert len({person_key(name) for name in names}) == 400
    assert 8 < sum(is_held_back(name, 0.05) for name in names) < 35


# -- stage 2 ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def album(data: Path, tmp_path: Path, head) -> Path:  # noqa: ANN001
    """One person's three photos, whose identities were estimated a little differently."""
    shards = Shards([data], "open")
    pictures = []
    for i in range(3):
        code = shards.code(i)
        code = code.replace(identity=code.identity + np.float32(i))
        pictures.append(Prepared(f"me_{i}", encode_jpeg(shards.photo(i)), code, {"landmark_error": 0.0}))
    write_shard(tmp_path / "album" / "me-0.npz", pictures, [], "open", 64)
    return tmp_path / "album"


@pytest.mark.parametrize("encoder", ["frozen", "drifting"])
def test_stage_two_keeps_the_encoder(album: Path, tmp_path: Path, encoder: str) -> None:
    """An album smaller than the batch trains; only the reference's mode lets batch statistics move."""
    before = Trainer(CONFIG, torch.device("cpu")).model.state_dict()
    _run(tmp_path / "run", album, "--config", _written(tmp_path, batch=5, augment={}), "--set", f"encoder={encoder}",
         "--steps", "2", "--export", str(tmp_path / "me.safetensors"))
    after = read_state(tmp_path / "run" / "state.pt")
    moved = {key for key, value in before.items() if not torch.equal(value, after["model"][key])}
    mean_moved = {key for key, value in before.items() if not torch.equal(value, after["mean"][key])}
    statistics = {key for key in before if key.startswith("encoder.") and key.split(".")[-1].startswith(("running", "num"))}
    assert any(key.startswith("denoisingUNet.") for key in moved)
    for found in (moved, mean_moved):
        assert {key for key in found if key.startswith("encoder.")} == (statistics if encoder == "drifting" else set())
    assert load_prior(tmp_path / "me.safetensors").card["phases"][-1]["encoder"] == encoder


def test_the_mean_identity_takes_the_place_of_each(album: Path, head, tmp_path: Path) -> None:  # noqa: ANN001
    own, mean = Shards([album], "open"), Shards([album], "open", mean_identity=True)
    assert "mean_identity" not in own.facts()
    np.testing.assert_allclose(mean.facts()["mean_identity"], own.codes["identity"].mean(0), rtol=1e-6)
    first = Maker(mean, head, 32, Augment()).plain(0)
    wanted = render_buffers(head, own.code(0).replace(identity=own.codes["identity"].mean(0)), 32)
    np.testing.assert_allclose(first.condition, wanted.condition(), atol=1e-5)
    assert np.abs(first.condition - Maker(own, head, 32, Augment()).plain(0).condition).max() > 0.05
    _run(tmp_path / "run", album, "--config", _written(tmp_path, mean_identity=True), "--steps", "1", "--export",
         str(tmp_path / "me.safetensors"))
    np.testing.assert_allclose(load_prior(tmp_path / "me.safetensors").card["mean_identity"], mean.facts()["mean_identity"])


# -- runs -------------------------------------------------------------------------------------------------------------------


def _run(out: Path, data: Path, *more: str) -> None:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    train.run(parser.parse_args(["--data", str(data), "--out", str(out), "--device", "cpu", *more]))


def _written(folder: Path, **changes: Any) -> str:
    path = folder / "tiny.json"
    path.write_text(json.dumps({**CONFIG.to_json(), **changes}))
    return str(path)


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(CONFIG.to_json()))
    return path


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(data: Path, tmp_path: Path, config_file: Path) -> None:
    _run(tmp_path / "whole", data, "--config", str(config_file))
    _run(tmp_path / "parts", data, "--config", str(config_file), "--steps", "3")
    _run(tmp_path / "parts", data, "--resume")
    whole, parts = (read_state(tmp_path / name / "state.pt") for name in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 6 and whole["samples"] == 12
    for which in ("model", "mean"):
        for key, value in whole[which].items():
            torch.testing.assert_close(parts[which][key], value, msg=f"{which} {key}")


def test_training_lowers_the_loss_and_its_export_loads(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps({**CONFIG.to_json(), "steps": 20, "batch": 2, "rate": 3e-3}))
    _run(tmp_path / "run", data, "--config", str(path), "--export", str(tmp_path / "out.safetensors"), "--log-every", "5")
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [5, 10, 15, 20]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    prior = load_prior(tmp_path / "out.safetensors")
    assert prior.card["samples_seen"] == 40 and prior.card["pictures"] == {"made": 6} and prior.head == "open"
    _run(tmp_path / "next", data, "--config", str(path), "--init", str(tmp_path / "out.safetensors"), "--steps", "1",
         "--export", str(tmp_path / "next.safetensors"))
    assert load_prior(tmp_path / "next.safetensors").card["samples_seen"] == 42


def test_an_ablation_is_trained_and_resumed_by_its_name(data: Path, tmp_path: Path, config_file: Path) -> None:
    _run(tmp_path / "run", data, "--config", str(config_file), "--ablation", "feature", "--steps", "1")
    _run(tmp_path / "run", data, "--resume", "--steps", "2", "--set", "rate=1e-5")
    state = read_state(tmp_path / "run" / "state.pt")
    assert state["step"] == 2 and state["config"]["rate"] == 1e-5
    assert state["config"]["network"]["encoder_buffers"] == ["rendered", "normal", "albedo"]
    with pytest.raises(UserError, match="NAME=VALUE"):
        _run(tmp_path / "other", data, "--set", "rate")


def test_a_run_is_not_overwritten(data: Path, tmp_path: Path, config_file: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state.pt").write_bytes(b"x")
    with pytest.raises(UserError, match="--resume"):
        _run(tmp_path / "run", data, "--config", str(config_file))
    with pytest.raises(UserError, match="damaged"):
        _run(tmp_path / "run", data, "--resume")


def test_sample_sheet_shows_a_row_for_each_picture(data: Path, head, tmp_path: Path) -> None:  # noqa: ANN001
    from PIL import Image

    shards = Shards([data], "open")
    maker = Maker(shards, head, 32, Augment())
    trainer = Trainer(CONFIG, torch.device("cpu"))
    write_sheet(tmp_path / "sheet.png", trainer.mean_model(), [(maker.plain(i), shards.code(i)) for i in range(2)], head)
    assert Image.open(tmp_path / "sheet.png").size == (7 * 32, 2 * 32)


def test_the_configurations_that_ship_are_usable(repository: Path) -> None:
    folder = repository / "resources" / "configs"
    others = {ABLATIONS, folder / "personal.json", *folder.glob("student-*.json")}  # for core.distill and core.personalize
    files = sorted(set(folder.glob("*.json")) - others)
    assert {f.stem for f in files} >= {"compact-128", "compact-256"}
    for file in files:
        assert TrainConfig.from_json(TrainConfig.load(file).to_json()) == TrainConfig.load(file.stem)


@pytest.mark.parametrize(("name", "rate", "images", "steps", "encoder"), [
    ("reference-256", 1e-4, 256, 50_000, "trained"), ("reference-512", 1e-4, 256, 50_000, "trained"),
    ("reference-256-stage2", 1e-5, 4, 5_000, "frozen"), ("reference-512-stage2", 1e-5, 2, 20_000, "frozen")])
def test_the_paper_s_training_is_what_its_configurations_say(name: str, rate: float, images: int, steps: int,
                                                             encoder: str) -> None:
    config, size = TrainConfig.load(name), int(name.split("-")[1])
    assert config.network == DenoiserConfig.reference(size) and config.head == "flame"
    assert (config.rate, config.batch * config.accumulate, config.steps, config.encoder) == (rate, images, steps, encoder)
    plain = TrainConfig(config.network)  # whatever else is said must be the reference's plain Adam on plain pictures
    assert config.weighting == "p2" and config.mean_identity == (encoder == "frozen")
    assert (plain.augment, plain.ema, plain.warmup, plain.decay_to, plain.beta2) == (Augment(), 0.0, 0, 1.0, 0.999)
    for key in ("augment", "ema", "warmup", "decay_to", "beta2", "weight_decay", "clip", "timestep_bias", "drop_code",
                "face_weight"):
        assert getattr(config, key) == getattr(plain, key), key


def test_a_configuration_is_changed_by_name() -> None:
    config = TrainConfig.load("compact-256", {"network.buffers": "normal,rendered", "network.attention": "", "rate": "1e-5",
                                              "augment.independent_code": "false", "name": "7"})
    assert config.network.buffers == ("normal", "rendered") and config.network.attention == () and config.rate == 1e-5
    assert config.augment.independent_code is False and config.name == "7"
    assert config.network.size == TrainConfig.load("compact-256").network.size


@pytest.mark.parametrize(("key", "value"), [("speed", "1"), ("network.buffers", "depth"), ("rate", "fast"), ("rate", "true"),
                                            ("network.base.x", "1"), ("network.vector", "head")])
def test_impossible_changes_are_refused(key: str, value: str) -> None:
    with pytest.raises(UserError, match="can't be changed"):
        TrainConfig.load("compact-256", {key: value})


def test_the_rate_falls_within_the_minutes_asked_for() -> None:
    trainer = Trainer(replace(CONFIG, rate=1.0, steps=1000, decay_to=0.1), torch.device("cpu"))
    found = []
    for trainer.progress in (0.0, 0.5, 1.0, 2.0):
        found.append(trainer.rate())
    np.testing.assert_allclose(found, [1.0, 0.55, 0.1, 0.1])


def test_finish_needs_minutes(data: Path, tmp_path: Path, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--minutes"):
        _run(tmp_path / "run", data, "--config", str(config_file), "--finish")
    clock = SimpleNamespace(monotonic=itertools.count().__next__)  # a second at each look
    monkeypatch.setattr(train, "time", clock)
    _run(tmp_path / "run", data, "--config", str(config_file), "--finish", "--minutes", "0.1", "--log-every", "1")
    with (tmp_path / "run" / "log.csv").open() as file:
        rates = [float(row["rate"]) for row in csv.DictReader(file)]
    assert len(rates) > 1 and rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("change", [{"weighting": "x"}, {"speed": 1}, {"batch": 0}, {"augment": {"tilt": 1}},
                                    {"encoder": "x"}, {"precision": "int8"}])
def test_wrong_configurations_are_refused(tmp_path: Path, change: dict) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({**CONFIG.to_json(), **change}))
    with pytest.raises(UserError, match="wrong.json"):
        TrainConfig.load(path)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_step_is_what_plain_backpropagation_gives(data: Path, head, workers: int) -> None:  # noqa: ANN001
    """The fused optimiser reads memory in order: gradients that lie otherwise than their parameters scramble the update."""
    config = replace(CONFIG, accumulate=2, drop_code=0.0, rate=1e-2, weight_decay=0.0, ema=0.0, precision="float32")
    maker = Maker(Shards([data], "open"), head, 32, Augment())
    parts = [[maker.plain(0), maker.plain(1)], [maker.plain(2), maker.plain(3)]]
    trainer = Trainer(config, torch.device("cpu"), workers)
    with torch.no_grad():  # layers that start at zero would hide the gradients behind them
        for parameter in trainer.parameters:
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())))
    plain = copy.deepcopy(trainer.model)
    drawn = [trainer._draw(2, trainer.generator(part)) for part in (0, 1)]
    trainer.train_step(iter(parts))

    for examples, (t, noise, _) in zip(parts, drawn, strict=True):
        batch = Batch.of(examples, torch.device("cpu"), config.network)
        each = loss_of(plain, trainer.bar, batch.photo, batch.condition, plain.encode(batch.view), t, noise,
                       "velocity", "capped", pixels=1 + batch.coverage)
        (each.mean() / 2).backward()
    torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
    for (name, parameter), other in zip(plain.named_parameters(), trainer.parameters, strict=True):
        assert parameter.grad is not None and other.grad is not None
        alike = torch.nn.functional.cosine_similarity(other.grad.flatten(), parameter.grad.flatten(), 0, 1e-12)
        assert alike > 0.999 or parameter.grad.norm() < 1e-5, (name, float(alike))
        assert other.grad.stride() == other.stride(), name


@pytest.mark.parametrize("rasterizer", ["numba", "torch"])
def test_a_batch_is_drawn_at_once_and_equals_its_single_examples(data: Path, head, rasterizer: str) -> None:  # noqa: ANN001
    shards, seeds = Shards([data], "open"), np.random.default_rng(5).integers(0, 2**63, 3)
    batch = Maker(shards, head, 64, AUGMENT, rasterizer).varied_batch([2, 0, 1], np.random.default_rng(5))
    for example, index, seed in zip(batch, [2, 0, 1], seeds, strict=True):
        single = Maker(shards, head, 64, AUGMENT).varied(index, np.random.default_rng(seed))
        assert np.array_equal(example.coverage, single.coverage)
        assert np.allclose(example.condition, single.condition, atol=2e-5)
        assert np.allclose(example.photo, single.photo, atol=1e-3)
