"""The timeline page on a fake engine: keys by mouse and slider, playing, ready-made motions, films in the background."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from app.timeline.film_dialog import FilmDialog
from app.timeline.filming import Shooting, Stage
from app.timeline.paint import HEAD
from app.timeline.reading import VIDEO, VOICE, Found, Wish
from app.timeline.source_dialog import SourceDialog
from core.errors import UserError
from core.film import clip, drive
from core.film.film import make_frames
from core.film.timeline import Key, Timeline, Track
from tests.app.fakes import UNITS
from tests.app.studio import Studio, drag, flush, until
from tests.core.film.made import pictures, save_sound, save_video, vowel


def place(studio: Studio, name: str, time: float) -> QPoint:
    view = studio.window.motion.page.view
    row = [track.name for track in view.tracks].index(name)
    return view.key_place(row, time).toPoint()


def values(studio: Studio, name: str) -> list[tuple[float, Any]]:
    track = studio.window.motion.desk.timeline.track(name)
    return [(round(key.time, 3), key.value) for key in track.keys] if track is not None else []


def opened(studio: Studio, *tracks: Track) -> Any:
    """The page, with these tracks."""
    motion = studio.window.motion
    studio.window.actions_by_name["timeline"].trigger()
    if tracks:
        studio.document.set_timeline(Timeline(2.0, 10.0, tracks), "test")
    flush()
    return motion


JAW = Track("jaw.open", (Key(0.0, 0.0, "linear"), Key(1.0, 0.5, "linear")))
YAW = Track("pose.yaw", (Key(0.0, 0.0, "linear"), Key(2.0, 20.0, "linear")))


def test_the_first_keys_are_set_by_hand(studio: Studio) -> None:
    motion = studio.window.motion
    studio.document.set("jaw.open", 0.2)
    QTest.keyClick(studio.window, Qt.Key.Key_K)
    assert studio.window.bottom.current == "timeline" and values(studio, "jaw.open") == [(0.0, 0.2)]
    motion.desk.go(1.0)
    studio.document.set("jaw.open", 0.6)  # has keys: another one comes where the playhead stands
    assert values(studio, "jaw.open") == [(0.0, 0.2), (1.0, 0.6)]
    studio.document.set("pose.yaw", 8.0)  # has none: it changes the whole film
    assert motion.desk.timeline.track("pose.yaw") is None and studio.document.still_rig.get("pose.yaw") == 8.0
    motion.desk.go(0.5)
    assert studio.document.values()["jaw.open"] == pytest.approx(0.4)
    assert studio.slider("jaw.open").label.text().endswith("◆") and not studio.slider("pose.yaw").label.text().endswith("◆")
    studio.window.actions_by_name["timeline"].trigger()  # closed: the edit as a still
    assert studio.document.time is None and studio.document.values()["jaw.open"] == 0.2
    assert not studio.slider("jaw.open").label.text().endswith("◆")


def test_with_auto_key_every_slider_sets_keys_and_a_drag_is_one_step(studio: Studio) -> None:
    motion = opened(studio)
    studio.window.actions_by_name["auto-key"].trigger()
    motion.desk.go(1.0)
    count = studio.document.undo_stack.count()
    row = studio.slider("pose.yaw")
    row.began.emit("pose.yaw")
    for value in (2.0, 5.0, 9.0):
        row.moved.emit("pose.yaw", value)
    row.ended.emit()
    assert values(studio, "pose.yaw") == [(1.0, 9.0)] and studio.document.undo_stack.count() == count + 1
    studio.window.undo()
    assert values(studio, "pose.yaw") == []
    studio.window.redo()
    row.reset_asked.emit("pose.yaw")  # of something with keys: the photo's own value, there
    assert values(studio, "pose.yaw") == [(1.0, 0.0)]


def test_the_playhead_follows_the_mouse_and_the_keyboard(studio: Studio) -> None:
    motion = opened(studio, JAW, YAW)
    view, desk = motion.page.view, motion.desk
    drag(view.viewport(), QPoint(round(view.scale.x(0.2)), HEAD // 2), QPoint(round(view.scale.x(1.02)), HEAD // 2))
    assert desk.time == pytest.approx(1.0) and studio.document.values()["pose.yaw"] == pytest.approx(10)
    assert studio.engine.buffer_calls[-1][0].get("pose.yaw") == pytest.approx(10)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert desk.time == pytest.approx(0.9)
    QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert desk.time == pytest.approx(1.0)
    QTest.keyClick(view, Qt.Key.Key_End)
    assert desk.time == pytest.approx(1.9)
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert desk.time == 0
    studio.settle()
    assert studio.document.undo_stack.undoText() == "test"  # looking is no step


def test_keys_are_moved_copied_chosen_and_deleted(studio: Studio) -> None:
    motion = opened(studio, JAW, YAW)
    view, desk = motion.page.view, motion.desk
    step = QPoint(round(0.31 * view.scale.zoom), 0)
    at = place(studio, "jaw.open", 1.0)
    drag(view.viewport(), at, at + step / 2, at + step)
    assert values(studio, "jaw.open") == [(0.0, 0.0), (1.3, 0.5)]  # on a frame
    studio.window.undo()
    assert values(studio, "jaw.open") == [(0.0, 0.0), (1.0, 0.5)]
    top, end = place(studio, "jaw.open", 1.0) + QPoint(-20, -9), place(studio, "pose.yaw", 2.0) + QPoint(12, 9)
    drag(view.viewport(), top, end)
    assert desk.chosen == {("jaw.open", 1.0), ("pose.yaw", 2.0)}
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    desk.go(0.5)
    QTest.keyClick(view, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert values(studio, "jaw.open")[1] == (0.5, 0.5) and values(studio, "pose.yaw")[1] == (1.5, 20.0)
    assert desk.chosen == {("jaw.open", 0.5), ("pose.yaw", 1.5)}
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert len(values(studio, "jaw.open")) == len(values(studio, "pose.yaw")) == 2
    desk.choose([("jaw.open", 0.0), ("pose.yaw", 0.0)])
    desk.drag(-1)  # nothing is held
    desk.nudge(-3)  # not before the beginning
    assert values(studio, "jaw.open")[0] == (0.0, 0.0)
    desk.begin_drag()
    desk.drag(0.4, copy=True)
    desk.end_drag()
    assert values(studio, "jaw.open") == [(0.0, 0.0), (0.4, 0.0), (1.0, 0.5)]


def test_easings_are_chosen_for_the_chosen_keys(studio: Studio) -> None:
    motion = opened(studio, JAW, YAW)
    desk, box = motion.desk, motion.page.easing
    assert not box.isEnabled()
    desk.choose([("jaw.open", 0.0)])
    assert box.currentData() == "linear"
    box.activated.emit(box.findData("hold"))
    desk.go(0.9)
    assert studio.document.values()["jaw.open"] == 0.0
    assert desk.timeline.track("pose.yaw").keys[0].easing == "linear"
    motion.page.grab()  # every shape is painted


def test_a_double_click_adds_a_key_and_zoom_keeps_the_place(studio: Studio) -> None:
    motion = opened(studio, JAW)
    view = motion.page.view
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place(studio, "jaw.open", 0.52))
    assert values(studio, "jaw.open")[1] == (0.5, pytest.approx(0.25))
    under = view.scale.x(1.0)
    view.zoom(3.0, under)
    assert view.scale.x(1.0) == pytest.approx(under, abs=1.5) and view.horizontalScrollBar().maximum() > 0
    view.fit()
    assert view.horizontalScrollBar().maximum() == 0
    assert view.key_under(QPointF(place(studio, "jaw.open", 1.0))) == ("jaw.open", 1.0)


def test_templates_go_over_what_is_there_and_undo_takes_them_back(studio: Studio) -> None:
    motion = opened(studio, JAW)
    studio.window.actions_by_name["turntable"].trigger()
    assert {"jaw.open", "pose.yaw"} <= set(motion.desk.timeline.names())
    studio.window.actions_by_name["sweep"].trigger()
    assert "light.azimuth" in motion.desk.timeline.names()
    studio.window.undo()
    studio.window.undo()
    assert motion.desk.timeline.names() == ("jaw.open",)
    studio.window.actions_by_name["clear-timeline"].trigger()
    assert studio.document.timeline is None and not studio.window.actions_by_name["film"].isEnabled()


def test_playing_shows_pictures_when_they_are_made_and_leaves_no_step(studio: Studio) -> None:
    motion = opened(studio, JAW)
    steps, shown = studio.document.undo_stack.count(), []
    motion.player.shown.connect(lambda picture: shown.append(picture.shape))
    QTest.keyClick(studio.window, Qt.Key.Key_P)
    assert motion.player.playing
    until(lambda: len(motion.player.ready()) == 20 and all(motion.player.ready()), "all frames are made")
    until(lambda: shown, "a picture is shown")
    previews = [r for r in studio.engine.finished if r.rig.get("jaw.open") is not None and r.quality == "preview"]
    assert len({r.rig for r in previews}) >= 11
    QTest.keyClick(studio.window, Qt.Key.Key_P)
    assert not motion.player.playing and studio.document.undo_stack.count() == steps
    studio.settle()  # the picture of where it stopped
    assert studio.window.live.request.rig == studio.document.rig  # type: ignore[union-attr]
    studio.document.set_timeline(replace(motion.desk.timeline, tracks=(JAW, YAW)), "more")
    assert not any(motion.player.ready()[1:])  # another film


def test_without_loop_it_stops_at_the_end(studio: Studio) -> None:
    motion = opened(studio, JAW)
    motion.page.loop.setChecked(False)
    motion.desk.go(1.7)
    motion.player.play()
    until(lambda: not motion.player.playing, "the end")
    assert motion.desk.frame == 19


def shooting(studio: Studio, path: Path) -> Shooting:
    motion = studio.window.motion
    return Shooting(motion.film("crop", "preview", 64), path, credentials=False)


def test_a_film_is_made_while_editing_goes_on_and_goes_on_after_a_pause(studio: Studio, tmp_path: Path) -> None:
    motion = opened(studio, YAW)
    engine = studio.engine
    studio.settle()
    engine.gated = True
    film = shooting(studio, tmp_path / "film.mp4")
    motion.filming.add(film)
    for made in range(1, 4):
        engine.allow()
        until(lambda made=made: film.made == made, "a frame")  # type: ignore[misc]
    assert motion.page.film_bar.isVisible() and "frame 4" in motion.page.film_text.text()
    motion.filming.pause()
    engine.allow()  # a step ends
    until(lambda: not motion.filming.busy, "it stands still")
    assert film.stage is Stage.PAUSED and len(film.kept.missing(film.film)) == 20 - 3
    engine.allow_all()
    studio.document.set("pose.roll", 3.0)  # the edit goes on; the film stays what it was
    studio.settle()
    motion.page.film_pause.click()
    until(lambda: not motion.filming.films, "the film is there")
    assert clip.look(tmp_path / "film.mp4").width == 64 and len(list(clip.pictures(tmp_path / "film.mp4"))) == 20
    assert "film.mp4" in studio.window.banner.text
    yaws = {r.rig.get("pose.yaw") for r in engine.finished if r.size == "crop" and not r.rig.get("pose.roll")}
    assert len(yaws & {motion.desk.timeline.track("pose.yaw").at(i / 10) for i in range(20)}) == 20


def test_a_failed_film_says_why_and_goes_on(studio: Studio, tmp_path: Path) -> None:
    motion = opened(studio, JAW)
    broken = [True]
    full = UserError("The disk is full.")
    studio.engine.fail = lambda request: full if broken and request.rig.get("jaw.open") == 0.25 else None
    film = shooting(studio, tmp_path / "film.gif")
    motion.filming.add(film)
    until(lambda: film.stage is Stage.FAILED, "it fails")
    assert "The disk is full" in motion.page.film_text.text()
    broken.clear()
    motion.filming.resume()
    until(lambda: not motion.filming.films, "it is made")
    assert (tmp_path / "film.gif").is_file()
    studio.settle()
    studio.engine.gated = True
    other = shooting(studio, tmp_path / "other.gif")
    other.film = replace(other.film, side=66)
    motion.filming.add(other)
    motion.filming.give_up()
    studio.engine.allow()  # a step ends
    until(lambda: not motion.filming.busy, "given up")
    assert not (tmp_path / "other.gif").exists()


def test_the_dialog_estimates_and_checks(studio: Studio, tmp_path: Path) -> None:
    motion = opened(studio, JAW)
    dialog = FilmDialog(tmp_path, "photo", False, motion.film, lambda quality: 2.0, studio.window)
    assert dialog.path == tmp_path / "photo.mp4" and "22 s" in dialog.note.text() and "20 frames" in dialog.note.text()
    dialog.file.setText(str(tmp_path / "none" / "film.mp4"))
    assert not dialog.ok.isEnabled() and "does not exist" in dialog.problem.text()
    dialog.file.setText(str(tmp_path / "film.avi"))
    assert not dialog.ok.isEnabled()
    dialog.format.setCurrentIndex(2)
    dialog.format.activated.emit(2)
    assert dialog.path.suffix == ".gif" and dialog.ok.isEnabled() and not dialog.quality.isEnabled()
    film = dialog.shooting.film
    make_frames(studio.engine, film, dialog.shooting.kept)  # type: ignore[arg-type]
    dialog.side.setValue(dialog.side.value() - 1)
    dialog.side.setValue(dialog.side.value() + 1)
    assert "are there already" in dialog.note.text()
    dialog.path.write_bytes(b"old")
    dialog.accept()
    assert "replace" in dialog.problem.text() and not dialog.result()
    dialog.accept()
    assert dialog.result()
    dialog.deleteLater()


def found(path: Path, kind: str = VIDEO) -> Found:
    count = 50
    units = np.zeros((count, len(UNITS)))
    units[:, UNITS.index("mouthSmileLeft")] = 0.5 * np.sin(np.linspace(0, 3, count))
    face = object()
    faces = drive.Faces(25.0, (face,) * (count - 1) + (None,))  # type: ignore[arg-type]
    performance = drive.Performance(25.0, UNITS, units, np.zeros(count), np.zeros((count, 3)), np.zeros((count, 2)))
    return Found(Wish(kind, path), clip.Facts(path, 2.0, 25.0, 96, 64, False), faces, performance)


def test_a_video_moves_the_face_and_cancel_takes_it_back(studio: Studio, tmp_path: Path) -> None:
    motion = opened(studio, JAW)
    path = save_video(tmp_path / "clip.mp4", pictures(4))
    studio.document.session.photo.face = type("Face", (), {"blendshapes": {}})
    steps = studio.document.undo_stack.count()
    motion.ask_source(VIDEO)
    dialog: SourceDialog = motion._dialog
    dialog.file.setText(str(path))
    motion.reading.read.emit(found(path))
    assert set(motion.desk.timeline.names()) == {"jaw.open", "expression.mouthSmileLeft"}
    assert "In 1 pictures" in dialog.note.text()
    whole = motion.desk.timeline.track("expression.mouthSmileLeft").at(1.0)
    dialog.sliders["mouth"].setValue(50)
    until(lambda: motion.desk.timeline.track("expression.mouthSmileLeft").at(1.0) < 0.6 * whole, "it moves less")
    dialog.reject()
    assert motion.desk.timeline.names() == ("jaw.open",) and studio.document.undo_stack.count() == steps
    motion.ask_source(VIDEO)
    motion._dialog.file.setText(str(path))
    motion.reading.read.emit(found(path))
    motion._dialog.accept()
    assert studio.document.undo_stack.count() == steps + 1 and len(motion.desk.timeline.tracks) == 2
    studio.window.undo()
    assert motion.desk.timeline.names() == ("jaw.open",)


def test_a_voice_moves_the_mouth_and_a_bad_clip_is_explained(studio: Studio, tmp_path: Path) -> None:
    motion = opened(studio)
    path = save_sound(tmp_path / "voice.wav", np.concatenate([vowel("-", 0.2), vowel("a", 0.4), vowel("-", 0.2)]))
    motion.ask_source(VOICE)
    motion._dialog.take(path)
    until(lambda: motion._dialog.use.isEnabled(), "it is read")
    motion._dialog.accept()
    assert "jaw.open" in motion.desk.timeline.names() and motion.desk.timeline.sound == str(path)
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    motion.ask_source(VOICE)
    motion._dialog.take(tmp_path / "bad.wav")
    assert "bad.wav" in motion._dialog.note.text() and not motion._dialog.use.isEnabled()
    motion._dialog.reject()


def test_a_picture_of_the_history_is_a_still(studio: Studio) -> None:
    motion = opened(studio, JAW)
    motion.desk.go(1.0)
    studio.settle()
    request = studio.document.request("settled")
    studio.document.restore(request, "history")
    assert motion.desk.parked and studio.document.still_rig == request.rig
    motion.page.grab()  # the playhead is dashed
    motion.desk.go(0.2)
    assert not motion.desk.parked


def test_another_photo_starts_anew(studio: Studio) -> None:
    motion = opened(studio, JAW)
    motion.desk.go(1.0)
    studio.open("other.png")
    assert motion.desk.time == 0 and studio.document.timeline is None and studio.document.time == 0
