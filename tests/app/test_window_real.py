"""The window on the real engine: a photo goes in, a slider moves, a file comes out, and the command line makes the same one."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import core.backends
import main
from app.run import engine_maker, save_export
from app.settings import Settings
from app.setup import Setup
from app.theme import Theme
from app.window import Window
from core import paths
from core.export import read_request
from core.photo import load_image
from core.prior import load_prior
from tests.app import studio
from tests.app.studio import WINDOWS, until
from tests.core.people.kit import put_person
from tests.flame import arrays, texture_space
from tests.tiny import save_tiny_prior


@pytest.fixture
def prior(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(core.backends, "pick_dtype", lambda *_: torch.float32)
    monkeypatch.setattr(studio, "DEADLINE_MS", 120_000)  # a real engine starts, and the machine may be busy
    return save_tiny_prior(tmp_path / "tiny.safetensors")


@pytest.fixture
def window(app: Any, prior: Path, sample_photo: Path) -> Any:
    window = Window(engine_maker("cpu"), save_export, Settings(), Theme("dark"), 0, Setup(prior=str(prior)))
    WINDOWS.append(window)
    window.resize(1280, 800)
    window.show()
    window.start()
    window.open_photo(sample_photo)
    until(lambda: window.live.state.value == "settled", "the photo opens and settles")
    yield window
    window.exports.forget()
    window.projects.close_anyway()


def test_what_the_window_exports_the_command_line_makes_too(window: Any, prior: Path, sample_photo: Path, tmp_path: Path) -> None:
    window.document.update({"light.azimuth": -50.0, "jaw.open": 0.4})
    until(lambda: window.live.state.value == "settled", "the edit settles")
    exported, made = tmp_path / "window.png", tmp_path / "command.png"
    window.exports.add(window.document.request(quality="settled", size="full"), exported, {})
    until(lambda: exported.exists() and not window.exports.count, "the file is written")
    steps = window.document.request(quality="settled", size="full").steps
    arguments = ["edit", sample_photo, "--out", made, "--prior", prior, "--steps", steps,
                 "--set", "light.azimuth=-50", "jaw.open=0.4"]
    assert main.main([str(a) for a in arguments]) == 0
    assert np.array_equal(load_image(exported).pixels, load_image(made).pixels)
    assert read_request(exported) == read_request(made)
    assert (load_image(made).pixels != load_image(sample_photo).pixels).any()


def test_a_person_in_the_window_is_the_command_lines(window: Any, prior: Path, sample_photo: Path, tmp_path: Path) -> None:
    """Chosen from the shelf, then unfinished weights out of a training's folder; undone, which loads the first one again."""
    small = load_prior(prior)
    ann = put_person(small, "Ann")
    draft = put_person(small, "Ann", seed=2, path=tmp_path / "draft.safetensors")
    digests = []
    for file in (ann, draft):
        window.people.use(file)
        until(lambda: window.document.person is not None and window.document.person.digest not in digests, "it is there")
        until(lambda: window.live.state.value == "settled", "and its picture")
        digests.append(window.document.person.digest)
        window.people.shelf.refresh()
    window.undo()
    until(lambda: window.live.state.value == "settled", "back to the one of the shelf")
    exported, made = tmp_path / "window.png", tmp_path / "command.png"
    window.exports.add(window.document.request(quality="settled", size="full"), exported, {})
    until(lambda: exported.exists() and not window.exports.count, "the file is written")
    steps = window.document.appearance.steps
    assert main.main(["edit", str(sample_photo), "--out", str(made), "--prior", str(prior), "--steps", str(steps),
                      "--person", "Ann"]) == 0
    assert np.array_equal(load_image(exported).pixels, load_image(made).pixels) and read_request(exported) == read_request(made)
    assert window.status.person.text() == "Person Ann"
    until(lambda: not window.people.shelf.busy, "the shelf is idle")


def test_an_export_that_cannot_be_written_is_said_and_the_window_goes_on(window: Any, tmp_path: Path) -> None:
    window.exports.add(window.document.request(quality="settled", size="crop"), tmp_path / "missing" / "out.png", {})
    until(lambda: window.banner.isVisible(), "the message shows")
    assert os.fspath(tmp_path / "missing") in window.banner.text
    window.document.update({"pose.yaw": 5.0})
    until(lambda: window.live.state.value == "settled", "the window goes on")


def test_flame_and_its_model_take_over_the_open_photo(window: Any, shared: Path) -> None:
    """From OpenHead to FLAME with a FLAME model and back. The synthetic head has no face: only that it is used is looked at."""
    paths.assets_dir().mkdir(parents=True)
    mean, directions = texture_space(256)
    np.savez(paths.assets_dir() / "flame.npz", **arrays(shared), mean=mean, tex_dir=directions)  # type: ignore[arg-type]
    paths.priors_dir().mkdir(parents=True)
    save_tiny_prior(paths.priors_dir() / "faces.safetensors", head="flame")
    window.document.update({"expression.smile": 0.4, "pose.yaw": 8.0})
    switching, before = window.models.switching, window.models.switching.setup
    assert switching.ask(Setup("faces", None, "fit"))
    until(lambda: switching.loading is None and window.live.state.value == "settled", "FLAME takes over, and the picture settles")
    assert window.document.session.head.name == "flame" and window.engine.estimator == "fit"
    assert dict(window.document.rig.values) == {"pose.yaw": 8.0} and "Smile" in window.banner.text
    assert set(window.side.expression.sliders) == {f"expression.{i:02d}" for i in range(50)}
    assert switching.ask(Setup(before.prior, "flame", "fit"))
    until(lambda: switching.loading is None and window.live.state.value == "impossible", "no picture, but buffers")
    assert "'flame'" in window.models.notice.text.text()
    assert switching.ask(before)
    until(lambda: switching.loading is None and window.live.state.value == "settled", "back again")
    assert dict(window.document.rig.values) == {"expression.smile": 0.4, "pose.yaw": 8.0}
