"""Fitting many photos in several processes, each measured where it was fitted."""
from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, util
from typing import Any

import numpy as np

from core.codes import FaceCode
from core.errors import UserError
from core.estimate import FitResult, fit_photo
from core.evaluate.measures import (
    Measures,
    asymmetry,
    fitted_points,
    landmark_measures,
    nose_depth,
    residual,
)
from core.evaluate.photos import Listed
from core.head import HeadModel, load_head
from core.landmarks import EYE_CORNERS, FaceFinder
from core.photo import Photo, load_image
from core.prepare import as_aligned, encode_jpeg
from core.render.buffers import render_buffers
from core.rig import pose_degrees

SIZE = 256
STAGES = ("landmarks", "fit", "buffers")
_CHUNK = 8


@dataclass(frozen=True, eq=False)
class Fitted:
    """A photo that was fitted: its code and measures, what a sheet needs (crop as JPEG, landmarks (478, 2) in its pixels), the
    landmarker's scores, and milliseconds for each of `STAGES`."""

    photo: Listed
    code: FaceCode
    measures: Measures
    jpeg: bytes
    points: np.ndarray
    scores: dict[str, float]
    times: tuple[float, ...]

    @property
    def yaw(self) -> float:
        """The head's yaw in degrees, as the index has it, else as fitted."""
        return self.measures.yaw if self.photo.yaw is None else self.photo.yaw


@dataclass(frozen=True)
class Refused:
    """A photo that could not be fitted, and why."""

    photo: Listed
    reason: str


def fit_all(photos: Sequence[Listed], head: str, workers: int,
            say: Callable[[str], object] = print) -> tuple[list[Fitted], list[Refused]]:
    """Fit and measure every photo, in order. The result does not depend on `workers`, but the times do."""
    fitted: list[Fitted] = []
    refused: list[Refused] = []
    # one thread of computation a process, as when the window fits beside the denoiser
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(max(1, workers), get_context("spawn"), _start, (head,)) as pool:
        for done, result in enumerate(pool.map(_fit_listed, photos, chunksize=_CHUNK), 1):
            if isinstance(result, Fitted):
                fitted.append(result)
            else:
                refused.append(result)
            if done % 100 == 0:
                say(f"{done} of {len(photos)} photos")
    return fitted, refused


_tools: dict[str, Any] = {}


def _start(head: str) -> None:
    finder = FaceFinder()
    # the landmark model must be closed before the interpreter takes its threads down
    util.Finalize(None, finder.close, exitpriority=10)
    _tools.update(head=load_head(head), finder=finder)
    code = _tools["head"].zero_code()
    render_buffers(_tools["head"], code, SIZE)  # compiles the rasterizer before anything is timed


def _fit_listed(photo: Listed) -> Fitted | Refused:
    try:
        return fit_one(photo, photo.item.read(), _tools["head"], _tools["finder"])
    except (UserError, ValueError, np.linalg.LinAlgError) as error:
        return Refused(photo, str(error).replace("The picture", photo.name))


def fit_one(listed: Listed, data: bytes, head: HeadModel, finder: FaceFinder) -> Fitted:
    """Fit and measure one photo given as the bytes of its file. Raises PhotoError when it can't be used."""
    image = load_image(data)
    start = time.perf_counter()
    photo: Photo = as_aligned(image, finder) or Photo.open(image, None, finder)
    found = time.perf_counter()
    crop = photo.crop(SIZE)
    fitting, result = _quickest(lambda: fit_photo(head, photo))
    drawing, buffers = _quickest(lambda: render_buffers(head, result.code, SIZE))
    points = photo.points(SIZE)
    colours = residual(buffers, crop, points)
    return Fitted(listed, result.code, measure(head, photo, result, colours), encode_jpeg(crop), points,
                  photo.face.blendshapes, (1e3 * (found - start), fitting, drawing))


def _quickest(work: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds of the quicker of two runs, because other programs take the core away; and the result."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        result = work()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times), result


def measure(head: HeadModel, photo: Photo, result: FitResult, colours: float) -> Measures:
    """All measures of a fit; colours: its residual."""
    seen, code = photo.points(SIZE), result.code
    depth = photo.face.depth * (SIZE / photo.alignment.side)
    ends = np.column_stack([seen, depth])[list(EYE_CORNERS)]
    span = float(np.linalg.norm(ends[1] - ends[0]))
    return Measures(
        **landmark_measures(seen, fitted_points(head, code, SIZE, seen), span), asymmetry=asymmetry(head, code),
        nose_depth=nose_depth(head, code), residual=colours, light=255 * float(result.light_residual),
        confidence=float(getattr(result, "confidence", 1.0)), size=float(np.linalg.norm(code.identity)),
        yaw=pose_degrees(code.pose)[0])
