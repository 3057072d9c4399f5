"""An album that is read once, and the tiny prior it is for."""
from __future__ import annotations

from pathlib import Path

import pytest

from core.album import read_album
from core.prior import Prior
from tests.core.personalize.kit import student_prior


@pytest.fixture(scope="session")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Prior:
    return student_prior(tmp_path_factory.mktemp("prior") / "tiny.safetensors")


@pytest.fixture(scope="session")
def album(shared: Path, prior: Prior, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos of one man, read."""
    folder = tmp_path_factory.mktemp("albums") / "album"
    photos = sorted((shared / "faces" / "albums" / "suaresito").glob("input__foreground__0[1-6]*"))[:4]
    if len(photos) < 4:
        pytest.skip("needs the album of test photos")
    read_album(photos, folder, prior).save()
    return folder


@pytest.fixture(scope="session")
def lone(prior: Prior, sample_photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An album of the one portrait that ships."""
    folder = tmp_path_factory.mktemp("albums") / "lone"
    read_album([sample_photo], folder, prior).save()
    return folder
