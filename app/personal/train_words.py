"""How far a training is, in words."""
from __future__ import annotations

from app.personal.training import Training
from core.personalize.presets import spoken
from core.personalize.runs import Run

PHASES = {"denoiser": "learning the face", "student": "learning to paint it in few steps"}


def heading(training: Training) -> str:
    """What is going on, with the person's name."""
    name = training.name
    words = {"starting": f"Starting to learn {name} …", "training": f"Learning {name}", "pausing": f"Learning {name}, pausing …",
             "paused": f"Learning {name}, paused", "stopping": f"Learning {name}, stopping …",
             "stopped": f"{name}, kept for later", "done": f"{name} is ready", "failed": f"Learning {name} stopped",
             "discarded": f"{name} was given up"}
    return words.get(training.state, "Nothing is being learned")


def summary(training: Training) -> str:
    """How far it is: '43 %, step 52 of 120, learning the face, 3 minutes left'."""
    progress = training.progress
    if training.state == "done":
        return f"Learned in {spoken(progress.seconds)}"
    if training.state == "training" and not progress.step:
        return "Measuring the model as it is …"
    if not progress.steps:
        return ""
    parts = [f"{100 * progress.share:.0f} %", f"step {progress.step} of {progress.steps}"]
    if training.state == "training":
        parts.append(PHASES.get(progress.phase, progress.phase))
        parts.append(f"{spoken(progress.left)} left" if progress.left is not None else "")
    return ", ".join(filter(None, parts))


def share_of(run: Run) -> str:
    """How far a run that isn't under way has come: '43 %'."""
    return f"{min(100, round(100 * run.step / run.steps))} %" if run.steps else f"step {run.step}"


def short_words(training: Training) -> str:
    """For the status line; '' where no training is under way."""
    progress = training.progress
    if not training.active:
        return ""
    share = f" {100 * progress.share:.0f} %" if progress.steps else ""
    left = f", {spoken(progress.left)} left" if training.state == "training" and progress.left is not None else ""
    doing = {"paused": "paused at", "pausing": "pausing at", "stopping": "stopping at"}.get(training.state, "")
    return f"Learning {training.name} {doing}".strip() + (f"{share}{left}" if share else " …")
