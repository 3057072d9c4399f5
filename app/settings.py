"""What the window remembers between runs: one JSON file in the user's configuration folder.

The file may be missing, damaged or from another version: every key is checked on its own, a bad one falls back to its
default, and a file that can't be parsed is kept beside the new one as ``settings.bad.json``.
"""
from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from core import paths
from core.errors import UserError
from core.files import atomic_write, read_file

log = logging.getLogger(__name__)

VERSION = 1
_MOST_BYTES = 4 << 20
THEMES = ("system", "light", "dark")
SECTIONS = ("Light", "Expression", "Jaw", "Eyes", "Pose", "Appearance", "Person")  # their names here, in any language


@dataclass
class Settings:
    """The remembered values. `geometry` is base64 text of the window's own record; prior, head and estimator: see `app.setup`."""

    theme: str = "system"
    language: str = "system"
    welcomed: bool = False
    geometry: str = ""
    panel_width: int = 372
    folder: str = ""
    export_folder: str = ""
    swap_folder: str = ""
    people_folder: str = ""
    export_format: str = "PNG"
    export_size: str = "full"
    export_quality: int = 92
    export_deep: bool = False
    export_own_colours: bool = True
    export_long_side: int = 0  # 0: as large as it is
    export_place: bool = False
    export_credentials: bool = True
    export_buffers: bool = False
    export_mesh: str = ""  # an ending, '' for none
    queue_folder: str = ""
    queue_name: str = "{photo}__{edit}"
    show_split: bool = True
    show_inset: bool = True
    show_ball: bool = True
    ball_size: str = "auto"
    whole_photo: bool = False
    overlay: float = 0.6
    show_history: bool = True
    history_height: int = 126
    recent: tuple[str, ...] = ()
    embed_photo: bool = True
    prior: str = ""
    head: str = ""
    estimator: str = ""
    assets_folder: str = ""
    open_sections: tuple[str, ...] = SECTIONS
    open_parts: tuple[str, ...] = ()  # of the panels: what folds inside them
    unlinked: tuple[str, ...] = ()  # left parameters of pairs whose sides move apart
    turn_head: bool = True

    def open_part(self, name: str, opened: bool) -> None:
        """Remember whether a part of a panel is unfolded."""
        others = [part for part in self.open_parts if part != name]
        self.open_parts = (*others, name) if opened else tuple(others)

    @classmethod
    def load(cls, folder: Path | None = None) -> Settings:
        """Settings from the file in `folder` (default: `core.paths.config_dir`), defaults where it can't be used."""
        path = (folder or paths.config_dir()) / "settings.json"
        try:
            if not path.exists():
                return cls()
            plain = json.loads(read_file(path, _MOST_BYTES).decode("utf-8"))
        except (UserError, OSError, ValueError, RecursionError) as error:
            log.warning("settings in %s can't be read (%s); using defaults", path, error)
            _keep_bad(path)
            return cls()
        return cls.from_json(plain)

    @classmethod
    def from_json(cls, plain: Any) -> Settings:
        """Each key on its own; unknown keys are ignored, ill-typed values replaced by their default."""
        settings = cls()
        if not isinstance(plain, dict):
            return settings
        for field in fields(cls):
            value = _checked(field.name, plain.get(field.name), getattr(settings, field.name))
            setattr(settings, field.name, value)
        return settings

    def save(self, folder: Path | None = None) -> None:
        """Write atomically. A folder that can't be written is logged and otherwise ignored."""
        path = (folder or paths.config_dir()) / "settings.json"
        try:
            atomic_write(path, json.dumps({"version": VERSION, **asdict(self)}, indent=1).encode(), make_folder=True)
        except OSError as error:
            log.warning("settings can't be written to %s: %s", path, error)


_RANGES: dict[str, tuple[float, float]] = {"panel_width": (320, 640), "export_quality": (1, 100), "export_long_side": (0, 20_000),
                                            "overlay": (0, 1),
                                            "history_height": (84, 600)}
_CHOICES: dict[str, tuple[str, ...]] = {"theme": THEMES, "export_format": ("PNG", "JPEG", "TIFF", "WebP"),
                                        "export_size": ("crop", "full"), "export_mesh": ("", ".glb", ".obj"),
                                        "ball_size": ("auto", "small", "large")}


def _checked(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(value) if fits else default
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(default):
        return default
    low, high = _RANGES.get(name, (None, None))
    if low is not None and high is not None and not low <= value <= high:
        return default
    if name in _CHOICES and value not in _CHOICES[name]:
        return default
    return value


def _keep_bad(path: Path) -> None:
    try:
        os.replace(path, path.with_name("settings.bad.json"))
    except OSError as error:
        log.warning("%s can't be put aside: %s", path, error)
