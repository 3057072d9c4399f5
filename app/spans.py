"""Lengths of time in words."""
from __future__ import annotations

from app.language import tr


def span(seconds: float) -> str:
    """'40 s', '12 minutes', '1 h 30 min'; as `core.personalize.presets.spoken` says it, in the user's language."""
    if seconds < 90:
        return tr("{count} s", count=round(max(seconds, 0)))
    minutes = round(seconds / 60)
    return tr("{count} minutes", count=minutes) if minutes < 90 else _hours(minutes, f"{minutes % 60:02d}")


def short_span(seconds: float) -> str:
    """Of what is still to come: '20 s', '3 min', '1 h 5 min'; never less than a second."""
    if seconds < 90:
        return tr("{count} s", count=max(1, round(seconds)))
    minutes = round(seconds / 60)
    return tr("{count} min", count=minutes) if minutes < 60 else _hours(minutes, str(minutes % 60))


def _hours(minutes: int, rest: str) -> str:
    return tr("{hours} h {minutes} min", hours=minutes // 60, minutes=rest)
