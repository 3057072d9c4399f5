"""3D head models behind one interface."""
from __future__ import annotations

from pathlib import Path

from core.errors import AssetError
from core.head.base import Albedo, Control, HeadModel

__all__ = ["Albedo", "Control", "HeadModel", "load_head"]

NAMES = ("open", "flame", "ict")


def load_head(name: str = "open", assets: Path | None = None) -> HeadModel:
    """The head called `name`: 'open' ships with the program; 'flame' and 'ict' are the user's own files.

    assets: where those are; None: what 'main.py assets import' has stored. Raises AssetError when the name is unknown or the
    files are missing or damaged.
    """
    if name == "open":
        from core.head.open_head import OpenHead
        return OpenHead.load(assets)
    if name == "flame":
        from core.head.flame import load_flame
        return load_flame(assets)
    if name == "ict":
        from core.head.ict import load_ict
        return load_ict(assets)
    raise AssetError(f"No head model is called '{name}': choose one of {', '.join(NAMES)}.")
