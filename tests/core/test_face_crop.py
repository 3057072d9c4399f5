"""The face encoder's crop against the reference's own, and photos that have none."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import NoFaceError, PhotoError
from core.face_crop import crop_transform, face_box, face_crop, resized

SIZE = 256
CASES = ("sq300", "ns", "up200", "same256")


@pytest.fixture(scope="module")
def known(shared: Path) -> Iterator[np.lib.npyio.NpzFile]:
    with np.load(shared / "parity" / "vii_crop_align" / "testdata_crop.npz") as stored:
        yield stored


@pytest.mark.parametrize("case", CASES)
def test_crops_are_the_references(known: np.lib.npyio.NpzFile, case: str) -> None:
    """The picture at the network's size to the last bit, the transform, and the crop within half a step of its 16-bit numbers."""
    picture = resized(known[f"{case}/input"], SIZE, squash=True)
    assert np.array_equal(picture.transpose(2, 0, 1), known[f"{case}/original_image_u8"])
    box = face_box(known[f"{case}/landmarks"], SIZE, whole_if_none=True)
    np.testing.assert_allclose(crop_transform(box, SIZE), known[f"{case}/tform"], atol=3e-5)
    crop = face_crop(picture, box)
    assert crop.shape == (224, 224, 3) and crop.dtype == np.float32
    np.testing.assert_allclose(crop.transpose(2, 0, 1), known[f"{case}/crop_image_f16"].astype(np.float32), atol=3e-4)


def test_a_photo_without_a_face_is_an_error(known: np.lib.npyio.NpzFile) -> None:
    """The reference takes the whole picture in silence."""
    with pytest.raises(NoFaceError, match="no landmarks"):
        face_box(known["same256/landmarks"], SIZE)
    with pytest.raises(NoFaceError, match="one spot"):
        face_box(np.full((68, 2), 9.0), SIZE)


def test_a_photo_that_is_not_square_is_not_squashed(known: np.lib.npyio.NpzFile) -> None:
    with pytest.raises(PhotoError, match="260 x 320 pixels.*square"):
        resized(known["ns/input"], SIZE)


def test_what_lies_outside_the_picture_is_black() -> None:
    crop = face_crop(np.full((64, 64, 3), 200, np.uint8), np.array([1.0, 0.0, 0.5]))
    assert (crop[:, :105] == 0).all() and np.allclose(crop[8:216, 116:], 200 / 255)


def test_the_box_grows_with_the_face() -> None:
    points = np.array([[50.0, 60.0], [150.0, 180.0]])
    np.testing.assert_allclose(face_box(points, 200) * 200, [int(1.25 * 110 * 1.1), 100, 120])
