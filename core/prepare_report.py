"""What a folder of shards holds and what was refused, for programs and to read."""
from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from core.files import atomic_write
from core.prepare_shards import shard_about, shard_facts


def write_report(folder: Path) -> dict[str, Any]:
    """What the shards of a folder hold: written to report.json, and to report.txt to read. Raises UserError for a damaged shard.

    reasons: how often each was given; facts: 5th, 50th and 95th percentile of each.
    """
    paths = sorted(folder.glob("*.npz"))
    abouts = [shard_about(path) for path in paths]
    refused = [entry for about in abouts for entry in about["refused"]]
    # a reason's first sentence, without the picture's name and numbers, is its kind
    kinds = Counter(re.sub(r" as .*|\d+( %)?", "", reason.split(". ")[0].replace(name, "it")).strip(" .")
                    for name, reason in refused)
    report = {
        "shards": [path.name for path in paths], "pictures": sum(about["count"] for about in abouts),
        "bytes": sum(path.stat().st_size for path in paths), "reasons": dict(sorted(kinds.items(), key=lambda k: (-k[1], k[0]))),
        "facts": {name: [round(float(v), 4) for v in np.percentile(values, (5, 50, 95))]
                  for name, values in sorted(shard_facts(paths).items())},
        "refused": [{"name": n, "reason": r} for n, r in refused]}
    atomic_write(folder / "report.json", json.dumps(report, indent=1).encode(), make_folder=True)
    atomic_write(folder / "report.txt", (summary(report) + "\n").encode())
    return report


def summary(report: dict[str, Any]) -> str:
    """The report in a few lines."""
    count = report["pictures"]
    lines = [f"{count} pictures in {len(report['shards'])} shards, {report['bytes'] / 2**20:.1f} MiB"
             + (f" ({report['bytes'] / count / 1024:.0f} KiB a picture)" if count else "")]
    lines += [f"{name}: {low:g} to {high:g}, median {middle:g}" for name, (low, middle, high) in report["facts"].items()]
    lines += [f"{len(report['refused'])} refused" + (":" if report["refused"] else "")]
    return "\n".join([*lines, *(f"  {number} x {reason}" for reason, number in report["reasons"].items())])
