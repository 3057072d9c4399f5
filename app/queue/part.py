"""The queue: many photos, many rigs, and edits opened from exported pictures."""
from __future__ import annotations

from app.parts import Part


class Queue(Part):
    """Belongs to a window."""
