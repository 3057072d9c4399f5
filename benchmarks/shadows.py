"""What cast shadows cost: buffers of the head with no lamp, with one to four hard lamps by shadow map, and by rays.

    .venv/bin/python benchmarks/shadows.py [--repeat N]

Medians of processor time in one run, and ratios to the buffers without lamps: the machine's own speed cancels out.
"""
from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.codes import FaceCode  # noqa: E402
from core.head import load_head  # noqa: E402
from core.light import LightParams, compose  # noqa: E402
from core.light_lamps import Lamp  # noqa: E402
from core.render.buffers import render_buffers  # noqa: E402
from core.render.numba_raster import Workspace  # noqa: E402
from core.shadows import MAP, RAYS, forget, rays_available  # noqa: E402

PLACES = ((50, 30), (-60, 10), (140, 30), (0, 60))
SIZES = (256, 512)


def lit(code: FaceCode, count: int, softness: float) -> FaceCode:
    """The code under so many lamps, each with its shadow."""
    lamps = (Lamp(tuple(LightParams(*place).direction), (0.5, 0.5, 0.5), softness, 1.0) for place in PLACES[:count])  # type: ignore[arg-type]
    return code.replace(lamps=tuple(lamps))


def median(work: Callable[[], object], repeat: int) -> float:
    """Milliseconds of this thread's own time on a processor: what other programs take doesn't count."""
    work()
    times = []
    for _ in range(repeat):
        forget()
        started = time.thread_time()
        work()
        times.append(time.thread_time() - started)
    return 1e3 * float(np.median(times))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeat", type=int, default=25)
    repeat = parser.parse_args().repeat
    head = load_head("open")
    code = head.zero_code().replace(box=np.array([1.1, 0.5, 0.55]), light=compose(LightParams(ambient=0.4)))
    print(f"{'lamps':28} " + " ".join(f"{size:>6} px  ratio" for size in SIZES))
    plain: dict[int, float] = {}
    rows: list[tuple[str, FaceCode, str, int]] = [("none", code, MAP, repeat)]
    rows += [(f"{count}, softness {softness:g}, map", lit(code, count, softness), MAP, repeat)
             for count, softness in ((1, 0.0), (1, 0.2), (1, 1.0), (2, 0.2), (4, 0.2))]
    if rays_available():
        rows += [(f"1, softness {softness:g}, rays", lit(code, 1, softness), RAYS, max(repeat // 5, 3))
                 for softness in (0.0, 0.2, 1.0)]
    for name, shown, method, count in rows:
        cells = []
        for size in SIZES:
            took = median(partial(render_buffers, head, shown, size, workspace=Workspace(), shadows=method), count)
            plain.setdefault(size, took)
            cells.append(f"{took:6.1f} ms {took / plain[size]:5.1f}")
        print(f"{name:28} " + " ".join(cells), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
