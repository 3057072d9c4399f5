"""`main.py edit FILE.drig`: the same bits as the engine gave, wherever the photos went; what is missing is said at once."""
from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import main
from core.photo import load_image
from core.project import NamedModel, NamedPhoto, Project, write_project
from core.request import RenderRequest
from core.rig import Copy, Rig
from tests.core.project.kit import code, jpeg, person, project, written
from tests.tiny import save_tiny_prior


def edit(*words: object) -> int:
    return main.main(["edit", *map(str, words)])


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and text.startswith("error: "), text
    return text


def test_the_same_bits(sample_photo: Path, tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from core.engine import Engine
    monkeypatch.setattr("core.backends.pick_dtype", lambda *_: torch.float32)
    prior, friend = save_tiny_prior(tmp_path / "tiny.safetensors"), tmp_path / "friend.png"
    from PIL import Image
    Image.open(sample_photo).convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(friend)
    engine = Engine(prior)
    try:
        session, other = engine.open(sample_photo), engine.open(friend)
        rig = Rig().update({"light.azimuth": 60, "expression.smile": 0.3}).copy(engine.copy_from(other, "appearance"))
        request = RenderRequest(session.digest, rig, seed=4, steps=2, prior=engine.prior.digest)
        made = engine.render(request).image
        model = NamedModel(engine.prior.name, engine.prior.digest, "open", engine.estimator, str(prior))
    finally:
        engine.close()
    photos = [NamedPhoto(path.name, Path("/nowhere") / path.name, digest=one.digest, data=path.read_bytes())
              for path, one in ((sample_photo, session), (friend, other))]
    friend.unlink()
    path = write_project(tmp_path / "one.drig", Project(request, photos[0], model=model, copies=(photos[1],)))
    assert edit(path, "--out", tmp_path / "out.png") == 0
    assert np.array_equal(load_image(tmp_path / "out.png").pixels, made)
    assert edit(path, "--out", tmp_path / "other.png", "--set", "expression.smile=0", "--steps", 1) == 0
    assert not np.array_equal(load_image(tmp_path / "other.png").pixels, made)


def test_a_photo_that_is_gone(tmp_path: Path, own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = NamedPhoto("me.jpg", Path("/nowhere/me.jpg"), "a" * 64)
    path = written(tmp_path, project(photo=photo, person=None, request=RenderRequest("x")))
    assert edit(path, "--out", tmp_path / "o.png") == 2
    said = error_line(capsys)
    assert "me.jpg" in said and "/nowhere/me.jpg" in said


def test_a_person_that_is_not_here(tmp_path: Path, own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, project(person=person()))
    assert edit(path, "--out", tmp_path / "o.png") == 2
    assert "'Anna'" in error_line(capsys)


def test_no_photo_at_all_and_no_project_at_all(tmp_path: Path, own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, project(photo=None, person=None, request=RenderRequest("x")))
    assert edit(path, "--out", tmp_path / "o.png") == 2
    assert "has no photo" in error_line(capsys)
    (tmp_path / "bad.drig").write_bytes(jpeg())
    assert edit(tmp_path / "bad.drig", "--out", tmp_path / "o.png") == 2
    assert "can't be opened as a project" in error_line(capsys)
    assert edit(tmp_path / "none.drig", "--out", tmp_path / "o.png") == 2
    assert "none.drig" in error_line(capsys)


def test_the_photo_is_found_beside_the_project(tmp_path: Path, own_home: Path) -> None:
    import argparse

    from core.project.command import begin
    (tmp_path / "me.jpg").write_bytes(jpeg())
    photo = NamedPhoto("me.jpg", Path("/nowhere/me.jpg"), hashlib.sha256(jpeg()).hexdigest(), face=2)
    rig = Rig().copy(Copy("light", code(), "x", "x.jpg"))
    path = written(tmp_path, project(photo=photo, person=None, request=RenderRequest("x", rig)))
    given = argparse.Namespace(photo=path, person=None, prior=None, head=None, estimator=None, face=None)
    begun = begin(given)
    assert begun.source == tmp_path / "me.jpg" and begun.arguments.face == 2 and begun.found.request.rig == rig
    (tmp_path / "me.jpg").write_bytes(jpeg(9))
    whole = replace(project().photo or photo, sha256="")
    begun = begin(argparse.Namespace(**{**vars(given), "photo": written(tmp_path, project(photo=whole, person=None,
                                                                                      request=RenderRequest("x", rig)))}))
    assert not isinstance(begun.source, Path) and begun.source.path == Path("/photos/me.jpg")
