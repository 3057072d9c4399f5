"""A fake engine whose steps the test opens one by one, on a head of a few vertices. No network, no photo, no sleep."""
from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app import expressions, lighting
from app.library import Item, Library, Shelf
from app.personal.shelf import People
from core import rig as rigs
from core.align import Alignment
from core.codes import FaceCode
from core.errors import AssetError, Cancelled, PhotoError, UserError
from core.head.base import Control
from core.light import LightParams, compose
from core.people.header import About
from core.people.shelf import Entry, NameTaken
from core.photo import LoadedImage
from core.request import RenderRequest

UNITS = ("browDownLeft", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight", "cheekPuff", "noseSneerLeft", "mouthSmileLeft",
         "mouthSmileRight", "mouthPucker", "jawOpen", "jawLeft", "tongueOut")
SIZE = 64


class FakeHead:  # not a HeadModel: it would need a mesh
    """Names like OpenHead's or FLAME's, and nothing to draw."""

    def __init__(self, name: str = "open") -> None:
        self.name = name
        self.expression_names = UNITS if name == "open" else tuple(f"{i:02d}" for i in range(12))
        rows = self._open_rows() if name == "open" else self._flame_rows()
        self._controls = {row.name: row for row in rows}

    @staticmethod
    def _flame_rows() -> list[Control]:
        rows = [Control("jaw.open", "jaw", ((0, 0.35),), -0.5, 0.5, "", "Open", "Jaw"),
                Control("jaw.roll", "jaw", ((2, 0.15),), -1, 1, "", "Roll", "Jaw")]
        return rows + [Control(f"expression.{i:02d}", "expression", ((i, 1.0),), -3, 3, "", f"Mode {i + 1}", "Expression")
                       for i in range(12)]

    @staticmethod
    def _open_rows() -> list[Control]:
        at = {name: i for i, name in enumerate(UNITS)}
        smile = ((at["mouthSmileLeft"], 1.0), (at["mouthSmileRight"], 1.0))
        rows = [Control("expression.smile", "expression", smile, -1, 1, "", "Smile", "Expression"),
                Control("expression.smile_left", "expression", smile[:1], -1, 1, "", "Smile left", "Expression"),
                Control("expression.smile_right", "expression", smile[1:], -1, 1, "", "Smile right", "Expression"),
                Control("expression.blink", "expression", ((2, 1.0), (3, 1.0)), -1, 1, "", "Blink", "Expression"),
                Control("jaw.open", "expression", ((at["jawOpen"], 1.0),), -1, 1, "", "Open", "Jaw"),
                Control("eyes.yaw", "eyes", ((0, 0.0175),), -30, 30, "°", "Yaw", "Eyes"),
                Control("eyes.pitch", "eyes", ((1, 0.0175),), -20, 10, "°", "Pitch", "Eyes")]
        return rows + [Control(f"expression.{n}", "expression", ((i, 1.0),), -1, 1, "", n, "All units") for n, i in at.items()]

    def controls(self) -> dict[str, Control]:
        return self._controls

    def change_expression(self, code: FaceCode, change: np.ndarray) -> np.ndarray:
        return np.clip(code.expression + change, 0, 1)

    def stop_expression(self, code: FaceCode, expression: np.ndarray) -> np.ndarray:
        return np.asarray(expression, np.float32)


def code_of(seed: int = 0, head: str = "open") -> FaceCode:
    light = compose(LightParams(azimuth=20 + seed, elevation=15, intensity=0.7, ambient=0.6))
    return FaceCode(head, np.zeros(4), np.zeros(len(UNITS)), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(2),
                    np.zeros(3), np.array([8.0, 0, 0]), np.array([1, 0.5, 0.5]), light)


@dataclass
class FakePhoto:
    """A picture of grey noise with a square in it."""

    path: Path
    index: int = 0
    pixels: np.ndarray = field(default_factory=lambda: np.random.default_rng(0).integers(90, 130, (300, 400, 3), np.uint8))
    alignment: Alignment = Alignment((200.0, 150.0), (100.0, 10.0), (-10.0, 100.0))

    @property
    def image(self) -> LoadedImage:
        return LoadedImage(self.pixels, self.path)

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
    confidence: float = 1.0

    @property
    def fit(self) -> Any:
        return SimpleNamespace(confidence=self.confidence)

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

    def __init__(self, gated: bool = True, preview_steps: int = 1, settled_steps: int = 3, head: str = "open",
                 prior: str = "fake") -> None:
        self.head = FakeHead(head)
        self.prior = SimpleNamespace(name=prior, digest=prior, size=SIZE, head=head)
        self.render_problem: str | None = None
        self.confidence = 1.0
        self.steps = {"preview": preview_steps, "settled": settled_steps}
        self.gate = threading.Semaphore(0)
        self.gated = gated
        self.buffer_calls: list[Any] = []
        self.thumb_calls: list[Any] = []  # those for pictures of light set-ups, which come whenever it is quiet
        self.preset_calls: list[Any] = []  # and those of expressions
        self.identities: list[tuple[float, ...]] = []
        self.started: list[RenderRequest] = []
        self.finished: list[RenderRequest] = []
        self.opened: list[tuple[Path, int | None]] = []
        self.read: list[FakeSession] = []
        self.fail: Callable[[RenderRequest], Exception | None] = lambda request: None
        self.faces = 1
        self.closed = False
        self.people: dict[str, FakePerson] = {}  # files that can be loaded, by path
        self.loaded: dict[str, FakePerson] = {}  # by digest
        self.taken: list[Path] = []

    def allow(self, steps: int = 1) -> None:
        """Let that many steps through."""
        self.gate.release(steps)

    def allow_all(self) -> None:
        """From now on nothing waits."""
        self.gated = False
        self.gate.release(1000)

    def open(self, source: Any, face: int | None = None, aligned: bool = False) -> FakeSession:
        path = Path(getattr(source, "path", source))  # bytes of a project come as a LoadedImage
        self.opened.append((path, face))
        if path.suffix == ".txt":
            raise PhotoError(f"{path.name} is not a picture. Choose a JPEG, PNG, WebP or TIFF file.")
        if path.stem == "crash":
            raise RuntimeError("bug")
        boxes = tuple(SimpleNamespace(box=(40.0 + 120 * i, 60.0, 120.0 + 120 * i, 170.0)) for i in range(self.faces))
        return FakeSession(FakePhoto(path, face or 0), code_of(len(path.stem), self.head.name), self.head, boxes,
                           self.confidence)

    def session(self, digest: str) -> Any:
        raise NotImplementedError

    def read_ahead(self, session: FakeSession) -> None:
        self.read.append(session)

    def buffers(self, session: FakeSession, rig: rigs.Rig, size: int, identity: tuple[float, ...] = ()) -> Any:
        quiet = {lighting.THUMB: self.thumb_calls, expressions.THUMB: self.preset_calls}
        quiet.get(size, self.buffer_calls).append((rig, size))
        self.identities.append(identity)
        axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
        x, y = np.meshgrid(axis, axis)
        coverage = (x * x / 0.4 + y * y / 0.6 < 1).astype(np.float32)
        z = np.sqrt(np.clip(1 - x * x / 0.4 - y * y / 0.6, 0, 1))
        normal = np.dstack([x, -y, z]).astype(np.float32) * coverage[..., None]
        albedo = np.full((size, size, 3), 0.6, np.float32) * coverage[..., None]
        from core.light import shade

        light = rigs.apply(rig, self.head, session.code).light  # type: ignore[arg-type]
        return SimpleNamespace(rendered=albedo * shade(normal, light), normal=normal, albedo=albedo, coverage=coverage)

    def take_person(self, source: Path | str) -> FakePerson:
        self.taken.append(Path(source))
        person = self.people.get(str(source))
        if person is None:
            raise AssetError(f"There is no person '{source}'.")
        if person.prior_digest != self.prior.digest:
            raise AssetError(f"'{person.name}' was made with the model '{person.prior_name}'.")
        self.loaded[person.digest] = person
        return person

    def person(self, digest: str) -> FakePerson:
        if digest not in self.loaded:
            raise UserError("not loaded")
        return self.loaded[digest]

    def judged(self, result: FakeResult) -> FakeResult:
        return result

    def render(self, request: RenderRequest, on_step: Any = None, cancelled: Any = None, measure: bool = True) -> FakeResult:
        assert request.prior in ("", self.prior.digest), "a request made for another engine"
        assert request.person is None or request.person in self.loaded, "a person that is not there"
        rigs.apply(request.rig, self.head, code_of(0, self.head.name))  # type: ignore[arg-type]  # refuses what the head lacks
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


class FakeLibrary(Library):
    """Items as a test wants them; an import waits until `gate` is released, then gives `report` or raises `error`."""

    def __init__(self, *present: str) -> None:
        self.present = {"", "open", *present}
        self.gate = threading.Semaphore(0)
        self.error: Exception | None = None
        self.report = SimpleNamespace(found=[], problems=[], notes=[])
        self.imported: list[Path] = []

    def look(self) -> Shelf:
        def item(kind: str, name: str, title: str, head: str = "") -> Item:
            there = name in self.present
            return Item(kind, name, title, f"{title}'s file", there, "" if there else f"how to get {title}",
                        name if there and name not in ("", "open") else "", head)

        return Shelf((item("prior", "", "Default model", "open"), item("prior", "faces-512", "faces-512", "flame"),
                      item("head", "open", "OpenHead"), item("head", "flame", "FLAME"), item("head", "ict", "ICT-FaceKit"),
                      item("texture", "texture", "FLAME texture"), item("encoder", "encoder", "DECA encoder")))

    def import_folder(self, folder: Path, say: Callable[[str], None], cancelled: Callable[[], bool]) -> Any:
        self.imported.append(folder)
        say(f"Reading {folder.name}")
        while not self.gate.acquire(timeout=0.02):
            if cancelled():
                raise Cancelled
        if self.error is not None:
            raise self.error
        return self.report

    def remove(self, item: Item) -> None:
        self.present.discard(item.stored)


@dataclass(frozen=True)
class FakePerson(About):
    """What the window reads of a Person."""

    path: Path = field(compare=False)
    changes: object = field(default="weights", compare=False)


def person_of(name: str, folder: Path = Path("/people"), prior: str = "fake", head: str = "open", version: int = 1) -> FakePerson:
    """A person of the fake engine's model, or of another one. version: of the weights."""
    card = {"preset": "quick", "photos": {"accepted": 18}, "created": "2026-11-23T01:00:00+00:00",
            "measured": {"before": {"identity": 0.66}, "after": {"identity": 0.54}}}
    return FakePerson(f"{name}-{version}", name, prior, prior, "CC0", head, 256, (0.5, 0.25, 0.0, 0.0), card,
                      folder / f"{name}.safetensors")


def entry_of(person: FakePerson, problem: str = "") -> Entry:
    """A person as the shelf lists them."""
    return Entry(name=person.name, file=person.path, mib=41.5, problem=problem, digest=person.digest, prior=person.prior_name,
                 prior_digest=person.prior_digest, licence=person.licence, head=person.head, size=person.size,
                 photos=person.photos, preset="quick", created=person.created, consent="They agreed (2026-11-23)")


class FakePeople(People):
    """A shelf in memory."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = list(entries)
        self.exported: list[tuple[str, Path]] = []
        self.imported: list[tuple[Path, str]] = []
        self.error: Exception | None = None

    def look(self) -> tuple[Entry, ...]:
        return tuple(sorted(self.entries, key=lambda entry: entry.name))

    def rename(self, old: str, new: str) -> None:
        self._check(new)
        self.entries = [replace(entry, name=new) if entry.name == old else entry for entry in self.entries]

    def export(self, name: str, file: Path) -> Path:
        self.exported.append((name, file))
        return file

    def import_file(self, file: Path, name: str = "") -> str:
        self.imported.append((file, name))
        self._check(name or file.stem)
        person = person_of(name or file.stem)
        self.entries.append(entry_of(person))
        return person.name

    def delete(self, name: str) -> None:
        self.entries = [entry for entry in self.entries if entry.name != name]

    def _check(self, name: str) -> None:
        if self.error is not None:
            raise self.error
        if any(entry.name == name for entry in self.entries):
            raise NameTaken(f"There is a person '{name}' already.")


class FakeProcess(QObject):
    """A child that says what the test lets it say. `said`: the words it was given; one that is `stubborn` must be killed."""

    told = Signal(dict)
    ended = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self.arguments: list[str] = []
        self.said: list[str] = []
        self.running = False
        self.stubborn = False

    def start(self, arguments: Sequence[str]) -> bool:
        self.arguments, self.running = list(arguments), True
        return True

    def send(self, word: str) -> None:
        self.said.append(word)

    def tell(self, event: str, **values: Any) -> None:
        self.told.emit({"event": event, **values})

    def end(self, code: int = 0, message: str = "") -> None:
        if self.running:
            self.running = False
            self.ended.emit(code, message)

    def stop(self, timeout_ms: int = 0) -> bool:
        self.said.append("closed")
        self.end(-1 if self.stubborn else 0)
        return not self.stubborn


def save(engine: FakeEngine, result: FakeResult, path: Path, quality: int = 92, **_options: Any) -> None:
    """Writes the picture's size."""
    path.write_text(f"{result.image.shape} {quality}")
