"""What all tests share: no display, no network, no trace in the user's folders, and at most two threads of computation."""
from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

# Before anything imports Qt, torch or numba: they read these only once.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "2")
for _name in ("HF_HUB_OFFLINE", "NO_AT_BRIDGE"):
    os.environ.setdefault(_name, "1")

import pytest  # noqa: E402

import core  # noqa: E402, F401  sets how threads wait, before anything imports numpy or torch

REPOSITORY = Path(__file__).resolve().parent.parent
_home = tempfile.mkdtemp(prefix="studio-tests-")
os.environ["DIFFUSIONRIG_HOME"] = _home


def pytest_unconfigure() -> None:
    """Take the tests' own user folder away."""
    shutil.rmtree(_home, ignore_errors=True)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the project."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos and reference numbers beside the project (or $DIFFUSIONRIG_SHARED); skips where it is absent."""
    folder = Path(os.environ.get("DIFFUSIONRIG_SHARED") or REPOSITORY.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"needs the test photos and reference numbers in {folder}")
    return folder


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user folder for this test alone."""
    home = tmp_path / "home"
    monkeypatch.setenv("DIFFUSIONRIG_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def sample_photo() -> Path:
    """The portrait that ships."""
    return REPOSITORY / "resources" / "samples" / "astronaut.png"
