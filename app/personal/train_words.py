"""How far a training is, in words."""
from __future__ import annotations

from app.language import tr
from app.personal.training import Training
from app.spans import span
from core.personalize.runs import Run

PHASES = {"denoiser": "learning the face", "student": "learning to paint it in few steps"}

HEADINGS = {"starting": "Starting to learn {name} …", "training": "Learning {name}", "pausing": "Learning {name}, pausing …",
            "paused": "Learning {name}, paused", "stopping": "Learning {name}, stopping …", "stopped": "{name}, kept for later",
            "done": "{name} is ready", "failed": "Learning {name} stopped", "discarded": "{name} was given up"}
SHORT = {"paused": "Learning {name} paused at {share}", "pausing": "Learning {name} pausing at {share}",
         "stopping": "Learning {name} stopping at {share}"}


def heading(training: Training) -> str:
    """What is going on, with the person's name."""
    name = training.name
    words = HEADINGS.get(training.state, "")
    return tr(words, name=name) if words else tr("Nothing is being learned")


def summary(training: Training) -> str:
    """How far it is: '43 %, step 52 of 120, learning the face, 3 minutes left'."""
    progress = training.progress
    if training.state == "done":
        return tr("Learned in {time}", time=span(progress.seconds))
    if training.state == "training" and not progress.step:
        return tr("Measuring the model as it is …")
    if not progress.steps:
        return ""
    parts = [f"{100 * progress.share:.0f} %", tr("step {step} of {steps}", step=progress.step, steps=progress.steps)]
    if training.state == "training":
        parts.append(tr(PHASES[progress.phase]) if progress.phase in PHASES else progress.phase)
        parts.append(tr("{time} left", time=span(progress.left)) if progress.left is not None else "")
    return ", ".join(filter(None, parts))


def share_of(run: Run) -> str:
    """How far a run that isn't under way has come: '43 %'."""
    return f"{min(100, round(100 * run.step / run.steps))} %" if run.steps else tr("step {step}", step=run.step)


def short_words(training: Training) -> str:
    """For the status line; '' where no training is under way."""
    progress = training.progress
    if not training.active:
        return ""
    name, share = training.name, f"{100 * progress.share:.0f} %" if progress.steps else "…"
    if training.state in SHORT:
        return tr(SHORT[training.state], name=name, share=share)
    if training.state == "training" and progress.left is not None and progress.steps:
        return tr("Learning {name} {share}, {time} left", name=name, share=share, time=span(progress.left))
    return tr("Learning {name} {share}", name=name, share=share)
