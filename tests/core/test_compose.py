"""Picture arithmetic: what must stay exactly as it is, and what must go where."""
from __future__ import annotations

import numpy as np

from core import compose


def _disc(side: int = 64, radius: float = 0.3) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side - 0.5
    return (np.hypot(x, y) < radius).astype(np.float32)


def test_model_range_and_back():
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    there = compose.to_model(picture)
    assert there.shape == (3, 4, 4) and there.min() >= -1
    assert np.array_equal(compose.to_uint8(compose.from_model(there)), picture)


def test_bytes_round_half_up_and_clip():
    assert compose.to_uint8(np.array([[[0.49, 0.5, 300.0]]])).tolist() == [[[0, 1, 255]]]


def test_relit_highlights_do_not_clip_and_factor_one_changes_nothing():
    ramp = np.linspace(0, 255, 64, dtype=np.float32).reshape(8, 8, 1).repeat(3, 2)
    bright = compose.relight(ramp, np.full_like(ramp, 2.0))
    assert bright.max() <= 255.01 and (np.diff(bright[..., 0].ravel()) > 0).all()
    assert np.allclose(compose.relight(ramp, np.ones_like(ramp)), ramp, atol=1e-4)
    assert np.allclose(compose.relight(ramp, np.full_like(ramp, 0.5)), ramp / 2, atol=1e-4)


def test_soft_mask_is_one_on_the_head_and_zero_far_away():
    mask = compose.soft_mask(_disc(radius=0.2), 0.05)
    assert mask[32, 32] == 1 and mask[0, 0] == 0 and 0 < mask[32, 32 + int(64 * 0.26)] < 1


def test_resize_keeps_the_mean():
    picture = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    assert abs(compose.resize(picture, 16).mean() - picture.mean()) < 1e-3
    assert compose.resize(picture, 64) is picture
