"""Memory that runs out: what counts as that, what is given up for it, and that the picture is the same."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import core.backends
from core.backends import Backend
from core.engine import Engine
from core.errors import UserError, ran_out
from core.memory import Singly, Thrift, savings
from core.request import RenderRequest
from core.rig import Rig
from tests.tiny import save_tiny_prior

CPU = torch.device("cpu")


@pytest.mark.parametrize(("error", "is_memory"), [
    (MemoryError(), True), (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
    (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
    (RuntimeError("OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 99 bytes"), True),
    (np._core._exceptions._ArrayMemoryError((1 << 40,), np.dtype("u1")), True),  # type: ignore[attr-defined]
    (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False), (KeyboardInterrupt(), False), (UserError("no"), False)])
def test_what_counts_as_out_of_memory(error: BaseException, is_memory: bool) -> None:
    assert ran_out(error) is is_memory


def test_what_is_given_up_in_which_order() -> None:
    cuda = Backend("torch", torch.float32, torch.device("mps"))
    assert [(s.backend.dtype, s.backend.device.type) for s in savings(cuda)] == [
        (torch.float32, "mps"), (torch.float16, "mps"), (torch.float32, "cpu")]
    assert [s.backend.dtype for s in savings(Backend("torch", torch.bfloat16, CPU))] == [torch.bfloat16]
    assert [s.backend.runtime for s in savings(Backend("openvino", torch.float32, CPU))] == ["openvino"]


def test_thrift_goes_on_until_it_fits_and_says_what_it_took() -> None:
    taken: list[str] = []
    thrift = Thrift(Backend("torch", torch.float32, torch.device("mps")), lambda saving: taken.append(saving.words))

    def make() -> str:
        if len(taken) < 2:
            raise torch.OutOfMemoryError("out of memory")
        return "made"
    made, note = thrift.run(make)
    assert made == "made" and len(taken) == 2 and "half precision" in note
    assert thrift.run(lambda: 1) == (1, "")


def test_what_fails_while_saving_leads_to_the_next_saving() -> None:
    def spare(saving: Any) -> None:
        if saving.backend.device.type != "cpu":
            raise MemoryError
    thrift = Thrift(Backend("torch", torch.float32, torch.device("mps")), spare)
    tries = iter([MemoryError(), None])

    def make() -> int:
        if (error := next(tries)) is not None:
            raise error
        return 7
    made, note = thrift.run(make)
    assert made == 7 and "processor" in note


def test_other_errors_are_not_held_back() -> None:
    thrift = Thrift(Backend("torch", torch.float32, CPU), lambda _: pytest.fail("nothing to spare for that"))
    with pytest.raises(ZeroDivisionError):
        thrift.run(lambda: 1 // 0)


def test_singly_gives_what_the_batch_gives() -> None:
    sizes: list[int] = []

    def network(x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
        sizes.append(len(x))
        shift = 0 if code is None else code[:, :1, None, None]
        return x * 2 + t.expand(len(x)).view(-1, 1, 1, 1) + condition[:, :3] + shift
    generator = torch.Generator().manual_seed(1)
    x, condition = torch.randn(3, 3, 4, 4, generator=generator), torch.randn(3, 9, 4, 4, generator=generator)
    code = torch.randn(3, 5, generator=generator)
    for t in (torch.tensor([7]), torch.tensor([1, 2, 3])):
        for beside, said in ((condition, code), (condition[:1], code[:1]), (condition, None)):
            together = network(x, t, beside, said)
            sizes.clear()
            assert torch.equal(Singly(network)(x, t, beside, said), together)
            assert sizes == [1, 1, 1]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(core.backends, "pick_dtype", lambda *_: torch.float32)
    made = Engine(save_tiny_prior(tmp_path / "tiny.safetensors"), "cpu")
    yield made
    made.close()


def test_the_engine_steps_down_and_the_picture_is_the_same(engine: Engine, sample_photo: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    session = engine.open(sample_photo)
    rig = Rig().set("light.azimuth", 60).set("pose.yaw", 8)
    request = RenderRequest(session.digest, rig, steps=4, guidance=1.5, size="crop")
    plain = engine.render(request)
    assert plain.note == ""
    engine._results.clear()
    engine._maker.forget()
    kind = type(engine.network)
    real, refused = kind.raw, []

    def raw(self: Any, noisy: Tensor, *rest: Any) -> Tensor:
        if len(noisy) > 1:
            refused.append(len(noisy))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return real(self, noisy, *rest)
    monkeypatch.setattr(kind, "raw", raw)
    spared = engine.render(request)
    assert refused == [4] and "one step at a time" in spared.note
    assert np.abs(spared.crop.astype(int) - plain.crop).max() <= 1
    assert engine.render(request).note == "", "it is said once"


def test_the_engine_says_so_when_nothing_is_left(engine: Engine, sample_photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = engine.open(sample_photo)
    request = RenderRequest(session.digest, Rig().set("pose.yaw", 8), steps=2, size="crop")
    kind, real = type(engine.network), type(engine.network).raw

    def raw(*_: Any) -> Tensor:
        raise MemoryError
    monkeypatch.setattr(kind, "raw", raw)
    with pytest.raises(UserError, match="not enough free memory"):
        engine.render(request)
    monkeypatch.setattr(kind, "raw", real)
    assert engine.render(request).crop.shape[2] == 3, "the engine goes on"
