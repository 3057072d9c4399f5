"""Where the pictures of a face come from: a camera of this computer, or a video file at its own pace."""
from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from core.cv import cv2
from core.errors import UserError
from core.film.clip import pictures

WIDTH, HEIGHT = 640, 480
_BAD_READS = 30  # in a row, after which a camera counts as gone


class CameraError(UserError):
    """A camera that can't be used."""


class Source(Protocol):
    """Gives pictures one after another."""

    def frames(self, stop: threading.Event) -> Iterator[np.ndarray]:
        """Pictures (H, W, 3) uint8 RGB, each when it is its time, until `stop` is set or there are no more."""

    def close(self) -> None:
        """Let go of the camera."""


class Camera:
    """A camera by its number. Raises CameraError with what to do."""

    def __init__(self, number: int = 0) -> None:
        self._capture: Any = None
        device = Path(f"/dev/video{number}")
        if sys.platform == "linux" and not device.exists():
            raise CameraError("No camera was found. Plug one in, then try again; or follow a video file instead.")
        if sys.platform == "linux" and not os.access(device, os.R_OK | os.W_OK):
            raise CameraError(f"There is no permission to use the camera {device}. Add yourself to the group 'video' "
                              f"(sudo usermod -aG video {os.environ.get('USER', 'NAME')}), log in again, and try again.")
        self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            self.close()
            raise CameraError("The camera can't be opened. Another program may be using it, or this program isn't allowed to: "
                              "close the other program, or allow it in the system's privacy settings, then try again.")
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)

    def frames(self, stop: threading.Event) -> Iterator[np.ndarray]:
        """See `Source`. Raises CameraError when the camera gives nothing any more."""
        bad = 0
        while not stop.is_set():
            good, picture = self._capture.read()
            if not good or picture is None:
                bad += 1
                if bad >= _BAD_READS:
                    raise CameraError("The camera gives no picture any more. Check its cable, then try again.")
                stop.wait(0.03)
                continue
            bad = 0
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        """Let go of it: its lamp goes out."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class VideoFile:
    """A video file as if a camera filmed it now: pictures that come too late are left out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def frames(self, stop: threading.Event) -> Iterator[np.ndarray]:
        """See `Source`. Raises ClipError for a file that can't be used."""
        began = None
        for moment, picture in pictures(self._path, side=WIDTH):
            began = time.monotonic() - moment if began is None else began
            late = time.monotonic() - began - moment
            if late > 0.2:
                continue
            if stop.wait(max(0.0, -late)):
                return
            yield picture

    def close(self) -> None:
        """Nothing is held."""
