"""The photo follows a face before the webcam: a thread that reads it, and what comes of that in the document.

As long as it follows, all that it changes is one undo step. Nothing is recorded, and nothing but the last small picture is kept.
"""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QThread, QTimer, Signal

from app.camera import Camera, Source, VideoFile
from app.language import tr
from app.worker import explain
from core.cv import cv2
from core.head.parts import FOLLOWED
from core.landmarks import FaceFinder
from core.rig import Value

if TYPE_CHECKING:
    from app.window import Window
    from core.live_face import Sight

PREVIEW = 240  # pixels across of the picture that is shown
INTERVAL_MS = 33
SLOWEST_S = 0.02  # between two pictures, so that the window and the engine get their turn
_STOP_MS = 8000


@dataclass(frozen=True, eq=False)
class Look:
    """The newest picture (h, w, 3) uint8, mirrored, with what was seen in it; points (P, 2) in it, shares of its sides."""

    picture: np.ndarray
    sight: Sight
    points: np.ndarray | None


class Eyes:
    """What reads faces in the thread: the landmark model, loaded and closed there."""

    def __init__(self, session: Any) -> None:
        from core.live_face import LiveFace  # loads the fit, so only when it is used

        self._finder = FaceFinder(max_faces=1)
        self.live = LiveFace(session, self._finder)

    def close(self) -> None:
        """Let go of the model."""
        self._finder.close()


class Follower(QThread):
    """Reads pictures until it is told to stop. failed(text): it ended for a reason. over: the pictures came to an end."""

    failed = Signal(str)
    over = Signal()

    def __init__(self, open_source: Callable[[], Source], open_eyes: Callable[[], Any], groups: Sequence[str],
                 parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open_source, self._open_eyes = open_source, open_eyes
        self._groups = tuple(groups)
        self._ending = threading.Event()
        self._rest = threading.Event()
        self._lock = threading.Lock()
        self._newest: Look | None = None

    def take(self) -> Look | None:
        """The newest picture, once."""
        with self._lock:
            look, self._newest = self._newest, None
            return look

    def choose(self, groups: Sequence[str]) -> None:
        """Follow these parts of the face from now on."""
        self._groups = tuple(groups)

    def rest(self) -> None:
        """Take the face at rest anew."""
        self._rest.set()

    def end(self) -> None:
        """Stop at the next picture."""
        self._ending.set()

    def run(self) -> None:
        """In the thread."""
        try:
            self._follow()
        except Exception as error:
            if not self._ending.is_set():
                self.failed.emit(explain(error, tr("following the webcam")))
        else:
            if not self._ending.is_set():
                self.over.emit()

    def _follow(self) -> None:
        source = self._open_source()
        try:
            eyes = self._open_eyes()
            try:
                for picture in source.frames(self._ending):
                    if self._ending.is_set():
                        return
                    began = time.monotonic()
                    if self._rest.is_set():
                        self._rest.clear()
                        eyes.live.rest()
                    eyes.live.groups = self._groups
                    look = _look(picture, eyes.live.see(picture, began))
                    with self._lock:
                        self._newest = look
                    self._ending.wait(max(0.0, SLOWEST_S - (time.monotonic() - began)))
            finally:
                eyes.close()
        finally:
            source.close()


def _look(picture: np.ndarray, sight: Sight) -> Look:
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (PREVIEW, max(1, round(PREVIEW * height / width))), interpolation=cv2.INTER_AREA)
    points = None
    if sight.face is not None:
        points = sight.face.points[::4] / (width, height)
        points[:, 0] = 1 - points[:, 0]
    return Look(np.ascontiguousarray(small[:, ::-1]), sight, points)


class Webcam(QObject):
    """Starts and stops following, and puts what is read into the document.

    running_changed(on). looked(Look): a newer picture. said(text): what the user should do or know. open_camera, open_eyes:
    replaced by tests.
    """

    running_changed = Signal(bool)
    looked = Signal(object)
    said = Signal(str)

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self.open_camera: Callable[[], Source] = Camera
        self.open_eyes: Callable[[Any], Any] = Eyes
        self.groups: tuple[str, ...] = tuple(group for group in FOLLOWED if group != "pose")
        self._thread: Follower | None = None
        self._ending: list[Follower] = []
        self._before: dict[str, Value] = {}
        self._mine: set[str] = set()
        self._steps = 0
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._tick)
        window.document.opened.connect(self.end)
        window.document.undo_stack.indexChanged.connect(self._history_moved)

    @property
    def running(self) -> bool:
        """Whether it follows."""
        return self._thread is not None

    @property
    def label(self) -> str:
        """What its undo step is called."""
        return tr("Follow the webcam")

    def begin(self, path: Path | None = None) -> None:
        """Follow the camera, or a video file."""
        document = self._window.document
        if self._thread is not None or document.session is None:
            return
        session = document.session
        document.end()
        self._before = dict(document.rig.values)
        self._mine = set()
        self._steps = document.undo_stack.index()
        thread = Follower(self.open_camera if path is None else lambda: VideoFile(path), lambda: self.open_eyes(session),
                          self.groups, self)
        self._thread = thread
        thread.failed.connect(self._failed)
        thread.over.connect(self.end)
        thread.finished.connect(self._ended)
        thread.start()
        self._timer.start()
        self.said.emit(tr("Opening the camera …") if path is None else tr("Opening {name} …", name=path.name))
        self.running_changed.emit(True)

    def end(self) -> None:
        """Stop following. What the face did last stays, as one undo step."""
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        self._ending.append(thread)
        thread.end()
        self._timer.stop()
        if self._window.document.gesture == self.label:
            self._window.document.end()
        self.running_changed.emit(False)

    def rest(self) -> None:
        """Take the face at rest anew: the photo goes back to how it was before."""
        if self._thread is not None:
            self._thread.rest()
            self._put({})

    def choose(self, groups: Sequence[str]) -> None:
        """Which parts of the face are followed; those that are no longer go back to how they were before."""
        self.groups = tuple(groups)
        if self._thread is not None:
            self._thread.choose(groups)

    def stop(self) -> bool:
        """The window closes: end and wait; False when it didn't stop in time."""
        self.end()
        waited = [thread.wait(_STOP_MS) for thread in self._ending]
        return all(waited)

    def _tick(self) -> None:
        look = self._thread.take() if self._thread is not None else None
        if look is None:
            return
        self.looked.emit(look)
        sight = look.sight
        if sight.face is None:
            self.said.emit(tr("No face is seen. Look into the camera, in good light."))
        elif sight.rest < 1:
            self.said.emit(tr("Keep still and look relaxed … {share} %", share=round(100 * sight.rest)))
        else:
            self.said.emit(tr("The photo follows your face."))
        if sight.values is not None:
            self._put(dict(sight.values))

    def _put(self, values: dict[str, Value]) -> None:
        document = self._window.document
        if document.gesture not in ("", self.label):
            return  # the user drags something else; that comes first
        if document.gesture == "":
            document.begin(self.label)
        gone = {name: self._before.get(name) for name in self._mine if name not in values}
        self._mine |= set(values)
        document.update({**gone, **values})

    def _history_moved(self, index: int) -> None:
        """An undo while it follows is meant for it: else the next picture would do it again."""
        if self._thread is not None and index < self._steps:
            self.end()
        self._steps = index

    def _failed(self, message: str) -> None:
        self.end()
        self._window.banner.say(message)

    def _ended(self) -> None:
        for thread in [thread for thread in self._ending if thread.isFinished()]:
            self._ending.remove(thread)
            thread.deleteLater()
