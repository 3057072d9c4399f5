"""How a personal model is trained: phases after one another, under a name (resources/configs/personal.json)."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from core import paths
from core.errors import UserError

FILE = paths.RESOURCES / "configs" / "personal.json"
DEFAULT = "quick"
KINDS = ("denoiser", "student")
CONSENT = ("The person in these photos is me, or has agreed that a model of their face is made from them and used for edited "
           "pictures.")


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one aim.

    kind: 'denoiser' (diffusion loss, the global encoder frozen: Stage 2 of the paper) or 'student' (goes on with the prior's
    few-step student on the album, see `core.distiller`). steps: how many, 0 for as many as the time allows. share: of the
    preset's minutes. rate, ema, warmup, decay_to: as in `core.train_config`; a student takes no warmup or decay. batch: pictures
    of a step. rank: 0 trains all weights, more trains low-rank adapters (`models.adapters`). augment: as
    `core.train_config.Augment`. patience: measurements without a gain after which the phase ends, 0 for never. best: whether its
    best measured weights are kept rather than its last. more: further settings of `TrainConfig` or `DistillConfig`.
    """

    kind: str
    steps: int = 0
    share: float = 1.0
    rate: float = 1e-5
    batch: int = 4
    ema: float = 0.0
    warmup: int = 0
    decay_to: float = 1.0
    rank: int = 0
    augment: dict[str, Any] = field(default_factory=dict)
    patience: int = 0
    best: bool = True
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a phase is one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.steps < 0 or self.share < 0 or self.batch < 1 or self.rank < 0 or self.patience < 0 or self.rate <= 0:
            raise ValueError("steps, share, rank and patience of a phase are 0 or more, batch is 1 or more, rate above 0")


@dataclass(frozen=True)
class Preset:
    """Settings under a name.

    title, text: for people. minutes: of training, measurements included; 0 lets the phases' steps decide alone. measure_every:
    seconds between two measurements of the held-out photos. sheet_every: measurements between two sample sheets. drift: most
    colour shift that is let through, CIE Lab units. enough: steps below which a run is said to have been too short; 0 for never.
    """

    name: str
    title: str
    text: str
    phases: tuple[Phase, ...]
    minutes: float = 0.0
    measure_every: float = 90.0
    sheet_every: int = 2
    drift: float = 1.0
    enough: int = 0

    def __post_init__(self) -> None:
        if not self.phases or (not self.minutes and any(not phase.steps for phase in self.phases)):
            raise ValueError("it needs phases, and those without a number of steps need minutes")

    def limited(self, steps: int | None = None, minutes: float | None = None) -> Preset:
        """With another length: `steps` in all, split as the phases' own are, and `minutes`. Raises UserError."""
        changed = self
        if minutes is not None:
            if minutes <= 0:
                raise UserError("--minutes is more than 0.")
            changed = replace(changed, minutes=minutes)
        if steps is not None:
            if steps < 1:
                raise UserError("--steps is 1 or more.")
            weights = [phase.steps or phase.share for phase in self.phases]
            total, given, phases = sum(weights), 0, []
            for k, phase in enumerate(self.phases):
                upto = round(steps * sum(weights[:k + 1]) / total)
                phases.append(replace(phase, steps=upto - given))
                given = upto
            changed = replace(changed, phases=tuple(phase for phase in phases if phase.steps),
                              minutes=minutes if minutes is not None else 0.0)
        return changed

    def to_json(self) -> dict[str, Any]:
        """Plain values; `preset_of` reads them."""
        return {**asdict(self), "phases": [asdict(phase) for phase in self.phases]}


def preset_of(name: str, plain: Mapping[str, Any]) -> Preset:
    """A preset of plain values. Raises UserError when they can't be used."""
    try:
        known = {each.name for each in fields(Preset)}
        unknown = set(plain) - known
        if unknown:
            raise ValueError(f"unknown setting {', '.join(sorted(unknown))}")
        phases = tuple(Phase(**phase) for phase in plain["phases"])
        return Preset(**{"title": name, "text": "", **plain, "name": name, "phases": phases})
    except (TypeError, ValueError, KeyError) as error:
        raise UserError(f"The preset '{name}' can't be used: {error}.") from error


def load_presets(file: Path = FILE) -> dict[str, Preset]:
    """The presets of a file by name, the one to begin with first. Raises UserError."""
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        return {name: preset_of(name, values) for name, values in plain.items()}
    except OSError as error:
        raise UserError(f"{file} can't be read ({error.strerror or error}). Check the path.") from error
    except (ValueError, AttributeError) as error:
        raise UserError(f"{file} holds no presets: {error}.") from error


def find_preset(name: str) -> Preset:
    """A preset that ships by name, or the only one of a JSON file. Raises UserError."""
    shipped = load_presets()
    if name in shipped:
        return shipped[name]
    if not Path(name).is_file():
        raise UserError(f"There is no preset '{name}'. There are {', '.join(shipped)}; a JSON file with your own works too.")
    return next(iter(load_presets(Path(name)).values()))


# Seconds that a step takes for one picture of the default prior at 256 on two CPU cores; only for the time shown beforehand.
_CPU_PICTURE = {"denoiser": 0.29, "student": 0.95}


def estimate(preset: Preset, device: str = "cpu") -> tuple[float, str]:
    """About how long training takes with the prior that ships: seconds (0: not known here), and words for people."""
    if preset.minutes:
        return 60 * preset.minutes, f"about {preset.minutes:.0f} minutes"
    if device != "cpu":
        return 0.0, "as long as its steps take on this device"
    seconds = sum(phase.steps * phase.batch * _CPU_PICTURE[phase.kind] for phase in preset.phases)
    return seconds, f"about {spoken(seconds)} on two processor cores"


def spoken(seconds: float) -> str:
    """A length of time for people: '40 s', '12 minutes', '1 h 30 min'."""
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
