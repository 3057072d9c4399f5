"""Shine goes with the old light, grain stays in the dark, and what is lit as before stays as it was."""
from __future__ import annotations

import numpy as np

from core.complexion import Complexion, complexion, relight_skin
from core.compose import relight
from core.cv import cv2

SIDE = 128
TONE = np.array([0.72, 0.5, 0.38], np.float32)
ONES = np.ones((SIDE, SIDE), np.float32)


def _found(picture: np.ndarray) -> Complexion:
    return complexion(picture, ONES, ONES, np.broadcast_to(TONE, (SIDE, SIDE, 3)).astype(np.float32))


def _skin(level: float | np.ndarray = 0.6) -> np.ndarray:
    return np.asarray(level, np.float32) * np.ones((SIDE, SIDE, 1), np.float32) * TONE / TONE.max()


def _bytes(image: np.ndarray) -> np.ndarray:
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def _spot() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    return np.exp(-(x * x + y * y) / (2 * 0.03**2)).astype(np.float32)[..., None]


def test_the_same_light_leaves_every_pixel() -> None:
    picture = _bytes(_skin() + 0.5 * _spot())
    again = relight_skin(picture, np.ones((SIDE, SIDE, 3), np.float32), _found(picture))
    assert np.abs(again - picture).max() < 1e-3


def test_shine_goes_faster_than_the_light_and_leaves_skin_and_no_grey_spot() -> None:
    picture = _bytes(_skin() + 0.5 * _spot())
    found, dim = _found(picture), np.full((SIDE, SIDE, 3), 0.4, np.float32)
    assert found.shine[64, 64].mean() > 0.2 and found.shine[20, 20].max() < 0.02
    new, plain = relight_skin(picture, dim, found), relight(picture.astype(np.float32), dim)
    beside = new[20, 20]
    assert (plain[64, 64] - beside).mean() > 2 * abs((new[64, 64] - beside).mean())

    def paleness(colour: np.ndarray) -> float:
        return float(colour[2] / colour[0])
    assert paleness(new[64, 64]) < 0.5 * (paleness(plain[64, 64]) + paleness(beside))


def test_a_cheek_toward_the_lamp_is_no_shine() -> None:
    across = np.linspace(0.5, 1.3, SIDE, dtype=np.float32)[None, :, None]
    picture = _bytes(_skin(0.6) * across)
    shading, tone = np.repeat(across[..., 0], SIDE, 0), np.broadcast_to(TONE, (SIDE, SIDE, 3)).astype(np.float32)
    found = complexion(picture, ONES, shading, tone)
    assert found.shine.max() < 0.03


def test_what_is_brightened_out_of_the_dark_has_less_grain_and_the_colour_of_skin() -> None:
    rng = np.random.default_rng(0)
    image = _skin(0.16) * np.array([0.9, 1.15, 0.8], np.float32)  # a green shade
    picture = _bytes(image + rng.normal(0, 0.012, image.shape).astype(np.float32))
    found, bright = _found(picture), np.full((SIDE, SIDE, 3), 3.0, np.float32)
    new, plain = relight_skin(picture, bright, found), relight(picture.astype(np.float32), bright)

    def grain(a: np.ndarray) -> float:
        return float((a - cv2.GaussianBlur(a, (0, 0), 4))[20:-20, 20:-20].std())
    assert grain(new) < 0.5 * grain(plain)

    def green(a: np.ndarray) -> float:
        return float(a[..., 1].mean() / a[..., 0].mean() - TONE[1] / TONE[0])
    assert abs(green(new)) < 0.6 * abs(green(plain))
    little = np.full((SIDE, SIDE, 3), 1.02, np.float32)
    assert np.abs(relight_skin(picture, little, found) - relight(picture.astype(np.float32), little)).max() < 0.5


def test_skin_that_is_brightened_keeps_its_colour_near_white() -> None:
    skin = _skin(0.9) * 255
    new = relight(skin, np.full_like(skin, 2.0))
    assert new.max() <= 256 and new[0, 0, 2] / new[0, 0, 0] < 0.75
