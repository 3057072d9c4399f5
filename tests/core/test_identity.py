from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core import identity
from core.cv import cv2
from core.errors import AssetError
from core.landmarks import FaceFinder
from core.photo import Photo


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as found:
        yield found


def of(path: Path, finder: FaceFinder) -> np.ndarray:
    photo = Photo.open(path, finder=finder)
    return identity.embedding(photo.pixels, photo.face.points)


def test_size_does_not_count(finder: FaceFinder, sample_photo: Path) -> None:
    photo = Photo.open(sample_photo, finder=finder)
    whole = identity.embedding(photo.pixels, photo.face.points)
    assert whole.shape == (128,) and whole.dtype == np.float32
    assert identity.distance(whole, whole) == 0
    assert identity.distance(whole, identity.embedding(photo.crop(256), photo.points(256))) < 0.15
    blurred = cv2.GaussianBlur(photo.crop(256), (0, 0), 2)
    assert identity.distance(whole, identity.embedding(blurred, photo.points(256))) < identity.SAME_PERSON


def test_same_and_different_people(finder: FaceFinder, shared: Path) -> None:
    folder = shared / "faces" / "originals"
    neutral = [of(folder / f"londonneutral_{name}.jpg", finder) for name in ("039-03", "091-03", "112-03")]
    smiling = [of(folder / f"londonsmile_{name}.jpg", finder) for name in ("039-08", "091-08", "112-08")]
    for i, a in enumerate(neutral):
        for j, b in enumerate(smiling):
            same = identity.distance(a, b) < identity.SAME_PERSON
            assert same == (i == j)


def test_missing_models_are_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity.available()
    monkeypatch.setattr(identity.importlib.util, "find_spec", lambda name: None)
    assert not identity.available()
    with pytest.raises(AssetError, match="face-recognition-models is not installed"):
        identity.model_file("any.dat")
