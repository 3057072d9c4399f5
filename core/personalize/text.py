"""A run's events as lines for people."""
from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from core.personalize.presets import spoken

_EVERY = 10.0  # seconds between two lines of progress
_NAMES = {"perceptual": "perceptual distance (1 - HaarPSI)", "face": "the same, in the face",
          "identity": "identity distance (dlib)", "drift": "colour drift (CIE Lab)",
          "edit_drift": "colour drift of edits (CIE Lab)"}


class Text:
    """Turns events into text, progress at most every ten seconds."""

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, event: Mapping[str, Any]) -> str | None:
        """The line (or lines) of an event; None where there is nothing to say now."""
        how = getattr(self, f"_{event['event']}", None)
        return how(event) if how is not None else None

    def _reading(self, e: Mapping[str, Any]) -> str | None:
        if not e["name"]:
            return None
        # only what this photo alone tells: whose face it is, the album says when all are read
        why = "".join(f" {text}" for _, text in e["reasons"])
        return f"[{e['done']} of {e['total']}] {e['name']}{':' if why else ''}{why}"

    def _album(self, e: Mapping[str, Any]) -> str:
        lines = [f"album: {e['accepted']} accepted, {e['weak']} weak, {e['refused']} refused; {e['used']} are used"]
        lines += [f"  {name} ({'used' if used else 'left out'}): {' '.join(text for _, text in reasons)}"
                  for name, used, reasons in e["odd"]]
        return "\n".join([*lines, *(f"  hint: {text}" for text in e["advice"])])

    def _started(self, e: Mapping[str, Any]) -> str:
        kept = ", ".join(e["held_out"]) or "none"
        return (f"training '{e['name']}' with the preset '{e['preset']}' on {_counted(e['photos'])}, on {e['device']}; kept out "
                f"to measure with: {kept}\n{e['memory']}\nrun folder: {e['run']}")

    def _step(self, e: Mapping[str, Any]) -> str | None:
        now = time.monotonic()
        if now - self._told < _EVERY:
            return None
        self._told = now
        return (f"step {e['step']} of about {e['steps']} ({e['phase']}), loss {_number(e['loss'])}, {spoken(e['seconds'])} over, "
                f"{spoken(e['left'])} left")

    def _measured(self, e: Mapping[str, Any]) -> str:
        said = ", ".join(f"{name} {_number(e['held'].get(name))}"
                         + (f" (before {_number(e['before'].get(name))})" if e["step"] else "") for name in _NAMES)
        if e["held"].get("drift_error") is not None:
            said += f", known to ±{e['held']['drift_error']:.2f}"
        return f"held-out photos at step {e['step']}: {said}"

    def _sample(self, e: Mapping[str, Any]) -> str:
        return f"sample sheet: {e['file']}"

    def _note(self, e: Mapping[str, Any]) -> str:
        return str(e["text"])

    def _done(self, e: Mapping[str, Any]) -> str:
        lines = [f"'{e['name']}' is ready after {spoken(e['seconds'])} and {e['steps']} steps: {e['file']}"]
        if e["measured"]:
            lines.append(f"{'held-out photos':<36}{'before':>9}{'after':>9}")
            lines += [f"  {title:<34}{_number(e['before'].get(name)):>9}{_number(e['after'].get(name)):>9}"
                      for name, title in _NAMES.items()]
            errors = [e[when].get("drift_error") for when in ("before", "after")]
            lines.append(f"  {'colour drift is known to ±':<34}{_number(errors[0]):>9}{_number(errors[1]):>9}")
        return "\n".join(lines)


def _counted(photos: int) -> str:
    return "1 photo" if photos == 1 else f"{photos} photos"


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}"
