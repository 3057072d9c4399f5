from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from core import photo as module
from core.align import Alignment
from core.cv import cv2
from core.errors import PhotoError
from core.landmarks import DetectedFace
from core.photo import Photo, load_image


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    """A smooth colour picture without symmetry (height, width, 3) uint8."""
    y, x = np.mgrid[:height, :width]
    return np.stack([4 * x, 5 * y, 255 - 2 * x - 2 * y], 2).clip(0, 255).astype(np.uint8)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize(("form", "options", "tolerance"), [
    ("JPEG", {"quality": 98, "subsampling": 0}, 6), ("PNG", {}, 0), ("WEBP", {"lossless": True}, 0), ("TIFF", {}, 0),
    ("BMP", {}, 0)])
def test_formats(tmp_path: Path, form: str, options: dict[str, object], tolerance: int) -> None:
    path = tmp_path / "photo"
    path.write_bytes(encoded(Image.fromarray(picture()), form, **options))
    loaded = load_image(path)
    assert loaded.format == form and loaded.bits == 8 and loaded.path == path
    assert np.abs(loaded.pixels.astype(int) - picture()).max() <= tolerance
    assert not loaded.pixels.flags.writeable


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_orientation_is_applied(orientation: int, deep: bool) -> None:
    upright = picture()
    stored = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.transpose(1, 0, 2),
              6: upright.transpose(1, 0, 2)[::-1], 7: upright.transpose(1, 0, 2)[::-1, ::-1],
              8: upright.transpose(1, 0, 2)[:, ::-1]}
    rows = np.ascontiguousarray(stored[orientation])
    if deep:
        data = cv2.imencode(".tiff", rows[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
        got = module._deep(data, orientation, upright.shape)
        assert got is not None
        assert np.array_equal(got, upright.astype(np.uint16) * 257)
        return
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = load_image(encoded(Image.fromarray(rows), "PNG", exif=exif))
    assert np.array_equal(loaded.pixels, upright)
    kept = Image.Exif()
    kept.load(loaded.exif or b"")
    assert kept.get(0x0112, 1) == 1  # or a viewer would turn the exported picture again


@pytest.mark.parametrize("suffix", [".tiff", ".png"])
def test_sixteen_bits(suffix: str) -> None:
    values = picture().astype(np.uint16) * 256 + 100
    loaded = load_image(cv2.imencode(suffix, values[..., ::-1])[1].tobytes())
    assert loaded.bits == 16 and loaded.deep is not None
    assert np.array_equal(loaded.deep, values)
    assert np.abs(loaded.pixels.astype(int) - picture()).max() <= 1


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    values = (np.arange(2400, dtype=np.uint16).reshape(40, 60) * 27)
    loaded = load_image(cv2.imencode(".png", values)[1].tobytes())
    assert loaded.bits == 16
    assert np.abs(loaded.pixels[..., 0].astype(float) - values / 257).max() <= 1


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "RGBA"])
def test_modes_become_rgb(mode: str) -> None:
    form = "TIFF" if mode == "CMYK" else "PNG"
    loaded = load_image(encoded(Image.fromarray(picture()).convert(mode), form))
    assert loaded.pixels.shape == (40, 60, 3) and loaded.pixels.dtype == np.uint8


def test_transparency_lies_on_white() -> None:
    rgba = np.dstack([picture(), np.full((40, 60), 255, np.uint8)])
    rgba[:, :30, 3] = 0
    pixels = load_image(encoded(Image.fromarray(rgba), "PNG")).pixels
    assert (pixels[:, :30] == 255).all()
    assert np.array_equal(pixels[:, 30:], picture()[:, 30:])


def test_colour_profile_becomes_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    flat = Image.new("LAB", (8, 8), (128, 128, 128))
    pixels = load_image(encoded(flat, "TIFF", icc_profile=lab)).pixels
    assert np.abs(pixels.astype(int) - 119).max() <= 3  # L* = 50 is sRGB 119


def test_damaged_profile_is_ignored() -> None:
    data = encoded(Image.fromarray(picture()), "PNG", icc_profile=b"no profile at all")
    assert np.array_equal(load_image(data).pixels, picture())


@pytest.mark.parametrize(("content", "says"), [
    (b"", "empty"), (b"hello, I am text", "not a picture"), (encoded(Image.fromarray(picture()), "JPEG")[:400], "cut short"),
    (encoded(Image.fromarray(picture()), "PNG")[:-60], "cut short"),
    (encoded(Image.fromarray(picture()), "GIF"), "not a picture")])
def test_bad_files_are_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "grandma.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=says) as caught:
        load_image(path)
    assert "grandma.jpg" in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="no file"):
        load_image(tmp_path / "none.jpg")
    with pytest.raises(PhotoError, match="folder"):
        load_image(tmp_path)


def test_limits_are_checked_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = encoded(Image.new("1", (20_001, 10)), "PNG")
    with pytest.raises(PhotoError, match="20001 x 10"):
        load_image(bomb)
    with pytest.raises(PhotoError, match="megapixels"):
        load_image(encoded(Image.new("1", (15_000, 13_000)), "PNG"))
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    (tmp_path / "large.png").write_bytes(bomb)
    with pytest.raises(PhotoError, match="large.png has"):
        load_image(tmp_path / "large.png")


def test_heic_without_plugin_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PhotoError, match="pillow-heif"):
        load_image(b"\0\0\0\x18ftypheic" + b"\0" * 40)


def face() -> DetectedFace:
    return DetectedFace(np.random.default_rng(0).uniform(200, 400, (478, 2)).astype(np.float32), np.zeros(478, np.float32), {},
                        np.eye(4, dtype=np.float32))


def test_photo_crops_points_and_pastes() -> None:
    image = load_image(encoded(Image.fromarray(picture(600, 600)), "PNG"))
    photo = Photo(image, (face(),), 0, face(), Alignment((300.0, 310.0), (150.0, 20.0), (-20.0, 150.0)))
    assert photo.crop().shape == (photo.native_size, photo.native_size, 3)
    assert photo.crop(128) is photo.crop(128) and not photo.crop(128).flags.writeable
    assert np.allclose(photo.alignment.to_photo(photo.points(64), 64), photo.face.points, atol=1e-3)
    after = photo.crop(256).copy()
    assert np.array_equal(photo.paste(after), photo.pixels)
    after[100:150, 100:150] = 0
    assert not np.array_equal(photo.paste(after), photo.pixels)


def test_digest_names_picture_and_face() -> None:
    image = load_image(encoded(Image.fromarray(picture(600, 600)), "PNG"))
    a, b = (Photo(image, (face(),), 0, face(), Alignment((x, 310.0), (150.0, 20.0), (-20.0, 150.0))) for x in (300.0, 320.0))
    again = Photo(load_image(encoded(Image.fromarray(picture(600, 600)), "PNG")), (face(),), 0, face(), a.alignment)
    assert a.digest == again.digest != b.digest
