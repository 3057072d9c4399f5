"""Files in pieces, for machines that only take files up to a size: split with a list of digests, checked, and joined again.

`pack` writes PIECE files and pieces.json; `unpack` gives back the same files, byte for byte, or says which piece is wrong.
"""
from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from core.errors import UserError
from core.files import atomic_save, atomic_write

LIST = "pieces.json"
VERSION = 1
MIB = 2 ** 20


@dataclass(frozen=True)
class Span:
    """`length` bytes of a file from `start` on."""

    name: str
    path: Path
    start: int
    length: int


def pack(sources: Iterable[Path], out: Path, limit: int) -> dict[str, Any]:
    """Cut and gather files into pieces of at most `limit` bytes in `out`; returns and writes the list (pieces.json).

    A folder's files keep their places below it (hidden files stay behind); a file is stored under its name. Small files share a
    piece, a large one goes on in the next. Raises UserError when there is nothing to pack, two have one name, or a file can't be
    read or written.
    """
    files = dict[str, Path]()
    for source in sources:
        found = {source.name: source} if source.is_file() else {
            str(PurePosixPath(path.relative_to(source))): path for path in sorted(source.rglob("*"))
            if path.is_file() and not path.name.startswith(".")}
        if twice := set(found) & set(files):
            raise UserError(f"Two files are called {sorted(twice)[0]}. Pack them into folders of their own.")
        if not found:
            raise UserError(f"{source} is no file, and no folder with files in it. Check the path.")
        files.update(found)
    about: dict[str, Any] = {"version": VERSION, "files": {}, "pieces": []}
    digests = {name: hashlib.sha256() for name in files}
    for number, spans in enumerate(_filled(files, limit)):
        name, whole = f"piece-{number:04d}.bin", hashlib.sha256()

        def write(file: BinaryIO, spans: list[Span] = spans, whole: Any = whole) -> None:
            for span in spans:
                for block in _blocks(span):
                    file.write(block)
                    whole.update(block)
                    digests[span.name].update(block)
        try:
            atomic_save(out / name, write, make_folder=True)
        except FileNotFoundError as error:
            raise UserError(f"{error.filename} has gone while it was packed.") from error
        about["pieces"].append({"name": name, "bytes": sum(span.length for span in spans), "sha256": whole.hexdigest()})
    for name, path in files.items():
        about["files"][name] = {"bytes": path.stat().st_size, "sha256": digests[name].hexdigest()}
    atomic_write(out / LIST, json.dumps(about, indent=1).encode(), make_folder=True)
    return about


def unpack(folder: Path, out: Path) -> list[str]:
    """Write the packed files to `out`, each at once and only when it is whole; returns their names.

    Raises UserError that names a piece which is missing, damaged or of another packing.
    """
    about = _listed(folder)
    for piece in about["pieces"]:
        path = folder / piece["name"]
        try:
            if path.stat().st_size != piece["bytes"] or _digest(path) != piece["sha256"]:
                raise UserError(f"{path} is damaged or of another packing. Fetch it again.")
        except OSError as error:
            raise UserError(f"{path} can't be read ({error.strerror}). Fetch it again.") from error
    sizes, at = [piece["bytes"] for piece in about["pieces"]], 0
    for name, facts in about["files"].items():
        begin, at = at, at + facts["bytes"]
        seen = hashlib.sha256()

        def write(file: BinaryIO, begin: int = begin, end: int = at, seen: Any = seen, facts: dict[str, Any] = facts,
                  name: str = name) -> None:
            passed = 0
            for piece, size in zip(about["pieces"], sizes, strict=True):
                first, last = max(begin, passed), min(end, passed + size)
                if first < last:
                    for block in _blocks(Span(name, folder / piece["name"], first - passed, last - first)):
                        file.write(block)
                        seen.update(block)
                passed += size
            if seen.hexdigest() != facts["sha256"]:
                raise UserError(f"{name} does not come out as it was packed. Pack it again.")
        atomic_save(out / name, write, make_folder=True)
    return list(about["files"])


def _filled(files: dict[str, Path], limit: int) -> Iterator[list[Span]]:
    spans: list[Span] = []
    room = limit
    for name, path in files.items():
        size, start = path.stat().st_size, 0
        while start < size:
            length = min(room, size - start)
            spans.append(Span(name, path, start, length))
            start, room = start + length, room - length
            if not room:
                yield spans
                spans, room = [], limit
    if spans:
        yield spans


def _blocks(span: Span) -> Iterator[bytes]:
    with span.path.open("rb") as file:
        file.seek(span.start)
        left = span.length
        while left:
            block = file.read(min(left, MIB))
            if not block:
                raise UserError(f"{span.path} became shorter while it was read. Stop what writes it, and pack again.")
            left -= len(block)
            yield block


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(folder: Path) -> dict[str, Any]:
    """The list of a packing. Raises UserError when it is missing, of another version, or names places outside."""
    path = folder / LIST
    try:
        about = json.loads(path.read_text())
        right = about["version"] == VERSION and all(
            isinstance(facts["bytes"], int) and isinstance(facts["sha256"], str)
            for facts in (*about["pieces"], *about["files"].values()))
        names = [PurePosixPath(name) for name in (*about["files"], *(piece["name"] for piece in about["pieces"]))]
        if not right or any(name.is_absolute() or ".." in name.parts for name in names):
            raise ValueError("not a list of this version")
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}). Name the folder that 'pieces pack' wrote.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}). Fetch it again.") from error
    return about


# -- command ----------------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `main.py pieces`."""
    parser.add_argument("what", choices=("pack", "unpack"))
    parser.add_argument("sources", nargs="+", metavar="PATH", help="pack: files and folders; unpack: the folder with the pieces")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the pieces, or for the files")
    parser.add_argument("--limit-mib", type=float, default=16.0, metavar="N", help="largest piece, MiB (default 16)")


def run(args: argparse.Namespace) -> int:
    """`main.py pieces`: returns the exit status."""
    sources, out = [Path(source) for source in args.sources], Path(args.out)
    if args.what == "unpack":
        if len(sources) > 1:
            raise UserError("'pieces unpack' takes one folder.")
        print(f"{len(unpack(sources[0], out))} files in {out}")
        return 0
    if args.limit_mib * MIB < 1:
        raise UserError("--limit-mib must be more than 0.")
    about = pack(sources, out, int(args.limit_mib * MIB))
    print(f"{len(about['files'])} files in {len(about['pieces'])} pieces in {out}")
    return 0
