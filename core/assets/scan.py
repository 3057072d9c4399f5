"""Looking through a folder for licensed files, by name and by content, without reading any pickle: only names in the bytes."""
from __future__ import annotations

import mmap
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.assets.problems import Unfit, listed
from core.errors import Cancelled

MODEL, EMBEDDING, TEMPLATE, TEXTURE, ENCODER, CHECKPOINT, ICT = (
    "model", "embedding", "template", "texture", "encoder", "checkpoint", "ict")
USUAL = {MODEL: "generic_model.pkl", EMBEDDING: "landmark_embedding.npy", TEMPLATE: "head_template.obj",
         TEXTURE: "FLAME_texture.npz", ENCODER: "deca_model.tar", CHECKPOINT: "modelNNNNNN.pt"}
TITLES = {MODEL: "FLAME's model", EMBEDDING: "DECA's landmarks", TEMPLATE: "DECA's head template",
          TEXTURE: "FLAME's texture space", ENCODER: "DECA's networks", CHECKPOINT: "a DiffusionRig checkpoint"}
MAX_ENTRIES, MAX_DEPTH = 100_000, 12
LARGEST = 8 << 30
_SKIPPED = {"node_modules", "__pycache__", "site-packages"}
_HEAD = 1 << 20

# What a file is meant to be, by its name.
_NAMES = {
    MODEL: r"(generic_model|generic_model_2020|flame_?2020(_generic)?|(male|female)_model|flame_?20\d\d(_no_jaw)?)\.pkl",
    EMBEDDING: r"landmark_embedding\.npy", TEMPLATE: r"head_template\.obj",
    TEXTURE: r"(flame_texture|flame_albedo_from_bfm)\.npz", ENCODER: r"deca_model\.tar", CHECKPOINT: r"(ema.*_|model)\d{5,7}\.pt",
}
# Words that must all be in a file's bytes for it to be looked at under another name, by suffix.
_WORDS: dict[str, dict[str, tuple[bytes, ...]]] = {
    ".pkl": {MODEL: (b"shapedirs", b"posedirs", b"kintree_table")},
    ".npy": {EMBEDDING: (b"static_lmk_faces_idx", b"dynamic_lmk_faces_idx")},
    ".npz": {TEXTURE: (b"tex_dir.npy", b"mean.npy")},
    **{suffix: {CHECKPOINT: (b"denoisingUNet.",), ENCODER: (b"E_flame",)} for suffix in (".pt", ".pth", ".tar", ".ckpt", ".bin")},
}
_YEAR = re.compile(r"flame[-_ ]?(20\d\d)", re.IGNORECASE)
_ICT = ("generic_neutral_mesh.obj", "identity000.obj")


@dataclass(frozen=True)
class Candidate:
    """A file that looks like an asset of this kind; `named`: by its name, not only by its content."""

    kind: str
    path: Path
    named: bool


@dataclass
class Findings:
    """What a folder holds, the best first of each kind, and remarks on other files."""

    candidates: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[Candidate]:
        """The candidates of a kind: those with the usual name first, those nearest to the top first."""
        found = [candidate for candidate in self.candidates if candidate.kind == kind]
        usual = USUAL.get(kind, "").lower()
        return sorted(found, key=lambda c: (not c.named, c.path.name.lower() != usual, len(c.path.parts), str(c.path)))


def scan(place: Path, cancelled: Callable[[], bool] = lambda: False) -> Findings:
    """Look through a folder and those in it (or at one file). Raises Cancelled."""
    findings = Findings()
    if place.is_file():
        _look(place, findings)
        return findings
    for count, path in enumerate(_files(place)):
        if count % 50 == 0 and cancelled():
            raise Cancelled
        if count >= MAX_ENTRIES:
            findings.notes.append(f"Only the first {MAX_ENTRIES:,} files of {place} were looked at: name a smaller folder.")
            break
        if path.is_dir():
            if all((path / name).is_file() for name in _ICT):
                findings.candidates.append(Candidate(ICT, path, True))
        elif path.is_file():  # a pipe, say, could be waited for without end
            _look(path, findings)
    return findings


def _files(top: Path) -> Iterator[Path]:
    """Folders and files below `top`, itself included, shallow ones first within each folder."""
    for folder, inner, names in os.walk(top):
        deep = len(Path(folder).relative_to(top).parts) >= MAX_DEPTH
        inner[:] = [] if deep else sorted(name for name in inner if not name.startswith(".") and name not in _SKIPPED)
        yield Path(folder)
        yield from (Path(folder) / name for name in sorted(names) if not name.startswith("."))


def _look(path: Path, findings: Findings) -> None:
    name = path.name.lower()
    kind = next((kind for kind, form in _NAMES.items() if re.fullmatch(form, name)), None)
    try:
        if kind is None:
            kind, named = _by_content(path, name), False
        else:
            named = True
        if kind is not None:
            findings.candidates.append(Candidate(kind, path, named))
        elif re.fullmatch(r"opt\w*\d{5,7}\.pt", name):
            findings.notes.append(f"{path} is the state of an optimiser by its name; it is not needed.")
        elif name.endswith(".zip"):
            findings.notes.extend(_packed(path))
    except OSError as error:
        findings.notes.append(f"{path} can't be read ({error.strerror or error}).")


def _by_content(path: Path, name: str) -> str | None:
    words = _WORDS.get(Path(name).suffix)
    size = path.stat().st_size if words else 0
    if not words or not 1000 < size < LARGEST:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start, end = _names_part(path, data)
        return next((kind for kind, all_of in words.items() if all(data.find(word, start, end) >= 0 for word in all_of)), None)


def _names_part(path: Path, data: mmap.mmap) -> tuple[int, int]:
    """The part of a file where names are: the table of a PyTorch or numpy zip, the beginning of an old PyTorch file."""
    size = len(data)
    if path.suffix in (".pkl", ".npy"):
        return 0, size
    if data[:4] != b"PK\3\4":
        return 0, min(size, _HEAD)
    try:
        with zipfile.ZipFile(path) as archive:
            table = next((e for e in archive.infolist() if e.filename.endswith("data.pkl")), None)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        return 0, min(size, _HEAD)
    if table is None:
        return max(0, size - _HEAD), size  # the list of entries is at the end
    return table.header_offset, min(size, table.header_offset + table.compress_size + 4096)


def _packed(path: Path) -> Iterator[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [Path(name).name for name in archive.namelist()[:MAX_ENTRIES]]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        return
    known = sorted({name for name in names if any(re.fullmatch(form, name.lower()) for form in _NAMES.values())})
    if known:
        yield f"{path} is an archive with {listed(known)} in it: unpack it, then import the folder."


def check_name(candidate: Candidate, top: Path) -> None:
    """Raises Unfit when a FLAME model's name, or its folder's, says that it is not the generic one of 2020."""
    if candidate.kind != MODEL:
        return
    name = candidate.path.name.lower()
    if sex := re.match(r"(male|female)_model", name):
        raise Unfit(f"it is FLAME's {sex[1]} model by its name, expected the generic one (generic_model.pkl), for which DECA and "
                    "DiffusionRig were trained")
    top = top.parent if top == candidate.path else top
    parts = (top.name, *candidate.path.relative_to(top).parts)
    years = [found[1] for part in reversed(parts) if (found := _YEAR.search(part))]
    if years and years[0] != "2020":
        raise Unfit(f"it is FLAME {years[0]}'s model by the name of its file or folder, expected FLAME 2020's generic_model.pkl")


def check_beginning(path: Path) -> None:
    """Raises Unfit when a file is something that downloads and copies leave in place of the wanted one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(2048)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if size == 0:
        raise Unfit("it is empty: download it again")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<script")):
        raise Unfit(f"it is a web page of {size:,} bytes, not the file: sign in on the site that offers it and download it again")
    if text.startswith(b"version https://git-lfs"):
        raise Unfit("it is a Git LFS pointer, not the file itself: run 'git lfs pull' where it came from")
    if text.startswith((b"{\"", b"{ \"", b"{\n")) and size < 1 << 20:
        raise Unfit("it is a short JSON text (a message of the download site?), not the file: download it again")
    for start, what in ((b"\x1f\x8b", "a gzip archive"), (b"7z\xbc\xaf", "a 7z archive"), (b"rar!", "a RAR archive"),
                        (b"%pdf", "a PDF document"), (b"\x89png", "a picture"), (b"\xff\xd8\xff", "a picture")):
        if head[:8].lower().startswith(start):
            raise Unfit(f"it is {what}" + (": unpack it" if "archive" in what else ", not the file"))
    if head[257:262] == b"ustar":
        raise Unfit("it is a tar archive: unpack it")
    if head[:4] == b"PK\3\4" and path.suffix.lower() in (".pkl", ".npy", ".obj"):
        raise Unfit("it is a zip archive: unpack it")
