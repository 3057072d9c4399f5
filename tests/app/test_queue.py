"""The queue in the window: added, made behind the edits, paused, failed and tried again, and offered after a crash."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from app.queue.adding import AddDialog
from app.queue.model import STATE
from core.batch_queue import DONE, FAILED, SKIPPED, WAITING, WORKING, queue_file
from core.export import read_request, save_image
from core.rig import Rig
from tests.app.fakes import FakeEngine
from tests.app.studio import Studio, flush, until

_DATA = Qt.ItemDataRole.UserRole


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    made = []
    for name in ("one", "two", "three"):
        made.append(tmp_path / f"{name}.png")
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(made[-1])
    return made


@pytest.fixture
def edited(gated: Studio) -> Iterator[Studio]:
    """A window with an edit that has settled, whose engine waits for the test."""
    gated.engine.gated = False
    gated.document.set("jaw.open", 0.5)
    gated.settle()
    gated.engine.gated = True
    gated.engine.finished.clear()
    yield gated


def dialog_of(studio: Studio, photos: list[Path], out: Path) -> AddDialog:
    dialog = studio.window.queue.ask_add([str(photo) for photo in photos])
    assert dialog is not None
    dialog.folder.setText(str(out))
    dialog.choices.credentials_box.setChecked(False)
    return dialog


def add(studio: Studio, photos: list[Path], out: Path) -> Any:
    dialog = dialog_of(studio, photos, out)
    assert dialog.ok.isEnabled(), dialog.problem.text()
    dialog.accept()
    flush()
    return studio.window.queue.runner.queue


def test_one_edit_over_many_photos(edited: Studio, photos: list[Path], tmp_path: Path) -> None:
    queue = add(edited, photos, tmp_path / "out")
    page = edited.window.queue.page
    assert edited.window.bottom.current == "queue" and page.counts.text().startswith("0 of 3 made")
    until(lambda: queue.working is not None, "the first one begins")
    edited.engine.allow_all()
    until(lambda: queue.count(DONE) == 3, "all made")
    files = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert files == ["one__edit.png", "three__edit.png", "two__edit.png"]
    made = read_request(tmp_path / "out" / "one__edit.png")
    assert made is not None and made["rig"]["values"] == {"jaw.open": 0.5} and made["size"] == "full"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["counts"]["made"] == 3
    until(lambda: page.counts.text() == "3 of 3 made", page.counts.text())
    assert not page.bar.isVisible() and edited.window.status.queue.isHidden()
    assert "Done" in edited.window.queue.model.data(edited.window.queue.model.index(0, STATE))


def test_edits_come_first_and_go_on(edited: Studio, photos: list[Path], tmp_path: Path) -> None:
    queue = add(edited, photos, tmp_path / "out")
    until(lambda: queue.working is not None and edited.engine.started, "one begins")
    edited.document.set("pose.yaw", 5.0)
    edited.engine.allow_all()
    until(lambda: queue.count(DONE) == 3 and edited.window.live.state.value == "settled", "both")
    order = [request.photo.split(".")[0] if request.quality == "settled" else "live" for request in edited.engine.finished]
    assert order.index("live") < order.index("two")  # the preview didn't wait for the queue
    assert "Queue" not in edited.window.status.queue.text()


def test_many_edits_over_one_photo(studio: Studio, photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "warm.json").write_text(json.dumps({"light.color": "#ffd0a0"}))
    save_image(np.zeros((8, 8, 3), np.uint8), tmp_path / "made.png",
               request_json={"photo": "", "rig": Rig().set("pose.yaw", 9).to_json(), "seed": 4})
    dialog = dialog_of(studio, photos[:1], tmp_path / "out")
    dialog.add_edits([tmp_path / "warm.json", tmp_path / "made.png", tmp_path / "one.png"])
    assert "holds no edit" in dialog.problem.text()
    assert [rig.name for rig in dialog.ticked()] == ["warm", "made"] and dialog.ok.text() == "Add 2 to the queue"
    dialog.pattern.setText("{edit}-{number}")
    dialog.accept()
    queue = studio.window.queue.runner.queue
    until(lambda: queue.count(DONE) == 2, "made")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["made-0002.png", "warm-0001.png"]
    made = read_request(tmp_path / "out" / "made-0002.png")
    assert made is not None and made["seed"] == 4


def test_what_can_not_be_added_is_said(studio: Studio, photos: list[Path], tmp_path: Path) -> None:
    dialog = dialog_of(studio, [], tmp_path / "out")
    assert not dialog.ok.isEnabled() and dialog.photos.count() in (0, 1)
    dialog.photos.clear()
    dialog.add_photos([tmp_path / "none.jpg"])
    assert dialog.problem.text() and not dialog.ok.isEnabled()
    dialog.add_photos(photos)
    assert "Tick an edit" in dialog.problem.text()
    (tmp_path / "warm.json").write_text("{}")
    dialog.add_edits([tmp_path / "warm.json"])
    dialog.pattern.setText("same")
    dialog.accept()
    assert "Two pictures would be called 'same'" in dialog.problem.text() and dialog.isVisible()
    dialog.pattern.setText("{photo}/{edit}")
    dialog.accept()
    assert "no file name" in dialog.problem.text()
    dialog.reject()


def test_failures_are_said_and_tried_again(edited: Studio, photos: list[Path], tmp_path: Path) -> None:
    crash = tmp_path / "crash.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(crash)
    edited.engine.allow_all()
    queue = add(edited, [crash, photos[0]], tmp_path / "out")
    until(lambda: queue.count(DONE) == 1 and queue.count(FAILED) == 1, "one fails, the other is made")
    page, model = edited.window.queue.page, edited.window.queue.model
    assert "1 failed" in page.counts.text() and page.again.isEnabled()
    assert "RuntimeError: bug" in model.data(model.index(0, STATE))
    opened = len(edited.engine.opened)
    page.again.click()
    until(lambda: len(edited.engine.opened) > opened and queue.count(FAILED) == 1, "tried again")


def test_pause_skip_and_order(edited: Studio, photos: list[Path], tmp_path: Path) -> None:
    queue = add(edited, photos, tmp_path / "out")
    page, runner = edited.window.queue.page, edited.window.queue.runner
    until(lambda: queue.working is not None and edited.engine.started, "one begins")
    page.pause.click()
    assert queue.paused and page.pause.text() == "Go on"
    page.table.selectRow(2)
    page._actions["first"].trigger()
    assert queue.entries[0].task.out.name == "three__edit.png" and page.selected() == [queue.entries[0]]
    edited.engine.allow_all()
    until(lambda: queue.count(DONE) == 1 and queue.working is None, "the one that had begun is finished")
    assert queue.count(WAITING) == 2
    page.table.clearSelection()
    page.table.selectRow(0)
    page._actions["skip"].trigger()
    assert queue.count(SKIPPED) == 1
    page.pause.click()
    until(lambda: queue.count(DONE) == 2, "the last one")
    assert not (tmp_path / "out" / "three__edit.png").exists()
    page.clear()
    assert not queue.entries and page.pages.currentWidget() is page.empty
    assert runner.seconds_left is None


def test_the_picture_that_is_being_made_can_be_skipped(edited: Studio, photos: list[Path], tmp_path: Path) -> None:
    queue = add(edited, photos[:2], tmp_path / "out")
    until(lambda: queue.working is not None and edited.engine.started, "one begins")
    edited.window.queue.page.skip_all()
    edited.engine.allow(1)
    until(lambda: edited.window.queue.runner._job is None, "it ends")
    assert queue.count(SKIPPED) == 2 and not list((tmp_path / "out").glob("*.png"))
    edited.engine.allow_all()


def test_the_rest_is_offered_at_the_next_start(edited: Studio, photos: list[Path], tmp_path: Path) -> None:
    queue = add(edited, photos, tmp_path / "out")
    until(lambda: queue.working is not None and edited.engine.started, "one begins")
    assert json.loads(queue_file().read_text())["entries"][0]["state"] == WAITING  # as a kill would leave it
    edited.document.mark_saved(edited.document.edit)
    edited.window.close()
    again = Studio(FakeEngine(gated=False))
    waiting = again.window.queue.runner.queue
    assert waiting.count(WAITING) == 3 and waiting.paused and "3 pictures of the queue" in again.window.banner.text
    again.window.banner._button.click()
    until(lambda: waiting.count(DONE) == 3, "made after all")
    assert again.window.bottom.current == "queue" and waiting.count(WORKING) == 0
    again.close()


def test_dropped_photos_go_into_the_dialog(edited: Studio, photos: list[Path]) -> None:
    window = edited.window
    window.actions_by_name["batch"].trigger()
    assert window.bottom.current == "queue"
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(photo)) for photo in photos])
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    window.queue.page.dropEvent(drop)
    dialog = window.queue.dialog
    assert dialog is not None and [dialog.photos.item(i).text() for i in range(3)] == [photo.name for photo in photos]
    assert dialog.count.text() == "3 photos × 1 edits = 3 pictures"
    dialog.reject()
    window.actions_by_name["batch"].trigger()
    assert window.bottom.current == ""
