"""Reading an album from files: real faces where the shared photos are, and whatever else a folder can hold."""
from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from core.album import Album, AlbumPhoto, read_album
from core.errors import AssetError, PhotoError

PRIOR: Any = SimpleNamespace(head="open", size=256)


@pytest.fixture(scope="module")
def mixed(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with one man's photos, copies, a group, a stranger and a blurred picture, and the folder of its album."""
    source, folder = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("album")
    faces = shared / "faces"

    def own(name: str) -> Path:
        return faces / "albums" / "suaresito" / f"input__{name}.jpg"

    for name in ("foreground__05", "foreground__10", "half_body__05", "full_body__03"):
        shutil.copy(own(name), source / f"{name}.jpg")
    Image.open(own("foreground__05")).resize((400, 400)).save(source / "smaller.jpg", quality=70)
    (source / "more" / ".cache").mkdir(parents=True)
    shutil.copy(own("foreground__10"), source / "more" / "again.jpg")
    shutil.copy(own("foreground__10"), source / "more" / ".cache" / "hidden.jpg")
    Image.open(own("foreground__02")).filter(ImageFilter.GaussianBlur(6)).save(source / "shaken.png")
    group = Image.new("RGB", (1460, 940), "gray")
    group.paste(Image.open(faces / "originals" / "faker_85.jpg").resize((940, 940)), (0, 0))
    group.paste(Image.open(own("foreground__03")), (944, 80))
    group.save(source / "group.jpg")
    shutil.copy(faces / "originals" / "interfaces_050.jpg", source / "stranger.jpg")
    read_album([source], folder, PRIOR)
    return source, folder


def test_a_real_album_is_sorted(mixed: tuple[Path, Path]) -> None:
    album = Album.load(mixed[1])
    verdicts = {p.name: (p.verdict, [r.code for r in p.reasons]) for p in album.photos}
    assert verdicts.pop("group") == ("accepted", []) and album.photo("group").face == 1
    assert verdicts.pop("shaken")[0] == "refused"
    assert verdicts == {
        "foreground__05": ("accepted", []), "foreground__10": ("accepted", []), "half_body__05": ("weak", ["eyes-hidden"]),
        "full_body__03": ("refused", ["too-small"]), "smaller": ("refused", ["near-duplicate"]),
        "again": ("refused", ["duplicate"]), "stranger": ("refused", ["other-person"])}
    assert album.complete and album.counts == {"accepted": 3, "weak": 1, "refused": 5, "used": 4}
    assert np.isfinite(album.identity).all() and len(album.held_out()) == 1
    assert all(album.thumb(p.name) is not None and Image.open(album.thumb(p.name)).size == (168, 168)  # type: ignore[arg-type]
               for p in album.photos)
    assert album.pictures().photo(0).shape == (256, 256, 3)


def test_what_is_known_is_not_read_again(mixed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    source, folder = mixed
    before = Album.load(folder).overruled("half_body__05", False)
    before.save()
    monkeypatch.setattr("core.album.reading._Reader.read", lambda *_: pytest.fail("was read again"))
    seen: list[tuple[int, int]] = []
    after = read_album([source, source / "group.jpg"], folder, PRIOR, lambda done, total, *_: seen.append((done, total)))
    assert [p.to_json() for p in after.photos] == [p.to_json() for p in before.photos]
    assert seen == [(n, 9) for n in range(10)]


def test_another_size_is_read_anew(mixed: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(mixed[1], tmp_path / "album")
    album = read_album([mixed[0] / "foreground__10.jpg"], tmp_path / "album", SimpleNamespace(head="open", size=128))  # type: ignore[arg-type]
    assert album.pictures().photo(0).shape == (128, 128, 3)


def test_folders_hold_anything(tmp_path: Path, sample_photo: Path) -> None:
    source = tmp_path / "photos"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "text.jpg").write_text("this is no picture")
    (source / "empty.png").write_bytes(b"")
    (source / "cut.png").write_bytes(sample_photo.read_bytes()[:20_000])
    (source / "folder.jpg").mkdir()
    (source / "notes.txt").write_text("not even named like one")
    os.symlink(tmp_path / "nowhere.jpg", source / "gone.jpg")
    Image.new("L", (11_000, 10_000)).save(source / "huge.png")
    Image.new("RGB", (3, 2), "red").save(source / "dot.png")
    Image.new("RGB", (300, 4000), "white").save(source / "deep" / "strip.jpg")
    Image.open(sample_photo).convert("L").save(source / "deep" / "er" / "portrait of: me?.png")
    told: list[tuple[int, AlbumPhoto | None]] = []
    album = read_album([source, tmp_path / "missing.jpg", source / "notes.txt"], tmp_path / "album", PRIOR,
                       lambda done, total, photo, text: told.append((done, photo)))
    verdicts = {p.name: p.reasons[0].code for p in album.photos if p.reasons}
    assert verdicts == {"text": "unreadable", "empty": "unreadable", "cut": "unreadable", "huge": "unreadable",
                        "missing": "unreadable", "notes": "unreadable", "dot": "no-face", "strip": "no-face"}
    assert [p.name for p in album.used] == ["portrait of_ me_"]
    assert told[0] == (0, None) and [done for done, _ in told[1:]] == list(range(1, 10))
    for _, photo in told[1:]:
        assert photo is not None
        assert (album.thumb(photo.name) is not None) == (photo.reasons[:1] == () or photo.reasons[0].code != "unreadable")


def test_stopping_keeps_what_was_read(tmp_path: Path) -> None:
    for n in range(4):
        Image.new("RGB", (64, 64), (n, 0, 0)).save(tmp_path / f"{n}.png")
    asked: list[int] = []
    album = read_album([tmp_path], tmp_path / "album", PRIOR, cancelled=lambda: asked.append(1) or len(asked) > 2)  # type: ignore[func-returns-value]
    assert [p.name for p in album.photos] == ["0", "1"] and not album.complete
    assert not Album.load(tmp_path / "album").complete
    assert read_album([tmp_path], tmp_path / "album", PRIOR).complete


def test_equal_names_are_told_apart_by_content(tmp_path: Path) -> None:
    for folder, colour in (("a", "red"), ("b", "blue"), ("c", "blue")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (64, 64), colour).save(tmp_path / folder / "IMG.png")
    folders = [tmp_path / name for name in "abc"]
    first = {p.path: p.name for p in read_album(folders, tmp_path / "one", PRIOR).photos}
    second = {p.path: p.name for p in read_album(folders[:2][::-1], tmp_path / "two", PRIOR).photos}
    assert len(set(first.values())) == 3
    assert all(first[path] == name for path, name in second.items())


def test_a_photo_that_fails_is_an_entry_but_a_missing_model_ends_it(tmp_path: Path, sample_photo: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("odd photo")

    monkeypatch.setattr("core.album.reading._Reader._faces", broken)
    album = read_album([sample_photo], tmp_path / "album", PRIOR)
    assert album.photos[0].verdict == "refused" and "odd photo" in album.photos[0].reasons[0].text

    def missing(*_: Any) -> None:
        raise AssetError("dlib is not installed")

    monkeypatch.setattr("core.album.reading._Reader._faces", missing)
    with pytest.raises(AssetError, match="dlib"):
        read_album([sample_photo], tmp_path / "other", PRIOR)


@pytest.mark.parametrize("sources", [[], ["nothing here"], ["."]])
def test_no_photos_is_an_error(tmp_path: Path, sources: list[str]) -> None:
    with pytest.raises(PhotoError, match="no (photos|folder)"):
        read_album([tmp_path / name for name in sources], tmp_path / "album", PRIOR)
