"""Where the user's folders and the shipped data are."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core import paths
from core.errors import AssetError


def test_one_variable_moves_everything(own_home: Path) -> None:
    folders = [paths.data_dir(), paths.config_dir(), paths.cache_dir(), paths.people_dir(), paths.priors_dir(),
               paths.assets_dir()]
    assert len(set(folders)) == len(folders)
    assert all(folder.is_relative_to(own_home) for folder in folders)
    assert not own_home.exists()  # asking makes nothing


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the XDG folders are Linux's")
def test_platform_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DIFFUSIONRIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert paths.config_dir() == tmp_path / "elsewhere" / paths.APP_NAME
    assert paths.data_dir() == tmp_path / ".local/share" / paths.APP_NAME
    assert paths.cache_dir() == tmp_path / ".cache" / paths.APP_NAME


def test_resources() -> None:
    assert paths.resource("landmarks", "face_landmarker.task").is_file()
    with pytest.raises(AssetError, match="nothing.here is missing"):
        paths.resource("nothing.here")
