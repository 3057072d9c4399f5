"""`main.py evaluate person`: measures whose answer is known, what is measured on, and a whole run with a tiny person."""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import core.backends
from core import identity
from core.engine import Engine
from core.errors import AssetError, UserError
from core.evaluate import albums, colours, command, person_measures, persons
from core.evaluate.colours import Shift
from core.evaluate.identities import Likeness
from core.evaluate.person_measures import ASKED, EXPRESSIONS, GROUPS, LIGHTS, TURNS, Back
from core.evaluate.photos import Listed
from core.evaluate.picture_measures import colour_shift, drift, mean_lab
from core.evaluate.rows import DEFAULT, PAPER
from core.evaluate.subjects import NO_EDIT, Case, Judge, Subject
from core.head import load_head
from core.landmarks import FaceFinder
from core.people.header import About
from core.people.person import write_person
from core.photo import Photo
from core.prepare import Item
from core.prior import load_prior
from core.rig import Rig, parameters
from models import changes
from tests.tiny import save_tiny_prior

needs_dlib = pytest.mark.skipif(not identity.available(), reason="needs the re-identification models")


@dataclass(frozen=True)
class _Photo:
    """As `core.album.AlbumPhoto`, as far as it matters here."""

    name: str
    path: str
    verdict: str = "accepted"
    code: Any = "code"
    reasons: tuple[Any, ...] = ()
    used: bool = True


@dataclass
class _Album:
    folder: Path
    photos: tuple[_Photo, ...]

    @property
    def used(self) -> tuple[_Photo, ...]:
        return tuple(photo for photo in self.photos if photo.used)

    def crop_file(self, name: str) -> Path:
        return self.folder / "crops" / f"{name}.png"


def _about(**photos: Any) -> About:
    return About("0" * 64, "Ann", "1" * 64, "tiny", "", "open", 256, (), {"photos": photos} if photos else {})


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with FaceFinder() as finder:
        yield Judge(finder)


@pytest.fixture(scope="module")
def album(sample_photo: Path, tmp_path_factory: pytest.TempPathFactory, judge: Judge) -> _Album:
    """Three crops of the portrait that ships, the latter two darker."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "crops").mkdir()
    crop = Photo.open(sample_photo, None, judge.finder).crop(256)
    for i, name in enumerate(("a", "b", "c")):
        Image.fromarray((crop * (1 - 0.15 * i)).astype(np.uint8)).save(folder / "crops" / f"{name}.png")
    return _Album(folder, tuple(_Photo(name, f"/photos/{name}.jpg") for name in "abc"))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_home: Path) -> Path:
    """A tiny prior in place of the one that ships, and a person made of it, whose card holds out photo b."""
    file = save_tiny_prior(tmp_path / "tiny.safetensors")
    monkeypatch.setattr("core.paths.default_prior", lambda: file)
    monkeypatch.setattr(core.backends, "pick_dtype", lambda *_: torch.float32)
    monkeypatch.setattr(Engine, "judged", lambda _, result: result)  # a long search for faces in noise
    prior = load_prior(file)
    state = prior.checkpoint.state
    moved = {key: value + 0.01 for key, value in state.items() if value.is_floating_point() and value.dim() > 1}
    person = own_home / "data" / "people" / "Ann.safetensors"
    write_person(person, name="Ann", prior=prior, identity=(0.1,) * load_head("open").identity_size,
                 changes=changes.store_full(state, moved, changes.NETWORK),
                 card={"preset": "quick", "photos": {"held_out": ["b"], "accepted": 2}})
    return person


# -- colour -----------------------------------------------------------------------------------------------------------------


def test_colours_have_their_known_places_in_lab() -> None:
    def grey(value: int) -> np.ndarray:
        return np.full((4, 4, 3), value, np.uint8)

    assert np.allclose(mean_lab(grey(255)), [100, 0, 0], atol=0.1) and np.allclose(mean_lab(grey(0)), 0, atol=0.1)
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert np.allclose(mean_lab(red), [53.2, 80.1, 67.2], atol=0.3)  # sRGB's red, D65
    mask = np.zeros((4, 4), bool)
    assert np.isnan(mean_lab(red, mask)).all()
    mask[0] = True
    half = red.copy()
    half[1:] = 0
    assert np.allclose(mean_lab(half, mask), mean_lab(red)) and colour_shift(grey(119), grey(119)).tolist() == [0, 0, 0]
    assert colour_shift(grey(130), grey(119))[0] == pytest.approx(4.3, abs=0.3)


def test_drift_is_what_pictures_share() -> None:
    one, other = np.array([3.0, 0, 0]), np.array([-3.0, 0, 0])
    assert drift([one, other]) == 0 and drift([one, one]) == 3 and drift([one, np.full(3, np.nan)]) == 3
    assert np.isnan(drift([])) and drift([one, other, np.array([0, 0, 3.0])]) == pytest.approx(1)


# -- tables -----------------------------------------------------------------------------------------------------------------


def _back(row: str, seed: int, value: float, shift: float = 0.0) -> Back:
    return Back(row, "a", seed, value, value, value, value, np.array([shift, 0, 0]), np.array([shift, 0, 0]))


def test_a_person_is_compared_picture_by_picture() -> None:
    found = [_back("p, seeded", 0, 0.6), _back("p, seeded", 1, 0.5), _back("d, seeded", 0, 0.7), _back("d, seeded", 1, 0.4),
             _back("d, seeded", 2, 0.1)]
    it = person_measures.beside(found, "d, seeded", "p, seeded", "identity")
    assert (it.before, it.after, it.better, it.pictures) == pytest.approx((0.55, 0.55, 0.5, 2))  # not the third seed
    assert person_measures.compared(found, [("d, seeded", "p, seeded")])[1][-2:] == ["+0%", "1 of 2"]
    line = person_measures.table(found, {"p, seeded": 0.5})[1]
    assert line[:3] == ["p, seeded", "2", "0.550"] and line[6] == "50%" and line[-1] == "0.50"
    nan, none = float("nan"), np.full(3, np.nan)
    gone = [Back("p, seeded", "a", 0, nan, nan, nan, nan, none, none), found[2]]
    assert person_measures.compared(gone, [("d, seeded", "p, seeded")])[1][-4:] == ["-", "-", "-", "-"]


def test_criteria_say_what_is_met() -> None:
    edits = [Likeness("p, inverted", "a", edit.name, distance) for group in ASKED for edit in GROUPS[group]
             for distance in ([0.3] if group == EXPRESSIONS else [0.3, 0.7])]

    def met(found: list[Back]) -> list[str]:
        lines = person_measures.criteria(found, edits, person_measures.still_shifts(found), ["p"], ["seeded", "inverted"])
        return [f"{line[2]} {line[-1]}" for line in lines[1:]]

    before = _back(f"{DEFAULT}, seeded", 0, 0.7)
    assert met([_back("p, seeded", 0, 0.5, 0.5), before]) == ["0.500 yes", "0.500 yes", "0.50 yes", "100.0% of 4 yes",
                                                              "50.0% of 4 NO"]
    assert met([_back("p, seeded", 0, 0.7, 1.5), before])[:3] == ["0.700 NO", "0.700 NO", "1.50 can't be told from 1 photo"]


def test_a_colour_cast_is_told_from_chance() -> None:
    def shift(photo: str, value: float, row: str = "p", seed: int = 0) -> Shift:
        return Shift("no edit", row, photo, seed, "", np.array([value, 0, 0]))

    own = colours.cast([shift("a", 2), shift("a", 4, seed=1), shift("b", 1), shift("c", float("nan"))])
    assert (own.size, own.error, own.photos) == pytest.approx((2, 1, 2)) and str(own) == "2.00 ± 1.00"  # a is one photo: 3
    assert own.verdict(2.5) == "yes" and own.verdict(1.0) == "NO" and own.verdict(1.5) == "can't be told from 2 photos"
    assert str(colours.cast([])) == "-" and str(colours.cast([shift("a", 2)])) == "2.00"
    both = [shift("a", 5), shift("b", -5), shift("a", 4.5, "d"), shift("b", -5.5, "d"), shift("c", 9, "d")]
    paired = colours.beside(both, "no edit", "d", "p")  # what the two rows share says nothing of either
    assert (paired.size, paired.error, paired.photos) == pytest.approx((0.5, 0, 2))
    assert colours.table(both, [("d", "p")])[1:] == [["no edit", "p", "2", "0.00 ± 5.00", "0.50 ± 0.00"],
                                                    ["no edit", "d", "3", "2.67 ± 4.28", "-"]]


def test_skin_that_an_edit_leaves_alone(album: _Album, judge: Judge) -> None:
    subject = judge.of_crop(Listed(Item("a.png"), "album", "a"), albums.crop_of(album, album.photos[0]))  # type: ignore[arg-type]
    assert isinstance(subject, Subject)
    whole, still = (colours.still_skin(judge, Case(subject, edit)) for edit in (NO_EDIT, GROUPS[EXPRESSIONS][1]))  # the jaw
    assert 0.2 < still.sum() / whole.sum() < 0.95 and not (still & ~whole).any()
    chin, between = (np.round(subject.face.points[i]).astype(int) for i in (152, 9))
    assert still[between[1], between[0]] and not still[chin[1] - 3, chin[0]] and whole[chin[1] - 3, chin[0]]


def test_edits_are_counted_by_group() -> None:
    near = [Likeness("r", "a", edit.name, 0.2) for edit in GROUPS[TURNS]]
    far = [Likeness("r", "b", edit.name, float("nan")) for edit in GROUPS[TURNS]]
    lines = person_measures.by_group([*near, *far], [*near, *far])
    assert lines[1] == ["r", TURNS, "4", "50.0%", "0.200", "0.200", "0.200"] and len(lines) == 2


def test_edits_are_within_the_sliders() -> None:
    known = parameters(load_head("open"))
    for edit in (edit for edits in GROUPS.values() for edit in edits):
        for name, value in edit.values:
            assert isinstance(value, float) and known[name].low <= value <= known[name].high
            assert edit.rig([]) != Rig()


# -- what is measured on ----------------------------------------------------------------------------------------------------


def test_photos_to_measure_on(album: _Album) -> None:
    def names(people: list[About], *patterns: str) -> list[str]:
        return [photo.name for photo in albums.held_out(album, people, patterns)]  # type: ignore[arg-type]

    assert names([_about(held_out=["b"])]) == ["b"] and names([_about(held_out=["b", "c"]), _about(held_out=["b"])]) == ["b"]
    assert names([_about()], "c", "a.jpg") == ["c", "a"] and names([_about()], "*") == ["a", "b", "c"]
    for people in ([_about()], [_about(held_out=3)], [_about(held_out=[["b"]])]):
        with pytest.raises(UserError, match="No photo was held out.*Ann.*--held-out"):
            names(people)
    with pytest.raises(UserError, match="no photo 'd'. It has: a, b, c"):
        names([_about(held_out=["d"])])
    def seen(*people: About) -> list[str]:
        return albums.trained_on(people, album.photos)  # type: ignore[arg-type]

    assert seen(_about(held_out=["b"])) == ["a", "c"] and seen(_about(held_out=["b"], names=["b", "c"])) == ["c"]
    assert seen(_about(held_out=["b"], names=["b"]), _about(names=["b"])) == ["b"]


def test_a_photo_that_cannot_be_used_says_why(album: _Album) -> None:
    reason = argparse.Namespace(text="another person")
    odd = _Album(album.folder, (*album.photos, _Photo("z", "/z.jpg", "refused", None, (reason,), False)))
    with pytest.raises(UserError, match="'z' can't be measured on: another person"):
        albums.held_out(odd, [_about()], ["z"])  # type: ignore[arg-type,list-item]


@needs_dlib
def test_the_album_says_who_it_is_without_the_measured_photos(album: _Album, judge: Judge) -> None:
    kept = albums.open_kept(album, album.photos[:1], judge)  # type: ignore[arg-type]
    assert [s.name for s in kept.subjects] == ["a"] and kept.others == 2
    both = [kept.own[name] for name in "bc"]
    assert all(e is not None for e in both) and np.allclose(kept.mean["a"], np.mean(both, 0))  # type: ignore[arg-type,call-overload]
    whole = albums.open_kept(album, album.photos, judge)  # type: ignore[arg-type]
    assert whole.others == 2 and np.allclose(whole.mean["a"], np.mean(both, 0))  # type: ignore[arg-type]  # each without itself


@needs_dlib
def test_a_folder_of_photos_is_read_once(sample_photo: Path, tmp_path: Path, judge: Judge, tiny: Path,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "moon.png").write_bytes(sample_photo.read_bytes())
    read = albums.open_album(folder, tmp_path / "read", load_prior())
    again = albums.open_album(tmp_path / "read", tmp_path / "unused", load_prior())
    assert [p.name for p in albums.held_out(again, [_about()], ["moon*"])] == ["moon"] and not (tmp_path / "unused").exists()
    kept = albums.open_kept(read, read.used, judge)
    assert kept.own["moon"] is not None and kept.mean["moon"] is None and kept.others == 0  # nobody else to compare with


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        albums.open_album(tmp_path / "none", tmp_path / "read", None)  # type: ignore[arg-type]


# -- whole runs -------------------------------------------------------------------------------------------------------------


def _run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(list(words)))


@needs_dlib
def test_a_whole_run(album: _Album, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                     capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(albums, "open_album", lambda *_, **__: album)
    monkeypatch.setattr(persons, "open_album", lambda *_, **__: album)
    monkeypatch.setattr(persons, "GROUPS", {group: GROUPS[group][:1] for group in (EXPRESSIONS, LIGHTS)})
    report = tmp_path / "r"
    assert _run("person", str(album.folder), "--person", "Ann", "--seeds", "2", "--steps", "2", "--report", str(report)) == 0
    text = (report / "REPORT.md").read_text()
    for words in ("1 of", "(b)", "Ann, seeded", "preset quick, 2 photos", "mean embedding is that of 2 other photos", "HaarPSI",
                  "## The same person after an edit", "| Ann, inverted | light | 1 |", "| Ann, seeded, held | light",
                  "| expressions, skin that stays | Ann, inverted | 1 |", "| no edit | Ann, seeded | 1 |"):
        assert words in text, words
    assert "no proof" not in text and "| Ann, seeded | 2 |" in text
    lines = (report / "photos.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * (1 + 2 + 2) and lines[0].startswith("row,photo,seed,perceptual,face,identity,album,crop L")
    assert lines[3] != lines[5].replace("Ann", DEFAULT)  # seeded: the person's weights are taken
    assert len((report / "edited.csv").read_text().splitlines()) == 1 + 2 * 2 * (1 + 2)
    assert Image.open(report / "photos.png").size[0] == (2 + 4 + 2) * 256  # photo, render, two models: two seeds, one held
    assert Image.open(report / "edits_1.png").size[0] == (2 + 4) * 168
    assert "look at" in capsys.readouterr().out
    assert _run("person", str(album.folder), "--person", str(tiny), "--held-out", "a", "--noise", PAPER, "--no-edits", "--seeds",
                "1", "--report", str(tmp_path / "p")) == 0
    text = (tmp_path / "p" / "REPORT.md").read_text()
    assert "no proof of anything: a**" in text and "| Ann, paper | 1 |" in text and "after an edit" not in text


def test_people_are_rows_of_the_other_kinds(album: _Album, tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes((album.folder / "crops" / "a.png").read_bytes())
    assert _run("pictures", str(folder), "--report", str(tmp_path / "q"), "--rows", "Ann, seeded", "--person", "Ann") == 0
    table = (tmp_path / "q" / "table.csv").read_text()
    assert '"Ann, seeded",1' in table and DEFAULT not in table
    with pytest.raises(AssetError, match="no person 'Bob'"):
        _run("pictures", str(folder), "--report", str(tmp_path / "q"), "--person", "Bob")


def test_settings_that_cannot_be_are_refused(album: _Album, tiny: Path, tmp_path: Path) -> None:
    for words in (("--seeds", "0"), ("--steps", "0")):
        with pytest.raises(UserError, match="--seeds goes from"):
            _run("person", str(album.folder), "--person", "Ann", "--report", str(tmp_path), *words)
