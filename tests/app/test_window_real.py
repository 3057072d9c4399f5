"""The window on the real engine: a photo goes in, a slider moves, a file comes out, and the command line makes the same one."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import core.engine
import main
from app.run import engine_maker, save_export
from app.settings import Settings
from app.theme import Theme
from app.window import Window
from core.export import read_request
from core.photo import load_image
from tests.app import studio
from tests.app.studio import WINDOWS, until
from tests.tiny import save_tiny_prior


@pytest.fixture
def prior(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(core.engine, "pick_dtype", lambda *_: torch.float32)
    monkeypatch.setattr(studio, "DEADLINE_MS", 120_000)  # a real engine starts, and the machine may be busy
    return save_tiny_prior(tmp_path / "tiny.safetensors")


@pytest.fixture
def window(app: Any, prior: Path, sample_photo: Path) -> Any:
    window = Window(engine_maker(prior, "cpu"), save_export, Settings(), Theme("dark"), 0)
    WINDOWS.append(window)
    window.resize(1280, 800)
    window.show()
    window.start()
    window.open_photo(sample_photo)
    until(lambda: window.live.state.value == "settled", "the photo opens and settles")
    yield window
    window.exports.forget()
    window.close()


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


def test_an_export_that_cannot_be_written_is_said_and_the_window_goes_on(window: Any, tmp_path: Path) -> None:
    window.exports.add(window.document.request(quality="settled", size="crop"), tmp_path / "missing" / "out.png", {})
    until(lambda: window.banner.isVisible(), "the message shows")
    assert os.fspath(tmp_path / "missing") in window.banner.text
    window.document.update({"pose.yaw": 5.0})
    until(lambda: window.live.state.value == "settled", "the window goes on")
