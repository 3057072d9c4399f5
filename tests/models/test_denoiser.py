from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.checkpoint import shapes_of
from models.config import DenoiserConfig
from models.denoiser import DirectPath, timestep_embedding
from models.rig_model import EpsilonNetwork, RigModel
from models.schedule import alphas_bar
from tests.models.parity import arrays, recipe, recipe_model

TINY = DenoiserConfig.compact(size=32, base=16, mult=(1, 2), groups=8, patch=2, attention=(8,), encoder_width=8)


@pytest.mark.parametrize("size", [64, 128, 256, 512])
def test_keys_and_shapes_are_the_published_ones(shared: Path, size: int) -> None:
    listed = json.loads((shared / "parity" / "i_state_dict_keys" / f"state_dict_{size}.json").read_text())["keys"]
    found = shapes_of(DenoiserConfig.reference(size))
    assert list(found.items()) == [(entry["key"], tuple(entry["shape"])) for entry in listed]


def test_small_forward_matches_the_reference(shared: Path) -> None:
    want = arrays(shared, "forward64")
    model = recipe_model(shared, DenoiserConfig.reference(64, 32, dropout=0.0))
    unet = model.denoisingUNet
    taps: dict[str, torch.Tensor] = {}
    places: dict[str, torch.nn.Module] = {"tap_time_embed": unet.time_embed, "tap_mid": unet.middle_block}
    places |= {f"tap_in{i}": unet.input_blocks[i] for i in (0, 1, 3, 7)}
    for name, module in places.items():
        module.register_forward_hook(lambda _m, _i, out, name=name: taps.__setitem__(name, out))
    with torch.inference_mode():
        code = model.encode(want["image"])
        eps = model(want["x"], want["t"], want["physic_cond"], code)
    torch.testing.assert_close(code, want["latent"], atol=2e-4, rtol=0)
    torch.testing.assert_close(eps, want["eps"], atol=2e-4, rtol=0)
    for name, value in taps.items():
        torch.testing.assert_close(value, want[name], atol=2e-4, rtol=0)


def test_the_wrong_number_of_heads_is_another_network(shared: Path) -> None:
    want = arrays(shared, "forward64")
    model = recipe_model(shared, DenoiserConfig.reference(64, 32, dropout=0.0, head_channels=32))
    with torch.inference_mode():
        eps = model(want["x"], want["t"], want["physic_cond"], want["latent"])
    torch.testing.assert_close(eps, want["eps_headch32"], atol=2e-4, rtol=0)
    assert (eps - want["eps"]).abs().max() > 0.1


SLOW = pytest.mark.skipif(not os.environ.get("DIFFUSIONRIG_SLOW"), reason="takes 10 to 30 s; DIFFUSIONRIG_SLOW=1 runs it")


@pytest.mark.parametrize("size", [256, pytest.param(512, marks=SLOW)])
def test_full_size_forward_matches_the_reference(shared: Path, size: int) -> None:
    want, make = arrays(shared, f"forward{size}"), recipe(shared)
    model = recipe_model(shared, DenoiserConfig.reference(size))
    x, condition, photo = (
        torch.from_numpy(draw(f"in.{name}{size}", (1, channels, size, size)).astype(np.float32))
        for draw, name, channels in ((make.gauss, "x", 3), (make.usym, "phys", 9), (make.usym, "img", 3)))
    with torch.inference_mode():
        code = model.encode(photo)
        eps = model(x, want["t"], condition, code)
    stride = int(want["stride"])
    torch.testing.assert_close(code, want["latent"], atol=2e-4, rtol=0)
    torch.testing.assert_close(eps[:, :, ::stride, ::stride], want["eps_strided"], atol=5e-4, rtol=0)


def test_timestep_embedding_matches_the_reference(shared: Path) -> None:
    with np.load(shared / "parity" / "iii_schedule" / "tables.npz") as tables:
        t = torch.from_numpy(tables["timestep_embedding/t"])
        for width in (32, 64, 128):
            want = torch.from_numpy(tables[f"timestep_embedding/dim{width}"])
            torch.testing.assert_close(timestep_embedding(t, width), want, atol=1e-4, rtol=0)


def test_compact_network_keeps_the_size_and_sees_every_input() -> None:
    torch.manual_seed(0)
    model = RigModel(TINY).eval()
    for parameter in model.parameters():  # some layers start at zero and would hide their inputs
        torch.nn.init.normal_(parameter, std=0.1)
    x, condition, code = torch.randn(1, 3, 64, 64), torch.randn(1, 9, 64, 64), torch.randn(1, 64)
    t = torch.tensor([500])
    with torch.inference_mode():
        out = model(x, t, condition, code)
        assert out.shape == x.shape
        changed = [model(x + 1, t, condition, code), model(x, t - 400, condition, code), model(x, t, condition * 0, code),
                   model(x, t, condition, code * 0)]
    assert all((other - out).abs().max() > 1e-3 for other in changed)


def test_noise_predictor_turns_velocity_into_noise() -> None:
    torch.manual_seed(0)
    x0, noise, t = torch.randn(2, 3, 32, 32), torch.randn(2, 3, 32, 32), torch.tensor([100, 900])
    bar = alphas_bar().float()[t].view(-1, 1, 1, 1)
    model = RigModel(TINY)
    network = EpsilonNetwork(model)
    model.forward = lambda *_: bar.sqrt() * noise - (1 - bar).sqrt() * x0  # type: ignore[method-assign]
    noisy = bar.sqrt() * x0 + (1 - bar).sqrt() * noise
    torch.testing.assert_close(network(noisy, t, torch.zeros(1, 9, 32, 32), None), noise, atol=1e-5, rtol=0)


def test_noise_predictor_hides_the_number_format() -> None:
    torch.manual_seed(0)
    model = RigModel(TINY)
    for parameter in model.denoisingUNet.out[2].parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    x, condition = torch.randn(2, 3, 32, 32, dtype=torch.float64), torch.randn(1, 9, 32, 32)
    full = EpsilonNetwork(model)(x, torch.tensor([700]), condition, None)
    half = EpsilonNetwork(model.to(torch.bfloat16))(x, torch.tensor([700]), condition, None)
    assert full.dtype == half.dtype == torch.float32
    assert 0 < (full - half).abs().max() < 0.05


@pytest.mark.parametrize("wrong", [{"prediction": "x0"}, {"groups": 7}, {"size": 100}, {"buffers": ("depth",)}, {"vector": -1},
                                   {"buffers": ("normal", "normal")}, {"encoder_buffers": ("hair",)}, {"vector_of": ("light",)}])
def test_impossible_configurations_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError):
        DenoiserConfig.compact(**wrong)


def test_configuration_survives_json() -> None:
    again = DenoiserConfig.from_json(json.loads(json.dumps(TINY.to_json())))
    assert again == TINY and again.to_key() == TINY.to_key()
    with pytest.raises(ValueError, match="depth"):
        DenoiserConfig.from_json({"depth": 3})


def test_configurations_of_older_files_are_read() -> None:
    older = {key: value for key, value in TINY.to_json().items()
             if key not in ("buffers", "encoder_buffers", "vector", "vector_of")} | {"condition": 9}
    given = dict(older)
    assert DenoiserConfig.from_json(older) == TINY and older == given
    with pytest.raises(ValueError, match="condition is 6"):
        DenoiserConfig.from_json({**older, "condition": 6})


def test_buffers_keep_the_order_they_are_named_in() -> None:
    torch.manual_seed(0)
    one, other = (RigModel(replace(TINY, buffers=names)).eval() for names in (("normal", "albedo"), ("albedo", "normal")))
    state = one.state_dict()
    patches = state["denoisingUNet.input_blocks.0.0.weight"].unflatten(1, (9, 4))
    state["denoisingUNet.input_blocks.0.0.weight"] = patches[:, [0, 1, 2, 6, 7, 8, 3, 4, 5]].flatten(1, 2)
    for weight in (v for k, v in state.items() if k.startswith("denoisingUNet.out")):
        torch.nn.init.normal_(weight)
    other.load_state_dict(state)
    one.load_state_dict({**state, "denoisingUNet.input_blocks.0.0.weight": patches.flatten(1, 2)})
    given = torch.randn(1, 3, 32, 32), torch.tensor([500]), torch.randn(1, 9, 32, 32), torch.randn(1, 64)
    torch.testing.assert_close(one(*given), other(*given), atol=1e-3, rtol=0)
    assert one(*given).std() > 0.1


def test_the_direct_path_starts_as_averages_that_time_will_mix() -> None:
    path = DirectPath(DenoiserConfig.compact())
    torch.nn.init.zeros_(path.gates.weight)
    x = torch.randn(1, 3, 16, 16)
    patches = torch.nn.functional.pixel_unshuffle(x, 4)
    assert torch.equal(path(patches, torch.zeros(1, 256)), torch.zeros(1, 48, 4, 4))
    for scale, wanted in ((0, x), (1, torch.nn.functional.avg_pool2d(x, 2)), (2, torch.nn.functional.avg_pool2d(x, 4))):
        with torch.no_grad():
            path.gates.bias.copy_(torch.arange(144) // 48 == scale)
            found = torch.nn.functional.pixel_shuffle(path(patches, torch.zeros(1, 256)), 4)
        wanted = torch.nn.functional.interpolate(wanted, 16, mode="nearest")
        torch.testing.assert_close(found, wanted, atol=0.2, rtol=0)
