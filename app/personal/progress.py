"""How far a training is, read off its events. No Qt, no torch: equal events give equal progress, live or from the run's file."""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.language import tr

MEASURES = ("perceptual", "face", "identity", "drift", "drift_error")


@dataclass
class Track:
    """Values over steps; steps only go up, because a step that is done again after a crash replaces what came of it before."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        """Note a value."""
        self.cut(step)
        self.steps.append(step)
        self.values.append(value)

    def cut(self, step: int) -> None:
        """Forget this step and all later ones."""
        while self.steps and self.steps[-1] >= step:
            self.steps.pop()
            self.values.pop()

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1] if self.values else None


@dataclass(frozen=True)
class Sample:
    """A picture made on the way. caption: what is in it."""

    step: int
    file: Path
    caption: str = ""


@dataclass
class Progress:
    """What is known of a run.

    folder: of the run. step, steps: done and wanted (steps 0: not known yet). phase: what is being trained now. seconds: since
    the training began, pauses left out. left: seconds to the end, None where not known. loss: over steps, by phase. held: the
    measures of the photos kept out, by name (MEASURES), over steps. before, after: the same of the prior and of the finished
    person. draft: the file of the newest weights, of step `draft_step`. file: the finished person's. memory, note: plain words.
    message: why it failed. enough: steps below which the finished run was too short, 0 where that isn't known.
    """

    folder: Path = field(default_factory=Path)
    preset: str = ""
    device: str = ""
    memory: str = ""
    phase: str = ""
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    left: float | None = None
    loss: dict[str, Track] = field(default_factory=dict)
    held: dict[str, Track] = field(default_factory=lambda: {name: Track() for name in MEASURES})
    held_out: tuple[str, ...] = ()
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    draft: Path | None = None
    draft_step: int = 0
    file: str = ""
    enough: int = 0
    note: str = ""
    message: str = ""

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, self.step / self.steps) if self.steps else 0.0

    def take(self, event: Mapping[str, Any]) -> None:
        """Note an event; one that is unknown or not as it should be changes nothing."""
        handle = getattr(self, f"_take_{event.get('event')}", None)
        if handle is not None:
            handle(event)

    def take_all(self, events: Iterable[Mapping[str, Any]]) -> Progress:
        """Note many, and return this."""
        for event in events:
            self.take(event)
        return self

    # -- events by name

    def _take_started(self, event: Mapping[str, Any]) -> None:
        self.note = ""  # how it was left is over
        self.folder = Path(str(event.get("run") or self.folder))
        self.preset, self.device = _text(event, "preset", self.preset), _text(event, "device", self.device)
        self.memory = _text(event, "memory", self.memory)
        self.steps = _whole(event, "steps", self.steps)
        names = event.get("held_out")
        self.held_out = tuple(map(str, names)) if isinstance(names, list) else self.held_out

    def _take_step(self, event: Mapping[str, Any]) -> None:
        self.step, self.steps = _whole(event, "step", self.step), _whole(event, "steps", self.steps)
        self.phase = _text(event, "phase", self.phase)
        self.seconds = _number(event, "seconds", self.seconds)
        left = _number(event, "left", math.nan)
        self.left = None if math.isnan(left) else max(0.0, left)
        loss = _number(event, "loss", math.nan)
        if not math.isnan(loss):
            for track in self.loss.values():
                track.cut(self.step)
            self.loss.setdefault(self.phase, Track()).add(self.step, loss)

    def _take_measured(self, event: Mapping[str, Any]) -> None:
        step = _whole(event, "step", self.step)
        self.before = measures(event.get("before")) or self.before
        for name, value in measures(event.get("held")).items():
            self.held[name].add(step, value)

    def _take_sample(self, event: Mapping[str, Any]) -> None:
        file = event.get("file")
        if isinstance(file, str) and file:
            step = _whole(event, "step", self.step)
            made = Sample(step, self.folder / file, _caption(event.get("rows"), event.get("edits")))
            self.samples = [sample for sample in self.samples if sample.step < step] + [made]

    def _take_saved(self, event: Mapping[str, Any]) -> None:
        draft = event.get("draft")
        if isinstance(draft, str) and draft:
            self.draft, self.draft_step = self.folder / draft, _whole(event, "step", self.step)

    def _take_note(self, event: Mapping[str, Any]) -> None:
        self.note = _text(event, "text", self.note)

    def _take_done(self, event: Mapping[str, Any]) -> None:
        self.file, self.left = _text(event, "file", ""), None
        self.before, self.after = measures(event.get("before")) or self.before, measures(event.get("after"))
        self.seconds = _number(event, "seconds", self.seconds)
        self.step, self.enough = _whole(event, "steps", self.step), _whole(event, "enough", 0)

    def _take_failed(self, event: Mapping[str, Any]) -> None:
        self.message = _text(event, "message", "")


def measures(plain: Any) -> dict[str, float]:
    """The measures in a JSON object, those that are finite numbers."""
    if not isinstance(plain, dict):
        return {}
    found = {name: _number(plain, name, math.nan) for name in MEASURES}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def _caption(rows: Any, edits: Any) -> str:
    """What a sheet shows, from the names of its rows and of the pictures in its last row."""
    words = []
    if isinstance(rows, list) and rows:
        words.append(tr("From the top: {names}.", names=", ".join(map(str, rows))))
    if isinstance(edits, list) and len(edits) > 1:
        words.append(tr("Last row: {names}.", names=", ".join(map(str, edits))))
    return " ".join(words)


def _number(event: Mapping[str, Any], name: str, default: float) -> float:
    value = event.get(name)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fits else default  # type: ignore[arg-type]


def _whole(event: Mapping[str, Any], name: str, default: int) -> int:
    return int(_number(event, name, default))


def _text(event: Mapping[str, Any], name: str, default: str) -> str:
    value = event.get(name)
    return value if isinstance(value, str) else default
