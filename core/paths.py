"""Where things lie: the data that ships, and the user's own folders.

The environment variable DIFFUSIONRIG_HOME puts everything the user owns under one folder, for a portable installation
and for tests. Without it, data, settings and caches go where the platform keeps them.
Nothing here makes a folder: whoever writes does (`core.files.atomic_write`).
"""
from __future__ import annotations

import os
import sys
from pathlib import Path

from core.errors import AssetError

APP_NAME = "diffusionrig-studio"
HOME_VARIABLE = "DIFFUSIONRIG_HOME"

REPOSITORY = Path(__file__).resolve().parent.parent
RESOURCES = REPOSITORY / "resources"


def data_dir() -> Path:
    """What the user made or brought: people, priors, head files, projects."""
    return _user_dir("data", "XDG_DATA_HOME", ".local/share", mac="Application Support", windows="LOCALAPPDATA")


def config_dir() -> Path:
    """Settings."""
    return _user_dir("config", "XDG_CONFIG_HOME", ".config", mac="Preferences", windows="APPDATA")


def cache_dir() -> Path:
    """What can be worked out again; safe to delete."""
    return _user_dir("cache", "XDG_CACHE_HOME", ".cache", mac="Caches", windows="LOCALAPPDATA", leaf="Cache")


def people_dir() -> Path:
    """Personal models, one file a person."""
    return data_dir() / "people"


def priors_dir() -> Path:
    """Generic models that the user added."""
    return data_dir() / "priors"


def assets_dir() -> Path:
    """What was converted from the user's own licensed files (their licences forbid shipping them)."""
    return data_dir() / "assets"


def default_prior() -> Path:
    """The generic model that ships. It need not exist yet."""
    return RESOURCES / "prior" / "default.safetensors"


def resource(*parts: str) -> Path:
    """The path of a file or folder that ships. Raises AssetError when it is not there."""
    path = RESOURCES.joinpath(*parts)
    if not path.exists():
        raise AssetError(f"{path} is missing, so this copy of the program is incomplete. Get a whole one, then try again.")
    return path


def _user_dir(part: str, variable: str, fallback: str, *, mac: str, windows: str, leaf: str = "") -> Path:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).expanduser().resolve() / part
    if sys.platform == "darwin":
        return Path.home() / "Library" / mac / APP_NAME
    if sys.platform == "win32":
        base = os.environ.get(windows)
        return (Path(base) if base else Path.home() / "AppData" / "Local") / APP_NAME / leaf
    base = os.environ.get(variable)
    # the XDG specification says to ignore a relative path
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / fallback) / APP_NAME
