"""`main.py doctor`: what is installed and found on this machine, what is missing, and what to do about it."""
from __future__ import annotations

import argparse
import ctypes
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from core import paths
from core.errors import UserError

OK, MISSING, OPTIONAL = "ok", "missing", "optional"

_PACKAGES = ("torch", "numpy", "scipy", "numba", "pillow", "opencv-contrib-python", "mediapipe", "safetensors", "trimesh",
             "dlib-bin", "face-recognition-models", "PySide6-Essentials", "pyqtgraph")

# (module, package, what it does where it is there, what to install it for)
_EXTRAS = (("pillow_heif", "pillow-heif", "HEIC photos can be opened", "to open HEIC photos"),
           ("embreex", "embreex", "cast shadows are found by rays", "for cast shadows with exact edges"),
           ("OpenEXR", "OpenEXR", "environments in .exr files can be opened", "to open environments in .exr files"))


@dataclass(frozen=True)
class Finding:
    """One line: state is 'ok', 'missing' or 'optional' (not there, and nothing basic needs it).

    essential: without it no picture can be made.
    """

    state: str
    text: str
    essential: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`doctor` takes none."""


def run(arguments: argparse.Namespace) -> int:
    """Print what is found, as it is found. Returns 0 when pictures can be made here, 1 when an essential part is missing."""
    bad = 0
    for finding in examine(arguments.display_problem):
        print(f"{finding.state:<9}{finding.text}", flush=True)
        bad += finding.essential and finding.state == MISSING
    print("Everything needed to make pictures is here." if not bad else
          f"{bad} essential part{'s are' if bad > 1 else ' is'} missing: pictures can't be made until that is put right.")
    return int(bad > 0)


def examine(display_problem: Callable[[], str | None]) -> Iterator[Finding]:
    """All findings, in the order to read them in. display_problem() says why no window can open, or None."""
    yield Finding(OK, f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}")
    yield from packages()
    yield from libraries()
    yield from _devices()
    yield from _data()
    yield _display(display_problem)
    yield from _folders()


def packages() -> Iterator[Finding]:
    """The Python packages, with their versions."""
    for name in _PACKAGES:
        try:
            yield Finding(OK, f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            yield Finding(MISSING, f"{name}: run 'make setup'", essential=True)
    for module, name, there, why in _EXTRAS:
        if util.find_spec(module) is not None:
            yield Finding(OK, f"{name}: {there}")
        else:
            yield Finding(OPTIONAL, f"{name}: {why}, run '.venv/bin/python -m pip install {name}'")


def libraries(table: Path | None = None, loads: Callable[[str], bool] | None = None) -> Iterator[Finding]:
    """The system libraries of resources/system-libraries.txt that are missing, or one line that all are there."""
    if not sys.platform.startswith("linux"):
        return
    missing = 0
    for package, probe, uses in library_table(table):
        if (loads or is_there)(probe):
            continue
        missing += 1
        state = OPTIONAL if uses == ["tests"] else MISSING
        yield Finding(state, f"{probe}, for the {' and '.join(uses)}: on Debian run 'sudo apt-get install {package}'",
                      essential="landmarks" in uses)
    if not missing:
        yield Finding(OK, "system libraries")


def library_table(path: Path | None = None) -> list[tuple[str, str, list[str]]]:
    """Rows (Debian package, shared library or program, what needs it) of resources/system-libraries.txt."""
    rows = []
    for line in (path or paths.resource("system-libraries.txt")).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            package, probe, uses = line.split()
            rows.append((package, probe, uses.split(",")))
    return rows


def is_there(probe: str) -> bool:
    """Whether a shared library loads, or a program is on the PATH."""
    if ".so" not in probe:
        return shutil.which(probe) is not None
    try:
        ctypes.CDLL(probe)
    except OSError:
        return False
    return True


def _devices() -> Iterator[Finding]:
    try:
        import torch
    except ImportError:  # said already, among the packages
        return
    yield Finding(OK, f"CPU, {os.cpu_count()} cores")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield Finding(OK, f"CUDA device {torch.cuda.get_device_name(index)}")
    else:
        yield Finding(OPTIONAL, "CUDA: no device, or this PyTorch is built without it")
    if sys.platform == "darwin":
        found = torch.backends.mps.is_available()
        yield Finding(OK if found else OPTIONAL, "MPS device" if found else "MPS: not available")


def _data() -> Iterator[Finding]:
    yield _try("head", _head, essential=True)
    yield _try("landmark model", _landmarks, essential=True)
    yield _try("default prior", _prior, essential=True)
    yield _try("network", _network, essential=True)
    yield _try("identity model", _identity)
    yield from imported()
    yield from _people()


def _people() -> Iterator[Finding]:
    from core.people.shelf import listed

    people = listed()
    good = [entry.name for entry in people if not entry.problem]
    if good or not people:
        yield Finding(OK, f"people: {', '.join(good)}") if good else Finding(OPTIONAL, "people: none yet")
    for entry in people:
        if entry.problem:
            yield Finding(OPTIONAL, f"people: '{entry.name}' can't be used: {entry.problem}")


def _try(name: str, look: Callable[[], str], essential: bool = False) -> Finding:
    """The finding of one part; whatever goes wrong in it must not end the examination."""
    try:
        return Finding(OK, f"{name}: {look()}", essential)
    except UserError as error:
        return Finding(MISSING, f"{name}: {error}", essential)
    except Exception as error:
        text = " ".join(str(error).split())
        return Finding(MISSING, f"{name}: can't be used ({type(error).__name__}: {text})", essential)


def _head() -> str:
    from core.head import load_head

    head = load_head("open")
    return f"{head.name}, {len(head.faces):,} triangles, {len(head.expression_names)} expression units"


def _landmarks() -> str:
    from core.landmarks import FaceFinder
    from core.photo import load_image

    photo = load_image(paths.resource("samples", "astronaut.png"))
    with FaceFinder() as finder:
        if not finder.detect(photo.pixels):
            raise UserError("it loads, but finds no face in the sample photo; run 'make setup' again.")
    return "finds the face in the sample photo"


def _prior() -> str:
    from core.prior import load_prior

    prior = load_prior(None)
    return f"{prior.name}, {prior.size} pixels, {prior.head} head, {prior.digest[:12]}"


def _network() -> str:
    from core.engine import Engine

    engine = Engine()
    engine.close()
    dtype = str(engine.dtype).removeprefix("torch.")
    return f"runs on {engine.device} in {dtype}" + (", the faster by a short timing" if engine.device.type == "cpu" else "")


def _identity() -> str:
    spec = util.find_spec("face_recognition_models")  # never imported: its own code needs a package of the past
    folder = Path(spec.origin).parent / "models" if spec is not None and spec.origin else None
    if folder is None or not (folder / "dlib_face_recognition_resnet_model_v1.dat").is_file():
        raise UserError("the identity distance can't be measured; run 'make setup'.")
    return "dlib face recognition"


def imported() -> Iterator[Finding]:
    """The user's own licensed files: what is imported, and what could be."""
    from core import assets
    from core.assets.store import TITLES

    found = assets.status()
    for asset in found:
        about = f"{asset.what}, '{asset.name}', from {asset.file}"
        # only FLAME is opened: its arrays are small, and the others are checked whenever they are opened
        yield _try("imported", lambda about=about, kind=asset.kind: _flame(about) if kind == "flame" else about)  # type: ignore[misc]
    missing = [title for kind, title in TITLES.items() if kind not in {asset.kind for asset in found}]
    if missing:
        yield Finding(OPTIONAL, f"not imported: {', '.join(missing)}; 'main.py assets import FOLDER' brings in your own files")


def _flame(about: str) -> str:
    from core.head import load_head

    load_head("flame")
    return about


def _display(display_problem: Callable[[], str | None]) -> Finding:
    try:
        problem = display_problem()
    except Exception as error:
        problem = f"the window can't start ({type(error).__name__}: {error})"
    return Finding(MISSING, f"display: {problem}") if problem else Finding(OK, "display")


def _folders() -> Iterator[Finding]:
    for name, folder in (("your data", paths.data_dir()), ("settings", paths.config_dir()), ("cache", paths.cache_dir())):
        existing = next(p for p in (folder, *folder.parents) if p.exists())
        if os.access(existing, os.W_OK):
            yield Finding(OK, f"{name}: {folder}")
        else:
            yield Finding(MISSING, f"{name}: no permission to write to {folder}; set {paths.HOME_VARIABLE} to another folder")
