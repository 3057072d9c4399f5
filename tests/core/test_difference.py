"""How much two pictures differ, and the colours it is shown in."""
from __future__ import annotations

import numpy as np

from core.difference import SCALES, difference, painted


def grey(level: int, side: int = 40) -> np.ndarray:
    return np.full((side, side, 3), level, np.uint8)


def test_equal_pictures_do_not_differ() -> None:
    found = difference(grey(90), grey(90))
    assert (found.mean, found.largest, found.seen, found.scale) == (0, 0, 0, SCALES[0])


def test_the_channel_that_differs_most_counts() -> None:
    other = grey(90)
    other[30:, 30:] = (95, 60, 90)  # a lower right corner of 10 by 10
    found = difference(grey(90), other)
    assert found.largest == 30 and found.levels[35, 35] == 30 and found.levels[0, 0] == 0
    assert found.mean == 30 * 100 / 1600 and found.seen == 100 / 1600
    assert min(found.at) > 0.7
    assert found.scale == 32


def test_one_wild_pixel_does_not_set_the_scale() -> None:
    other = grey(90)
    other[0, 0] = 255
    other[1:, :] = 96
    assert difference(grey(90), other).scale == 8


def test_less_than_is_seen_counts_as_unseen() -> None:
    found = difference(grey(90), grey(93))
    assert found.mean == 3 and found.seen == 0


def test_pictures_of_other_sizes_are_brought_together() -> None:
    found = difference(grey(90, 20), grey(100, 40))
    assert found.levels.shape == (40, 40) and found.mean == 10


def test_the_map_is_readable_without_colour_too() -> None:
    """Brightness rises all the way from 0 to the scale; more than that is clipped; no red against green."""
    ramp = painted(np.linspace(0, 64, 256)[None], 64)[0].astype(float)
    brightness = ramp @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(brightness) > -0.6).all() and brightness[-1] - brightness[0] > 150
    assert (np.abs(ramp[:, 0] - ramp[:, 1])[1:] < 80).all(), "red and green go together"
    assert (painted(np.array([[64.0, 200.0]]), 64)[0, 0] == painted(np.array([[64.0, 200.0]]), 64)[0, 1]).all()
