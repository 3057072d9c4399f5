"""The choice of a number format: by time, but only where the output is the same."""
from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from core import device
from core.device import LARGEST_ERROR, pick_device, pick_dtype, relative_error, short_dtypes

CPU = torch.device("cpu")


class Trial:
    """Network steps of known length and error; counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, short: float, error: float) -> None:
        self.now, self.short, self.error, self.steps = 0.0, short, error, 0
        for clock in ("perf_counter", "process_time"):
            monkeypatch.setattr(time, clock, lambda: self.now)

    def __call__(self, dtype: torch.dtype) -> torch.Tensor:
        self.steps += 1
        self.now += 1.0 if dtype == torch.float32 else self.short
        return torch.full((4,), 1.0 if dtype == torch.float32 else 1.0 + self.error)


@pytest.mark.parametrize(("short", "error", "expected"), [
    (0.2, 0.5 * LARGEST_ERROR, torch.bfloat16),
    (0.9, 0.0, torch.float32),  # hardly faster
    (0.2, 2 * LARGEST_ERROR, torch.float32),  # faster, but another picture
    (0.2, float("nan"), torch.float32),
    (8.0, 0.0, torch.float32),
])
def test_the_short_format_must_be_faster_and_exact(monkeypatch: pytest.MonkeyPatch, short: float, error: float,
                                                   expected: torch.dtype) -> None:
    assert pick_dtype(CPU, Trial(monkeypatch, short, error), None, "net") == expected


def test_a_format_that_the_device_cannot_do_is_left() -> None:
    def trial(dtype: torch.dtype) -> torch.Tensor:
        if dtype != torch.float32:
            raise RuntimeError("not implemented for 'BFloat16'")
        return torch.ones(1)

    assert pick_dtype(CPU, trial, None, "net") == torch.float32


def test_the_choice_is_remembered_for_this_network_and_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "sub" / "timing.json"
    quick = Trial(monkeypatch, 0.2, 0.0)
    assert pick_dtype(CPU, quick, cache, "net") == torch.bfloat16
    steps = quick.steps
    slow = Trial(monkeypatch, 2.0, 0.0)
    assert pick_dtype(CPU, slow, cache, "net") == torch.bfloat16 and slow.steps == 0
    assert pick_dtype(CPU, slow, cache, "other") == torch.float32 and steps > 2
    monkeypatch.setattr(device, "LARGEST_ERROR", 0.001)
    quick.error = 0.01
    assert pick_dtype(CPU, quick, cache, "net") == torch.float32  # another limit: asked anew
    assert len(json.loads(cache.read_text())) == 3


def test_relative_error_and_formats() -> None:
    assert relative_error(torch.tensor([1.0, 1.1]), torch.tensor([1.0, 1.0])) == pytest.approx(0.1 / 2**0.5, rel=1e-5)
    assert relative_error(None, torch.ones(2)) == 0 == relative_error(torch.ones(2), torch.zeros(2))
    assert short_dtypes(torch.device("mps")) == (torch.float16,) and short_dtypes(CPU) == (torch.bfloat16,)


def test_a_device_that_is_not_here_is_refused() -> None:
    assert pick_device("cpu") == CPU
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="no cuda device"):
            pick_device("cuda")
