"""An album kept: what the user decides, whose it is, what a training takes from it, and that it comes back as it was."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.album import Album
from core.album.facts import ReadPhoto
from core.errors import AssetError, ParameterError, PhotoError, UserError
from tests.core.album.made import CODE, SIZE, photo, seen


def _write_faces(folder: Path, read: list[ReadPhoto]) -> None:
    (folder / "faces").mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(read):
        for index, face in enumerate(one.faces):
            if face.embedding is not None:
                shade = np.full((SIZE, SIZE, 3), 10 * number + index, np.uint8)
                Image.fromarray(shade).save(one.crop_file(folder, index))
                Image.fromarray(shade[:168, :168]).save(one.thumb_file(folder, index))


@pytest.fixture
def album(tmp_path: Path) -> Album:
    identities = np.random.default_rng(0).standard_normal((6, len(CODE.identity)))
    read = [photo(f"own{n}", seen(0, n, identity=identities[n])) for n in range(5)]
    read += [photo("group", seen(1, 0, side=900.0), seen(0, 9, identity=identities[5])), photo("her", seen(1, 1)),
             photo("copy", same_as="own1"), photo("broken", problem="broken.jpg is damaged.", digest="")]
    _write_faces(tmp_path, read)
    return Album(tmp_path, "open", SIZE, tuple(read))


def test_what_is_saved_comes_back(album: Album) -> None:
    changed = album.overruled("own2", False).overruled("her", True)
    changed.save()
    again = Album.load(album.folder)
    assert [p.to_json() for p in again.photos] == [p.to_json() for p in changed.photos]
    assert again.photo("own2").choice is False and again.photo("her").used
    np.testing.assert_array_equal(again.identity, changed.identity)
    assert again.held_out() == changed.held_out() and again.advice == changed.advice
    assert again.coverage == changed.coverage
    report = json.loads((album.folder / "album.json").read_text())["report"]
    assert next(row for row in report if row["name"] == "broken")["reasons"] == [["unreadable", "broken.jpg is damaged."]]


def test_choices_are_undone_and_impossible_ones_refused(album: Album) -> None:
    out = album.overruled("own0", False)
    assert not out.photo("own0").used and album.photo("own0").used
    assert out.overruled("own0", None).photo("own0").used
    with pytest.raises(ParameterError, match="broken.jpg is damaged"):
        album.overruled("broken", True)
    with pytest.raises(ParameterError, match="no photo 'x'"):
        album.overruled("x", True)


def test_crops_and_thumbnails_are_of_the_person(album: Album) -> None:
    album.save()
    assert np.array(Image.open(album.crop_file("group")))[0, 0, 0] == 51  # the second face of the sixth photo
    for name in ("group", "copy"):
        assert album.thumb(name) is not None
    assert album.thumb("broken") is None
    other = album.with_person("her")
    other.save()
    assert np.array(Image.open(album.crop_file("group")))[0, 0, 0] == 50
    assert [p.name for p in other.used] == ["group", "her"] and other.photo("group").face == 0
    assert Album.load(album.folder).main == ("her", 0)


def test_another_person_needs_a_face_to_know(album: Album) -> None:
    assert [(s.photos, s.chosen) for s in album.people] == [(6, True), (2, False)]
    assert album.people[1].photo == "group" and album.people[1].names == ("group", "her")
    with pytest.raises(ParameterError, match="no face that can be recognised"):
        album.with_person("broken")
    with pytest.raises(ParameterError, match="no face number 5"):
        album.with_person("group", 5)


def test_pictures_for_training_share_one_identity(album: Album) -> None:
    album.save()
    pictures = album.pictures()
    assert len(pictures) == 6 and pictures.names == [p.name for p in album.used]
    assert pictures.photo(0).shape == (SIZE, SIZE, 3) and pictures.photo(5)[0, 0, 0] == 51
    for index in range(6):
        np.testing.assert_array_equal(pictures.code(index).identity, album.identity)
    assert pictures.odds({"x": 1.0}).sum() == pytest.approx(1)
    assert pictures.facts()["pictures"] == {"album": 6}
    assert album.pictures(["own3"]).names == ["own3"]
    own = album.identity_of(["own0", "own1"])  # a mean that the photos measured with have no part in
    assert not np.array_equal(own, album.identity)
    np.testing.assert_array_equal(album.pictures(["own3"], own).code(0).identity, own)
    with pytest.raises(ParameterError, match="broken has no face"):
        album.pictures(["broken"])
    with pytest.raises(UserError, match="No photo"):
        album.pictures([])


def test_an_album_says_when_two_people_may_be_meant(tmp_path: Path) -> None:
    pair = [photo(f"{name}{n}", seen(who, n)) for who, name in enumerate(("his", "her")) for n in range(3)]
    album = Album(tmp_path, "open", SIZE, tuple(pair))
    assert "Two people" in album.advice[0]
    assert "Two people" not in album.with_person("her0").advice[0]
    single = Album(tmp_path, "open", SIZE, (photo("a", seen(0, 0)), photo("b", seen(1, 0))))
    assert "guess" in single.advice[0] and len(single.used) == 1
    one = Album(tmp_path, "open", SIZE, (photo("a", seen(0, 0)),))
    assert one.held_out() == () and "guess" not in one.advice[0]


def test_an_album_without_faces_has_no_identity(tmp_path: Path) -> None:
    album = Album(tmp_path, "open", SIZE, (photo("landscape"),))
    assert album.used == () and album.people == () and album.held_out() == ()
    with pytest.raises(PhotoError):
        _ = album.identity


@pytest.mark.parametrize("damage", ["", "{}", "[]", "null", '{"format": 99}', "cut"])
def test_a_damaged_album_is_an_error_for_the_user(album: Album, damage: str) -> None:
    album.save()
    file = album.folder / "album.json"
    file.write_text(file.read_text()[:500] if damage == "cut" else damage)
    with pytest.raises(AssetError, match="Read the album again"):
        Album.load(album.folder)


@pytest.mark.parametrize("key", ["code", "embedding", "look", "facts", "box"])
def test_faces_are_checked(album: Album, key: str) -> None:
    album.save()
    file = album.folder / "album.json"
    plain = json.loads(file.read_text())
    plain["photos"][0]["faces"][0][key] = {"facts": {}, "look": "AAAA"}.get(key, [1, 2])
    file.write_text(json.dumps(plain))
    with pytest.raises(AssetError, match="damaged"):
        Album.load(album.folder)


def test_names_cannot_leave_the_folder(album: Album) -> None:
    album.save()
    file = album.folder / "album.json"
    plain = json.loads(file.read_text())
    plain["photos"][0]["name"] = "../../evil"
    file.write_text(json.dumps(plain))
    with pytest.raises(AssetError, match="damaged"):
        Album.load(album.folder)
