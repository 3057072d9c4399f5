"""Light in the window: set-ups, environments, shadows."""
from __future__ import annotations

from app.parts import Part


class Lighting(Part):
    """Belongs to a window."""
