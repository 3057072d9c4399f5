"""Pictures in the photo's own colours and depth, smaller ones, and what the files say of where they come from."""
from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from core import credentials
from core.align import Alignment
from core.colour_profile import wide_space
from core.cv import cv2
from core.edit import Finished
from core.errors import ParameterError
from core.export import MADE_FROM, read_record, read_request, save_image
from core.export_picture import ExportOptions, finished, size_of, summary, write_result
from core.photo import LoadedImage, Photo, load_image
from core.request import RenderRequest
from core.rig import Rig
from tests.colours import SPACES, profile

WIDE = [name for name in SPACES if name != "Rec. 709"]
PLAIN = ExportOptions(credentials=False)


def smooth(side: int = 128, dtype: type = np.uint8) -> np.ndarray:
    """Saturated colours in a slow gradient (side, side, 3)."""
    y, x = np.mgrid[0:side, 0:side] / (side - 1)
    return (np.stack([0.3 + 0.6 * x, 0.2 + 0.3 * y, 0.15 + 0.1 * x * y], -1) * np.iinfo(dtype).max).astype(dtype)


def photo_in(path: Path, pixels: np.ndarray, icc: bytes | None) -> Photo:
    """That picture as a photo with a face in its middle."""
    save_image(pixels, path, icc=icc)
    image = load_image(path)
    return Photo(image, (), 0, None, Alignment((64.0, 64.0), (32.0, 0.0), (0.0, 32.0)))  # type: ignore[arg-type]


def brightened(photo: Photo, size: str = "full", by: float = 20.4) -> Any:
    """A result in which the crop's middle is brighter."""
    crop = photo.crop().astype(np.float32)
    side = crop.shape[0]
    crop[side // 4:-side // 4, side // 4:-side // 4] += by
    crop = np.clip(crop, 0, 255)
    eight = np.rint(crop).astype(np.uint8)
    request = RenderRequest("digest", Rig().set("light.azimuth", 60), size=size)
    return SimpleNamespace(image=photo.paste(crop) if size == "full" else eight, crop=eight, request=request,
                           fine=Finished(crop).packed())


# -- colour spaces ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("table", [False, True])
def test_spaces_are_read_and_told_from_srgb(name: str, table: bool) -> None:
    space = wide_space(profile(name, table))
    assert (space is not None) == (name in WIDE)
    assert space is None or space.name == name


@pytest.mark.parametrize("name", WIDE)
def test_conversion_agrees_with_littlecms(name: str) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    space = wide_space(profile(name))
    assert space is not None
    ours = space.from_srgb(colours.astype(np.float32))
    wanted = ImageCms.profileToProfile(Image.fromarray(colours), ImageCms.createProfile("sRGB"), io.BytesIO(profile(name)),
                                       renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC)
    assert wanted is not None
    error = np.abs(ours - np.asarray(wanted, np.float32))
    assert error.max() < 3 and error.mean() < 0.6  # it works in 8 bits


@pytest.mark.parametrize("cut", [b"", b"none", profile("Display P3")[:140], profile("Display P3")[:300],
                                 b"\xff" * 4000, profile("Display P3").replace(b"curv", b"urvc").replace(b"para", b"arap")])
def test_damaged_profiles_are_no_spaces(cut: bytes) -> None:
    assert wide_space(cut) is None


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_wide_photos_keep_their_profile_and_what_is_not_edited(tmp_path: Path, name: str, suffix: str) -> None:
    photo = photo_in(tmp_path / "in.png", smooth(), profile(name))
    assert photo.image.own is not None and np.array_equal(photo.image.own, smooth())
    result = brightened(photo)
    path = tmp_path / f"out{suffix}"
    assert write_result(photo, result, path, PLAIN) == ""
    with Image.open(path) as image:
        assert image.info["icc_profile"] == profile(name)
        written = np.asarray(image.convert("RGB")).astype(int)
    if suffix in (".png", ".tif"):
        assert np.array_equal(written[:30], smooth()[:30])  # outside sRGB or not: bit for bit
    assert np.abs(load_image(path).pixels.astype(int) - result.image).mean() < (1.0 if suffix in (".png", ".tif") else 3.0)
    assert write_result(photo, result, path, ExportOptions(own_colours=False, credentials=False)) == ""
    with Image.open(path) as image:
        assert image.info["icc_profile"] != profile(name)


def test_a_crop_in_wide_colours(tmp_path: Path) -> None:
    photo = photo_in(tmp_path / "in.png", smooth(), profile("Display P3"))
    result = brightened(photo, "crop")
    picture, icc = finished(photo, result, PLAIN, deep=False)
    assert icc == profile("Display P3") and picture.shape == result.crop.shape and picture.dtype == np.uint8
    corner = photo.alignment.crop(smooth(), picture.shape[0])[:8, :8]
    assert np.array_equal(picture[:8, :8], corner)
    deep, _ = finished(photo, result, PLAIN, deep=True)
    assert deep.dtype == np.uint16 and np.abs(deep / 257 - picture).max() <= 1


# -- depth --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("icc", [None, profile("ProPhoto RGB")])
def test_sixteen_bits_have_no_bands(tmp_path: Path, icc: bytes | None) -> None:
    photo = photo_in(tmp_path / "in.tif", smooth(dtype=np.uint16), icc)
    ramp = np.linspace(0, 6, photo.crop().shape[1], dtype=np.float32)[None, :, None]  # six steps of 8 bits across the face
    crop = photo.crop().astype(np.float32) + ramp
    result = SimpleNamespace(image=photo.paste(crop), crop=np.rint(crop).astype(np.uint8), request=RenderRequest("x"),
                             fine=Finished(crop).packed())
    write_result(photo, result, tmp_path / "out.tif", ExportOptions(deep=True, credentials=False))
    stored = cv2.imread(str(tmp_path / "out.tif"), cv2.IMREAD_UNCHANGED)
    assert stored is not None and stored.dtype == np.uint16
    source = photo.image.deep if icc is None else photo.image.own
    assert source is not None and np.array_equal(stored[:28, :, ::-1], source[:28])
    added = stored[64, 40:88, ::-1].astype(int) - source[64, 40:88].astype(int)
    assert len(np.unique(added[:, 0])) > 30  # a ramp, not six steps


def test_sixteen_bits_of_an_eight_bit_photo(tmp_path: Path) -> None:
    photo = photo_in(tmp_path / "in.png", smooth(), None)
    picture, icc = finished(photo, brightened(photo), PLAIN, deep=True)
    assert picture.dtype == np.uint16 and icc is None
    assert np.array_equal(picture[:30], smooth()[:30].astype(np.uint16) * 257)
    plain, _ = finished(photo, brightened(photo), PLAIN, deep=False)
    assert np.array_equal(plain, brightened(photo).image)


# -- size, place, request -----------------------------------------------------------------------------------------------


def test_long_sides(tmp_path: Path) -> None:
    assert size_of(4000, 3000, None) == (4000, 3000) and size_of(4000, 3000, 5000) == (4000, 3000)
    assert size_of(4000, 3000, 2000) == (2000, 1500) and size_of(30, 4000, 100) == (1, 100)
    photo = photo_in(tmp_path / "in.png", smooth(), None)
    write_result(photo, brightened(photo), tmp_path / "out.jpg", ExportOptions(long_side=50, credentials=False))
    assert load_image(tmp_path / "out.jpg").pixels.shape == (50, 50, 3)
    for wrong in ({"quality": 0}, {"long_side": 3}):
        with pytest.raises(ParameterError):
            ExportOptions(**wrong)  # type: ignore[arg-type]


def exif_photo(tmp_path: Path) -> Photo:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Camera Ltd", 6
    exif.get_ifd(0x8769).update({0x9003: "2026:01:02 03:04:05", 0x829A: 0.004, 0x9101: b"\1\2\3\0"})
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 0.0)})
    Image.fromarray(smooth()).save(tmp_path / "in.jpg", exif=exif, quality=95)
    image = load_image(tmp_path / "in.jpg")
    return Photo(image, (), 0, None, Alignment((64.0, 64.0), (32.0, 0.0), (0.0, 32.0)))  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("place", [False, True])
def test_date_and_exposure_stay_and_the_place_only_if_asked(tmp_path: Path, suffix: str, place: bool) -> None:
    photo = exif_photo(tmp_path)
    path = tmp_path / f"out{suffix}"
    write_result(photo, brightened(photo), path, ExportOptions(place=place, credentials=False))
    with Image.open(path) as image:
        exif = image.getexif()
        assert exif[0x010F] == "Camera Ltd" and 0x0112 not in exif
        details, where = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
        assert details[0x9003] == "2026:01:02 03:04:05" and float(details[0x829A]) == pytest.approx(0.004)
        assert (where.get(1) == "N" and tuple(map(float, where[2])) == (51.0, 30.0, 0.0)) if place else not where
    again = load_image(path)
    assert again.pixels.shape == photo.pixels.shape


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_the_file_says_what_it_was_made_from_and_that_a_model_edited_it(tmp_path: Path, suffix: str) -> None:
    photo = photo_in(tmp_path / "my photo.png", smooth(), None)
    result = brightened(photo)
    path = tmp_path / f"out{suffix}"
    write_result(photo, result, path, PLAIN, model="compact")
    assert read_request(path) == json.loads(json.dumps(result.request.to_json()))
    about = (read_record(path) or {})[MADE_FROM]
    assert about == {"photo": "my photo.png", "width": 128, "height": 128, "face": 0, "aligned": False, "model": "compact"}
    assert credentials.EDITED_WITH_AI.encode() in path.read_bytes() and str(tmp_path).encode() not in path.read_bytes()
    before = path.read_bytes()
    write_result(photo, result, path, PLAIN, model="compact")
    assert path.read_bytes() == before  # without a signature the bytes are the same each time


def test_without_the_library_the_export_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = photo_in(tmp_path / "in.png", smooth(), None)
    monkeypatch.setattr(credentials, "problem", lambda: credentials.MISSING)
    note = write_result(photo, brightened(photo), tmp_path / "out.png", ExportOptions())
    assert "out.png was written" in note and "not installed" in note and (tmp_path / "out.png").exists()
    assert write_result(photo, brightened(photo), tmp_path / "out.png", PLAIN) == ""


def test_summaries_are_sentences() -> None:
    rig = Rig().update({"light.azimuth": 1, "sh.0.r": 1, "pose.yaw": 3, "expression.smile": 1})
    assert summary(RenderRequest("p", rig)) == "Portrait edited with a diffusion model: light, expression and head pose changed"
    assert "nothing changed" in summary(RenderRequest("p")) and "personal model" in summary(RenderRequest("p", person="d"))


def test_old_pictures_of_photos_have_no_own_colours() -> None:
    image = LoadedImage(smooth())
    assert image.own is None and image.stamp == (0, 0)
