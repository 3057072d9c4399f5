"""Light and skin of a fitted face, together, by robust Gauss-Newton over its pixels (MAP; Blanz & Vetter 1999 in spirit).

In display RGB a pixel is a(x) * sum_k c_k B_k(N) L_k (spec section 3), where the skin a(x) is a mean plus principal components
with unit variances (`core.head.skin`). The product alone can't tell dark skin from dim light; priors do: the components' own
variances (dark skin has another tint and another contrast to lips and brows than fair skin in the shade), and a light that is
nearly colourless and of a usual level. Pixels that fit neither (hair, hats, glasses, cast shadows, and above all bright spots)
lose their weight. Several photos of one person share their skin.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.codes import FaceCode
from core.cv import cv2
from core.head.skin import CEILING, HAIR, decoded
from core.light import SH_CONSTANTS, lamp_lobe, mean_shading, sh_basis
from core.render.buffers import Buffers, render_buffers

if TYPE_CHECKING:
    from core.head.base import HeadModel
    from core.head.skin import SkinModel

_SIZE = 96
_PIXELS, _LEAST_PIXELS = 800, 160
_LEAST_FACING = 0.15
_ROUNDS = 4
_GREY = np.array([0.3, 0.5, 0.2])
_NOISE, _INDEPENDENT = 0.03, 12.0  # of a pixel, and how many pixels count as independent: errors of shape are broad
_EXPLAINED = 0.06  # error up to which a pixel counts as explained
_BRIGHTER = 0.85  # part of the usual tolerance that pixels brighter than the model get: highlights are bright

# Prior of the light, from photos that are not kept back: mean shading of a frontal face, coefficients in its unit, colour.
_LEVEL, _LEVEL_SD = 0.84, 0.11
_SHAPE_SLACK = 0.04
_LEVEL_TINT_SD, _SHAPE_TINT_SD = 0.04, 0.06
_FIRM = 2.0  # precision of all components but the tone: what is not skin hardly passes for skin
_FREE_LEVEL_SD, _FREE_TINT_SD = 0.6, 0.25  # of heads whose skin has no colour of its own to give


@dataclass(frozen=True, eq=False)
class LightFit:
    """What was found for one photo. code: with albedo and light. residual: mean absolute colour error over the skin,
    lips and brows that were used, each pixel by its weight, on the scale 0..1. explained: share of that area, with hair, glasses
    and cast shadows, that is within 0.06. Both are NaN, and the code is unchanged, where too little skin is in sight."""

    code: FaceCode
    residual: float
    explained: float


def estimate_light(head: HeadModel, code: FaceCode, crop: np.ndarray) -> LightFit:
    """Albedo and light (9, 3) fitted to a crop (S, S, 3) uint8, under the geometry of `code`.

    Heads without an albedo model of their own (`head.skin`) keep the code's albedo, and the light takes up the difference.
    """
    return estimate_light_album(head, [code], [crop])[0]


def estimate_light_album(head: HeadModel, codes: Sequence[FaceCode], crops: Sequence[np.ndarray]) -> list[LightFit]:
    """The same for several photos of one person: one skin for all, a light for each."""
    skin: SkinModel | None = getattr(head, "skin", None)
    views = [_View.of(head, skin, code, crop) for code, crop in zip(codes, crops, strict=True)]
    used = [view for view in views if view is not None]
    if not used:
        return [LightFit(code, float("nan"), float("nan")) for code in codes]
    components = _solve(used)
    hair = _hair(skin, components, used) if skin is not None else None
    return [LightFit(code, float("nan"), float("nan")) if view is None else view.result(code, components, hair)
            for code, view in zip(codes, views, strict=True)]


class _View:
    """One photo's pixels: colours (n, 3), basis (n, 9), coded skin (n, 3) and its components (3, n, K), first
    weights (n,)."""

    def __init__(self, colours: np.ndarray, basis: np.ndarray, mean: np.ndarray, modes: np.ndarray, start: np.ndarray,
                 scalp: tuple[np.ndarray, np.ndarray], fixed: bool) -> None:
        self.colours, self.basis, self.mean, self.modes, self.start, self.scalp = colours, basis, mean, modes, start, scalp
        self.fixed = fixed
        self.weight = start
        self.precision, self.pull = _prior(fixed)
        self.light = np.zeros((9, 3))

    @classmethod
    def of(cls, head: HeadModel, skin: SkinModel | None, code: FaceCode, crop: np.ndarray) -> _View | None:
        """None where too little skin is in sight."""
        image = cv2.resize(crop, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA).astype(np.float64) / 255
        buffers = render_buffers(head, code, _SIZE)
        assert buffers.face_ids is not None and buffers.bary is not None
        length = np.linalg.norm(buffers.normal, axis=2)
        facing = buffers.normal[..., 2] > _LEAST_FACING * np.maximum(length, 1e-6)
        place = np.flatnonzero(facing & (buffers.face_ids >= 0))
        table = _regions(head, buffers, place)
        bare, part, scalp, _ = table.T
        skin_like = np.flatnonzero((bare > 0.9) | (part > 0.6))
        if (bare > 0.9).sum() < _LEAST_PIXELS * (_SIZE / 128) ** 2:
            return None
        skin_like = skin_like[:: max(1, round(len(skin_like) / _PIXELS))]
        chosen, flat = place[skin_like], table[skin_like]
        normals = buffers.normal.reshape(-1, 3)[chosen].astype(np.float64)
        basis = sh_basis(normals / length.reshape(-1, 1)[chosen])
        colours = image.reshape(-1, 3)[chosen]
        start = np.where(flat[:, 0] > 0.9, _first_weights(colours, flat[:, 3], flat[:, 0]), 0.5)
        mean, modes = _at_pixels(head, skin, code, buffers, chosen)
        top = place[scalp > 0.8][::4]
        shown = buffers.normal.reshape(-1, 3)[top].astype(np.float64) / length.reshape(-1, 1)[top]
        return cls(colours, basis, mean, modes, start, (image.reshape(-1, 3)[top], sh_basis(shown)), skin is None)

    def skin(self, components: np.ndarray) -> np.ndarray:
        """Skin colours (n, 3)."""
        return self.mean if self.fixed else decoded(self.mean + (self.modes @ components).T)

    def reweigh(self, components: np.ndarray) -> None:
        """Weights by the error of the last solution (Geman & McClure 1985); bright outliers count as the worst."""
        signed = self.colours - self.skin(components) * (self.basis @ self.light)
        error = np.abs(signed).mean(1) / np.where(signed @ _GREY > 0, _BRIGHTER, 1.0)
        likely = error[self.start > 0.3]
        scale = max(2.0 * float(np.median(likely if len(likely) else error)), 0.035)
        self.weight = self.start / (1 + (error / scale) ** 2) ** 2

    def blocks(self, components: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Gauss-Newton blocks of components and light: H_aa, H_al, H_ll, g_a, g_l of this photo, with the light's prior."""
        skin, shade, k = self.skin(components), self.basis @ self.light, self.modes.shape[2]
        weight = (self.weight * (_INDEPENDENT / _NOISE**2 / self.weight.sum())).astype(np.float32)[:, None]
        error = (self.colours - skin * shade).T[..., None]
        slope = np.zeros_like(skin) if self.fixed else shade * skin * (1 - skin / CEILING)
        rows = np.empty((3, len(skin), k + 9), np.float32)
        np.multiply(self.modes, slope.T[..., None], out=rows[..., :k], casting="same_kind")
        np.multiply(self.basis, skin.T[..., None], out=rows[..., k:], casting="same_kind")
        held = (rows * weight).transpose(0, 2, 1)
        gram = np.matmul(held, rows).astype(np.float64)
        right = np.matmul(held, error.astype(np.float32))[..., 0].astype(np.float64)
        full, down = self.precision.copy(), self.pull - self.precision @ self.light.T.ravel()
        for c in range(3):
            full[9 * c:9 * c + 9, 9 * c:9 * c + 9] += gram[c, k:, k:]
        mixed = gram[:, :k, k:].transpose(1, 0, 2).reshape(k, 27)
        return gram[:, :k, :k].sum(0), mixed, full, right[:, :k].sum(0), down + right[:, k:].ravel()

    def result(self, code: FaceCode, components: np.ndarray, hair: np.ndarray | None) -> LightFit:
        """The fitted code and how well it explains the photo."""
        error = np.abs(self.colours - self.skin(components) * (self.basis @ self.light)).mean(1)
        fitted = code.replace(light=self.light)
        if hair is not None:
            fitted = fitted.replace(albedo=np.concatenate([components, hair]))
        return LightFit(fitted, float((error * self.weight).sum() / self.weight.sum()), float((error < _EXPLAINED).mean()))


def _solve(views: Sequence[_View]) -> np.ndarray:
    """Skin components (K,) of the views' person; each view's light is left in it. The lights are eliminated from each step."""
    components = np.zeros(views[0].modes.shape[2])
    firm = np.where(np.arange(len(components)) == 0, 1.0, _FIRM)
    for view in views:
        _start_light(view)
    if len(components):
        components[0] = _start_tone(views)
        for view in views:
            _start_light(view, components)
    for _ in range(_ROUNDS):
        total, force, parts = np.diag(firm), -firm * components, []
        for view in views:
            own, mixed, full, pull, down = view.blocks(components)
            solved = np.linalg.solve(full, np.column_stack([mixed.T, down]))
            total += own - mixed @ solved[:, :-1]
            force += pull - mixed @ solved[:, -1]
            parts.append(solved)
        step = np.linalg.solve(total, force)
        components = np.clip(components + step, -3.5, 3.5)
        for view, solved in zip(views, parts, strict=True):
            view.light = view.light + (solved[:, -1] - solved[:, :-1] @ step).reshape(3, 9).T
            view.reweigh(components)
    return components


def _start_light(view: _View, components: np.ndarray | None = None) -> None:
    """A first light for the mean skin, or for given components: linear, as the skin is held."""
    if components is None:
        components = np.zeros(view.modes.shape[2])
    view.light = np.zeros((9, 3))
    *_, full, _, down = view.blocks(components)
    view.light = np.linalg.solve(full, down).reshape(3, 9).T


def _start_tone(views: Sequence[_View]) -> float:
    """The first component (skin tone) that explains the middle colours best under the usual level of light."""
    tones = np.linspace(-2.5, 2.0, 10)
    cost = tones**2
    for view in views:
        good = view.start > 0.3
        colours = np.log(np.maximum(np.median(view.colours[good] if good.any() else view.colours, axis=0), 0.02))
        mean = np.median(view.mean, axis=0) + tones[:, None] * np.median(view.modes[:, :, 0], axis=1)
        gap = colours - np.log(_LEVEL * decoded(mean))
        level = gap @ _GREY
        cost = cost + (level / _LEVEL_SD) ** 2 + (((gap - level[:, None]) / 0.08) ** 2).sum(1)
    return float(tones[np.argmin(cost)])


@lru_cache(maxsize=2)
def _prior(fixed_skin: bool) -> tuple[np.ndarray, np.ndarray]:
    """Precision (27, 27) of the light, channel by channel, and precision times mean (27,)."""
    unit, (usual, covariance) = mean_shading(np.eye(9)), _lights()
    free = np.outer(usual, usual) * (_FREE_LEVEL_SD if fixed_skin else _LEVEL_SD) ** 2
    shape = np.linalg.inv(covariance + free)  # about a level of 1
    grey = np.kron(_GREY, np.eye(9))
    precision, pull = grey.T @ shape @ grey / _LEVEL**2, grey.T @ shape @ usual / _LEVEL
    for c in range(3):
        apart = np.kron(np.eye(3)[c] - _GREY, np.eye(9))
        tint = unit[None] @ apart / (_FREE_TINT_SD if fixed_skin else _LEVEL_TINT_SD)
        rest = apart[1:] / _SHAPE_TINT_SD
        precision += tint.T @ tint + rest.T @ rest
    return precision, pull


def _lights(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Mean (9,) and covariance (9, 9) of colourless lights that give a face a level of 1: a lamp in front or at a side, often
    above, a weaker one anywhere, and light from everywhere. So coefficients that no lamp gives together are unlikely together."""
    rng = np.random.default_rng(0)
    azimuth, elevation = rng.normal(0, 0.9, count), rng.normal(0.35, 0.45, count)
    flat = np.cos(elevation)
    key = np.stack([flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)], 1)
    fill = rng.normal(size=(count, 3))
    fill /= np.linalg.norm(fill, axis=1, keepdims=True)
    share = rng.uniform(0, 1, (count, 2)) * [1.0, 0.5]
    lights = np.stack([a * lamp_lobe(k) + b * lamp_lobe(f) for k, f, (a, b) in zip(key, fill, share, strict=True)])
    lights[:, 0] += rng.uniform(0.15, 0.8, count) / SH_CONSTANTS[0]
    lights /= (lights @ mean_shading(np.eye(9)))[:, None]
    return lights.mean(0), np.cov(lights.T) + np.diag(np.full(9, _SHAPE_SLACK**2))


def _regions(head: HeadModel, buffers: Buffers, place: np.ndarray) -> np.ndarray:
    """Weights (n, 4) of the surface seen at pixels (n,): bare skin, lips or brows, scalp, the face's middle."""
    assert buffers.face_ids is not None and buffers.bary is not None
    corners = head.faces[buffers.face_ids.ravel()[place]]
    return np.einsum("nkc,nk->nc", region_table(head)[corners], buffers.bary.reshape(-1, 3)[place])


@lru_cache(maxsize=2)
def region_table(head: HeadModel) -> np.ndarray:
    """Of a head's vertices (V, 4) float32: bare skin, lips or brows, scalp, the face's middle."""
    shown = {name: np.asarray(mask, np.float32) for name, mask in head.regions.items()}
    none = np.zeros_like(shown["skin"])
    bare = shown["skin"].copy()
    for name in ("lips", "lids", "brows", "scalp", "eyes", "mouth", "teeth", "lower_teeth", "tongue", "ears", "neck"):
        bare *= 1 - np.minimum(2 * shown.get(name, none), 1)
    mean = head.vertices_of(head.zero_code())
    # cheeks, nose and the space between the eyes: hardly ever behind hair, beard or glasses
    centre = (mean[:, 1] > -0.03) & (mean[:, 1] < 0.055) & (np.abs(mean[:, 0]) < 0.055) & (mean[:, 2] > 0.04)
    part = np.maximum(shown.get("lips", none), shown.get("brows", none))
    return np.stack([bare, part, shown.get("scalp", none), centre.astype(np.float32)], 1)


def _at_pixels(head: HeadModel, skin: SkinModel | None, code: FaceCode, buffers: Buffers,
               chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The model at pixels: coded mean (n, 3) and components (3, n, K); without a model the albedo itself, and none."""
    if skin is None:
        return buffers.albedo.reshape(-1, 3)[chosen].astype(np.float64), np.zeros((3, len(chosen), 0))
    assert buffers.face_ids is not None and buffers.bary is not None
    corners = head.faces[buffers.face_ids.ravel()[chosen]]
    share = buffers.bary.reshape(-1, 3)[chosen]
    table = skin.by_vertex[corners]
    mixed = np.matmul(share[:, None], table)[:, 0].reshape(len(chosen), 3, -1)
    return mixed[..., 0].astype(np.float64), np.ascontiguousarray(mixed[..., 1:].transpose(1, 0, 2))


def _first_weights(colours: np.ndarray, centre: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """Weights (n,) by likeness to the face's middle in colour, where light changes little: hair, hats and paint fall out."""
    inner = (centre > 0.5) & (bare > 0.9)
    middle = colours[inner] if inner.sum() > 30 else colours
    bright = np.log(np.maximum(colours @ _GREY, 0.02))
    middle_bright = np.log(np.maximum(middle @ _GREY, 0.02))
    usual = np.median(_tint(middle), axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(_tint(middle) - usual), axis=0), 0.06)
    darker = np.maximum(np.percentile(middle_bright, 10) - bright - 0.1, 0)
    return np.exp(-0.5 * (((_tint(colours) - usual) / (2.5 * spread)) ** 2).sum(1)) * np.exp(-0.5 * (darker / 0.5) ** 2) + 1e-3


def _tint(colours: np.ndarray) -> np.ndarray:
    logs = np.log(np.maximum(colours, 0.02))
    return np.stack([logs[:, 0] - logs[:, 1], logs[:, 2] - logs[:, 1]], 1)


def _hair(skin: SkinModel, components: np.ndarray, views: Sequence[_View]) -> np.ndarray:
    """Hair RGB (3,) from the scalp in sight over its shading, pulled to the usual hair where little is seen."""
    usual = skin.default[-HAIR:].astype(np.float64)
    seen = np.concatenate([colours / np.maximum(basis @ view.light, 0.25) for view in views for colours, basis in [view.scalp]])
    trust = len(seen) / (len(seen) + 30.0)
    middle = np.median(seen, axis=0) if len(seen) else usual
    return np.clip(trust * middle + (1 - trust) * usual, 0.03, 0.9)


