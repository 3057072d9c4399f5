"""Projects in the window: saving, opening, titles, questions, slots, recent files, drops."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QMessageBox, QPushButton

from app.edit import Edit
from app.settings import Settings
from core.files import WriteError
from core.project import NamedModel, NamedPhoto, Project, read_project, write_project
from core.request import RenderRequest
from core.rig import Copy, Rig
from tests.app.fakes import FakeEngine, FakePeople, code_of, entry_of, person_of
from tests.app.studio import Studio, flush, until


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return picture(tmp_path / "me.png", 1)


def picture(path: Path, seed: int = 0) -> Path:
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (300, 400, 3), np.uint8)).save(path)
    return path


def opened(photo: Path, **more: Any) -> Studio:
    made = Studio(FakeEngine(gated=False), **more)
    open_in(made, photo)
    return made


def open_in(studio: Studio, path: Path) -> None:
    before = studio.document.session
    studio.window.projects.take(path)
    until(lambda: studio.document.session is not before and studio.document.session is not None, "it opens")
    studio.settle()


@pytest.fixture
def studio(photo: Path) -> Iterator[Studio]:
    made = opened(photo)
    yield made
    made.close()


def saved(studio: Studio, path: Path) -> Path:
    studio.window.projects.writing.write(path, None)
    until(lambda: not studio.window.projects.writing.busy, "it is saved")
    return path


def question() -> QMessageBox:
    until(lambda: any(isinstance(w, QMessageBox) and w.isVisible() for w in QApplication.topLevelWidgets()), "a question")
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible())


def answer(text: str) -> None:
    box = question()
    button = next(b for b in box.findChildren(QPushButton) if b.text().replace("&", "").startswith(text))
    button.click()
    flush()


def asked() -> bool:
    flush()
    return any(isinstance(w, QMessageBox) and w.isVisible() for w in QApplication.topLevelWidgets())


def drop(studio: Studio, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    studio.window.projects.drops.eventFilter(studio.window, event)


# -- saving and opening


def test_everything_comes_back(studio: Studio, photo: Path, tmp_path: Path) -> None:
    studio.document.update({"expression.smile": 0.5, "light.azimuth": -30}, "Edit")
    studio.document.set_appearance(seed=11, strength=0.5)
    studio.settle()
    studio.window.actions_by_name["view-2"].trigger()
    before = studio.document.edit
    path = saved(studio, tmp_path / "one.drig")
    assert not studio.document.modified and studio.window.windowTitle().startswith("one.drig")
    photo.unlink()
    studio.close()

    other = opened(path)
    assert other.document.edit == before and not other.window.projects.modified
    assert other.window.canvas.mode.name == "ALBEDO" and other.window.windowTitle().startswith("one.drig")
    assert [one.request.seed for one in other.window.history.snapshots()][-1] == 11
    assert other.document.session.photo.path == photo
    other.close()


def test_ctrl_s_asks_for_a_name_once(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [str(tmp_path / "first")]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (names.pop(), ""))
    studio.document.set("pose.yaw", 10)
    studio.window.actions_by_name["save"].trigger()
    until(lambda: (tmp_path / "first.drig").exists() and not studio.window.projects.writing.busy)
    assert not studio.window.isWindowModified() and "first.drig" in studio.window.banner.text
    studio.document.set("pose.yaw", 12)
    assert studio.window.isWindowModified()
    studio.window.actions_by_name["save"].trigger()
    until(lambda: not studio.window.isWindowModified())
    assert read_project(tmp_path / "first.drig").request.rig.get("pose.yaw") == 12
    assert read_project(tmp_path / "first.drig~").request.rig.get("pose.yaw") == 10


def test_undo_back_to_what_was_saved_means_saved(studio: Studio, tmp_path: Path) -> None:
    window, document = studio.window, studio.document
    document.set("pose.yaw", 10)
    document.set_appearance(seed=3)
    saved(studio, tmp_path / "a.drig")
    document.set_appearance(seed=4)
    assert window.isWindowModified()
    window.undo()
    assert not window.isWindowModified()
    window.undo()
    window.undo()
    assert window.isWindowModified() and document.edit.appearance.seed == 0
    window.redo()
    window.redo()
    assert not window.isWindowModified()
    document.begin("Drag")
    document.set("pose.yaw", 20)
    assert window.isWindowModified()
    document.set("pose.yaw", 10)
    document.end()
    assert not window.isWindowModified()


def test_edits_during_a_save_stay_modified(studio: Studio, tmp_path: Path) -> None:
    studio.document.set("pose.yaw", 10)
    studio.window.projects.writing.write(tmp_path / "a.drig", None)
    studio.document.set("pose.yaw", 20)
    until(lambda: not studio.window.projects.writing.busy)
    assert studio.window.isWindowModified()
    assert read_project(tmp_path / "a.drig").request.rig.get("pose.yaw") == 10
    studio.window.undo()
    assert not studio.window.isWindowModified()


def test_a_save_that_fails_is_told_and_loses_nothing(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(studio, tmp_path / "a.drig")
    before = (tmp_path / "a.drig").read_bytes()
    studio.document.set("pose.yaw", 10)

    def full(*_: object) -> None:
        raise WriteError("Could not write a.drig: the disk is full.")

    monkeypatch.setattr("app.saving.writing.write_project", full)
    studio.window.projects.save(lambda: pytest.fail("nothing may follow"))
    until(lambda: not studio.window.projects.writing.busy)
    assert "disk is full" in studio.window.banner.text and studio.window.isWindowModified()
    assert (tmp_path / "a.drig").read_bytes() == before


def test_a_photo_that_vanished_is_saved_all_the_same(studio: Studio, photo: Path, tmp_path: Path) -> None:
    studio.document.set("pose.yaw", 10)
    photo.unlink()
    studio.window.settings.embed_photo = False
    path = saved(studio, tmp_path / "a.drig")
    back = read_project(path).photo
    assert back is not None and back.data is not None and back.name == "me.png"


def test_the_photo_can_stay_outside(studio: Studio, photo: Path, tmp_path: Path) -> None:
    studio.window.actions_by_name["embed"].setChecked(False)
    studio.document.set("pose.yaw", 10)
    path = saved(studio, tmp_path / "a.drig")
    back = read_project(path).photo
    assert back is not None and back.data is None and back.path == photo and len(back.sha256) == 64


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 broken"])
def test_a_broken_project_is_told_and_the_document_stays(studio: Studio, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.drig").write_bytes(content)
    session = studio.document.session
    studio.window.projects.take(tmp_path / "bad.drig")
    until(lambda: "bad.drig" in studio.window.banner.text)
    assert studio.document.session is session and not studio.canvas.busy_text


def test_an_older_version_can_be_opened(studio: Studio, tmp_path: Path) -> None:
    for yaw in (5, 6):
        studio.document.set("pose.yaw", yaw)
        saved(studio, tmp_path / "a.drig")
    open_in(studio, tmp_path / "a.drig~")
    assert studio.document.edit.rig.get("pose.yaw") == 5


# -- questions


def test_an_untouched_photo_is_never_asked_about(studio: Studio, tmp_path: Path) -> None:
    open_in(studio, picture(tmp_path / "next.png", 2))
    assert not asked()
    studio.document.set("pose.yaw", 10)
    studio.window.undo()
    studio.window.close()
    assert not asked() and not studio.window.isVisible()


def test_another_photo_asks_where_work_would_be_lost(studio: Studio, tmp_path: Path) -> None:
    other = picture(tmp_path / "next.png", 2)
    studio.document.set("pose.yaw", 10)
    session = studio.document.session
    studio.window.projects.take(other)
    answer("Cancel")
    assert studio.document.session is session and studio.document.modified
    studio.window.projects.take(other)
    answer("Don't save")
    until(lambda: studio.document.session is not session)
    assert studio.document.edit.rig == Rig() and not studio.document.modified


def test_closing_saves_first(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "a.drig"), ""))
    studio.document.set("pose.yaw", 10)
    studio.window.close()
    box = question()
    assert box.defaultButton().text() == "&Save" and studio.window.isVisible()
    QTest.keyClick(box, Qt.Key.Key_Return)
    until(lambda: not studio.window.isVisible())
    assert read_project(tmp_path / "a.drig").request.rig.get("pose.yaw") == 10


def test_escape_stays_and_a_save_that_is_called_off_stays(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    studio.document.set("pose.yaw", 10)
    studio.window.close()
    QTest.keyClick(question(), Qt.Key.Key_Escape)
    flush()
    assert studio.window.isVisible()
    studio.window.close()
    answer("Save")
    assert studio.window.isVisible() and studio.document.modified


def test_closing_waits_for_a_save_under_way(studio: Studio, tmp_path: Path) -> None:
    studio.document.set("pose.yaw", 10)
    studio.window.projects.writing.write(tmp_path / "a.drig", None)
    studio.window.close()
    assert studio.window.isVisible() and not asked()
    until(lambda: not studio.window.isVisible())
    assert read_project(tmp_path / "a.drig").request.rig.get("pose.yaw") == 10


def test_a_pin_is_work(studio: Studio, tmp_path: Path) -> None:
    window = studio.window
    saved(studio, tmp_path / "a.drig")
    window.history.pin(window.history.shelf.items[:1])
    assert window.isWindowModified()
    saved(studio, tmp_path / "a.drig")
    assert not window.isWindowModified() and read_project(tmp_path / "a.drig").snapshots[0].pinned


# -- slots


def project_of(photo: NamedPhoto | None, rig: Rig = Rig(), **more: Any) -> Project:  # noqa: B008  frozen
    return Project(RenderRequest("x", rig, seed=3), photo, model=NamedModel("fake", "fake", "open"), **more)


def test_a_photo_that_moved_leaves_a_slot(studio: Studio, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.window.settings.embed_photo = False
    studio.document.set("expression.smile", 0.5)
    path = saved(studio, tmp_path / "a.drig")
    first = path.read_bytes()
    (tmp_path / "moved").mkdir()
    photo.rename(tmp_path / "moved" / "renamed.png")
    (tmp_path / "home" / "data" / "places.json").unlink(missing_ok=True)

    projects, bar = studio.window.projects, studio.window.projects.slots.bar
    projects.take(path)
    until(lambda: projects.pending is not None)
    assert bar.isVisible() and "me.png" in bar.slots[0].title and str(tmp_path) in bar.slots[0].detail
    assert studio.document.session is None and studio.window.windowTitle().startswith("a.drig") and not projects.modified
    again = read_project(saved(studio, tmp_path / "again.drig"))
    assert again.photo is not None and again.photo.name == "me.png"
    assert again.request.rig.get("expression.smile") == 0.5 and path.read_bytes() == first

    picture(tmp_path / "wrong.png", 9)
    files = [str(tmp_path / "moved" / "renamed.png"), str(tmp_path / "wrong.png")]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (files.pop(), ""))
    find = next(b for b in bar.findChildren(QPushButton) if b.text().startswith("Find"))
    find.click()
    assert "another picture" in question().text()
    answer("Choose another")
    until(lambda: studio.document.session is not None)
    studio.settle()
    assert studio.document.edit.rig.get("expression.smile") == 0.5 and not bar.isVisible() and projects.pending is None


def test_the_missing_photo_can_be_dropped(studio: Studio, photo: Path, tmp_path: Path) -> None:
    studio.window.settings.embed_photo = False
    studio.document.set("expression.smile", 0.5)
    path = saved(studio, tmp_path / "a.drig")
    (tmp_path / "moved").mkdir()
    moved = photo.rename(tmp_path / "moved" / "renamed.png")
    (tmp_path / "home" / "data" / "places.json").unlink(missing_ok=True)
    for file, smile in ((picture(tmp_path / "other.png", 7), None), (moved, 0.5)):
        studio.window.projects.take(path)
        until(lambda: studio.window.projects.pending is not None)
        assert len(studio.window.history.snapshots()) == len(read_project(path).snapshots)
        drop(studio, file)
        until(lambda: studio.document.session is not None)
        assert studio.document.edit.rig.get("expression.smile") == smile and studio.document.session.photo.path == file


def test_a_slot_that_is_removed_closes_the_project(studio: Studio, tmp_path: Path) -> None:
    path = write_project(tmp_path / "a.drig", project_of(NamedPhoto("gone.jpg", Path("/nowhere/gone.jpg"), "a" * 64)))
    studio.window.projects.take(path)
    until(lambda: studio.window.projects.pending is not None)
    studio.window.projects.slots.bar.rows[0].findChildren(QPushButton)[1].click()
    assert not studio.window.projects.slots.bar.isVisible() and studio.window.windowTitle() == "DiffusionRig Studio"


def test_a_photo_seen_elsewhere_is_found_by_itself(studio: Studio, photo: Path, tmp_path: Path) -> None:
    import hashlib
    named = NamedPhoto("me.png", Path("/nowhere/me.png"), hashlib.sha256(photo.read_bytes()).hexdigest(), digest="me.png#0")
    path = write_project(tmp_path / "a.drig", project_of(named))
    until(lambda: not studio.window.projects.line.busy)  # it has noted where the photo is
    (tmp_path / "other").mkdir()
    path = path.rename(tmp_path / "other" / "a.drig")
    open_in(studio, path)
    assert studio.document.session.photo.path == photo and studio.document.edit.appearance.seed == 3


def test_a_copied_photo_that_is_gone_is_set_aside(studio: Studio, photo: Path, tmp_path: Path) -> None:
    rig = Rig().set("expression.smile", 0.5).copy(Copy("appearance", code_of(3), "friend.png#0", "friend.png"))
    gone = NamedPhoto("friend.png", Path("/nowhere/friend.png"), "a" * 64, digest="friend.png#0")
    data = photo.read_bytes()
    open_in(studio, write_project(tmp_path / "a.drig", project_of(NamedPhoto("me.png", photo, data=data), rig, copies=(gone,))))
    bar = studio.window.projects.slots.bar
    until(lambda: bar.isVisible())
    assert "friend.png" in bar.slots[0].title and studio.document.rig.copied("appearance") is None
    assert studio.document.set_aside == ["appearance from friend.png"]
    back = read_project(saved(studio, tmp_path / "b.drig"))
    assert back.request.rig == rig and back.copies[0].name == "friend.png" and back.copies[0].sha256 == "a" * 64
    bar.rows[0].findChildren(QPushButton)[1].click()
    assert not bar.isVisible() and studio.document.edit.rig.copies == ()
    studio.window.undo()
    assert bar.isVisible() and studio.document.edit.rig == rig


def test_a_copied_photo_in_the_project_is_opened_with_it(studio: Studio, photo: Path, tmp_path: Path) -> None:
    friend = picture(tmp_path / "friend.png", 5)
    studio.window.copy_from(friend, "appearance")
    until(lambda: studio.document.edit.rig.copies)
    studio.settle()
    assert studio.document.rig.copied("appearance") is not None and not studio.window.projects.slots.bar.isVisible()
    path = saved(studio, tmp_path / "a.drig")
    friend.unlink()
    other = opened(path)
    until(lambda: other.document.rig.copied("appearance") is not None, "it is held")
    assert not other.window.projects.slots.bar.isVisible() and not other.window.projects.modified
    assert [path.name for path, _ in other.engine.opened] == ["me.png", "friend.png"]
    other.close()


def test_a_missing_person_is_a_slot_and_is_kept(photo: Path, tmp_path: Path) -> None:
    anna = replace(person_of("Anna"), digest="a" * 64)
    request = RenderRequest("x", Rig(), person=anna.digest, identity=anna.identity)
    model = NamedModel("fake", "fake", "open")
    project = Project(request, NamedPhoto("me.png", photo, data=photo.read_bytes()), anna, model=model)
    path = write_project(tmp_path / "a.drig", project)
    people = FakePeople()
    studio = opened(path, people=people)
    bar = studio.window.projects.slots.bar
    until(lambda: bar.isVisible())
    assert "Anna" in bar.slots[0].title and studio.document.person is None and studio.document.edit.person is not None
    assert not studio.window.projects.modified
    back = read_project(saved(studio, tmp_path / "b.drig"))
    assert back.person is not None and back.person.digest == anna.digest and back.request.identity == anna.identity
    people.entries.append(replace(entry_of(anna), digest=anna.digest))
    studio.engine.loaded[anna.digest] = anna
    studio.window.people.shelf.refresh()
    until(lambda: not bar.isVisible())
    studio.settle()
    assert studio.document.person is not None
    studio.close()


def test_another_model_is_a_slot(studio: Studio, photo: Path, tmp_path: Path) -> None:
    model = NamedModel("faces-99", "9" * 64, "open", "fit", None)
    made = replace(project_of(NamedPhoto("me.png", photo, data=photo.read_bytes())), model=model)
    open_in(studio, write_project(tmp_path / "a.drig", made))
    bar = studio.window.projects.slots.bar
    assert bar.isVisible() and "faces-99" in bar.slots[0].title
    assert read_project(saved(studio, tmp_path / "b.drig")).model == model
    bar.rows[0].findChildren(QPushButton)[1].click()
    assert not bar.isVisible()
    assert read_project(saved(studio, tmp_path / "b.drig")).model.digest == "fake"


# -- recent files, drops, settings


def test_recent_files(studio: Studio, photo: Path, tmp_path: Path) -> None:
    recent = studio.window.projects.recent
    saved(studio, tmp_path / "a.drig")
    assert recent.paths == (tmp_path / "a.drig", photo)
    (tmp_path / "a.drig").unlink()
    recent.fill()
    first, second = recent.menu.actions()[:2]
    assert not first.isEnabled() and "no longer there" in first.text() and second.isEnabled()
    studio.document.set("pose.yaw", 3)
    second.trigger()
    answer("Don't save")
    recent.menu.actions()[-1].trigger()
    assert recent.paths == () and not recent.menu.menuAction().isEnabled()


def test_the_menu_has_it(studio: Studio) -> None:
    menu = studio.window.menuBar().actions()[0].menu()
    assert isinstance(menu, QMenu)
    texts = [action.text() for action in menu.actions()]
    assert [text for text in texts if "ecent" in text] and [text for text in texts if "Save project &as" in text]


def test_drops_open_photos_and_projects(studio: Studio, tmp_path: Path) -> None:
    studio.document.set("pose.yaw", 4)
    path = saved(studio, tmp_path / "a.drig")
    drop(studio, picture(tmp_path / "next.png", 2))
    until(lambda: studio.document.session.photo.path.name == "next.png")
    drop(studio, path)
    until(lambda: studio.window.projects.path == path)
    assert studio.document.edit.rig.get("pose.yaw") == 4


def test_settings_of_projects_survive_bad_values() -> None:
    assert Settings.from_json({"recent": "x", "embed_photo": 3}) == Settings()
    assert Settings.from_json({"recent": ["/a"], "embed_photo": False}).recent == ("/a",)


# -- the document


def test_restore_is_one_step(studio: Studio) -> None:
    document = studio.document
    document.set("pose.yaw", 10)
    request = replace(document.request("settled"), rig=Rig().set("expression.smile", 0.4), seed=9, strength=0.5)
    count = document.undo_stack.count()
    document.restore(request, "Go back")
    assert document.undo_stack.count() == count + 1 and document.undo_stack.undoText() == "Go back"
    assert document.edit.rig.get("pose.yaw") is None and document.edit.appearance.seed == 9
    studio.window.undo()
    assert document.edit.rig.get("pose.yaw") == 10 and document.edit.appearance.seed == 0
    whole = Edit(Rig().set("jaw.open", 0.3))
    document.restore(whole, "Whole")
    assert document.edit == whole
    studio.window.undo()
    assert document.edit.rig.get("pose.yaw") == 10


def test_every_field_of_the_edit_is_undone(studio: Studio) -> None:
    from core.environment import Environment
    from core.film.timeline import Timeline
    document = studio.document
    start = document.edit
    document.set_timeline(Timeline(3.0, 24.0, ()), "Timeline")
    document.restore(replace(document.edit, rig=document.edit.rig.under(Environment(((0.5, 0.5, 0.5),) * 9, "sky"))), "Sky")
    assert document.timeline == Timeline(3.0, 24.0, ()) and document.rig.environment is not None
    studio.window.undo()
    assert document.edit.rig.environment is None
    studio.window.undo()
    assert document.edit == start
    studio.window.redo()
    studio.window.redo()
    sky = document.edit.rig.environment
    assert sky is not None and sky.label == "sky" and document.timeline is not None


def test_undo_survives_a_failed_picture(studio: Studio) -> None:
    studio.engine.fail = lambda request: RuntimeError("bug") if request.rig.get("pose.yaw") == 10 else None
    studio.document.set("pose.yaw", 10)
    until(lambda: studio.window.live.state.value == "failed")
    studio.document.set("pose.yaw", 20)
    studio.settle()
    studio.window.undo()
    studio.window.undo()
    studio.settle()
    assert studio.document.edit.rig == Rig() and studio.document.undo_stack.count() == 2


def test_other_files_go_where_they_belong(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    went: list[tuple[str, str]] = []
    window = studio.window
    monkeypatch.setattr(window.lighting, "import_environment", lambda path: went.append(("map", path.name)))
    monkeypatch.setattr(window.motion, "ask_source", lambda kind, path: went.append((kind, path.name)))
    monkeypatch.setattr(window.people, "import_file", lambda path: went.append(("person", path.name)))
    for name in ("sky.hdr", "me.MP4", "voice.wav", "Ann.safetensors"):
        window.projects.take(tmp_path / name)
    assert went == [("map", "sky.hdr"), ("video", "me.MP4"), ("voice", "voice.wav"), ("person", "Ann.safetensors")]
    assert window._opening is None


def test_a_persons_file_and_a_clip_open_their_dialogs(studio: Studio, tmp_path: Path) -> None:
    window = studio.window
    (tmp_path / "Ann.safetensors").write_bytes(b"no person")
    window.projects.take(tmp_path / "Ann.safetensors")
    people = window.people.dialog("people")
    assert people is not None and people.isVisible()
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    window.projects.take(tmp_path / "clip.mp4")
    assert window.motion._dialog is not None and window.bottom.current == "timeline"
    window.motion._dialog.reject()
    people.close()
