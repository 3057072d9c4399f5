"""The shelf of people and `main.py people`: finding, renaming, passing on, taking in, deleting."""
from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

import main
from core import paths
from core.errors import AssetError
from core.people import shelf
from core.people.person import read_person
from core.prior import Prior
from tests.core.people.kit import IDENTITY, installed, put_person, tiny_prior


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Prior:
    return tiny_prior(tmp_path_factory.mktemp("prior") / "tiny.safetensors")


@pytest.fixture
def prior(made: Prior, own_home: Path) -> Prior:
    """A prior that is installed, in an empty home."""
    return installed(made)


def people(*words: object) -> int:
    return main.main(["people", *map(str, words)])


def test_an_empty_shelf(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shelf.listed() == [] and people() == 0
    assert "There are no people yet. 'main.py personalize ALBUM --name NAME'" in capsys.readouterr().out
    with pytest.raises(AssetError, match="There is no person 'Ann'. There are none in"):
        shelf.find_person("Ann")
    assert not own_home.exists()


def test_listing_reads_headers_only_and_names_problems(prior: Prior, capsys: pytest.CaptureFixture[str]) -> None:
    put_person(prior, "bea")
    put_person(prior, "Ann O'Neil", seed=2)
    (paths.people_dir() / "broken.safetensors").write_bytes(b"12345")
    (paths.people_dir() / "notes.txt").touch()
    found = shelf.listed()
    assert [(e.name, e.file.name) for e in found] == [("Ann O'Neil", "Ann-O-Neil.safetensors"), ("bea", "bea.safetensors"),
                                                      ("broken", "broken.safetensors")]
    assert (found[0].photos, found[0].preset, found[0].prior, found[0].prior_digest) == (16, "quick", "tiny", prior.digest)
    assert not found[0].problem and "damaged or cut short" in found[2].problem
    assert people("list") == 0
    said = capsys.readouterr()
    assert "Ann O'Neil  2026-11-23  16      tiny" in said.out and "note: 'broken' can't be used" in said.err


def test_a_person_whose_prior_is_not_here(prior: Prior) -> None:
    put_person(prior)
    (paths.priors_dir() / "tiny.safetensors").unlink()
    entry, = shelf.listed()
    assert f"was made with the model 'tiny' ({prior.digest[:12]}), which is not installed here" in entry.problem


def test_finding(prior: Prior, tmp_path: Path) -> None:
    path, other = put_person(prior, "Ann"), put_person(prior, "Bob", path=tmp_path / "bob.safetensors")
    assert shelf.find_person("ANN") == path and shelf.find_person(str(other)) == other and shelf.find_person(path) == path
    for odd in ("nobody", "a\0b", "x" * 5000, "../Ann"):
        with pytest.raises(AssetError, match="There is no person .* Known people: Ann."):
            shelf.find_person(odd)
    assert shelf.find_digest(read_person(path).digest) == path and shelf.find_digest("0" * 64) is None
    put_person(prior, "Ann", path=paths.people_dir() / "copy.safetensors")
    with pytest.raises(AssetError, match="There are 2 people of the name 'ann'"):
        shelf.find_person("ann")


def test_renaming(prior: Prior) -> None:
    put_person(prior, "Ann")
    put_person(prior, "Bea", seed=2)
    before = read_person(shelf.find_person("Ann"))
    with pytest.raises(shelf.NameTaken, match="There is a person 'BEA' already"):
        shelf.rename("Ann", "BEA")
    assert people("rename", "Ann", "ANN") == 0 and people("rename", "ann", "Carla / x") == 2
    assert people("rename", "ann", "Carla") == 0
    assert [entry.name for entry in shelf.listed()] == ["Bea", "Carla"]
    after = read_person(shelf.find_person("Carla"))
    assert after == before and after.path.name == "Carla.safetensors" and after.card == before.card


def test_names_that_share_a_slug_have_files_of_their_own(prior: Prior) -> None:
    put_person(prior, "A.B")
    put_person(prior, "A B", seed=2)
    assert sorted(entry.file.stem for entry in shelf.listed()) == ["A-B", "A-B-2"]
    with pytest.raises(shelf.NameTaken):
        shelf.person_file("a.b")


def test_out_and_in_again(prior: Prior, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_person(prior, "Ann")
    whole = shelf.find_person("Ann").read_bytes()
    assert people("export", "Ann", tmp_path) == 0
    said = capsys.readouterr().out
    assert "consent: Ann agrees. (2026-11-23)" in said and "licence of the model 'tiny': as you like" in said
    file = tmp_path / "Ann.safetensors"
    assert file.read_bytes() == whole
    assert people("export", "Ann", file) == 2 and "there is a file of that name" in capsys.readouterr().err
    assert people("import", file) == 2 and "This person is here already, as 'Ann'" in capsys.readouterr().err
    assert people("delete", "Ann", "--yes") == 0 and shelf.listed() == []
    assert people("import", file, "--name", "Annie") == 0 and "imported 'Annie'" in capsys.readouterr().out
    assert [entry.name for entry in shelf.listed()] == ["Annie"]
    put_person(prior, "Annie", seed=3, path=file)
    with pytest.raises(shelf.NameTaken):
        shelf.import_file(file)
    assert shelf.import_file(file, "Annie 2") == "Annie 2"


def test_what_does_not_belong_here_is_not_taken_in(prior: Prior, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    put_person(prior, path=file, identity=IDENTITY[:10])
    with pytest.raises(AssetError, match="mean identity has 10 numbers, but the 'open' head takes 56"):
        shelf.import_file(file)
    put_person(tiny_prior(tmp_path / "other.safetensors", encoder_width=16), path=file)
    with pytest.raises(AssetError, match="'Ann' was made with the model 'tiny' .*not installed here.*Put that model's file into"):
        shelf.import_file(file)
    file.write_bytes(b"<html>")
    with pytest.raises(AssetError, match="x.safetensors can't be used as a person"):
        shelf.import_file(file)
    with pytest.raises(AssetError, match="There is no file"):
        shelf.import_file(tmp_path / "none.safetensors")
    with pytest.raises(AssetError, match="is a folder"):
        shelf.import_file(tmp_path)
    assert shelf.listed() == [] and not paths.people_dir().exists()


def test_only_people_of_the_shelf_are_renamed_or_deleted(prior: Prior, tmp_path: Path) -> None:
    outside = put_person(prior, path=tmp_path / "outside.safetensors")
    for work in (lambda: shelf.delete(str(outside)), lambda: shelf.rename(str(outside), "Bea")):
        with pytest.raises(AssetError, match="is not one of your people"):
            work()
    assert outside.exists()


def test_deleting_asks(prior: Prior, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    put_person(prior)
    assert people("delete", "Ann") == 2 and "Give --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", Mock(isatty=lambda: True, readline=lambda *_: "n\n"))
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    assert people("delete", "Ann") == 2 and shelf.listed()
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    assert people("delete", "Ann") == 0 and not shelf.listed()


def test_show(prior: Prior, capsys: pytest.CaptureFixture[str]) -> None:
    put_person(prior)
    assert people("show", "ann") == 0
    said = capsys.readouterr().out
    for words in ("Ann", f"tiny ({prior.digest[:12]})", "open, mean identity of 56 numbers",
                  "17 accepted, 1 weak, 3 refused, 18 used, 2 held out", "40 step, 60 seconds",
                  "0.41 on held-out photos, 0.66 with the model itself", "consent: Ann agrees. (2026-11-23)",
                  "licence of the model 'tiny': as you like"):
        assert words in said, said
