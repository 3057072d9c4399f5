"""The rearranged network gives the plain one's numbers, for every kind of layout, and where its shortcuts could go wrong."""
from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch

from models.config import DenoiserConfig
from models.fast import FastNetwork
from models.graphed import GraphedNetwork
from models.rig_model import EpsilonNetwork, RigModel
from tests.models.test_denoiser import TINY

LAYOUTS = {
    "compact": TINY,
    "published": DenoiserConfig(size=32, base=16, mult=(1, 2, 2), blocks=2, attention=(16, 8), groups=8, dropout=0.0),
    "heads": replace(TINY, head_channels=8),
    "no buffers": replace(TINY, buffers=()),
    "two buffers, vector": replace(TINY, buffers=("normal", "albedo"), vector=5),
    "no levels": replace(TINY, mult=(1,), attention=(16,)),
}


def loud(config: DenoiserConfig) -> RigModel:
    """A model none of whose layers is zero, or its inputs would not be seen in the output."""
    torch.manual_seed(0)
    model = RigModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, float(parameter.ndim == 1) / 2, 0.1)
    return model


def given(config: DenoiserConfig, batch: int, side: int = 32, conditions: int = 1) -> tuple[torch.Tensor, ...]:
    """x, t, condition, code."""
    generator = torch.Generator().manual_seed(batch)
    x, condition, code = (torch.randn(*shape, generator=generator) for shape in (
        (batch, 3, side, side), (conditions, 9, side, side), (batch, config.code_width)))
    return x, torch.arange(batch) * 300 + 50, condition, code


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(("batch", "conditions"), [(1, 1), (3, 1), (2, 2)])
def test_it_gives_the_plain_networks_numbers(name: str, batch: int, conditions: int) -> None:
    config = LAYOUTS[name]
    plain, fast = EpsilonNetwork(loud(config)), FastNetwork(loud(config))
    values = given(config, batch, conditions=conditions)
    want = plain(*values)
    assert want.std() > 0.1
    torch.testing.assert_close(fast(*values), want, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(fast.encode(values[0], values[2].expand(batch, -1, -1, -1), values[3][:, :config.vector]),
                               plain.encode(values[0], values[2].expand(batch, -1, -1, -1), values[3][:, :config.vector]))


def test_other_sizes_and_batches_follow_each_other() -> None:
    plain, fast = EpsilonNetwork(loud(TINY)), FastNetwork(loud(TINY))
    for batch, side in ((1, 32), (2, 64), (1, 16), (1, 32)):
        values = given(TINY, batch, side)
        torch.testing.assert_close(fast(*values), plain(*values), atol=1e-4, rtol=1e-4)


def test_a_condition_that_is_changed_in_place_is_seen() -> None:
    plain, fast = EpsilonNetwork(loud(TINY)), FastNetwork(loud(TINY))
    x, t, condition, code = given(TINY, 1)
    first = fast(x, t, condition, code)
    condition[:, 3] += 1
    assert (fast(x, t, condition, code) - first).abs().max() > 1e-3
    for _ in range(3):  # more of them than are kept
        condition += 0.5
        torch.testing.assert_close(fast(x, t, condition, code), plain(x, t, condition, code), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(fast(x, t, condition, None), plain(x, t, condition, None), atol=1e-4, rtol=1e-4)


def test_it_leaves_the_weights_and_its_input_alone() -> None:
    model = loud(TINY)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    values = given(TINY, 2)
    copies = [value.clone() for value in values]
    network = FastNetwork(model)
    assert torch.equal(network(*values), network(*values))
    assert all(torch.equal(a, b) for a, b in zip(values, copies, strict=True))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_bfloat16_is_as_exact_as_the_plain_networks() -> None:
    values = given(TINY, 1)
    exact = EpsilonNetwork(loud(TINY))(*values)
    plain, fast = (kind(loud(TINY).to(torch.bfloat16).to(memory_format=torch.channels_last))(*values)  # type: ignore[call-overload]
                   for kind in (EpsilonNetwork, FastNetwork))
    assert (fast - exact).norm() < 1.5 * (plain - exact).norm()


def test_a_shape_that_cannot_be_captured_runs_without_a_graph(monkeypatch: pytest.MonkeyPatch,
                                                              caplog: pytest.LogCaptureFixture) -> None:
    asked: list[int] = []

    def fail(self: GraphedNetwork, values: tuple[torch.Tensor, ...]) -> None:
        asked.append(len(values[0]))
        raise RuntimeError("no memory for a graph\nmore")

    monkeypatch.setattr(GraphedNetwork, "_capture", fail)
    network, plain = GraphedNetwork(loud(TINY)), EpsilonNetwork(loud(TINY))
    with caplog.at_level(logging.WARNING):
        for batch in (1, 1, 2, 1):
            values = given(TINY, batch)
            torch.testing.assert_close(network(*values), plain(*values), atol=1e-4, rtol=1e-4)
    assert asked == [1, 2] and len(caplog.records) == 2 and "no memory for a graph" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_graphs_replay_with_new_inputs() -> None:
    plain, network = EpsilonNetwork(loud(TINY).cuda()), GraphedNetwork(loud(TINY).cuda())
    for batch in (1, 2, 1, 1):
        values = tuple(value.cuda() for value in given(TINY, batch))
        values[0].add_(batch)
        torch.testing.assert_close(network(*values), plain(*values), atol=1e-3, rtol=1e-3)
    assert network._graphs is not None and all(network._graphs.values())
