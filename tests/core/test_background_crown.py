"""A crown that the photo cuts off closes above it, and colours flow into a hole along its lines."""
from __future__ import annotations

import numpy as np
import pytest

from core.background_crown import matte_beyond
from core.background_lines import flow_into
from core.pyramid import pull_push

SIDE = 200


def _ellipse(side: int, wide: float, high: float, centre: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side] + 0.5
    return (((x - side / 2) / wide) ** 2 + ((y - centre) / high) ** 2 < 1).astype(np.float32)


@pytest.mark.parametrize("cut", [48, 60])
def test_a_head_that_the_photo_cuts_off_goes_on_as_it_would(cut: int) -> None:
    whole = _ellipse(SIDE, 50, 65, 100)  # its top at row 35
    found = matte_beyond(whole[cut:], (cut, SIDE, 0, SIDE), _ellipse(SIDE, 44, 58, 100), 120)
    assert found.shape == whole.shape and np.array_equal(found[cut:], whole[cut:])
    assert not found[:20].any()  # it ends
    assert np.abs(found - whole)[:cut].sum() < 0.25 * whole[:cut].sum()
    columns = np.flatnonzero(found[cut - 1] > 0.5)
    assert abs(len(columns) - whole[cut].sum()) <= 6  # without a step at the edge


def test_nothing_stands_above_a_head_that_is_in_the_photo() -> None:
    whole = _ellipse(SIDE, 50, 65, 120)
    found = matte_beyond(whole[40:], (40, SIDE, 0, SIDE), _ellipse(SIDE, 44, 58, 120), 120)
    assert not found[:40].any()
    shoulder = whole.copy()
    shoulder[:, :30] = 1  # somebody else at the photo's edge
    assert not matte_beyond(shoulder[40:], (40, SIDE, 0, SIDE), _ellipse(SIDE, 44, 58, 120), 120)[:40].any()


def test_a_line_goes_on_through_a_hole_and_nothing_gets_sharper() -> None:
    picture = np.repeat(np.where(np.arange(SIDE) < 100, 40.0, 200.0)[None, :, None], SIDE, 0).repeat(3, 2).astype(np.float32)
    hole = _ellipse(SIDE, 40, 40, 100) > 0
    found = flow_into(picture, hole)
    assert np.array_equal(found[~hole], picture[~hole])
    assert found.min() > 30 and found.max() < 210
    smooth = pull_push(picture, (~hole).astype(np.float32))
    assert np.abs(found - picture)[hole].mean() < 0.7 * np.abs(smooth - picture)[hole].mean()
    noise = np.random.default_rng(1).uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32)
    inner = _ellipse(SIDE, 30, 30, 100) > 0
    assert np.abs(np.diff(flow_into(noise, hole), axis=1))[inner[:, 1:]].mean() < 10
