"""How much brighter each pixel of a photo gets when the light changes: the quotient image (Shashua & Riklin-Raviv 2001).

The quotient of the head's shading in two lights, times the photo, is the photo in the other light. The mesh tells it exactly for
the face; ears, scalp and neck are never where the mesh has them, so there it counts smoothly, and hair, hats and shoulders, which
the mesh doesn't have, take it from the head next to them. Where the person ends is not decided here: see `core.matte_edge`.
"""
from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.codes import FaceCode
from core.compose import smoothstep
from core.cv import cv2
from core.head.base import HeadModel
from core.light import shade
from core.light_lamps import Lamp, facing, scaled
from core.motion_masks import INTERIOR, clean, kinds, soften
from core.render.buffers import Buffers, lamp_shading, render_buffers
from core.shadows import RAYS

_RATIO = (0.25, 4.0)  # how far a quotient may darken or brighten
_DARK = 0.08  # keeps quotients of dark shading tame
_BLUR, _BROAD = 0.006, 0.03  # of a quotient image, and of one that only counts smoothly, as shares of its side
_DARK_SKIN = 0.04  # albedo under this (pupils, nostrils) says nothing of the light
_TINT = 1.15  # how far a pixel's change of colour may leave the whole face's: in coloured shadows the fit knows little
_COLOURFUL = 0.25  # how much more colourful, as a logarithm, a light must be to be taken for a coloured lamp
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_EDGE_RATIO = (0.3, 2.5)  # how far an edge may darken or brighten what the blurred quotient left
_LIPS = 0.012  # width of the lips' edge beside the mouth, as a share of the side
_SHARP, _SOFT = 0.3, 0.5  # softness up to which a lamp's edges count in full, and from which it has none finer than the blur
_VAGUE = {"ears": 0.0, "scalp": 0.15, "neck": 0.5}  # how exactly the mesh has these parts; everything else it has right
_OUTLINE = 0.03  # how far inward the mesh's outline may be off, as a share of the side
_STEEP = (0.1, 0.4)  # normal's part toward the viewer up to which a pixel there is of the outline, and from which it isn't


def laid(factors: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Factors (S, S, 3) where they count by a share (S, S) in [0, 1]; 1 where that is 0."""
    return (1 + (factors - 1) * share[..., None]).astype(np.float32)


def quotient(target: np.ndarray, reference: np.ndarray, albedo: np.ndarray, coverage: np.ndarray, reach: float = 0.3,
             exact: np.ndarray | None = None) -> np.ndarray:
    """Factors (S, S, 3) float32 by which shading `reference` becomes `target`, on the head and, ever less, around it.

    target, reference (S, S, 3) rendered pictures of one geometry and albedo (S, S, 3); coverage (S, S). What is compared is the
    shading alone, so that dark skin is relit as much as fair skin. reach: distance from the head, as a share of S, over which
    they fade to 1. exact (S, S) in [0, 1]: where the geometry is right to the pixel (`exactness`); None: everywhere on the head.
    """
    if np.array_equal(target, reference):
        return np.ones_like(target)
    side = target.shape[0]
    inner = cv2.erode(coverage.astype(np.float32), np.ones((3, 3), np.uint8))
    ratio = _shading_ratio(target, reference, albedo, inner) * inner[..., None]
    if exact is None:
        return cv2.GaussianBlur(extend(ratio, inner, 1.0, reach), (0, 0), _BLUR * side).astype(np.float32)
    firm = inner * np.maximum(exact, 0.05)
    broad = cv2.GaussianBlur(ratio * firm[..., None], (0, 0), _BROAD * side)
    broad = broad / np.maximum(cv2.GaussianBlur(firm, (0, 0), _BROAD * side), 1e-4)[..., None]
    around = extend(broad * inner[..., None], inner, 1.0, reach)
    fine = cv2.GaussianBlur(ratio, (0, 0), _BLUR * side)
    fine = fine / np.maximum(cv2.GaussianBlur(inner, (0, 0), _BLUR * side), 1e-3)[..., None]
    return (around + (fine - around) * (exact * inner)[..., None]).astype(np.float32)


def exactness(head: HeadModel, buffers: Buffers) -> np.ndarray:
    """How exactly a fitted mesh has what a photo shows at each pixel (S, S) float32 in [0, 1], smooth: 1 on the face, less on
    ears, scalp and neck, and towards the head's outline."""
    if buffers.face_ids is None or buffers.bary is None:
        return buffers.coverage.astype(np.float32)
    corners = head.faces[np.maximum(buffers.face_ids, 0)]
    known = (_known(head)[corners] * buffers.bary).sum(-1) * buffers.coverage
    side = buffers.size
    inward = cv2.distanceTransform((buffers.coverage > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / (_OUTLINE * side)
    known *= np.maximum(smoothstep((buffers.normal[..., 2] - _STEEP[0]) / (_STEEP[1] - _STEEP[0])), smoothstep(inward - 0.3))
    width = 2 * round(0.01 * side) + 1  # so that it is gone where the head ends
    return cv2.GaussianBlur(cv2.erode(known.astype(np.float32), np.ones((width, width))), (0, 0), 0.01 * side)


@lru_cache(maxsize=2)
def _known(head: HeadModel) -> np.ndarray:
    """(V,) float32: how exactly each vertex is where a photo has it."""
    known = np.ones(int(head.faces.max()) + 1, np.float32)
    for name, value in _VAGUE.items():
        if name in head.regions:
            known *= 1 - (1 - value) * np.clip(np.asarray(head.regions[name], np.float32)[:len(known)], 0, 1)
    return known


def extend(values: np.ndarray, weight: np.ndarray, neutral: float, reach: float) -> np.ndarray:
    """Values known where weight is 1, carried smoothly outward and fading to `neutral`.

    values (S, S, C) float32, weight (S, S) in [0, 1], reach: distance of the fade as a share of S. A pyramid of normalised
    Gaussians: near the border the nearest values count, farther out ever wider averages.
    """
    side = values.shape[0]
    out = values * weight[..., None]
    known = weight.astype(np.float32).copy()
    for share in (0.01, 0.025, 0.06):
        sigma = share * side
        blurred = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma)
        mass = cv2.GaussianBlur(weight.astype(np.float32), (0, 0), sigma)
        fresh = np.clip(mass * 20, 0, 1) * (1 - known)
        out += (blurred / np.maximum(mass, 1e-4)[..., None]) * fresh[..., None]
        known += fresh
    distance = cv2.distanceTransform((weight < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / side
    fade = (smoothstep(1 - distance / reach) * np.clip(known, 0, 1))[..., None]
    return neutral + fade * (out / np.maximum(known, 1e-4)[..., None] - neutral)


def continued(factors: np.ndarray, matte: np.ndarray, edge: int, reach: float) -> np.ndarray:
    """Quotient factors of a crop (S, S, 3), carried on into the frame around it, (F, F, 3) with F = S + 2 * edge.

    matte (F, F): the person, whose factors are what goes on. Over the frame's width, times `reach`, they fade to 1; in the crop
    they are as they were.
    """
    size, frame = factors.shape[0], matte.shape[0]
    known, values = np.zeros((frame, frame), np.float32), np.ones((frame, frame, 3), np.float32)
    crop = np.s_[edge:edge + size, edge:edge + size]
    known[crop], values[crop] = matte[crop], factors
    beyond = extend(values, known, 1.0, max(reach, 0.05) * edge / frame)
    outside = np.maximum(np.abs(np.arange(frame) - (frame - 1) / 2) - (size - 1) / 2, 0) / (max(reach, 0.05) * edge)
    fade = smoothstep(1 - np.hypot(outside[:, None], outside[None]))[..., None]
    out = 1 + (beyond - 1) * fade
    out[crop] = factors
    return out


def _shading_ratio(target: np.ndarray, reference: np.ndarray, albedo: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """(S, S, 3) quotient of the shadings: each pixel's brightness, with a colour near the whole face's change of colour."""
    reflecting = np.maximum(albedo, _DARK_SKIN)
    after, before = np.maximum(target, 0) / reflecting + _DARK, np.maximum(reference, 0) / reflecting + _DARK
    bright = (after @ _LUMA) / (before @ _LUMA)
    seen = inner > 0
    if not seen.any():
        return np.ones_like(target)
    whole = after[seen].mean(0) / before[seen].mean(0)
    whole = whole / ((after[seen].mean(0) @ _LUMA) / (before[seen].mean(0) @ _LUMA))
    tint = _held(after / before / bright[..., None] / whole, _colour(after, seen), _colour(before, seen))
    return np.clip(bright[..., None] * whole * tint, *_RATIO)


def _colour(shading: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """How far each pixel's colour is from the whole face's, (S, S, 3): logarithm of its channels' shares, over theirs."""
    mean = shading[seen].mean(0)
    return np.log(shading / (shading @ _LUMA)[..., None] / (mean / (mean @ _LUMA)))


def _held(tint: np.ndarray, after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Changes of colour (S, S, 3) held to what they can be trusted: as far as the target's light is itself more colourful than
    the reference's, as under a red lamp and a blue one, and no more than `_TINT` beyond that.

    after, before: `_colour` of both.
    """
    beyond = np.maximum(np.abs(after) - np.abs(before) - _COLOURFUL, 0)
    if not beyond.any():
        return np.clip(tint, 1 / _TINT, _TINT)
    most = _TINT * np.exp(beyond)
    return np.clip(tint, 1 / most, most)


def lamp_edges(head: HeadModel, code: FaceCode, source: FaceCode, size: int, rasterizer: str = "numba",
               shadows: str = RAYS) -> np.ndarray:
    """What a blurred quotient lacks of the shading of a code's lamps: factors (size, size, 3) float32, 1 where it lacks nothing.

    source: the photo's own code, as in `core.render.buffers.posed_vertices`. The quotient of the two shadings, the lamps' as it
    is over the lamps' blurred as the quotient image is, where the mesh has the face exactly: hair has no such edges. shadows: how
    they are found.
    """
    shares = [float(np.clip((_SOFT - lamp.softness) / (_SOFT - _SHARP), 0, 1)) for lamp in code.lamps]
    sharp_lamps = tuple(part for lamp, share in zip(code.lamps, shares, strict=True) for part in scaled((lamp,), share))
    if not sharp_lamps:
        return np.ones((size, size, 3), np.float32)
    buffers = render_buffers(head, code.replace(lamps=()), size, rasterizer, recentre_from=source)
    cover, exact = cv2.erode(buffers.coverage, np.ones((3, 3), np.uint8)), exactness(head, buffers)
    sharp = lamp_shading(head, code.replace(lamps=sharp_lamps), buffers, source, shadows) * cover[..., None]
    sigma = _BLUR * size
    weight = np.maximum(cv2.GaussianBlur(cover, (0, 0), sigma), 1e-3)[..., None]
    blurred = cv2.GaussianBlur(sharp, (0, 0), sigma) / weight
    other = np.maximum(shade(buffers.normal, code.light), 0) + _DARK
    for lamp, share in zip(code.lamps, shares, strict=True):
        other += (1 - share) * _freely(lamp, buffers.normal)
    factors = np.clip((other + sharp) / (other + blurred), *_EDGE_RATIO)
    share = cover * exact * (1 - inside_mouth(head, buffers))
    return (1 + (factors - 1) * share[..., None]).astype(np.float32)


def inside_mouth(head: HeadModel, buffers: Buffers) -> np.ndarray:
    """Where (H, W) float32 buffers show what lies between the lips, soft; 0 for heads without a mouth's inside."""
    if buffers.face_ids is None:
        return np.zeros_like(buffers.coverage)
    from core.motion import surface_classes  # loads numba, which the window does without until it computes

    inside = kinds(buffers.face_ids, head.faces, surface_classes(head)) == INTERIOR
    return soften(clean(inside), buffers.size)


def even_in_mouth(factors: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Quotient factors (H, W, 3) that go on between the lips as they are around them.

    The mesh's lips shade all that is behind them, while teeth are wet, bright and lit through lips and cheeks: they change as the
    face around them does. inside (H, W): from `inside_mouth`.
    """
    if not inside.any():
        return factors
    wide = 2 * round(_LIPS * len(inside)) + 1  # the quotient is blurred: the lips' edge has some of the mouth's
    around = extend(factors, 1 - cv2.dilate((inside > 0.02).astype(np.float32), np.ones((wide, wide))), 1.0, 0.5)
    return (factors + (around - factors) * inside[..., None]).astype(np.float32)


def _freely(lamp: Lamp, normal: np.ndarray) -> np.ndarray:
    return facing(lamp, normal)[..., None] * np.array(lamp.light, np.float32)
