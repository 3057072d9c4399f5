from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.align import Alignment, ffhq_align, ffhq_frame
from core.cv import cv2

TILTED = Alignment((310.0, 290.0), (140.0, 30.0), (-30.0, 140.0))


def photo(size: int = 600) -> np.ndarray:
    """A smooth picture with noise (size, size, 3) uint8."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(40, 210, (size // 40, size // 40, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)


def points68() -> np.ndarray:
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[48], points[54] = (250, 250), (350, 260), (260, 360), (330, 365)
    return points


@pytest.mark.parametrize("case", ["inner", "border_pad"])
def test_reference_alignment(shared: Path, case: str) -> None:
    stored = np.load(shared / "parity" / "vii_crop_align" / "ffhq_align.npz")
    got = ffhq_align(stored[f"{case}/input"], stored[f"{case}/landmarks68"], 256)
    assert np.abs(got.astype(int) - stored[f"{case}/aligned"]).mean() <= 0.05
    own = Alignment.from_points68(stored[f"{case}/landmarks68"] + 0.5).crop(stored[f"{case}/input"], 256)
    assert np.abs(own.astype(int) - stored[f"{case}/aligned"]).mean() <= 1


def test_frame_follows_the_formula() -> None:
    centre, x, y = ffhq_frame(points68())
    between, mouth = np.array([300, 255]), np.array([295, 362.5])
    assert np.allclose(centre, between + 0.1 * (mouth - between))
    assert np.isclose(np.hypot(*x), max(2.0 * np.hypot(100, 10), 1.8 * np.hypot(*(mouth - between))))
    assert np.isclose(x @ y, 0) and y[1] > 0 and x[0] > 0


def test_points_without_extent_are_refused() -> None:
    with pytest.raises(ValueError, match="no frame"):
        ffhq_frame(np.ones((68, 2)))


def test_points_go_there_and_back() -> None:
    points = np.random.default_rng(0).uniform(0, 600, (20, 2))
    assert np.allclose(TILTED.to_photo(TILTED.to_crop(points, 256), 256), points)
    corners = TILTED.to_photo(np.array([[0, 0], [0, 256], [256, 256], [256, 0]]), 256)
    assert np.allclose(corners, TILTED.quad)


def test_crop_shows_the_pixels_its_matrix_names() -> None:
    y, x = np.mgrid[:600, :600] + 0.5
    ramp = np.stack([x / 3, y / 3, x * 0], 2).round().astype(np.uint8)
    crop = TILTED.crop(ramp, 128).astype(float)
    centres = np.stack(np.meshgrid(np.arange(128) + 0.5, np.arange(128) + 0.5), 2).reshape(-1, 2)
    wanted = TILTED.to_photo(centres, 128).reshape(128, 128, 2) / 3
    assert np.abs(crop[..., :2] - wanted).max() < 1.1


def test_small_crop_is_the_area_average_of_the_native_one() -> None:
    image = photo()
    native = TILTED.crop(image)
    assert native.shape[0] == TILTED.native_size == 286
    small = cv2.resize(native, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.array_equal(TILTED.crop(image, 128), small)


def test_whole_picture_is_itself() -> None:
    image = photo(320)
    assert np.array_equal(Alignment.whole(320, 320).crop(image, 320), image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [64, 256, 286, 512])
def test_paste_of_no_change_is_the_photo(size: int, dtype: type) -> None:
    image = photo()
    full: np.ndarray = (image.astype(np.int64) * (257 if dtype is np.uint16 else 1)).astype(dtype)
    crop = TILTED.crop(image, size)
    out = TILTED.paste(full, crop, crop.copy())
    assert np.array_equal(out, full) and out is not full and out.dtype == dtype


def test_paste_changes_only_where_the_crop_changed() -> None:
    image, crop = photo(), TILTED.crop(photo(), 256)
    after = crop.astype(np.float32)
    after[96:160, 96:160] += 20
    out = TILTED.paste(image, crop, after)
    y, x = np.nonzero((out != image).any(2))
    inside = TILTED.to_crop(np.stack([x, y], 1) + 0.5, 256)
    assert inside.min() > 94 and inside.max() < 162
    middle = np.round(TILTED.to_photo(np.array([[128.0, 128.0]]), 256) - 0.5).astype(int)[0]
    assert np.array_equal(out[middle[1], middle[0]], np.minimum(image[middle[1], middle[0]].astype(int) + 20, 255))


def test_pasted_change_comes_back_in_the_crop() -> None:
    image = photo()
    native = TILTED.crop(image)
    after = native.astype(np.float32)
    bump = cv2.GaussianBlur(np.pad(np.full((80, 80), 40.0, np.float32), 103), (0, 0), 12)
    after = np.clip(after + bump[..., None], 0, 255)
    again = TILTED.crop(TILTED.paste(image, native, after))
    assert np.abs(again.astype(float) - after)[40:-40, 40:-40].mean() < 1.0


def test_detail_finer_than_the_crop_survives() -> None:
    image = np.random.default_rng(2).integers(60, 190, (1400, 1400, 3)).astype(np.uint8)
    large = Alignment((700.0, 700.0), (600.0, 0.0), (0.0, 600.0))
    crop = large.crop(image, 128)
    out = large.paste(image, crop, crop.astype(np.float32) + 30)
    change = out.astype(int) - image
    assert np.array_equal(change[400:1000, 400:1000], np.full((600, 600, 3), 30))


def test_mask_and_border_hold_the_photo() -> None:
    image = photo()
    crop = TILTED.crop(image, 256)
    after = crop.astype(np.float32) + 25
    assert np.array_equal(TILTED.paste(image, crop, after, np.zeros((256, 256))), image)
    out = TILTED.paste(image, crop, after)
    steps = np.abs(np.diff(out.astype(int) - image, axis=1)).max()
    assert steps <= 5  # no seam at the crop's border
    with pytest.raises(ValueError, match="square"):
        TILTED.paste(image, crop, after, np.zeros((64, 64)))


def test_crop_beyond_the_border_is_padded() -> None:
    image = photo()
    edge = Alignment((60.0, 80.0), (150.0, 0.0), (0.0, 150.0))
    crop = edge.crop(image, 256)
    assert crop.std() > 10 and crop[:, :40].std() > 0.5  # mirrored picture, not a black bar
    out = edge.paste(image, crop, np.clip(crop.astype(np.float32) + 10, 0, 255))
    assert out.shape == image.shape
    with pytest.raises(ValueError, match="outside"):
        Alignment((-900.0, 0.0), (100.0, 0.0), (0.0, 100.0)).crop(image)
