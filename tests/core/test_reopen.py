"""Exported pictures open again as edits, and the same bits come out again."""
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.cli import run
from core.errors import UserError
from core.export import save_image
from core.photo import load_image
from core.project.places import note_photo
from core.reopen import completed, differences, holds_edit, plain_edit, read_edit
from core.request import RenderRequest
from core.rig import Rig
from tests.tiny import save_tiny_prior

REQUEST = RenderRequest("digest", Rig().update({"light.azimuth": 60.0}), seed=7, steps=5, prior="model digest", size="crop")
ABOUT = {"photo": "me.jpg", "width": 9, "height": 8, "face": 1, "aligned": True, "model": "compact"}
PICTURE = np.zeros((8, 8, 3), np.uint8)


def exported(path: Path, **about: Any) -> Path:
    return save_image(PICTURE, path, request_json=REQUEST.to_json(), made_from={**ABOUT, **about})


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_pictures_hold_their_edit(tmp_path: Path, suffix: str) -> None:
    found = read_edit(exported(tmp_path / f"out{suffix}"))
    assert found.request == REQUEST and (found.photo, found.face, found.aligned, found.model) == ("me.jpg", 1, True, "compact")
    assert holds_edit(found.file) and found.shown_photo == "'me.jpg'" and not found.person_missing


def test_reports_and_requests_hold_their_edit(tmp_path: Path) -> None:
    report = {"format": 1, "request": REQUEST.to_json(), "photo": {"path": "C:\\photos\\me.jpg", "face": 0},
              "model": {"name": "compact"}}
    (tmp_path / "r.json").write_text(json.dumps(report))
    found = read_edit(tmp_path / "r.json")
    assert (found.photo, found.path, found.face, found.model) == ("me.jpg", "C:\\photos\\me.jpg", 0, "compact")
    (tmp_path / "q.json").write_text(json.dumps(REQUEST.to_json()))
    assert read_edit(tmp_path / "q.json").request == REQUEST and read_edit(tmp_path / "q.json").photo == ""


@pytest.mark.parametrize("about", [{"photo": 3}, {"photo": "x" * 5000}, {"photo": "a\nb"}, {"face": -1}, {"face": "1"},
                                   {"face": True}, {"model": ["compact"]}, {"aligned": "yes"}])
def test_odd_facts_are_left_out(tmp_path: Path, about: dict[str, Any]) -> None:
    found = read_edit(exported(tmp_path / "out.png", **about))
    assert found.request == REQUEST
    (name, _), = about.items()
    assert getattr(found, name) in ("", None, False)


def test_a_name_in_a_file_leads_nowhere_else(tmp_path: Path, own_home: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"x")
    found = read_edit(exported(tmp_path / "inside" / "out.png", photo="../secret.jpg"))
    assert found.photo == "secret.jpg" and found.find_photo() is None


def test_the_photo_is_found_where_it_was_seen_or_beside(tmp_path: Path, own_home: Path) -> None:
    found = read_edit(exported(tmp_path / "out.png"))
    assert found.find_photo() is None
    (tmp_path / "me.jpg").write_bytes(b"x")
    assert found.find_photo() == tmp_path / "me.jpg"
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "other name.jpg").write_bytes(b"x")
    note_photo("digest", tmp_path / "far" / "other name.jpg")
    assert found.find_photo() == tmp_path / "far" / "other name.jpg"
    same = read_edit(exported(tmp_path / "me.png", photo="me.png"))
    note_photo("digest", tmp_path / "me.png")
    assert same.find_photo() is None  # a picture is not its own source


@pytest.mark.parametrize(("text", "words"), [
    ("{", "no JSON"), ("[1]", "holds a list"), ("null", "holds nothing"), ('{"light.azimuth": 60}', "belongs to no photo"),
    ('{"rig": 3}', "no rig"), ('{"rig": {"values": {}}, "seed": "x"}', "seed is odd"), ("[" * 100_000, "no JSON"),
    ('{"request": {"rig": {"values": {"a": 1e999}}}}', "no rig"),
])
def test_what_holds_no_edit_is_said(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=words):
        read_edit(tmp_path / "x.json")
    assert not holds_edit(tmp_path / "x.json")


def test_pictures_without_an_edit_are_said(tmp_path: Path, sample_photo: Path) -> None:
    with pytest.raises(UserError, match="holds no edit"):
        read_edit(sample_photo)
    assert not holds_edit(sample_photo) and not holds_edit(tmp_path / "none.png") and not holds_edit(tmp_path)
    save_image(PICTURE, tmp_path / "long.jpg", request_json={**REQUEST.to_json(), "x": "y" * 70_000})
    with pytest.raises(UserError, match="too long"):
        plain_edit(tmp_path / "long.jpg")
    bomb = Image.new("L", (8, 8))
    bomb.save(tmp_path / "odd.png")
    assert not holds_edit(tmp_path / "odd.png")


def test_what_is_missing_is_asked_for(tmp_path: Path, own_home: Path) -> None:
    from argparse import Namespace

    plain = Namespace(photo=None, face=None, aligned=False, person=None, prior=None)
    found = read_edit(exported(tmp_path / "out.png"))
    with pytest.raises(UserError, match="was made from 'me.jpg', which was not found. Name the photo"):
        completed(plain, found)
    given = completed(Namespace(**{**vars(plain), "photo": tmp_path / "x.jpg", "face": 3}), found)
    assert given.face == 3 and given.aligned and given.prior is None
    of_somebody = replace(found, request=replace(REQUEST, person="somebody"))
    assert of_somebody.person_missing
    with pytest.raises(UserError, match="person who is not here"):
        completed(Namespace(**{**vars(plain), "photo": tmp_path / "x.jpg"}), of_somebody)
    assert not differences(found, "digest", "model digest", "compact")
    photo, model = differences(found, "another", "another", "other")
    assert "laid over this photo" in photo and "'compact', which is not in use" in model


@pytest.mark.timeout(300)
def test_export_reopen_export_gives_the_same_picture(tmp_path: Path, own_home: Path, sample_photo: Path,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    tiny = save_tiny_prior(tmp_path / "tiny.safetensors")
    photo = tmp_path / "me.png"
    photo.write_bytes(sample_photo.read_bytes())
    words = ["--prior", str(tiny), "--no-credentials"]

    def edit(*more: object) -> int:
        return run(["edit", *map(str, more), *words], lambda opening: 1, lambda: None)

    assert edit(photo, "--out", tmp_path / "one.png", "--set", "light.azimuth=60", "jaw.open=0.3", "--steps", 3, "--seed", 5,
                "--size", "crop", "--report", tmp_path / "one.json") == 0
    for source in ("one.png", "one.json"):
        assert edit("--from", tmp_path / source, "--out", tmp_path / "two.png") == 0
        assert (tmp_path / "two.png").read_bytes() == (tmp_path / "one.png").read_bytes()
    assert edit("--from", tmp_path / "two.png", "--out", tmp_path / "three.png", "--set", "jaw.open=0", "--seed", 6) == 0
    three = read_edit(tmp_path / "three.png").request
    assert (three.seed, three.steps, three.size, three.rig.get("light.azimuth")) == (6, 3, "crop", 60.0)
    assert not np.array_equal(load_image(tmp_path / "three.png").pixels, load_image(tmp_path / "one.png").pixels)
    assert "note" not in capsys.readouterr().err
    photo.unlink()
    assert edit("--from", tmp_path / "one.png", "--out", tmp_path / "four.png") == 2
    assert "which was not found" in capsys.readouterr().err
    assert edit("--out", tmp_path / "four.png") == 2 and edit("--from", photo, "--out", tmp_path / "four.png") == 2
