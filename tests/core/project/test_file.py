"""Project files: everything comes back, nothing is half written, old formats migrate."""
from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.files import WriteError
from core.project import NamedPhoto, Project, ProjectError, Snapshot, read_project, write_project
from core.project.migrations import FORMAT
from core.rig import Rig
from tests.core.project.kit import changed, code, entries, jpeg, packed, picture, project, rig, written


def equal(one: Project, other: Project) -> None:
    assert (one.request, one.person, one.timeline, one.model, dict(one.view), dict(one.other)) == (
        other.request, other.person, other.timeline, other.model, dict(other.view), dict(other.other))
    for mine, its in zip((one.photo, *one.copies), (other.photo, *other.copies), strict=True):
        assert mine is not None and its is not None
        assert {**vars(mine), "sha256": ""} == {**vars(its), "sha256": ""}
    for left, right in zip(one.snapshots, other.snapshots, strict=True):
        assert (left.request, left.pinned, left.name, left.made, left.distance, left.person) == (
            right.request, right.pinned, right.name, right.made, right.distance, right.person)
        assert np.array_equal(left.picture, right.picture)


def test_everything_comes_back(tmp_path: Path) -> None:
    made = project()
    back = read_project(written(tmp_path, made))
    equal(made, back)
    assert back.notes == () and back.app and back.saved > 0
    assert back.picture is not None and back.picture.shape == (64, 64, 3)
    equal(back, read_project(written(tmp_path, back)))


def test_a_photo_that_is_not_embedded_is_named(tmp_path: Path) -> None:
    photo = NamedPhoto("ünï ☺.jpg", Path("/a/ünï ☺.jpg"), "a" * 64, "b" * 64, "d", 2)
    back = read_project(written(tmp_path, project(photo=photo, copies=())))
    assert back.photo is not None and vars(back.photo) == vars(photo)
    assert not [name for name in entries(tmp_path / "one.drig") if name.startswith("photos/")]


def test_the_least_project(tmp_path: Path) -> None:
    made = Project(project().request)
    back = read_project(written(tmp_path, made))
    assert back.photo is None and back.snapshots == () and back.person is None and back.timeline is None


def test_pictures_that_are_equal_are_written_once(tmp_path: Path) -> None:
    one = Snapshot(project().request, picture(1))
    written(tmp_path, project(snapshots=(one, replace(one, name="again"))))
    assert len([name for name in entries(tmp_path / "one.drig") if name.endswith(".png")]) == 1
    assert [one.name for one in read_project(tmp_path / "one.drig").snapshots] == ["", "again"]


def test_a_picture_that_cannot_be_had_costs_only_itself(tmp_path: Path) -> None:
    class Gone(Snapshot):
        @property
        def png(self) -> bytes:
            raise ValueError("its file is gone")

    back = read_project(written(tmp_path, project(snapshots=(Gone(project().request, picture(1)), *project().snapshots))))
    assert len(back.snapshots) == 2


# -- writing


def test_the_version_before_stays_as_backup(tmp_path: Path) -> None:
    path = written(tmp_path)
    first = path.read_bytes()
    assert not (tmp_path / "one.drig~").exists()
    write_project(path, project(view={"mode": "photo"}))
    assert (tmp_path / "one.drig~").read_bytes() == first
    write_project(path, project(view={}))
    assert read_project(tmp_path / "one.drig~").view == {"mode": "photo"}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.drig", "one.drig~"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str) -> None:
    path = written(tmp_path)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(WriteError, match="Could not write"):
        write_project(path, project(view={}))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert not [file for file in tmp_path.iterdir() if file.name.endswith(".part")]


def test_what_cannot_be_read_back_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    sync = os.fsync

    def spoil(handle: int) -> None:
        os.pwrite(handle, b"\xff\x00\xff", 300)
        sync(handle)

    monkeypatch.setattr(os, "fsync", spoil)
    with pytest.raises(ProjectError, match="was not saved"):
        write_project(path, project(view={}))
    monkeypatch.undo()
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("target", ["missing/one.drig", "folder", "file/one.drig", "n" * 300 + ".drig"])
def test_places_that_cannot_be_written(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="Could not write"):
        write_project(tmp_path / target, project())


# -- formats


def test_unknown_entries_survive_saving_again(tmp_path: Path) -> None:
    path = changed(written(tmp_path), lambda plain: plain.update({"lens": {"mm": 50}, "view": {"mode": "photo", "odd one": 3}}))
    back = read_project(path)
    assert back.other == {"future": {"kept": [1, 2]}, "lens": {"mm": 50}} and back.view == {"mode": "photo"}
    assert json.loads(entries(written(tmp_path, back))["project.json"])["lens"] == {"mm": 50}


def test_a_newer_format_says_so(tmp_path: Path) -> None:
    path = changed(written(tmp_path), lambda plain: plain.update({"format": FORMAT + 1, "app": "9.1"}))
    with pytest.raises(ProjectError, match=rf"newer version of this program \(version 9\.1, format {FORMAT + 1}"):
        read_project(path)


def test_format_0_migrates(tmp_path: Path) -> None:
    document = {"format": 0, "photo": "portrait.jpg", "photo_path": "C:\\Users\\me\\portrait.jpg", "face": 1, "seed": 5,
                "steps": 20, "strength": 0.5, "hold_background": False, "notes": "mine",
                "rig": {"values": {"light.azimuth": 30, "light.color": [1, 0.5, 0]}},
                "history": [{"file": "0.png", "rig": rig().to_json(), "seed": 9, "pinned": True, "name": "first"}]}
    png = Snapshot(project().request, picture(4)).png
    path = packed(tmp_path / "old.drig", {"project.json": json.dumps(document).encode(), "portrait.jpg": jpeg(2), "0.png": png})
    back = read_project(path)
    assert back.photo is not None and (back.photo.name, back.photo.face, back.photo.data) == ("portrait.jpg", 1, jpeg(2))
    assert back.request.rig == Rig().update({"light.azimuth": 30, "light.color": (1, 0.5, 0)})
    assert (back.request.seed, back.request.steps, back.request.strength, back.request.hold_background) == (5, 20, 0.5, False)
    (snapshot,) = back.snapshots
    assert (snapshot.request.rig, snapshot.request.seed, snapshot.pinned, snapshot.name) == (rig(), 9, True, "first")
    assert np.array_equal(snapshot.picture, picture(4)) and back.notes == () and back.other == {"notes": "mine"}
    equal(back, read_project(write_project(path, back)))
    assert json.loads(entries(path)["project.json"])["format"] == FORMAT


def test_codes_keep_every_bit(tmp_path: Path) -> None:
    back = read_project(written(tmp_path)).request.rig.copied("appearance")
    assert back is not None and back.code.digest == code(1).digest
