"""Projects: saving, opening, autosaving and getting back what a crash left."""
from __future__ import annotations

from app.parts import Part


class Projects(Part):
    """Belongs to a window."""
