"""The page of a training: plots, pictures, buttons."""
from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QMessageBox

from app.personal.curves import Curve, roomy, running_mean, ticks
from app.personal.progress import Sample, Track
from app.personal.samples import Samples
from app.personal.train_page import TrainPage
from app.personal.training import Training
from app.theme import Theme
from tests.app.fakes import FakeProcess
from tests.app.studio import flush, until

BEFORE = {"identity": 0.66, "perceptual": 0.71, "drift": 1.4}


class Room:
    """A page of a training whose child is a fake."""

    def __init__(self) -> None:
        self.children: list[FakeProcess] = []
        self.training = Training(self._make)  # type: ignore[arg-type]
        self.theme = Theme("dark")
        self.theme.apply()
        self.page = TrainPage(self.theme, self.training)
        self.page.resize(980, 600)
        self.page.show()
        self.training.start("Ann", "quick")

    def _make(self) -> FakeProcess:
        self.children.append(FakeProcess())
        return self.children[-1]

    @property
    def child(self) -> FakeProcess:
        return self.children[-1]

    def train(self, folder: Path, upto: int = 40) -> None:
        self.child.tell("started", run=str(folder), preset="quick", steps=100, memory="Two photos at a time.", held_out=["a"])
        for step in range(1, upto + 1):
            phase = "student" if step <= 30 else "denoiser"
            self.child.tell("step", step=step, steps=100, phase=phase, loss=1 / step, seconds=2 * step, left=200 - 2 * step)
        for step in (10, 20):
            held = {"identity": 0.66 - step / 200, "perceptual": 0.72, "drift": 0.4}
            self.child.tell("measured", step=step, seconds=1, held=held, before=BEFORE)
        self.page.refresh()


@pytest.fixture
def room(app: Any) -> Iterator[Room]:
    made = Room()
    yield made
    made.training.close()


def picture(path: Path, color: str) -> Path:
    image = QImage(40, 30, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    assert image.save(str(path))
    return path


def data(curve: Curve) -> tuple[list[int], list[float]]:
    return curve.plot.track.steps, curve.plot.track.values


def test_before_the_first_step(room: Room) -> None:
    page = room.page
    page.refresh()
    assert page.heading.text() == "Starting to learn Ann …" and page.bar.maximum() == 0
    assert not page.try_it.isEnabled() and not page.pause.isEnabled() and page.stop.isEnabled()
    assert not page.curves["identity"].value.text() and data(page.curves["identity"]) == ([], [])


def test_curves_levels_and_words(room: Room, tmp_path: Path) -> None:
    room.train(tmp_path)
    page = room.page
    assert page.words.text() == "40 %, step 40 of 100, learning the face, 2 minutes left" and page.bar.value() == 400
    assert page.note.text() == "Two photos at a time." and page.note.isVisible()
    identity, drift = page.curves["identity"], page.curves["drift"]
    assert data(identity) == ([10, 20], pytest.approx([0.61, 0.56])) and identity.plot.level == 0.66
    assert identity.value.text() == "0.56" and identity.value.property("mark") == "good"
    assert identity.against.text() == "before 0.66" and drift.against.text() == "limit 1.00" and drift.plot.level == 1.0
    assert page.curves["perceptual"].value.property("mark") == "bad"
    assert len(data(page.loss)[0]) == 10, "the loss of the present phase only: another's is no measure of it"
    low, high = identity.plot.y_range
    assert low < 0.56 and high > 0.66, "the level is in sight"
    assert identity.plot.x_range == (0.0, 100.0), "the axis reaches to the end"
    assert "0.56" in identity.accessibleName()


def test_it_follows_by_itself_and_in_both_schemes(room: Room, tmp_path: Path) -> None:
    room.train(tmp_path)
    dark = room.page.grab().toImage()
    room.child.tell("step", step=41, steps=100, phase="denoiser", loss=0.1, seconds=82, left=118)
    until(lambda: "step 41" in room.page.words.text(), "it refreshes")
    room.theme.set("light")
    flush()
    light = room.page.grab().toImage()
    at = room.page.curves["drift"].geometry().center()
    assert dark.pixelColor(at).lightness() < 100 < light.pixelColor(at).lightness()


def test_buttons_drive_the_training(room: Room, tmp_path: Path) -> None:
    room.train(tmp_path)
    page = room.page
    asked: list[str] = []
    page.try_asked.connect(asked.append)
    page.pause.click()
    page.refresh()
    assert page.pause.text() == "Go on" and room.child.said == ["pause"]
    page.pause.click()
    page.refresh()
    assert page.pause.text() == "Pause" and room.child.said == ["pause", "resume"]
    room.child.tell("saved", draft=str(tmp_path / "draft.safetensors"), step=40)
    page.refresh()
    page.try_it.click()
    assert asked == [str(tmp_path / "draft.safetensors")] and "step 40" in page.tried.text()
    room.child.tell("failed", message="The disk is full. Free some space.")
    room.child.end(2)
    page.refresh()
    assert page.note.text() == "The disk is full. Free some space." and page.note.objectName() == "warnNote"
    assert page.pause.text() == "Go on" and page.pause.isEnabled() and not page.stop.isVisible()
    page.pause.click()
    assert len(room.children) == 2 and room.child.arguments[:2] == ["personalize", "--resume=Ann"]


@pytest.mark.parametrize(("answer", "word"), [("Keep for later", "stop"), ("Finish now", "finish"), ("Give up", "cancel"),
                                              ("Go on", None)])
def test_stopping_asks(room: Room, tmp_path: Path, answer: str, word: str | None) -> None:
    room.train(tmp_path)
    room.child.tell("saved", draft="draft.safetensors", step=40)
    room.page.stop.click()
    box = room.page.findChild(QMessageBox)
    assert box is not None
    next(button for button in box.buttons() if button.text() == answer).click()
    flush()
    assert room.child.said == ([word] if word else [])


def test_finishing_is_not_offered_before_anything_was_saved(room: Room, tmp_path: Path) -> None:
    room.train(tmp_path)
    room.page.stop.click()
    box = room.page.findChild(QMessageBox)
    assert box is not None and "Finish now" not in [button.text() for button in box.buttons()]
    box.close()


def test_done(room: Room, tmp_path: Path) -> None:
    room.train(tmp_path)
    room.child.tell("done", name="Ann", file="/people/Ann.safetensors", before=BEFORE, after={"identity": 0.5}, seconds=210)
    room.child.end()
    room.page.refresh()
    assert room.page.heading.text() == "Ann is ready" and room.page.bar.value() == 1000
    assert not room.page.pause.isVisible() and not room.page.try_it.isVisible()


def test_samples_step_back_and_forth(app: Any, tmp_path: Path) -> None:
    samples = Samples(Theme("dark"))
    samples.resize(300, 300)
    samples.show()
    assert not samples.back.isEnabled() and samples.sheet.image.isNull()
    made = [Sample(step, picture(tmp_path / f"{step}.png", color)) for step, color in ((10, "red"), (20, "lime"), (30, "blue"))]

    def colour() -> str:
        return samples.sheet.image.pixelColor(5, 5).name()

    samples.show_samples(made[:2])
    assert samples.where.text() == "Step 20, newest" and colour() == "#00ff00" and not samples.forth.isEnabled()
    samples.back.click()
    assert samples.where.text() == "Step 10" and colour() == "#ff0000" and not samples.back.isEnabled()
    samples.show_samples(made)
    assert samples.where.text() == "Step 10", "who looks back is left in peace"
    samples.forth.click()
    samples.forth.click()
    assert samples.where.text() == "Step 30, newest" and colour() == "#0000ff"
    samples.show_samples([*made, Sample(40, tmp_path / "gone.png")])
    assert samples.where.text() == "Step 40, newest" and samples.sheet.image.isNull()
    assert not samples.grab().isNull()


def test_running_mean_and_axis() -> None:
    assert np.allclose(running_mean(np.array([])), []) and np.allclose(running_mean(np.full(7, 3.0)), 3.0)
    noisy = np.sin(np.arange(200)) + np.arange(200) / 50
    assert np.abs(np.diff(running_mean(noisy))).max() < 0.2 < np.abs(np.diff(noisy)).max()
    low, high = roomy([0.5, 0.5])
    assert low < 0.5 < high and roomy([0.0, 1.0])[0] == 0.0 and math.isclose(roomy([-1.0, 1.0])[0], -1.24)


@pytest.mark.parametrize(("low", "high", "texts"), [(0.0, 100.0, ["0", "50", "100"]), (0.537, 0.662, ["0.55", "0.60", "0.65"]),
                                                    (0.0, 1.1, ["0.0", "0.5", "1.0"]), (12.0, 12.5, ["12.0", "12.2", "12.4"])])
def test_round_numbers_on_the_axes(low: float, high: float, texts: list[str]) -> None:
    assert [text for _, text in ticks(low, high, 3)] == texts


def test_the_line_is_drawn_where_the_values_are(app: Any) -> None:
    theme = Theme("dark")
    theme.apply()
    curve = Curve(theme, "Loss", "tip", smooth=True)
    curve.resize(240, 160)
    curve.show()
    curve.show_values(Track(list(range(0, 5000)), [5000.0 - i for i in range(5000)]), 5000)
    flush()
    image = curve.plot.grab().toImage()
    blue = [x for x in range(image.width()) for y in (image.height() // 2,) if image.pixelColor(x, y).blue() > 150]
    assert blue and abs(np.mean(blue) / image.devicePixelRatio() - (40 + (curve.plot.width() - 48) / 2)) < 8
