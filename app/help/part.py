"""Help: pages that open offline, the guided first minute, languages."""
from __future__ import annotations

from app.parts import Part


class Help(Part):
    """Belongs to a window."""
