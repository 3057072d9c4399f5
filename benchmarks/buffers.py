"""Time from a face code to its buffers, and of the motion field, on one thread: `python benchmarks/buffers.py`.

A drag is imitated: the expression changes every frame, the identity doesn't.
"""
from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

from core.head import load_head  # noqa: E402
from core.motion import motion_field, warp_picture  # noqa: E402
from core.render.buffers import render_buffers  # noqa: E402
from core.render.numba_raster import Workspace  # noqa: E402


def measure(run: Callable[[int], object], frames: int) -> tuple[float, float]:
    """(p50, p95) milliseconds of run(frame), after three frames that don't count."""
    times = []
    for frame in range(frames + 3):
        start = time.perf_counter()
        run(frame)
        times.append((time.perf_counter() - start) * 1e3)
    return float(np.percentile(times[3:], 50)), float(np.percentile(times[3:], 95))


def main() -> None:
    """Prints one row for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--rasterizer", default="numba")
    frames, rasterizer = parser.parse_args().frames, parser.parse_args().rasterizer
    head = load_head("open")
    code = head.zero_code()
    smile = np.zeros(len(code.expression), np.float32)
    edits = [code.replace(expression=np.sin(0.1 * i) ** 2 * 0.5 + smile, pose=[0, 0.003 * i, 0]) for i in range(frames + 3)]
    print(f"{'what':34}{'p50 ms':>9}{'p95 ms':>9}")

    def draw(size: int, work: Workspace, frame: int) -> object:
        return render_buffers(head, edits[frame], size, rasterizer, code, work)

    for size in (256, 512):
        row = measure(partial(draw, size, Workspace()), frames)
        print(f"{f'code to buffers, {size}':34}{row[0]:9.2f}{row[1]:9.2f}")
    own = render_buffers(head, code, 256)
    picture = np.random.default_rng(0).random((256, 256, 3), np.float32) * 255
    buffers = [render_buffers(head, e, 256, recentre_from=code) for e in edits]
    few = max(frames // 2, 1)
    row = measure(lambda i: motion_field(head, code, edits[i + 1], own, buffers[i + 1]), few)
    print(f"{'motion field, 256':34}{row[0]:9.2f}{row[1]:9.2f}")
    fields = [motion_field(head, code, e, own, b) for e, b in zip(edits, buffers, strict=True)]
    row = measure(lambda i: warp_picture(picture, fields[i + 1], buffers[i + 1].rendered), few)
    print(f"{'warp of a picture, 256':34}{row[0]:9.2f}{row[1]:9.2f}")


if __name__ == "__main__":
    main()
