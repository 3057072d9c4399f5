"""`main.py assets`: what it prints and returns."""
from __future__ import annotations

from pathlib import Path

import pytest

import main
from core import paths
from core.assets import command, importer
from core.assets.importer import ImportReport
from core.assets.store import Asset, encoder_path, note


@pytest.fixture
def imported(own_home: Path, tmp_path: Path) -> Path:
    """An encoder in the store, by its record."""
    encoder_path().parent.mkdir(parents=True)
    encoder_path().write_bytes(bytes(3_000_000))
    note(Asset("encoder", tmp_path / "deca_model.tar", "DECA encoder", encoder_path()), "ab")
    return tmp_path


def test_list(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["assets", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["NAME", "WHAT", "SIZE", "FROM"], ["encoder", "DECA", "encoder", "3", "MB", str(imported / "deca_model.tar")]]
    assert lines[0].index("FROM") == lines[1].index(str(imported))


def test_an_empty_list_says_how_to_import(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["assets", "list"]) == 0
    assert "'main.py assets import FOLDER'" in capsys.readouterr().out


def test_remove(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["assets", "remove", "encoder"]) == 0
    assert "removed encoder: DECA encoder" in capsys.readouterr().out and not encoder_path().exists()
    assert main.main(["assets", "remove", "encoder"]) == 2
    assert "Nothing of the name 'encoder' is imported. Nothing is imported yet." in capsys.readouterr().err


@pytest.mark.parametrize(("problems", "status"), [([], 0), (["a.pt can't be used: it is empty."], 2)])
def test_import(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                problems: list[str], status: int) -> None:
    found = Asset("prior", tmp_path / "m.pt", "a model", paths.priors_dir() / "m.safetensors")
    report = ImportReport([found], problems, ["by the way"])
    monkeypatch.setattr(command, "import_folder", lambda folder, say: report)
    assert main.main(["assets", "import", str(tmp_path)]) == status
    shown = capsys.readouterr()
    assert f"m  a model  {tmp_path / 'm.pt'}" in shown.out and "note: by the way" in shown.out
    assert importer.LICENCE_REMINDER in shown.out
    assert shown.err == "".join(f"error: {problem}\n" for problem in problems)


@pytest.mark.parametrize("words", [["assets"], ["assets", "bring"], ["assets", "import"], ["assets", "remove"],
                                   ["assets", "import", "/no/such/folder"]])
def test_wrong_use(own_home: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_percentages_stay_on_one_line_of_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for terminal, shown in ((True, "start\n\ra: 10 %\ra: 100 %\nend\n"), (False, "start\nend\n")):
        monkeypatch.setattr("sys.stdout.isatty", lambda there=terminal: there)
        say = command.progress_line()
        for text in ("start", "a: 10 %", "a: 100 %", "end"):
            say(text)
        assert capsys.readouterr().out == shown
