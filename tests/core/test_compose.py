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


def test_an_unchanged_light_gives_factors_of_exactly_one():
    rendered = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    assert (compose.quotient(rendered, rendered, rendered, _disc(), _disc(radius=0.4)) == 1).all()


def test_factors_follow_the_light_on_the_head_and_the_hair_and_leave_the_background():
    cover = _disc()
    before = cover[..., None] * np.full((64, 64, 3), 0.5, np.float32)
    after = before * 1.6
    factors = compose.quotient(after, before, np.full_like(before, 0.5), cover, _disc(radius=0.38))
    assert np.allclose(factors[32, 32], 1.6, atol=0.05)
    dark = compose.quotient(after / 5, before / 5, np.full_like(before, 0.1), cover, _disc(radius=0.38))
    assert np.allclose(dark, factors, atol=1e-4)  # dark skin follows the light as fair skin does
    hair = factors[32, int(64 * 0.85)]
    assert (hair > 1.1).all() and (hair < factors[32, 32] + 0.02).all()
    assert (factors[0, 0] == 1).all() and (factors[32, 63] == 1).all()


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


def test_factors_go_on_beyond_the_crop_without_a_step_and_fade():
    """A relit face must not end at the crop's border: the body follows, less and less, and the background doesn't."""
    side, edge = 64, 20
    factors = np.full((side, side, 3), 1.6, np.float32)
    matte = np.zeros((side + 2 * edge,) * 2, np.float32)
    matte[:, 30:70] = 1
    factors[matte[edge:-edge, edge:-edge] == 0] = 1
    wide = compose.continued(factors, matte, edge, 1.0)
    assert np.array_equal(wide[edge:-edge, edge:-edge], factors)
    below = wide[edge + side - 1:, 50, 0]
    assert below[1] > 1.5 and abs(below[-1] - 1) < 0.02 and (np.diff(below) <= 1e-4).all() and np.abs(np.diff(below)).max() < 0.1
    assert np.abs(wide[edge + side:, :20] - 1).max() < 0.02
