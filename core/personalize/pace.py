"""How far a run is and how long it still takes, by what its steps have taken so far."""
from __future__ import annotations

import math
from dataclasses import dataclass

from core.personalize.presets import Preset

_CLOSING = 4.0  # what the end of a run takes, in measurements


@dataclass(frozen=True)
class Pace:
    """Where a run is. seconds: since it began, pauses left out. phase: number of the present one, from 0; step: its steps done;
    began: second at which it began. before: steps of the phases before it."""

    preset: Preset
    seconds: float
    phase: int
    step: int
    began: float
    before: int

    def ends(self, number: int) -> float:
        """Second at which the present phase or a later one is over at the latest, where the preset has minutes: each takes its
        own share, so that a phase which ended early shortens the run."""
        shares = [phase.share for phase in self.preset.phases]
        unit = 60 * self.preset.minutes / max(sum(shares), 1e-9)
        return min(unit * sum(shares[:number + 1]), self.began + unit * sum(shares[self.phase:number + 1]))

    def over(self, measuring: float) -> bool:
        """Whether the present phase is over. measuring: seconds that a measurement takes; a phase leaves time for its last one,
        and the last phase for the run's end."""
        phase = self.preset.phases[self.phase]
        if phase.steps and self.step >= phase.steps:
            return True
        closing = measuring * (_CLOSING if self.phase == len(self.preset.phases) - 1 else 1)
        return bool(self.preset.minutes) and self.step > 0 and self.seconds + closing >= self.ends(self.phase)

    @property
    def share(self) -> float:
        """How much of the present phase's time is over, 0 to 1; 0 where its steps alone decide."""
        if not self.preset.minutes:
            return 0.0
        return min(1.0, (self.seconds - self.began) / max(self.ends(self.phase) - self.began, 1e-9))

    @property
    def each(self) -> float:
        """Seconds of a step of this phase, measurements included; 0 before there is one."""
        return (self.seconds - self.began) / self.step if self.step else 0.0

    @property
    def left(self) -> float:
        """Seconds to the end of the run, as far as one can tell: a picture of a later phase is taken to cost as much."""
        now, left, at = self.preset.phases[self.phase], 0.0, self.seconds
        for k, phase in enumerate(self.preset.phases[self.phase:], self.phase):
            todo = phase.steps - (self.step if k == self.phase else 0)
            bound = max(self.ends(k) - at, 0.0) if self.preset.minutes else math.inf
            took = min(todo * self.each * phase.batch / now.batch, bound) if phase.steps else bound
            left, at = left + took, at + took
        return left

    @property
    def steps(self) -> int:
        """Steps of the whole run, those done and those that the time will probably allow; 0 where nothing is known yet."""
        total = self.before
        for k, phase in enumerate(self.preset.phases[self.phase:], self.phase):
            if not self.preset.minutes or not self.each:
                total += phase.steps
                continue
            begin = self.seconds if k == self.phase else self.ends(k - 1)
            might = (self.step if k == self.phase else 0) + max(self.ends(k) - begin, 0.0) / self.each
            total += round(min(might, phase.steps) if phase.steps else might)
        return total
