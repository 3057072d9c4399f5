"""Where a benchmark finds photos when none are named."""
from __future__ import annotations

import os
from pathlib import Path


def default_photos() -> Path:
    """The test photos beside the repository, or the samples that ship where there are none."""
    repository = Path(__file__).resolve().parent.parent
    shared = Path(os.environ.get("DIFFUSIONRIG_SHARED") or repository.parent / "shared") / "faces" / "originals"
    return shared if shared.is_dir() else repository / "resources" / "samples"
