"""Which runtime evaluates the network: torch, unless another is there, clearly faster and as exact."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core import backends, exported
from core.backends import Backend, pick_backend
from models.fast import FastNetwork
from models.rig_model import EpsilonNetwork, RigModel
from tests.models.test_denoiser import TINY
from tests.models.test_fast import given, loud

CPU = torch.device("cpu")
PRESENT = exported.runtimes()


def build() -> RigModel:
    """The model that is asked about."""
    return loud(TINY)


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> list[tuple[str, torch.dtype]]:
    """Pretends that both runtimes are there and torch takes 1 s; the tries that were made."""
    made: list[tuple[str, torch.dtype]] = []
    monkeypatch.setattr(exported, "runtimes", lambda: list(exported.RUNTIMES))
    monkeypatch.setattr(exported, "best_time", lambda run: 1.0)
    monkeypatch.setattr(backends, "pick_dtype", lambda *_: torch.float32)
    monkeypatch.setattr(exported, "export", lambda model, folder: folder / "network.onnx")
    return made


def pretend(monkeypatch: pytest.MonkeyPatch, made: list[tuple[str, torch.dtype]], seconds: dict[str, float],
            error: float) -> None:
    """Let tries take that long (runtimes that are not named fail) and be off by `error`."""

    def try_out(runtime: str, file: Path, dtype: torch.dtype, inputs: list[np.ndarray], threads: int) -> exported.Trial | None:
        made.append((runtime, dtype))
        if f"{runtime} {str(dtype)[6:]}" not in seconds:
            return None
        with torch.inference_mode():
            exact = build()(*map(torch.from_numpy, inputs)).numpy()
        return exported.Trial(seconds[f"{runtime} {str(dtype)[6:]}"], exact * (1 + error))

    monkeypatch.setattr(exported, "try_out", try_out)


@pytest.mark.parametrize(("seconds", "error", "expected"), [
    ({"onnxruntime float32": 0.5, "openvino float32": 0.6}, 0.0, "onnxruntime float32"),
    ({"onnxruntime float32": 0.5, "openvino float32": 0.6, "openvino bfloat16": 0.2}, 0.01, "openvino bfloat16"),
    ({"onnxruntime float32": 0.9, "openvino float32": 1.1}, 0.0, "torch float32"),  # hardly faster
    ({"onnxruntime float32": 0.1}, 0.1, "torch float32"),  # faster, but another picture
    ({"onnxruntime float32": 0.1}, float("nan"), "torch float32"),
    ({}, 0.0, "torch float32"),  # all of them crash
])
def test_another_runtime_must_be_clearly_faster_and_exact(monkeypatch: pytest.MonkeyPatch, tries: list[tuple[str, torch.dtype]],
                                                          tmp_path: Path, seconds: dict[str, float], error: float,
                                                          expected: str) -> None:
    pretend(monkeypatch, tries, seconds, error)
    cache = tmp_path / "timing.json"
    assert str(pick_backend(build, CPU, cache, "net")) == expected
    assert len(tries) == 3
    assert str(pick_backend(build, CPU, cache, "net")) == expected and len(tries) == 3  # remembered
    assert list(json.loads(cache.read_text()).values()) == [expected]


def test_without_other_runtimes_it_is_torch_in_its_best_format(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exported, "runtimes", list)
    backend = pick_backend(build, CPU, tmp_path / "timing.json", "net")
    assert backend.runtime == "torch" and backend.dtype in (torch.float32, torch.bfloat16)
    network = backend.network(build())
    assert isinstance(network, FastNetwork) and network.dtype == backend.dtype


def test_a_runtime_that_fails_at_a_model_makes_way(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such operator\ndetails")

    monkeypatch.setattr(exported, "export", fail)
    network = Backend("onnxruntime", torch.float32, CPU).network(build())
    values = given(TINY, 2)
    torch.testing.assert_close(network(*values), EpsilonNetwork(build())(*values), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("keep", [True, False])
def test_another_runtimes_file_is_kept_only_where_asked(monkeypatch: pytest.MonkeyPatch, own_home: Path, keep: bool) -> None:
    written: list[Path] = []

    def export(_: RigModel, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        written.append(folder / "network.onnx")
        written[0].write_bytes(b"")
        return written[0]

    monkeypatch.setattr(exported, "export", export)
    monkeypatch.setattr(exported, "load", lambda *_: None)
    assert isinstance(Backend("onnxruntime", torch.float32, CPU).network(build(), keep), exported.ExportedNetwork)
    assert written[0].exists() == keep


def test_a_try_that_crashes_is_no_choice(tmp_path: Path) -> None:
    (tmp_path / "network.onnx").write_bytes(b"no network at all")
    assert exported.try_out("no such runtime", tmp_path / "network.onnx", torch.float32, [np.zeros(1)], 1) is None


def test_pictures_go_one_by_one_to_the_other_runtime() -> None:
    model, asked = build(), []

    def run(values: list[np.ndarray]) -> np.ndarray:
        asked.append([value.shape for value in values])
        with torch.inference_mode():
            return model(*map(torch.from_numpy, values)).numpy()

    network, plain = exported.ExportedNetwork(build(), run), EpsilonNetwork(build())
    for side in (32, 64):  # the second is another size than the file's: torch does it
        values = given(TINY, 2, side)
        torch.testing.assert_close(network(*values), plain(*values), atol=1e-4, rtol=1e-4)
    assert asked == [[(1, 3, 32, 32), (1,), (1, 9, 32, 32), (1, TINY.code_width)]] * 2


@pytest.mark.parametrize("runtime", exported.RUNTIMES)
def test_an_export_gives_torchs_numbers(runtime: str, tmp_path: Path) -> None:
    if runtime not in PRESENT:
        pytest.skip(f"needs the packages of requirements-fast.txt ({runtime} or onnx is missing)")
    file = exported.export(build(), tmp_path)
    assert exported.export(build(), tmp_path) == file and list(tmp_path.iterdir()) == [file]
    trial = exported.try_out(runtime, file, torch.float32, exported.inputs_of(build()), 1)
    assert trial is not None and trial.seconds > 0
    network = exported.ExportedNetwork(build(), exported.load(runtime, file, torch.float32, 1))
    values = given(TINY, 2)
    torch.testing.assert_close(network(*values), EpsilonNetwork(build())(*values), atol=1e-3, rtol=1e-3)
