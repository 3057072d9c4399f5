from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from core import diffusion
from core.diffusion import (
    ancestral,
    ddim,
    ddim_reverse,
    dpm_solver,
    edit,
    full_schedule,
    guided,
    invert,
    p2_weight,
    respaced,
    schedule_at,
    timesteps,
)
from core.errors import Cancelled
from models.config import DenoiserConfig
from models.rig_model import EpsilonNetwork, NoisePredictor
from models.schedule import betas
from tests.models.parity import arrays, recipe_model


@pytest.fixture(scope="module")
def tables(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "parity" / "iii_schedule" / "tables.npz") as stored:
        return {key: stored[key] for key in stored.files}


@pytest.fixture(scope="module")
def reference(shared: Path) -> tuple[EpsilonNetwork, Tensor, Tensor, Tensor]:
    """Network, buffers, code and photo of the small reference model."""
    inputs = arrays(shared, "forward64")
    network = EpsilonNetwork(recipe_model(shared, DenoiserConfig.reference(64, 32, dropout=0.0)))
    return network, inputs["physic_cond"][:1], inputs["latent"][:1], inputs["image"][:1]


# -- schedules ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["full1000", "respaced/ddim20", "respaced/ddim50", "respaced/20"])
def test_tables_match_the_reference(tables: dict[str, np.ndarray], name: str) -> None:
    found = full_schedule() if name == "full1000" else respaced(name.split("/")[1])
    pairs = {"betas": found.betas, "alphas_cumprod": found.bar, "alphas_cumprod_prev": found.bar_before,
             "alphas_cumprod_next": found.bar_after, "posterior_variance": found.posterior_variance,
             "posterior_mean_coef1": found.posterior_mean[0], "posterior_mean_coef2": found.posterior_mean[1], "snr": found.snr}
    for key, value in pairs.items():
        assert value.dtype == np.float64
        np.testing.assert_allclose(value, tables[f"{name}/{key}"], rtol=1e-9, err_msg=key)


def test_large_variance_p2_and_cosine_match_the_reference(tables: dict[str, np.ndarray]) -> None:
    found = full_schedule()
    np.testing.assert_allclose(found.large_variance, tables["full1000/fixed_large_variance"], rtol=1e-12)
    weight = p2_weight(torch.from_numpy(found.snr)).numpy()
    np.testing.assert_allclose(weight, tables["full1000/p2_weight_g1_k1"], rtol=1e-12)
    np.testing.assert_allclose(weight, 1 - found.bar, rtol=1e-9)
    np.testing.assert_allclose(betas("cosine").numpy(), tables["cosine1000/betas"], rtol=1e-12)


@pytest.mark.parametrize("spacing", ["ddim10", "ddim20", "ddim25", "ddim50", "ddim100", "20", "50", "250", "10,15,20"])
def test_respacing_matches_the_reference(tables: dict[str, np.ndarray], spacing: str) -> None:
    np.testing.assert_array_equal(respaced(spacing).timesteps, tables[f"respaced/{spacing}/timestep_map"])


@pytest.mark.parametrize("spacing", ["ddim0", "ddim300", "0", "1001", "900,900"])
def test_impossible_spacings_are_refused(spacing: str) -> None:
    with pytest.raises(ValueError):
        respaced(spacing)


def test_noising_matches_the_reference(tables: dict[str, np.ndarray]) -> None:
    x0, noise, t, want = (torch.from_numpy(tables[f"q_sample/{key}"]) for key in ("x0", "noise", "t", "xt"))
    found = diffusion.add_noise(x0, noise, t, torch.from_numpy(full_schedule().bar))
    torch.testing.assert_close(found, want, atol=1e-6, rtol=0)


def test_few_step_timesteps_start_at_noise() -> None:
    assert timesteps(4) == [999, 749, 499, 249]
    assert len(set(timesteps(12))) == 12
    with pytest.raises(ValueError):
        timesteps(0)


# -- samplers against the reference -------------------------------------------------------------------------------------------


def test_ddim_matches_the_reference(shared: Path, reference: tuple[EpsilonNetwork, Tensor, Tensor, Tensor]) -> None:
    network, condition, code, _ = reference
    want = arrays(shared, "ddim20_64")
    seen: list[tuple[int, int, Tensor]] = []
    out = ddim(network, want["noise"], respaced("ddim20"), condition, code, on_step=lambda *step: seen.append(step))
    torch.testing.assert_close(out, want["samples"][-1:], atol=3e-3, rtol=0)
    assert [(k, n) for k, n, _ in seen] == [(k, 20) for k in range(1, 21)]
    torch.testing.assert_close(seen[0][2], want["pred_xstart_first"], atol=1e-3, rtol=0)
    torch.testing.assert_close(seen[-1][2], want["pred_xstart_last"], atol=3e-3, rtol=0)


def _stored(noises: Tensor) -> Callable[[int], Tensor]:
    return lambda k: noises[k:k + 1]


def test_ddim_with_noise_matches_the_reference(shared: Path, reference: tuple[EpsilonNetwork, Tensor, Tensor, Tensor]) -> None:
    network, condition, code, _ = reference
    want = arrays(shared, "ddim20_eta1_64")
    out = ddim(network, want["noise"], respaced("ddim20"), condition, code, 1.0, _stored(want["step_noises"]))
    torch.testing.assert_close(out, want["final"], atol=3e-3, rtol=0)


def test_ancestral_sampling_matches_the_reference(shared: Path, reference: tuple[EpsilonNetwork, Tensor, Tensor, Tensor]) -> None:
    network, condition, code, _ = reference
    want = arrays(shared, "ddpm20_64")
    out = ancestral(network, want["noise"], respaced("20"), condition, code, _stored(want["step_noises"]))
    torch.testing.assert_close(out, want["final"], atol=3e-3, rtol=0)


def test_ddim_inversion_matches_the_reference(shared: Path, reference: tuple[EpsilonNetwork, Tensor, Tensor, Tensor]) -> None:
    network, condition, code, _ = reference
    want = arrays(shared, "ddim20_reverse_64")
    out = ddim_reverse(network, want["x0"], respaced("ddim20"), condition, code)
    torch.testing.assert_close(out, want["xT"], atol=3e-3, rtol=0)


# -- few steps and inversion, with a toy network ------------------------------------------------------------------------------


def _gaussian(x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
    """The exact noise predictor for pictures that are one Gaussian: mean = the first buffer channels, deviation 0.25."""
    bar = torch.from_numpy(full_schedule().bar)[t].float().view(-1, 1, 1, 1)
    mean, variance = condition[:, :3], 0.0625
    clean = mean + bar.sqrt() * variance / (bar * variance + 1 - bar) * (x - bar.sqrt() * mean)
    return (x - bar.sqrt() * clean) / (1 - bar).sqrt()


TOY: NoisePredictor = _gaussian


def _pictures(value: float) -> Tensor:
    return torch.full((1, 9, 16, 16), value)


def test_second_order_solver_is_nearer_than_ddim_in_as_many_steps() -> None:
    noise = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    exact = ddim(TOY, noise, full_schedule(), _pictures(0.2), None, clip=False)
    few = schedule_at([0, 20, 80, 200, 400, 600, 800, 999])
    first = (ddim(TOY, noise, few, _pictures(0.2), None, clip=False) - exact).abs().mean()
    second = (dpm_solver(TOY, noise, few, _pictures(0.2), None, clip=False) - exact).abs().mean()
    assert second < 0.6 * first


@pytest.mark.parametrize("skip", [0, 3, 9, 12])
def test_an_inverted_photo_comes_back(skip: int) -> None:
    x0 = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(5)) * 1.8 - 0.9
    inversion = invert(TOY, x0, _pictures(-0.1), None, timesteps(12), seed=7)
    assert (edit(TOY, inversion, _pictures(-0.1), None, skip) - x0).abs().max() < 1e-3


def test_a_photo_comes_back_from_the_reference_network_too(reference: tuple[EpsilonNetwork, Tensor, Tensor, Tensor]) -> None:
    network, condition, code, photo = reference
    inversion = invert(network, photo, condition, code, timesteps(12))
    assert (edit(network, inversion, condition, code) - photo).abs().max() < 1e-3


def test_other_buffers_move_the_photo_the_more_the_fewer_steps_are_skipped() -> None:
    x0 = _pictures(0.0)[:, :3]
    inversion = invert(TOY, x0, _pictures(0.0), None, timesteps(12))
    moved = [float(edit(TOY, inversion, _pictures(0.4), None, skip).mean()) for skip in (0, 4, 8, 12)]
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > 0.3 and moved[-1] == 0.0


def test_guidance_goes_further_than_the_buffers_ask_and_none_leaves_the_photo() -> None:
    x0 = _pictures(0.0)[:, :3]
    inversion = invert(TOY, x0, _pictures(0.0), None, timesteps(12))
    plain = edit(TOY, inversion, _pictures(0.2), None)
    strong = edit(TOY, inversion, _pictures(0.2), None, guidance=2.0, reference=_pictures(0.0))
    assert strong.mean() > plain.mean() + 0.1
    assert (edit(TOY, inversion, _pictures(0.2), None, guidance=0.0, reference=_pictures(0.0)) - x0).abs().max() < 1e-3


def test_guidance_mixes_each_evaluation_of_a_batch_with_its_own_code() -> None:
    def network(x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
        assert code is not None
        return x + condition[:, :3] + code.sum(1).view(-1, 1, 1, 1)

    x = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    ask = guided(network, 2.0, _pictures(0.25), torch.full((1, 2), 0.5))
    found = ask(x, torch.tensor([500]), _pictures(1.0), torch.full((1, 2), 2.0))
    torch.testing.assert_close(found, x + (0.25 + 1) + 2 * ((1 + 4) - (0.25 + 1)))
    assert guided(network, 1.0, _pictures(0.25), None) is network


def test_repainting_frees_only_the_masked_part() -> None:
    x0 = torch.full((1, 3, 16, 16), -0.6)
    inversion = invert(TOY, x0, _pictures(0.5), None, timesteps(12))
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8] = 1
    out = edit(TOY, inversion, _pictures(0.5), None, skip=2, repaint=mask, seed=3)
    assert (out[..., 8:] - x0[..., 8:]).abs().max() < 1e-3
    assert out[..., :8].mean() > 0.2  # what the network believes in


def test_estimates_without_an_edit_are_the_photo() -> None:
    x0 = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(5)) - 0.5
    inversion = invert(TOY, x0, _pictures(0.1), None, timesteps(6))
    shown: list[Tensor] = []
    edit(TOY, inversion, _pictures(0.1), None, on_step=lambda k, n, estimate: shown.append(estimate))
    assert len(shown) == 6 and all((estimate - x0).abs().max() < 1e-3 for estimate in shown)


def test_a_callback_can_cancel() -> None:
    def stop(step: int, steps: int, estimate: Tensor) -> None:
        if step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        invert(TOY, torch.zeros(1, 3, 16, 16), _pictures(0.5), None, timesteps(8), batch=1, on_step=stop)
