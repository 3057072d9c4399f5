"""The course of a training run: its phases, and all that happens between their steps (measuring, saving, pausing, ending)."""
from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from core import paths
from core.backends import Backend, pick_backend
from core.files import atomic_write
from core.landmarks import FaceFinder
from core.people.person import write_person
from core.people.shelf import person_file
from core.personalize import fit as fitting
from core.personalize.card import card_of
from core.personalize.events import Commands, Events, plain
from core.personalize.measure import Quality, drift_words, score
from core.personalize.pace import Pace
from core.personalize.presets import Phase, Preset, preset_of
from core.personalize.runs import Run
from core.personalize.watching import Look, Watching
from core.personalize.work import Work, merged, work_of
from core.prior import Prior
from core.train_watch import StopSignal

if TYPE_CHECKING:
    from core.album import Album

SAVE_EVERY = 30.0  # seconds: what a killed run loses at most, beside the step and the measurement it was in
_TELL_EVERY = 0.25


class Left(Exception):
    """The run was told to stop; it can be gone on with."""


class Course:
    """A run from its first step, or the one it was left at, to the person's file.

    album: the photos, judged. Those of `run.facts['held_out']` are measured with, the other used ones are trained on.
    """

    def __init__(self, run: Run, prior: Prior, album: Album, device: torch.device, tell: Events, commands: Commands) -> None:
        self.run, self.prior, self.album, self.device, self.tell, self.commands = run, prior, album, device, tell, commands
        facts = run.facts
        self.preset: Preset = preset_of(str(facts["preset"]), facts["settings"])
        held = [name for name in facts["held_out"] if any(photo.name == name for photo in album.used)]
        used = [photo.name for photo in album.used if photo.name not in held]
        self.identity = album.identity_of(used)  # what is measured with has no part in what is learned, the mean included
        self.photos = album.pictures(used, self.identity)
        self.held = album.pictures(held, self.identity) if held else None
        self.seconds, self.curve = float(facts.get("seconds", 0.0)), list(facts.get("curve", []))
        self.done_before = int(facts.get("steps_before", 0))  # steps of the phases that are over
        self.work: Work | None = None
        self.before: dict[str, Tensor] = {}
        self.finishing = False
        self._losses: list[float] = []
        self._costs = 0.0  # seconds of the last measurement
        self._measured = int(facts.get("measured_count", 0))
        self._newest: Quality | None = None

    # -- the whole ------------------------------------------------------------------------------------------------------------

    def train(self) -> Path | None:
        """Train to the end and return the person's file; None when told to stop. Raises UserError."""
        if self.device.type == "cpu":
            torch.set_num_threads(1)
        self.stop, self._finder = StopSignal(), FaceFinder()
        self._clock = time.monotonic()
        try:
            self._begin()
            for number in range(int(self.run.facts.get("phase", 0)), len(self.preset.phases)):
                self._phase(number, self.preset.phases[number])
            return self._finish()
        except Left:
            self.run.save(state="stopped")
            return None
        except Exception as error:
            told = fitting.out_of_memory(error) or error
            self.run.save(state="failed", message=str(told))
            raise told from error
        finally:
            if self.work is not None:
                self.work.close()
            self._finder.close()
            self.stop.restore()

    def _begin(self) -> None:
        facts = self.run.facts
        number = int(facts.get("phase", 0))
        self.before = self._result(number - 1) if number else {}
        picked = pick_backend(self.prior.build, self.device, paths.cache_dir() / "network_timing.json",
                              self.prior.config.to_key())
        self.precision = fitting.precision(self.prior, self.device)
        self.run.save(state="training", message="", photos=len(self.photos))
        self.tell("started", run=self.run.folder, name=self.run.name, preset=self.preset.name, steps=self._pace.steps,
                  held_out=list(facts["held_out"]), photos=len(self.photos), device=str(self.device), minutes=self.preset.minutes,
                  memory="; ".join(self._fit(k).said for k in range(len(self.preset.phases))), step=self.step)
        held = tuple(self.held.names) if self.held is not None else ()
        if not held:
            self._note("No photo is held out, so how near the model comes is not measured and its last weights are taken.")
        began = time.monotonic()
        self.watching = Watching(self.prior, self.album, held, self.photos.names, self.identity, self._finder,
                                 Backend("torch", picked.dtype, self.device))
        self._costs = time.monotonic() - began  # about; the first real one tells
        self.watching.anchor.delta = np.array(facts.get("delta", [0.0] * 3))
        fresh = "before" not in facts
        if fresh:
            self.run.save(before=self.watching.first.quality.to_json())
        self.quality_before = Quality.from_json(facts["before"])
        if fresh:
            self._tell_measured(self.quality_before)
            self._sheet(self.watching.first)
        self._tick()

    def _finish(self) -> Path:
        look = self.watching.look(self.before, None, 2, 2)
        self._sheet(look)
        for text in drift_words(look.quality, self.quality_before, self.preset.drift, len(self.watching.photos.real)):
            self._note(text)
        if self.step < self.preset.enough:
            self._note(f"Only {self.step} steps were taken, and less than {self.preset.enough} leave pictures from seeded noise "
                       "blurred. Learn again with more --minutes, or while the computer has little else to do.")
        self._tick()
        file = person_file(self.run.name)
        write_person(file, name=self.run.name, prior=self.prior, identity=self._identity(), changes=look.packed,
                     card=self._card(look.quality))
        self.run.save(state="done", step=self.step, seconds=self.seconds)
        self.run.leave()
        self.tell("done", name=self.run.name, file=file, before=self.quality_before.to_json(), after=look.quality.to_json(),
                  seconds=self.seconds, steps=self.step, enough=self.preset.enough, measured=self.held is not None)
        return file

    # -- a phase --------------------------------------------------------------------------------------------------------------

    def _phase(self, number: int, phase: Phase) -> None:
        if self.finishing and number:
            return
        state = self.run.folder / f"phase-{number}.pt"
        how = self._fit(number)
        self.work = work_of(self.prior, phase, how, self.photos, self.held, self.before, self.device)
        if state.exists():
            self.work.resume(state)
        else:
            self.run.save(phase=number, phase_began=self.seconds, best=None, bad=0, loss_before=None,
                          steps_before=self.done_before)
        if self.run.facts.get("loss_before") is None:
            self.run.save(loss_before=plain(self.work.held_loss()))
        self._since = self._kept = self._told = time.monotonic()
        self._tick()
        at_measure = self.work.step
        while not self._pace.over(self._costs):
            self._obey()
            if self.finishing:
                break
            self.work.progress(self._pace.share)
            self._losses.append(self.work.train_step())
            self._tick()
            self._tell_step(number)
            if time.monotonic() - self._since > self.preset.measure_every:
                self._measure()
                at_measure = self.work.step
                if phase.patience and self.run.facts.get("bad", 0) >= phase.patience:
                    self._note(f"The held-out photos have not come nearer in {phase.patience} measurements: this phase ends.")
                    break
            if time.monotonic() - self._kept > SAVE_EVERY:
                self._save()
        if self.work.step > at_measure or not self.run.facts.get("best"):
            self._measure()
        self._end_phase(number, phase)

    def _end_phase(self, number: int, phase: Phase) -> None:
        assert self.work is not None
        packed, best = self._packed(), self.run.facts.get("best")
        if phase.best and best and self.held is not None and best["step"] != self.work.step:
            packed = dict(safetensors.torch.load_file(self.run.folder / "best.safetensors"))
            self._note(f"Of this phase the weights of step {best['step'] + self.done_before} are kept, which came nearest to the "
                       "held-out photos.")
        self.watching.anchor.delta = np.zeros(3)
        atomic_write(self.run.folder / f"result-{number}.safetensors", safetensors.torch.save(_whole(packed)))
        self.done_before += self.work.step
        self.work.close()
        self.work, self.before = None, packed
        self.run.save(phase=number + 1, steps_before=self.done_before, seconds=self.seconds, step=self.step, curve=self.curve,
                      measured_count=self._measured, delta=[0.0] * 3)
        (self.run.folder / f"phase-{number}.pt").unlink(missing_ok=True)

    def _measure(self) -> None:
        """Measure the newest weights on the held-out photos, remember the best, draw a sheet now and then."""
        assert self.work is not None
        began = time.monotonic()
        look = self.watching.look(merged(self.before, self.work.changes()), self.work.held_loss())
        self._newest = look.quality
        self._tell_measured(look.quality)
        if self.held is not None:
            start = replace(self.quality_before, loss=_number(self.run.facts.get("loss_before")))
            value, best = score(look.quality, start, self.preset.drift), self.run.facts.get("best")
            if not best or value < best["score"]:
                atomic_write(self.run.folder / "best.safetensors", safetensors.torch.save(_whole(look.packed)))
                self.run.facts.update(best={"score": value, "step": self.work.step}, bad=0)
            else:
                self.run.facts["bad"] = int(self.run.facts.get("bad", 0)) + 1
        self._measured += 1
        if self._measured % self.preset.sheet_every == 0:
            self._sheet(look)
        self._save()
        self._since = time.monotonic()
        self._costs = self._since - began
        self._tick()

    # -- commands -------------------------------------------------------------------------------------------------------------

    def _obey(self) -> None:
        word = "stop" if self.stop.asked else self.commands.newest()
        if word == "pause":
            self._save()
            self.run.save(state="paused")
            self.tell("paused", step=self.step, seconds=self.seconds)
            while (word := "stop" if self.stop.asked else self.commands.newest(wait=True)) in (None, "pause"):
                pass
            self._clock = time.monotonic()
            self._since = self._kept = self._clock
            if word != "cancel":
                self.run.save(state="training")
                self.tell("resumed", step=self.step, seconds=self.seconds)
        if word == "stop":
            self._save()
        if word in ("stop", "cancel"):
            self._note("Stopped. The run is kept and can be gone on with." if word == "stop" else
                       "Cancelled. The run is kept as it was last saved.")
            raise Left
        if word == "finish":
            self.finishing = True
            self._note("Ending now, with what has been learned.")

    # -- what is kept ---------------------------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Steps done, of all phases."""
        return self.done_before + (self.work.step if self.work is not None else 0)

    def _packed(self) -> dict[str, Tensor]:
        """All changes so far, colours kept."""
        return self.before if self.work is None else self.watching.anchor.laid(merged(self.before, self.work.changes()))

    def _result(self, number: int) -> dict[str, Tensor]:
        return dict(safetensors.torch.load_file(self.run.folder / f"result-{number}.safetensors"))

    def _identity(self) -> tuple[float, ...]:
        return tuple(float(value) for value in self.identity)

    def _save(self) -> None:
        assert self.work is not None
        self._tick()
        number = int(self.run.facts["phase"])
        self.work.save(self.run.folder / f"phase-{number}.pt")
        write_person(self.run.draft, name=self.run.name, prior=self.prior, identity=self._identity(), changes=self._packed(),
                     card=self._card(self._newest))
        self.run.save(seconds=self.seconds, step=self.step, steps=self._pace.steps, curve=self.curve,
                      measured_count=self._measured, delta=[float(value) for value in self.watching.anchor.delta])
        self.tell("saved", draft=self.run.draft, step=self.step, seconds=self.seconds)
        self._kept = time.monotonic()

    def _card(self, after: Quality | None) -> dict[str, Any]:
        return card_of(self.run, self.album, self.preset, self.curve, self.quality_before, after, self.held is not None,
                       self.seconds)

    def _sheet(self, look: Look) -> None:
        file = self.run.samples / f"{self.step:06d}.png"
        edits = self.watching.sheet(file, look)
        self.tell("sample", file=file, step=self.step, rows=["photo", "before", "now"], edits=edits,
                  held_out=self.held is not None)

    # -- telling --------------------------------------------------------------------------------------------------------------

    def _note(self, text: str) -> None:
        self.tell("note", text=text, step=self.step)

    def _tell_step(self, number: int) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_EVERY:
            return
        self._told = now
        self.tell("step", step=self.step, steps=self._pace.steps, phase=self.preset.phases[number].kind,
                  phase_number=number + 1, phases=len(self.preset.phases), loss=self._losses[-1], seconds=self.seconds,
                  left=self._pace.left)

    def _tell_measured(self, found: Quality) -> None:
        if self.held is None:
            return
        self._tick()
        phase = self.preset.phases[int(self.run.facts.get("phase", 0))].kind if self.work is not None else ""
        loss = float(np.mean(self._losses)) if self._losses else None
        self._losses = []
        self.curve.append(plain({"seconds": round(self.seconds, 1), "step": self.step, "phase": phase, "loss": loss,
                                 "held_perceptual": found.perceptual, "held_face": found.face, "held_identity": found.identity,
                                 "held_loss": found.loss, "drift": found.drift, "edit_drift": found.edit_drift}))
        self.tell("measured", step=self.step, seconds=self.seconds, held=found.to_json(), before=self.run.facts["before"])

    def _tick(self) -> None:
        now = time.monotonic()
        self.seconds += now - self._clock
        self._clock = now

    @property
    def _pace(self) -> Pace:
        facts, step = self.run.facts, self.work.step if self.work is not None else 0
        return Pace(self.preset, self.seconds, min(int(facts.get("phase", 0)), len(self.preset.phases) - 1), step,
                    float(facts.get("phase_began", 0.0)), self.done_before)

    def _fit(self, number: int) -> fitting.Fit:
        """How a phase's steps are taken: as when it began, where memory still allows it, so that it goes on exactly."""
        kept = self.run.facts.setdefault("fits", {})
        found = fitting.kept_or_new(kept.get(str(number)), self.prior, self.preset.phases[number], self.device, self.precision)
        kept[str(number)] = asdict(found)
        return found


def _whole(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in packed.items()}


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
