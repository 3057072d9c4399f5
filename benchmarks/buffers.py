"""Time from a face code to its buffers on one core, alone and while the denoiser runs: `python benchmarks/buffers.py`.

Each kind of edit is dragged: a code changes a little from frame to frame, as a slider does it, with 12 ms between two frames. The
denoiser runs as in the window: in another thread of the same process, with two threads of its own and a lower priority (niceness
12). Wall time counts what other programs take too; the CPU time of the drawing thread tells its own part. Targets: 5 ms at 256,
12 ms at 512 (95th percentile). Last, the motion field and the warp that a preview starts from.
"""
from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import core  # noqa: E402, F401  sets how threads wait, before numpy and torch are loaded

# isort: split
import numpy as np  # noqa: E402

from core.codes import FaceCode  # noqa: E402
from core.head import load_head  # noqa: E402
from core.motion import motion_field, warp_picture  # noqa: E402
from core.render.buffers import render_buffers  # noqa: E402
from core.render.numba_raster import Workspace  # noqa: E402

PAUSE = 0.012  # seconds between two frames of a drag, about that of a 60 Hz screen with a frame in between
NICENESS = 12  # app.worker's
TARGETS = {256: 5.0, 512: 12.0}


def measure(run: Callable[[int], object], frames: int, pause: float = 0.0) -> np.ndarray:
    """Milliseconds [p50, p95 of the wall, p50, p95 of the thread's CPU time] of run(frame), after three that don't count."""
    times = []
    for frame in range(frames + 3):
        time.sleep(pause)
        wall, cpu = time.perf_counter(), time.thread_time()
        run(frame)
        times.append((1e3 * (time.perf_counter() - wall), 1e3 * (time.thread_time() - cpu)))
    return np.percentile(times[3:], (50, 95), axis=0).T.reshape(-1)


def drags(code: FaceCode, frames: int) -> dict[str, list[FaceCode]]:
    """The codes of a drag of each kind."""
    steps = np.linspace(0, 1, frames + 3)
    modes = np.random.default_rng(0).normal(0, 1, len(code.identity))
    units = np.abs(np.random.default_rng(1).normal(0, 0.2, len(code.expression)))
    return {"identity": [code.replace(identity=s * modes) for s in steps],
            "expression": [code.replace(expression=s * units, jaw=[0.1 * s, 0, 0]) for s in steps],
            "pose": [code.replace(pose=[0, 0.6 * s - 0.3, 0.1 * s]) for s in steps],
            "light": [code.replace(light=code.light * (1 - 0.5 * s)) for s in steps]}


@contextmanager
def denoising(prior: Path | None) -> Iterator[None]:
    """The shipped network's steps, one after the other, in a thread like the window's worker."""
    import torch

    from core.prior import load_prior
    from models.rig_model import EpsilonNetwork

    torch.set_num_threads(2)
    model = load_prior(prior).build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network, side, stop = EpsilonNetwork(model), 256, threading.Event()
    x, condition, code = torch.randn(1, 3, side, side), torch.randn(1, 9, side, side), torch.randn(1, 64)

    def work() -> None:
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while not stop.is_set():
            network(x, torch.tensor([500]), condition, code)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        time.sleep(2)
        yield
    finally:
        stop.set()
        thread.join()


def row(what: str, times: np.ndarray, target: float | None = None) -> None:
    """Print one line of the table."""
    ends = f"{target:9.0f}" if target else ""
    print(f"{what:38}" + "".join(f"{t:9.2f}" for t in times) + ends, flush=True)


def buffers(when: str, frames: int, rasterizer: str) -> None:
    """The rows of all kinds of edits at both sizes."""
    head = load_head("open")
    code = head.zero_code()
    edits = drags(code, frames)

    def draw(codes: list[FaceCode], size: int, work: Workspace, frame: int) -> object:
        return render_buffers(head, codes[frame], size, rasterizer, code, work)

    for size, target in TARGETS.items():
        work = Workspace()
        for kind, codes in edits.items():
            row(f"{size}, {kind}, {when}", measure(partial(draw, codes, size, work), frames, PAUSE), target)


def motion(frames: int) -> None:
    """The rows of the motion field and the warp."""
    head = load_head("open")
    code = head.zero_code()
    edits = drags(code, frames)["pose"]
    own = render_buffers(head, code, 256)
    picture = np.random.default_rng(0).random((256, 256, 3), np.float32) * 255
    drawn = [render_buffers(head, e, 256, recentre_from=code) for e in edits]
    row("motion field, 256", measure(lambda i: motion_field(head, code, edits[i], own, drawn[i]), frames))
    fields = [motion_field(head, code, e, own, b) for e, b in zip(edits, drawn, strict=True)]
    row("warp of a picture, 256", measure(lambda i: warp_picture(picture, fields[i], drawn[i].rendered), frames))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--rasterizer", default="numba")
    parser.add_argument("--prior", type=Path, help="the network that runs beside (default: the one that ships)")
    args = parser.parse_args()
    print(f"{'ms':38}{'p50':>9}{'p95':>9}{'CPU p50':>9}{'CPU p95':>9}{'target':>9}")
    buffers("alone", args.frames, args.rasterizer)
    with denoising(args.prior):
        buffers("denoising", args.frames, args.rasterizer)
    motion(max(args.frames // 4, 1))


if __name__ == "__main__":
    main()
