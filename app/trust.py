"""Trust: how near the picture came to what was asked, and what the first start says."""
from __future__ import annotations

from app.parts import Part


class Trust(Part):
    """Belongs to a window."""
