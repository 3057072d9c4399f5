from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import main
from core import paths
from core.album import Album
from core.errors import UserError
from core.people.person import read_person
from core.people.shelf import person_file
from core.personalize import runs as running
from core.personalize.events import Commands
from core.personalize.runs import Run, RunError, read_events
from core.prior import Prior, load_prior
from tests.core.personalize.kit import DENOISER, STUDENT, checked, write_preset
from tests.tiny import save_tiny_prior

GO = ("--yes-i-have-consent", "--device", "cpu")
REPOSITORY = Path(__file__).resolve().parents[3]


def _events(run: Run, name: str) -> list[Any]:
    return [event for event in read_events(run.events) if event["event"] == name]


def test_an_album_becomes_a_person(own_home: Path, tmp_path: Path, album: Path, prior: Prior,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    run = checked("Ana Ñ.", album, prior)
    preset = write_preset(tmp_path / "mine.json", STUDENT, DENOISER)
    assert main.main(["personalize", "--resume", "Ana Ñ.", "--preset", str(preset), "--hold-out", "1", *GO]) == 0
    said = capsys.readouterr().out
    assert "held-out photos" in said and "is ready after" in said and "of memory" in said
    person = read_person(paths.people_dir() / "Ana-Ñ.safetensors")
    assert person.name == "Ana Ñ." and person.prior_digest == prior.digest and len(person.identity) > 1
    card = person.card
    judged = Album.load(album)
    trained = [photo.name for photo in judged.used if photo.name not in card["photos"]["held_out"]]
    np.testing.assert_allclose(person.identity, judged.identity_of(trained), rtol=1e-6)  # held-out photos have no part in it
    assert card["preset"] == "mine" and len(card["photos"]["held_out"]) == 1 and card["photos"]["accepted"] >= 2
    assert card["consent"]["statement"] and card["measured"]["after"]["perceptual"] > 0
    assert {point["phase"] for point in card["curve"]} >= {"student", "denoiser"}
    before, after = prior.build_student(), person.build_student(prior)
    assert before is not None and after is not None
    assert any(not torch.equal(a, b) for a, b in zip(before.state_dict().values(), after.state_dict().values(), strict=True))
    key = "denoisingUNet.out.2.weight"
    assert not torch.equal(person.build(prior).state_dict()[key], prior.build().state_dict()[key])
    assert Run.open(run.folder).state == "done" and running.runs() == []
    assert not list(run.folder.glob("*.pt")) and len(list(run.samples.glob("*.png"))) >= 2
    names = [event["event"] for event in read_events(run.events)]
    assert names[0] == "started" and names[-1] == "done" and {"step", "measured", "sample", "saved"} <= set(names)
    with pytest.raises(UserError, match="already"):
        person_file("ana ñ.")


def test_the_encoder_and_the_prior_stay_as_they_are(own_home: Path, tmp_path: Path, album: Path, prior: Prior) -> None:
    checked("Ana", album, prior)
    preset = write_preset(tmp_path / "mine.json", DENOISER)
    assert main.main(["personalize", "--resume", "Ana", "--preset", str(preset), *GO]) == 0
    person = read_person(paths.people_dir() / "Ana.safetensors")
    assert all(name.startswith("network.denoisingUNet.") for name in person.changes)
    own, now = prior.build().encoder.state_dict(), person.build(prior).encoder.state_dict()
    assert all(torch.equal(own[key], now[key]) for key in own)


def test_one_photo_is_enough(own_home: Path, tmp_path: Path, lone: Path, prior: Prior,
                             capsys: pytest.CaptureFixture[str]) -> None:
    checked("One", lone, prior)
    preset = write_preset(tmp_path / "mine.json", {**DENOISER, "batch": 4, "steps": 2})
    assert main.main(["personalize", "--resume", "One", "--preset", str(preset), *GO]) == 0
    assert "No photo is held out" in capsys.readouterr().out
    card = read_person(paths.people_dir() / "One.safetensors").card
    assert card["photos"]["held_out"] == [] and set(card["measured"]["after"]) == {"drift"}


def test_a_model_of_the_published_kind_becomes_a_person(own_home: Path, tmp_path: Path, lone: Path,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    """It predicts noise and has no student: phases that would train one are left out."""
    plain = load_prior(save_tiny_prior(tmp_path / "noise.safetensors", prediction="epsilon"))
    checked("Noise", lone, plain)
    preset = write_preset(tmp_path / "mine.json", STUDENT, {**DENOISER, "steps": 2})
    assert main.main(["personalize", "--resume", "Noise", "--preset", str(preset), *GO]) == 0
    person = read_person(paths.people_dir() / "Noise.safetensors")
    assert [phase["kind"] for phase in person.card["settings"]["phases"]] == ["denoiser"]
    assert person.build_student(plain) is None and person.changes
    alone = write_preset(tmp_path / "alone.json", STUDENT)
    checked("Other", lone, plain)
    assert main.main(["personalize", "--resume", "Other", "--preset", str(alone), *GO]) == 2
    assert "few-step student" in capsys.readouterr().err


def test_consent_is_asked_for(own_home: Path, lone: Path, prior: Prior, capsys: pytest.CaptureFixture[str]) -> None:
    checked("One", lone, prior)
    assert main.main(["personalize", "--resume", "One", "--preset", "paper"]) == 2
    assert "consent" in capsys.readouterr().err
    assert not paths.people_dir().exists()


def test_reading_an_album_reports_on_its_photos(own_home: Path, sample_photo: Path, prior: Prior,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    words = ["personalize", str(sample_photo), "--name", "One", "--prior", str(prior.path)]
    assert main.main([*words, "--check"]) == 0
    assert "1 of 1" in capsys.readouterr().out
    found = running.find("one")
    assert found is not None and found.state == "checked" and (found.album / "album.json").is_file()
    assert main.main([*words, "--exclude", sample_photo.stem, "--preset", "paper", "--steps", "1", *GO]) == 2
    assert "None of the photos can be learned from" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--name", "x"], ["--resume", "nobody"], ["album", "--name", " "]])
def test_what_is_missing_is_said(own_home: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["personalize", *words]) == 2
    assert capsys.readouterr().err.startswith("error: ")


class Told:
    """A run in a process of its own, as the window starts it."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen([sys.executable, "main.py", "personalize", *words, "--events"], cwd=REPOSITORY, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "OMP_NUM_THREADS": "1"})

    def until(self, name: str, count: int = 1) -> dict[str, Any]:
        """Read events until there were `count` of that name."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            count -= event["event"] == name
            if not count:
                return event
        raise AssertionError(f"no '{name}' came")

    def send(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """As a crash or the power would end it."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.end()

    def end(self) -> int:
        """Close standard input and wait for the end."""
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.mark.timeout(300)
def test_a_run_is_paused_killed_and_gone_on_with(own_home: Path, tmp_path: Path, album: Path, prior: Prior) -> None:
    run = checked("Ana", album, prior)
    preset = write_preset(tmp_path / "mine.json", {**DENOISER, "steps": 100_000})
    told = Told("--resume", "Ana", "--preset", str(preset), *GO)
    told.until("step")
    told.send("pause")
    paused = told.until("paused")
    assert Run.open(run.folder).state == "paused"
    with pytest.raises(RunError, match="another window"):
        run.discard()
    told.send("resume")
    assert told.until("resumed")["step"] == paused["step"]
    saved = told.until("saved")
    told.kill()
    left = Run.open(run.folder)
    assert left.state == "training" and left.step >= paused["step"] > 0 and running.runs()[0].name == "Ana"
    assert read_person(run.draft).name == "Ana"
    again = Told("--resume", "Ana", *GO)
    assert again.until("step")["step"] > paused["step"]
    again.send("finish")
    done = again.until("done")
    assert done["steps"] > saved["step"] - 1 and read_person(Path(done["file"])).name == "Ana"
    assert again.end() == 0


@pytest.mark.parametrize("word", ["stop", "cancel"])
def test_a_run_can_be_left_and_discarded(own_home: Path, tmp_path: Path, lone: Path, prior: Prior, word: str,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    run = checked("Ana", lone, prior)
    monkeypatch.setattr(Commands, "newest", lambda self, wait=False: word)
    preset = write_preset(tmp_path / "mine.json", DENOISER)
    assert main.main(["personalize", "--resume", "Ana", "--preset", str(preset), *GO]) == 0
    left = Run.open(run.folder)
    assert left.state == "stopped" and (left.folder / "phase-0.pt").exists() == (word == "stop")
    assert not paths.people_dir().exists()
    left.discard()
    assert running.runs() == [] and not run.folder.exists()


def test_a_damaged_run_is_said_to_be(own_home: Path) -> None:
    run = Run.begin("Ana")
    (run.folder / "run.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        Run.open(run.folder)
    assert running.runs() == []
    assert Run.begin("Ana").folder != run.folder


def test_events_survive_a_cut_line(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"event": "step", "step": 1}\n{"event": "st')
    assert read_events(file) == [{"event": "step", "step": 1}]
