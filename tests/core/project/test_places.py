"""Where photos were last seen."""
from __future__ import annotations

from pathlib import Path

import pytest

from core.project import NamedPhoto, places
from core.project.places import find_photo, find_same, note_photo
from tests.core.project.kit import jpeg


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.jpg"
    path.write_bytes(jpeg())
    return path


def test_noted_and_found(own_home: Path, photo: Path, tmp_path: Path) -> None:
    assert find_photo("d") is None
    note_photo("d", photo)
    assert find_photo("d") == photo
    other = photo.rename(tmp_path / "other.jpg")
    assert find_photo("d") is None and find_photo("d", "other.jpg", [tmp_path]) == other and find_photo("d", "", [other]) == other
    note_photo("d", other)
    assert find_photo("d") == other


def test_only_the_newest_are_remembered(own_home: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST", 3)
    for digest in ("a", "b", "c", "a", "d"):
        note_photo(digest, photo)
    assert [digest for digest in "abcd" if find_photo(digest)] == ["a", "c", "d"]


def test_a_damaged_list_is_an_empty_one(own_home: Path, photo: Path) -> None:
    note_photo("d", photo)
    file = own_home / "data" / "places.json"
    odd = (b'{"photos": [1]}', b'{"photos": {"d": 3}}', b'{"photos": {"d": ["a", "b"]}}')
    for content in (b"", b"{", b"[1]", *odd, b"[" * 10**6):
        file.write_bytes(content)
        assert find_photo("d") is None
    note_photo("d", photo)
    assert find_photo("d") == photo


def test_a_folder_that_cannot_be_written_is_no_error(own_home: Path, photo: Path) -> None:
    own_home.mkdir()
    (own_home / "data").touch()
    note_photo("d", photo)
    assert find_photo("d") is None


def test_only_the_same_picture_counts(own_home: Path, photo: Path, tmp_path: Path) -> None:
    import hashlib
    wanted = NamedPhoto("me.jpg", Path("/nowhere/me.jpg"), hashlib.sha256(jpeg()).hexdigest(), digest="d")
    assert find_same(wanted) is None and find_same(wanted, [tmp_path]) == photo
    note_photo("d", photo)
    assert find_same(wanted) == photo
    photo.write_bytes(jpeg(3))
    assert find_same(wanted, [tmp_path]) is None
    photo.write_bytes(b"no picture")
    assert find_same(wanted, [tmp_path]) is None
