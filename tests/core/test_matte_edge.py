"""The exact edge of a person: found from a matte that is some pixels too wide, strands and all, and left alone where colours say
nothing."""
from __future__ import annotations

import numpy as np
import pytest

from core.cv import cv2
from core.matte_edge import share_of_light, told_apart

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
    found = told_apart(_picture(_disc(0.30), colours), wide, SIDE)
    assert np.abs(found - _disc(0.30)).mean() < 0.25 * np.abs(wide - _disc(0.30)).mean()
    beside = (_disc(0.34) == 1) & (_disc(0.312) == 0)
    assert found[beside].max() < 0.25 and found[_disc(0.285) == 1].min() > 0.95


def test_of_dark_hair_before_a_bright_wall_less_light_is_the_persons_than_is_covered() -> None:
    picture = _picture(_disc(0.30), (230.0, 30.0), 0)
    behind = _picture(np.zeros((SIDE, SIDE), np.float32), (230.0, 30.0), 0)
    matte = cv2.GaussianBlur(_disc(0.30), (0, 0), 0.7)
    share = share_of_light(picture, matte, behind)
    half = (matte > 0.3) & (matte < 0.7)
    assert half.sum() > 50 and (share[half] < 0.5 * matte[half]).all()
    assert share[_disc(0.28) == 1].min() > 0.99 and share[_disc(0.33) == 0].max() == 0


def test_where_colours_are_alike_the_matte_stays_about_as_it_is() -> None:
    matte = cv2.GaussianBlur(_disc(0.30), (0, 0), 2.0)
    found = told_apart(_picture(np.zeros((SIDE, SIDE), np.float32), (128.0, 128.0)), matte, SIDE)
    assert np.abs(found - matte).max() < 0.2
