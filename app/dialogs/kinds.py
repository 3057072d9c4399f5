"""Kinds of files, as the system's dialogs offer them: a name in the user's language and the endings that belong to it."""
from __future__ import annotations

from collections.abc import Iterable

from app.language import tr
from core.export import SUFFIXES as WRITTEN
from core.photo import SUFFIXES


def kinds(*offered: tuple[str, Iterable[str]], everything: bool = False) -> str:
    """A filter for `QFileDialog`. offered: name and endings ('.png') of each kind. everything: all files can be chosen too."""
    said = [f"{name} ({' '.join(f'*{ending}' for ending in endings)})" for name, endings in offered]
    return ";;".join([*said, f"{tr('All files')} (*)"] if everything else said)


def photos() -> str:
    """Photos that can be opened, and all files."""
    return kinds((tr("Photos"), sorted(SUFFIXES)), everything=True)


def pictures() -> str:
    """Pictures that can be written."""
    return kinds((tr("Pictures"), sorted(WRITTEN)))
