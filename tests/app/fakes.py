"""A fake engine whose steps the test opens one by one, on a head of a few vertices. No network, no photo, no sleep."""
from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from core import rig as rigs
from core.align import Alignment
from core.codes import FaceCode
from core.errors import Cancelled, PhotoError
from core.head.base import Control
from core.light import LightParams, compose
from core.request import RenderRequest

UNITS = ("browDownLeft", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight", "cheekPuff", "noseSneerLeft", "mouthSmileLeft",
         "mouthSmileRight", "mouthPucker", "jawOpen", "jawLeft", "tongueOut")
SIZE = 64


class FakeHead:  # not a HeadModel: it would need a mesh
    """Names like OpenHead's, and nothing to draw."""

    name = "open"

    def __init__(self) -> None:
        at = {name: i for i, name in enumerate(UNITS)}
        smile = ((at["mouthSmileLeft"], 1.0), (at["mouthSmileRight"], 1.0))
        rows = [Control("expression.smile", "expression", smile, -1, 1, "", "Smile", "Expression"),
                Control("expression.blink", "expression", ((2, 1.0), (3, 1.0)), -1, 1, "", "Blink", "Expression"),
                Control("jaw.open", "expression", ((at["jawOpen"], 1.0),), -1, 1, "", "Open", "Jaw"),
                Control("eyes.yaw", "eyes", ((0, 0.0175),), -30, 30, "°", "Yaw", "Eyes")]
        rows += [Control(f"expression.{n}", "expression", ((i, 1.0),), -1, 1, "", n, "All units") for n, i in at.items()]
        self._controls = {row.name: row for row in rows}

    def controls(self) -> dict[str, Control]:
        return self._controls

    def clamp_expression(self, expression: np.ndarray) -> np.ndarray:
        return np.clip(expression, 0, 1)


def code_of(seed: int = 0) -> FaceCode:
    light = compose(LightParams(azimuth=20 + seed, elevation=15, intensity=0.7, ambient=0.6))
    return FaceCode("open", np.zeros(4), np.zeros(len(UNITS)), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(2),
                    np.zeros(3), np.array([8.0, 0, 0]), np.array([1, 0.5, 0.5]), light)


@dataclass
class FakePhoto:
    """A picture of grey noise with a square in it."""

    path: Path
    index: int = 0
    pixels: np.ndarray = field(default_factory=lambda: np.random.default_rng(0).integers(90, 130, (300, 400, 3), np.uint8))
    alignment: Alignment = Alignment((200.0, 150.0), (100.0, 10.0), (-10.0, 100.0))

    @property
    def native_size(self) -> int:
        return 256

    def crop(self, size: int | None = None) -> np.ndarray:
        size = size or self.native_size
        return np.full((size, size, 3), 110, np.uint8)


@dataclass
class FakeSession:
    """What the window reads of a Session."""

    photo: FakePhoto
    code: FaceCode
    head: FakeHead
    faces: tuple[Any, ...]

    @property
    def digest(self) -> str:
        return f"{self.photo.path.name}#{self.photo.index}"

    @property
    def face(self) -> int:
        return self.photo.index


@dataclass(frozen=True, eq=False)
class FakeResult:
    """What the window reads of a Result."""

    image: np.ndarray
    crop: np.ndarray
    request: RenderRequest
    timings: dict[str, float]
    identity_distance: float | None


class FakeEngine:
    """Renders flat colours. With `gated`, each step waits until the test allows it (`allow`)."""

    device = "cpu"
    prior = SimpleNamespace(name="fake", digest="fake", size=SIZE)

    def __init__(self, gated: bool = True, preview_steps: int = 1, settled_steps: int = 3) -> None:
        self.head = FakeHead()
        self.steps = {"preview": preview_steps, "settled": settled_steps}
        self.gate = threading.Semaphore(0)
        self.gated = gated
        self.buffer_calls: list[Any] = []
        self.started: list[RenderRequest] = []
        self.finished: list[RenderRequest] = []
        self.opened: list[tuple[Path, int | None]] = []
        self.fail: Callable[[RenderRequest], Exception | None] = lambda request: None
        self.faces = 1
        self.closed = False

    def allow(self, steps: int = 1) -> None:
        """Let that many steps through."""
        self.gate.release(steps)

    def allow_all(self) -> None:
        """From now on nothing waits."""
        self.gated = False
        self.gate.release(1000)

    def open(self, source: Path, face: int | None = None) -> FakeSession:
        path = Path(source)
        self.opened.append((path, face))
        if path.suffix == ".txt":
            raise PhotoError(f"{path.name} is not a picture. Choose a JPEG, PNG, WebP or TIFF file.")
        if path.stem == "crash":
            raise RuntimeError("bug")
        boxes = tuple(SimpleNamespace(box=(40.0 + 120 * i, 60.0, 120.0 + 120 * i, 170.0)) for i in range(self.faces))
        return FakeSession(FakePhoto(path, face or 0), code_of(len(path.stem)), self.head, boxes)

    def session(self, digest: str) -> Any:
        raise NotImplementedError

    def buffers(self, session: FakeSession, rig: rigs.Rig, size: int) -> Any:
        self.buffer_calls.append((rig, size))
        axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
        x, y = np.meshgrid(axis, axis)
        coverage = (x * x / 0.4 + y * y / 0.6 < 1).astype(np.float32)
        z = np.sqrt(np.clip(1 - x * x / 0.4 - y * y / 0.6, 0, 1))
        normal = np.dstack([x, -y, z]).astype(np.float32) * coverage[..., None]
        albedo = np.full((size, size, 3), 0.6, np.float32) * coverage[..., None]
        from core.light import shade

        light = rigs.apply(rig, self.head, session.code).light  # type: ignore[arg-type]
        return SimpleNamespace(rendered=albedo * shade(normal, light), normal=normal, albedo=albedo, coverage=coverage)

    def render(self, request: RenderRequest, on_step: Any = None, cancelled: Any = None) -> FakeResult:
        self.started.append(request)
        steps = self.steps[request.quality]
        crop = np.full((SIZE, SIZE, 3), 120 + len(request.rig.values), np.uint8)
        for step in range(1, steps + 1):
            if self.gated:
                while not self.gate.acquire(timeout=0.02):
                    if cancelled is not None and cancelled():
                        raise Cancelled
            if cancelled is not None and cancelled():
                raise Cancelled
            if on_step is not None:
                on_step(step, steps, crop)
        error = self.fail(request)
        if error is not None:
            raise error
        self.finished.append(request)
        image = crop if request.size == "crop" else np.full((300, 400, 3), 120, np.uint8)
        distance = 0.21 if request.quality == "settled" else None
        return FakeResult(image, crop, request, {"diffusion": 0.1}, distance)

    def close(self) -> None:
        self.closed = True


def save(engine: FakeEngine, result: FakeResult, path: Path, quality: int = 92) -> None:
    """Writes the picture's size."""
    path.write_text(f"{result.image.shape} {quality}")
