"""Written pictures read back: pixels, profile, request, and what is kept of the photo's own EXIF."""
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.cv import cv2
from core.errors import UserError
from core.export import SUFFIXES, read_request, save_image, srgb_profile, to_eight_bits
from core.photo import LoadedImage, load_image

REQUEST = {"photo": "ab12", "rig": {"values": {"expression.smile": 0.8, "light.color": [1.0, 0.5, 0.0]}}, "seed": 2**40}


def picture(height: int = 61, width: int = 43, dtype: type = np.uint8) -> np.ndarray:
    """A smooth coloured picture."""
    y, x = np.mgrid[0:height, 0:width]
    top = np.iinfo(dtype).max
    shades = np.stack([x / width, y / height, (x + y) / (width + height)], -1)
    return (shades * top).astype(dtype)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_every_format_holds_picture_profile_and_request(tmp_path: Path, suffix: str) -> None:
    path = save_image(picture(), tmp_path / f"out{suffix.upper()}", request_json=REQUEST)
    loaded = load_image(path)
    error = np.abs(loaded.pixels.astype(int) - picture()).max()
    assert error == 0 if SUFFIXES[suffix] in ("PNG", "TIFF") else error <= 12
    assert loaded.icc == srgb_profile()
    assert read_request(path) == REQUEST
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_survive(tmp_path: Path, suffix: str) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (300, 401, 3)).astype(np.uint16)
    path = save_image(deep, tmp_path / f"out{suffix}", request_json=REQUEST)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert stored is not None and np.array_equal(stored[..., ::-1], deep)
    assert np.abs(load_image(path).pixels.astype(int) - to_eight_bits(deep)).max() <= 1
    assert read_request(path) == REQUEST


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_sixteen_bits_are_rounded_where_there_are_only_eight(tmp_path: Path, suffix: str) -> None:
    deep = save_image(picture(dtype=np.uint16), tmp_path / f"deep{suffix}")
    plain = save_image(to_eight_bits(picture(dtype=np.uint16)), tmp_path / f"plain{suffix}")
    assert deep.read_bytes() == plain.read_bytes()


def test_rounding_to_eight_bits() -> None:
    assert to_eight_bits(np.array([0, 128, 129, 257, 65535], np.uint16)).tolist() == [0, 0, 1, 1, 255]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_equal_arguments_give_equal_files(tmp_path: Path, suffix: str) -> None:
    paths = [save_image(picture(), tmp_path / f"{name}{suffix}", request_json=REQUEST) for name in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_large_strip_layout_reads_back(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (700, 1501, 3)).astype(np.uint8)  # several strips
    with Image.open(save_image(noise, tmp_path / "noise.tif")) as image:
        assert np.array_equal(np.asarray(image), noise)


def test_noise_fits_a_jpeg(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (301, 407, 3)).astype(np.uint8)
    assert load_image(save_image(noise, tmp_path / "noise.jpg", quality=100)).pixels.shape == noise.shape


def photo_with_exif() -> LoadedImage:
    """A loaded photo whose EXIF tells camera, author, date, place and a private block."""
    exif = Image.Exif()
    exif[0x010F], exif[0x013B], exif[0x0112] = "Camera Ltd", "A. Uthor", 6
    exif.get_ifd(0x8769).update({0x9003: "2026:01:02 03:04:05", 0x927C: b"private block"})
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 0.0)})
    return LoadedImage(picture(), exif=exif.tobytes())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_author_and_camera_are_kept_but_not_the_place(tmp_path: Path, suffix: str) -> None:
    path = save_image(picture(), tmp_path / f"out{suffix}", source=photo_with_exif())
    data = path.read_bytes()
    with Image.open(path) as image:
        exif = image.getexif()
        assert exif[0x010F] == "Camera Ltd" and exif[0x013B] == "A. Uthor"
        assert 0x0112 not in exif  # the pixels are upright already
        assert not exif.get_ifd(0x8825) and b"private block" not in data
        if suffix != ".tif":
            assert exif.get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"


@pytest.mark.parametrize("block", [b"Exif\0\0garbage", b"", b"II*\0\xff\xff\xff\xff", bytes(range(64))])
def test_broken_exif_is_no_reason_not_to_save(tmp_path: Path, block: bytes) -> None:
    path = save_image(picture(), tmp_path / "out.jpg", source=LoadedImage(picture(), exif=block), request_json=REQUEST)
    assert read_request(path) == REQUEST


def test_a_request_too_long_for_exif_still_leaves_a_picture(tmp_path: Path) -> None:
    path = save_image(picture(), tmp_path / "out.jpg", request_json={"text": "x" * 70_000})
    assert read_request(path) is not None and load_image(path).pixels.shape == picture().shape
    whole = save_image(picture(), tmp_path / "out.png", request_json={"text": "x" * 70_000})
    assert read_request(whole) == {"text": "x" * 70_000}


def test_no_request_in_other_files(tmp_path: Path, sample_photo: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    assert read_request(tmp_path / "text.jpg") is None
    assert read_request(sample_photo) is None
    assert read_request(save_image(picture(), tmp_path / "out.tif")) is None


@pytest.mark.parametrize("name", ["out.bmp", "out", "out.png.txt"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"\.jpg, \.png, \.tif") as caught:
        save_image(picture(), tmp_path / name)
    assert name in str(caught.value) and not os.listdir(tmp_path)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder does not exist"):
        save_image(picture(), tmp_path / "none" / "out.png")


def test_too_large_for_webp(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="16,383"):
        save_image(np.zeros((1, 16_384, 3), np.uint8), tmp_path / "out.webp")


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)])
def test_wrong_arrays(tmp_path: Path, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        save_image(wrong, tmp_path / "out.png")
