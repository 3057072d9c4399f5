"""Expression in the window: presets, copying from photos and the webcam, turning the head by hand."""
from __future__ import annotations

from app.parts import Part


class Expressions(Part):
    """Belongs to a window."""
