"""Starting the separate process that reads foreign files, and stopping it: at a time limit, or when the user cancels."""
from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core import paths
from core.assets.problems import Unfit
from core.errors import AssetError, Cancelled

SECONDS = 900.0
MARGIN = 64 << 20
MAX_ANSWER = 32 << 20
PREFIX = ".import-"


@contextlib.contextmanager
def workplace(near: Path) -> Iterator[Path]:
    """A temporary folder on the disk of the folder `near`, which is made if need be. Raises AssetError when it can't be."""
    try:
        near.mkdir(parents=True, exist_ok=True)
        _sweep(near)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=near))
    except OSError as error:
        raise AssetError(f"{near} can't be written to ({error.strerror or error}). Free some space or set "
                         f"{paths.HOME_VARIABLE} to another folder.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(near: Path) -> None:
    # What a killed import left behind, a day later.
    for old in near.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > 86400:
                shutil.rmtree(old, ignore_errors=True)


def run(job: dict[str, Any], folder: Path, cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda written: None, seconds: float = SECONDS) -> tuple[Any, Path]:
    """Let a separate process do a job of `core.assets.child` in `folder`: (facts, the file it wrote).

    progress: called with the bytes written so far. Raises Unfit with the reason when the file is not what the job expects;
    Cancelled.
    """
    source = Path(job["file"])
    wanted = job.get("bytes", source.stat().st_size) + MARGIN
    if "bytes" in job and shutil.disk_usage(folder).free < wanted:
        raise AssetError(f"There is not enough space in {folder.parent} for {source.name}: {wanted >> 20:,} MB are needed.")
    out = folder / "out"
    for name in ("out", "result.json"):
        (folder / name).unlink(missing_ok=True)
    (folder / "job.json").write_text(json.dumps({**job, "file": str(source.resolve()), "file_bytes": wanted}), encoding="utf-8")
    with _started(folder) as child:
        end = time.monotonic() + seconds
        while child.poll() is None:
            if cancelled():
                raise Cancelled
            if time.monotonic() > end:
                raise Unfit(f"reading it took more than {seconds:.0f} seconds")
            progress(out.stat().st_size if out.exists() else 0)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.05)
    return _answer(folder, child.returncode), out


@contextlib.contextmanager
def _started(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    # -P: no module comes from the current folder; the program's own folder is given by name.
    program = f"import sys; sys.path.insert(0, {str(paths.REPOSITORY)!r}); from core.assets.child import main; main()"
    with (folder / "stderr").open("wb") as complaints:
        child = subprocess.Popen([sys.executable, "-P", "-c", program, str(folder)], cwd=folder, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=complaints, env={**os.environ, "OMP_NUM_THREADS": "1"},
                                 creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0))
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


def _answer(folder: Path, status: int) -> Any:
    path = folder / "result.json"
    if status == 1:  # an uncaught exception: a defect, or an installation without numpy
        complaint = (folder / "stderr").read_text(errors="replace").strip()
        raise RuntimeError(f"the reader of foreign files failed: {complaint[-300:]}")
    if status or not path.is_file():
        raise Unfit(f"reading it needs more memory or time than any such file does (the reader ended with status {status})")
    if path.stat().st_size > MAX_ANSWER:
        raise Unfit("it holds far more names than such a file does")
    result = json.loads(path.read_text(encoding="utf-8"))
    if "error" in result:
        raise Unfit(result["error"])
    return result["facts"]
