"""Batches: which pictures they are, what becomes of failures, and going on after an interruption."""
from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core import batch as module
from core import cluster
from core.batch import batch
from core.batch_make import Maker, Settings
from core.batch_plan import NamedRig, Task, plan, read_rig, rigs_of
from core.batch_record import FAILED, JOURNAL, KEPT, LEFT, MADE
from core.edit_arguments import CopyFrom
from core.errors import NoFaceError, ParameterError, UserError
from core.export import read_request, save_image
from core.head import load_head
from core.photo import LoadedImage
from core.project import Project, write_project
from core.request import RenderRequest
from core.rig import Copy, Rig
from tests.tiny import save_tiny_prior

HEAD = load_head("open")
DRAFT = RenderRequest(photo="", steps=3)
QUIET: Callable[[str], object] = str
SETTINGS = Settings(None, None, None, None, "numba", (), None, False)


class FakeEngine:
    """An engine that paints the number of its steps. Photos named 'nobody' have no face; 'flaky' fails once, 'broken' always."""

    opened: list[str] = []
    renders: list[RenderRequest] = []

    def __init__(self, **options: Any) -> None:
        FakeEngine.opened, FakeEngine.renders = [], []
        self.prior = SimpleNamespace(digest="d1", name="fake")

    def open(self, source: Any, face: int | None = None, aligned: bool = False) -> Any:
        name = source.stem if isinstance(source, Path) else "bytes"
        FakeEngine.opened.append(name)
        if name == "nobody":
            raise NoFaceError("No face was found in nobody.jpg.")
        if name == "broken" or name == "flaky" and FakeEngine.opened.count("flaky") == 1:
            raise RuntimeError("out of memory")
        image = LoadedImage(np.zeros((4, 4, 3), np.uint8))
        photo = SimpleNamespace(image=image, path=None, pixels=image.pixels, index=0, alignment=None)
        return SimpleNamespace(digest=f"digest of {name}", photo=photo, code=HEAD.zero_code())

    def copy_from(self, session: Any, block: str) -> Copy:
        return Copy(block, HEAD.zero_code(), session.digest)

    def render(self, request: RenderRequest) -> Any:
        FakeEngine.renders.append(request)
        picture = np.full((4, 4, 3), request.steps, np.uint8)
        return SimpleNamespace(image=picture, crop=picture, request=request, identity_distance=0.25)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake engine, and workers that are this process."""
    def spread(make: Any, arguments: Any, items: Any, workers: Any, place: Any,
               stop: Any) -> Generator[tuple[Any, Any], None, None]:
        do = make(*arguments)
        for item in items:
            if stop():
                return
            yield item, cluster.Lost("its worker died") if "killer" in item.photo.name else do(item)

    monkeypatch.setattr("core.engine.Engine", FakeEngine)
    monkeypatch.setattr(cluster, "spread", spread)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.jpg").write_bytes(name.encode())
    return folder


def tasks_of(photos: Path, *rigs: str, out: Path | None = None) -> list[Task]:
    named = [NamedRig(name, DRAFT) for name in rigs]
    return plan([photos], named, out or photos.parent / "out", ".png", {"prior": "d1"})


# -- rigs ---------------------------------------------------------------------------------------------------------------


def test_rigs_come_as_values_rigs_requests_reports_and_pictures(tmp_path: Path) -> None:
    rig = Rig().update({"light.azimuth": 60.0, "light.color": (1.0, 0.5, 0.0)})
    request = RenderRequest("p1", rig, seed=7, steps=5, strength=0.5, prior="old", size="crop")
    files = {"plain": {"light.azimuth": 60, "light.color": "1,0.5,0"}, "rig": rig.to_json(), "request": request.to_json(),
             "report": {"format": 1, "request": request.to_json()}}
    for name, plain in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(plain))
    save_image(np.zeros((8, 8, 3), np.uint8), tmp_path / "picture.jpg", request_json=request.to_json())
    for name in ("plain.json", "rig.json"):
        assert read_rig(tmp_path / name, DRAFT) == RenderRequest("", rig, steps=3)
    for name in ("request.json", "report.json", "picture.jpg"):
        assert read_rig(tmp_path / name, DRAFT) == RenderRequest("", rig, seed=7, steps=5, strength=0.5)
    found = rigs_of([tmp_path / "plain.json"], {"pose.yaw": 5.0}, DRAFT, HEAD)
    assert found == [NamedRig("plain", RenderRequest("", rig.set("pose.yaw", 5.0), steps=3))]
    assert rigs_of([], {"pose.yaw": 5.0}, DRAFT, HEAD)[0].name == "edit"


@pytest.mark.parametrize(("text", "words"), [
    ("{", "is no JSON"), ("[1]", "holds a list"), ('{"light.azimuth": "much"}', "takes a number"),
    ('{"values": {"a": {}}}', "is no rig"),
    ('{"light.azimut": 3}', "The rig 'r': There is no parameter 'light.azimut'. The nearest is 'light.azimuth'"),
    ('{"light.azimuth": 999}', "out of range"), ('{"rig": 3}', "is no rig"),
    ('{"rig": {"values": {}}, "steps": 0}', "steps goes"),
    ('{"rig": {"values": {}}, "person": "Ann"}', "the model of a person who is not here"),
])
def test_files_that_are_no_rigs_are_said_before_the_work(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UserError) as found:
        rigs_of([tmp_path / "r.json"], {}, DRAFT, HEAD)
    assert words in str(found.value)


def test_rigs_that_can_not_be_used_are_said(tmp_path: Path, sample_photo: Path) -> None:
    with pytest.raises(UserError, match="no picture that this program exported"):
        read_rig(sample_photo, DRAFT)
    with pytest.raises(UserError, match="There is no file"):
        read_rig(tmp_path / "none.json", DRAFT)
    (tmp_path / "look.json").write_text(json.dumps(Rig().copy(Copy("appearance", HEAD.zero_code(), "p2")).to_json()))
    with pytest.raises(UserError, match="--copy appearance"):
        read_rig(tmp_path / "look.json", DRAFT)
    (tmp_path / "d").mkdir()
    for folder in (tmp_path, tmp_path / "d"):
        (folder / "same.json").write_text("{}")
    with pytest.raises(UserError, match="Two rigs are called 'same'"):
        rigs_of([tmp_path / "same.json", tmp_path / "d"], {}, DRAFT, HEAD)


# -- plan ---------------------------------------------------------------------------------------------------------------


def test_every_rig_on_every_photo(photos: Path) -> None:
    assert [task.out.name for task in tasks_of(photos, "x", "y")] == ["a__x.png", "a__y.png", "b__x.png", "b__y.png"]
    (photos / "deep").mkdir()
    (photos / "deep" / "A.png").write_bytes(b"another")
    names = {task.out.name.lower() for task in tasks_of(photos, "x")}
    assert len(names) == 3 and "b__x.png" in names  # two called a: each has a mark of its own
    with zipfile.ZipFile(photos.parent / "z.zip", "w") as archive:
        archive.writestr("m.jpg", b"member")
    task, = tasks_of(photos.parent / "z.zip", "x")
    assert task.shown.endswith("z.zip:m.jpg") and task.photo.read() == b"member"


def test_results_are_not_taken_for_photos(photos: Path) -> None:
    (photos / "done").mkdir()
    (photos / "done" / "a__x.png").write_bytes(b"x")
    assert len(tasks_of(photos, "x", out=photos / "done")) == 2
    with pytest.raises(UserError, match="where the results go"):
        tasks_of(photos / "done", "x", out=photos / "done")


def test_the_key_follows_photo_rig_and_model(photos: Path) -> None:
    def key(rig: Rig = Rig(), prior: str = "d1") -> str:  # noqa: B008 (a Rig never changes)
        return plan([photos / "a.jpg"], [NamedRig("x", RenderRequest("", rig))], photos / "out", ".png", {"prior": prior})[0].key

    first = key()
    assert key() == first and len({first, key(Rig().set("pose.yaw", 1)), key(prior="d2")}) == 3
    os.utime(photos / "a.jpg", ns=(1, 1))
    assert key() != first


def test_names_of_pictures(photos: Path) -> None:
    named = [NamedRig("x", DRAFT), NamedRig("y", DRAFT)]

    def names(pattern: str) -> list[str]:
        return [task.out.name for task in plan([photos], named, photos.parent / "out", ".jpg", {}, pattern)]

    assert names("{edit} of {photo}") == ["x of a.jpg", "y of a.jpg", "x of b.jpg", "y of b.jpg"]
    assert names("{number}") == [f"000{n}.jpg" for n in (1, 2, 3, 4)]
    with pytest.raises(UserError, match="names {other}, which there is not"):
        names("{number}{other}")
    with pytest.raises(UserError, match="Two pictures would be called 'a'"):
        names("{photo}")
    for pattern in ("", "..", "{photo}/{edit}", "a:b", "../{photo}"):
        with pytest.raises(UserError, match="no file name"):
            names(pattern)


def test_projects_are_rigs(tmp_path: Path) -> None:
    rig = Rig().set("pose.yaw", 5.0)
    path = write_project(tmp_path / "mine.drig", Project(RenderRequest("p1", rig, seed=7)))
    assert read_rig(path, DRAFT) == RenderRequest("", rig, seed=7)
    (tmp_path / "bad.drig").write_bytes(b"no project")
    with pytest.raises(UserError, match="bad.drig"):
        read_rig(tmp_path / "bad.drig", DRAFT)


# -- making -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("here")
def test_failures_are_reported_and_the_others_made(photos: Path, tmp_path: Path) -> None:
    for name in ("broken", "flaky", "killer", "nobody"):
        (photos / f"{name}.jpg").write_bytes(b"x")
    out = tmp_path / "out"
    said: list[str] = []
    tasks = tasks_of(photos, "x", "y")
    rows = {row.output: row for row in batch(tasks, SETTINGS, out, say=said.append)}
    assert list(rows) == [task.out.name for task in tasks]
    assert [name for name, row in rows.items() if row.status == MADE] == ["a__x.png", "a__y.png", "b__x.png", "b__y.png",
                                                                          "flaky__x.png", "flaky__y.png"]
    assert (rows["flaky__x.png"].tries, rows["flaky__y.png"].tries, rows["a__x.png"].identity_distance) == (2, 1, 0.25)
    assert (rows["broken__x.png"].tries, rows["nobody__x.png"].tries) == (2, 1)
    assert rows["broken__x.png"].reason == "something went wrong (RuntimeError: out of memory)"
    assert rows["nobody__x.png"].reason == "No face was found in nobody.jpg." and "died" in rows["killer__x.png"].reason
    assert FakeEngine.opened.count("a") == 1 and FakeEngine.renders[0].photo == "digest of a"
    found = json.loads((out / "report.json").read_text())
    assert found["counts"] == {MADE: 6, KEPT: 0, FAILED: 6, LEFT: 0}
    with (out / "report.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 12 and {"photo", "rig", "status", "reason", "seconds", "identity_distance"} <= set(table[0])
    assert said[0] == "12 pictures, 0 of them there; 12 to make" and " left" in said[1]


@pytest.mark.usefixtures("here")
def test_a_second_run_makes_only_what_is_missing(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tasks = tasks_of(photos, "x", "y")
    stopped = batch(tasks, SETTINGS, out, say=QUIET, stop=lambda: (out / "a__y.png").exists())
    assert [row.status for row in stopped] == [MADE, MADE, LEFT, LEFT]
    with (out / JOURNAL).open("a") as file:
        file.write('\n{"photo": "cut sh')  # as a kill leaves it
    (out / "a__x.png").unlink()
    rows = batch(tasks, SETTINGS, out, say=QUIET)
    assert [row.status for row in rows] == [MADE, KEPT, MADE, MADE] and rows[1].identity_distance == 0.25
    assert [row.status for row in batch(tasks, SETTINGS, out, say=QUIET)] == [KEPT] * 4
    other = [Task(t.photo, t.rig, t.out, "another key") for t in tasks]
    assert [row.status for row in batch(other, SETTINGS, out, say=QUIET)] == [MADE] * 4


@pytest.mark.usefixtures("here")
def test_a_file_of_somebody_else_is_not_overwritten(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a__x.png").write_bytes(b"mine")
    rows = batch(tasks_of(photos, "x"), SETTINGS, tmp_path / "out", say=QUIET)
    assert [row.status for row in rows] == [FAILED, MADE] and "another file a__x.png" in rows[0].reason
    assert (tmp_path / "out" / "a__x.png").read_bytes() == b"mine"


def test_blocks_of_another_photo_are_copied(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.engine.Engine", FakeEngine)
    maker = Maker(Settings(None, None, None, None, "numba", (CopyFrom("light", photos / "b.jpg"),), None, False))
    (photos.parent / "out").mkdir()
    assert maker(tasks_of(photos, "x")[0]).status == MADE
    assert FakeEngine.renders[0].rig.copied("light") == Copy("light", HEAD.zero_code(), "digest of b")


# -- the command --------------------------------------------------------------------------------------------------------


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(word) for word in words]))


@pytest.mark.usefixtures("here")
def test_the_command_tells_and_its_status_says_whether_all_is_there(photos: Path, tmp_path: Path,
                                                                    capsys: pytest.CaptureFixture[str]) -> None:
    tiny = save_tiny_prior(tmp_path / "tiny.safetensors")
    words = (photos, "--out", tmp_path / "out", "--prior", tiny, "--set", "light.azimuth=60", "--format", "jpg", "--steps", 3,
             "--no-credentials")
    assert run(*words) == 0
    assert "2 of 2 pictures are in" in capsys.readouterr().out
    found = read_request(tmp_path / "out" / "a__edit.jpg")
    assert found is not None and found["rig"]["values"] == {"light.azimuth": 60.0} and found["steps"] == 3
    (photos / "nobody.jpg").write_bytes(b"x")
    assert run(*words) == 1
    said = capsys.readouterr()
    assert "failed nobody__edit.jpg: No face was found" in said.err and "3 pictures, 2 of them there; 1 to make" in said.out
    with pytest.raises(ParameterError, match="nearest is 'light.azimuth'"):
        run(*words, "--set", "light.azimut=3")
    with pytest.raises(UserError, match="no photo .*none.jpg to copy from"):
        run(*words, "--copy", f"light:{tmp_path / 'none.jpg'}")


@pytest.mark.timeout(300)  # the whole program starts: long on a busy machine
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sends a signal the Linux way")
def test_ctrl_c_ends_it_after_the_present_picture_and_it_goes_on(sample_photo: Path, repository: Path, tmp_path: Path) -> None:
    """The real program with a tiny network: Ctrl-C to the whole group, as a terminal sends it."""
    tiny = save_tiny_prior(tmp_path / "tiny.safetensors")
    for number in range(6):
        (tmp_path / f"{number}.json").write_text(json.dumps({"pose.yaw": number}))
    command = [sys.executable, str(repository / "main.py"), "batch", str(sample_photo), "--prior", str(tiny), "--steps", "10",
               "--workers", "1", "--out", str(tmp_path / "out"), "--rig", *(str(tmp_path / f"{n}.json") for n in range(6))]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert running.stdout is not None
    lines = [running.stdout.readline() for _ in range(2)]  # the count, and the first picture
    os.killpg(running.pid, signal.SIGINT)
    rest, errors = running.communicate(timeout=200)
    assert lines[1].startswith("1/6 astronaut__0.png") and running.returncode == 130, errors
    made = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert 1 <= len(made) <= 3 and f"{len(made)} of 6 pictures" in rest and "Traceback" not in errors
    assert "stopping after" in errors and f"{6 - len(made)} not begun" in errors
    assert not list((tmp_path / "out").glob(".*.part"))
    with (tmp_path / "out" / "report.csv").open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)].count(MADE) == len(made)
    end = time.monotonic() + 5
    with pytest.raises(ProcessLookupError):  # its worker left too
        while time.monotonic() < end:
            os.killpg(running.pid, 0)
            time.sleep(0.1)
