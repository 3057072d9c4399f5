"""Light and skin from one photo or several, on renders whose light and skin are known."""
from __future__ import annotations

import numpy as np
import pytest

from core.codes import FaceCode
from core.estimate_light import estimate_light, estimate_light_album
from core.head import HeadModel, load_head
from core.head.open_head import DEFAULT_FILE
from core.light import SH_CONSTANTS, lamp_lobe, mean_shading
from core.render.buffers import render_buffers

SIZE = 192
SIDE, FRONT = np.array([0.7, 0.3, 0.65]), np.array([0.1, 0.45, 0.89])


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


def lamp(direction: np.ndarray, level: float = 0.87, ambient: float = 0.5) -> np.ndarray:
    """A lamp and light from everywhere (9, 3), of a usual level."""
    light = lamp_lobe(direction / np.linalg.norm(direction))
    light[0] += ambient / SH_CONSTANTS[0]
    light = np.repeat(light[:, None], 3, 1)
    return np.asarray(light * level / mean_shading(light))


def person(head: HeadModel, tone: float, seed: int = 0) -> FaceCode:
    """Somebody with a skin tone in standard deviations and some other features of skin."""
    albedo = np.array(head.zero_code().albedo)
    albedo[1:-3] = np.random.default_rng(seed).normal(0, 0.7, len(albedo) - 4)
    albedo[0] = tone
    return head.zero_code().replace(albedo=albedo)


def picture(head: HeadModel, code: FaceCode, light: np.ndarray) -> np.ndarray:
    rendered = render_buffers(head, code.replace(light=light), SIZE).rendered
    return np.clip(255 * rendered, 0, 255).astype(np.uint8)


def relative(light: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(light - truth) / np.linalg.norm(truth))


@pytest.mark.parametrize("direction", [SIDE, SIDE * [-1, 1, 1], FRONT])
@pytest.mark.parametrize("tone", [-1.5, 0.0, 1.0])
def test_known_light_is_found_again(head: HeadModel, direction: np.ndarray, tone: float) -> None:
    code, light = person(head, tone), lamp(direction)
    got = estimate_light(head, head.zero_code(), picture(head, code, light))
    assert relative(got.code.light, light) < 0.13
    factor = (got.code.light * light).sum() / (got.code.light**2).sum()
    assert relative(factor * got.code.light, light) < 0.10
    assert got.residual < 0.015 and got.explained > 0.95


def test_dark_and_light_skin_give_the_same_light(head: HeadModel) -> None:
    light = lamp(SIDE)
    dark, fair = (estimate_light(head, head.zero_code(), picture(head, person(head, tone), light)) for tone in (-1.7, 1.1))
    assert relative(dark.code.light, fair.code.light) < 0.15
    assert dark.code.albedo[0] < -1 < 0.5 < fair.code.albedo[0]


def test_specular_spots_do_not_turn_the_light(head: HeadModel) -> None:
    code, light = person(head, -1.0), lamp(FRONT)
    clean = picture(head, code, light)
    shiny = clean.copy()
    shiny[60:75, 78:100] = 235  # forehead
    shiny[95:112, 92:98] = 225  # nose
    before, after = (estimate_light(head, head.zero_code(), image) for image in (clean, shiny))
    assert relative(after.code.light, before.code.light) < 0.06
    assert after.explained < before.explained


def test_hair_and_hands_do_not_turn_the_light(head: HeadModel) -> None:
    code, light = person(head, 0.5), lamp(FRONT)
    clean = picture(head, code, light)
    hidden = clean.copy()
    hidden[30:80, 96:150] = (25, 18, 15)  # a fringe over one side of the forehead
    hidden[125:150, 50:80] = (20, 40, 110)  # something held before a cheek
    before, after = (estimate_light(head, head.zero_code(), image) for image in (clean, hidden))
    assert relative(after.code.light, before.code.light) < 0.12
    assert np.abs(after.code.light - before.code.light)[1].max() < 0.12


def test_several_photos_share_their_skin(head: HeadModel) -> None:
    code, lights = person(head, -0.8), [lamp(SIDE, 1.0), lamp(FRONT, 0.6), lamp(SIDE * [-1, 1, 1], 0.95)]
    crops = [picture(head, code, light) for light in lights]
    together = estimate_light_album(head, [head.zero_code()] * 3, crops)
    assert all(np.array_equal(fit.code.albedo, together[0].code.albedo) for fit in together)
    alone = [estimate_light(head, head.zero_code(), crop) for crop in crops]
    levels = np.array([mean_shading(light)[1] for light in lights])

    def ratios(fits: list) -> np.ndarray:  # type: ignore[type-arg]
        found = np.array([mean_shading(fit.code.light)[1] for fit in fits])
        return np.asarray(np.log(found / found.mean()) - np.log(levels / levels.mean()))

    assert np.abs(ratios(together)).max() < 0.05 < np.abs(ratios(alone)).max()


def test_album_survives_a_photo_without_skin(head: HeadModel) -> None:
    far = head.zero_code().replace(camera=np.array([0.3, 0, 0]))
    good = picture(head, person(head, 0.3), lamp(FRONT))
    fits = estimate_light_album(head, [far, head.zero_code()], [np.zeros_like(good), good])
    assert fits[0].code == far and np.isnan(fits[0].residual) and np.isnan(fits[0].explained)
    assert fits[1].explained > 0.95


def test_a_head_without_an_albedo_model_keeps_its_albedo(head: HeadModel) -> None:
    crop = picture(head, person(head, -0.5), lamp(SIDE))
    bare = load_head("open")
    bare.skin = None  # type: ignore[attr-defined]
    bare.albedo, bare.zero_code = head.albedo, head.zero_code  # type: ignore[method-assign]
    got = estimate_light(bare, head.zero_code(), crop)
    assert np.array_equal(got.code.albedo, head.zero_code().albedo)
    buffers = render_buffers(head, got.code, SIZE)
    nose = buffers.rendered[90:110, 90:102].mean((0, 1))
    assert np.abs(nose - crop[90:110, 90:102].mean((0, 1)) / 255).max() < 0.06


def test_a_picture_gives_the_same_light_each_time(head: HeadModel) -> None:
    crop = picture(head, person(head, 0.2), lamp(SIDE))
    first, second = (estimate_light(head, head.zero_code(), crop) for _ in range(2))
    assert first.code == second.code


def test_the_built_albedo_is_the_cached_one(head: HeadModel) -> None:
    from core.head.skin import SkinModel
    from resources.head_build.albedo import albedo_arrays
    with np.load(DEFAULT_FILE.parent / "albedo_prior.npz") as prior:
        built = SkinModel(albedo_arrays(head.regions, dict(prior)))
    assert built.size == head.albedo_size
    for coefficients in (built.default, built.default + np.eye(built.size)[0], built.default - np.eye(built.size)[3]):
        difference = np.abs(built.colours(coefficients) - np.asarray(head.albedo(coefficients).vertex))
        assert difference.max() < 0.01  # the file's masks are rounded to 8 bits
    assert DEFAULT_FILE.stat().st_size < 6e6
