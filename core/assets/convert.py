"""Released checkpoints and DECA's encoder, from the user's PyTorch file to a .safetensors file of ours, once."""
from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import paths
from core.assets import networks, process, store
from core.assets.digests import file_digest
from core.assets.networks import Plan
from core.assets.problems import Unfit
from core.assets.scan import check_beginning
from core.errors import AssetError
from core.files import WriteError, atomic_adopt

Say = Callable[[str], object]
Asked = Callable[[], bool]
KEPT = 3  # converted copies of files that were opened without importing them


def silent(_text: str) -> None:
    """Says nothing."""


def never() -> bool:
    """Is never cancelled."""
    return False


def convert(path: Path, target: Path, planned: Callable[[dict[str, Any]], Plan], say: Say = silent,
            cancelled: Asked = never) -> str:
    """Write the network in `path` to `target`, at once or not at all, and return what it is. planned: the plan from the summary.

    Raises Unfit, AssetError, WriteError, Cancelled.
    """
    with process.workplace(target.parent) as folder:
        say(f"Reading {path.name}")
        facts, _ = process.run({"task": "summary", "file": str(path)}, folder, cancelled)
        plan = planned(facts)
        progress = Progress(path, plan.size, say)
        _, out = process.run({**plan.job(), "file": str(path)}, folder, cancelled, progress)
        atomic_adopt(out, target)
    return plan.what


class Progress:
    """Says how far a conversion is, every ten percent."""

    def __init__(self, path: Path, total: int, say: Say) -> None:
        self.path, self.total, self.say, self.said = path, max(total, 1), say, -1

    def __call__(self, written: int) -> None:
        tenth = min(10 * written // self.total, 10)
        if tenth > self.said:
            self.said = tenth
            self.say(f"Converting {self.path.name}: {10 * tenth} %")


def open_checkpoint(path: Path, say: Say = silent, cancelled: Asked = never) -> Path:
    """The .safetensors file for a released checkpoint that was named directly: the imported one, or a copy in the cache.

    Raises AssetError with a message for the user when it is no such checkpoint; Cancelled.
    """
    try:
        check_beginning(path)
        digest = file_digest(path)
        stored = store.source_of(digest)
        if stored is not None:
            return stored
        copy = paths.cache_dir() / "converted" / f"{digest}.safetensors"
        if copy.is_file():
            return copy
        convert(path, copy, lambda facts: networks.plan_checkpoint(facts, path.stem, digest), say, cancelled)
        _keep_few(copy.parent)
        return copy
    except Unfit as error:
        raise AssetError(f"{path} can't be used as a model: {error}. Get the file again, or choose another one.") from error
    except WriteError:
        raise
    except OSError as error:
        raise AssetError(f"{path} can't be read ({error.strerror or error}). Choose another file.") from error


def _keep_few(folder: Path) -> None:
    copies = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
    for old in copies[:-KEPT]:
        with contextlib.suppress(OSError):
            old.unlink()
