"""Training at scale: loaders, memory, interruption, logs."""
from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core import train
from core.errors import UserError
from core.head import load_head
from core.head.base import HeadModel
from core.train_curves import write_curves
from core.train_data import Maker, Shards
from core.train_feed import feed
from core.train_group import Group
from core.train_step import loss_of
from core.train_watch import LOG_FIELDS, Log, read_log, tensorboard
from core.trainer import Trainer, read_state
from models.schedule import alphas_bar
from tests.core.training import CONFIG, write_shards

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def data(head: HeadModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("shards"), head)


def _arguments(out: Path, data: Path, *more: str) -> list[str]:
    return ["--data", str(data), "--out", str(out), "--device", "cpu", *more]


def _run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return train.run(parser.parse_args(arguments))


# -- pictures ---------------------------------------------------------------------------------------------------------------


def test_a_part_of_the_shards_holds_the_same_pictures(data: Path) -> None:
    whole = Shards([data], "open")
    odd = whole.part(lambda name: int(name[-1]) % 2 == 1, mean_identity=True)
    direct = Shards([data], "open", lambda name: int(name[-1]) % 2 == 1, mean_identity=True)
    assert odd.names == direct.names == ["made_5", "made_1", "made_3"] and odd.groups == direct.groups
    for i, name in enumerate(odd.names):
        np.testing.assert_array_equal(odd.photo(i), whole.photo(whole.names.index(name)))
        assert odd.code(i) == direct.code(i)
    with pytest.raises(UserError, match="held back"):
        whole.part(lambda name: False)


def test_pictures_are_read_when_they_are_asked_for(data: Path, tmp_path: Path) -> None:
    file = next(data.glob("photos*.npz"))
    (tmp_path / file.name).write_bytes(file.read_bytes())
    shards = Shards([tmp_path], "open")
    assert shards.photo(0).shape == (64, 64, 3)
    (tmp_path / file.name).unlink()
    with pytest.raises(UserError, match="can't be read any more"):
        shards.photo(0)
    with np.load(file) as found:
        np.savez_compressed(tmp_path / file.name, **found)
    with pytest.raises(UserError, match="damaged"):
        Shards([tmp_path], "open")


def test_loader_processes_and_slices_make_the_same_batches(data: Path, tmp_path: Path) -> None:
    for file in data.glob("*.npz"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    shards, config = Shards([tmp_path], "open"), replace(CONFIG, batch=4, accumulate=2)
    whole, quarter = Group().share(config), Group(1, 4).share(config)
    assert quarter.rows == slice(1, 2)
    sources = [feed(shards, config, "numba", loaders, 3, share) for loaders, share in ((0, whole), (2, whole), (0, quarter))]
    try:
        for _ in range(3):
            alone, beside, row = (next(source) for source in sources)
            for name in ("photo", "view", "condition", "coverage"):
                assert torch.equal(getattr(alone, name), getattr(beside, name)), name
                assert torch.equal(getattr(alone, name)[1:2], getattr(row, name)), name
        for file in tmp_path.glob("*.npz"):
            file.unlink()
        with pytest.raises(UserError, match=r"^\S+npz can't be read any more"):  # in its own words, from another process
            for _ in range(20):
                next(sources[1])
    finally:
        for source in sources:
            source.close()  # type: ignore[attr-defined]


def test_loaders_and_a_rasterizer_of_this_process_exclude_each_other(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--loaders"):
        _run(*_arguments(tmp_path / "run", data, "--loaders", "1", "--rasterizer", "torch"))


# -- memory and objectives --------------------------------------------------------------------------------------------------


def _gradients(head: HeadModel, data: Path, **changes: Any) -> tuple[float, list[torch.Tensor], int]:
    """Loss, gradients, and bytes kept for the backward pass, of one step of a network without zero layers."""
    config = replace(CONFIG, precision="float32", **changes)
    trainer = Trainer(config, CPU)
    with torch.no_grad():
        for parameter in trainer.parameters:
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())))
    maker, kept = Maker(Shards([data], "open"), head, 32, CONFIG.augment), 0

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = trainer.train_step(iter([[maker.plain(0), maker.plain(1)]]))["loss"]
    return loss, [parameter.grad.clone() for parameter in trainer.parameters if parameter.grad is not None], kept


def test_checkpointing_gives_the_same_gradients_with_less_kept(head: HeadModel, data: Path) -> None:
    network = replace(CONFIG.network, dropout=0.2)  # so that the second forward pass must draw what the first one drew
    loss, gradients, kept = _gradients(head, data, network=network)
    again, others, less = _gradients(head, data, network=network, checkpointing=True)
    assert again == loss and len(others) == len(gradients) > 100
    for one, other in zip(gradients, others, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-7)
    assert less < 0.6 * kept


def test_compile_is_left_out_on_a_cpu() -> None:
    assert Trainer(replace(CONFIG, compile=True), CPU).model.denoisingUNet._compiled_call_impl is None


def test_input_perturbation_changes_what_the_network_sees_and_not_what_it_must_say() -> None:
    x0, noise, extra = torch.randn(3, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    t, bar = torch.tensor([10, 300, 600, 999]), alphas_bar().float()
    seen: list[torch.Tensor] = []

    class Knowing(torch.nn.Module):
        """Says the plain noise, whatever it sees."""

        def forward(self, noisy: torch.Tensor, *_: Any) -> torch.Tensor:
            seen.append(noisy)
            return noise

    for shaken in (None, noise + 0.1 * extra):
        assert loss_of(Knowing(), bar, x0, x0, x0, t, noise, shaken=shaken).abs().max() == 0
    level = (1 - bar[t]).sqrt().view(-1, 1, 1, 1)
    torch.testing.assert_close(seen[1] - seen[0], 0.1 * level * extra)


def test_input_perturbation_is_drawn_for_each_step(head: HeadModel, data: Path) -> None:
    losses = [_gradients(head, data, input_perturbation=value)[0] for value in (0.0, 0.0, 0.1, 0.1)]
    assert losses[0] == losses[1] != losses[2] == losses[3]
    assert losses[2] == pytest.approx(losses[0], rel=0.1)
    with pytest.raises(ValueError, match="input_perturbation"):
        replace(CONFIG, input_perturbation=-0.1)


# -- interruption -----------------------------------------------------------------------------------------------------------


def test_a_killed_process_goes_on_to_the_same_weights(data: Path, tmp_path: Path, repository: Path) -> None:
    """SIGKILL at any moment, in a save too: the run ends bit for bit where one that was left alone does."""
    (tmp_path / "tiny.json").write_text(json.dumps(replace(CONFIG, steps=100).to_json()))
    whole, killed = ([*_arguments(tmp_path / name, data, "--config", str(tmp_path / "tiny.json"), "--threads", "1", "--log-every",
                                  "1")] for name in ("whole", "killed"))
    process = subprocess.Popen([sys.executable, "main.py", "train", *killed, "--save-minutes", "0"], cwd=repository,
                               stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("step 4 "):
                break
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        process.communicate()
    (tmp_path / "killed" / ".left.part").write_bytes(b"half a state")
    at = read_state(tmp_path / "killed" / "state.pt")["step"]
    assert 3 <= at < 100
    threads = torch.get_num_threads()
    try:
        for arguments in ([*whole, "--steps", str(at + 2)],
                          [*_arguments(tmp_path / "killed", data, "--resume", "--threads", "1", "--log-every", "1"), "--steps",
                           str(at + 2)]):
            _run(*arguments)
    finally:
        torch.set_num_threads(threads)
    one, other = (read_state(tmp_path / name / "state.pt") for name in ("whole", "killed"))
    assert one["step"] == other["step"] == at + 2 and one["samples"] == other["samples"]
    for which in ("model", "mean"):
        assert all(torch.equal(other[which][key], value) for key, value in one[which].items()), which
    for number, values in one["optimiser"]["state"].items():
        assert all(torch.equal(torch.as_tensor(other["optimiser"]["state"][number][key]), torch.as_tensor(value))
                   for key, value in values.items())
    assert [int(row["step"]) for row in read_log(tmp_path / "killed" / "log.csv")] == list(range(1, at + 3))
    assert not list((tmp_path / "killed").glob(".*.part"))


def test_a_state_that_can_t_be_written_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(CONFIG, CPU)
    trainer.save(tmp_path / "state.pt")
    trainer.step = 5

    def broken(state: object, file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(UserError, match="disk is full"):
        trainer.save(tmp_path / "state.pt")
    assert read_state(tmp_path / "state.pt")["step"] == 0 and [p.name for p in tmp_path.iterdir()] == ["state.pt"]


# -- logs -------------------------------------------------------------------------------------------------------------------


def _logged(path: Path, steps: int, board: Any = None) -> Log:
    trainer = Trainer(CONFIG, CPU)
    log = Log(path, trainer, board)
    for trainer.step in range(1, steps + 1):
        trainer.samples = 2 * trainer.step
        log.add({"loss": 1 / trainer.step, "loss_noisy": 0.5, "loss_middle": float("nan"), "loss_clean": 2.0, "gradient": 1.0,
                 "rate": 1e-3})
        log.held_back = 0.4 if trainer.step > 10 else log.held_back
        log.write()
    return log


def test_lines_of_steps_that_are_done_again_are_taken_out(tmp_path: Path) -> None:
    _logged(tmp_path / "log.csv", 5)
    with (tmp_path / "log.csv").open("a") as file:
        file.write("6,12,0.1,0.")  # the process was killed while it wrote
    trainer = Trainer(CONFIG, CPU)
    trainer.step = 3
    Log(tmp_path / "log.csv", trainer)
    with (tmp_path / "log.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["step"] for row in rows] == ["1", "2", "3"] and tuple(rows[0]) == LOG_FIELDS


def test_the_log_goes_to_tensorboard_too(tmp_path: Path) -> None:
    class Board:
        def __init__(self) -> None:
            self.said: list[tuple[str, float, int]] = []

        def add_scalar(self, name: str, value: float, at: int) -> None:
            self.said.append((name, value, at))

        def flush(self) -> None:
            self.said.append(("flush", 0, 0))

    board = Board()
    _logged(tmp_path / "log.csv", 2, board)
    assert ("loss", 0.5, 4) in board.said and board.said[-1][0] == "flush"
    assert not {"loss_middle", "held_back_loss", "step"} & {name for name, *_ in board.said}


def test_tensorboard_that_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match="pip install tensorboard"):
        tensorboard(tmp_path)


def test_curves_are_drawn_from_the_log(tmp_path: Path) -> None:
    _logged(tmp_path / "log.csv", 30)
    assert _run("--out", str(tmp_path), "--curves", str(tmp_path / "curves.png")) == 0
    image = np.asarray(Image.open(tmp_path / "curves.png")).astype(int)
    assert image.shape == (540, 960, 3)
    loss = np.argwhere((np.abs(image - 0x20).sum(2) < 20)[45:485, 75:935])  # between the axes: the line of the loss alone
    left, right = loss[loss[:, 1] < 60][:, 0].mean(), loss[loss[:, 1] > 800][:, 0].mean()
    assert right > left + 100  # it falls: further down
    with pytest.raises(UserError, match="Check the path"):
        write_curves(tmp_path / "x.png", tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text(",".join(LOG_FIELDS) + "\n")
    with pytest.raises(UserError, match="no line"):
        write_curves(tmp_path / "x.png", tmp_path / "empty.csv")
