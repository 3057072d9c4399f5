"""The training of the window: its process, its progress, how it ends, and what is gone on with."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.personal.progress import Progress, Sample, Track
from app.personal.train_words import heading, short_words, summary
from app.personal.training import Training, unfinished
from core.personalize.runs import Run
from tests.app.fakes import FakeProcess

BEFORE = {"identity": 0.66, "perceptual": 0.71, "drift": 1.4, "face": 0.4}


class Room:
    """A Training whose children are fakes."""

    def __init__(self) -> None:
        self.children: list[FakeProcess] = []
        self.training = Training(self._make)  # type: ignore[arg-type]
        self.finished: list[str] = []
        self.failed: list[str] = []
        self.training.finished.connect(self.finished.append)
        self.training.failed.connect(self.failed.append)

    def _make(self) -> FakeProcess:
        self.children.append(FakeProcess())
        return self.children[-1]

    @property
    def child(self) -> FakeProcess:
        return self.children[-1]

    def started(self) -> Room:
        assert self.training.start("Ann", "quick", 2)
        self.child.tell("started", run="/runs/ann", preset="quick", steps=100, held_out=["a", "b"], memory="Two at a time.")
        self.child.tell("step", step=40, steps=100, phase="student", loss=0.3, seconds=80, left=125)
        return self


@pytest.fixture
def room(app: Any) -> Iterator[Room]:
    made = Room()
    yield made
    made.training.close()
    made.training.deleteLater()


def run_on_disk(name: str = "Ann", state: str = "stopped", step: int = 43, steps: int = 100) -> Run:
    run = Run.begin(name)
    run.save(state=state, step=step, steps=steps, preset="quick")
    return run


def events(run: Run, *told: dict[str, Any]) -> None:
    run.events.write_text("".join(json.dumps(event) + "\n" for event in told) + '{"event": "st')


# -- progress

def test_steps_done_again_replace_what_came_of_them() -> None:
    track = Track()
    for step, value in ((1, 0.1), (2, 0.2), (3, 0.3), (2, 0.25)):
        track.add(step, value)
    assert track.steps == [1, 2] and track.values == [0.1, 0.25] and track.last == 0.25


def test_progress_of_events(tmp_path: Path) -> None:
    progress = Progress().take_all([
        {"event": "started", "run": str(tmp_path), "preset": "quick", "steps": 100, "held_out": ["a"], "device": "cpu",
         "memory": "m"},
        {"event": "step", "step": 1, "steps": 100, "phase": "student", "loss": 0.5, "seconds": 2.0, "left": 198},
        {"event": "step", "step": 2, "steps": 90, "phase": "denoiser", "loss": 0.01, "seconds": 4.0, "left": None},
        {"event": "measured", "step": 2, "seconds": 4, "held": {"identity": 0.6, "drift": None, "odd": 3}, "before": BEFORE},
        {"event": "sample", "file": str(tmp_path / "samples/0002.png"), "step": 2, "rows": ["photo", "now"],
         "edits": ["photo", "smile"]},
        {"event": "saved", "draft": str(tmp_path / "draft.safetensors"), "step": 2},
        {"event": "note", "text": "One photo at a time now."}])
    assert (progress.step, progress.steps, progress.share) == (2, 90, 2 / 90) and progress.left is None
    assert {name: track.values for name, track in progress.loss.items()} == {"student": [0.5], "denoiser": [0.01]}
    assert progress.held["identity"].values == [0.6] and not progress.held["drift"].values and progress.before == BEFORE
    sheet = Sample(2, tmp_path / "samples/0002.png", "From the top: photo, now. Last row: photo, smile.")
    assert progress.samples == [sheet] and progress.draft == tmp_path / "draft.safetensors"
    assert progress.memory == "m" and progress.note == "One photo at a time now." and progress.held_out == ("a",)


@pytest.mark.parametrize("odd", [{"event": "step"}, {"event": "step", "step": "x", "loss": [], "left": float("nan")},
                                 {"event": "measured", "held": 3, "before": []}, {"event": "sample", "file": 4},
                                 {"event": "saved"}, {"event": "started", "held_out": 1, "steps": True}, {"event": "take_all"},
                                 {"event": None}, {"event": "_number"}, {}])
def test_odd_events_do_no_harm(odd: dict[str, Any]) -> None:
    progress = Progress()
    progress.take(odd)
    assert progress.step == 0 and progress.draft is None and not progress.samples and progress.left is None


# -- the course of a run

def test_start_to_done(room: Room) -> None:
    training = room.started().training
    assert room.child.arguments == ["personalize", "--resume=Ann", "--preset", "quick", "--hold-out", "2",
                                    "--yes-i-have-consent", "--events"]
    assert training.active and training.state == "training" and not training.start("Bob", "quick")
    assert heading(training) == "Learning Ann"
    assert summary(training) == "40 %, step 40 of 100, learning to paint it in few steps, 2 minutes left"
    assert short_words(training) == "Learning Ann 40 %, 2 minutes left"
    room.child.tell("done", name="Ann", file="/people/Ann.safetensors", before=BEFORE, after={"identity": 0.5}, seconds=200)
    assert not room.finished, "the child is still there"
    room.child.end()
    assert room.finished == ["/people/Ann.safetensors"] and training.state == "done" and not training.active
    assert training.progress.after == {"identity": 0.5} and summary(training) == "Learned in 3 minutes"
    assert training.start("Bob", "paper") and room.child.arguments[1:4] == ["--resume=Bob", "--preset", "paper"]


def test_what_comes_before_the_first_step_is_said(room: Room) -> None:
    room.training.start("Ann", "quick")
    room.child.tell("opened", run="/runs/ann", name="Ann", album="/runs/ann/album")
    assert summary(room.training) == "" and heading(room.training) == "Starting to learn Ann …"
    room.child.tell("started", run="/runs/ann", preset="quick", steps=100)
    assert summary(room.training) == "Measuring the model as it is …"


def test_pause_and_on(room: Room) -> None:
    training = room.started().training
    training.pause()
    assert training.state == "pausing"
    room.child.tell("step", step=41, steps=100, phase="student", loss=0.3, seconds=82, left=120)
    assert training.state == "pausing", "that step was under way"
    room.child.tell("paused")
    assert training.state == "paused" and short_words(training) == "Learning Ann paused at 41 %"
    training.go_on()
    room.child.tell("resumed")
    assert training.state == "training" and room.child.said == ["pause", "resume"]


@pytest.mark.parametrize(("ask", "word"), [("keep", "stop"), ("finish", "finish")])
def test_ending_it_in_order(room: Room, ask: str, word: str) -> None:
    training = room.started().training
    getattr(training, ask)()
    training.discard()
    assert training.state == "stopping" and room.child.said == [word], "one end is enough"
    room.child.tell("step", step=41, steps=100, phase="student", loss=0.3, seconds=82, left=120)
    assert training.state == "stopping"
    room.child.end()
    assert training.state == "stopped" and not room.failed


def test_giving_up_deletes_the_run(room: Room) -> None:
    run = run_on_disk()
    room.started().training.discard()
    assert room.child.said == ["cancel"] and run.folder.exists()
    room.child.end()
    assert room.training.state == "discarded" and not run.folder.exists() and unfinished() is None


def test_failures_say_why(room: Room) -> None:
    room.started()
    room.child.tell("failed", message="There is not enough memory. Choose adapters.")
    room.child.end(2, "the same on stderr")
    assert room.failed == ["There is not enough memory. Choose adapters."] and room.training.state == "failed"
    room.started().child.end(1, "Killed by the system.")
    assert room.failed[1:] == ["Killed by the system."] and room.training.progress.message == "Killed by the system."
    room.started().training.keep()
    room.child.end(1, "The disk is full.")
    assert room.failed[2:] == ["The disk is full."], "what was to be kept could not be"


def test_closing_saves(room: Room) -> None:
    training = room.started().training
    assert training.close() and room.child.said == ["closed"] and training.state == "stopped"
    room.started()
    room.child.stubborn = True
    assert not training.close() and training.state == "stopped" and "before it could save" in training.progress.message
    assert training.close(), "nothing is left to end"


def test_going_on_restores_the_curves(room: Room) -> None:
    run = run_on_disk()
    events(run, {"event": "started", "run": str(run.folder), "preset": "quick", "steps": 100},
           {"event": "step", "step": 40, "steps": 100, "phase": "student", "loss": 0.4, "seconds": 80, "left": 120},
           {"event": "measured", "step": 40, "held": {"identity": 0.6}, "before": BEFORE},
           {"event": "failed", "message": "old"})
    assert room.training.resume("ann"), "names are found whatever their capitals"
    progress = room.training.progress
    assert (progress.step, progress.loss["student"].values, progress.held["identity"].values) == (43, [0.4], [0.6])
    assert progress.message == "" and room.child.arguments[:2] == ["personalize", "--resume=Ann"]
    room.child.tell("step", step=40, steps=100, phase="student", loss=0.35, seconds=80, left=120)
    assert progress.loss["student"].values == [0.35] and not room.training.resume("Bob")


def test_what_is_offered(app: Any) -> None:
    assert unfinished() is None
    run_on_disk("Cat", "checked", 0)
    assert unfinished() is None, "nothing of it has been learned"
    run_on_disk("Ann", "training", 43)
    found = unfinished()
    assert found is not None and found.name == "Ann"
    with found.locked():
        assert unfinished() is None, "another window or command trains it"
    found.save(state="done")
    assert unfinished() is None
