"""The rasterizers against each other on the shipped head: time a picture, and whether they draw the same pixels.

    python benchmarks/rasterizers.py [--sizes 256 512] [--batch 8] [--repeat 5]

Each is compared with 'numba': face ids, depths and barycentric weights bit for bit, images by their largest difference.
'torch' and 'pytorch3d' draw on the GPU where torch has CUDA (there the last bit may differ in pytorch3d's own kernels). A
rasterizer that is not installed is left out with that word.
"""
from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

from core.codes import FaceCode  # noqa: E402
from core.errors import AssetError  # noqa: E402
from core.head import load_head  # noqa: E402
from core.render.buffers import Buffers, render_batch, render_buffers  # noqa: E402
from core.render.numba_raster import Workspace  # noqa: E402
from core.render.rasterize import get_rasterizer, rasterizer_names  # noqa: E402


def milliseconds(work: Callable[[], object], repeat: int) -> float:
    """Median wall time of work(), after one that doesn't count."""
    work()
    times = []
    for _ in range(repeat):
        begun = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(times)


def poses(code: FaceCode, count: int) -> list[FaceCode]:
    """Codes of a head that turns."""
    return [code.replace(pose=[0.05 * i, 0.6 * i / count - 0.3, 0]) for i in range(count)]


def compared(found: Buffers, known: Buffers) -> str:
    """Where two sets of buffers differ, in words."""
    assert found.face_ids is not None and known.face_ids is not None
    ids = int((found.face_ids != known.face_ids).sum())
    exact = all(np.array_equal(getattr(found, name), getattr(known, name)) for name in ("face_ids", "depth", "bary"))
    largest = max(float(np.abs(getattr(found, name) - getattr(known, name)).max()) for name in ("rendered", "normal", "albedo"))
    return f"{'same bits' if exact else f'{ids} ids differ':<16}{largest:.1e}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    head = load_head("open")
    code = head.zero_code()
    print(f"{'rasterizer':12}{'size':>6}{'ms':>10}{f'ms, {args.batch} at once':>16}  {'surface':<16}images")
    for name in rasterizer_names():
        try:
            get_rasterizer(name)
        except AssetError:
            print(f"{name:12}  not installed")
            continue
        repeat = args.repeat if name != "pytorch3d" else 1
        for size in args.sizes:
            turned = poses(code, args.batch)
            alone = milliseconds(partial(render_buffers, head, code, size, name, workspace=Workspace()), repeat)
            many = milliseconds(partial(render_batch, head, turned, size, name), 1) if repeat > 1 else float("nan")
            same = compared(render_buffers(head, turned[-1], size, name), render_buffers(head, turned[-1], size))
            print(f"{name:12}{size:6}{alone:10.1f}{many:16.1f}  {same}", flush=True)


if __name__ == "__main__":
    main()
