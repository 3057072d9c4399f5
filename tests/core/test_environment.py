"""Environment maps: read from files that nobody vouches for, projected, turned, and made the light of a face."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.cv import cv2
from core.environment import Environment, coefficients_for, directions, project, radiance, read_environment, turned
from core.errors import ParameterError, UserError
from core.head import load_head
from core.light import LightParams, compose, decompose, mean_shading, sh_basis
from core.light_command import EnvironmentFile, environment_file, with_environment
from core.light_rig import light_values
from core.panorama import BRIGHTEST, PanoramaError, read_panorama
from core.rig import Rig, apply, photo_values

HEAD = load_head("open")
WIDTH = 128


def direction(azimuth: float, elevation: float) -> np.ndarray:
    return LightParams(azimuth, elevation).direction


def patch(azimuth: float, elevation: float, color: tuple[float, float, float] = (1.0, 1.0, 1.0), bright: float = 200.0,
          dim: float = 0.3) -> np.ndarray:
    """A panorama (WIDTH / 2, WIDTH, 3) with one bright patch."""
    vectors, _ = directions(WIDTH)
    inside = (vectors @ direction(azimuth, elevation) > 0.985)[..., None]
    return np.where(inside, bright * np.array(color), dim).astype(np.float32)


def environment(panorama: np.ndarray) -> Environment:
    return Environment(tuple(tuple(row) for row in project(panorama).tolist()), "test")  # type: ignore[misc]


def photo(level: float = 0.7) -> Any:
    return HEAD.zero_code().replace(light=compose(LightParams(-30, 20, 0.6, 0.7, level=(level,) * 3)))


# -- ground truth -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (60, 20), (-45, 50), (-85, -20), (100, 10)])
def test_a_bright_patch_is_a_lamp_where_it_stands(azimuth: float, elevation: float) -> None:
    lamp = decompose(project(patch(azimuth, elevation, (1.0, 0.5, 0.2))))
    assert np.degrees(np.arccos(lamp.direction @ direction(azimuth, elevation))) < 3
    red, green, blue = lamp.color
    assert red == 1 and 0.2 < blue < green < 1


def test_a_white_map_is_light_from_everywhere() -> None:
    light = project(np.ones((64, 128, 3)))
    assert np.allclose(light[0], np.sqrt(4 * np.pi), rtol=1e-3) and np.abs(light[1:]).max() < 1e-3
    found = decompose(light)
    assert found.ambient == pytest.approx(1, abs=0.01) and found.intensity < 0.01


def test_the_solid_angles_are_those_of_a_sphere() -> None:
    for width in (2, 64, 512):
        vectors, angles = directions(width)
        assert (angles * np.ones((1, width))).sum() == pytest.approx(4 * np.pi)
        assert np.allclose(np.linalg.norm(vectors, axis=-1), 1)
    caps = np.zeros((64, 128, 3))
    caps[:2] = 1  # the two top rows are as many pixels as the two at the middle, but hardly any sky
    belt = np.zeros((64, 128, 3))
    belt[31:33] = 1
    assert project(caps)[0].mean() < 0.5 * project(belt)[0].mean()


def test_the_middle_of_the_panorama_is_at_the_camera_and_its_right_is_the_pictures_left() -> None:
    vectors, _ = directions(512)
    assert np.allclose(vectors[128, 256], (0, 0, 1), atol=0.02)
    assert np.allclose(vectors[128, 384], (-1, 0, 0), atol=0.02)
    assert vectors[0, 0, 1] > 0.99


@pytest.mark.parametrize("turn", [0.0, 45.0, -90.0, 180.0])
def test_turning_the_light_is_turning_the_map(turn: float) -> None:
    panorama = np.random.default_rng(3).random((WIDTH // 2, WIDTH, 3)).astype(np.float32) ** 6
    rolled = np.roll(panorama, -round(turn / 360 * WIDTH), 1)  # azimuth falls along a row
    assert np.allclose(turned(project(panorama), turn), project(rolled), atol=0.01)


def test_turning_is_exact_and_keeps_what_is_above() -> None:
    light = np.random.default_rng(5).normal(size=(9, 3))
    assert np.allclose(turned(turned(light, 33), -33), light, atol=1e-12)
    assert np.allclose(turned(turned(light, 100), 60), turned(light, 160), atol=1e-12)
    assert np.allclose(turned(light, 77)[[0, 2]], light[[0, 2]])
    angle = np.deg2rad(40)
    normals = directions(16)[0].reshape(-1, 3)
    back = normals @ np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]).T
    assert np.allclose(sh_basis(normals) @ turned(light, 40), sh_basis(back) @ light)
    there = decompose(turned(compose(LightParams(20, 10, 1.0, 0.3)), 35))
    assert (there.azimuth, there.elevation) == pytest.approx((55, 10), abs=0.01)


def test_the_picture_of_the_harmonics_is_bright_where_the_map_is() -> None:
    seen = radiance(environment(patch(50, 10)), 0.0, 64).mean(-1)
    vectors, angles = directions(64)
    row, column = np.unravel_index(seen.argmax(), seen.shape)
    assert vectors[row, column] @ direction(50, 10) > 0.9
    assert (seen * angles).sum() / (4 * np.pi) == pytest.approx(1, abs=0.01)
    row, column = np.unravel_index(radiance(environment(patch(50, 10)), -50.0, 64).mean(-1).argmax(), seen.shape)
    assert vectors[row, column] @ direction(0, 10) > 0.9


# -- as the light of a face -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("brightness", [1e-3, 1.0, 1e4])
def test_a_face_stays_as_bright_as_in_its_photo_whatever_the_maps_exposure(brightness: float) -> None:
    rig = Rig().under(environment(patch(30, 20, (1.0, 0.6, 0.3)) * brightness))
    light = apply(rig, HEAD, photo()).light
    assert mean_shading(light).mean() == pytest.approx(mean_shading(photo().light).mean(), rel=1e-3)
    red, green, blue = mean_shading(light)
    assert red > green > blue  # the colour is kept
    half = apply(rig.set("environment.intensity", 0.5), HEAD, photo()).light
    assert np.allclose(half, light / 2, atol=1e-6)


def test_a_face_that_looks_into_the_dark_gets_dark() -> None:
    lit = environment(patch(180, 0, dim=0.001))
    assert mean_shading(coefficients_for(lit, (0.7,) * 3)).mean() < 0.5
    assert mean_shading(coefficients_for(lit, (0.7,) * 3, 180)).mean() == pytest.approx(0.7, rel=1e-3)


def test_the_key_lamp_is_edited_over_the_environment() -> None:
    rig = Rig().under(environment(patch(60, 10)))
    base = apply(rig, HEAD, photo()).light
    shown = light_values(photo(), {}, rig.environment)
    assert shown["light.azimuth"] == pytest.approx(60, abs=3)
    assert np.allclose(apply(rig.set("light.azimuth", shown["light.azimuth"]), HEAD, photo()).light, base, atol=1e-5)
    moved = apply(rig.set("light.azimuth", -60.0), HEAD, photo()).light
    assert decompose(moved).azimuth < 0
    turn = apply(rig.set("environment.turn", -60.0), HEAD, photo()).light
    assert decompose(turn).azimuth == pytest.approx(0, abs=3)


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.5])
def test_showing_and_setting_agree_under_an_environment_of_any_strength(strength: float) -> None:
    rig = Rig().under(environment(patch(40, 20))).set("environment.intensity", strength)
    shown = light_values(photo(), dict(rig.values), rig.environment)
    same = rig.update({f"light.{name}": shown[f"light.{name}"] for name in ("intensity", "ambient")})
    assert np.allclose(apply(same, HEAD, photo()).light, apply(rig, HEAD, photo()).light, atol=2e-3)


def test_lamps_light_a_face_whose_environment_is_out() -> None:
    rig = Rig().under(environment(patch(40, 20))).update({"environment.intensity": 0.0, "lamp.2.intensity": 1.0})
    assert mean_shading(apply(rig, HEAD, photo()).whole_light).mean() > 0.1


def test_values_of_an_environment_that_is_not_there_change_nothing() -> None:
    rig = Rig().update({"environment.turn": 50.0, "environment.intensity": 0.5})
    assert apply(rig, HEAD, photo()) == photo()
    assert photo_values(HEAD, photo())["environment.intensity"] == 1.0


def test_a_rig_with_an_environment_is_written_read_and_told_apart() -> None:
    rig = Rig().set("environment.turn", 20.0).under(environment(patch(40, 20)))
    again = Rig.from_json(json.loads(json.dumps(rig.to_json())))
    assert again == rig and hash(again) == hash(rig) and again.environment == rig.environment
    assert rig != rig.under(None) and "environment" not in rig.under(None).to_json()
    assert rig.set("light.azimuth", 3.0).base() == rig


@pytest.mark.parametrize("odd", [3, {}, {"coefficients": 3}, {"coefficients": [[1, 2, 3]]}, {"coefficients": [[1, 2]] * 9},
                                 {"coefficients": [[1, 2, float("inf")]] * 9}, {"coefficients": [[1e300, 0, 0]] * 9},
                                 {"coefficients": [["a", 0, 0]] * 9}, {"coefficients": [[10**400, 0, 0]] * 9}])
def test_an_odd_environment_of_a_file_is_refused(odd: Any) -> None:
    with pytest.raises((ValueError, ParameterError)):
        Rig.from_json({"values": {}, "environment": odd})


# -- files ------------------------------------------------------------------------------------------------------------------


def written(path: Path, panorama: np.ndarray) -> Path:
    if path.suffix == ".exr":
        openexr = pytest.importorskip("OpenEXR")
        openexr.File({"compression": openexr.ZIP_COMPRESSION}, {"RGB": panorama.astype(np.float32)}).write(str(path))
    elif path.suffix == ".hdr":
        path.write_bytes(cv2.imencode(".hdr", panorama[..., ::-1].astype(np.float32))[1].tobytes())
    else:
        Image.fromarray((np.clip(panorama, 0, 1) * 255).astype(np.uint8)).save(path, quality=95)
    return path


@pytest.mark.parametrize("ending", [".hdr", ".exr", ".jpg", ".png"])
def test_every_kind_of_file_gives_the_same_light(ending: str, tmp_path: Path) -> None:
    found = read_environment(written(tmp_path / f"Sunny room{ending}", patch(60, 30, (1.0, 0.7, 0.4), 1.0, 0.05)))
    lamp = decompose(found.light)
    assert np.degrees(np.arccos(lamp.direction @ direction(60, 30))) < 4
    assert found.label == "Sunny room" and len(found.digest) == 64 and lamp.color[2] < 0.8


def test_values_of_photos_are_made_linear(tmp_path: Path) -> None:
    grey = np.full((32, 64, 3), 0.5)
    assert read_panorama(written(tmp_path / "a.png", grey)).mean() == pytest.approx(0.212, abs=0.01)
    assert read_panorama(written(tmp_path / "a.hdr", grey)).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("ending", [".hdr", ".exr"])
def test_numbers_that_are_none_and_negative_light_do_no_harm(ending: str, tmp_path: Path) -> None:
    panorama = np.full((32, 64, 3), 0.5, np.float32)
    if ending == ".exr":
        panorama[3, 4], panorama[5, 6], panorama[7, 8], panorama[9, 10] = np.nan, np.inf, -np.inf, -5
    seen = read_panorama(written(tmp_path / f"a{ending}", panorama))
    assert np.isfinite(seen).all() and seen.min() >= 0 and seen.max() <= BRIGHTEST
    assert np.isfinite(read_environment(tmp_path / f"a{ending}").light).all()


def test_grey_and_layered_exr_files_are_read(tmp_path: Path) -> None:
    openexr = pytest.importorskip("OpenEXR")
    grey = np.full((16, 32), 0.25, np.float32)
    openexr.File({}, {"Y": grey}).write(str(tmp_path / "grey.exr"))
    assert read_panorama(tmp_path / "grey.exr").mean() == pytest.approx(0.25)
    openexr.File({}, {"Z": grey}).write(str(tmp_path / "depth.exr"))
    with pytest.raises(PanoramaError, match="has no colours"):
        read_panorama(tmp_path / "depth.exr")


def test_what_can_not_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        read_environment(tmp_path / "missing.hdr")
    with pytest.raises(UserError, match="all black"):
        read_environment(written(tmp_path / "black.hdr", np.zeros((8, 16, 3))))
    (tmp_path / "huge.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 100000 +X 200000\n" + b"\2\2\x10\x10" * 100)
    with pytest.raises(PanoramaError, match="100000 x 200000 pixels|200000 x 100000 pixels"):
        read_environment(tmp_path / "huge.hdr")
    whole = written(tmp_path / "good.hdr", patch(0, 0)).read_bytes()
    for length in (11, 40, len(whole) // 2, len(whole) - 20):
        (tmp_path / "cut.hdr").write_bytes(whole[:length])
        with pytest.raises(PanoramaError, match="damaged or cut short"):
            read_environment(tmp_path / "cut.hdr")


# -- the command line -------------------------------------------------------------------------------------------------------


def test_the_command_lines_words(tmp_path: Path) -> None:
    file = written(tmp_path / "room.hdr", patch(60, 10))
    assert environment_file(str(file)) == EnvironmentFile(file)
    assert environment_file(f"{file}@-90") == EnvironmentFile(file, -90.0)
    odd = tmp_path / "a@30"
    odd.write_bytes(file.read_bytes())
    assert environment_file(str(odd)) == EnvironmentFile(odd)
    with pytest.raises(Exception, match="-180 to 180"):
        environment_file(f"{file}@200")
    rig = with_environment(Rig(), EnvironmentFile(file, -90.0))
    assert rig.environment is not None and rig.get("environment.turn") == -90.0
    assert with_environment(rig, None) is rig
    assert with_environment(rig, environment_file("none")).environment is None
