"""NOTICE and the data files it names. `python -m tests.notice --write` brings the checksums up to date."""
from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
_ENTRY = re.compile(r"^(?P<indent> +)(?P<path>resources/\S+)\n +sha256 (?P<sha256>[0-9a-f]{64})$", re.MULTILINE)


def named(repository: Path = REPOSITORY) -> dict[str, str]:
    """The files that NOTICE names, with the sha256 it gives."""
    text = (repository / "NOTICE").read_text(encoding="utf-8")
    return {entry["path"]: entry["sha256"] for entry in _ENTRY.finditer(text)}


def data_files(repository: Path = REPOSITORY) -> list[str]:
    """Every file under resources/ that is not text."""
    files = (path for path in (repository / "resources").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path.relative_to(repository).as_posix() for path in files if _is_binary(path))


def digest(path: Path) -> str:
    """sha256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(repository: Path = REPOSITORY) -> list[str]:
    """Write the present checksums into NOTICE; returns what only a person can put right."""
    path = repository / "NOTICE"
    complaints = [f"{name} is not described in NOTICE" for name in data_files(repository) if name not in named(repository)]
    complaints += [f"NOTICE names {name}, which is not there" for name in named(repository) if not (repository / name).is_file()]

    def renewed(entry: re.Match[str]) -> str:
        file = repository / entry["path"]
        return entry[0].replace(entry["sha256"], digest(file)) if file.is_file() else entry[0]

    path.write_text(_ENTRY.sub(renewed, path.read_text(encoding="utf-8")), encoding="utf-8")
    return complaints


def _is_binary(path: Path) -> bool:
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return b"\0" in data


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python -m tests.notice --write")
    problems = write()
    print("\n".join(problems) or "NOTICE is up to date")
    sys.exit(bool(problems))
