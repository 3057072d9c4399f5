"""What a person's file says of itself, in everyday words. Everything in it may come from strangers: show it as plain text."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from PySide6.QtCore import QDate, QLocale

from app.language import tr
from core.people.header import About

PRESETS = {"paper": "as in the paper", "quick": "quick", "adapters": "adapters"}


def facts(photos: int, preset: str, created: str) -> str:
    """'20 photos, quick, 23 Nov 2026'; what isn't known (0, '') is left out."""
    parts = ["" if not photos else tr("1 photo") if photos == 1 else tr("{count} photos", count=photos),
             tr(PRESETS[preset]) if preset in PRESETS else preset, day(created)]
    return ", ".join(filter(None, parts))


def gain(about: About) -> str:
    """What it is better at than the model alone, as far as it was measured; '' where that isn't known."""
    measured = about.card.get("measured", {})
    old, new = _part(measured, "before").get("identity"), _part(measured, "after").get("identity")
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return ""
    return tr("Identity distance on photos kept out: {after}, before {before}", after=f"{new:.2f}", before=f"{old:.2f}")


def day(iso: str) -> str:
    """'23 Nov 2026', in the user's language; '' where the text is no date."""
    try:
        date = datetime.fromisoformat(iso).date()
    except ValueError:
        return ""
    return QLocale().toString(QDate(date.year, date.month, date.day), "d MMM yyyy")


def _part(measured: Any, name: str) -> Mapping[str, Any]:
    part = measured.get(name) if isinstance(measured, Mapping) else None
    return part if isinstance(part, Mapping) else {}
