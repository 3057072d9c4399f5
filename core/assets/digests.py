"""sha256 of large files, remembered by place, size and time of change, so that 600 MB are not read again at every start."""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from core import paths
from core.errors import UserError
from core.files import atomic_write

LARGE = 64 << 20
MOST = 64


def file_digest(path: Path) -> str:
    """The sha256 of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        mark = [about.st_size, about.st_mtime_ns, about.st_ino]
        known = _read() if about.st_size >= LARGE else {}
        entry = known.pop(str(path.resolve()), None)
        if isinstance(entry, list) and entry[:3] == mark:
            return str(entry[3])
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if about.st_size >= LARGE:
        kept = dict(list(known.items())[-MOST + 1:])
        with contextlib.suppress(UserError):  # not remembering costs a second next time
            text = json.dumps({**kept, str(path.resolve()): [*mark, digest]}, indent=1)
            atomic_write(_place(), text.encode(), make_folder=True)
    return digest


def _place() -> Path:
    return paths.cache_dir() / "digests.json"


def _read() -> dict[str, object]:
    try:
        content = json.loads(_place().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
