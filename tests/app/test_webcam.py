"""Following a face before the webcam: a camera that the test is, a video file, and what the document keeps of it."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint

from app import camera
from app.camera import Camera, CameraError, VideoFile
from core.cv import cv2
from core.errors import UserError
from core.film.clip import ClipError
from core.head import load_head
from core.landmarks import FaceFinder
from core.live_face import REST, LiveFace, OneEuro, Sight
from core.rig import Rig, apply
from tests.app.studio import Studio, drag, flush, until


class FakeCamera:
    """Gives a picture whenever the test lets one through."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.closed = False
        self.ends = False
        self.error: Exception | None = None

    def frames(self, stop: threading.Event) -> Iterator[np.ndarray]:
        while not stop.is_set():
            if not self.gate.acquire(timeout=0.02):
                continue
            if self.error is not None:
                raise self.error
            if self.ends:
                return
            yield np.full((48, 64, 3), 90, np.uint8)

    def close(self) -> None:
        self.closed = True


class FakeEyes:
    """Sees what the test says: a function of the number of pictures seen."""

    def __init__(self, see: Callable[[int], Sight]) -> None:
        self.live = self
        self.groups: tuple[str, ...] = ()
        self.count = self.rested = 0
        self.closed = False
        self._see = see

    def see(self, _picture: np.ndarray, _time: float) -> Sight:
        self.count += 1
        return self._see(self.count)

    def rest(self) -> None:
        self.rested += 1

    def close(self) -> None:
        self.closed = True


FACE: Any = SimpleNamespace(points=np.full((478, 2), 20.0, np.float32))


class Followed:
    """A window that follows a camera which is the test."""

    def __init__(self, studio: Studio, see: Callable[[int], Sight] | None = None) -> None:
        self.studio, self.webcam = studio, studio.window.expressions.webcam
        self.camera = FakeCamera()
        self.eyes = FakeEyes(see or (lambda n: Sight(FACE, 1.0, {"expression.smile": 0.1 * n})))
        self.webcam.open_camera = lambda: self.camera
        self.webcam.open_eyes = lambda session: self.eyes
        self.looks: list[Any] = []
        self.webcam.looked.connect(self.looks.append)
        studio.window.actions_by_name["webcam"].setChecked(True)

    def show(self, count: int = 1) -> None:
        """Let pictures through, and wait until each is shown."""
        for _ in range(count):
            self.looks.clear()
            self.camera.gate.release()
            until(lambda: self.looks, "a picture is shown")

    def over(self) -> None:
        until(lambda: not self.webcam._ending, "its thread ended")
        assert self.camera.closed and self.eyes.closed


def test_all_of_it_is_one_step(studio: Studio) -> None:
    followed, document = Followed(studio), studio.document
    view = studio.window.side.expression.webcam
    assert view.isVisible() and studio.window.side.expression.tools.webcam.isChecked()
    followed.show(3)
    assert document.rig.get("expression.smile") == pytest.approx(0.3) and document.undo_stack.count() == 0
    assert "follows your face" in view.said.text()
    view.grab()
    view.stop_asked.emit()
    assert document.undo_stack.count() == 1 and document.undo_stack.undoText() == "Follow the webcam"
    assert not view.isVisible() and not studio.window.actions_by_name["webcam"].isChecked()
    document.undo_stack.undo()
    assert not document.rig.values
    followed.over()


def test_the_user_is_told_what_to_do(studio: Studio) -> None:
    sights = {1: Sight(None, 0.0), 2: Sight(FACE, 0.4)}
    followed = Followed(studio, sights.__getitem__)
    said = studio.window.side.expression.webcam.said
    followed.show()
    assert "No face is seen" in said.text()
    followed.show()
    assert "40 %" in said.text() and not studio.document.rig.values
    followed.webcam.end()
    assert studio.document.undo_stack.count() == 0, "nothing was changed"
    followed.over()


def test_only_chosen_parts_follow(studio: Studio) -> None:
    document = studio.document
    document.set("jaw.open", 0.2)
    seen = {1: {"expression.smile": 0.5, "jaw.open": 0.4}, 2: {"expression.smile": 0.6}}
    followed = Followed(studio, lambda n: Sight(FACE, 1.0, seen[n]))
    view = studio.window.side.expression.webcam
    assert not view.parts["pose"].isChecked(), "the head stays, unless it is asked for"
    followed.show()
    assert document.rig.get("jaw.open") == 0.4
    view.parts["jaw"].click()
    followed.show()
    assert followed.eyes.groups == ("mouth", "eyes", "brows")
    assert document.rig.get("jaw.open") == 0.2, "a part that is no longer followed goes back to how it was"
    followed.webcam.end()
    followed.over()


def test_the_resting_face_can_be_taken_anew(studio: Studio) -> None:
    followed = Followed(studio)
    followed.show(2)
    studio.window.side.expression.webcam.rest_asked.emit()
    assert not studio.document.rig.values
    followed.show()
    assert followed.eyes.rested == 1
    followed.webcam.end()
    followed.over()


def test_a_slider_comes_first(studio: Studio) -> None:
    followed, document = Followed(studio), studio.document
    followed.show()
    row = studio.slider("pose.yaw")
    at = QPoint(row.slider.width() // 2, row.slider.height() // 2)
    drag(row.slider, at, at + QPoint(20, 0), release=False)
    smile = document.rig.get("expression.smile")
    followed.show()
    assert document.rig.get("expression.smile") == smile, "while something else is dragged, the face waits"
    row.slider.released.emit()
    followed.show()
    assert document.rig.get("expression.smile") > smile
    followed.webcam.end()
    assert [document.undo_stack.text(i) for i in range(3)] == ["Follow the webcam", "Yaw", "Follow the webcam"]
    followed.over()


def test_undo_ends_it(studio: Studio) -> None:
    followed = Followed(studio)
    followed.show(2)
    studio.window.undo()
    assert not followed.webcam.running and not studio.document.rig.values
    followed.over()


def test_a_face_that_is_gone_keeps_what_it_did_last(studio: Studio) -> None:
    followed = Followed(studio, lambda n: Sight(FACE, 1.0, {"expression.smile": 0.4}) if n == 1 else Sight(None, 1.0))
    followed.show(3)
    assert studio.document.rig.get("expression.smile") == 0.4
    followed.camera.ends = True
    followed.camera.gate.release()
    until(lambda: not followed.webcam.running, "the pictures are over")
    assert studio.document.undo_stack.count() == 1
    followed.over()


@pytest.mark.parametrize("when", ["opening", "later", "reading"])
def test_what_goes_wrong_is_said(studio: Studio, when: str) -> None:
    def wrong(_n: int) -> Sight:
        raise CameraError("The cable is loose.")

    if when == "opening":
        webcam = studio.window.expressions.webcam

        def none() -> Any:
            raise CameraError("The cable is loose.")
        webcam.open_camera = none
        studio.window.actions_by_name["webcam"].setChecked(True)
    else:
        followed = Followed(studio, wrong if when == "reading" else None)
        followed.camera.error = CameraError("The cable is loose.") if when == "later" else None
        followed.camera.gate.release()
        webcam = followed.webcam
    until(lambda: not webcam.running, "it ends")
    assert studio.window.banner.text == "The cable is loose."
    assert not studio.window.actions_by_name["webcam"].isChecked()
    until(lambda: not webcam._ending, "its thread ended")


def test_another_photo_or_the_end_of_the_window_ends_it(studio: Studio) -> None:
    followed = Followed(studio)
    followed.show()
    studio.open("other.png")
    flush()
    assert not followed.webcam.running
    followed.over()
    again = Followed(studio)
    again.show()
    assert studio.window.expressions.stop()
    assert again.camera.closed and again.eyes.closed


def test_a_video_is_chosen_in_place_of_the_camera(studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_text("no video")
    monkeypatch.setattr("app.expressions.QFileDialog.getOpenFileName", lambda *_: (str(tmp_path / "no.mp4"), ""))
    webcam = studio.window.expressions.webcam
    webcam.open_eyes = lambda session: FakeEyes(lambda n: Sight(None, 0.0))
    studio.window.side.expression.tools.webcam.menu().actions()[0].trigger()
    assert webcam.running
    until(lambda: not webcam.running, "it ends")
    assert "no.mp4" in studio.window.banner.text
    until(lambda: not webcam._ending, "its thread ended")


# -- cameras


def test_without_a_camera_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera.sys, "platform", "linux")
    with pytest.raises(CameraError, match="No camera was found"):
        Camera(97)


def test_without_leave_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera.sys, "platform", "linux")
    monkeypatch.setattr(camera.Path, "exists", lambda self: True)
    monkeypatch.setattr(camera.os, "access", lambda *_: False)
    with pytest.raises(CameraError, match="permission.*group 'video'"):
        Camera(0)


class Capture:
    """In place of cv2.VideoCapture."""

    def __init__(self, opened: bool = True, pictures: int = 2) -> None:
        self.opened, self.left, self.released = opened, pictures, False

    def isOpened(self) -> bool:
        return self.opened

    def set(self, *_: Any) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        self.left -= 1
        picture = np.zeros((4, 4, 3), np.uint8)
        picture[..., 0] = 200
        return (True, picture) if self.left >= 0 else (False, None)

    def release(self) -> None:
        self.released = True


def test_a_busy_camera_and_one_that_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera.sys, "platform", "darwin")
    busy = Capture(opened=False)
    monkeypatch.setattr(camera.cv2, "VideoCapture", lambda _: busy)
    with pytest.raises(CameraError, match="Another program"):
        Camera(0)
    assert busy.released
    good = Capture()
    monkeypatch.setattr(camera.cv2, "VideoCapture", lambda _: good)
    monkeypatch.setattr(camera, "_BAD_READS", 2)
    source, seen = Camera(0), []
    with pytest.raises(CameraError, match="no picture any more"):
        for picture in source.frames(threading.Event()):
            seen.append(picture)
    source.close()
    assert len(seen) == 2 and tuple(seen[0][0, 0]) == (0, 0, 200) and good.released


# -- the real reading


def warped(picture: np.ndarray, points: np.ndarray, amount: float) -> np.ndarray:
    """The corners of the mouth drawn up and out by a share of the face's size: a smile good enough for the landmark model."""
    size = float(np.linalg.norm(points[263] - points[33]))
    y, x = np.mgrid[:picture.shape[0], :picture.shape[1]].astype(np.float32)
    dx, dy = np.zeros_like(x), np.zeros_like(y)
    for corner, side in ((61, -1), (291, 1)):
        near = np.exp(-((x - points[corner, 0]) ** 2 + (y - points[corner, 1]) ** 2) / (2 * (0.22 * size) ** 2))
        dx += side * amount * size * 0.7 * near
        dy -= amount * size * near
    return cv2.remap(picture, x - dx, y - dy, cv2.INTER_LINEAR)


@pytest.fixture(scope="module")
def clip(sample_photo: Path) -> list[np.ndarray]:
    """A face at rest that begins to smile."""
    picture = cv2.cvtColor(cv2.imread(str(sample_photo)), cv2.COLOR_BGR2RGB)  # type: ignore[arg-type]
    with FaceFinder(max_faces=1) as finder:
        face = finder.detect(picture)[0]
    low, high = face.points.min(0), face.points.max(0)
    x0, y0, x1, y1 = (int(v) for v in (*(low - 0.6 * (high - low)), *(high + 0.5 * (high - low))))
    picture = np.ascontiguousarray(picture[max(y0, 0):y1, max(x0, 0):x1])
    points = face.points - (max(x0, 0), max(y0, 0))
    return [picture] * (REST + 2) + [warped(picture, points, 0.02 * i) for i in range(1, 11)]


@pytest.fixture(scope="module")
def session(sample_photo: Path) -> Iterator[Any]:
    from core.estimate import fit_photo
    from core.photo import Photo, load_image
    from core.session import Session

    head = load_head("open")
    with FaceFinder() as finder:
        photo = Photo.open(load_image(sample_photo), None, finder)
        yield Session(photo, fit_photo(head, photo), head, 256)


def test_a_smile_before_the_camera_is_a_smile_in_the_photo(clip: list[np.ndarray], session: Any) -> None:
    with FaceFinder(max_faces=1) as finder:
        live = LiveFace(session, finder)
        sights = [live.see(picture, i / 25) for i, picture in enumerate(clip)]
        assert [sight.rest for sight in sights[:REST]] == pytest.approx([(i + 1) / REST for i in range(REST - 1)] + [1.0])
        calm, last = sights[REST].values, sights[-1].values
        assert calm is not None and last is not None
        at_rest = apply(Rig().update(calm), session.head, session.code)
        assert np.abs(at_rest.expression - session.code.expression).max() < 0.06, "at rest nothing moves"
        smiles = [last[f"expression.mouthSmile{side}"] for side in ("Left", "Right")]
        assert min(smiles) > 0.15
        assert abs(last["pose.yaw"]) < 4
        live.groups = ("brows",)
        some = live.see(clip[-1], 3.0).values
        assert some and all(name.startswith("expression.brow") for name in some)
        assert live.see(np.zeros((64, 64, 3), np.uint8), 3.1).face is None
        live.rest()
        assert live.see(clip[0], 3.2).rest == pytest.approx(1 / REST)


def test_a_video_file_is_followed(clip: list[np.ndarray], tmp_path: Path) -> None:
    height, width = (2 * (side // 2) for side in clip[0].shape[:2])
    file = tmp_path / "smile.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 25, (width, height))  # type: ignore[attr-defined]
    for picture in clip[:6]:
        writer.write(cv2.cvtColor(picture[:height, :width], cv2.COLOR_RGB2BGR))
    writer.release()
    source = VideoFile(file)
    seen = list(source.frames(threading.Event()))
    source.close()
    assert seen and seen[0].dtype == np.uint8 and seen[0].ndim == 3
    assert abs(seen[0].mean() - clip[0].mean()) < 12
    stopped = threading.Event()
    stopped.set()
    assert len(list(VideoFile(file).frames(stopped))) <= 1
    (tmp_path / "no.mp4").write_text("no video")
    with pytest.raises(ClipError):
        next(VideoFile(tmp_path / "no.mp4").frames(threading.Event()))
    assert issubclass(ClipError, UserError)


def test_the_filter_is_calm_at_rest_and_quick_in_motion() -> None:
    rng = np.random.default_rng(0)
    noise, calm = 0.3 + 0.02 * rng.normal(size=60), OneEuro()
    smooth = [calm.smooth({"jaw.open": v}, i / 25)["jaw.open"] for i, v in enumerate(noise)]
    assert np.std(smooth[20:]) < 0.6 * np.std(noise[20:])
    quick = OneEuro()
    steps = [quick.smooth({"jaw.open": 0.0 if i < 10 else 0.8}, i / 25)["jaw.open"] for i in range(20)]
    assert steps[9] == 0 and steps[13] > 0.55 and steps[19] > 0.75
    assert quick.smooth({"jaw.open": 0.0}, 19 / 25)["jaw.open"] == steps[19], "time that stands still changes nothing"
    assert quick.smooth({"pose.yaw": 5.0}, 1.0) == {"pose.yaw": 5.0}
