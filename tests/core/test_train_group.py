from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core import cli
from core.errors import UserError
from core.head import load_head
from core.train_group import Group
from core.trainer import Trainer, read_state
from tests.core.training import CONFIG, write_shards

SLICES = replace(CONFIG, batch=4, precision="float32")  # a batch is cut in two
PASSES = replace(CONFIG, batch=2, accumulate=2, precision="float32")  # each process makes one of two batches


pytestmark = pytest.mark.timeout(300)  # several processes that each load torch, on a machine that may be busy


def _train(*arguments: str) -> int:
    threads = torch.get_num_threads()
    try:
        return cli.run(["train", "--device", "cpu", "--threads", "1", *arguments], lambda _: 0, lambda: None)
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> tuple[Path, str]:
    """Runs of two real processes, and what they said."""
    folder = tmp_path_factory.mktemp("group")
    data = write_shards(folder / "data", load_head("open"))
    for name, config in (("slices", SLICES), ("passes", PASSES), ("failing", SLICES)):
        (folder / f"{name}.json").write_text(json.dumps(config.to_json()))
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         str(repository / "tests" / "core" / "group_runs.py"), str(folder), str(data)],
        cwd=repository, env={**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
    return folder, done.stdout


def _apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    weights = [key for key in one if key.endswith(("weight", "bias"))]
    return math.sqrt(sum(float((one[key] - other[key]).double().square().sum()) for key in weights))


@pytest.mark.parametrize("name", ["slices", "passes"])
def test_two_processes_train_as_one_does_and_one_goes_on_with_their_run(runs: tuple[Path, str], name: str) -> None:
    folder, said = runs
    data, begun = folder / "data", Trainer(SLICES, torch.device("cpu")).model.state_dict()
    assert (folder / f"{name}-2" / "state.pt").exists(), said
    logs = [[line.split(",")[:8] for line in (folder / f"{name}-{n}" / "log.csv").read_text().splitlines()[1:]] for n in (1, 2)]
    assert len(logs[0]) == len(logs[1]) == 2
    for one, two in zip(*logs, strict=True):  # step, samples, (seconds,) losses, gradient
        assert one[:2] == two[:2]
        assert [float(v) for v in two[3:]] == pytest.approx([float(v) for v in one[3:]], rel=1e-3, nan_ok=True)
    for steps in (2, 3) if name == "slices" else (2,):
        if steps == 3:
            for n in (1, 2):
                assert not _train("--resume", "--data", str(data), "--out", str(folder / f"{name}-{n}"), "--steps", "3")
        one, two = (read_state(folder / f"{name}-{n}" / "state.pt") for n in (1, 2))
        assert one["step"] == two["step"] == steps and one["samples"] == two["samples"] == 4 * steps
        for which in ("model", "mean"):
            for key, value in one[which].items():
                if "num_batches" in key:
                    assert torch.equal(two[which][key], value)
                elif "running" in key:
                    torch.testing.assert_close(two[which][key], value, rtol=1e-4, atol=1e-4, msg=f"{which} {key}")
            # Adam makes a whole step of a gradient that is mere rounding, so single weights say little: their way as a whole
            assert _apart(one[which], two[which]) < 0.01 * _apart(one[which], begun), which


def test_a_process_that_fails_ends_the_others_with_a_message(runs: tuple[Path, str]) -> None:
    folder, said = runs
    assert "error: this one fails" in said
    assert "error: Another process of this training has ended" in said
    assert not (folder / "failing-2" / "state.pt").exists()


@pytest.mark.parametrize(("count", "batch", "accumulate", "parts", "rows", "slices"), [
    (1, 3, 2, range(0, 2), slice(None), 1), (2, 3, 4, range(2, 4), slice(None), 1), (4, 8, 2, range(0, 2), slice(2, 4), 4)])
def test_a_step_is_shared_out_evenly(count: int, batch: int, accumulate: int, parts: range, rows: slice, slices: int) -> None:
    share = Group(min(1, count - 1), count).share(replace(CONFIG, batch=batch, accumulate=accumulate))
    assert (share.parts, share.rows, share.slices) == (parts, rows, slices)


def test_a_step_that_can_t_be_shared_is_refused() -> None:
    with pytest.raises(UserError, match="3 processes"):
        Trainer(replace(CONFIG, batch=4, accumulate=2), torch.device("cpu"), group=Group(0, 3))


def test_processes_that_differ_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def gathered(out: list, mine: dict) -> None:
        out[:] = [mine, {**mine, "step": 7}]

    monkeypatch.setattr("torch.distributed.all_gather_object", gathered)
    with pytest.raises(UserError, match="differ in step"):
        Group(0, 2).same_start(torch.nn.Linear(1, 1), {"step": 3, "data": "x"})
