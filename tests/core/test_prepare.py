from __future__ import annotations

import argparse
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import prepare as module
from core.errors import PhotoError, UserError
from core.prepare import Item, find_items, prepare, prepare_one, shard_about, write_shard
from core.train_data import Shards


@pytest.fixture(scope="module")
def some(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tar with two aligned portraits and a picture without a face."""
    path = tmp_path_factory.mktemp("tar") / "some.tar"
    grey = io.BytesIO()
    Image.new("RGB", (256, 256), (90, 90, 90)).save(grey, "JPEG")
    with tarfile.open(shared / "faces" / "photos-256.tar") as source, tarfile.open(path, "w") as out:
        for member in [m for m in source if m.name.startswith("london")][:2]:
            out.addfile(member, source.extractfile(member))
        info = tarfile.TarInfo("grey.jpg")
        info.size = len(grey.getvalue())
        out.addfile(info, io.BytesIO(grey.getvalue()))
    return path


def test_items_are_found_in_folders_tars_and_files(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.jpg", "deep/b.PNG", "deep/c.txt"):
        (tmp_path / "in" / name).write_bytes(b"x")
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        tar.add(tmp_path / "in" / "a.jpg", "z/a.jpg")
    found = find_items([tmp_path / "in", tmp_path / "t.tar", tmp_path / "in" / "a.jpg"])
    assert [item.name for item in found] == ["a", "b", "a", "a"]
    assert found[2].read() == b"x"


def test_sources_that_hold_no_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        find_items([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="No pictures"):
        find_items([tmp_path])


def test_an_unreadable_picture_names_itself(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="gone"):
        Item(str(tmp_path / "gone.jpg")).read()


def test_pictures_become_shards_and_a_second_run_does_nothing(some: Path, tmp_path: Path) -> None:
    said: list[str] = []
    report = prepare([some], tmp_path / "out", workers=1, say=said.append)
    assert report["pictures"] == 2 and [entry["name"] for entry in report["refused"]] == ["grey"]
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
    shards = Shards([tmp_path / "out"], "open")
    assert len(shards) == 2 and shards.photo(0).shape == (256, 256, 3)
    with tarfile.open(some) as tar:  # aligned pictures are kept byte for byte
        file = tar.extractfile(f"{shards.names[0]}.jpg")
        assert file is not None
        np.testing.assert_array_equal(shards.photo(0), module.decode_jpeg(file.read()))
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.npz")}
    again = prepare([some], tmp_path / "out", workers=1, say=said.append)
    assert again["pictures"] == 2 and "1 of them ready; 0 pictures" in said[-1]
    assert written == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.npz")}


def test_an_unaligned_photo_is_aligned(shared: Path) -> None:
    from core.head import load_head
    from core.landmarks import FaceFinder

    photo = next((shared / "faces" / "originals").glob("interfaces*"))
    with FaceFinder() as finder:
        found = prepare_one(Item(str(photo)), 256, load_head("open"), finder)
    assert module.decode_jpeg(found.jpeg).shape == (256, 256, 3)
    assert found.facts["landmark_error"] < 0.05 and found.code.head == "open"


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.npz", [], [("x", "no face")], "open", 64)
    assert shard_about(tmp_path / "a.npz") == {
        "version": 1, "head": "open", "estimator": "fit", "size": 64, "refused": [["x", "no face"]], "count": 0}
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(data[:-30])
    with pytest.raises(UserError, match="a.npz is damaged"):
        shard_about(tmp_path / "a.npz")


def test_an_estimator_that_is_not_there_is_said_before_the_work(some: Path, tmp_path: Path, own_home: Path) -> None:
    with pytest.raises(UserError, match="no estimator 'deca'"):
        prepare([some], tmp_path / "out", estimator="deca")
    assert not (tmp_path / "out").exists()


def test_jpeg_bytes_survive() -> None:
    pixels = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    assert np.abs(module.decode_jpeg(module.encode_jpeg(pixels)).astype(int) - pixels).max() <= 3
    with pytest.raises(PhotoError):
        module.decode_jpeg(b"no picture")


def test_the_command_reports(some: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    assert module.run(parser.parse_args([str(some), "--out", str(tmp_path / "o"), "--workers", "1"])) == 0
    said = capsys.readouterr()
    assert "2 pictures in 1 shards" in said.out and "refused grey" in said.err
