from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import cluster, prepare_items
from core import prepare as module
from core.errors import PhotoError, UserError
from core.photo import MAX_FILE_BYTES
from core.prepare import Item, find_items, prepare, prepare_one, shard_about, write_shard
from core.prepare_items import SourceGone, mark_same
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
    assert found[2].read() == b"x" and found[2].offset > 0


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_members_of_archives_are_read_in_any_order(tmp_path: Path, kind: str) -> None:
    contents = {f"deep/{i}.jpg": bytes([i]) * (2500 * i + 1) for i in range(5)}
    junk = {"deep/._0.jpg": b"junk", "notes.txt": b"text"}
    path = tmp_path / f"pictures.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in {**contents, **junk}.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as tar:
            for name, data in {**contents, **junk}.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    found = find_items([path])
    assert {item.member: item.read() for item in reversed(found)} == contents
    assert all(item.tail() == contents[item.member][-4096:] for item in found)


def test_damaged_archives_and_too_large_pictures_are_said(tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"x" * 5000)
    (tmp_path / "locked.tar.gz").write_bytes(b"\x1f\x8b not a tar")
    with pytest.raises(UserError, match="locked.tar.gz is neither"):
        find_items([tmp_path / "locked.tar.gz"])
    path.write_bytes(path.read_bytes().replace(b"x" * 5000, b"y" * 5000))
    with pytest.raises(PhotoError, match="a can't be read"):  # its checksum is wrong
        find_items([path])[0].read()
    with pytest.raises(PhotoError, match="at most 300"):
        Item("huge.jpg", size=MAX_FILE_BYTES + 1).read()


def test_a_folder_that_went_away_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    with pytest.raises(SourceGone, match="start again"):
        Item(str(tmp_path / "unplugged" / "a.jpg")).read()


def test_the_same_picture_is_marked(tmp_path: Path) -> None:
    for name, data in {"a": b"1" * 9000, "b": b"2" + b"1" * 8999, "c": b"1" * 9000, "d": b"1" * 8999, "e": b"1" * 9000}.items():
        (tmp_path / f"{name}.jpg").write_bytes(data)
    assert [item.same_as for item in mark_same(find_items([tmp_path]))] == ["", "", "a", "", "a"]


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
    assert again == report and "1 of them ready; 0 pictures" in said[-1]
    assert written == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.npz")}


@pytest.fixture
def folder(some: Path, tmp_path: Path) -> Path:
    """A folder with an album of those pictures in it: two portraits, one of them twice, and one without a face."""
    with tarfile.open(some) as tar:
        tar.extractall(tmp_path / "in" / "album", filter="data")
    first = min((tmp_path / "in" / "album").glob("london*"))
    (tmp_path / "in" / "album" / "zz.jpg").write_bytes(first.read_bytes())
    return tmp_path / "in"


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_items, "SHARD", 2)


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that are this process; a slice with the picture 'killer' in it kills them."""
    def spread(make: Any, arguments: Any, parts: Any, *_: Any) -> Generator[tuple[Any, Any], None, None]:
        do: Any = None
        for part in parts:
            do = do or make(*arguments)
            yield part, cluster.Lost("died") if any(item.name == "killer" for item in part.items) else do(part)

    monkeypatch.setattr(cluster, "spread", spread)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.usefixtures("small_shards")
def test_several_sources_at_once_in_parallel_give_the_same_bytes(some: Path, folder: Path, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    report = prepare([folder, some], tmp_path / "a", workers=2, say=said.append)
    assert report["pictures"] == 2 and len(report["shards"]) == 4
    assert report["reasons"] == {"The same picture": 4, "No face was found in it": 1}
    assert set(report["facts"]) == {"landmark_error", "light_residual", "eye_distance", "yaw", "brightness"}
    assert "5 refused:" in (tmp_path / "a" / "report.txt").read_text() and " left" in said[-1]
    monkeypatch.chdir(tmp_path)  # other words for the same sources
    prepare(["in", os.path.relpath(some)], tmp_path / "b", workers=1, say=said.append)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


@pytest.mark.usefixtures("small_shards", "one_process")
def test_a_changed_folder_costs_only_what_changed(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "out"
    before = prepare([folder], out, workers=1, say=said.append)
    write_shard(out / "elsewhere-0.npz", [], [], "open", 256, group="/elsewhere")
    album = folder / "album"
    (album / "aaa.jpg").write_bytes(b"no picture")
    said.clear()
    after = prepare([folder], out, workers=1, say=said.append)
    # what was refused is tried again
    assert "4 pictures to do, 1 taken over" in said[0] or "3 pictures to do, 2 taken over" in said[0]
    assert after["pictures"] == before["pictures"] == len(Shards([out], "open"))
    assert len(after["refused"]) == len(before["refused"]) + 1 and "elsewhere-0.npz" in after["shards"]
    assert not set(before["shards"]) & set(after["shards"])  # every place moved by one
    os.remove(album / "aaa.jpg")
    prepare([folder], out, workers=1, say=said.append)
    (out / "elsewhere-0.npz").unlink()
    assert module.write_report(out) == before


@pytest.mark.usefixtures("small_shards", "one_process")
def test_a_damaged_shard_is_made_again_and_another_kind_is_not_mixed_in(folder: Path, tmp_path: Path) -> None:
    prepare([folder], tmp_path / "out", workers=1, say=str)
    whole = bytes_of(tmp_path / "out")
    damaged = sorted((tmp_path / "out").glob("*.npz"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-50])
    prepare([folder], tmp_path / "out", workers=1, say=str)
    assert bytes_of(tmp_path / "out") == whole
    with pytest.raises(UserError, match="shards made with size 256"):
        prepare([folder], tmp_path / "out", size=128, say=str)
    (tmp_path / "out" / "foreign.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match="foreign.npz is damaged"):
        prepare([folder], tmp_path / "out", say=str)


@pytest.mark.usefixtures("one_process")
def test_only_the_picture_that_kills_its_worker_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "album" / "killer.jpg").write_bytes(b"hostile")
    report = prepare([folder], tmp_path / "out", say=str)
    assert report["pictures"] == 2
    assert [e["reason"] for e in report["refused"] if e["name"] == "killer"] == ["The program that read it died each time."]


@pytest.mark.timeout(300)  # several programs start one after the other: long on a busy machine
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills a process the Linux way")
def test_a_killed_run_goes_on_where_it_was(shared: Path, repository: Path, tmp_path: Path) -> None:
    with tarfile.open(shared / "faces" / "photos-256.tar") as tar:
        for member in [m for m in tar if m.name.startswith("london")][:12]:
            tar.extract(member, tmp_path / "in", filter="data")
    out = tmp_path / "out"
    program = (f"from core import prepare, prepare_items\nprepare_items.SHARD = 4\nif __name__ == '__main__':\n"
               f"    print(prepare.prepare([{str(tmp_path / 'in')!r}], {str(out)!r}, workers=2))")
    script = tmp_path / "run.py"
    script.write_text(program)
    start = [sys.executable, str(script)]
    options: dict[str, Any] = {"env": {**os.environ, "PYTHONPATH": str(repository)}, "stdout": subprocess.PIPE, "text": True}
    run = subprocess.Popen(start, start_new_session=True, **options)
    while run.poll() is None and not list(out.glob("*.npz")):
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    kept = {name: data for name, data in bytes_of(out).items() if name.endswith(".npz")}
    assert 1 <= len(kept) < 3 and not (out / "report.json").exists()
    said = subprocess.run(start, check=True, timeout=200, **options).stdout
    assert f"3 shards, {len(kept)} of them ready; {12 - 4 * len(kept)} pictures to do" in said
    found = bytes_of(out)
    assert all(found[name] == data for name, data in kept.items()) and not list(out.glob(".*"))
    assert len(Shards([out], "open")) == 12 == json.loads(found["report.json"])["pictures"]
    with pytest.raises(ProcessLookupError):  # its workers left too
        os.killpg(run.pid, 0)


def test_square_photos_are_taken_whole_when_asked(shared: Path, tmp_path: Path) -> None:
    from core.head import load_head
    from core.landmarks import FaceFinder

    with tarfile.open(shared / "faces" / "photos-256.tar") as tar:
        file = tar.extractfile(next(m for m in tar if m.name.startswith("london")))
        assert file is not None
        picture = module.decode_jpeg(file.read())
    Image.fromarray(np.pad(picture, ((100, 0), (100, 0), (0, 0)), "edge")).save(tmp_path / "beside.png")
    with FaceFinder() as finder:
        whole, cut = (prepare_one(Item(str(tmp_path / "beside.png")), 128, load_head("open"), finder, aligned=aligned)
                      for aligned in (True, False))
    assert whole.code.camera[0] < 0.8 * cut.code.camera[0]  # the face keeps its size in the whole picture


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
        "version": 1, "head": "open", "estimator": "fit", "size": 64, "group": "",
        "refused": [["x", "no face"]], "count": 0}
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
    assert "2 pictures in 1 shards" in said.out and "1 refused" in said.out and "refused grey" in said.err
