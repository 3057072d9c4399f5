"""Few-step sampling from seeded noise, with a network that knows the answer, and one that errs."""
from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.diffusion import dpm_solver as solve
from core.diffusion import full_schedule, schedule_at
from core.errors import Cancelled
from core.sampling import METHODS, Sampler, renoise, renoise_timesteps, sample, sampling_timesteps

BAR = torch.from_numpy(full_schedule().bar).float()


def _knowing(x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
    """The exact noise predictor for pictures that are one Gaussian: mean = the first buffer channels, deviation 0.1."""
    bar = BAR[t].view(-1, 1, 1, 1)
    mean, variance = condition[:, :3], 0.01
    clean = mean + bar.sqrt() * variance / (bar * variance + 1 - bar) * (x - bar.sqrt() * mean)
    return (x - bar.sqrt() * clean) / (1 - bar).sqrt()


def _grainy(x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
    """The same, but it takes part of the noise for detail, as a young network does."""
    return 0.9 * _knowing(x, t, condition, code)


def _pictures(value: float) -> Tensor:
    return torch.full((1, 9, 16, 16), value)


def _noise(seed: int = 3) -> Tensor:
    return torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("spaced, last", [(sampling_timesteps, 20), (renoise_timesteps, 120)])
def test_timesteps_fall_from_noise_to_the_last(spaced, last: int) -> None:
    assert spaced(1) == [999]
    for steps in (2, 6, 10, 200):
        found = spaced(steps)
        assert found[0] == 999 and found[-1] == last and len(set(found)) == steps and found == sorted(found, reverse=True)
    for steps in (0, 501):
        with pytest.raises(ValueError):
            spaced(steps)


def test_renoising_forgives_errors_that_a_solver_piles_up() -> None:
    chosen = renoise_timesteps(6)
    renoised = renoise(_grainy, _noise(), chosen, _pictures(0.3), None, 1)
    solved = solve(_grainy, _noise(), schedule_at(chosen), _pictures(0.3), None, clip=False)
    told = renoise(_grainy, _noise(), chosen, _pictures(0.3), None, 1, shift=1.4)
    errors = [float((picture - 0.3).abs().mean()) for picture in (told, renoised, solved)]
    assert errors == sorted(errors) and errors[0] < 0.9 * errors[1] < 0.9 * errors[2]


def test_the_shift_says_more_noise_than_there_is_after_the_first_step() -> None:
    told: list[tuple[int, float]] = []

    def network(x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
        told.append((int(t[0]), float(x.std())))
        return torch.zeros_like(x)

    renoise(network, _noise(), [999, 500, 200], _pictures(0.0), None, 0, shift=1.5)
    ratio = ((1 - BAR) / BAR).sqrt()
    assert told[0][0] == 999
    for (t, _), true in zip(told[1:], (500, 200), strict=True):
        assert float(ratio[t] / ratio[true]) == pytest.approx(1.5, rel=0.02)


def test_the_seed_alone_decides_and_a_batch_changes_nothing() -> None:
    x0 = torch.zeros(1, 3, 16, 16)
    one, same, other = (sample(_knowing, x0, _pictures(0.5), None, 8, seed) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert (one.mean() - 0.5).abs() < 0.05


@pytest.mark.parametrize("method", METHODS)
def test_strength_keeps_the_picture(method: str) -> None:
    x0, sampler = torch.zeros(1, 3, 16, 16), Sampler(method, 8)
    means = [float(sample(_knowing, x0, _pictures(0.5), None, 8, 1, strength, sampler).mean()) for strength in (0, 0.25, 1)]
    assert torch.equal(sample(_knowing, x0, _pictures(0.5), None, 8, 1, 0.0, sampler), x0)
    assert means[0] < means[1] < means[2] + 0.01


def test_steps_are_bounded_by_what_helps_and_told() -> None:
    seen: list[tuple[int, int]] = []
    sample(_knowing, torch.zeros(1, 3, 16, 16), _pictures(0.5), None, 50, on_step=lambda k, n, _: seen.append((k, n)))
    assert seen == [(k, Sampler().steps) for k in range(1, Sampler().steps + 1)]
    assert Sampler().steps <= 10


def test_a_student_is_sampled_where_it_was_trained() -> None:
    student = Sampler.of_student({"timesteps": [999, 400], "samples": 7})
    assert student.descending(12) == [999, 400] and student.descending(1) == [999]
    told: list[int] = []

    def network(x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
        told.append(int(t[0]))
        return _knowing(x, t, condition, code)

    sample(network, torch.zeros(1, 3, 16, 16), _pictures(0.5), None, 12, sampler=student)
    assert told == [999, 400]


def test_a_card_chooses_the_sampler() -> None:
    assert Sampler.of_card({}) == Sampler()
    assert Sampler.of_card({"method": "dpm", "steps": 10, "found": "by eye"}) == Sampler("dpm", 10)
    assert Sampler("dpm", 10).descending(12)[-1] == 20
    for wrong in ({"method": "euler"}, {"steps": 0}, {"shift": 100}):
        with pytest.raises(ValueError):
            Sampler.of_card(wrong)
    for timesteps in ([400, 999], [1000], [5, -1]):
        with pytest.raises(ValueError):
            Sampler.of_student({"timesteps": timesteps})


def test_a_callback_can_cancel() -> None:
    def stop(step: int, steps: int, estimate: Tensor) -> None:
        if step == 2:
            raise Cancelled

    for method in METHODS:
        with pytest.raises(Cancelled):
            sample(_knowing, torch.zeros(1, 3, 16, 16), _pictures(0.5), None, 8, sampler=Sampler(method, 8), on_step=stop)
