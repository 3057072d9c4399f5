"""Picture arithmetic around the network: quotient relighting, soft masks, one picture at several sizes."""
from __future__ import annotations

import numpy as np

from core.cv import cv2

_RATIO = (0.25, 4.0)  # how far a quotient may darken or brighten
_DARK = 0.08  # keeps quotients of dark shading tame
QUOTIENT_BLUR = 0.006  # of a quotient image, as a share of its side
_DARK_SKIN = 0.04  # albedo under this (pupils, nostrils) says nothing of the light
_TINT = 1.15  # how far a pixel's change of colour may leave the whole face's: in coloured shadows the fit knows little
_COLOURFUL = 0.25  # how much more colourful, as a logarithm, a light must be to be taken for a coloured lamp
_HALO = 0.4  # share of a brightening that goes on beside the head, where the matte may be wrong
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def smoothstep(t: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth between; float32."""
    t = np.clip(t, 0, 1).astype(np.float32)
    return t * t * (3 - 2 * t)


def to_model(picture: np.ndarray) -> np.ndarray:
    """(S, S, 3) on the scale 0..255 -> (3, S, S) float32 in [-1, 1]."""
    return np.ascontiguousarray(picture.astype(np.float32).transpose(2, 0, 1)) / 127.5 - 1.0


def from_model(picture: np.ndarray) -> np.ndarray:
    """(3, S, S) in about [-1, 1] -> (S, S, 3) float32 on the scale 0..255, not clipped."""
    return np.ascontiguousarray(picture.transpose(1, 2, 0), np.float32) * 127.5 + 127.5


def to_uint8(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) float on the scale 0..255 -> uint8, rounded half up as in spec section 7."""
    return np.floor(np.clip(picture + 0.5, 0, 255)).astype(np.uint8)


def to_uint16(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) float on the scale 0..255 -> uint16 0..65535, to the nearest."""
    return np.rint(np.clip(picture, 0, 255) * np.float32(257)).astype(np.uint16)


def resize(picture: np.ndarray, size: int) -> np.ndarray:
    """A square float picture at another side length: area average down, cubic up."""
    if picture.shape[0] == size:
        return picture
    method = cv2.INTER_AREA if size < picture.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(picture, (size, size), interpolation=method)


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


def quotient(target: np.ndarray, reference: np.ndarray, albedo: np.ndarray, coverage: np.ndarray, matte: np.ndarray,
             reach: float = 0.3) -> np.ndarray:
    """How much brighter each pixel gets when shading `reference` becomes `target` (quotient image, Shashua & Riklin-Raviv 2001).

    target, reference (S, S, 3) rendered pictures of one geometry and albedo (S, S, 3); coverage (S, S). What is compared is the
    shading alone, so that dark skin is relit as much as fair skin. Hair and shoulders follow the head next to them; outside the
    person's matte (S, S), and far from the head, the factors (S, S, 3) are 1.
    """
    if np.array_equal(target, reference):
        return np.ones_like(target)
    inner = cv2.erode(coverage.astype(np.float32), np.ones((3, 3), np.uint8))
    ratio = _shading_ratio(target, reference, albedo, inner) * inner[..., None]
    soft = cv2.GaussianBlur(extend(ratio, inner, 1.0, reach), (0, 0), QUOTIENT_BLUR * target.shape[0])
    beside = matte * (_HALO + (1 - _HALO) * cv2.GaussianBlur(coverage, (0, 0), 0.012 * target.shape[0]))
    share = np.where(soft > 1, beside[..., None], matte[..., None])
    return (1 + (soft - 1) * share).astype(np.float32)


def continued(factors: np.ndarray, matte: np.ndarray, edge: int, reach: float) -> np.ndarray:
    """Quotient factors of a crop (S, S, 3), carried on into the frame around it, (F, F, 3) with F = S + 2 * edge.

    matte (F, F): the person, whose body follows. Over the frame's width, times `reach`, they fade to 1; in the crop they are as
    they were.
    """
    size, frame = factors.shape[0], matte.shape[0]
    known, values = np.zeros((frame, frame), np.float32), np.ones((frame, frame, 3), np.float32)
    crop = np.s_[edge:edge + size, edge:edge + size]
    known[crop], values[crop] = matte[crop], factors
    beyond = extend(values, known, 1.0, max(reach, 0.05) * edge / frame)
    outside = np.maximum(np.abs(np.arange(frame) - (frame - 1) / 2) - (size - 1) / 2, 0) / (max(reach, 0.05) * edge)
    fade = smoothstep(1 - np.hypot(outside[:, None], outside[None]))[..., None]
    out = 1 + (beyond - 1) * matte[..., None] * fade
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


def relight(picture: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """A picture (S, S, 3) on the scale 0..255 times quotient factors, with a shoulder: brightened parts near white never clip."""
    value = np.clip(picture / np.float32(255), 0, 1)
    gain = np.maximum(factors - 1, 0)
    return (255 * value * factors / (1 + gain * value * value)).astype(np.float32)


def soft_mask(coverage: np.ndarray, grow: float = 0.06) -> np.ndarray:
    """(S, S) in [0, 1]: 1 on the covered part and a margin of `grow` * S around it, falling off smoothly outside."""
    side = coverage.shape[0]
    distance = cv2.distanceTransform((coverage < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / side
    return smoothstep(1 - (distance - grow / 2) / grow)
