"""The paper's ablations as configurations: each trains, samples, and listens to what it is told and to nothing else."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import core.backends
from core.conditioning import code_of, face_vectors, vector_problem
from core.engine import Engine
from core.errors import AssetError, UserError
from core.head import load_head
from core.head.base import HeadModel
from core.prior import load_prior
from core.render.buffers import render_buffers
from core.request import RenderRequest
from core.rig import Rig
from core.sampling import sample
from core.session import Session
from core.train_config import ABLATIONS, Augment, TrainConfig, ablation
from core.train_data import Example
from core.train_sheet import write_sheet
from core.train_watch import Check
from core.trainer import Trainer
from models.config import BUFFERS, DenoiserConfig
from models.rig_model import EpsilonNetwork, RigModel
from tests.tiny import save_tiny_prior

SIZE = 32
CPU = torch.device("cpu")
NAMES = tuple(json.loads(ABLATIONS.read_text()))
# what each ablation must listen to: pixel buffers, buffers in the code, parts of the face code
HEARS: dict[str, tuple[set[str], set[str], set[str]]] = {
    "vector": (set(), set(), {"light", "expression"}), "feature": (set(), set(BUFFERS), set()), "N": ({"normal"}, set(), set()),
    "N+S": ({"normal"}, set(), {"light"}), "A": ({"albedo"}, set(), set()), "N+A": ({"normal", "albedo"}, set(), set()),
    "L": ({"rendered"}, set(), set()), "N+L": ({"rendered", "normal"}, set(), set())}


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


def _config(name: str, **changes: object) -> TrainConfig:
    network = DenoiserConfig.compact(size=SIZE, base=16, mult=(1, 2), groups=8, patch=2, attention=(8,), encoder_width=8)
    plain = TrainConfig(network, "tiny", batch=2, rate=1e-3, weighting="capped", hold_back=0.0, drop_code=0.4,
                        augment=Augment(flip=0.5), **changes)  # type: ignore[arg-type]
    return plain.changed(ablation(name))


def _example(head: HeadModel, lit: float = 0.2) -> Example:
    code = head.zero_code()
    light = np.array(code.light)
    light[1] += lit
    code = code.replace(light=light)
    buffers = render_buffers(head, code, SIZE)
    photo = np.clip(buffers.rendered, 0, 1).transpose(2, 0, 1) * 2 - 1
    return Example(photo, photo, buffers.condition(), buffers.coverage[None], code)


def _loud(model: RigModel) -> RigModel:
    """Weights without zeros, which would hide the inputs behind them."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model


def test_every_ablation_is_tested_here() -> None:
    assert set(NAMES) == set(HEARS)
    with pytest.raises(UserError, match="vector"):
        ablation("scent")


@pytest.mark.parametrize("encoder", ["trained", "frozen"])
@pytest.mark.parametrize("name", NAMES)
def test_each_trains_in_both_stages_and_samples(head: HeadModel, tmp_path: Path, name: str, encoder: str) -> None:
    trainer = Trainer(_config(name, encoder=encoder), CPU)
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    said = [trainer.train_step(iter([[_example(head), _example(head, -0.3)]])) for _ in range(2)]
    assert all(np.isfinite(values["loss"]) and values["gradient"] > 0 for values in said)
    moved = {key.split(".")[0] for key, value in trainer.model.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == ({"denoisingUNet", "encoder"} if encoder == "trained" else {"denoisingUNet"})
    trainer.export(tmp_path / "tiny.safetensors")
    prior = load_prior(tmp_path / "tiny.safetensors")
    assert prior.config == _config(name).network
    network, example = EpsilonNetwork(prior.build()), _example(head)
    condition = torch.from_numpy(example.condition)[None]
    code = network.encode(torch.from_numpy(example.code_view)[None], condition, face_vectors(prior.config, [example.code]))
    picture = sample(network, torch.zeros(1, 3, SIZE, SIZE), condition, code, steps=2)
    assert picture.shape == (1, 3, SIZE, SIZE) and torch.isfinite(picture).all()


@pytest.mark.parametrize("name", NAMES)
def test_each_listens_to_what_it_is_told_and_to_nothing_else(head: HeadModel, name: str) -> None:
    network = EpsilonNetwork(_loud(RigModel(_config(name).network)))
    example = _example(head)
    photo, full = torch.from_numpy(example.photo)[None], torch.from_numpy(example.condition)[None]
    x, t = torch.randn(1, 3, SIZE, SIZE), torch.tensor([500])

    def answers(pixels: torch.Tensor, coded: torch.Tensor, **changes: np.ndarray) -> torch.Tensor:
        vector = face_vectors(network.config, [example.code.replace(**changes)])
        return network(x, t, pixels, network.encode(photo, coded, vector))

    plain = answers(full, full)
    pixels, coded, fields = HEARS[name]
    for i, buffer in enumerate(BUFFERS):
        other = full.clone()
        other[:, 3 * i:3 * i + 3] += 0.5
        assert torch.equal(answers(other, full), plain) == (buffer not in pixels), buffer
        assert torch.equal(answers(full, other), plain) == (buffer not in coded), buffer
    for field in ("light", "expression"):
        changed = answers(full, full, **{field: getattr(example.code, field) + 0.5})
        assert torch.equal(changed, plain) == (field not in fields), field


@pytest.mark.parametrize("name", ["vector", "feature"])
def test_sheets_and_checks_encode_with_the_condition(head: HeadModel, tmp_path: Path, name: str) -> None:
    example = _example(head)
    trainer = Trainer(_config(name), CPU)
    write_sheet(tmp_path / "sheet.png", trainer.mean_model(), [(example, example.code)], head)
    assert (tmp_path / "sheet.png").is_file()
    check = Check([0], head, trainer)  # type: ignore[arg-type]
    check.examples = lambda count=4: [(example, example.code)] * 2  # type: ignore[method-assign]
    assert np.isfinite(check.loss())


def test_a_dropped_code_keeps_the_numbers_of_the_face(head: HeadModel) -> None:
    """Dropping makes the condition trusted, so it must leave the condition alone."""
    trainer = Trainer(_config("vector").changed({"drop_code": 1.0}), CPU)
    seen: list[torch.Tensor] = []
    trainer.model.denoisingUNet.register_forward_hook(lambda _m, given, _o: seen.append(given[3]))
    trainer.train_step(iter([[_example(head), _example(head)]]))
    assert (seen[0][:, :64] == 0).all() and (seen[0][:, 64:] != 0).any()


def test_the_whole_vector_of_flame_is_deca_s() -> None:
    from core.codes import FaceCode

    sizes = {"identity": 100, "albedo": 50, "expression": 50, "pose": 3, "jaw": 3, "camera": 3, "box": 3, "neck": 3, "eyes": 2}
    code = FaceCode("flame", **{name: np.full(size, i) for i, (name, size) in enumerate(sizes.items())},  # type: ignore[arg-type]
                    light=np.arange(27).reshape(9, 3))
    vector = code.vector()
    assert vector.shape == (236,) and vector.dtype == np.float32
    np.testing.assert_array_equal(vector[[0, 99, 100, 149, 150, 199, 200, 203, 206]], [0, 0, 1, 1, 2, 2, 3, 4, 5])
    np.testing.assert_array_equal(vector[209:], np.arange(27))
    assert code.replace().vector(("neck",)).tolist() == [7, 7, 7]
    with pytest.raises(ValueError, match="hair"):
        code.vector(("hair",))


def test_the_numbers_follow_the_variations_of_a_picture(head: HeadModel) -> None:
    """The code an example carries must draw the buffer it carries."""
    from core.train_data import Maker

    class One:
        def photo(self, index: int) -> np.ndarray:
            return np.clip(render_buffers(head, head.zero_code(), 64).rendered * 255, 0, 255).astype(np.uint8)

        def code(self, index: int):  # noqa: ANN202
            return head.zero_code()

    maker = Maker(One(), head, 64, Augment(zoom=0.2, gain=0.2, colour=0.1, relight=1.0))  # type: ignore[arg-type]
    for seed in range(4):
        example = maker.varied(0, np.random.default_rng(seed))
        np.testing.assert_allclose(render_buffers(head, example.code, 64).condition()[:3], example.condition[:3], atol=2e-3)


def test_mirrored_pictures_are_refused_where_the_numbers_can_t_be_mirrored() -> None:
    with pytest.raises(UserError, match="mirrored"):
        _config("vector").changed({"augment.flip": 0.5})


# -- in the program ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, sample_photo: Path) -> Iterator[Session]:
    """The sample photo, fitted once."""
    engine = Engine(save_tiny_prior(tmp_path_factory.mktemp("p") / "tiny.safetensors"), "cpu")
    yield engine.open(sample_photo)
    engine.close()


def _pictures(folder: Path, session: Session, method: str, monkeypatch: pytest.MonkeyPatch,
              **network: Any) -> list[np.ndarray]:
    """What an engine makes of the photo with no edit, another light, and an opened jaw."""
    monkeypatch.setattr(core.backends, "pick_dtype", lambda *_: torch.float32)
    engine = Engine(save_tiny_prior(folder / "a.safetensors", **network), "cpu")
    for module in engine.network.model.encoder.modules():  # so that what the encoder sees is not lost in its random layers
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.weight)
    engine._opened.keep(session)
    rigs = (Rig(), Rig().set("light.azimuth", 60), Rig().set("jaw.open", 0.6))
    try:
        return [engine.render(RenderRequest(session.digest, rig, steps=2, size="crop", method=method, quality="preview")).crop
                for rig in rigs]
    finally:
        engine.close()


@pytest.mark.parametrize(("name", "heard"), [("vector", (True, True)), ("feature", (True, True)), ("N", (False, True)),
                                             ("N+S", (True, True)), ("A", (False, True)), ("L", (True, True))])
def test_an_edit_reaches_the_picture_through_what_the_network_hears(opened: Session, tmp_path: Path, name: str,
                                                                    heard: tuple[bool, bool],
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    changes = ablation(name)
    network = {key.split(".")[1]: value for key, value in changes.items() if key.startswith("network.")}
    if "vector" in network:
        network["vector"] = opened.code.vector(tuple(network.get("vector_of", ()))).size
    plain, lit, talking = _pictures(tmp_path, opened, "paper", monkeypatch, **network)
    assert ((lit != plain).any(), (talking != plain).any()) == heard
    plain, lit, talking = _pictures(tmp_path, opened, "studio", monkeypatch, **network)
    assert np.abs(plain.astype(int) - opened.native).max() <= 1
    assert (lit != plain).any() and (talking != plain).any()


@pytest.mark.parametrize("network", [{"vector": 27, "vector_of": ("light",)}, {}])
def test_an_engine_works_the_code_out_anew_only_where_an_edit_changes_it(opened: Session, tmp_path: Path, network: dict,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(save_tiny_prior(tmp_path / "a.safetensors", **network), "cpu")
    try:
        engine._opened.keep(opened)
        asked: list[torch.Tensor] = []
        encode = engine.network.encode

        def counted(*given: Any) -> torch.Tensor:
            asked.append(encode(*given))
            return asked[-1]

        monkeypatch.setattr(engine.network, "encode", counted)
        for azimuth in (-60, 60):
            engine.render(RenderRequest(opened.digest, Rig().set("light.azimuth", azimuth), steps=2, quality="preview"))
    finally:
        engine.close()
    distinct = {code.numpy().tobytes() for code in asked}
    assert len(distinct) == (4 if network else 1) and len(asked) == len(distinct)


def test_a_network_for_longer_codes_says_so(opened: Session, tmp_path: Path) -> None:
    engine = Engine(save_tiny_prior(tmp_path / "a.safetensors", buffers=(), vector=7), "cpu")
    try:
        engine._opened.keep(opened)
        with pytest.raises(AssetError, match="takes 7 numbers"):
            engine.render(RenderRequest(opened.digest, Rig()))
        assert vector_problem(DenoiserConfig(vector=7), opened.head) and not vector_problem(DenoiserConfig(), opened.head)
    finally:
        engine.close()


def test_the_code_of_an_edit_is_that_of_its_own_buffers(opened: Session) -> None:
    config = DenoiserConfig.compact(size=opened.size, encoder_buffers=("rendered",), base=16, mult=(1,), groups=8, attention=(),
                                    encoder_width=8)
    network = EpsilonNetwork(_loud(RigModel(config)))
    photo, face = torch.zeros(1, 3, opened.size, opened.size), opened.code
    other = render_buffers(opened.head, face.replace(light=face.light * 2), opened.size)
    assert not torch.equal(code_of(network, photo, opened.buffers, face), code_of(network, photo, other, face))
    with pytest.raises(ValueError, match="buffers"):
        network.encode(photo)
