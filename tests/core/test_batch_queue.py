"""The queue of pictures: order, states, and what is left of it after a crash."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.batch_plan import NamedRig, plan
from core.batch_queue import DONE, FAILED, SKIPPED, WAITING, WORKING, Entry, Lot, PictureQueue
from core.batch_record import MADE, REPORT_JSON, row_of
from core.export_picture import ExportOptions
from core.request import RenderRequest
from core.rig import Rig


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.jpg").write_bytes(name.encode())
    return folder


def filled(photos: Path, *rigs: str) -> PictureQueue:
    queue = PictureQueue(photos.parent / "queue.json")
    add(queue, photos, *rigs)
    return queue


def add(queue: PictureQueue, photos: Path, *rigs: str) -> list[Entry]:
    lot = Lot(photos.parent / "out", options=ExportOptions(quality=80))
    named = [NamedRig(rig, RenderRequest("", Rig().set("pose.yaw", float(len(rig))))) for rig in rigs or ("x",)]
    return queue.add(plan([photos], named, lot.out, ".png", {"prior": "p"}), lot, "p")


def make_next(queue: PictureQueue, fails: str = "") -> Entry:
    """What a runner does with the next one."""
    entry = queue.next()
    assert entry is not None and queue.working is entry and queue.next() is None
    if fails:
        queue.failed(entry, fails)
        return entry
    entry.task.out.parent.mkdir(exist_ok=True)
    entry.task.out.write_bytes(b"picture")
    queue.finished(entry, row_of(entry.task_with("p"), MADE))
    return entry


def names(queue: PictureQueue, *states: str) -> list[str]:
    return [entry.task.out.stem for entry in queue.entries if not states or entry.state in states]


def test_pictures_are_made_in_order_and_reported(photos: Path) -> None:
    queue = filled(photos)
    told: list[Entry | None] = []
    queue.told = told.append
    assert [make_next(queue).task.out.stem for _ in range(2)] == ["a__x", "b__x"]
    make_next(queue, "no face")
    assert queue.next() is None and queue.count(DONE) == 2 and queue.count(FAILED) == 1 and told
    found = json.loads((photos.parent / "out" / REPORT_JSON).read_text())
    assert [row["status"] for row in found["pictures"]] == ["made", "made", "failed"] and found["counts"]["made"] == 2
    queue.retry(queue.entries)
    assert names(queue, WAITING) == ["c__x"] and make_next(queue).state == DONE


def test_what_is_there_already_is_done(photos: Path) -> None:
    queue = filled(photos)
    for _ in range(3):
        make_next(queue)
    again = PictureQueue()
    entries = add(again, photos)
    assert [entry.state for entry in entries] == [DONE] * 3
    (photos / "a.jpg").write_bytes(b"another picture")
    (photos.parent / "out" / "b__x.png").unlink()
    assert [entry.state for entry in add(PictureQueue(), photos)] == [WAITING, WAITING, DONE]


def test_adding_the_same_again_replaces_it(photos: Path) -> None:
    queue = filled(photos)
    make_next(queue, "no face")
    assert len(add(queue, photos)) == 3 and len(queue.entries) == 3 and queue.count(WAITING) == 3
    busy = queue.next()
    assert busy is not None and len(add(queue, photos)) == 2 and len(queue.entries) == 3 and busy in queue.entries


def test_pausing_skipping_removing_and_moving(photos: Path) -> None:
    queue = filled(photos, "x", "yy")
    a, b, c = queue.entries[0], queue.entries[2], queue.entries[5]
    queue.pause(True)
    assert queue.next() is None
    queue.pause(False)
    queue.move([c], -1)
    assert names(queue)[4:] == ["c__yy", "c__x"]
    queue.move([c], -1000)
    queue.move([a], 1000)
    assert names(queue)[0] == "c__yy" and names(queue)[-1] == "a__x"
    queue.move([queue.entries[0]], -1)
    assert names(queue)[0] == "c__yy"
    queue.skip([b, c])
    assert queue.count(SKIPPED) == 2 and make_next(queue).state == DONE
    running = queue.next()
    assert running is not None
    queue.remove(queue.entries)
    assert queue.entries == [running] and running.state == WORKING
    queue.put_back(running)
    assert running.state == WAITING


def test_a_crash_loses_nothing(photos: Path) -> None:
    queue = filled(photos, "x", "yy")
    make_next(queue)
    make_next(queue, "no face")
    assert queue.next() is not None  # and then the power fails
    again = PictureQueue(queue.file)
    assert again.load() == 4 and names(again) == names(queue)
    assert [entry.state for entry in again.entries] == [DONE, FAILED, *[WAITING] * 4]
    assert again.entries[1].reason == "no face" and again.entries[0].lot == queue.entries[0].lot
    assert [e.task for e in again.entries] == [e.task for e in queue.entries]
    assert again.entries[2].task.rig is again.entries[4].task.rig  # kept once
    queue.entries[0].task.out.unlink()
    third = PictureQueue(queue.file)
    assert third.load() == 5  # a file that is gone is made again


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 9}', '{"format": 1, "lots": [], "rigs": [], "entries": [3]}',
                                  '{"format": 1, "lots": 3, "rigs": [], "entries": []}', "[" * 50_000])
def test_a_damaged_list_is_put_aside(tmp_path: Path, text: str) -> None:
    file = tmp_path / "queue.json"
    file.write_text(text)
    queue = PictureQueue(file)
    assert queue.load() == 0 and not queue.entries
    assert (tmp_path / "queue.bad.json").read_text() == text and not file.exists()


def test_another_model_makes_another_picture(photos: Path) -> None:
    entry = filled(photos).entries[0]
    assert entry.task_with("p") is entry.task and entry.task_with("q").key != entry.task.key
    assert entry.task_with("q").key == entry.task_with("q").key


def test_a_list_that_can_not_be_written_goes_on(photos: Path) -> None:
    queue = PictureQueue(photos / "a.jpg" / "queue.json")  # a file where a folder should be
    add(queue, photos)
    assert make_next(queue).state == DONE and queue.load() == 0
