"""Light and skin colour of a fitted face, by robust linear least squares over its skin pixels.

In display RGB a skin pixel is albedo * sum_k c_k B_k(N) L_k (spec section 3). With one colour for all skin, the product
M = albedo * L is linear in the pixels and is solved for first; only then is it split into a skin colour and a light, which the
pixels alone can't do: a prior says how bright skin is, and that light has less colour than skin.
"""
from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.codes import FaceCode
from core.cv import cv2
from core.light import SH_CONSTANTS, mean_shading, sh_basis
from core.render.buffers import Buffers, render_buffers

if TYPE_CHECKING:
    from core.head.base import HeadModel

_SIZE = 128
_LEAST_FACING = 0.15
_LEAST_PIXELS = 200
_ROUNDS = 6
_RIDGE = np.array([0.0, *[4e-3] * 3, *[1.2e-2] * 5])  # on coefficients, in units of the face's brightness
_COUPLING = 3e-2  # pulls the channels' light to one shape
_USUAL_LIGHT = np.array([0.75 / SH_CONSTANTS[0], 0, 0.06, 0.25, 0, 0, 0, 0, 0])
_GREY = np.array([0.3, 0.5, 0.2])

# Skin and light as log-normal priors: mean brightness and what part of a surprise each takes, in proportion to its variance.
_SKIN, _SKIN_SD = np.array([0.68, 0.52, 0.45]), 0.30
_LEVEL, _LEVEL_SD = 0.90, 0.20
_SKIN_TINT_SD, _LIGHT_TINT_SD = 0.12, 0.05
_LIP_RATIO = np.array([0.86, 0.70, 0.75])
_HAIR_RATIO = 0.4
_BROW_SHARE = 0.65  # how much of the hair's colour shows in painted brows


def estimate_light(head: HeadModel, code: FaceCode, crop: np.ndarray) -> tuple[FaceCode, float]:
    """The code with albedo (9 = skin, lips, hair RGB) and light (9, 3) fitted to a crop (S, S, 3) uint8, and the mean absolute
    colour error over the skin that was used, on the scale 0..1.

    With too little skin in sight the code stays as it is and the error is NaN.
    """
    image = cv2.resize(crop, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA).astype(np.float64) / 255
    buffers = render_buffers(head, code, _SIZE)
    regions = _regions(head, buffers)
    length = np.linalg.norm(buffers.normal, axis=2)
    normals = buffers.normal.astype(np.float64) / np.maximum(length, 1e-6)[..., None]
    skin = (regions["skin"] > 0.9) & (normals[..., 2] > _LEAST_FACING)
    basis = sh_basis(normals)
    colours, rows = image[skin], basis[skin]
    if len(rows) < _LEAST_PIXELS:
        return code, float("nan")
    start = _first_weights(colours, regions["centre"][skin])
    product, weight = _solve(rows, colours, start)
    albedo, light = _split(product)
    shade = np.maximum(basis @ light, 0.12)
    lips = _part(image / shade, regions["lips"] > 0.8, albedo * _LIP_RATIO, 0.5)
    mixed = _part(image / shade, regions["brows"] > 0.5, albedo * (1 - _BROW_SHARE * (1 - _HAIR_RATIO)), 0.35)
    hair = _hair((mixed - (1 - _BROW_SHARE) * albedo) / _BROW_SHARE, albedo)
    fitted = code.replace(albedo=np.concatenate([albedo, np.clip(lips, 0.03, 1.0), hair]), light=light)
    error = np.abs(rows @ product - colours).mean(1)
    return fitted, float((error * weight).sum() / weight.sum())


def _regions(head: HeadModel, buffers: Buffers) -> dict[str, np.ndarray]:
    """Region weights (H, W) of the visible surface, 0 where there is no head; `skin` is bare skin, `centre` the face's middle."""
    assert buffers.face_ids is not None and buffers.bary is not None
    table = _region_table(head)
    seen = buffers.face_ids >= 0
    out = np.zeros((*seen.shape, table.shape[1]), np.float32)
    out[seen] = np.einsum("nkc,nk->nc", table[head.faces[buffers.face_ids[seen]]], buffers.bary[seen])
    return dict(zip(("skin", "lips", "brows", "centre"), np.moveaxis(out, 2, 0), strict=True))


@lru_cache(maxsize=2)
def _region_table(head: HeadModel) -> np.ndarray:
    """(V, 4) float32: bare skin, lips, brows, the face's middle."""
    shown = {name: np.asarray(head.regions[name], np.float32) for name in head.regions}
    bare = shown["skin"].copy()
    for name in ("lips", "lids", "brows", "scalp", "eyes", "mouth", "teeth", "lower_teeth", "tongue", "ears", "neck"):
        if name in shown:
            bare *= 1 - np.minimum(2 * shown[name], 1)
    mean = head.vertices_of(head.zero_code())
    # cheeks, nose and the space between the eyes: hardly ever behind hair, beard or glasses
    centre = (mean[:, 1] > -0.03) & (mean[:, 1] < 0.055) & (np.abs(mean[:, 0]) < 0.055) & (mean[:, 2] > 0.04)
    return np.stack([bare, shown["lips"], shown["brows"], centre.astype(np.float32)], 1)


def _first_weights(colours: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Weights (n,) by likeness to the face's middle in colour, where light changes little: hair, hats and paint fall out."""
    middle = colours[centre > 0.5] if (centre > 0.5).sum() > 50 else colours
    bright = np.log(np.maximum(colours @ _GREY, 0.02))
    middle_bright = np.log(np.maximum(middle @ _GREY, 0.02))
    tint = _tint(colours) - np.median(_tint(middle), axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(_tint(middle) - np.median(_tint(middle), axis=0)), axis=0), 0.06)
    darker = np.maximum(np.percentile(middle_bright, 10) - bright - 0.1, 0)
    return np.exp(-0.5 * ((tint / (2.5 * spread)) ** 2).sum(1)) * np.exp(-0.5 * (darker / 0.5) ** 2) + 1e-3


def _tint(colours: np.ndarray) -> np.ndarray:
    logs = np.log(np.maximum(colours, 0.02))
    return np.stack([logs[:, 0] - logs[:, 1], logs[:, 2] - logs[:, 1]], 1)


def _solve(rows: np.ndarray, colours: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """M (9, 3) with colours ~ rows @ M, and the final weights (n,): reweighted least squares (Geman & McClure 1985)."""
    weight = start
    for _ in range(_ROUNDS):
        level = np.maximum((weight[:, None] * colours).sum(0) / weight.sum(), 0.02)
        gram = (rows * weight[:, None]).T @ rows / weight.sum()
        right = (rows * weight[:, None]).T @ colours / weight.sum() / level  # in units of each channel's brightness
        usual = _USUAL_LIGHT / mean_shading(np.repeat(_USUAL_LIGHT[:, None], 3, 1))[0]
        grey = np.linalg.solve(gram + np.diag(_RIDGE), (right @ _GREY) + _RIDGE * usual)
        pull = _RIDGE + _COUPLING * (np.arange(9) > 0)
        prior = _RIDGE * usual + _COUPLING * (np.arange(9) > 0) * grey
        product = np.linalg.solve(gram + np.diag(pull), right + prior[:, None]) * level
        error = np.abs(rows @ product - colours).mean(1)
        scale = max(2.5 * float(np.median(error[start > 0.3]) if (start > 0.3).any() else np.median(error)), 0.03)
        weight = start / (1 + (error / scale) ** 2) ** 2
    return product, weight


def _split(product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Skin colour (3,) and light (9, 3) of M = albedo * light, by the priors above."""
    seen = np.log(np.maximum(mean_shading(product), 0.02))
    surprise = seen - np.log(_SKIN) - np.log(_LEVEL)
    bright = float(surprise @ _GREY)
    tint = surprise - bright
    to_skin = _SKIN_SD**2 / (_SKIN_SD**2 + _LEVEL_SD**2)
    tint_to_skin = _SKIN_TINT_SD**2 / (_SKIN_TINT_SD**2 + _LIGHT_TINT_SD**2)
    albedo = np.clip(np.exp(np.log(_SKIN) + to_skin * bright + tint_to_skin * tint), 0.04, 1.0)
    return albedo, product / albedo


def _hair(seen: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """A colour hair can have (3,): not lighter than the skin, and between blond and grey in tint; glasses look like brows."""
    red, green, blue = np.clip(seen, 0.03, skin)
    return np.array([np.clip(red, 0.95 * green, 2.2 * green), green, np.clip(blue, 0.35 * green, 1.15 * green)])


def _part(reflectance: np.ndarray, mask: np.ndarray, usual: np.ndarray, quantile: float) -> np.ndarray:
    """Colour (3,) of a part of the face, from its pixels over their shading; pulled to `usual` where few are seen."""
    count = int(mask.sum())
    if count == 0:
        return usual
    trust = count / (count + 12.0)
    seen = np.quantile(reflectance[mask], quantile, axis=0)
    return trust * seen + (1 - trust) * usual
