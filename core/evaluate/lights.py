"""Light recovered from renders whose light is known, through the whole chain: picture, landmarks, fit, light."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.codes import FaceCode
from core.errors import PhotoError
from core.estimate import fit_photo
from core.evaluate.fits import SIZE, Fitted
from core.head.base import HeadModel
from core.landmarks import FaceFinder
from core.light import mean_shading
from core.photo import LoadedImage, Photo
from core.render.buffers import render_buffers

_BRIGHTEST = 1.0  # a render that clips has lost its light
_MOST_YAW = 20.0
_GREY = np.array([0.3, 0.5, 0.2])


@dataclass(frozen=True)
class Known:
    """A render under known light. error: RMSE over the 27 coefficients, relative to their RMS; shape: the same after the best
    one factor for all (skin and light share their brightness); skin: relative difference between the lights found on the darkest
    and on the lightest skin; by_skin: the error on each of the two."""

    name: str
    error: float
    shape: float
    skin: float
    by_skin: tuple[float, float]


def known_lights(head: HeadModel, fits: Sequence[Fitted], finder: FaceFinder, count: int) -> list[Known]:
    """Renders of `count` fitted people under other people's lights: on their own skin for `error`, and on the darkest and the
    lightest skin (5th and 95th percentile of those fitted) for `skin`. Only frontal heads are taken."""
    frontal = [fit for fit in fits if abs(fit.measures.yaw) < _MOST_YAW]
    if len(frontal) < 3:
        return []
    by_skin = sorted(frontal, key=lambda fit: skin_level(head, fit.code))
    dark, light = (by_skin[round(share * (len(by_skin) - 1))].code.albedo for share in (0.05, 0.95))
    step = max(1, len(frontal) // count)
    found = []
    for i in range(0, len(frontal), step)[:count]:
        lit = frontal[(i + len(frontal) // 2) % len(frontal)].code.light  # somebody else's light
        code = frontal[i].code.replace(light=lit)
        scale = min(1.0, *(_headroom(head, code.replace(albedo=albedo)) for albedo in (code.albedo, light)))
        code = code.replace(light=lit * scale)
        recovered = [_recover(head, code.replace(albedo=albedo), finder) for albedo in (code.albedo, dark, light)]
        if any(value is None for value in recovered):
            continue
        own, on_dark, on_light = (np.asarray(value, np.float64) for value in recovered)
        truth = np.asarray(code.light, np.float64)
        found.append(Known(frontal[i].photo.name, relative(own, truth), relative(own * _factor(own, truth), truth),
                           relative(on_dark, on_light), (relative(on_dark, truth), relative(on_light, truth))))
    return found


def relative(light: np.ndarray, truth: np.ndarray) -> float:
    """RMSE over coefficients (9, 3) relative to the RMS of `truth`."""
    return float(np.linalg.norm(light - truth) / np.linalg.norm(truth))


def skin_level(head: HeadModel, code: FaceCode) -> float:
    """Mean brightness of the bare skin's albedo, 0 to 1."""
    albedo = head.albedo(code.albedo)
    if albedo.vertex is None:
        return float(np.mean(albedo.texture)) if albedo.texture is not None else 0.0
    weight = np.asarray(head.regions["skin"], np.float64)
    return float(weight @ (np.asarray(albedo.vertex, np.float64) @ _GREY) / weight.sum())


def _factor(light: np.ndarray, truth: np.ndarray) -> float:
    return float((light * truth).sum() / (light * light).sum())


def _headroom(head: HeadModel, code: FaceCode) -> float:
    buffers = render_buffers(head, code, 128)
    shown = buffers.rendered[buffers.coverage > 0]
    return _BRIGHTEST / max(float(np.percentile(shown, 99.5)), 1e-3)


def _recover(head: HeadModel, code: FaceCode, finder: FaceFinder) -> np.ndarray | None:
    buffers = render_buffers(head, code, 2 * SIZE)
    level = float(np.clip(mean_shading(code.light).mean() / 2, 0.1, 0.5))
    shown = np.where(buffers.coverage[..., None] > 0, buffers.rendered, level)
    image = LoadedImage((np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8))
    try:
        return fit_photo(head, Photo.aligned_already(image, finder)).code.light
    except PhotoError:
        return None
