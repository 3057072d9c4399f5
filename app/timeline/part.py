"""Motion: keyframes on a timeline, and films made of them."""
from __future__ import annotations

from app.parts import Part


class Motion(Part):
    """Belongs to a window."""
