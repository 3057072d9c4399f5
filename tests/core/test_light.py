"""Spherical-harmonics light: the reference's numbers, and lights described in words."""
from __future__ import annotations

import numpy as np
import pytest

from core.light import (
    SH_CONSTANTS,
    LightParams,
    compose,
    decompose,
    edit,
    lamp_lobe,
    mean_shading,
    shade,
)


def sphere_normals(count: int = 41) -> np.ndarray:
    """Normals (N, 3) of a sphere's visible half, evenly spread over the picture."""
    grid = np.linspace(-0.99, 0.99, count)
    x, y = (a.ravel() for a in np.meshgrid(grid, grid))
    inside = x * x + y * y < 0.98
    x, y = x[inside], y[inside]
    return np.stack([x, y, np.sqrt(1 - x * x - y * y)], -1)


def some_light(seed: int = 0) -> np.ndarray:
    light = np.random.default_rng(seed).normal(0, 0.2, (9, 3)).astype(np.float32)
    light[0] += 2.8
    return light


def test_constants_are_the_references() -> None:
    expected = [0.2820948, *[1.0233267] * 3, *[0.8580855] * 3, 0.4290428, 0.2477080]
    assert np.allclose(SH_CONSTANTS, expected, atol=1e-6)


def test_lamp_lobe_is_the_projection_of_the_clamped_cosine() -> None:
    rng = np.random.default_rng(1)
    normals = rng.normal(size=(200_000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    direction = np.array([0.6, -0.48, 0.64])
    basis = np.concatenate([shade(normals, np.eye(9)[:, 3 * i:3 * i + 3]) for i in range(3)], 1)
    cosine = np.maximum(normals @ direction, 0)
    fitted = np.linalg.lstsq(basis, cosine, rcond=None)[0]
    assert np.allclose(fitted, lamp_lobe(direction), atol=0.01)


@pytest.mark.parametrize("azimuth, side", [(60, 1), (-60, -1), (90, 1)])
def test_azimuth_brightens_that_side(azimuth: float, side: int) -> None:
    normals = sphere_normals()
    shading = shade(normals, edit(some_light(), {"azimuth": azimuth, "elevation": 0})).mean(1)
    bright, dark = shading[side * normals[:, 0] > 0.4].mean(), shading[side * normals[:, 0] < -0.4].mean()
    assert bright > 1.25 * dark


def test_elevation_brightens_the_forehead() -> None:
    normals = sphere_normals()
    shading = shade(normals, edit(some_light(), {"elevation": 60, "azimuth": 0})).mean(1)
    assert shading[normals[:, 1] > 0.4].mean() > 1.3 * shading[normals[:, 1] < -0.4].mean()


def test_moving_the_lamp_keeps_the_face_as_bright() -> None:
    light = some_light(3)
    for azimuth in (-120, -40, 40, 80):
        assert mean_shading(edit(light, {"azimuth": azimuth})).mean() == pytest.approx(mean_shading(light).mean(), rel=1e-4)


def test_no_change_gives_the_fitted_light_exactly() -> None:
    light = some_light(5)
    fitted = decompose(light)
    assert np.array_equal(edit(light, {}), light)
    same = {name: getattr(fitted, name) for name in ("azimuth", "elevation", "intensity", "ambient", "color")}
    assert np.array_equal(edit(light, same), light)


def test_decompose_reads_back_what_compose_wrote() -> None:
    wanted = LightParams(35, -20, 0.8, 0.4, (1.0, 0.8, 0.6))
    light = compose(wanted)
    level = mean_shading(light)
    found = decompose(light)
    assert (found.azimuth, found.elevation) == pytest.approx((35, -20), abs=1e-3)
    assert found.color == pytest.approx((1.0, 0.8, 0.6), abs=1e-4)
    assert found.intensity * level.mean() == pytest.approx(0.8, rel=1e-4)  # the unit is the new light's own mean


def test_intensity_brightens_and_colour_tints_only_the_lamp() -> None:
    light, normals = compose(LightParams(20, 10, 0.4, 0.7)), sphere_normals()
    brighter = edit(light, {"intensity": 1.5})
    assert mean_shading(brighter).mean() > 1.1 * mean_shading(light).mean()
    lit = edit(light, {"azimuth": 70, "intensity": 1.0})
    red = edit(light, {"azimuth": 70, "intensity": 1.0, "color": (1, 0.2, 0.2), "ambient": 0.5})
    warm, plain = shade(normals, red), shade(normals, lit)
    right, left = normals[:, 0] > 0.5, normals[:, 0] < -0.5

    def redness(rgb: np.ndarray) -> float:
        return float(rgb[:, 0].mean() / rgb[:, 1:].mean())

    assert redness(warm[right]) > 1.3 * redness(plain[right])
    assert redness(warm[left]) < redness(warm[right])


def test_a_brighter_edge_is_no_lamp_behind_the_face() -> None:
    light = compose(LightParams(30, 20, 0.8, 0.6)).astype(np.float64)
    light[3] -= 0.5  # a face from the front hardly shows it beside the next two
    light[8] += 0.5 * 0.9
    light[0] += 0.5 * 1.0
    found = decompose(light)
    assert abs(found.azimuth) <= 110 and found.intensity > 0.05
    assert np.array_equal(edit(light, {"azimuth": found.azimuth}), light.astype(np.float32))


def test_a_lamp_that_stands_behind_is_left_there() -> None:
    assert decompose(compose(LightParams(150, 10, 1.0, 0.5))).azimuth == pytest.approx(150, abs=0.1)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="azimut"):
        edit(some_light(), {"azimut": 3})


def test_shading_of_the_reference(shared) -> None:
    data = np.load(shared / "parity" / "v_render_math" / "render_math.npz")
    assert np.allclose(SH_CONSTANTS, data["sh_constants"], atol=1e-6)
    for normals, light, expected in zip(data["sh_normals"], data["sh_coeff"], data["sh_shading"], strict=True):
        assert np.allclose(shade(normals.transpose(1, 2, 0), light).transpose(2, 0, 1), expected, atol=2e-6)
