"""Timelines in files: as JSON, inside a film that this program made, or inside a project."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.errors import ParameterError
from core.files import atomic_write, read_file
from core.film.clip import VIDEO_SUFFIXES
from core.film.encode import read_about
from core.film.timeline import Timeline

MAX_BYTES = 64 * 2**20


def read_timeline(path: str | Path) -> Timeline:
    """The timeline of a JSON file, of a film (.mp4, .webm, .gif) or its folder's film.json, or of a project (.drig).

    Raises ParameterError, naming the file, for one that holds none; UserErrors of the files' own readers.
    """
    path = Path(path)
    if path.is_dir() and (path / "film.json").is_file():
        path = path / "film.json"
    if path.suffix.lower() == ".drig":
        from core.project import read_project

        timeline = read_project(path).timeline
        if timeline is None:
            raise ParameterError(f"{path.name} holds no timeline. Make one in its window, on the page Timeline.")
        return timeline
    if path.suffix.lower() in VIDEO_SUFFIXES:
        plain: Any = read_about(path)
        if plain is None:
            raise ParameterError(f"{path.name} doesn't say how it was made: it has no timeline to take. To move a face as in "
                                 "this video, use it as a driver.")
    else:
        plain = _json(path)
    try:
        return Timeline.from_json(plain["timeline"] if isinstance(plain, dict) and "timeline" in plain else plain)
    except ParameterError as error:
        raise ParameterError(f"{path.name} can't be used: {str(error)[:1].lower()}{str(error)[1:]}") from error


def write_timeline(path: Path, timeline: Timeline) -> Path:
    """Write a timeline as JSON. Raises WriteError."""
    return atomic_write(path, json.dumps(timeline.to_json(), indent=1).encode())


def _json(path: Path) -> Any:
    try:
        return json.loads(read_file(path, MAX_BYTES, ParameterError))
    except (ValueError, RecursionError, OverflowError) as error:
        raise ParameterError(f"{path.name} is no timeline: it isn't JSON, or damaged. Save it again.") from error
