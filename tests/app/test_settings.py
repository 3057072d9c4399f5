"""Settings survive a bad file, key by key."""
from __future__ import annotations

import json
from pathlib import Path

from app.settings import Settings


def test_round_trip(tmp_path: Path) -> None:
    Settings(theme="light", panel_width=400, open_sections=("Light",)).save(tmp_path)
    assert Settings.load(tmp_path) == Settings(theme="light", panel_width=400, open_sections=("Light",))


def test_missing_file_gives_defaults(tmp_path: Path) -> None:
    assert Settings.load(tmp_path / "none") == Settings()


def test_damaged_file_is_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"theme": "li')
    assert Settings.load(tmp_path) == Settings()
    assert (tmp_path / "settings.bad.json").exists()


def test_bad_keys_fall_back_one_by_one(tmp_path: Path) -> None:
    plain = {"theme": "pink", "panel_width": 10**6, "overlay": "much", "show_ball": 1, "open_sections": [1], "folder": "/x",
             "export_quality": True, "unknown": 3}
    (tmp_path / "settings.json").write_text(json.dumps(plain))
    assert Settings.load(tmp_path) == Settings(folder="/x")
    (tmp_path / "settings.json").write_text("[]")
    assert Settings.load(tmp_path) == Settings()


def test_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Settings().save(tmp_path / "file" / "sub")
