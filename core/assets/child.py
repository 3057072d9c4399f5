"""The separate process that reads foreign files; `core.assets.process` starts it with a folder as its argument.

The folder holds job.json; the answer goes to result.json and plain arrays to the files that the job names. Limits on memory, time
and file size hold for the whole process, where the system has them. It uses neither the pickle module nor PyTorch.
"""
from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.assets import flame_files, weights
from core.assets.problems import Unfit

MEMORY, CPU_SECONDS = 2 << 30, 600


def limit(file_bytes: int) -> None:
    """Limit this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = [("RLIMIT_AS", MEMORY), ("RLIMIT_CPU", CPU_SECONDS), ("RLIMIT_FSIZE", file_bytes), ("RLIMIT_CORE", 0)]
    for name, value in limits:
        try:
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (most, most))
        except (AttributeError, ValueError, OSError):  # macOS knows some only by name
            continue


def _arrays(read: Callable[..., dict[str, np.ndarray]]) -> Callable[[dict[str, Any], Path], None]:
    def task(job: dict[str, Any], out: Path) -> None:
        sizes = [flame_files.Sizes(**job["sizes"])] if "sizes" in job else []
        with out.open("wb") as file:
            np.savez(file, **read(Path(job["file"]), *sizes))  # type: ignore[arg-type]
    return task


def _convert(job: dict[str, Any], out: Path) -> None:
    weights.convert(Path(job["file"]), out, job["at"], job["prefix"], job["wanted"], job["metadata"])


TASKS: dict[str, Callable[[dict[str, Any], Path], dict[str, Any] | None]] = {
    "summary": lambda job, out: weights.summary(Path(job["file"])),
    "convert": _convert,
    "model": _arrays(flame_files.model_arrays),
    "embedding": _arrays(flame_files.embedding_arrays),
    "template": _arrays(flame_files.template_arrays),
    "texture": _arrays(flame_files.texture_arrays),
}


def answer(job: dict[str, Any], out: Path) -> dict[str, Any]:
    """Do a job; {'facts': ...} or {'error': words}."""
    try:
        return {"facts": TASKS[job["task"]](job, out)}
    except Unfit as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"it needs more than {MEMORY >> 30} GB of memory to read, as no such file does"}
    except RecursionError:
        return {"error": "it is nested too deeply"}
    except OSError as error:
        return {"error": f"it can't be read ({error.strerror or error})"}
    except Exception as error:  # whatever a damaged file does to the readers is a damaged file
        return {"error": f"it is damaged ({type(error).__name__})"}


def main() -> None:
    """Read the job, answer it."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    limit(int(job["file_bytes"]))
    text = json.dumps(answer(job, folder / "out"))
    (folder / "result.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
