"""History: every settled picture in a strip, comparing them, and variations."""
from __future__ import annotations

from app.parts import Part


class History(Part):
    """Belongs to a window."""
