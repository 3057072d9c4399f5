"""The exact edge of a person: found from a matte that is some pixels too wide, strands and all, and left alone where colours say
nothing."""
from __future__ import annotations

import numpy as np
import pytest

from core.cv import cv2
from core.matte_edge import exact_edge

SIDE = 200


def _disc(radius: float) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    return (np.hypot(x, y) < radius).astype(np.float32)


def _picture(person: np.ndarray, colours: tuple[float, float], noise: float = 3.0) -> np.ndarray:
    soft = cv2.GaussianBlur(person, (0, 0), 0.7)[..., None]
    clean = colours[0] + (colours[1] - colours[0]) * soft * np.array([1.0, 0.9, 0.8], np.float32)
    return np.clip(clean + np.random.default_rng(0).normal(0, noise, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("colours", [(220.0, 60.0), (40.0, 190.0)])
def test_a_matte_that_is_too_wide_is_drawn_in_to_the_true_edge(colours: tuple[float, float]) -> None:
    wide = cv2.GaussianBlur(_disc(0.325), (0, 0), 2.0)
    found = exact_edge(_picture(_disc(0.30), colours), wide)
    assert np.abs(found.matte - _disc(0.30)).mean() < 0.25 * np.abs(wide - _disc(0.30)).mean()
    beside = (_disc(0.34) == 1) & (_disc(0.312) == 0)
    assert found.share[beside].max() < 0.2 and found.share[_disc(0.285) == 1].min() > 0.95


def test_of_dark_hair_before_a_bright_wall_less_light_is_the_persons_than_is_covered() -> None:
    found = exact_edge(_picture(_disc(0.30), (230.0, 30.0)), cv2.GaussianBlur(_disc(0.31), (0, 0), 2.0))
    half = (found.matte > 0.3) & (found.matte < 0.7)
    assert half.sum() > 50 and (found.share[half] < found.matte[half]).mean() > 0.9


def test_where_colours_are_alike_the_matte_stays_about_as_it_is() -> None:
    matte = cv2.GaussianBlur(_disc(0.30), (0, 0), 2.0)
    found = exact_edge(_picture(np.zeros((SIDE, SIDE), np.float32), (128.0, 128.0)), matte)
    assert np.abs(found.matte - matte)[_disc(0.26) == 1].max() < 0.05 and found.matte[_disc(0.34) == 0].max() < 0.05


def test_a_strip_of_sky_over_the_head_is_no_hair() -> None:
    """A head that nearly touches the photo's top: segmentation takes the sky between for hair."""
    person = np.zeros((SIDE, SIDE), np.float32)
    person[6:, 60:140] = 1
    wide = person.copy()
    wide[:, 60:140] = 1
    found = exact_edge(_picture(person, (230.0, 50.0)), wide)
    assert found.share[:4, 70:130].max() < 0.2 and found.share[10:, 70:130].min() > 0.9
